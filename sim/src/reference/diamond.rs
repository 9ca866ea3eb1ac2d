//! The reference diamond: a yardstick with a fork, and a join that aligns its markers.
//!
//! ```text
//!               ┌──▶ left ───┐
//!     source ───┤            ├──▶ join ──▶ sink        five arcs of a capacity
//!               └──▶ right ──┘
//! ```
//!
//! The source emits packets in turn to the left and to the right, each with its version, and injects markers into both arcs
//! at a time, each making its version one higher. Left and right are operators as in the [`chain`](super::chain). The join takes a
//! packet from any of its two arcs; a marker at the head of one holds that arc back until the same marker heads the other, and the two
//! go on as one. Packets of a version are all alike, so that the order in which the join takes them leaves no mark.
//!
//! Without alignment ([`Diamond::unaligned`]) the join lets a marker pass at once, from whichever arc it comes first, and drops it
//! when it comes from the other. Then packets of the old version meet the new one.

use super::items::{Arc, Item};
use crate::reduction::Reducible;
use crate::system::{Breach, System};

/// What exploring the default diamond gives: states generated, distinct states, and depth with the initial state at 1.
pub const REFERENCE: (u64, u64, u64) = (5_136_582, 1_204_287, 56);

/// The sequence number of every packet.
const ALIKE: u8 = 1;
const JOIN: usize = 3;
const SINK: usize = 4;
const LEFT: usize = 0;
const RIGHT: usize = 1;
/// Behind the join.
const LAST: usize = 4;

/// The diamond: its bounds and its fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diamond {
    capacity: u32,
    packets: u8,
    markers: u8,
    aligned: bool,
}

impl Default for Diamond {
    fn default() -> Self {
        Self::new(5, 10, 3)
    }
}

impl Diamond {
    /// A diamond without fault.
    ///
    /// # Panics
    ///
    /// If a bound does not fit the packed state: capacity 1 to 8, at most 7 markers.
    pub fn new(capacity: u32, packets: u8, markers: u8) -> Self {
        assert!((1..=Arc::ITEMS_MAX).contains(&capacity), "an arc is a word of eight bytes, one for each item");
        assert!(markers <= Item::VERSION_MAX, "versions have three bits");
        Self { capacity, packets, markers, aligned: true }
    }

    /// The same diamond with a fault: the join does not align markers.
    #[must_use]
    pub fn unaligned(self) -> Self {
        Self { aligned: false, ..self }
    }
}

/// One atomic step of the diamond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The source sends a packet, to the left or to the right in turn.
    Emit,
    /// The source sends a marker to both sides.
    Inject,
    /// The operator on the left (0) or on the right (1) takes the head of its arc and passes it on.
    Side(u8),
    /// The join takes a packet, or a marker that it does not align, from the left (0) or from the right (1).
    Join(u8),
    /// The join takes the same marker from both sides.
    Align,
    /// The sink takes the head of its arc.
    Sink,
}

/// A state of the diamond.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DiamondState {
    /// Source to left, source to right, left to join, right to join, join to sink.
    arcs: [Arc; 5],
    /// Source, left, right, join, sink.
    versions: [u8; 5],
    packets_left: u8,
    markers_left: u8,
    received: u8,
    bad: bool,
}

impl Diamond {
    fn has_room(&self, arc: Arc) -> bool {
        arc.len() < self.capacity
    }

    fn emit(&self, state: &mut DiamondState) {
        let side = usize::from((self.packets - state.packets_left) % 2);
        state.packets_left -= 1;
        state.arcs[side].push(Item::packet(state.versions[0], ALIKE));
    }

    fn inject(state: &mut DiamondState) {
        state.markers_left -= 1;
        state.versions[0] += 1;
        for side in [LEFT, RIGHT] {
            state.arcs[side].push(Item::marker(state.versions[0]));
        }
    }

    fn side(state: &mut DiamondState, side: usize) {
        let item = state.arcs[side].pop();
        let version = &mut state.versions[1 + side];
        let passed = if item.is_marker() { item } else { item.meeting(*version) };
        if item.is_marker() {
            *version = item.version();
        }
        state.arcs[2 + side].push(passed);
    }

    fn join(&self, state: &mut DiamondState, side: usize) {
        let item = state.arcs[2 + side].pop();
        if !item.is_marker() {
            state.arcs[LAST].push(item.meeting(state.versions[JOIN]));
        } else if item.version() > state.versions[JOIN] {
            state.versions[JOIN] = item.version();
            state.arcs[LAST].push(item);
        }
    }

    fn align(state: &mut DiamondState) {
        let marker = state.arcs[2].pop();
        state.arcs[3].pop();
        state.versions[JOIN] = marker.version();
        state.arcs[LAST].push(marker);
    }

    fn sink(state: &mut DiamondState) {
        let item = state.arcs[LAST].pop();
        if item.is_marker() {
            state.versions[SINK] = item.version();
        } else {
            state.received += 1;
            state.bad |= item.is_mixed() || item.version() != state.versions[SINK];
        }
    }

    /// What the join may take, given room behind it.
    fn joins(&self, state: &DiamondState, choices: &mut Vec<Step>) {
        let heads = [state.arcs[2].head(), state.arcs[3].head()];
        let marks = heads.map(|head| head.is_some_and(Item::is_marker));
        if self.aligned && marks == [true, true] {
            choices.push(Step::Align);
        }
        for side in [0, 1] {
            if heads[usize::from(side)].is_some() && !(self.aligned && marks[usize::from(side)]) {
                choices.push(Step::Join(side));
            }
        }
    }

    /// Whether something may yet come to an arc of the join that is empty now.
    fn may_be_filled(state: &DiamondState) -> bool {
        let source = state.packets_left > 0 || state.markers_left > 0;
        [LEFT, RIGHT].iter().any(|side| state.arcs[2 + side].is_empty() && (source || !state.arcs[*side].is_empty()))
    }
}

/// Left, right and sink have one thing to take, and only they take from their arcs; what they do commutes with all others' steps.
/// So do the steps of a join that aligns, as far as it matters: the packets before it are alike, so that whichever it takes first, the
/// same state can be reached (tested: on every reachable state). The source has a packet and a marker to choose
/// between. A join that does not align is order-sensitive: it is put off while something may still come to its empty arc.
impl Reducible for Diamond {
    fn persistent(&self, state: &DiamondState, choices: &mut Vec<Step>) {
        let determined = |step: &Step| match step {
            Step::Side(_) | Step::Sink => true,
            Step::Join(_) | Step::Align => self.aligned,
            Step::Emit | Step::Inject => false,
        };
        if let Some(step) = choices.iter().rev().copied().find(determined) {
            *choices = vec![step];
        } else if !Self::may_be_filled(state) {
            choices.retain(|step| matches!(step, Step::Join(_)));
        }
    }
}

impl System for Diamond {
    type State = DiamondState;
    type Choice = Step;

    fn initial(&self) -> Vec<DiamondState> {
        vec![DiamondState {
            arcs: [Arc::default(); 5],
            versions: [0; 5],
            packets_left: self.packets,
            markers_left: self.markers,
            received: 0,
            bad: false,
        }]
    }

    fn choices(&self, state: &DiamondState, choices: &mut Vec<Step>) {
        let room = [0, 1, 2, 3, 4].map(|arc| self.has_room(state.arcs[arc]));
        if state.packets_left > 0 && room[usize::from((self.packets - state.packets_left) % 2)] {
            choices.push(Step::Emit);
        }
        if state.markers_left > 0 && room[LEFT] && room[RIGHT] {
            choices.push(Step::Inject);
        }
        for side in [0, 1] {
            let at = usize::from(side);
            if !state.arcs[at].is_empty() && room[2 + at] {
                choices.push(Step::Side(side));
            }
        }
        if room[LAST] {
            self.joins(state, choices);
        }
        if !state.arcs[LAST].is_empty() {
            choices.push(Step::Sink);
        }
    }

    fn next(&self, state: &DiamondState, step: &Step) -> DiamondState {
        let mut next = state.clone();
        match *step {
            Step::Emit => self.emit(&mut next),
            Step::Inject => Self::inject(&mut next),
            Step::Side(side) => Self::side(&mut next, side.into()),
            Step::Join(side) => self.join(&mut next, side.into()),
            Step::Align => Self::align(&mut next),
            Step::Sink => Self::sink(&mut next),
        }
        next
    }

    fn breach(&self, state: &DiamondState, _ended: bool) -> Option<Breach> {
        state.bad.then(|| Breach {
            property: "bad",
            story: format!("packet {} reached the sink mixed or in another version than the sink's", state.received),
        })
    }

    fn kind(&self, step: &Step) -> &'static str {
        match step {
            Step::Emit => "emit",
            Step::Inject => "inject",
            Step::Side(_) => "side",
            Step::Join(_) => "join",
            Step::Align => "align",
            Step::Sink => "sink",
        }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["emit", "inject", "side", "join", "align", "sink"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Explorer, Verdict};
    use crate::reduction::Reduced;
    use crate::replay::replay;
    use crate::stateright_model::{Order, counted};
    use std::collections::HashSet;

    #[test]
    fn few_states_are_enough() {
        let full = Explorer::new(&Diamond::default()).run();
        assert_eq!((full.verdict, full.ended), (Verdict::Holds, 1));
        assert_eq!((full.generated, full.distinct, full.depth), REFERENCE);
        let reduced = Explorer::new(&Reduced(Diamond::default())).run();
        assert_eq!((reduced.verdict, reduced.distinct, reduced.ended), (Verdict::Holds, 296, 1));
    }

    #[test]
    fn stateright_counts_alike() {
        let (generated, distinct, _) = REFERENCE;
        assert_eq!(counted(Diamond::default(), Order::Breadth), (generated, distinct));
        assert_eq!(counted(Reduced(Diamond::default()), Order::Breadth).1, 296);
    }

    /// A marker overtakes the packets of the other side, whoever searches.
    #[test]
    fn without_alignment_it_is_found() {
        let diamond = Diamond::default().unaligned();
        let runs =
            [Explorer::new(&diamond).run().verdict, Explorer::new(&Reduced(&diamond)).run().verdict].map(|v| match v {
                Verdict::Breached { run, .. } => run,
                Verdict::Holds | Verdict::Undecided { .. } => panic!("a packet is mixed"),
            });
        for run in &runs {
            let states = replay(&diamond, run).unwrap();
            assert_eq!(states.iter().position(|state| state.bad), Some(run.len()));
        }
        assert!(runs[0].len() <= runs[1].len());
    }

    /// Both searches end in the same states where the bad ones are not stopped at.
    #[test]
    fn the_ends_are_the_same() {
        for (packets, markers, capacity) in [(4, 1, 1), (4, 2, 2), (6, 2, 3)] {
            for aligned in [true, false] {
                let diamond = Diamond { aligned, ..Diamond::new(capacity, packets, markers) };
                let ends =
                    |reduced| reached(&diamond, reduced).into_iter().filter(|s| open(&diamond, s).is_empty()).collect();
                let (full, reduced): (HashSet<_>, HashSet<_>) = (ends(false), ends(true));
                assert_eq!(full, reduced, "{diamond:?}");
            }
        }
    }

    /// Any two steps behind the source that are open in a state lead, if need be after another such step, to the same state.
    #[test]
    fn behind_the_source_an_aligned_diamond_is_confluent() {
        let diamond = Diamond::new(1, 5, 2);
        let behind = |state: &DiamondState| -> Vec<Step> {
            open(&diamond, state).into_iter().filter(|step| !matches!(step, Step::Emit | Step::Inject)).collect()
        };
        // Where at most three more of them lead.
        let within = |state: DiamondState| {
            let mut seen = vec![state];
            for _ in 0..3 {
                let more: Vec<_> =
                    seen.iter().flat_map(|s| behind(s).into_iter().map(|step| diamond.next(s, &step))).collect();
                seen.extend(more);
            }
            seen.into_iter().collect::<HashSet<_>>()
        };
        for state in reached(&diamond, false) {
            let next: Vec<_> = behind(&state).iter().map(|step| within(diamond.next(&state, step))).collect();
            assert!(next.windows(2).all(|pair| !pair[0].is_disjoint(&pair[1])), "{state:?}");
        }
    }

    fn open(diamond: &Diamond, state: &DiamondState) -> Vec<Step> {
        let mut choices = Vec::new();
        diamond.choices(state, &mut choices);
        choices
    }

    fn reached(diamond: &Diamond, reduced: bool) -> HashSet<DiamondState> {
        let (mut seen, mut left) = (HashSet::new(), diamond.initial());
        while let Some(state) = left.pop() {
            let mut choices = open(diamond, &state);
            if reduced {
                diamond.persistent(&state, &mut choices);
            }
            if seen.insert(state.clone()) {
                left.extend(choices.iter().map(|step| diamond.next(&state, step)));
            }
        }
        seen
    }
}
