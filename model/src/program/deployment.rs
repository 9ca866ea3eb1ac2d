//! A plan, brought to the operators that run: every name looked up, every order written out.
//!
//! A plan speaks of the graph it was made for. A deployment speaks of operators by the numbers they have while they run, and
//! holds what the drivers need: whom the marker is sent to, what it says to each operator, what each does then, which
//! operators start, and whom the exit hears from.

use super::{ByOperator, Feed, Numbered, Program, ProgramArc, operator};
use crate::component::Wake;
use crate::flow::PortRef;
use crate::graph::FlowGraph;
use crate::id::{ArcId, InPort, OperatorId, OutPort, PortIndex, PortSet, UpdateId};
use crate::marker::{Expected, Mail, Orders};
use crate::plan::{Action, Pass, Plan, Route, Scheduler};
use crate::protocol::{Interface, Mutant};
use crate::update::StatePolicy;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What an operator does at its computation time: an action of the plan, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// It goes on with another function.
    Replace(StatePolicy),
    /// It takes new values of properties.
    Configure,
    /// It gives its state to an operator that comes.
    HandOver(OperatorId, StatePolicy),
    /// It takes the arc of that move from its port.
    Disconnect(Move),
    /// The arc of that move is attached to its port, now or when it comes.
    Connect(Move),
}

/// An arc that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Move {
    /// The arc.
    pub arc: ArcId,
    /// The port that it leaves; none for an arc that is new.
    pub from: Option<InPort>,
    /// The port that it comes to; none for an arc that dies with its producer.
    pub to: Option<InPort>,
}

/// An update, ready to be carried out in a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The update.
    pub update: UpdateId,
    /// What it is called.
    pub name: String,
    /// How it travels.
    pub scheduler: Scheduler,
    /// The operators of the graph that it was planned for, by that graph's numbers.
    pub before: Arc<Vec<OperatorId>>,
    /// Updates that must be answered before this one begins. Some change the arc at a feedback port when their marker comes along
    /// it, and this one takes the next arc from there at its operator's computation time, which nothing orders with that. Others
    /// have stopped everything, and something that this one brings in would begin meanwhile.
    pub awaits: Vec<UpdateId>,
    /// Operators that get the marker from the entrance.
    pub heads: Vec<OperatorId>,
    /// Operators that are told to go on when all is done (stop-the-world).
    pub stopped: Vec<OperatorId>,
    /// Operators that come, with the graph's node of each.
    pub born: Vec<OperatorId>,
    /// Operators that go.
    pub retired: Vec<OperatorId>,
    /// Arcs that move.
    pub moves: Vec<Move>,
    /// Whom the exit waits for.
    pub expected: Expected,
    /// The operators that the marker passes.
    pub scope: Vec<OperatorId>,
    /// The last update before this one with orders for each operator.
    earlier: Vec<UpdateId>,
    acts: BTreeMap<OperatorId, Vec<Act>>,
    orders: ByOperator<Orders>,
    /// The second part, for updates that have one.
    second: BTreeMap<OperatorId, Orders>,
    switches: BTreeMap<(OperatorId, PortIndex), (Orders, Vec<Act>)>,
}

impl Deployment {
    /// What the marker says to an operator; where the plan has nothing for it, that it is to be passed on everywhere. It comes to such
    /// an operator only on an arc that an update before it will take away, and stays there until that has passed.
    pub fn orders(&self, interface: &Interface, at: OperatorId) -> Orders {
        self.orders.get(at).copied().unwrap_or_else(|| Orders {
            after: self.earlier.get(at.0 as usize).copied().unwrap_or_default(),
            awaited: interface.forward(),
            forward: interface.outputs,
            settles: true,
            ..Orders::default()
        })
    }

    /// What the marker says when it comes to a port: at a feedback port it speaks of that port only.
    pub fn orders_at(&self, interface: &Interface, at: OperatorId, port: PortIndex) -> Orders {
        match self.switches.get(&(at, port)) {
            Some((orders, _)) => *orders,
            None => self.orders(interface, at),
        }
    }

    /// What mail about the update says to an operator.
    pub fn orders_by_mail(&self, interface: &Interface, at: OperatorId, mail: Mail) -> Orders {
        match mail {
            Mail::Apply(_) => self.second.get(&at).copied().unwrap_or_default(),
            Mail::Marker(_) | Mail::Resume(_) | Mail::End => self.orders(interface, at),
        }
    }

    /// Operators that are told to apply when all is quiet, and what they are told.
    pub fn second_part(&self) -> impl Iterator<Item = OperatorId> {
        self.second.keys().copied()
    }

    /// The actions of an operator, in order; empty where it is not changed.
    pub fn acts(&self, at: OperatorId) -> &[Act] {
        self.acts.get(&at).map_or(&[], Vec::as_slice)
    }

    /// The actions at a feedback port, in order.
    pub fn acts_at(&self, at: OperatorId, port: PortIndex) -> &[Act] {
        self.switches.get(&(at, port)).map_or(&[], |(_, acts)| acts.as_slice())
    }

    /// Operators that perform actions, with them.
    pub fn changed(&self) -> impl Iterator<Item = (OperatorId, &[Act])> {
        self.acts.iter().map(|(at, acts)| (*at, acts.as_slice()))
    }

    /// Whether the update changes an operator: function, properties or arcs, or that it comes or goes.
    pub fn changes(&self, at: OperatorId) -> bool {
        // Numbers are given in turn, so those who come are in order.
        self.acts.contains_key(&at) || self.born.binary_search(&at).is_ok()
    }

    /// Whether whatever comes behind its marker is behind it everywhere: no operator that it passes has an input beside those at
    /// which it is awaited, and what it changes is changed when it passes. With `dependent` other ways may lead to its targets; with
    /// `stop-the-world` its marker only stops what follows, and all is changed later.
    pub fn covers(&self, program: &Program) -> bool {
        let awaits_all = |at: &OperatorId| {
            let orders = self.orders.get(*at).expect("the marker says something to all that it passes");
            orders.awaited.covers(program.operator(*at).interface.forward())
        };
        match self.scheduler {
            Scheduler::StopTheWorld => false,
            Scheduler::Dependent => self.scope.iter().all(awaits_all),
            Scheduler::Direct | Scheduler::Epoch | Scheduler::Scoped => true,
        }
    }

    /// Whether the operator is one that the marker passes.
    pub fn concerns(&self, at: OperatorId) -> bool {
        self.orders.place(at).is_some()
    }

    /// The place of an operator among those that the marker passes, in the order of their numbers.
    pub fn place(&self, at: OperatorId) -> Option<usize> {
        self.orders.place(at)
    }
}

impl Program {
    /// Whether one more update might have to wait for these to be answered before it begins; false if it need not, whatever it does.
    pub fn may_await(&self, under_way: &BTreeSet<UpdateId>) -> bool {
        self.switched.values().chain(&self.stopping).any(|update| under_way.contains(update))
    }

    /// Brings a plan, made for the graph as the updates admitted so far leave it, to the operators that run. Any of these may still
    /// be under way.
    pub fn admit(&mut self, before: &FlowGraph, plan: &Plan) -> Deployment {
        let all = (1..=self.last.0).map(UpdateId).collect();
        self.admit_beside(before, plan, &all)
    }

    /// The same where only some of the updates before it are still under way: those that are answered need not be minded.
    pub fn admit_beside(&mut self, before: &FlowGraph, plan: &Plan, under_way: &BTreeSet<UpdateId>) -> Deployment {
        self.local.retain(|update, _| under_way.contains(update));
        self.switched.retain(|_, update| under_way.contains(update));
        self.stopping = self.stopping.filter(|update| under_way.contains(update));
        self.last = UpdateId(self.last.0 + 1);
        let update = self.last;
        let old = self.numbers(before);
        let route = self.route(before, plan, &old);
        let born = self.bring_in(plan, update);
        let names = Names { program: self, old: &old, before };
        let acts: BTreeMap<OperatorId, Vec<Act>> =
            plan.actions.iter().map(|(at, list)| (old[at.0 as usize], names.acts(list))).collect();
        let switches = plan.switches.iter().map(|(port, list)| {
            let at = old[port.operator.0 as usize];
            let (after, leaves) = (self.ordered[at.0 as usize], PortSet::only(port.port));
            let acts = names.acts(list);
            let orders = Orders { after, actions: list.len() as u16, leaves, gets: gets(&acts), ..Orders::default() };
            ((at, port.port), (orders, acts))
        });
        let switches: BTreeMap<_, _> = switches.collect();
        let moves: Vec<Move> =
            plan.reconnections.iter().map(|r| names.a_move(&r.arc, r.from.as_ref(), r.to.as_ref())).collect();
        self.expect_loose_ends(&moves);
        self.inherit(&acts);
        let retired: Vec<OperatorId> = plan.retired.iter().map(|at| old[at.0 as usize]).collect();
        for at in &plan.retired {
            Arc::make_mut(&mut self.current).remove(&before.operator(*at).name);
        }
        if !(plan.retired.is_empty() && plan.extension.is_empty()) {
            self.numbered = Numbered(None);
        }
        let mut deployment = Deployment {
            update,
            name: plan.update.clone(),
            scheduler: plan.scheduler,
            before: old.clone(),
            awaits: Vec::new(),
            heads: route.heads.iter().map(|at| old[at.0 as usize]).collect(),
            stopped: Vec::new(),
            born,
            retired,
            moves,
            expected: Expected::default(),
            earlier: self.ordered.clone(),
            scope: route.passes.keys().map(|at| old[at.0 as usize]).collect(),
            acts,
            orders: ByOperator::default(),
            second: BTreeMap::new(),
            switches,
        };
        self.write_orders(&mut deployment, before, plan, &route);
        self.await_earlier(&mut deployment);
        if plan.scheduler.in_two_parts() {
            self.stop_new_sources(&mut deployment, plan);
        }
        self.remember(&deployment);
        deployment
    }

    /// The way of an update's marker: the plan's, or a wider one where updates before it stayed in scopes that overlap it.
    fn route(&self, before: &FlowGraph, plan: &Plan, old: &[OperatorId]) -> Route {
        let mut route = plan.route.clone();
        while plan.scheduler.is_local() && self.mutant != Some(Mutant::NoGlobalOrder) {
            if self.local.is_empty() {
                break;
            }
            let scope: BTreeSet<OperatorId> = route.passes.keys().map(|at| old[at.0 as usize]).collect();
            let overlap = self.local.values().filter(|other| !other.is_disjoint(&scope));
            let all: BTreeSet<OperatorId> = overlap.flatten().copied().chain(scope.iter().copied()).collect();
            if all == scope {
                break;
            }
            let before_ids = (0..old.len()).filter(|i| all.contains(&old[*i])).map(|i| OperatorId(i as u32));
            let wide = plan.route.widened(before, &before_ids.collect());
            if wide.passes.len() == route.passes.len() {
                break;
            }
            route = wide;
        }
        route
    }

    /// What was passed, for the updates to come. While everything is made quiet, the arcs are still where they were: what follows
    /// must enter at the sources, which are stopped until the update is applied.
    fn remember(&mut self, deployment: &Deployment) {
        let passes_all = deployment.scope.len() == deployment.before.len();
        let passed = || deployment.scope.iter().chain(&deployment.born).copied().collect();
        match deployment.scheduler {
            Scheduler::Direct => {}
            Scheduler::Epoch => self.local.clear(),
            Scheduler::Scoped if passes_all => self.local.clear(),
            Scheduler::StopTheWorld => self.local = [(deployment.update, passed())].into(),
            Scheduler::Scoped | Scheduler::Dependent => drop(self.local.insert(deployment.update, passed())),
        }
    }

    /// The number here of each operator of a graph.
    fn numbers(&mut self, graph: &FlowGraph) -> Arc<Vec<OperatorId>> {
        if let Numbered(Some((known, numbers))) = &self.numbered
            && known.shares_shape(graph)
        {
            return numbers.clone();
        }
        let numbers: Arc<Vec<_>> = Arc::new(graph.operators().map(|(_, node)| self.latest(&node.name)).collect());
        self.numbered = Numbered(Some((graph.clone(), numbers.clone())));
        numbers
    }

    /// The operator that has a name, or was the last to have it: a plan that comes too late may speak of it.
    fn latest(&self, name: &str) -> OperatorId {
        let gone =
            || self.operators().filter(|(_, o)| o.name == name || o.name.starts_with(&format!("{name}~"))).last();
        self.current(name).or_else(|| gone().map(|(id, _)| id)).expect("a plan speaks of operators that run or ran")
    }

    /// Operators that come, with their arcs; those to operators that stay are loose ends until they are attached.
    fn bring_in(&mut self, plan: &Plan, update: UpdateId) -> Vec<OperatorId> {
        let first = self.operators.len() as u32;
        let mut born = Vec::new();
        for (k, at) in plan.extension.iter().enumerate() {
            let node = plan.after.operator(*at);
            let mut new = operator(node, update);
            new.inputs = vec![Feed::Vacant; node.inputs.len()];
            let id = OperatorId(first + k as u32);
            for (port, arc) in node.outputs.iter().enumerate() {
                new.outputs.push(ArcId(self.arcs.len() as u32));
                let to = plan.after.arc(*arc).to;
                let from = OutPort { operator: id, port: PortIndex(port as u8) };
                self.arcs.push(ProgramArc { from, to: InPort { operator: OperatorId(u32::MAX), port: to.port } });
            }
            assert_eq!(self.add(&node.name, new), id, "operators are numbered in turn");
            born.push(id);
        }
        for (k, at) in plan.extension.iter().enumerate() {
            for (port, arc) in plan.after.operator(*at).outputs.iter().enumerate() {
                let to = plan.after.arc(*arc).to;
                let target = self.current[&plan.after.operator(to.operator).name];
                let id = self.operators[born[k].0 as usize].outputs[port];
                self.arcs.at_mut(id.0 as usize).to.operator = target;
                if target.0 >= first {
                    self.operators.at_mut(target.0 as usize).inputs[usize::from(to.port.0)] = Feed::Arc(id);
                }
            }
        }
        born
    }

    /// Arcs that come to an operator that comes are expected there from the start.
    fn expect_loose_ends(&mut self, moves: &[Move]) {
        for a_move in moves {
            let Some(to) = a_move.to else { continue };
            if self.operator(to.operator).born == self.last {
                let operator = self.operators.at_mut(to.operator.0 as usize);
                operator.inputs[usize::from(to.port.0)] = Feed::Expects(a_move.arc);
            }
        }
    }

    fn inherit(&mut self, acts: &BTreeMap<OperatorId, Vec<Act>>) {
        for act in acts.values().flatten() {
            if let Act::HandOver(to, _) = act {
                self.operators.at_mut(to.0 as usize).inherits = true;
            }
        }
    }

    /// Waits for those who switched what it takes away, and for one who stopped everything; remembers what later ones wait for.
    fn await_earlier(&mut self, deployment: &mut Deployment) {
        let left = |act: &Act| match act {
            Act::Disconnect(a_move) => a_move.from,
            Act::Replace(_) | Act::Configure | Act::HandOver(..) | Act::Connect(_) => None,
        };
        let ports = deployment.acts.values().flatten().filter_map(left);
        let switching = ports.filter_map(|port| self.switched.get(&port).copied());
        deployment.awaits = switching.chain(self.stopping).collect();
        deployment.awaits.sort();
        deployment.awaits.dedup();
        if deployment.scheduler.in_two_parts() {
            self.stopping = Some(deployment.update);
        }
        for (operator, port) in deployment.switches.keys() {
            self.switched.insert(InPort { operator: *operator, port: *port }, deployment.update);
        }
    }

    /// A source that comes in would begin while the update is applied at some operators and not yet at others.
    fn stop_new_sources(&mut self, deployment: &mut Deployment, plan: &Plan) {
        for (k, at) in plan.extension.iter().enumerate() {
            if plan.after.operator(*at).component.wake == Wake::Source {
                let id = deployment.born[k];
                self.operators.at_mut(id.0 as usize).stopped = true;
                deployment.stopped.push(id);
            }
        }
    }

    /// What the marker says to each operator, and whom the exit hears from.
    fn write_orders(&mut self, deployment: &mut Deployment, before: &FlowGraph, plan: &Plan, route: &Route) {
        let in_two_parts = plan.scheduler.in_two_parts();
        let retired: BTreeSet<OperatorId> = plan.retired.iter().copied().collect();
        let mut expected = Expected { in_two_parts, ..Expected::default() };
        let mut orders = Vec::with_capacity(route.passes.len());
        for (at, pass) in &route.passes {
            let id = deployment.before[at.0 as usize];
            let retires = retired.contains(at);
            let here = self.orders_of(deployment, id, *pass, retires);
            let changes = here.actions > 0 || retires;
            if in_two_parts {
                orders.push((id, split(deployment, id, *pass, here, before.operator(*at).component.wake)));
            } else {
                orders.push((id, here));
            }
            if pass.last {
                expected.passed.push(id);
            }
            if changes {
                expected.applied.push(id);
            }
            if plan.scheduler != Scheduler::Direct {
                self.ordered[id.0 as usize] = deployment.update;
            }
        }
        deployment.orders = orders.into_iter().collect();
        expected.has_last = !expected.passed.is_empty();
        expected.switched = deployment.switches.keys().copied().collect();
        deployment.expected = expected;
    }

    fn orders_of(&self, deployment: &Deployment, at: OperatorId, pass: Pass, retires: bool) -> Orders {
        let acts = deployment.acts(at);
        let leaves = acts.iter().filter_map(|act| match act {
            Act::Disconnect(a_move) => a_move.from.map(|port| port.port),
            Act::Replace(_) | Act::Configure | Act::HandOver(..) | Act::Connect(_) => None,
        });
        let is_ordered = deployment.scheduler != Scheduler::Direct;
        Orders {
            after: if is_ordered { self.ordered[at.0 as usize] } else { UpdateId::NONE },
            commanded: pass.commanded,
            awaited: pass.awaited,
            actions: acts.len() as u16,
            leaves: leaves.collect(),
            gets: gets(acts),
            drains: false,
            pauses: false,
            retires,
            forward: pass.forward,
            last: pass.last,
            settles: true,
        }
    }
}

/// The ports to which arcs come.
fn gets(acts: &[Act]) -> PortSet {
    let to = |act: &Act| match act {
        Act::Connect(a_move) => a_move.to.map(|port| port.port),
        Act::Replace(_) | Act::Configure | Act::HandOver(..) | Act::Disconnect(_) => None,
    };
    acts.iter().filter_map(to).collect()
}

/// First everything is made quiet: sources stop, packets and open work leave. Then the update is applied, by what is put down as its second
/// part; given back is what the marker says.
fn split(deployment: &mut Deployment, at: OperatorId, pass: Pass, here: Orders, wake: Wake) -> Orders {
    let changes = here.actions > 0 || here.retires;
    let feedback = here.forward.minus(pass.ordinary);
    let has_second = changes || !feedback.is_empty();
    let first = Orders {
        actions: 0,
        leaves: PortSet::EMPTY,
        gets: PortSet::EMPTY,
        retires: false,
        forward: pass.ordinary,
        drains: wake == Wake::Resume,
        pauses: wake == Wake::Source,
        settles: !has_second,
        ..here
    };
    // What goes does not go on: to whom it would send has been told to apply, too.
    deployment.stopped.extend((first.pauses && !here.retires).then_some(at));
    if has_second {
        let alone = Orders { after: UpdateId::NONE, commanded: true, awaited: PortSet::EMPTY, last: false, ..here };
        deployment.second.insert(at, Orders { forward: feedback, ..alone });
    }
    first
}

/// Names of a plan, looked up in the program.
struct Names<'a> {
    program: &'a Program,
    old: &'a [OperatorId],
    before: &'a FlowGraph,
}

impl Names<'_> {
    fn operator(&self, name: &str) -> OperatorId {
        match self.before.find(name) {
            Some(at) => self.old[at.0 as usize],
            None => self.program.current[name],
        }
    }

    fn input(&self, port: &PortRef) -> InPort {
        let operator = self.operator(&port.operator);
        let names = &self.program.operator(operator).input_names;
        InPort { operator, port: index(names, port) }
    }

    fn arc(&self, port: &PortRef) -> ArcId {
        let operator = self.program.operator(self.operator(&port.operator));
        operator.outputs[usize::from(index(&operator.output_names, port).0)]
    }

    fn a_move(&self, arc: &PortRef, from: Option<&PortRef>, to: Option<&PortRef>) -> Move {
        Move { arc: self.arc(arc), from: from.map(|p| self.input(p)), to: to.map(|p| self.input(p)) }
    }

    fn acts(&self, actions: &[Action]) -> Vec<Act> {
        actions.iter().filter_map(|action| self.act(action)).collect()
    }

    fn act(&self, action: &Action) -> Option<Act> {
        Some(match action {
            Action::Replace { state, .. } => Act::Replace(state.clone()),
            Action::Configure { .. } => Act::Configure,
            Action::HandOver { to, state } => Act::HandOver(self.operator(to), state.clone()),
            Action::Disconnect { port, to } => {
                let standing = self.before.find_input(port).expect("an arc is taken from a port of the graph before");
                let arc = self.before.operator(standing.operator).inputs[usize::from(standing.port.0)];
                let arc = self.before.output(self.before.arc(arc).from);
                Act::Disconnect(self.a_move(&arc, Some(port), to.as_ref()))
            }
            Action::Connect { port, arc } => Act::Connect(self.a_move(arc, None, Some(port))),
            Action::Retire => return None,
        })
    }
}

fn index(names: &[String], port: &PortRef) -> PortIndex {
    let wanted = port.port_name();
    PortIndex(names.iter().position(|name| *name == wanted).expect("a plan names ports that are there") as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceMap;
    use crate::example::{catalogue, checked, component, update};
    use crate::plan::plan_unpromised;
    use crate::update::StatePolicy::Keep;

    /// `a -> p -> split`, a router, by `l` or `r` to `join`, a merge.
    const FLOW: &str = "a = source\n p = step\n split = route\n l = step\n r = step\n join = merge\n b = sink\n \
        a.OUT -> p.IN\n p.OUT -> split.IN\n split.A -> l.IN\n split.B -> r.IN\n \
        l.OUT -> join.A\n r.OUT -> join.B\n join.OUT -> b.IN";

    /// Admits updates of steps to other versions one after the other, by these schedulers; the names in each scope.
    fn scopes(mutant: Option<Mutant>, updates: &[(Scheduler, &[(&str, &str)])]) -> Vec<String> {
        let step = |id| component(id, "any each", "IN", "OUT");
        let all = catalogue([
            component("source", "none each source", "", "OUT"),
            step("step"),
            step("step@2"),
            step("step@3"),
            component("route", "any route", "IN", "A, B"),
            component("merge", "any each", "A, B", "OUT"),
            component("merge@2", "any each", "A, B", "OUT"),
            component("sink", "any each", "IN", ""),
        ]);
        let mut graph = checked(FLOW, &all).expect("valid");
        let mut program = Program::of(&graph);
        if let Some(mutant) = mutant {
            program = program.with_mutant(mutant);
        }
        let admit = |(scheduler, changes): &(Scheduler, &[(&str, &str)])| {
            let changes: Vec<_> = changes.iter().map(|(at, to)| (*at, *to, Keep)).collect();
            let update = update("u", &changes);
            let (plan, _) =
                plan_unpromised(&graph, &update, &SourceMap::default(), &all, Some(*scheduler)).expect("planned");
            let deployment = program.admit(&graph, &plan);
            graph = plan.after;
            deployment.scope.iter().map(|at| program.operator(*at).name.clone()).collect::<Vec<_>>().join(" ")
        };
        updates.iter().map(admit).collect()
    }

    #[test]
    fn scopes_that_overlap_are_passed_as_one() {
        let (first, second): (&[_], &[_]) =
            (&[("r", "step@2"), ("join", "merge@2")], &[("p", "step@2"), ("r", "step@3")]);
        let scoped = Scheduler::Scoped;
        assert_eq!(scopes(None, &[(scoped, first), (scoped, second)]), ["r join", "p split l r join"]);
        assert_eq!(scopes(Some(Mutant::NoGlobalOrder), &[(scoped, first), (scoped, second)]), ["r join", "p split r"]);
        assert_eq!(scopes(None, &[(scoped, &[("l", "step@2")]), (scoped, &[("r", "step@2")])]), ["l", "r"]);
    }

    /// Whoever is behind a marker that passed everything has met none of the updates before it.
    #[test]
    fn what_passed_everything_lies_between() {
        let (first, second): (&[_], &[_]) =
            (&[("r", "step@2"), ("join", "merge@2")], &[("p", "step@2"), ("r", "step@3")]);
        let updates = [(Scheduler::Scoped, first), (Scheduler::Epoch, &[("l", "step@2")]), (Scheduler::Scoped, second)];
        assert_eq!(scopes(None, &updates)[2], "p split r");
    }

    /// The sources are stopped until it is applied, and what follows begins there.
    #[test]
    fn what_follows_stop_the_world_enters_at_the_sources() {
        let one: &[_] = &[("l", "step@2")];
        let other: &[_] = &[("r", "step@2")];
        let updates = [(Scheduler::StopTheWorld, one), (Scheduler::Scoped, other)];
        let found = scopes(None, &updates);
        assert_eq!(found, ["a p split l r join b"; 2]);
        let again = [updates[0], updates[1], (Scheduler::Scoped, &[("l", "step@3")])];
        assert_eq!(scopes(None, &again)[2], "l");
    }
}
