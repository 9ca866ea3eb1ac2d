//! The shape of a flow: who feeds whom, and who is called what, packed for going through it.
//!
//! Plans ask what is before and behind operators. To keep all answers would take the square of the number of operators, so each
//! is found when asked, by one pass along the arcs. Feedback arcs are left out, as markers leave them out. Nothing here
//! recurses: a flow may be a hundred thousand operators deep.

use super::{GraphArc, Node, operator_id};
use crate::id::OperatorId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Who feeds whom in a flow. It follows from operators and arcs, so it is equal to any other.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    names: BTreeMap<String, OperatorId>,
    next: Neighbours,
    previous: Neighbours,
    has_feedback: bool,
}

impl PartialEq for Shape {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Shape {}

/// For each operator, those at the other end of its arcs, one entry per arc.
#[derive(Debug, Clone)]
struct Neighbours {
    /// Where the entries of each operator begin; one more at the end.
    begin: Vec<u32>,
    all: Vec<OperatorId>,
}

impl Neighbours {
    fn of(count: usize, arcs: impl Iterator<Item = (OperatorId, OperatorId)> + Clone) -> Self {
        let mut begin = vec![0_u32; count + 1];
        arcs.clone().for_each(|(at, _)| begin[at.0 as usize + 1] += 1);
        for at in 0..count {
            begin[at + 1] += begin[at];
        }
        let (mut free, mut all) = (begin.clone(), vec![OperatorId(0); begin[count] as usize]);
        for (at, other) in arcs {
            let place = &mut free[at.0 as usize];
            all[*place as usize] = other;
            *place += 1;
        }
        Self { begin, all }
    }

    fn at(&self, at: OperatorId) -> &[OperatorId] {
        let at = at.0 as usize;
        &self.all[self.begin[at] as usize..self.begin[at + 1] as usize]
    }

    fn count(&self) -> usize {
        self.begin.len() - 1
    }

    /// What these lead to, step by step; those at the start only if something leads there.
    fn follow(&self, starts: impl IntoIterator<Item = OperatorId>) -> Members {
        let mut seen = Members::none(self.count());
        let mut open: Vec<OperatorId> = starts.into_iter().collect();
        while let Some(at) = open.pop() {
            open.extend(self.at(at).iter().copied().filter(|next| seen.insert(*next)));
        }
        seen
    }
}

impl Shape {
    pub(super) fn of(operators: &[Node], arcs: &[GraphArc]) -> Self {
        let forward = || arcs.iter().filter(|arc| !arc.feedback).map(|arc| (arc.from.operator, arc.to.operator));
        let names = operators.iter().enumerate().map(|(i, node)| (node.name.clone(), operator_id(i)));
        Self {
            names: names.collect(),
            next: Neighbours::of(operators.len(), forward()),
            previous: Neighbours::of(operators.len(), forward().map(|(from, to)| (to, from))),
            has_feedback: arcs.iter().any(|arc| arc.feedback),
        }
    }

    /// How many operators there are.
    pub(crate) fn len(&self) -> usize {
        self.next.count()
    }

    /// Whether there are feedback arcs, along which nothing here goes.
    pub(crate) fn has_feedback(&self) -> bool {
        self.has_feedback
    }

    pub(crate) fn find(&self, name: &str) -> Option<OperatorId> {
        self.names.get(name).copied()
    }

    /// Every operator.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = OperatorId> {
        (0..self.len()).map(operator_id)
    }

    /// Those at the end of an operator's arcs.
    pub(crate) fn next(&self, at: OperatorId) -> &[OperatorId] {
        self.next.at(at)
    }

    /// Those at the beginning of the arcs into an operator.
    pub(crate) fn previous(&self, at: OperatorId) -> &[OperatorId] {
        self.previous.at(at)
    }

    /// Producers before consumers, ties by number.
    pub(super) fn order(&self) -> Vec<OperatorId> {
        let mut missing: Vec<usize> = self.all().map(|at| self.previous(at).len()).collect();
        let mut ready: BinaryHeap<Reverse<OperatorId>> =
            self.all().filter(|at| missing[at.0 as usize] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse(at)) = ready.pop() {
            order.push(at);
            for next in self.next(at) {
                let missing = &mut missing[next.0 as usize];
                *missing -= 1;
                if *missing == 0 {
                    ready.push(Reverse(*next));
                }
            }
        }
        assert_eq!(order.len(), self.len(), "a validated flow is acyclic but for feedback arcs (F08)");
        order
    }

    /// What is behind any of these; one of them only if it is behind another.
    pub(crate) fn behind(&self, starts: impl IntoIterator<Item = OperatorId>) -> Members {
        self.next.follow(starts)
    }

    /// What is before any of these; one of them only if it is before another.
    pub(crate) fn before(&self, ends: impl IntoIterator<Item = OperatorId>) -> Members {
        self.previous.follow(ends)
    }

    /// These and what is behind them.
    pub(crate) fn from(&self, starts: impl IntoIterator<Item = OperatorId> + Clone) -> Members {
        self.behind(starts.clone()).with(starts)
    }

    /// These and what is before them.
    pub(crate) fn to(&self, ends: impl IntoIterator<Item = OperatorId> + Clone) -> Members {
        self.before(ends.clone()).with(ends)
    }
}

/// Some of the operators of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    words: Vec<u64>,
}

impl Members {
    /// None of so many.
    pub(crate) fn none(count: usize) -> Self {
        Self { words: vec![0; count.div_ceil(64)] }
    }

    /// None of as many.
    pub(crate) fn emptied(&self) -> Self {
        Self { words: vec![0; self.words.len()] }
    }

    /// Adds one; says whether it was new.
    pub(crate) fn insert(&mut self, at: OperatorId) -> bool {
        let (word, bit) = (&mut self.words[at.0 as usize / 64], 1 << (at.0 % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub(crate) fn contains(&self, at: OperatorId) -> bool {
        self.words[at.0 as usize / 64] >> (at.0 % 64) & 1 == 1
    }

    /// With these.
    pub(crate) fn with(mut self, more: impl IntoIterator<Item = OperatorId>) -> Self {
        for at in more {
            self.insert(at);
        }
        self
    }

    /// Those that are in both.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
        self
    }

    /// In the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = OperatorId> {
        self.words.iter().enumerate().flat_map(|(i, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    operator_id(i * 64 + bit)
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_in_order() {
        let some = Members::none(200).with([130, 3, 64, 63, 199].map(OperatorId));
        assert_eq!(some.iter().map(|at| at.0).collect::<Vec<_>>(), [3, 63, 64, 130, 199]);
        assert_eq!(some.clone().and(&Members::none(200).with([OperatorId(64)])).iter().count(), 1);
        assert!(some.contains(OperatorId(63)) && !some.contains(OperatorId(62)));
    }

    #[test]
    fn before_and_behind_leave_the_ends_out() {
        // 0 -> 1 -> 3, 0 -> 2 -> 3 -> 4
        let arcs = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)].map(|(a, b)| (OperatorId(a), OperatorId(b)));
        let shape = Shape {
            names: BTreeMap::new(),
            next: Neighbours::of(5, arcs.into_iter()),
            previous: Neighbours::of(5, arcs.into_iter().map(|(a, b)| (b, a))),
            has_feedback: false,
        };
        let numbers = |some: Members| some.iter().map(|at| at.0).collect::<Vec<_>>();
        assert_eq!(numbers(shape.behind([OperatorId(1)])), [3, 4]);
        assert_eq!(numbers(shape.behind([OperatorId(0), OperatorId(3)])), [1, 2, 3, 4]);
        assert_eq!(numbers(shape.to([OperatorId(3)])), [0, 1, 2, 3]);
        assert_eq!(shape.order().iter().map(|at| at.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    }
}
