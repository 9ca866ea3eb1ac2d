//! An instance: one flow, the updates to come, and the bounds within which it is explored.
//!
//! Everything that stays the same during a run is here, so that a [`World`](crate::world::World), which is cloned for
//! every state, holds only what changes.

use crate::client::{Client, Declared, Predicate};
use crate::properties::named::NAMED;
use neurath_model::choice::Emits;
use neurath_model::component::{Component, Emission, Wake};
use neurath_model::graph::{FlowGraph, Node};
use neurath_model::id::{ArcId, InPort, OperatorId, PortIndex, PortSet, UpdateId};
use neurath_model::plan::Plan;
use neurath_model::program::{Deployment, Program};
use neurath_model::property::Property;
use neurath_model::protocol::Mutant;
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// How much the environment does, and how much an arc holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// How many lineages each source may begin (for the HTTP server: connections at `accept`, requests at `read`).
    pub packets: u64,
    /// How many packets an arc holds; feedback arcs are unbounded, and markers do not count.
    pub capacity: usize,
    /// Whether the environment may end the flow.
    pub ends: bool,
    /// Whether a source may let a held packet go without emitting anything, as when a client hangs up.
    pub hangups: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { packets: 2, capacity: 1, ends: false, hangups: false }
    }
}

/// A fault put in on purpose: the checker must find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The protocol at every operator breaks a rule.
    Protocol(Mutant),
    /// An arc loses its second packet: breaks S1.
    LossyArc,
    /// A packet overtakes the one before it: breaks S2.
    LastInFirstOut,
    /// A marker is put at the head of the queue instead of behind the packets, and operators take updates as they come: breaks
    /// S7 with two updates of one operator, and S4 with one update of two operators.
    MarkerAtHead,
    /// A marker is taken while outputs of the last firing are still held: breaks S3.
    ApplyMidFiring,
    /// A transfer runs twice: breaks S11.
    TransferTwice,
    /// Open work is forgotten when a function changes: breaks S1, and L3 where its lineage had not ended.
    DropOpenWork,
    /// An operator that is to get an arc fetches it from the port where it stands: breaks S10.
    FetchArc,
}

impl Fault {
    /// Every fault with the name by which the command line knows it.
    pub const ALL: &'static [(&'static str, Fault)] = &[
        ("marker-on-one-output", Fault::Protocol(Mutant::MarkerOnOneOutput)),
        ("target-absorbs-marker", Fault::Protocol(Mutant::TargetAbsorbsMarker)),
        ("apply-on-every-marker", Fault::Protocol(Mutant::ApplyOnEveryMarker)),
        ("await-feedback", Fault::Protocol(Mutant::AwaitFeedback)),
        ("split-actions", Fault::Protocol(Mutant::SplitActions)),
        ("split-reconnections", Fault::Protocol(Mutant::SplitReconnections)),
        ("await-connected", Fault::Protocol(Mutant::AwaitConnected)),
        ("await-all-ports", Fault::Protocol(Mutant::AwaitAllPorts)),
        ("no-global-order", Fault::Protocol(Mutant::NoGlobalOrder)),
        ("broadcast-everywhere", Fault::Protocol(Mutant::BroadcastEverywhere)),
        ("connect-first", Fault::Protocol(Mutant::ConnectFirst)),
        ("retire-undrained", Fault::Protocol(Mutant::RetireUndrained)),
        ("never-released", Fault::Protocol(Mutant::NeverReleased)),
        ("answer-at-entrance", Fault::Protocol(Mutant::AnswerAtEntrance)),
        ("silent-exit", Fault::Protocol(Mutant::SilentExit)),
        ("lossy-arc", Fault::LossyArc),
        ("last-in-first-out", Fault::LastInFirstOut),
        ("marker-at-head", Fault::MarkerAtHead),
        ("apply-mid-firing", Fault::ApplyMidFiring),
        ("transfer-twice", Fault::TransferTwice),
        ("drop-open-work", Fault::DropOpenWork),
        ("fetch-arc", Fault::FetchArc),
    ];

    /// The property that it breaks first wherever the fault can show, if all are judged.
    ///
    /// Some break more: a marker that is not sent on leaves its update unanswered (L1) whether or not a join waits for it
    /// (L2), and an answer at the entrance, which claims what has not happened (S6), also lets its reader believe that
    /// new packets meet new versions (S14).
    pub fn breaks(self) -> &'static str {
        match self {
            Self::LossyArc | Self::DropOpenWork => "S1",
            Self::LastInFirstOut => "S2",
            Self::ApplyMidFiring => "S3",
            Self::Protocol(Mutant::ApplyOnEveryMarker | Mutant::AnswerAtEntrance) => "S6",
            Self::MarkerAtHead | Self::Protocol(Mutant::NoGlobalOrder) => "S7",
            Self::Protocol(Mutant::SplitActions | Mutant::SplitReconnections) => "S8",
            Self::TransferTwice => "S11",
            Self::Protocol(Mutant::ConnectFirst) => "S9",
            Self::FetchArc => "S10",
            Self::Protocol(Mutant::RetireUndrained) => "S12",
            Self::Protocol(Mutant::BroadcastEverywhere) => "S13",
            Self::Protocol(Mutant::NeverReleased) => "L7",
            Self::Protocol(Mutant::TargetAbsorbsMarker | Mutant::SilentExit) => "L1",
            Self::Protocol(
                Mutant::MarkerOnOneOutput | Mutant::AwaitFeedback | Mutant::AwaitConnected | Mutant::AwaitAllPorts,
            ) => "L2",
        }
    }

    /// The fault of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, fault)| *fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, fault)| fault == self).map(|(n, _)| *n);
        f.write_str(name.expect("every fault is listed"))
    }
}

/// What an operator may do on one version, as its component declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// The component, for people to read.
    pub component: String,
    /// What a firing emits.
    pub emission: Emission,
    /// Whether it fires without packets.
    pub wake: Wake,
    /// Whether packets reach it at all.
    pub has_inputs: bool,
    /// Inputs from which a packet is used up: that firing emits nothing.
    pub absorbs: PortSet,
    /// How many outputs its firings emit on.
    pub outputs: u8,
    /// Whether it remembers anything.
    pub stateful: bool,
}

impl Behaviour {
    fn of(component: &Component) -> Self {
        Self {
            component: component.id.to_string(),
            emission: component.emission,
            wake: component.wake,
            has_inputs: !component.inputs.is_empty(),
            absorbs: component
                .inputs
                .iter()
                .enumerate()
                .filter(|(_, i)| i.absorbs)
                .map(|(i, _)| PortIndex(i as u8))
                .collect(),
            outputs: component.outputs.len() as u8,
            stateful: component.state.is_some(),
        }
    }

    fn ports(&self) -> impl Iterator<Item = PortIndex> + Clone {
        (0..self.outputs).map(PortIndex)
    }

    /// Whether a packet that comes in is held, to be let go by a later wake.
    pub fn holds(&self) -> bool {
        self.emission == Emission::Buffer
    }

    /// What one firing may emit. `many` stands for nothing, one or two packets on one output, or one on each.
    pub fn alternatives(&self) -> Vec<Emits> {
        let all: Emits = self.ports().collect();
        match self.emission {
            Emission::Each => vec![all],
            Emission::Filter => vec![all, Emits::new()],
            Emission::Route => self.ports().map(|p| smallvec![p]).collect(),
            Emission::Many => {
                let mut many: Vec<Emits> = vec![Emits::new()];
                many.extend(self.ports().map(|p| smallvec![p]));
                many.extend(self.ports().map(|p| smallvec![p, p]));
                if self.outputs > 1 {
                    many.push(all);
                }
                many
            }
            Emission::Buffer => vec![Emits::new()],
        }
    }

    /// What a firing on a packet from one port may emit.
    pub fn alternatives_at(&self, port: PortIndex) -> Vec<Emits> {
        if self.absorbs.contains(port) { vec![Emits::new()] } else { self.alternatives() }
    }

    /// Whether a firing on a packet from one port may emit this.
    pub fn admits_at(&self, port: PortIndex, emits: &Emits) -> bool {
        if self.absorbs.contains(port) { emits.is_empty() } else { self.admits(emits) }
    }

    /// What letting a held packet go may emit: nothing, or one packet on one output.
    pub fn releases(&self) -> Vec<Emits> {
        std::iter::once(Emits::new()).chain(self.ports().map(|p| smallvec![p])).collect()
    }

    /// Whether a firing may emit this: the rule behind [`alternatives`](Self::alternatives), without its limit on `many`.
    pub fn admits(&self, emits: &Emits) -> bool {
        match self.emission {
            Emission::Many => emits.iter().all(|p| p.0 < self.outputs),
            Emission::Each | Emission::Filter | Emission::Route | Emission::Buffer => {
                self.alternatives().contains(emits)
            }
        }
    }
}

/// One flow, its updates in the order of submission, and the bounds.
#[derive(Debug, Clone)]
pub struct Instance {
    /// What runs, all operators that any of the updates brings in included.
    pub program: Program,
    /// The updates; that of id `k` is at index `k - 1`.
    pub updates: Vec<Deployment>,
    /// The bounds of exploration.
    pub bounds: Bounds,
    /// A fault put in, if any.
    pub fault: Option<Fault>,
    /// Whether properties observe what happens. They tell at most [`Self::UPDATES_MAX`] updates apart.
    pub judged: bool,
    /// What users want to be so, beside what the protocol promises.
    pub clients: Vec<Client>,
    /// The properties of [`NAMED`] that were asked for.
    asked: Vec<&'static str>,
    /// How many operators and arcs there are before the first update.
    pub first: (usize, usize),
    /// The behaviours of each operator: the first it has, and after each update that changes it.
    behaviours: Vec<SmallVec<[(UpdateId, Behaviour); 2]>>,
    /// The flow before the first update, and what each was planned for.
    graph: FlowGraph,
    plans: Vec<(FlowGraph, Plan)>,
}

impl Instance {
    /// How many updates the properties can tell apart.
    pub const UPDATES_MAX: usize = 64;

    /// An instance of a flow whose updates are submitted in the order given, each planned against the flow as the one
    /// before leaves it.
    pub fn new(graph: &FlowGraph, plans: &[Plan], bounds: Bounds) -> Self {
        let mut instance = Self::before_updates(graph, bounds);
        let mut before = graph;
        for plan in plans {
            instance.admit(before, plan);
            before = &plan.after;
        }
        instance
    }

    /// An instance of a flow that is not updated.
    pub fn before_updates(graph: &FlowGraph, bounds: Bounds) -> Self {
        let program = Program::of(graph);
        let first = |node: &Node| smallvec![(UpdateId::NONE, Behaviour::of(&node.component))];
        let behaviours = graph.operators().map(|(_, node)| first(node)).collect();
        let first = (program.operators().len(), program.arcs().len());
        Self {
            program,
            updates: Vec::new(),
            bounds,
            fault: None,
            judged: true,
            clients: Vec::new(),
            asked: Vec::new(),
            first,
            behaviours,
            graph: graph.clone(),
            plans: Vec::new(),
        }
    }

    /// The flow before the first update.
    pub fn graph(&self) -> &FlowGraph {
        &self.graph
    }

    /// The plan of each update, with the flow that it was made for.
    pub fn plans(&self) -> &[(FlowGraph, Plan)] {
        &self.plans
    }

    /// Adds an update that was planned against `before`. That should be the flow as the updates so far leave it; if it is not,
    /// the update is one that came too late.
    pub fn admit(&mut self, before: &FlowGraph, plan: &Plan) {
        let all = self.update_ids().collect();
        self.admit_beside(before, plan, &all);
    }

    /// The same for an update beside which only some of those before it are still under way.
    pub fn admit_beside(&mut self, before: &FlowGraph, plan: &Plan, beside: &BTreeSet<UpdateId>) {
        let deployment = self.program.admit_beside(before, plan, beside);
        let after = |name: &str| plan.after.find(name).map(|at| plan.after.operator(at));
        for at in plan.actions.keys() {
            let node = before.operator(*at);
            let behaviour = Behaviour::of(&after(&node.name).unwrap_or(node).component);
            let id = deployment.before[at.0 as usize];
            self.behaviours[id.0 as usize].push((deployment.update, behaviour));
        }
        for at in &plan.extension {
            let behaviour = Behaviour::of(&plan.after.operator(*at).component);
            self.behaviours.push(smallvec![(deployment.update, behaviour)]);
        }
        self.updates.push(deployment);
        self.plans.push((before.clone(), plan.clone()));
    }

    /// Lets an update begin only when these, too, are answered: as it was in a run that is replayed.
    pub fn awaits_also(&mut self, update: UpdateId, others: impl Iterator<Item = UpdateId>) {
        let awaits = &mut self.updates[update.0 as usize - 1].awaits;
        awaits.extend(others);
        awaits.sort();
        awaits.dedup();
    }

    /// The same instance within other bounds.
    #[must_use]
    pub fn within(self, bounds: Bounds) -> Self {
        Self { bounds, ..self }
    }

    /// The same instance with a fault put in.
    #[must_use]
    pub fn with_fault(self, fault: Fault) -> Self {
        let mut faulty = match fault {
            Fault::Protocol(mutant) => self.with_mutant(mutant),
            // An operator that keeps updates in order would hold such markers back, and hang instead.
            Fault::MarkerAtHead => self.with_mutant(Mutant::NoGlobalOrder),
            _ => self,
        };
        faulty.fault = Some(fault);
        faulty
    }

    /// Updates are admitted again: some faults are in what their markers say.
    fn with_mutant(self, mutant: Mutant) -> Self {
        let mut faulty = Self::before_updates(&self.graph, self.bounds);
        faulty.program = faulty.program.with_mutant(mutant);
        for (before, plan) in &self.plans {
            faulty.admit(before, plan);
        }
        Self { judged: self.judged, clients: self.clients, asked: self.asked, ..faulty }
    }

    /// The same instance, in which these predicates are judged, too.
    #[must_use]
    pub fn with_clients(mut self, predicates: Vec<Arc<dyn Predicate>>) -> Self {
        self.clients.extend(predicates.into_iter().map(Client::new));
        self
    }

    /// The same instance, in which these properties are judged, too.
    #[must_use]
    pub fn with_properties(self, properties: &[Property]) -> Self {
        let stated = |property| -> Arc<dyn Predicate> { Arc::new(Declared::new(property, &self)) };
        let predicates = properties.iter().map(stated).collect();
        self.with_clients(predicates)
    }

    /// The same instance with nobody to judge it: any number of updates, and no property is ever broken.
    #[must_use]
    pub fn unjudged(mut self) -> Self {
        self.judged = false;
        self
    }

    /// The same instance, judged by properties of [`NAMED`] too: those whose name is given. Other
    /// codes are passed over.
    #[must_use]
    pub fn asking(mut self, codes: &[&str]) -> Self {
        let known = NAMED.iter().map(|named| named.about.code);
        self.asked = known.filter(|code| codes.contains(code)).collect();
        self
    }

    /// Whether a property that has to be asked for was.
    pub fn asks(&self, code: &str) -> bool {
        self.asked.contains(&code)
    }

    /// Whether any was.
    pub fn asks_any(&self) -> bool {
        !self.asked.is_empty()
    }

    /// An update's data.
    pub fn update(&self, id: UpdateId) -> &Deployment {
        &self.updates[id.0 as usize - 1]
    }

    /// Every update id, in the order of submission.
    pub fn update_ids(&self) -> impl Iterator<Item = UpdateId> + use<> {
        (1..=self.updates.len() as u32).map(UpdateId)
    }

    /// What an operator does after `version` was the last update applied to it.
    pub fn behaviour(&self, at: OperatorId, version: UpdateId) -> &Behaviour {
        let known = &self.behaviours[at.0 as usize];
        &known[known.binary_search_by_key(&version, |(since, _)| *since).unwrap_or(0)].1
    }

    /// Whether two updates are to take effect in one order: those whose markers stay in scopes of their own, which have no operator
    /// in common, are not.
    pub fn are_ordered(&self, u: UpdateId, v: UpdateId) -> bool {
        let (u, v) = (self.update(u), self.update(v));
        let local = |d: &Deployment| d.scheduler.is_local();
        u.update == v.update || !(local(u) || local(v)) || u.scope.iter().any(|at| v.scope.contains(at))
    }

    /// How many operators and arcs there are when the first `submitted` updates were submitted.
    pub fn extent(&self, submitted: u32) -> (usize, usize) {
        let born = self.updates[..submitted as usize].iter().flat_map(|update| &update.born);
        let (operators, arcs) = self.first;
        born.fold((operators, arcs), |(n, arcs), at| (n + 1, arcs + self.program.operator(*at).outputs.len()))
    }

    /// Where an arc ends when the first `submitted` updates are done; nowhere if its producer goes.
    pub fn destination(&self, arc: ArcId, submitted: u32) -> Option<InPort> {
        let mut moves = self.updates[..submitted as usize].iter().flat_map(|update| &update.moves);
        moves.rfind(|a_move| a_move.arc == arc).map_or(Some(self.program.arc(arc).to), |a_move| a_move.to)
    }

    /// An operator's name.
    pub fn name(&self, at: OperatorId) -> &str {
        &self.program.operator(at).name
    }

    /// A lineage's name: where it began, and its number there.
    pub fn lineage_name(&self, lineage: neurath_model::id::Lineage) -> String {
        format!("{}#{}", self.name(lineage.origin()), lineage.number())
    }
}
