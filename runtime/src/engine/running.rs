//! A flow that runs: started from a valid graph, changed by updates, ended in order.
//!
//! ```text
//!   submit:  one at a time? -> plan (validate, type-check) -> build functions -> commit: the marker enters
//!            <------------------ rejected with diagnostics, flow untouched ------|-> applied, at every operator
//! ```
//!
//! Everything that can fail happens before the marker enters.

use crate::engine::activation::{Activation, Body, Mailbox, Progress, Rules};
use crate::engine::arc::{Receiver, Sender, arc};
use crate::engine::carried::{Carried, PreparedAction, Replacement};
use crate::engine::placement::Placement;
use crate::engine::signal::Signal;
use crate::engine::tracer::{TraceFile, Tracer};
use crate::engine::worker::Worker;
use crate::function::{Function, Properties, Registry};
use mio::Poll;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap, Thing};
use neurath_model::graph::FlowGraph;
use neurath_model::id::{OperatorId, UpdateId, Version};
use neurath_model::marker::{Marker, Outcome};
use neurath_model::plan::{Action, Plan, Scheduler, plan};
use neurath_model::program::Program;
use neurath_model::trace::Header;
use neurath_model::update::Update;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a flow is run.
pub struct Options {
    /// How many packets an arc holds.
    pub capacity: usize,
    /// Which operators share a thread.
    pub placement: Placement,
    /// Where a trace goes, if one is wanted.
    pub trace: Option<Box<dyn Write + Send>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { capacity: 64, placement: Placement::default(), trace: None }
    }
}

/// An update that was applied.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Its number.
    pub update: UpdateId,
    /// What it is called.
    pub name: String,
    /// When it was submitted.
    pub submitted: Instant,
    /// When each operator was changed.
    pub operators: Vec<(String, Instant)>,
    /// When the exit answered.
    pub answered: Instant,
}

impl Applied {
    /// From submission to the last operator changed.
    pub fn to_last_operator(&self) -> Duration {
        let last = self.operators.iter().map(|(_, at)| *at).max();
        last.map_or(Duration::ZERO, |at| at.duration_since(self.submitted))
    }
}

/// What a running flow says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The flow's name.
    pub flow: String,
    /// Each operator: its name, what it runs, the last update applied to it.
    pub operators: Vec<OperatorStatus>,
    /// The update that is under way.
    pub in_flight: Option<String>,
    /// Names of the updates applied, oldest first.
    pub applied: Vec<String>,
    /// Why it runs no more, if a function panicked.
    pub failure: Option<String>,
}

/// What is said of one operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperatorStatus {
    /// Its name.
    pub name: String,
    /// The component it runs, `name@version`.
    pub component: String,
    /// The last update applied to it; 0 for none.
    pub version: Version,
}

/// What submitters and the exit share.
pub(crate) struct Control {
    ledger: Mutex<Ledger>,
    failed: AtomicBool,
    signals: OnceLock<Vec<Arc<Signal>>>,
}

struct Ledger {
    graph: FlowGraph,
    versions: BTreeMap<OperatorId, Version>,
    last: UpdateId,
    in_flight: Option<InFlight>,
    applied: Vec<String>,
    failure: Option<String>,
    stopped: bool,
}

struct InFlight {
    plan: Plan,
    submitted: Instant,
    waiting: mpsc::Sender<Applied>,
}

impl Control {
    fn new(graph: FlowGraph) -> Self {
        Self { ledger: Mutex::new(Ledger::new(graph)), failed: AtomicBool::new(false), signals: OnceLock::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no holder of the ledger panics")
    }

    /// Whether a worker has failed, and all others must end too: nobody would read what they send it.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    fn fail(&self, failure: String) {
        self.lock().failure.get_or_insert(failure);
        self.failed.store(true, Ordering::SeqCst);
        self.signals.get().into_iter().flatten().for_each(|signal| signal.notify());
    }

    /// The exit's answer: from here on the flow is the new one.
    pub(crate) fn answer(&self, carried: &Carried, outcome: Outcome) {
        assert!(
            outcome == Outcome::Applied,
            "one update at a time, planned against the flow that runs, is not rejected"
        );
        let mut ledger = self.lock();
        let in_flight = ledger.in_flight.take().expect("an answer belongs to an update in flight");
        let operators = carried.applied();
        let update = carried.marker.update;
        ledger.versions.extend(operators.iter().map(|(at, _)| (*at, update)));
        let name = |at: OperatorId| ledger.graph.operator(at).name.clone();
        let applied = Applied {
            update,
            name: carried.update.name.clone(),
            submitted: in_flight.submitted,
            operators: operators.into_iter().map(|(at, when)| (name(at), when)).collect(),
            answered: Instant::now(),
        };
        ledger.graph = in_flight.plan.after;
        ledger.applied.push(applied.name.clone());
        // A submitter that no longer waits has missed nothing but the message.
        let _ = in_flight.waiting.send(applied);
    }
}

/// A flow that runs.
pub struct Running {
    control: Arc<Control>,
    registry: Arc<Registry>,
    entrance: mpsc::Sender<Option<Arc<Carried>>>,
    entrance_signal: Arc<Signal>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    trace: Option<TraceFile>,
}

/// An update under way.
pub struct Ticket {
    control: Arc<Control>,
    answer: mpsc::Receiver<Applied>,
}

impl Ticket {
    /// Waits for the answer. `Err` if the flow failed (a function panicked) before the update was answered.
    pub fn wait(self) -> Result<Applied, Diagnostics> {
        loop {
            match self.answer.recv_timeout(Duration::from_millis(100)) {
                Ok(applied) => return Ok(applied),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(failed("the flow ended before the update was answered".into()));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if let Some(failure) = self.control.lock().failure.clone() {
                        return Err(failed(failure));
                    }
                }
            }
        }
    }
}

impl Running {
    /// Starts a flow: builds its functions, then its arcs and threads.
    pub fn start(graph: &FlowGraph, registry: Arc<Registry>, options: Options) -> Result<Self, Diagnostics> {
        let functions = build_all(graph, &registry)?;
        let header = Header::new(graph.to_flow(), registry.catalogue().clone(), options.capacity);
        let trace = options.trace.map(|out| TraceFile::begin(out, &header)).transpose().map_err(|e| cannot_run(&e))?;
        let control = Arc::new(Control::new(graph.clone()));
        let (entrance, mailbox) = mpsc::channel();
        let assembly = Assembly {
            program: Arc::new(Program::of(graph)),
            graph,
            registry: registry.clone(),
            control: control.clone(),
            trace: trace.clone(),
            capacity: options.capacity,
        };
        let (workers, entrance_signal) =
            assembly.workers(options.placement, functions, Mailbox::new(mailbox)).map_err(|e| cannot_run(&e))?;
        let spawn = |worker: Worker| run_in_thread(worker, control.clone());
        let threads = workers.into_iter().map(spawn).collect::<Result<_, _>>().map_err(|e| cannot_run(&e))?;
        Ok(Self { control, registry, entrance, entrance_signal, threads: Mutex::new(threads), trace })
    }

    /// Submits an update; places in diagnostics refer to `map`. On `Err` nothing has changed.
    pub fn submit(&self, update: &Update, map: &SourceMap) -> Result<Ticket, Diagnostics> {
        let mut ledger = self.control.lock();
        if let Some(failure) = ledger.failure.clone() {
            return Err(failed(failure));
        }
        if ledger.stopped {
            return Err(failed("it was told to end".into()));
        }
        if let Some(in_flight) = &ledger.in_flight {
            return Err(Diagnostics(vec![busy(&in_flight.plan, update, map)]));
        }
        let plan = plan(&ledger.graph, update, map, self.registry.catalogue(), Some(Scheduler::Epoch))?;
        let actions = self.prepare(&ledger.graph, &plan, map)?;
        let (waiting, answer) = mpsc::channel();
        ledger.last.0 += 1;
        let carried = Arc::new(Carried::new(Marker { update: ledger.last }, update.clone(), actions));
        ledger.in_flight = Some(InFlight { plan, submitted: Instant::now(), waiting });
        self.post(Some(carried));
        Ok(Ticket { control: self.control.clone(), answer })
    }

    /// R01 if an update is in flight: asked before time is spent on checking another.
    pub fn refuse_if_busy(&self, update: &Update, map: &SourceMap) -> Result<(), Diagnostics> {
        match &self.control.lock().in_flight {
            Some(in_flight) => Err(Diagnostics(vec![busy(&in_flight.plan, update, map)])),
            None => Ok(()),
        }
    }

    /// Why the flow runs no more, if a function panicked.
    pub fn failure(&self) -> Option<String> {
        self.control.lock().failure.clone()
    }

    /// The graph as the last answered update left it.
    pub fn graph(&self) -> FlowGraph {
        self.control.lock().graph.clone()
    }

    /// The declarations of the components that are compiled in.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What the flow says of itself.
    pub fn status(&self) -> Status {
        let ledger = self.control.lock();
        let version = |at| ledger.versions.get(&at).copied().unwrap_or_default();
        let operators = ledger.graph.operators().map(|(at, node)| OperatorStatus {
            name: node.name.clone(),
            component: node.component.id.to_string(),
            version: version(at),
        });
        Status {
            flow: ledger.graph.name().unwrap_or("flow").to_owned(),
            operators: operators.collect(),
            in_flight: ledger.in_flight.as_ref().map(|f| f.plan.update.clone()),
            applied: ledger.applied.clone(),
            failure: ledger.failure.clone(),
        }
    }

    /// Ends the flow: sources take nothing new, what is under way is finished, threads end.
    pub fn stop(&self) -> Result<(), Diagnostics> {
        self.control.lock().stopped = true;
        self.post(None);
        for thread in self.threads.lock().expect("not poisoned").drain(..) {
            thread.join().expect("panics of functions are caught inside");
        }
        if let Some(failure) = self.control.lock().failure.clone() {
            return Err(failed(failure));
        }
        self.trace.as_ref().map_or(Ok(()), TraceFile::finish).map_err(|e| cannot_run(&e))
    }

    fn post(&self, mail: Option<Arc<Carried>>) {
        // The entrance is gone only when its thread has failed; that is reported where it matters.
        let _ = self.entrance.send(mail);
        self.entrance_signal.notify();
    }

    /// Builds what the plan installs, before anything is committed.
    fn prepare(
        &self,
        before: &FlowGraph,
        plan: &Plan,
        map: &SourceMap,
    ) -> Result<BTreeMap<OperatorId, Vec<PreparedAction>>, Diagnostics> {
        let mut prepared = BTreeMap::new();
        let mut wrong = Vec::new();
        for (at, actions) in &plan.actions {
            let list: Result<Vec<_>, _> =
                actions.iter().map(|a| self.prepare_action(before, plan, *at, a, map)).collect();
            match list {
                Ok(list) => drop(prepared.insert(*at, list)),
                Err(diagnostic) => wrong.push(diagnostic),
            }
        }
        if wrong.is_empty() { Ok(prepared) } else { Err(Diagnostics(wrong)) }
    }

    fn prepare_action(
        &self,
        before: &FlowGraph,
        plan: &Plan,
        at: OperatorId,
        action: &Action,
        map: &SourceMap,
    ) -> Result<PreparedAction, Diagnostic> {
        let node = plan.after.operator(at);
        let properties = Properties::new(node.properties.clone());
        let id = &node.component.id;
        let place = map.place(&Thing::Change(node.name.clone()), "changed here");
        match action {
            Action::Configure { .. } => {
                let old = Properties::new(before.operator(at).properties.clone());
                // A function that is replaced as well was built with the new values, which says more than any check.
                if before.operator(at).component.id == *id {
                    let checked = self.registry.accepts_properties(id, &old, &properties);
                    checked.map_err(|e| cannot_build(&node.name, &id.to_string(), e.to_string(), place))?;
                }
                Ok(PreparedAction::Configure(properties))
            }
            Action::Replace { state, .. } => {
                if let neurath_model::update::StatePolicy::Transfer(name) = state
                    && !self.registry.has_transfer(name)
                {
                    let why = format!("transfer {name} is declared but not compiled in");
                    return Err(cannot_build(&node.name, &node.component.id.to_string(), why, place));
                }
                let built = self.registry.build(&node.component.id, &properties);
                let function = built
                    .map_err(|e| cannot_build(&node.name, &node.component.id.to_string(), e.to_string(), place))?;
                let replacement = Replacement { function, component: node.component.clone(), state: state.clone() };
                Ok(PreparedAction::Replace(Box::new(replacement)))
            }
        }
    }
}

impl Ledger {
    fn new(graph: FlowGraph) -> Self {
        Self {
            graph,
            versions: BTreeMap::new(),
            last: UpdateId::NONE,
            in_flight: None,
            applied: Vec::new(),
            failure: None,
            stopped: false,
        }
    }
}

/// What is needed to put a program's operators on threads.
struct Assembly<'a> {
    program: Arc<Program>,
    graph: &'a FlowGraph,
    registry: Arc<Registry>,
    control: Arc<Control>,
    trace: Option<TraceFile>,
    capacity: usize,
}

impl Assembly<'_> {
    fn workers(
        &self,
        placement: Placement,
        functions: Vec<Box<dyn Function>>,
        mailbox: Mailbox,
    ) -> std::io::Result<(Vec<Worker>, Arc<Signal>)> {
        let threads = placement.threads(&self.program);
        let polls = threads.iter().map(|_| Poll::new()).collect::<std::io::Result<Vec<_>>>()?;
        let signals = polls.iter().map(|p| Signal::new(p).map(Arc::new)).collect::<std::io::Result<Vec<_>>>()?;
        let signal_of = |at: OperatorId| {
            let thread = threads.iter().position(|t| t.contains(&at)).expect("every operator is placed");
            signals[thread].clone()
        };
        let mut ends = self.arcs(signal_of);
        let mut bodies = self.bodies(functions, mailbox);
        let entrance_signal = signal_of(self.program.entrance);
        self.control.signals.set(signals.clone()).expect("workers are made once");
        let workers = threads.iter().zip(polls).zip(&signals).map(|((operators, poll), signal)| {
            let activation = |(i, at): (usize, &OperatorId)| {
                let body = bodies.remove(at).expect("every operator is placed once");
                self.activation(*at, body, ends.remove(at).expect("likewise"), Worker::token_base(i))
            };
            let activations = operators.iter().enumerate().map(activation).collect();
            Worker { activations, poll, signal: signal.clone(), control: self.control.clone() }
        });
        Ok((workers.collect(), entrance_signal))
    }

    /// Both ends of every arc, by operator, in port order.
    fn arcs(
        &self,
        signal_of: impl Fn(OperatorId) -> Arc<Signal>,
    ) -> BTreeMap<OperatorId, (Vec<Receiver>, Vec<Sender>)> {
        let (mut senders, mut receivers) = (BTreeMap::new(), BTreeMap::new());
        for (id, a) in self.program.arcs() {
            let capacity = (!a.feedback).then_some(self.capacity);
            let (tx, rx) = arc(capacity, signal_of(a.from.operator), signal_of(a.to.operator));
            senders.insert(id, tx);
            receivers.insert(id, rx);
        }
        let mut ends = |operator: &neurath_model::program::ProgramOperator| {
            let inputs = operator.inputs.iter().map(|id| receivers.remove(id).expect("an arc has one consumer"));
            let inputs = inputs.collect();
            let outputs = operator.outputs.iter().map(|id| senders.remove(id).expect("an arc has one producer"));
            (inputs, outputs.collect())
        };
        self.program.operators().map(|(at, operator)| (at, ends(operator))).collect()
    }

    fn bodies(&self, functions: Vec<Box<dyn Function>>, mailbox: Mailbox) -> BTreeMap<OperatorId, Body> {
        let inner = self
            .graph
            .operators()
            .zip(functions)
            .map(|((at, node), function)| (at, Body::Function(function, Rules::of(&node.component))));
        let mut bodies: BTreeMap<OperatorId, Body> = inner.collect();
        bodies.insert(self.program.entrance, Body::Entrance(mailbox));
        bodies.insert(self.program.exit, Body::Exit(self.control.clone()));
        bodies
    }

    fn activation(
        &self,
        at: OperatorId,
        body: Body,
        (inputs, outputs): (Vec<Receiver>, Vec<Sender>),
        token_base: usize,
    ) -> Activation {
        Activation {
            at,
            interface: self.program.operator(at).interface.clone(),
            inputs,
            outputs,
            body,
            registry: self.registry.clone(),
            tracer: self.trace.clone().map(|file| Tracer::new(file, self.program.clone(), at)),
            token_base,
            progress: Progress::default(),
        }
    }
}

fn build_all(graph: &FlowGraph, registry: &Registry) -> Result<Vec<Box<dyn Function>>, Diagnostics> {
    let mut wrong = Vec::new();
    let mut functions = Vec::new();
    for (_, node) in graph.operators() {
        match registry.build(&node.component.id, &Properties::new(node.properties.clone())) {
            Ok(function) => functions.push(function),
            Err(e) => wrong.push(cannot_build(&node.name, &node.component.id.to_string(), e.to_string(), None)),
        }
    }
    if wrong.is_empty() { Ok(functions) } else { Err(Diagnostics(wrong)) }
}

/// Runs a worker in a thread of its own, named after its operators; a panic of a function is noted, not passed on.
fn run_in_thread(worker: Worker, control: Arc<Control>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("neurath-worker".into()).spawn(move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| worker.run()));
        let failure = match result {
            Ok(Ok(())) => return,
            Ok(Err(e)) => format!("waiting for I/O failed: {e}"),
            Err(panic) => format!("a function panicked: {}", panic_text(&*panic)),
        };
        control.fail(failure);
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text")
}

fn busy(plan: &Plan, update: &Update, map: &SourceMap) -> Diagnostic {
    Diagnostic {
        code: Code::R01,
        message: format!("update `{}` cannot be submitted while `{}` is in flight", update.name, plan.update),
        places: map.place(&Thing::UpdateName, "this update").into_iter().collect(),
        expected: "no update in flight".into(),
        found: format!("`{}`, which the exit has not answered yet", plan.update),
        hint: "wait for its answer (`neurath update status`), then submit again".into(),
    }
}

fn cannot_build(
    operator: &str,
    component: &str,
    why: String,
    place: Option<neurath_model::diagnostic::Place>,
) -> Diagnostic {
    Diagnostic {
        code: Code::R04,
        message: format!("the function of {operator} cannot be built"),
        places: place.into_iter().collect(),
        expected: format!("{component} with the properties given"),
        found: why,
        hint: "mend the property or resource named, and try again; nothing was changed".into(),
    }
}

fn cannot_run(error: &std::io::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: "the flow cannot be started or ended in order".into(),
        places: Vec::new(),
        expected: "threads, polls and the trace file at hand".into(),
        found: error.to_string(),
        hint: "check limits on open files and threads, and space on the disk".into(),
    }])
}

fn failed(failure: String) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: "the flow does not run any more".into(),
        places: Vec::new(),
        expected: "functions that do what their components declare".into(),
        found: failure,
        hint: "restart the program; the message above it on standard error says where".into(),
    }])
}
