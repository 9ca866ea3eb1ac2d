//! What passes along the arcs find, beside what the definitions say: every pair looked at, one by one.

use super::relied;
use super::rewrites::graph;
use super::route;
use crate::graph::FlowGraph;
use crate::id::OperatorId;
use crate::validate::random::{block, parts};
use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use proptest::sample::Index;
use std::collections::BTreeSet;

type Set = BTreeSet<OperatorId>;

/// Who can be reached from whom, itself left out.
struct Closure {
    behind: Vec<Set>,
}

impl Closure {
    fn of(graph: &FlowGraph) -> Self {
        let mut behind = vec![Set::new(); graph.len()];
        for at in graph.order().into_iter().rev() {
            let outputs = graph.operator(at).outputs.iter().map(|arc| graph.arc(*arc)).filter(|arc| !arc.feedback);
            let next: Set = outputs.map(|arc| arc.to.operator).collect();
            let further = next.iter().flat_map(|to| behind[to.0 as usize].clone()).collect::<Set>();
            behind[at.0 as usize] = next.into_iter().chain(further).collect();
        }
        Self { behind }
    }

    fn leads(&self, from: OperatorId, to: OperatorId) -> bool {
        from == to || self.behind[from.0 as usize].contains(&to)
    }
}

/// Whether no way from a source to `target` is left when `at` is taken out.
fn dominates(graph: &FlowGraph, at: OperatorId, target: OperatorId) -> bool {
    let (mut open, mut seen) = (graph.sources(), Set::new());
    while let Some(next) = open.pop() {
        if next == at || !seen.insert(next) {
            continue;
        }
        let outputs = graph.operator(next).outputs.iter().map(|arc| graph.arc(*arc));
        open.extend(outputs.filter(|arc| !arc.feedback).map(|arc| arc.to.operator));
    }
    at == target || !seen.contains(&target)
}

fn origin(graph: &FlowGraph, closure: &Closure, targets: &Set) -> Option<OperatorId> {
    let first = targets.iter().copied().find(|at| targets.iter().all(|other| closure.leads(*at, *other)));
    let is_passed = |at: &OperatorId| targets.iter().all(|target| dominates(graph, *at, *target));
    first.or_else(|| graph.order().into_iter().rev().find(is_passed))
}

/// The pairs of names that one lineage can reach by two packets.
fn pairs(graph: &FlowGraph) -> BTreeSet<(String, String)> {
    let closure = &Closure::of(graph);
    let mut pairs = BTreeSet::new();
    for (_, node) in graph.operators() {
        let outputs = node.outputs.iter().map(|arc| graph.arc(*arc)).filter(|arc| !arc.feedback);
        let outputs: Vec<OperatorId> = outputs.map(|arc| arc.to.operator).collect();
        let reached = |at: OperatorId| graph.operators().map(|(id, _)| id).filter(move |id| closure.leads(at, *id));
        for (i, a) in outputs.iter().enumerate() {
            for (j, b) in outputs.iter().enumerate() {
                if relied::sends_both(node.component.emission, i == j) {
                    let name = |id: OperatorId| graph.operator(id).name.clone();
                    for x in reached(*a) {
                        pairs.extend(reached(*b).map(|y| (name(x), name(y))));
                    }
                }
            }
        }
    }
    pairs
}

proptest! {
    #[test]
    fn ways_are_what_the_definitions_say(
        blocks in vec(block(), 0..25),
        drawn in vec(any::<Index>(), 1..5),
    ) {
        let graph = graph(&blocks, &parts());
        let closure = Closure::of(&graph);
        let targets: Set = drawn.iter().map(|index| OperatorId(index.index(graph.len()) as u32)).collect();
        let all: Vec<OperatorId> = targets.iter().copied().collect();
        assert_eq!(route::origin(&graph, &all), origin(&graph, &closure, &targets));
        let behind = graph.shape().behind(all.iter().copied());
        let before = graph.shape().before(all.iter().copied());
        let beside = route::beside(&graph, all[0]);
        for (at, _) in graph.operators() {
            let leads = |from, to| from != to && closure.leads(from, to);
            assert_eq!(behind.contains(at), targets.iter().any(|target| leads(*target, at)));
            assert_eq!(before.contains(at), targets.iter().any(|target| leads(at, *target)));
            assert_eq!(beside.contains(at), !dominates(&graph, all[0], at));
        }
    }

    #[test]
    fn what_is_relied_upon_is_what_the_definition_says(one in vec(block(), 0..14), other in vec(block(), 0..14)) {
        let all = parts();
        let (before, after) = (graph(&one, &all), graph(&other, &all));
        let (earlier, later) = (pairs(&before), pairs(&after));
        let stays = |name: &String| after.find(name).is_some();
        let lost = earlier.difference(&later).filter(|(a, b)| stays(a) && stays(b));
        let mut expected: BTreeSet<String> = lost.flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
        // Types that do not come any more are another reason, told apart in tests of their own.
        let found: BTreeSet<String> =
            relied::upon(&before, &after).into_iter().map(|at| before.operator(at).name.clone()).collect();
        let by_types = relied::upon(&before, &after).into_iter().filter(|at| {
            let node = before.operator(*at);
            let new = after.operator(after.find(&node.name).expect("it stays"));
            node.inputs.iter().zip(&new.inputs).any(|(was, is)| {
                let (was, is) = (before.arc(*was), after.arc(*is));
                !was.feedback && was.carries.terms().iter().any(|term| !is.carries.terms().contains(term))
            })
        });
        expected.extend(by_types.map(|at| before.operator(at).name.clone()));
        assert_eq!(found, expected);
    }
}
