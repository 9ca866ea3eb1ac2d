//! Layers: an operator stands one layer behind the last of its producers.
//!
//! Feedback arcs do not count. The union of two flows can have a cycle all the same, where operators change places. The flow after
//! then says who stands where, for that is what a reader wants to read from left to right; arcs as they were before count where they
//! close no cycle, and lead back where they would.

use super::picture::Line;

/// Which operators stand in which layer.
#[derive(Debug)]
pub(super) struct Layers {
    /// The operators of each layer, in order.
    pub(super) layers: Vec<Vec<usize>>,
    /// For each arc, whether it leads to an earlier layer, or the same.
    pub(super) backward: Vec<bool>,
}

impl Layers {
    /// The layers of so many operators with these arcs.
    pub(super) fn of(operators: usize, arcs: &[Line]) -> Self {
        let ordinary = |after: bool| arcs.iter().filter(move |arc| !arc.feedback && arc.course.is_after() == after);
        let mut counting: Vec<(usize, usize)> = Vec::new();
        for arc in ordinary(true).chain(ordinary(false)) {
            if !leads(&counting, arc.to, arc.from) {
                counting.push((arc.from, arc.to));
            }
        }
        let layer = longest(operators, &counting);
        let count = layer.iter().max().map_or(0, |last| last + 1);
        let mut layers = vec![Vec::new(); count];
        for (operator, layer) in layer.iter().enumerate() {
            layers[*layer].push(operator);
        }
        Self { layers, backward: arcs.iter().map(|arc| arc.feedback || layer[arc.from] >= layer[arc.to]).collect() }
    }
}

/// Whether there is a way from one operator to another, or they are the same.
fn leads(arcs: &[(usize, usize)], from: usize, to: usize) -> bool {
    let (mut seen, mut open) = (vec![from], vec![from]);
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        for (_, next) in arcs.iter().filter(|(start, _)| *start == at) {
            if !seen.contains(next) {
                seen.push(*next);
                open.push(*next);
            }
        }
    }
    false
}

/// The length of the longest way to each operator; `arcs` have no cycle.
fn longest(operators: usize, arcs: &[(usize, usize)]) -> Vec<usize> {
    let mut layer = vec![0; operators];
    for _ in 0..operators {
        for (from, to) in arcs {
            layer[*to] = layer[*to].max(layer[*from] + 1);
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_found_across_several_arcs() {
        let arcs = [(0, 1), (1, 2), (0, 3)];
        assert!(leads(&arcs, 0, 2) && leads(&arcs, 2, 2));
        assert!(!leads(&arcs, 2, 0) && !leads(&arcs, 3, 2));
        assert_eq!(longest(4, &arcs), [0, 1, 2, 1]);
    }
}
