//! An operator that runs: the protocol, its function, its ports.
//!
//! ```text
//!   run: outputs in? -> wake due? -> a port in turn -> protocol::Operator::step -> effects -> function -> outputs
//!                                        |  packets only                                      ^
//!                                        +--------------- a run of them --------------------+
//! ```
//!
//! Whose turn it is is in [`turns`], what a turn does is here, runs of packets are in [`runs`], what the protocol then asks for in
//! [`effects`], and calls of the function in [`calls`].
//!
//! It does what the checker's world does, with functions in place of declared behaviour. Whatever a function did is
//! noted as the [`Choice`] that the checker would have made, and goes into the trace.

mod calls;
mod effects;
mod runs;
mod turns;

use crate::engine::arc::{Item, Receiver};
use crate::engine::carried::Carried;
use crate::engine::control::Control;
use crate::engine::crew::Berth;
use crate::engine::gate::Gate;
use crate::engine::mailbox::Mailbox;
use crate::engine::outlet::Outlet;
use crate::engine::signal::Bell;
use crate::engine::tracer::Tracer;
use crate::engine::worker::Worker;
use crate::function::{Done, Readiness, Registry, Runnable};
use crate::packet::Packet;
use mio::Registry as Poll;
use neurath_model::choice::{Choice, Emits};
use neurath_model::component::{Component, Emission, Wake};
use neurath_model::id::{ArcId, Lineage, OperatorId, PortIndex, PortSet};
use neurath_model::marker::{Mail, Marker};
use neurath_model::protocol::{Event, Head, Interface, Operator};
use runs::Next;
use std::sync::Arc;

/// What an operator runs.
pub(crate) enum Body {
    /// A function.
    Function(Box<dyn Runnable>, Rules),
    /// Nothing any more: its state was handed over, or it has left.
    Gone(Rules),
}

/// What stands at an input port.
pub(crate) enum Slot {
    /// An arc.
    Arc(Receiver),
    /// Nothing yet: this arc is to come.
    Expects(ArcId),
    /// Nothing.
    Vacant,
}

impl Slot {
    fn head(&mut self) -> Head {
        match self {
            Self::Arc(receiver) => receiver.head(),
            Self::Expects(_) | Self::Vacant => Head::Empty,
        }
    }

    fn take(&mut self) -> Item {
        match self {
            Self::Arc(receiver) => receiver.take(),
            Self::Expects(_) | Self::Vacant => unreachable!("nothing stands where no arc is"),
        }
    }

    /// Whether the marker at the head may be taken already.
    fn gives_marker(&self, operator: &Operator, interface: &Interface, at: OperatorId, port: PortIndex) -> bool {
        let Self::Arc(receiver) = self else { return false };
        let carried = receiver.marker().expect("a marker stands at the head");
        operator.takes_marker(interface, &carried.deployment.orders_at(interface, at, port))
    }

    fn has_ended(&self) -> bool {
        match self {
            Self::Arc(receiver) => receiver.has_ended(),
            Self::Expects(_) => false,
            Self::Vacant => true,
        }
    }
}

/// What the activation must know of its function's component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    emission: Emission,
    wake: Wake,
    outputs: usize,
    absorbs: PortSet,
    blocking: bool,
}

impl Rules {
    pub(crate) fn of(component: &Component) -> Self {
        let absorbs = component.inputs.iter().enumerate().filter(|(_, input)| input.absorbs);
        Self {
            emission: component.emission,
            wake: component.wake,
            outputs: component.outputs.len(),
            absorbs: absorbs.map(|(port, _)| PortIndex(port as u8)).collect(),
            blocking: component.blocking,
        }
    }
}

/// An operator that runs.
pub(crate) struct Activation {
    pub(crate) at: OperatorId,
    pub(crate) interface: Interface,
    pub(crate) inputs: Vec<Slot>,
    pub(crate) outlet: Outlet,
    pub(crate) body: Body,
    pub(crate) mailbox: Mailbox,
    pub(crate) bell: Arc<Bell>,
    /// Its place on its thread, which lasts as long as it is held.
    pub(crate) berth: Berth,
    /// Where it goes on when its turn is over, if not here.
    pub(crate) moves_to: Option<Berth>,
    pub(crate) control: Arc<Control>,
    pub(crate) registry: Arc<Registry>,
    /// How many packets an arc holds, but for feedback.
    pub(crate) capacity: usize,
    pub(crate) tracer: Option<Tracer>,
    /// What says when it takes which step, if it is not free.
    pub(crate) gate: Option<Arc<Gate>>,
    pub(crate) token_base: usize,
    pub(crate) progress: Progress,
}

/// How far an operator has come.
#[derive(Default)]
pub(crate) struct Progress {
    operator: Operator,
    /// Packets held as open work.
    held: usize,
    /// Lineages begun.
    begun: u64,
    ready: Vec<Readiness>,
    again: bool,
    /// Whether the wake that it asked for waits until there is room for what it may emit.
    awaits_room: bool,
    started: bool,
    /// Whether the last step was a wake.
    woke: bool,
    next_port: PortIndex,
    /// Where it fires freely, if that was asked since its last step.
    free: Option<PortSet>,
    /// What the function did in the call under way.
    done: Vec<Done>,
    /// Updates whose join is under way here.
    carried: Vec<Arc<Carried>>,
    over: bool,
}

impl Progress {
    /// Before the first step.
    pub(crate) fn of(operator: Operator) -> Self {
        Self { operator, ..Self::default() }
    }
}

/// What came of an operator's turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turned {
    /// How many steps it took.
    pub(crate) steps: usize,
    /// Whether it could take another, for all that it knows. If not, its bell will be rung.
    pub(crate) goes_on: bool,
}

/// What a step is about.
#[derive(Clone, Copy)]
enum Turn {
    Wake,
    Mail(usize),
    Attach(PortIndex),
    Read(Pick),
}

/// What is read next.
#[derive(Clone, Copy)]
enum Pick {
    Port(PortIndex),
    Tuple,
}

impl Activation {
    /// Whether it has taken its last step: it has ended, and every arc into it is read to its end.
    pub(crate) fn is_over(&self) -> bool {
        self.progress.over
    }

    /// Something that it watches became ready.
    pub(crate) fn became_ready(&mut self, readiness: Readiness) {
        if !self.progress.operator.is_closed() {
            self.progress.ready.push(readiness);
        }
    }

    /// Has its turn: takes up to `quantum` steps, or one if a step may take long. What came of it is told when it is over.
    pub(crate) fn run(&mut self, poll: &Poll, quantum: usize) -> Turned {
        let quantum = if self.rules().blocking { 1 } else { quantum };
        self.bell.hush();
        self.mailbox.open();
        self.progress.awaits_room = self.progress.again && self.outlet.awaits_room();
        let (mut steps, mut goes_on, mut is_full) = (0, true, false);
        // Where there is no room for what it emitted, its bell is rung when there is.
        while self.outlet.flush() && goes_on && !is_full && steps < quantum {
            let taken = if self.moves_to.is_none() { self.go_on(poll, quantum - steps) } else { 0 };
            goes_on = taken > 0;
            steps += taken;
            // Before it emits more than fits, whoever reads what it emitted has a turn.
            is_full = self.outlet.is_full();
        }
        self.outlet.tell();
        Turned { steps, goes_on: goes_on && self.outlet.is_clear() && !self.is_over() }
    }

    /// Takes up to so many steps; says how many.
    fn go_on(&mut self, poll: &Poll, most: usize) -> usize {
        match self.look() {
            Next::Run(port, run) => self.fire_on_a_run(port, run.min(most), poll),
            Next::Nothing => 0,
            Next::Step => usize::from(self.step(poll)),
        }
    }

    /// It is on this thread from now on, and so are its ends of arcs.
    pub(crate) fn arrives(&self) {
        for slot in &self.inputs {
            if let Slot::Arc(receiver) = slot {
                receiver.arrives();
            }
        }
        self.outlet.arrives();
    }

    /// Leaves its thread for another. Everybody who calls it is told of its new bell; what they did before that is seen there in its first
    /// turn.
    pub(crate) fn move_to(mut self: Box<Self>, berth: Berth) {
        self.bell = berth.bell();
        self.token_base = self.bell.seat() << Worker::TOKEN_SHIFT;
        for slot in &self.inputs {
            if let Slot::Arc(receiver) = slot {
                receiver.read_by(self.bell.clone());
            }
        }
        self.outlet.moved(&self.bell);
        self.control.moved(self.at, &self.bell);
        if let Some(gate) = &self.gate {
            gate.introduce(self.at, self.bell.clone());
        }
        // Told of by the poll that is left behind.
        self.progress.ready.clear();
        berth.board(self);
    }

    fn fire(&mut self, port: PortIndex, (taken, packet): (Lineage, Packet), poll: &Poll) {
        let lineage = self.lineage_of_firing(port, taken);
        self.call(poll, Some(lineage), |function, cx| function.fire(port, packet, cx));
        let emits = if self.rules().absorbs.contains(port) { Emits::new() } else { self.hold_and_emit(lineage) };
        self.note(&Choice::Fire { at: self.at, port, emits }, &[taken]);
        self.let_go();
    }

    /// Takes a packet that may go nowhere, for the operator may have ended.
    fn take_one(&mut self, port: PortIndex, poll: &Poll) {
        let (taken, packet) = self.take_packet(port);
        if self.invokes(Event::Packet { port }) {
            return self.fire(port, (taken, packet), poll);
        }
        self.note(&Choice::Fire { at: self.at, port, emits: Emits::new() }, &[taken]);
    }

    /// A lineage ends on a feedback arc, so a firing on what came over one begins another; but for a source, which
    /// begins one with what it lets go.
    fn lineage_of_firing(&mut self, port: PortIndex, taken: Lineage) -> Lineage {
        if self.begins_at(port) { self.begin() } else { taken }
    }

    fn begins_at(&self, port: PortIndex) -> bool {
        self.interface.feedback.contains(port) && self.rules().wake != Wake::Source
    }

    fn join(&mut self, poll: &Poll) {
        let ports = self.interface.inputs;
        let (lineages, packets): (Vec<Lineage>, Vec<Packet>) = ports.iter().map(|port| self.take_packet(port)).unzip();
        assert!(self.invokes(Event::Tuple), "a join is read only while its operator runs");
        self.call(poll, Some(lineages[0]), |function, cx| function.fire_all(packets, cx));
        let emits = self.hold_and_emit(lineages[0]);
        self.note(&Choice::Join { at: self.at, emits }, &lineages);
        self.let_go();
    }

    fn mark(&mut self, port: PortIndex, poll: &Poll) {
        let Item::Marker(carried) = self.inputs[usize::from(port.0)].take() else {
            unreachable!("a marker stands at the head")
        };
        let marker = carried.marker;
        let orders = carried.deployment.orders_at(&self.interface, self.at, port);
        self.keep(carried);
        self.react(Event::Marker { port, marker, orders }, poll);
        self.note(&Choice::Mark { at: self.at, port }, &[]);
        self.let_go();
    }

    fn keep(&mut self, carried: Arc<Carried>) {
        if !self.progress.carried.iter().any(|c| c.marker == carried.marker) {
            self.progress.carried.push(carried);
        }
    }

    fn ended(&mut self, port: PortIndex, poll: &Poll) {
        self.inputs[usize::from(port.0)].take();
        self.react(Event::Closed { port }, poll);
        self.note(&Choice::Ended { at: self.at, port }, &[]);
        self.let_go();
    }

    fn take_mail(&mut self, place: usize, poll: &Poll) {
        self.progress.woke = false;
        let (mail, carried) = self.mailbox.take(place);
        let event = match (mail, carried) {
            (Mail::Marker(update) | Mail::Apply(update), Some(carried)) => {
                let orders = carried.deployment.orders_by_mail(&self.interface, self.at, mail);
                self.keep(carried);
                Event::Command { marker: Marker { update }, orders }
            }
            (Mail::Resume(_), _) => Event::Resume,
            (Mail::End, _) => Event::End,
            (Mail::Marker(_) | Mail::Apply(_), None) => unreachable!("such mail brings what its marker carries"),
        };
        self.react(event, poll);
        self.note(&Choice::Deliver { at: self.at, mail }, &[]);
        self.let_go();
    }

    /// Attaches an arc that has come. What it holds is seen from now on, and its producer rings this operator's bell for more.
    fn attach(&mut self, port: PortIndex, poll: &Poll) {
        self.progress.woke = false;
        let slot = &mut self.inputs[usize::from(port.0)];
        let Slot::Expects(arc) = *slot else { unreachable!("an arc comes where it is expected") };
        let receiver = self.mailbox.take_arc(arc);
        let capacity = (!self.interface.feedback.contains(port)).then_some(self.capacity);
        receiver.moved(self.bell.clone(), capacity);
        *slot = Slot::Arc(receiver);
        self.react(Event::Attached { port }, poll);
        self.note(&Choice::Attach { at: self.at, port }, &[]);
        self.let_go();
    }

    /// The state of an operator that goes has come: its function is given it before it starts.
    fn inherit(&mut self, poll: &Poll) {
        if !self.progress.operator.is_waiting() {
            return;
        }
        let Some((state, held)) = self.mailbox.take_state() else { return };
        if let Some(state) = state {
            self.call(poll, None, |function, cx| function.import(state, cx));
        }
        self.assert_silent();
        self.progress.held = held;
        self.react(Event::Inherited, poll);
    }

    /// Fires without a packet. A function that was just installed is started first.
    fn wake(&mut self, poll: &Poll) {
        assert!(self.invokes(Event::Wake), "a wake invokes the function");
        self.progress.woke = true;
        self.progress.again = false;
        if self.progress.started {
            let mut ready = std::mem::take(&mut self.progress.ready);
            self.call_awake(poll, |function, cx| function.wake(&ready, cx));
            ready.clear();
            self.progress.ready = ready;
        } else {
            self.progress.started = true;
            self.call_awake(poll, |function, cx| function.start(cx));
        }
        self.let_go();
    }

    /// Whether all outputs are in and the operator can end, or is over and has not said so.
    fn conclusion_is_due(&self) -> bool {
        let p = &self.progress;
        self.outlet.is_clear() && ((p.operator.is_finishing() && p.held == 0) || self.has_read_all())
    }

    /// Whether nothing can come any more.
    fn has_read_all(&self) -> bool {
        let operator = &self.progress.operator;
        let ended = operator.is_closed() && !operator.is_retired() && self.inputs.iter().all(Slot::has_ended);
        operator.is_released() || (ended && !self.mailbox.has_mail())
    }

    /// An operator that was told to finish, and holds nothing any more, ends; one that has ended and has read all its
    /// arcs to the end is over.
    fn conclude(&mut self, poll: &Poll) {
        if self.conclusion_is_due() && self.progress.operator.is_finishing() {
            self.react(Event::Finished, poll);
        }
        if self.outlet.flush() && self.has_read_all() {
            self.progress.over = true;
            if let Some(tracer) = &mut self.tracer {
                tracer.stop();
            }
        }
    }

    fn take_packet(&mut self, port: PortIndex) -> (Lineage, Packet) {
        match self.inputs[usize::from(port.0)].take() {
            Item::Packet(lineage, packet) => (lineage, packet),
            Item::Marker(_) | Item::End => unreachable!("a packet stands at the head"),
        }
    }

    fn note(&mut self, choice: &Choice, of: &[Lineage]) {
        if let Some(tracer) = &mut self.tracer {
            tracer.step(choice, of, self.progress.operator.version());
        }
    }
}
