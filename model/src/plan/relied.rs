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

use crate::component::Emission;
use crate::graph::FlowGraph;
use crate::id::OperatorId;
use std::collections::BTreeSet;

/// The operators before that stay, and of which the flow after promises what is not true for packets from before.
pub(super) fn upon(before: &FlowGraph, after: &FlowGraph) -> BTreeSet<OperatorId> {
    if before.shares_shape(after) {
        return BTreeSet::new();
    }
    let stays: Vec<(OperatorId, OperatorId)> =
        before.operators().filter_map(|(id, node)| Some((id, after.find(&node.name)?))).collect();
    let fewer_types = stays.iter().filter(|(old, new)| loses_types(before, *old, after, *new)).map(|(old, _)| *old);
    let mut found: BTreeSet<OperatorId> = fewer_types.collect();
    let sends_several = |(id, _): (OperatorId, _)| !before.shape().next(id).is_empty() && sends_several(before, id);
    if before.operators().any(sends_several) {
        found.extend(parted(before, after, &stays));
    }
    found
}

/// Whether something that came to an operator does not come there any more. Feedback arcs are for U07: no marker puts an end to what
/// lies on them.
fn loses_types(before: &FlowGraph, old: OperatorId, after: &FlowGraph, new: OperatorId) -> bool {
    let (was, is) = (&before.operator(old).inputs, &after.operator(new).inputs);
    let pairs = was.iter().zip(is).map(|(was, is)| (before.arc(*was), after.arc(*is)));
    pairs.filter(|(was, _)| !was.feedback).any(|(was, is)| {
        let comes = is.carries.terms();
        was.carries.terms().iter().any(|term| !comes.contains(term))
    })
}

/// Operators of which one lineage can reach two by different packets before, in either order, or one by two, and not after.
///
/// Such a pair has been lost because something on the way to one of the two is not the same any more. So it is enough to look for
/// the partners of those behind what has changed, many of them in one pass.
fn parted(before: &FlowGraph, after: &FlowGraph, stays: &[(OperatorId, OperatorId)]) -> BTreeSet<OperatorId> {
    let mut new = vec![None; before.len()];
    stays.iter().for_each(|(old, is)| new[old.0 as usize] = Some(*is));
    let differs = |at: &OperatorId| new[at.0 as usize].is_none_or(|is| sends_less(before, *at, after, is, &new));
    let behind = before.shape().behind(before.shape().all().filter(differs).collect::<Vec<_>>());
    let looked_at: Vec<(OperatorId, OperatorId)> =
        stays.iter().copied().filter(|(old, _)| behind.contains(*old)).collect();
    let (order, order_after) = (before.order(), after.order());
    let mut found = BTreeSet::new();
    for some in looked_at.chunks(Bits::COUNT) {
        let earlier = partners(before, &order, some.iter().map(|(old, _)| *old));
        let later = partners(after, &order_after, some.iter().map(|(_, new)| *new));
        let mut lost_by_any = Bits::default();
        for (old, new) in stays {
            let lost = earlier[old.0 as usize].minus(later[new.0 as usize]);
            if lost != Bits::default() {
                found.insert(*old);
                lost_by_any = lost_by_any.or(lost);
            }
        }
        found.extend(some.iter().enumerate().filter(|(bit, _)| lost_by_any.has(*bit)).map(|(_, (old, _))| *old));
    }
    found
}

/// Whether an operator that stays sends its packets in another way, or to others.
fn sends_less(
    before: &FlowGraph,
    old: OperatorId,
    after: &FlowGraph,
    is: OperatorId,
    new: &[Option<OperatorId>],
) -> bool {
    let mut was: Vec<_> = before.shape().next(old).iter().map(|to| new[to.0 as usize]).collect();
    let mut goes: Vec<_> = after.shape().next(is).iter().copied().map(Some).collect();
    was.sort();
    goes.sort();
    was != goes || before.operator(old).component.emission != after.operator(is).component.emission
}

/// Some of a few operators, each with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Bits([u64; 8]);

impl Bits {
    const COUNT: usize = 512;

    fn only(place: usize) -> Self {
        let mut words = [0; 8];
        words[place / 64] = 1 << (place % 64);
        Self(words)
    }

    fn has(self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    fn or(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    fn minus(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & !other.0[i]))
    }
}

/// For each operator, those among a few that a lineage can reach by one packet when it reaches the operator by another.
fn partners(graph: &FlowGraph, order: &[OperatorId], some: impl Iterator<Item = OperatorId>) -> Vec<Bits> {
    let mut leads = vec![Bits::default(); graph.len()];
    some.enumerate().for_each(|(place, at)| leads[at.0 as usize] = Bits::only(place));
    for at in order.iter().rev() {
        let next = graph.shape().next(*at).iter();
        leads[at.0 as usize] = next.fold(leads[at.0 as usize], |all, next| all.or(leads[next.0 as usize]));
    }
    let mut partners = vec![Bits::default(); graph.len()];
    for at in order {
        let next = graph.shape().next(*at);
        let (mut by_any, mut by_several) = (Bits::default(), Bits::default());
        for to in next {
            by_several = by_several.or(by_any.and(leads[to.0 as usize]));
            by_any = by_any.or(leads[to.0 as usize]);
        }
        let (emission, own) = (graph.operator(*at).component.emission, partners[at.0 as usize]);
        for to in next {
            let mut all = partners[to.0 as usize].or(own);
            if sends_both(emission, false) {
                all = all.or(by_several).or(by_any.minus(leads[to.0 as usize]));
            }
            if sends_both(emission, true) {
                all = all.or(leads[to.0 as usize]);
            }
            partners[to.0 as usize] = all;
        }
    }
    partners
}

/// Whether one firing of an operator can send two packets.
fn sends_several(graph: &FlowGraph, at: OperatorId) -> bool {
    let emission = graph.operator(at).component.emission;
    sends_both(emission, true) || sends_both(emission, false) && graph.shape().next(at).len() > 1
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
