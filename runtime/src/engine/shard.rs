//! One replica of a flow that runs: started from a valid graph, changed by updates, ended in order.
//!
//! ```text
//!   prepare: plan (validate, type-check) -> build functions, berths
//!            <------ rejected with diagnostics, flow untouched ----|
//!   commit:  under the ledger, operators join, the marker goes to its heads -> applied, at every operator
//! ```
//!
//! Everything that can fail happens before the marker enters. Any number of updates may be under way: each is planned for the flow
//! as those before it leave it, and if another was committed while this one was prepared, it is prepared again for the
//! flow that it now finds, so no plan is ever carried out that was made for another flow.

use crate::engine::carried::{Carried, Hold, PreparedAction, Replacement};
use crate::engine::control::{Applied, Control, InFlight, Ledger, Past};
use crate::engine::crew::{Berth, Crew, Recruit};
use crate::engine::gate::Gate;
use crate::engine::mailbox::Letter;
use crate::engine::placement::Placement;
use crate::engine::status::{PastStatus, Status};
use crate::engine::tracer::{Doors, Known, TraceFile};
use crate::function::{Properties, Registry, Runnable};
use neurath_model::component::Component;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceMap, Thing};
use neurath_model::graph::{FlowGraph, Node};
use neurath_model::id::{InPort, OperatorId, UpdateId};
use neurath_model::marker::Mail;
use neurath_model::plan::{Action, Plan, Scheduler, inverse, plan};
use neurath_model::program::Program;
use neurath_model::protocol::Tally;
use neurath_model::trace::Header;
use neurath_model::update::{StatePolicy, Update};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// How a flow is run, or one shard of it.
pub struct Options {
    /// How many packets an arc holds.
    pub capacity: usize,
    /// Which operators share a thread.
    pub placement: Placement,
    /// Where a trace goes, if one is wanted.
    pub trace: Option<Box<dyn Write + Send>>,
    /// What says when each operator takes which step; without, they are free.
    pub gate: Option<Arc<Gate>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { capacity: 64, placement: Placement::default(), trace: None, gate: None }
    }
}

/// One replica of a flow.
pub(crate) struct Shard {
    control: Arc<Control>,
    registry: Arc<Registry>,
    crew: Crew,
    trace: Option<TraceFile>,
}

/// An update under way.
pub(crate) struct Ticket {
    pub(crate) update: UpdateId,
    control: Arc<Control>,
    answer: mpsc::Receiver<Result<Applied, Diagnostics>>,
}

impl Ticket {
    /// Waits for the answer. `Err` if the flow failed (a function panicked) before the update was answered.
    pub(crate) fn wait(self) -> Result<Applied, Diagnostics> {
        loop {
            match self.answer.recv_timeout(Duration::from_millis(100)) {
                Ok(answer) => return answer,
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

/// The function of an operator that comes, what it runs, and where it will.
type Built = (Box<dyn Runnable>, Arc<Component>, Berth);

/// An update that is ready to be committed, for the flow as it was when it was prepared.
pub(crate) struct Prepared {
    update: Update,
    plan: Plan,
    before: FlowGraph,
    /// The last update that was committed when this one was planned.
    base: UpdateId,
    actions: BTreeMap<OperatorId, Vec<PreparedAction>>,
    extension: Vec<Built>,
}

/// Whether an update can be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Now.
    Now,
    /// When one of those under way is answered.
    Waits,
    /// Not as it was prepared: another was committed since.
    Missed,
}

impl Prepared {
    /// How it will be carried out.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The flow that it was planned for.
    pub(crate) fn before(&self) -> &FlowGraph {
        &self.before
    }
}

impl Shard {
    /// Starts a flow: builds its functions, then its arcs and threads.
    pub(crate) fn start(graph: &FlowGraph, registry: Arc<Registry>, options: Options) -> Result<Self, Diagnostics> {
        let functions = build_all(graph.operators().map(|(_, node)| node), &registry, |_| None)?;
        let header = || Header::new(graph.to_flow(), registry.catalogue().clone(), options.capacity);
        let trace =
            options.trace.map(|out| TraceFile::begin(out, &header())).transpose().map_err(|e| cannot_run(&e))?;
        let program = Program::of(graph);
        let known = Known::new(program.clone());
        let doors = trace.clone().map(Doors::new);
        let control = Arc::new(Control::new(graph.clone(), program, doors, known.clone()));
        let traced = (trace.clone(), known);
        let crew =
            Crew::new(options.placement, control.clone(), registry.clone(), traced, (options.capacity, options.gate));
        let berths = graph.operators().map(|(_, node)| crew.berth(node)).collect::<std::io::Result<Vec<_>>>();
        let berths = berths.map_err(|e| cannot_run(&e))?;
        let recruits = graph.operators().zip(functions).zip(berths).map(|(((at, node), function), berth)| Recruit {
            at,
            function,
            component: node.component.clone(),
            berth,
        });
        crew.launch(&mut control.lock(), recruits.collect());
        Ok(Self { control, registry, crew, trace })
    }

    /// Whether updates are taken: if not, why.
    pub(crate) fn still_runs(&self) -> Result<(), Diagnostics> {
        self.control.lock().still_runs()
    }

    /// Plans an update for the flow as the updates submitted so far leave it, and builds what it installs. Nothing is changed;
    /// what was built goes when the value does.
    pub(crate) fn prepare(
        &self,
        update: &Update,
        map: &SourceMap,
        scheduler: Option<Scheduler>,
    ) -> Result<Prepared, Diagnostics> {
        let (before, base) = {
            let ledger = self.control.lock();
            ledger.still_runs()?;
            (ledger.graph.clone(), UpdateId(ledger.program.updates()))
        };
        let plan = plan(&before, update, map, self.registry.catalogue(), scheduler)?;
        let actions = self.prepare_actions(&before, &plan, map)?;
        let extension = self.prepare_extension(&plan, map)?;
        Ok(Prepared { update: update.clone(), plan, before, base, actions, extension })
    }

    /// Whether what was prepared can be committed now.
    pub(crate) fn turn(&self, prepared: &Prepared) -> Result<Turn, Diagnostics> {
        let ledger = self.control.lock();
        ledger.still_runs()?;
        Ok(ledger.turn(prepared))
    }

    /// Waits until it can, or cannot any more.
    pub(crate) fn await_turn(&self, prepared: &Prepared) -> Result<(), Diagnostics> {
        let mut ledger = self.control.lock();
        loop {
            ledger.still_runs()?;
            if ledger.turn(prepared) != Turn::Waits {
                return Ok(());
            }
            ledger = self.control.wait_for_an_answer(ledger);
        }
    }

    /// Commits what was prepared, at its [`turn`](Self::turn): nothing after this fails.
    pub(crate) fn commit(&self, prepared: Prepared, submitted: Instant) -> Result<Ticket, Diagnostics> {
        let mut ledger = self.control.lock();
        ledger.still_runs()?;
        assert!(ledger.turn(&prepared) == Turn::Now, "it was asked, and nobody else commits meanwhile");
        let (ticket, carried, recruits) = ledger.admit(prepared, submitted, &self.control);
        self.crew.launch(&mut ledger, recruits);
        let update = carried.marker.update;
        for at in &carried.deployment.heads {
            ledger.send(*at, Letter::Mail(Mail::Marker(update), Some(carried.clone())));
        }
        let next = ledger.in_flight[&update].tally.submitted(None);
        ledger.conclude(update, next);
        Ok(ticket)
    }

    /// The update that takes back the last one that was applied.
    pub(crate) fn rollback(&self) -> Result<Update, Diagnostics> {
        let ledger = self.control.lock();
        let Some(last) = ledger.history.back().filter(|_| ledger.in_flight.is_empty()) else {
            let found = match ledger.in_flight.values().next() {
                Some(in_flight) => format!("`{}`, which is under way", in_flight.carried.update.name),
                None => "a flow as it was started".into(),
            };
            return Err(unknown("there is no update to take back", "an applied update, and none under way", found));
        };
        inverse(&last.before, &last.after, &last.update, &SourceMap::default())
    }

    /// An update that was applied, to be applied again.
    pub(crate) fn past_update(&self, number: u32) -> Result<(Update, Scheduler), Diagnostics> {
        let ledger = self.control.lock();
        let past: Option<&Past> = ledger.history.iter().find(|past| past.number.0 == number);
        past.map(|past| (past.update.clone(), past.scheduler)).ok_or_else(|| {
            unknown(
                &format!("update {number} is not in the history"),
                "the number of an update that is remembered",
                format!("{number}, of {} applied", ledger.applied),
            )
        })
    }

    /// What was applied, the latest last.
    pub(crate) fn history(&self) -> Vec<PastStatus> {
        self.control.lock().past()
    }

    /// Why the flow runs no more, if a function panicked.
    pub(crate) fn failure(&self) -> Option<String> {
        self.control.lock().failure.clone()
    }

    /// The graph as the updates submitted so far leave it.
    pub(crate) fn graph(&self) -> FlowGraph {
        self.control.lock().graph.clone()
    }

    /// What was held, by name: `load.IN`, or `load`.
    pub(crate) fn name_of(&self, hold: &Hold) -> String {
        let ledger = self.control.lock();
        match hold.port {
            Some(port) => ledger.program.input_name(InPort { operator: hold.operator, port }),
            None => ledger.program.operator(hold.operator).name.clone(),
        }
    }

    /// The declarations of the components that are compiled in.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What the flow says of itself.
    pub(crate) fn status(&self) -> Status {
        let threads = self.crew.threads();
        self.control.lock().status(self.crew.placement(), threads)
    }

    /// Ends the flow: sources take nothing new, what is under way is finished, threads end.
    pub(crate) fn stop(&self) -> Result<(), Diagnostics> {
        self.end();
        self.crew.join();
        let mut ledger = self.control.lock();
        if let Some(failure) = ledger.failure.clone() {
            return Err(failed(failure));
        }
        if let Some(doors) = &mut ledger.doors {
            doors.finish();
        }
        self.trace.as_ref().map_or(Ok(()), TraceFile::finish).map_err(|e| cannot_run(&e))
    }

    /// Sources take nothing new. [`stop`](Self::stop) does this first, unless it was done.
    pub(crate) fn end(&self) {
        let mut ledger = self.control.lock();
        if std::mem::replace(&mut ledger.stopped, true) {
            return;
        }
        let Ledger { program, doors, .. } = &mut *ledger;
        if let Some(doors) = doors {
            doors.end(program);
        }
        let sources: Vec<OperatorId> = ledger.program.sources().collect();
        for at in sources {
            ledger.send(at, Letter::Mail(Mail::End, None));
        }
    }

    fn prepare_extension(&self, plan: &Plan, map: &SourceMap) -> Result<Vec<Built>, Diagnostics> {
        let nodes = || plan.extension.iter().map(|at| plan.after.operator(*at));
        let flow = map.flow();
        let place = |name: &str| flow.place(&Thing::Operator(name.into()), "comes in");
        let functions = build_all(nodes(), &self.registry, place)?;
        let handed = plan.actions.values().flatten().filter_map(|action| match action {
            Action::HandOver { to, state } => Some((to.as_str(), state)),
            _ => None,
        });
        for (to, state) in handed {
            self.has_transfer(state, to, map).map_err(|d| Diagnostics(vec![d]))?;
        }
        let berths = nodes().map(|node| self.crew.berth(node)).collect::<std::io::Result<Vec<_>>>();
        let berths = berths.map_err(|e| cannot_run(&e))?;
        Ok(functions
            .into_iter()
            .zip(nodes())
            .zip(berths)
            .map(|((f, node), b)| (f, node.component.clone(), b))
            .collect())
    }

    fn has_transfer(&self, state: &StatePolicy, operator: &str, map: &SourceMap) -> Result<(), Diagnostic> {
        match state {
            StatePolicy::Transfer(name) if !self.registry.has_transfer(name) => {
                let why = format!("transfer {name} is declared but not compiled in");
                let place = map.place_change(operator, "changed here");
                Err(cannot_build(operator, "the state transfer", why, place))
            }
            StatePolicy::Transfer(_) | StatePolicy::Keep | StatePolicy::Reset => Ok(()),
        }
    }

    /// Builds what the plan installs, before anything is committed.
    fn prepare_actions(
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
        let name = &before.operator(at).name;
        let Some(node) = plan.after.find(name).map(|id| plan.after.operator(id)) else {
            return Ok(PreparedAction::Rewire);
        };
        match action {
            Action::Configure { .. } => self.prepare_values(before.operator(at), node, map),
            Action::Replace { state, .. } => self.prepare_function(before.operator(at), node, state, map),
            Action::HandOver { .. } | Action::Disconnect { .. } | Action::Connect { .. } | Action::Retire => {
                Ok(PreparedAction::Rewire)
            }
        }
    }

    /// New values of properties; if one of them is another place, a function that goes on there.
    fn prepare_values(&self, before: &Node, node: &Node, map: &SourceMap) -> Result<PreparedAction, Diagnostic> {
        let id = &node.component.id;
        // A function that is replaced as well was built with the new values, which says more than any check.
        if before.component.id == *id {
            if self.crew.moves(before, node) {
                return self.prepare_function(before, node, &StatePolicy::Keep, map);
            }
            let [old, new] = [before, node].map(|node| Properties::new(node.properties.clone()));
            let checked = self.registry.accepts_properties(id, &old, &new);
            let place = map.place_change(&node.name, "changed here");
            checked.map_err(|e| cannot_build(&node.name, &id.to_string(), e.to_string(), place))?;
        }
        Ok(PreparedAction::Configure(Properties::new(node.properties.clone())))
    }

    fn prepare_function(
        &self,
        before: &Node,
        node: &Node,
        state: &StatePolicy,
        map: &SourceMap,
    ) -> Result<PreparedAction, Diagnostic> {
        self.has_transfer(state, &node.name, map)?;
        let place = map.place_change(&node.name, "changed here");
        let refused = |why: String| cannot_build(&node.name, &node.component.id.to_string(), why, place);
        let built = self.registry.build_runnable(&node.component.id, &Properties::new(node.properties.clone()));
        let berth = || self.crew.berth_of_changed(before, node).map_err(|e| format!("there is no thread for it: {e}"));
        let (function, berth) = built.map_err(|e| e.to_string()).and_then(|f| Ok((f, berth()?))).map_err(refused)?;
        let replacement = Replacement { function, component: node.component.clone(), state: state.clone(), berth };
        Ok(PreparedAction::Replace(Box::new(replacement)))
    }
}

impl Ledger {
    /// Whether updates are taken: if not, why.
    fn still_runs(&self) -> Result<(), Diagnostics> {
        match &self.failure {
            Some(failure) => Err(failed(failure.clone())),
            None if self.stopped => Err(failed("it was told to end".into())),
            None => Ok(()),
        }
    }

    /// Updates that are submitted and not answered.
    fn under_way(&self) -> BTreeSet<UpdateId> {
        self.in_flight.keys().copied().collect()
    }

    /// What an update before this one switches when its marker has come round must be switched before this one begins.
    fn turn(&self, prepared: &Prepared) -> Turn {
        if UpdateId(self.program.updates()) != prepared.base {
            return Turn::Missed;
        }
        let under_way = self.under_way();
        if !self.program.may_await(&under_way) {
            return Turn::Now;
        }
        let mut trial = self.program.clone();
        let deployment = trial.admit_beside(&prepared.before, &prepared.plan, &under_way);
        let waits = deployment.awaits.iter().any(|update| self.in_flight.contains_key(update));
        if waits { Turn::Waits } else { Turn::Now }
    }

    /// Takes an update in: from here on it is under way, and the flow is the one after it.
    fn admit(
        &mut self,
        prepared: Prepared,
        submitted: Instant,
        control: &Arc<Control>,
    ) -> (Ticket, Arc<Carried>, Vec<Recruit>) {
        let Prepared { update, plan, before, actions, extension, .. } = prepared;
        let beside = self.under_way();
        let deployment = self.program.admit_beside(&before, &plan, &beside);
        if !deployment.born.is_empty() {
            self.known.set(self.program.clone());
        }
        if let Some(doors) = &mut self.doors {
            doors.submit(&self.program, deployment.update, &update, plan.scheduler, &beside);
        }
        let recruits = deployment.born.iter().zip(extension);
        let recruits =
            recruits.map(|(at, (function, component, berth))| Recruit { at: *at, function, component, berth });
        let recruits = recruits.collect();
        let numbered = actions.into_iter().map(|(at, list)| (deployment.before[at.0 as usize], list)).collect();
        self.leaving.extend(&deployment.retired);
        let number = deployment.update;
        let tally = Tally::new(&deployment.expected);
        let carried = Arc::new(Carried::new(update, deployment, numbered));
        let (waiting, answer) = mpsc::channel();
        self.graph = plan.after.clone();
        let in_flight = InFlight { carried: carried.clone(), plan, before, submitted, tally, waiting };
        self.in_flight.insert(number, in_flight);
        (Ticket { update: number, control: control.clone(), answer }, carried, recruits)
    }
}

fn build_all<'a>(
    nodes: impl Iterator<Item = &'a Node>,
    registry: &Registry,
    place: impl Fn(&str) -> Option<Place>,
) -> Result<Vec<Box<dyn Runnable>>, Diagnostics> {
    let mut wrong = Vec::new();
    let mut functions = Vec::new();
    for node in nodes {
        match registry.build_runnable(&node.component.id, &Properties::new(node.properties.clone())) {
            Ok(function) => functions.push(function),
            Err(e) => {
                let component = node.component.id.to_string();
                wrong.push(cannot_build(&node.name, &component, e.to_string(), place(&node.name)));
            }
        }
    }
    if wrong.is_empty() { Ok(functions) } else { Err(Diagnostics(wrong)) }
}

/// R09.
fn unknown(message: &str, expected: &str, found: String) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R09,
        message: message.into(),
        places: Vec::new(),
        expected: expected.into(),
        found,
        hint: "`neurath update history` lists what was applied, `neurath update status` what is under way".into(),
    }])
}

fn cannot_build(operator: &str, component: &str, why: String, place: Option<Place>) -> Diagnostic {
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
