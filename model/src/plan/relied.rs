//! What a later plan may rely on, and from where on it is true.
//!
//! A plan is made for a flow, and takes for granted what that flow says: which types come along an arc, and which operators a
//! lineage can reach by several packets. For packets from before an earlier update the earlier flow says it, and they may lie in the
//! arcs long after that update's marker has ended, if the marker ended before it came to them:
//!
//! ```text
//!   before   fork <: x, y :> merge -> sink      two packets of each lineage come to `sink`
//!   after    x -> merge -> sink                 one; so a later update of `sink` needs no more than the moment between two firings
//!                                               there; if not for the packets from before that are still on the way
//! ```
//!
//! So wherever the flow after an update promises more of what comes to an operator, the update's marker goes there. What follows
//! it there can be relied on, and a later marker does follow it.

use super::route::Ways;
use crate::component::Emission;
use crate::graph::{FlowGraph, GraphArc, Node};
use crate::id::OperatorId;
use std::collections::BTreeSet;

/// The operators before that stay, and of which the flow after promises what is not true for packets from before.
pub(super) fn upon(before: &FlowGraph, after: &FlowGraph) -> BTreeSet<OperatorId> {
    let stays: Vec<(OperatorId, OperatorId)> =
        before.operators().filter_map(|(id, node)| Some((id, after.find(&node.name)?))).collect();
    let fewer_types = stays.iter().filter(|(old, new)| loses_types(before, *old, after, *new)).map(|(old, _)| *old);
    let mut found: BTreeSet<OperatorId> = fewer_types.collect();
    let (earlier, later) = (pairs(before), pairs(after));
    for (i, (old, new)) in stays.iter().enumerate() {
        for (other_old, other_new) in &stays[i..] {
            if earlier.contains(&(*old, *other_old)) && !later.contains(&(*new, *other_new)) {
                found.extend([*old, *other_old]);
            }
        }
    }
    found
}

/// Whether something that came to an operator does not come there any more. Feedback arcs are for U07: no marker puts an end to what
/// lies on them.
fn loses_types(before: &FlowGraph, old: OperatorId, after: &FlowGraph, new: OperatorId) -> bool {
    let carried = |graph: &FlowGraph, at: OperatorId| -> Vec<GraphArc> {
        graph.operator(at).inputs.iter().map(|arc| graph.arc(*arc).clone()).collect()
    };
    let pairs = carried(before, old).into_iter().zip(carried(after, new));
    pairs.filter(|(was, _)| !was.feedback).any(|(was, is)| {
        let comes = is.carries.terms();
        was.carries.terms().iter().any(|term| !comes.contains(term))
    })
}

/// The pairs of operators that one lineage can reach by different packets, in either order; an operator with itself, too.
fn pairs(graph: &FlowGraph) -> BTreeSet<(OperatorId, OperatorId)> {
    let ways = Ways::of(graph);
    let mut pairs = BTreeSet::new();
    for (_, node) in graph.operators() {
        let reached = ways_out(graph, &ways, node);
        for (i, a) in reached.iter().enumerate() {
            for (j, b) in reached.iter().enumerate() {
                if sends_both(node.component.emission, i == j) {
                    pairs.extend(a.iter().flat_map(|x| b.iter().map(move |y| (*x, *y))));
                }
            }
        }
    }
    pairs
}

/// What can be reached by each output, but for feedback.
fn ways_out(graph: &FlowGraph, ways: &Ways, node: &Node) -> Vec<BTreeSet<OperatorId>> {
    let arcs = node.outputs.iter().map(|arc| graph.arc(*arc)).filter(|arc| !arc.feedback);
    arcs.map(|arc| ways.behind(arc.to.operator).iter().copied().chain([arc.to.operator]).collect()).collect()
}

/// Whether one firing can send two packets: by one output, or by two.
pub(super) fn sends_both(emission: Emission, by_one_output: bool) -> bool {
    match emission {
        Emission::Each | Emission::Filter => !by_one_output,
        Emission::Many => true,
        Emission::Route | Emission::Buffer => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{catalogue, checked, component};

    fn names(before: &str, after: &str) -> Vec<String> {
        let all = catalogue([
            component("source", "none each source", "", "OUT t"),
            component("source@u", "none each source", "", "OUT u"),
            component("fork", "any each", "IN $x", "A $x, B $x"),
            component("route", "any route", "IN $x", "A $x, B $x"),
            component("merge", "any each", "A $x, B $y", "OUT $x | $y"),
            component("map", "any each", "IN $x", "OUT $x"),
            component("sink", "any each", "IN t | u", ""),
        ]);
        let (before, after) = (checked(before, &all).expect("valid"), checked(after, &all).expect("valid"));
        upon(&before, &after).into_iter().map(|id| before.operator(id).name.clone()).collect()
    }

    const FORKED: &str = "s = source\n f = fork\n m = merge\n x = map\n k = sink\n s.OUT -> f.IN\n f.A -> m.A\n f.B -> m.B\n m.OUT -> x.IN\n x.OUT -> k.IN";

    #[test]
    fn where_lineages_came_by_several_packets_and_come_by_one() {
        let routed = FORKED.replace("f = fork", "r = route").replace("f.", "r.");
        assert_eq!(names(FORKED, &routed), ["m", "x", "k"]);
        assert_eq!(names(&routed, FORKED), [""; 0], "nobody relied on its coming by several");
    }

    #[test]
    fn where_a_type_does_not_come_any_more() {
        let t = "s = source\n x = map\n k = sink\n s.OUT -> x.IN\n x.OUT -> k.IN";
        assert_eq!(names(t, &t.replace("= source", "= source@u")), ["x", "k"]);
        assert_eq!(names(t, t), [""; 0]);
    }
}
