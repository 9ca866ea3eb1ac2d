//! An operator that runs: the protocol, its function, its ports.
//!
//! ```text
//!   run: outputs in? -> wake due? -> a port in turn -> protocol::Operator::step -> effects -> function -> outputs
//! ```
//!
//! It does what the checker's world does, with functions in place of declared behaviour. Whatever a function did is
//! noted as the [`Choice`] that the checker would have made, and goes into the trace.

use crate::engine::arc::{Item, Receiver, Sender};
use crate::engine::carried::{Carried, PreparedAction, Replacement, Stage};
use crate::engine::control::Control;
use crate::engine::gate::Gate;
use crate::engine::mailbox::{Letter, Mailbox};
use crate::engine::signal::Signal;
use crate::engine::tracer::Tracer;
use crate::function::{Context, Done, Function, Readiness, Registry};
use crate::packet::{Packet, State};
use mio::Registry as Poll;
use neurath_model::choice::{Choice, Emits};
use neurath_model::component::{Component, Emission, Wake};
use neurath_model::id::{ArcId, Lineage, OperatorId, PortIndex, PortSet, UpdateId};
use neurath_model::marker::{Mail, Marker, Report};
use neurath_model::program::{Act, Move};
use neurath_model::protocol::{Effect, Effects, Event, Head, Interface, Operator, Readable};
use neurath_model::update::StatePolicy;
use smallvec::smallvec;
use std::collections::VecDeque;
use std::sync::Arc;

/// What an operator runs.
pub(crate) enum Body {
    /// A function.
    Function(Box<dyn Function>, Rules),
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
}

impl Rules {
    pub(crate) fn of(component: &Component) -> Self {
        let absorbs = component.inputs.iter().enumerate().filter(|(_, input)| input.absorbs);
        Self {
            emission: component.emission,
            wake: component.wake,
            outputs: component.outputs.len(),
            absorbs: absorbs.map(|(port, _)| PortIndex(port as u8)).collect(),
        }
    }
}

/// An operator that runs.
pub(crate) struct Activation {
    pub(crate) at: OperatorId,
    pub(crate) interface: Interface,
    pub(crate) inputs: Vec<Slot>,
    pub(crate) outputs: Vec<Sender>,
    pub(crate) body: Body,
    pub(crate) mailbox: Mailbox,
    pub(crate) signal: Arc<Signal>,
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
    /// Outputs for which there was no room: until they are in, the operator does nothing else.
    pending: VecDeque<(PortIndex, Item)>,
    /// Packets held as open work.
    held: usize,
    /// Lineages begun.
    begun: u64,
    ready: Vec<Readiness>,
    again: bool,
    started: bool,
    /// Whether the last step was a wake.
    woke: bool,
    next_port: u8,
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

/// Whose turn it is.
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

    /// Takes up to `quantum` steps; says whether it took any.
    pub(crate) fn run(&mut self, poll: &Poll, quantum: usize) -> bool {
        let mut steps = 0;
        while steps < quantum && self.flush() && self.step(poll) {
            steps += 1;
        }
        self.flush();
        steps > 0
    }

    /// Whether a step is possible: asked before the worker sleeps.
    pub(crate) fn can_step(&mut self) -> bool {
        !self.is_over() && self.flush() && (self.next_turn().is_some() || self.conclusion_is_due())
    }

    // --- what comes next -------------------------------------------------------------------------------------------

    fn step(&mut self, poll: &Poll) -> bool {
        if self.is_over() {
            return false;
        }
        self.open_mailbox();
        self.inherit(poll);
        if !self.flush() {
            return true;
        }
        if self.conclusion_is_due() {
            self.conclude(poll);
            return true;
        }
        let Some(turn) = self.next_turn() else { return false };
        let starts = matches!(turn, Turn::Wake) && !self.progress.started;
        self.take(turn, poll);
        if let Some(gate) = self.gate.as_ref().filter(|_| !starts) {
            gate.pass();
        }
        true
    }

    fn take(&mut self, turn: Turn, poll: &Poll) {
        match turn {
            Turn::Wake => self.wake(poll),
            Turn::Mail(place) => self.take_mail(place, poll),
            Turn::Attach(port) => self.attach(port, poll),
            Turn::Read(pick) => self.read(pick, poll),
        }
        if self.flush() {
            self.conclude(poll);
        }
    }

    /// Wakes and ports take turns: a function that always asks for another wake must not keep markers waiting, nor a
    /// busy port what is ready (protocol rule 7).
    fn next_turn(&mut self) -> Option<Turn> {
        self.open_mailbox();
        if let Some(gate) = self.gate.clone() {
            return self.turn_at(&gate);
        }
        let wake = self.wake_is_due().then_some(Turn::Wake);
        if self.progress.woke || wake.is_none() {
            let mail = self.next_mail().map(Turn::Mail).or_else(|| self.arc_that_came().map(Turn::Attach));
            mail.or_else(|| self.pick().map(Turn::Read)).or(wake)
        } else {
            wake
        }
    }

    /// The turn that the gate is at, if it is this operator's, and what it is about has come. That a function starts is no step in
    /// a schedule.
    fn turn_at(&mut self, gate: &Gate) -> Option<Turn> {
        let may_wake = matches!(self.body, Body::Function(..)) && self.progress.operator.may_wake();
        if may_wake && !self.progress.started && !self.is_stopped() {
            return Some(Turn::Wake);
        }
        match gate.due(self.at)? {
            Choice::Deliver { mail, .. } => {
                self.next_mail().filter(|place| self.mailbox.is_at(*place, mail)).map(Turn::Mail)
            }
            Choice::Attach { port, .. } => {
                let came = |slot: &Slot| matches!(slot, Slot::Expects(arc) if self.mailbox.has_arc(*arc));
                came(&self.inputs[usize::from(port.0)]).then_some(Turn::Attach(port))
            }
            Choice::Fire { port, .. } => self.pick_of(port, |head| head == Head::Packet),
            Choice::Mark { port, .. } => self.pick_of(port, |head| matches!(head, Head::Marker(_))),
            Choice::Ended { port, .. } => self.pick_of(port, |head| head == Head::Closed),
            Choice::Join { .. } => self.readable().tuple.then_some(Turn::Read(Pick::Tuple)),
            Choice::Wake { .. } => may_wake.then_some(Turn::Wake),
            Choice::Submit { .. } | Choice::End => None,
        }
    }

    fn pick_of(&mut self, port: PortIndex, is_wanted: impl Fn(Head) -> bool) -> Option<Turn> {
        let stands = self.readable().ports.contains(port) && is_wanted(self.inputs[usize::from(port.0)].head());
        stands.then_some(Turn::Read(Pick::Port(port)))
    }

    fn open_mailbox(&mut self) {
        self.mailbox.open();
    }

    fn wake_is_due(&self) -> bool {
        let p = &self.progress;
        let wanted = !p.started || p.again || !p.ready.is_empty();
        wanted && matches!(self.body, Body::Function(..)) && p.operator.may_wake() && !self.is_stopped()
    }

    /// Whether it is a source that was stopped: it begins nothing, so its function is not called at all.
    fn is_stopped(&self) -> bool {
        self.progress.operator.is_paused() && self.rules().wake == Wake::Source
    }

    fn next_mail(&self) -> Option<usize> {
        self.mailbox.next(|resumes| self.progress.operator.takes_mail(resumes))
    }

    /// A port whose arc has come.
    fn arc_that_came(&self) -> Option<PortIndex> {
        let came = |slot: &Slot| matches!(slot, Slot::Expects(arc) if self.mailbox.has_arc(*arc));
        self.inputs.iter().position(came).map(|port| PortIndex(port as u8))
    }

    /// A port to read, or a whole tuple. Ports take turns, so that none is starved.
    fn pick(&mut self) -> Option<Pick> {
        let readable = self.readable();
        if readable.tuple {
            return Some(Pick::Tuple);
        }
        let passed_over = PortSet::first(usize::from(self.progress.next_port));
        let port = readable.ports.minus(passed_over).iter().next().or_else(|| readable.ports.iter().next())?;
        Some(Pick::Port(port))
    }

    /// What may be read now.
    fn readable(&mut self) -> Readable {
        // A stopped source may take packets, but not let go of any: a free one leaves them where they are; a schedule may say otherwise.
        let is_stopped = self.is_stopped() && self.gate.is_none();
        let (mail, at) = (self.mailbox.oldest(), self.at);
        let (inputs, operator, interface) = (&mut self.inputs, &self.progress.operator, &self.interface);
        operator.readable(interface, mail, |port| {
            let slot = &mut inputs[usize::from(port.0)];
            match slot.head() {
                Head::Packet if is_stopped => Head::Empty,
                Head::Marker(_) if !slot.gives_marker(operator, interface, at, port) => Head::Empty,
                head => head,
            }
        })
    }

    fn read(&mut self, pick: Pick, poll: &Poll) {
        self.progress.woke = false;
        match pick {
            Pick::Tuple => self.join(poll),
            Pick::Port(port) => {
                self.progress.next_port = (port.0 + 1) % self.inputs.len() as u8;
                self.read_port(port, poll);
            }
        }
    }

    fn read_port(&mut self, port: PortIndex, poll: &Poll) {
        match self.inputs[usize::from(port.0)].head() {
            Head::Packet => self.fire(port, poll),
            Head::Marker(_) => self.mark(port, poll),
            Head::Closed => self.ended(port, poll),
            Head::Empty => unreachable!("a port is picked where something stands"),
        }
    }

    // --- steps -----------------------------------------------------------------------------------------------------

    fn fire(&mut self, port: PortIndex, poll: &Poll) {
        let (taken, packet) = self.take_packet(port);
        let emits = if self.invokes(Event::Packet { port }) {
            let lineage = self.lineage_of_firing(port, taken);
            self.call(poll, Some(lineage), |function, cx| function.fire(port, packet, cx));
            if self.rules().absorbs.contains(port) { Emits::new() } else { self.hold_and_emit(lineage) }
        } else {
            Emits::new()
        };
        self.note(&Choice::Fire { at: self.at, port, emits }, &[taken]);
        self.let_go();
    }

    /// A lineage ends on a feedback arc, so a firing on what came over one begins another; but for a source, which
    /// begins one with what it lets go.
    fn lineage_of_firing(&mut self, port: PortIndex, taken: Lineage) -> Lineage {
        let came_back = self.interface.feedback.contains(port);
        if came_back && self.rules().wake != Wake::Source { self.begin() } else { taken }
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

    /// Attaches an arc that has come. What it holds is seen from now on, and its producer tells this worker of more.
    fn attach(&mut self, port: PortIndex, poll: &Poll) {
        self.progress.woke = false;
        let slot = &mut self.inputs[usize::from(port.0)];
        let Slot::Expects(arc) = *slot else { unreachable!("an arc comes where it is expected") };
        let receiver = self.mailbox.take_arc(arc);
        let capacity = (!self.interface.feedback.contains(port)).then_some(self.capacity);
        receiver.moved(self.signal.clone(), capacity);
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
            self.call(poll, None, |function, cx| function.wake(&ready, cx));
            ready.clear();
            self.progress.ready = ready;
        } else {
            self.progress.started = true;
            self.call(poll, None, |function, cx| function.start(cx));
        }
        self.begin_lineages();
        self.let_go();
    }

    /// Whether all outputs are in and the operator can end, or is over and has not said so.
    fn conclusion_is_due(&self) -> bool {
        let p = &self.progress;
        p.pending.is_empty() && ((p.operator.is_finishing() && p.held == 0) || self.has_read_all())
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
        if self.flush() && self.has_read_all() {
            self.progress.over = true;
            if let Some(tracer) = &mut self.tracer {
                tracer.stop();
            }
        }
    }

    // --- effects ---------------------------------------------------------------------------------------------------

    /// Gives the protocol an event that can only invoke the function or discard what was taken.
    fn invokes(&mut self, event: Event) -> bool {
        let mut effects = Effects::new();
        self.progress.operator.step(&self.interface, event, &mut effects);
        match effects[..] {
            [Effect::Invoke | Effect::InvokeWake] => true,
            [Effect::Discard] => false,
            _ => unreachable!("a packet or a wake has no other effect, got {effects:?}"),
        }
    }

    fn react(&mut self, event: Event, poll: &Poll) {
        let mut effects = Effects::new();
        self.progress.operator.step(&self.interface, event, &mut effects);
        for effect in effects {
            self.perform(effect, poll);
        }
        self.note_stages();
    }

    /// Notes where markers stand here, and keeps what those carry that have not passed.
    fn note_stages(&mut self) {
        let operator = &self.progress.operator;
        let under_way: Vec<UpdateId> = operator.under_way().collect();
        let at = self.at;
        self.progress.carried.retain(|carried| {
            let stays = under_way.contains(&carried.marker.update);
            let stage = match (stays, operator.is_finishing()) {
                (false, _) => Stage::Passed,
                (true, true) => Stage::Finishes,
                (true, false) => Stage::Waits(operator.missing()),
            };
            carried.note(at, stage);
            stays
        });
    }

    fn perform(&mut self, effect: Effect, poll: &Poll) {
        match effect {
            Effect::Apply { update, port, action } => self.apply(update, port, action, poll),
            Effect::Broadcast { marker, ports } => {
                let carried = self.carried(marker.update);
                let copies = ports.iter().map(|port| (port, Item::Marker(carried.clone())));
                self.progress.pending.extend(copies);
                // A marker goes out at once, for it fits everywhere: what is applied after it finds all outputs gone.
                self.flush();
            }
            Effect::Report { update, report } => {
                let carried = self.carried(update);
                if report == Report::Applied {
                    carried.note_applied(self.at);
                }
                self.control.report(&carried, self.at, report);
            }
            Effect::Finish => {
                if matches!(self.body, Body::Function(..)) {
                    self.call(poll, None, |function, cx| function.close(cx));
                }
            }
            Effect::Drain => {}
            Effect::Close => {
                let ends = (0..self.outputs.len()).map(|port| (PortIndex(port as u8), Item::End));
                self.progress.pending.extend(ends);
            }
            Effect::Release => {
                self.body = Body::Gone(self.rules());
                self.control.release(self.at);
            }
            Effect::Invoke | Effect::InvokeWake | Effect::Discard => {
                unreachable!("packets and wakes do not come this way")
            }
        }
    }

    fn carried(&self, update: UpdateId) -> Arc<Carried> {
        let found = self.progress.carried.iter().find(|c| c.marker.update == update);
        found.expect("a join keeps what its marker carries").clone()
    }

    /// The update's computation time at this operator: between two firings, all outputs gone out.
    fn apply(&mut self, update: UpdateId, port: Option<PortIndex>, action: u16, poll: &Poll) {
        assert!(self.progress.pending.is_empty(), "S3: an update is applied when all outputs have gone out");
        let carried = self.carried(update);
        let deployment = &carried.deployment;
        let acts = port.map_or_else(|| deployment.acts(self.at), |port| deployment.acts_at(self.at, port));
        match &acts[usize::from(action)] {
            Act::Replace(_) | Act::Configure => self.change(carried.take(self.at, action), poll),
            Act::HandOver(to, policy) => self.hand_over(*to, policy, poll),
            Act::Disconnect(a_move) => self.disconnect(*a_move),
            Act::Connect(a_move) => {
                let to = a_move.to.expect("an arc comes to somewhere");
                self.inputs[usize::from(to.port.0)] = Slot::Expects(a_move.arc);
            }
        }
    }

    fn change(&mut self, prepared: PreparedAction, poll: &Poll) {
        match prepared {
            PreparedAction::Replace(replacement) => self.replace(*replacement, poll),
            PreparedAction::Configure(properties) => {
                let Body::Function(function, _) = &mut self.body else { unreachable!("only functions are changed") };
                function.configure(&properties);
                // New values may let it do what it could not before: it is asked once.
                self.progress.again = true;
            }
            PreparedAction::Rewire => unreachable!("arcs are moved by what the deployment says"),
        }
    }

    /// Takes the arc from its own port and sends it on, with all that is on it.
    fn disconnect(&mut self, a_move: Move) {
        let from = a_move.from.expect("an arc is taken from somewhere");
        let slot = std::mem::replace(&mut self.inputs[usize::from(from.port.0)], Slot::Vacant);
        let Slot::Arc(receiver) = slot else { unreachable!("S9: an arc stands where it is taken away") };
        if let Some(to) = a_move.to {
            self.control.send_arc(to, a_move.arc, receiver);
        }
    }

    /// Gives the state, open work included, to an operator that waits for it.
    fn hand_over(&mut self, to: OperatorId, policy: &StatePolicy, poll: &Poll) {
        let state = self.export(poll, policy);
        let held = std::mem::take(&mut self.progress.held);
        self.control.send(to, Letter::State(state, held));
    }

    /// Takes the function out, and makes of its state what the policy says.
    fn export(&mut self, poll: &Poll, policy: &StatePolicy) -> Option<State> {
        let gone = Body::Gone(self.rules());
        let Body::Function(old, _) = std::mem::replace(&mut self.body, gone) else {
            unreachable!("a function is taken out once")
        };
        let mut state = None;
        self.with_context(poll, None, |_, cx| state = Some(old.export(cx)));
        self.assert_silent();
        let state = state.expect("the function was asked");
        match policy {
            StatePolicy::Keep => Some(state),
            StatePolicy::Reset => None,
            StatePolicy::Transfer(name) => Some(self.registry.run_transfer(name, state)),
        }
    }

    fn assert_silent(&self) {
        assert!(
            self.progress.done.is_empty(),
            "a function emits nothing while state is handed over; it may in start()"
        );
    }

    fn replace(&mut self, new: Replacement, poll: &Poll) {
        let state = self.export(poll, &new.state);
        self.body = Body::Function(new.function, Rules::of(&new.component));
        if let Some(state) = state {
            self.call(poll, None, |function, cx| function.import(state, cx));
        }
        self.assert_silent();
        self.progress.started = false;
    }

    // --- the function ----------------------------------------------------------------------------------------------

    fn call(&mut self, poll: &Poll, lineage: Option<Lineage>, f: impl FnOnce(&mut dyn Function, &mut Context<'_>)) {
        self.with_context(poll, lineage, |body, cx| {
            let Body::Function(function, _) = body else { unreachable!("what has left is not called") };
            f(&mut **function, cx);
        });
    }

    fn with_context(&mut self, poll: &Poll, lineage: Option<Lineage>, f: impl FnOnce(&mut Body, &mut Context<'_>)) {
        let room = self.outputs.iter().map(Sender::room).min().unwrap_or(usize::MAX);
        let mut cx = Context {
            done: &mut self.progress.done,
            again: &mut self.progress.again,
            version: self.progress.operator.version(),
            lineage,
            room,
            poll,
            token_base: self.token_base,
        };
        f(&mut self.body, &mut cx);
    }

    fn rules(&self) -> Rules {
        match &self.body {
            Body::Function(_, rules) | Body::Gone(rules) => *rules,
        }
    }

    /// After a firing on packets: a buffer holds what it took; what was emitted goes out in the trigger's lineage.
    fn hold_and_emit(&mut self, lineage: Lineage) -> Emits {
        if self.rules().emission == Emission::Buffer {
            self.progress.held += 1;
            return Emits::new();
        }
        let mut emits = Emits::new();
        for done in self.progress.done.drain(..) {
            let Done::Emit(port, packet) = done else { panic!("only a component that buffers releases open work") };
            emits.push(port);
            self.progress.pending.push_back((port, Item::Packet(lineage, packet)));
        }
        emits
    }

    /// After a wake: each emission of a source without inputs begins a lineage. One with several outputs that emits on
    /// each gives a packet to every output in turn, and a full turn is one firing.
    fn begin_lineages(&mut self) {
        let rules = self.rules();
        if rules.emission == Emission::Buffer {
            return;
        }
        let turn = if rules.emission == Emission::Each { rules.outputs.max(1) } else { 1 };
        let mut emissions = std::mem::take(&mut self.progress.done);
        for firing in chunks(emissions.drain(..), turn) {
            let lineage = self.begin();
            let mut emits = Emits::new();
            for done in firing {
                let Done::Emit(port, packet) = done else { panic!("only a component that buffers releases open work") };
                emits.push(port);
                self.progress.pending.push_back((port, Item::Packet(lineage, packet)));
            }
            self.note(&Choice::Wake { at: self.at, releases: None, emits }, &[]);
        }
        self.progress.done = emissions;
    }

    fn begin(&mut self) -> Lineage {
        let lineage = Lineage::new(self.at, self.progress.begun);
        self.progress.begun += 1;
        lineage
    }

    /// Open work that the function let go: each is a firing of its own.
    fn let_go(&mut self) {
        if self.progress.done.is_empty() {
            return;
        }
        let begins = self.rules().wake == Wake::Source;
        let mut released = std::mem::take(&mut self.progress.done);
        for done in released.drain(..) {
            let Done::Release(held, emission) = done else { panic!("a component that buffers emits by releasing") };
            self.progress.held = self.progress.held.checked_sub(1).expect("only what is held can be released");
            let mut emits = Emits::new();
            if let Some((port, packet)) = emission {
                let lineage = if begins { self.begin() } else { held };
                emits = smallvec![port];
                self.progress.pending.push_back((port, Item::Packet(lineage, packet)));
            }
            self.note(&Choice::Wake { at: self.at, releases: Some(held), emits }, &[]);
        }
        self.progress.done = released;
    }

    // --- arcs and trace --------------------------------------------------------------------------------------------

    fn take_packet(&mut self, port: PortIndex) -> (Lineage, Packet) {
        match self.inputs[usize::from(port.0)].take() {
            Item::Packet(lineage, packet) => (lineage, packet),
            Item::Marker(_) | Item::End => unreachable!("a packet stands at the head"),
        }
    }

    /// Moves pending outputs onto their arcs as far as there is room; says whether all are in. One full arc does not
    /// hold up another.
    fn flush(&mut self) -> bool {
        if self.progress.pending.is_empty() {
            return true;
        }
        let mut full = PortSet::EMPTY;
        for _ in 0..self.progress.pending.len() {
            let (port, item) = self.progress.pending.pop_front().expect("counted");
            let output = &mut self.outputs[usize::from(port.0)];
            let fits = !matches!(item, Item::Packet(..)) || output.has_room_or_waits();
            if full.contains(port) || !fits {
                full.insert(port);
                self.progress.pending.push_back((port, item));
            } else {
                output.send(item);
                output.notify();
            }
        }
        full.is_empty()
    }

    fn note(&mut self, choice: &Choice, of: &[Lineage]) {
        if let Some(tracer) = &mut self.tracer {
            tracer.step(choice, of, self.progress.operator.version());
        }
    }
}

/// Splits an iterator into runs of `size`.
fn chunks<T>(items: impl Iterator<Item = T>, size: usize) -> Vec<Vec<T>> {
    let mut all: Vec<Vec<T>> = Vec::new();
    for item in items {
        match all.last_mut() {
            Some(last) if last.len() < size => last.push(item),
            _ => all.push(vec![item]),
        }
    }
    all
}
