//! The pipeline as a flow that cannot be updated: the same functions, arcs, bells and runs on one thread, and no protocol. What the other
//! one costs more is the price of being changeable.

use super::functions::{Count, Counted, Pass, Take};
use super::{CAPACITY, Pipeline};
use crate::engine::arc::{Receiver, arc};
use crate::engine::outlet::Outlet;
use crate::engine::signal::{Bell, Signal};
use crate::function::{Context, Done, Function, Out};
use mio::{Poll, Registry};
use neurath_model::id::{Lineage, OperatorId, PortIndex, UpdateId};
use std::collections::VecDeque;
use std::sync::{Arc, mpsc};

const PORT: PortIndex = PortIndex(0);
/// As long as an operator's turn in the runtime.
const QUANTUM: usize = CAPACITY;

/// Nanoseconds of CPU time per packet.
pub(super) fn run(pipeline: Pipeline, counted: Counted) -> f64 {
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let worker = std::thread::spawn(move || turns(operators(pipeline, Take::new(counted, tell)), &stopped));
    let spent = told.recv().expect("the sink tells");
    drop(stop);
    worker.join().expect("no function panics");
    spent
}

/// An operator whose function never changes.
struct Fixed {
    input: Option<Receiver>,
    outlet: Outlet,
    function: Box<dyn Function>,
    bell: Arc<Bell>,
    again: bool,
    begun: u64,
    done: Vec<Done>,
}

struct Seated {
    operators: Vec<Fixed>,
    signal: Arc<Signal>,
    poll: Poll,
}

fn operators(Pipeline { length, work }: Pipeline, sink: Take) -> Seated {
    let poll = Poll::new().expect("a poll can be had");
    let signal = Arc::new(Signal::new(&poll).expect("a waker can be had"));
    let bells: Vec<Arc<Bell>> = (0..length + 2).map(|_| Bell::new(&signal)).collect();
    let functions = std::iter::once(Box::new(Count::default()) as Box<dyn Function>)
        .chain((0..length).map(|_| Box::new(Pass(work)) as Box<dyn Function>))
        .chain([Box::new(sink) as Box<dyn Function>]);
    let mut input = None;
    let mut operators = Vec::new();
    for (i, function) in functions.enumerate() {
        let ends = bells.get(i + 1).map(|next| arc(Some(CAPACITY), bells[i].clone(), next.clone()));
        let (sender, receiver) = ends.unzip();
        operators.push(Fixed {
            input: std::mem::replace(&mut input, receiver),
            outlet: Outlet::onto(sender.into_iter().collect()),
            function,
            bell: bells[i].clone(),
            again: i == 0,
            begun: 0,
            done: Vec::new(),
        });
    }
    Seated { operators, signal, poll }
}

fn turns(mut seated: Seated, stopped: &mpsc::Receiver<()>) {
    let mut ready = VecDeque::from([0]);
    seated.signal.settle_here();
    for operator in &seated.operators {
        operator.input.iter().for_each(Receiver::arrives);
        operator.outlet.arrives();
    }
    while stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
        for _ in 0..ready.len() {
            let seat = ready.pop_front().expect("counted");
            if seated.operators[seat].turn(seated.poll.registry()) {
                ready.push_back(seat);
            }
        }
        seated.signal.gather(|seat| {
            if !ready.contains(&seat) {
                ready.push_back(seat);
            }
        });
    }
}

impl Fixed {
    /// Says whether it could go on.
    fn turn(&mut self, poll: &Registry) -> bool {
        self.bell.hush();
        let mut fired = 0;
        if self.outlet.flush() {
            if self.again {
                self.wake(poll);
            }
            fired = self.fire(poll);
        }
        self.outlet.tell();
        self.outlet.is_clear() && (self.again || fired == QUANTUM)
    }

    fn wake(&mut self, poll: &Registry) {
        self.again = false;
        let out = Out::Noted { done: &mut self.done, room: self.outlet.room(), lineage: None };
        let mut cx = Context { out, again: &mut self.again, version: UpdateId::NONE, poll, token_base: 0 };
        self.function.wake(&[], &mut cx);
        for done in self.done.drain(..) {
            let Done::Emit(port, packet) = done else { unreachable!("nothing is held here") };
            self.outlet.emit(port, Lineage::new(OperatorId(0), self.begun), packet);
            self.begun += 1;
        }
    }

    fn fire(&mut self, poll: &Registry) -> usize {
        let Some(input) = &mut self.input else { return 0 };
        let run = input.run().min(QUANTUM);
        let out = Out::Direct { outlet: &mut self.outlet, lineage: Lineage::new(OperatorId(0), 0) };
        let mut cx = Context { out, again: &mut self.again, version: UpdateId::NONE, poll, token_base: 0 };
        input.take_run(run, |lineage, packet| {
            cx.goes_on_in(lineage);
            self.function.fire(PORT, packet, &mut cx);
            cx.is_clear()
        })
    }
}
