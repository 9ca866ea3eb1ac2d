//! Threads and the operators on them: how a program is put to work, and how operators join it later.
//!
//! A *berth* is a place on a thread, made before an update is committed: that a poll or a thread cannot be had is found out while
//! nothing is changed. Its thread waits for the operator; if none comes, for the update was refused after all, it ends. A thread lasts as
//! long as somebody holds a berth on it: an operator that is there, or one that is to come.

use crate::engine::activation::{Activation, Body, Progress, Rules, Slot};
use crate::engine::arc::{Receiver, Sender, arc};
use crate::engine::control::{Control, Ledger};
use crate::engine::gate::Gate;
use crate::engine::mailbox::{Letter, mailbox};
use crate::engine::outlet::Outlet;
use crate::engine::placement::{Home, Placement};
use crate::engine::signal::{Bell, Signal};
use crate::engine::tracer::{Known, TraceFile, Tracer};
use crate::engine::worker::Worker;
use crate::function::{Registry, Runnable};
use mio::Poll;
use neurath_model::component::Component;
use neurath_model::graph::Node;
use neurath_model::id::{ArcId, OperatorId};
use neurath_model::program::{Feed, Program};
use neurath_model::protocol::Operator;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::thread::JoinHandle;

/// A place on a thread.
#[derive(Clone)]
pub(crate) struct Berth(Arc<Thread>);

/// A thread, as those see it who go there. It ends when nobody does any more.
struct Thread {
    newcomers: mpsc::Sender<Box<Activation>>,
    signal: Arc<Signal>,
}

impl Berth {
    /// A bell for whoever comes here.
    pub(crate) fn bell(&self) -> Arc<Bell> {
        Bell::new(&self.0.signal)
    }

    /// Sends an operator there. A thread that has failed takes nobody in; that is reported where it matters.
    pub(crate) fn board(self, mut activation: Box<Activation>) {
        let thread = self.0.clone();
        activation.berth = self;
        let _ = thread.newcomers.send(activation);
        thread.signal.notify();
    }
}

/// An operator to be put to work.
pub(crate) struct Recruit {
    pub(crate) at: OperatorId,
    pub(crate) function: Box<dyn Runnable>,
    pub(crate) component: Arc<Component>,
    pub(crate) berth: Berth,
}

/// Everything that makes activations of operators.
pub(crate) struct Crew {
    placement: Placement,
    control: Arc<Control>,
    registry: Arc<Registry>,
    trace: Option<TraceFile>,
    known: Known,
    capacity: usize,
    gate: Option<Arc<Gate>>,
    /// Threads that operators share, by name.
    shared: Mutex<BTreeMap<String, Weak<Thread>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Crew {
    pub(crate) fn new(
        placement: Placement,
        control: Arc<Control>,
        registry: Arc<Registry>,
        (trace, known): (Option<TraceFile>, Known),
        (capacity, gate): (usize, Option<Arc<Gate>>),
    ) -> Self {
        let (shared, threads) = (Mutex::default(), Mutex::default());
        Self { placement, control, registry, trace, known, capacity, gate, shared, threads }
    }

    /// A place for an operator.
    pub(crate) fn berth(&self, node: &Node) -> io::Result<Berth> {
        match self.placement.home(node) {
            Home::Own => self.start_thread(),
            Home::Shared(name) => {
                let mut shared = self.shared.lock().expect("not poisoned");
                if let Some(thread) = shared.get(&name).and_then(Weak::upgrade) {
                    return Ok(Berth(thread));
                }
                let berth = self.start_thread()?;
                shared.retain(|_, thread| thread.strong_count() > 0);
                shared.insert(name, Arc::downgrade(&berth.0));
                Ok(berth)
            }
        }
    }

    /// A place for an operator that an update changes, if it is another than the one it has.
    pub(crate) fn berth_of_changed(&self, before: &Node, after: &Node) -> io::Result<Option<Berth>> {
        self.moves(before, after).then(|| self.berth(after)).transpose()
    }

    /// Whether a change of an operator gives it another place.
    pub(crate) fn moves(&self, before: &Node, after: &Node) -> bool {
        self.placement.home(before) != self.placement.home(after)
    }

    fn start_thread(&self) -> io::Result<Berth> {
        let poll = Poll::new()?;
        let signal = Arc::new(Signal::new(&poll)?);
        let (newcomers, welcome) = mpsc::channel();
        let worker = Worker::new(poll, signal.clone(), welcome, self.control.clone());
        let (control, own) = (self.control.clone(), signal.clone());
        control.add_signal(signal.clone());
        let spawned = std::thread::Builder::new().name("neurath-worker".into()).spawn(move || {
            run(worker, &control);
            control.remove_signal(&own);
        });
        let mut threads = self.threads.lock().expect("not poisoned");
        threads.retain(|thread| !thread.is_finished());
        threads.push(spawned?);
        Ok(Berth(Arc::new(Thread { newcomers, signal })))
    }

    /// Puts operators to work. Those are all that an update brings in, or all of the program at its start; arcs that lead from
    /// them to others are sent there, to be attached in their time.
    pub(crate) fn launch(&self, ledger: &mut Ledger, recruits: Vec<Recruit>) {
        let bells: BTreeMap<OperatorId, Arc<Bell>> = recruits.iter().map(|r| (r.at, r.berth.bell())).collect();
        let mut ends = self.arcs(&ledger.program, &bells);
        let mut ready = Vec::new();
        for recruit in recruits {
            let bell = bells[&recruit.at].clone();
            let (address, letters) = mailbox(bell.clone());
            ledger.directory.insert(recruit.at, address);
            let inputs = ledger.program.operator(recruit.at).inputs.iter().map(|feed| match feed {
                Feed::Arc(arc) => Slot::Arc(ends.1.remove(arc).expect("an arc has one consumer")),
                Feed::Expects(arc) => Slot::Expects(*arc),
                Feed::Vacant => Slot::Vacant,
            });
            let inputs = inputs.collect();
            let outputs = ledger.program.operator(recruit.at).outputs.iter();
            let outputs = outputs.map(|arc| ends.0.remove(arc).expect("an arc has one producer")).collect();
            let Recruit { at, function, component, berth } = recruit;
            let (ends, runs) = ((inputs, outputs), (function, component));
            let activation = self.activation(ledger, at, ends, runs, letters, (bell, berth.clone()));
            ready.push((berth, activation));
        }
        for (arc, receiver) in ends.1 {
            ledger.send(ledger.program.arc(arc).to.operator, Letter::Arc(arc, receiver));
        }
        for (berth, activation) in ready {
            berth.board(Box::new(activation));
        }
    }

    /// Both ends of every arc that leaves these operators.
    fn arcs(
        &self,
        program: &Program,
        bells: &BTreeMap<OperatorId, Arc<Bell>>,
    ) -> (BTreeMap<ArcId, Sender>, BTreeMap<ArcId, Receiver>) {
        let (mut senders, mut receivers) = (BTreeMap::new(), BTreeMap::new());
        for (at, producer) in bells {
            for id in &program.operator(*at).outputs {
                let to = program.arc(*id).to;
                let capacity = (!program.is_feedback(to)).then_some(self.capacity);
                let consumer = bells.get(&to.operator).unwrap_or(producer);
                let (sender, receiver) = arc(capacity, producer.clone(), consumer.clone());
                senders.insert(*id, sender);
                receivers.insert(*id, receiver);
            }
        }
        (senders, receivers)
    }

    fn activation(
        &self,
        ledger: &Ledger,
        at: OperatorId,
        (inputs, outputs): (Vec<Slot>, Vec<Sender>),
        (function, component): (Box<dyn Runnable>, Arc<Component>),
        mailbox: crate::engine::mailbox::Mailbox,
        (bell, berth): (Arc<Bell>, Berth),
    ) -> Activation {
        let operator = ledger.program.operator(at);
        let vacant = operator.inputs.iter().enumerate().filter(|(_, feed)| !matches!(feed, Feed::Arc(_)));
        let vacant = vacant.map(|(port, _)| neurath_model::id::PortIndex(port as u8)).collect();
        let born = Operator::born(operator.born, vacant, operator.inherits);
        if let Some(gate) = &self.gate {
            gate.introduce(at, bell.clone());
        }
        Activation {
            at,
            interface: operator.interface.clone(),
            inputs,
            outlet: Outlet::onto(outputs),
            body: Body::Function(function, Rules::of(&component)),
            mailbox,
            control: self.control.clone(),
            registry: self.registry.clone(),
            capacity: self.capacity,
            tracer: self.trace.clone().map(|file| Tracer::new(file, self.known.clone(), at)),
            gate: self.gate.clone(),
            token_base: bell.seat() << Worker::TOKEN_SHIFT,
            bell,
            berth,
            moves_to: None,
            progress: Progress::of(if operator.stopped { born.stopped() } else { born }),
        }
    }

    /// How operators are placed.
    pub(crate) fn placement(&self) -> Placement {
        self.placement
    }

    /// How many threads run operators.
    pub(crate) fn threads(&self) -> usize {
        let mut threads = self.threads.lock().expect("not poisoned");
        threads.retain(|thread| !thread.is_finished());
        threads.len()
    }

    /// Waits until every thread has ended.
    pub(crate) fn join(&self) {
        let threads: Vec<JoinHandle<()>> = self.threads.lock().expect("not poisoned").drain(..).collect();
        for thread in threads {
            thread.join().expect("panics of functions are caught inside");
        }
    }
}

/// Runs a worker; a panic of a function is noted, not passed on.
fn run(worker: Worker, control: &Control) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| worker.run()));
    let failure = match result {
        Ok(Ok(())) => return,
        Ok(Err(e)) => format!("waiting for I/O failed: {e}"),
        Err(panic) => format!("a function panicked: {}", panic_text(&*panic)),
    };
    control.fail(failure);
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text")
}
