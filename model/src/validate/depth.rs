//! Flows that are tens of thousands of operators deep: nothing recurses along the arcs, and nothing takes the square of their number.

use super::validate;
use crate::component::Catalogue;
use crate::diagnostic::{Code, SourceMap};
use crate::example::{catalogue, component, update};
use crate::flow::{Arc, ComponentRef, Flow, Operator, PortRef};
use crate::plan::{Scheduler, plan};
use crate::program::Program;
use crate::update::StatePolicy::Keep;

const DEPTH: usize = 30_000;

fn components() -> Catalogue {
    catalogue([
        component("source", "none each source", "", "OUT t"),
        component("step", "any each", "IN t", "OUT t"),
        component("step@2", "any each", "IN t", "OUT t"),
        component("merge", "any each", "A t, B t", "OUT t"),
        component("fork", "any each", "IN t", "A t, B t"),
        component("sink", "any each", "IN t", ""),
    ])
}

fn operator(name: &str, component: &str) -> Operator {
    Operator { name: name.into(), component: ComponentRef::parse(component), metadata: [].into() }
}

fn arc(from: PortRef, to: PortRef) -> Arc {
    Arc { from, to, metadata: [].into() }
}

/// `in -> m -> x0 -> x1 -> ... -> f -> out`, where `m` gets what `f` sends back.
fn round() -> Flow {
    let mut flow = Flow::default();
    flow.operators.extend([operator("in", "source"), operator("m", "merge")]);
    flow.arcs.push(arc(PortRef::new("in", "OUT"), PortRef::new("m", "A")));
    let mut last = "m".to_owned();
    for i in 0..DEPTH {
        let name = format!("x{i}");
        flow.operators.push(operator(&name, "step"));
        flow.arcs.push(arc(PortRef::new(last, "OUT"), PortRef::new(&name, "IN")));
        last = name;
    }
    flow.operators.extend([operator("f", "fork"), operator("out", "sink")]);
    flow.arcs.push(arc(PortRef::new(last, "OUT"), PortRef::new("f", "IN")));
    flow.arcs.push(arc(PortRef::new("f", "A"), PortRef::new("out", "IN")));
    flow.arcs.push(arc(PortRef::new("f", "B"), PortRef::new("m", "B")));
    flow
}

/// The same without the way back.
fn straight() -> Flow {
    let mut flow = round();
    let goes = |operator: &str| matches!(operator, "m" | "f");
    flow.operators.retain(|operator| !goes(&operator.name));
    flow.arcs.retain(|arc| !goes(&arc.from.operator) && !goes(&arc.to.operator));
    flow.arcs.push(arc(PortRef::new("in", "OUT"), PortRef::new("x0", "IN")));
    flow.arcs.push(arc(PortRef::new(format!("x{}", DEPTH - 1), "OUT"), PortRef::new("out", "IN")));
    flow
}

#[test]
fn a_deep_flow_is_validated_planned_and_admitted() {
    let all = components();
    let graph = validate(&straight(), &SourceMap::default(), &all).expect("valid");
    let change = update("u", &[("x10", "step@2", Keep), (&format!("x{}", DEPTH / 2), "step@2", Keep)]);
    for (scheduler, passed) in [(Scheduler::Scoped, DEPTH / 2 - 9), (Scheduler::Epoch, DEPTH + 2)] {
        let plan = plan(&graph, &change, &SourceMap::default(), &all, Some(scheduler)).expect("planned");
        let deployment = Program::of(&graph).admit(&graph, &plan);
        assert_eq!((plan.scope.len(), deployment.scope.len()), (passed, passed));
    }
}

#[test]
fn a_deep_cycle_is_refused() {
    let broken = validate(&round(), &SourceMap::default(), &components()).expect_err("a cycle without feedback");
    assert_eq!(broken.0.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::F08]);
}
