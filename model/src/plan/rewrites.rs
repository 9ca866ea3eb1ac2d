//! The planner held to a dumb rewrite: any two valid flows are an update, and what its actions do is what the second flow says.
//!
//! The rewrite knows nothing of planning: it keeps a table of which arc stands at which port, and does what each operator's list
//! says, one action after the other, operators in any order.

use super::{Action, Plan, Scheduler, inverse, plan_unpromised};
use crate::component::Catalogue;
use crate::diagnostic::SourceMap;
use crate::example::render;
use crate::flow::{Flow, PortRef};
use crate::graph::FlowGraph;
use crate::program::{Feed, Program};
use crate::update::Update;
use crate::validate::random::{Block, Growing, block, parts};
use crate::validate::validate;
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};

/// Operators named by what they run and how many ran it before, so that two flows have some in common.
fn named(mut flow: Flow) -> Flow {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for operator in &mut flow.operators {
        let component = operator.component.to_string().replace('@', "v");
        let k = count.entry(component.clone()).or_default();
        *k += 1;
        names.insert(operator.name.clone(), format!("{component}-{k}"));
        operator.name = format!("{component}-{k}");
    }
    let rename = |port: &mut PortRef| port.operator = names[&port.operator].clone();
    for arc in &mut flow.arcs {
        rename(&mut arc.from);
        rename(&mut arc.to);
    }
    flow.initial.iter_mut().for_each(|packet| rename(&mut packet.to));
    flow
}

pub(super) fn graph(blocks: &[(Block, Index, Index)], all: &Catalogue) -> FlowGraph {
    validate(&named(Growing::of(blocks)), &SourceMap::default(), all).expect("built right")
}

/// The table: for each input port, the output port whose arc stands there.
struct Table {
    standing: BTreeMap<PortRef, PortRef>,
    /// Arcs that were taken away, by the port that they are to come to.
    under_way: BTreeMap<PortRef, PortRef>,
    /// Ports that wait for an arc.
    waiting: BTreeSet<PortRef>,
}

impl Table {
    fn of(before: &FlowGraph, plan: &Plan) -> Self {
        let ends = |graph: &FlowGraph, arc: &crate::graph::GraphArc| (graph.input(arc.to), graph.output(arc.from));
        let mut table = Self {
            standing: before.arcs().map(|(_, arc)| ends(before, arc)).collect(),
            under_way: BTreeMap::new(),
            waiting: BTreeSet::new(),
        };
        let is_new = |name: &str| before.find(name).is_none();
        for (_, arc) in plan.after.arcs() {
            let (to, from) = ends(&plan.after, arc);
            match (is_new(&from.operator), is_new(&to.operator)) {
                (true, true) => drop(table.standing.insert(to, from)),
                (true, false) => drop(table.under_way.insert(to, from)),
                (false, true) => drop(table.waiting.insert(to)),
                (false, false) => {}
            }
        }
        table
    }

    fn perform(&mut self, action: &Action) {
        match action {
            Action::Disconnect { port, to } => {
                let arc = self.standing.remove(port).expect("an arc stands there");
                let Some(to) = to else { return };
                if self.waiting.remove(to) {
                    assert_eq!(self.standing.insert(to.clone(), arc), None);
                } else {
                    assert_eq!(self.under_way.insert(to.clone(), arc), None);
                }
            }
            Action::Connect { port, arc } => {
                assert!(!self.standing.contains_key(port), "an arc would be lost at {port}");
                match self.under_way.remove(port) {
                    Some(came) => {
                        assert_eq!(came, *arc);
                        self.standing.insert(port.clone(), came);
                    }
                    None => drop(self.waiting.insert(port.clone())),
                }
            }
            Action::Replace { .. } | Action::Configure { .. } | Action::HandOver { .. } | Action::Retire => {}
        }
    }
}

/// Does what the plan says, operators in an order drawn, and compares with the flow after.
fn assert_leads_there(before: &FlowGraph, plan: &Plan, order: Index) {
    let mut table = Table::of(before, plan);
    let mut lists: Vec<&Vec<Action>> = plan.actions.values().chain(plan.switches.values()).collect();
    let start = order.index(lists.len().max(1));
    lists.rotate_left(start);
    if order.index(2) == 1 {
        lists.reverse();
    }
    lists.into_iter().flatten().for_each(|action| table.perform(action));
    let after = &plan.after;
    let expected: BTreeMap<PortRef, PortRef> =
        after.arcs().map(|(_, arc)| (after.input(arc.to), after.output(arc.from))).collect();
    assert_eq!(table.standing, expected);
    assert!(table.under_way.is_empty() && table.waiting.is_empty());
}

/// What the deployment leaves standing is what the graph after says, by number.
fn assert_deployed(before: &FlowGraph, plan: &Plan) {
    let mut program = Program::of(before);
    let deployment = program.admit(before, plan);
    assert_eq!(program.all_current().count(), plan.after.len());
    for (_, node) in plan.after.operators() {
        let id = program.current(&node.name).expect("it runs");
        let arcs = node.outputs.iter().map(|arc| plan.after.arc(*arc).to).collect::<Vec<_>>();
        for (port, to) in arcs.iter().enumerate() {
            let arc = program.operator(id).outputs[port];
            let target = program.current(&plan.after.operator(to.operator).name).expect("it runs");
            let moved = deployment.moves.iter().find(|m| m.arc == arc);
            let ends = moved.map_or(program.arc(arc).to, |m| m.to.expect("its producer stays"));
            assert_eq!((ends.operator, ends.port), (target, to.port));
        }
    }
    for id in &deployment.born {
        assert!(program.operator(*id).inputs.iter().all(|feed| *feed != Feed::Vacant));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_two_flows_are_an_update(
        first in proptest::collection::vec(block(), 0..12),
        second in proptest::collection::vec(block(), 0..12),
        order in any::<Index>(),
    ) {
        let all = parts();
        let (before, after) = (graph(&first, &all), graph(&second, &all));
        let update = Update::to_flow("u", after.to_flow());
        let planned = plan_unpromised(&before, &update, &SourceMap::default(), &all, Some(Scheduler::Epoch));
        if before == after {
            assert!(planned.is_err(), "nothing changes");
            return Ok(());
        }
        let (plan, _) = match planned {
            Ok(planned) => planned,
            // What lies on a feedback arc, or is held, may not fit the new flow: that is refused, and nothing else.
            Err(found) => {
                assert!(found.0.iter().all(|d| d.code == crate::diagnostic::Code::U07), "{}", render(&found.0, ""));
                return Ok(());
            }
        };
        assert_eq!(&plan.after, &after);
        assert_leads_there(&before, &plan, order);
        assert_deployed(&before, &plan);
        let back = inverse(&before, &after, &update, &SourceMap::default()).expect("no state changes its type");
        assert_eq!(back.flow.as_ref(), Some(&before.to_flow()));
    }
}
