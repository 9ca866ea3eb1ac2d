//! The pipeline as a flow that cannot be updated: the same functions, arcs, bells and runs on one thread, and no protocol. What the other
//! one costs more is the price of being changeable.

use super::functions::{Count, Counted, Pass, Take};
use super::{CAPACITY, Pipeline};
use crate::engine::activation::Turned;
use crate::engine::arc::{Receiver, arc};
use crate::engine::outlet::Outlet;
use crate::engine::signal::{Bell, Signal};
use crate::engine::worker::Worker;
use crate::function::{Context, Out, Run, Runnable};
use mio::{Events, Poll, Registry};
use neurath_model::id::{Lineage, OperatorId, PortIndex, UpdateId};
use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::time::Duration;

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
    function: Box<dyn Runnable>,
    bell: Arc<Bell>,
    again: bool,
    begun: u64,
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
    let functions = std::iter::once(Box::new(Count::default()) as Box<dyn Runnable>)
        .chain((0..length).map(|_| Box::new(Pass(work)) as Box<dyn Runnable>))
        .chain([Box::new(sink) as Box<dyn Runnable>]);
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
        });
    }
    Seated { operators, signal, poll }
}

fn turns(mut seated: Seated, stopped: &mpsc::Receiver<()>) {
    let mut line = Line { seats: VecDeque::new(), is_in: vec![false; seated.operators.len()] };
    line.join(0);
    let (mut events, mut steps) = (Events::with_capacity(1024), 0);
    seated.signal.settle_here();
    for operator in &seated.operators {
        operator.input.iter().for_each(Receiver::arrives);
        operator.outlet.arrives();
    }
    while stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
        if steps >= Worker::STEPS_PER_LOOK {
            // There is no socket here, but a flow that cannot be updated may have some, too.
            seated.poll.poll(&mut events, Some(Duration::ZERO)).expect("a poll of our own can be asked");
            steps = 0;
        }
        for _ in 0..line.seats.len() {
            let seat = line.next();
            let turned = seated.operators[seat].turn(seated.poll.registry());
            steps += turned.steps.max(1);
            if turned.goes_on {
                line.join(seat);
            }
        }
        seated.signal.gather(|seat| line.join(seat));
    }
}

/// Whose turn it is.
struct Line {
    seats: VecDeque<usize>,
    is_in: Vec<bool>,
}

impl Line {
    fn join(&mut self, seat: usize) {
        if !std::mem::replace(&mut self.is_in[seat], true) {
            self.seats.push_back(seat);
        }
    }

    fn next(&mut self) -> usize {
        let seat = self.seats.pop_front().expect("somebody stands in line");
        self.is_in[seat] = false;
        seat
    }
}

impl Fixed {
    fn turn(&mut self, poll: &Registry) -> Turned {
        self.bell.hush();
        let mut steps = 0;
        if self.outlet.flush() {
            if self.again {
                self.wake(poll);
                steps += 1;
            }
            steps += self.fire(poll);
        }
        self.outlet.tell();
        Turned { steps, goes_on: self.outlet.is_clear() && (self.again || steps >= QUANTUM) }
    }

    fn wake(&mut self, poll: &Registry) {
        self.again = false;
        self.outlet.make_ready();
        let first = Lineage::new(OperatorId(0), self.begun);
        let out = Out::Direct { outlet: &mut self.outlet, lineage: first, step: 1 };
        let mut cx = Context { out, again: &mut self.again, version: UpdateId::NONE, poll, token_base: 0 };
        self.function.wake(&[], &mut cx);
        self.begun += cx.begun_since(first);
    }

    fn fire(&mut self, poll: &Registry) -> usize {
        let Some(from) = &mut self.input else { return 0 };
        let (run, room) = (from.run().unwrap_or(0).min(QUANTUM), self.outlet.make_ready());
        let most = if room > 0 { run.min(room) } else { run };
        let out = Out::Direct { outlet: &mut self.outlet, lineage: Lineage::new(OperatorId(0), 0), step: 0 };
        let mut cx = Context { out, again: &mut self.again, version: UpdateId::NONE, poll, token_base: 0 };
        self.function.fire_run(Run { port: PORT, from, most, has_room: room > 0, begins: None }, &mut cx)
    }
}
