//! The reference chain: a yardstick for explorers, whose counts are known from independent tools.
//!
//! ```text
//! source ──▶ operator 1 ──▶ operator 2 ──▶ operator 3 ──▶ sink        four arcs of a capacity
//! ```
//!
//! The source emits packets, each with its version, and injects markers, each making its version one higher. An operator
//! that takes a marker has its version from then on and passes it on; a packet that meets an operator of
//! another version is mixed. The sink latches `bad` when it takes a packet that is mixed or not of its own version.
//! Markers travel in order behind packets, so that never happens, unless a fault is put in ([`Chain::stale`]).
//!
//! With capacity 6, 12 packets and 3 markers, stateright, TLC and a breadth-first search written for this chain alone agree on
//! [`REFERENCE`]. It is simpler than the update protocol on purpose: markers need room in arcs, nothing branches.
//!
//! A state takes 48 bytes: an arc is one word, a byte for each packet or marker in it.

use super::items::{Arc, Item};
use crate::reduction::Reducible;
use crate::system::{Breach, System};

/// What exploring the default chain gives: states generated, distinct states, and depth with the initial state at 1 (75
/// steps lead to the last state: 15 packets and markers over 5 hops).
pub const REFERENCE: (u64, u64, u64) = (7_882_981, 1_982_456, 76);

const OPERATORS: usize = 3;
const ARCS: usize = OPERATORS + 1;
const SINK: usize = OPERATORS + 1;

/// The chain: its bounds and its fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    capacity: u32,
    packets: u8,
    markers: u8,
    stale: Option<u8>,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new(6, 12, 3)
    }
}

impl Chain {
    /// A chain without fault.
    ///
    /// # Panics
    ///
    /// If a bound does not fit the packed state: capacity 1 to 8, at most 15 packets and 7 markers.
    pub fn new(capacity: u32, packets: u8, markers: u8) -> Self {
        assert!((1..=Arc::ITEMS_MAX).contains(&capacity), "an arc is a word of eight bytes, one for each item");
        assert!(packets <= Item::SEQUENCE_MAX, "sequence numbers have four bits, and zero stands for a marker");
        assert!(markers <= Item::VERSION_MAX, "versions have three bits");
        Self { capacity, packets, markers, stale: None }
    }

    /// The same chain with a fault in one of the operators 1 to 3: it takes a marker's version, but passes the
    /// marker on with the version it had before.
    ///
    /// # Panics
    ///
    /// If there is no such operator.
    #[must_use]
    pub fn stale(self, operator: u8) -> Self {
        assert!((1..=OPERATORS).contains(&usize::from(operator)), "the chain has operators 1 to 3");
        Self { stale: Some(operator), ..self }
    }
}

/// One atomic step of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The source sends a packet.
    Emit,
    /// The source sends a marker.
    Inject,
    /// An operator, 1 to 3, takes the head of its arc and passes it on.
    Operator(u8),
    /// The sink takes the head of its arc.
    Sink,
}

/// A state of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChainState {
    arcs: [Arc; ARCS],
    /// Source, operators, sink.
    versions: [u8; OPERATORS + 2],
    packets_left: u8,
    markers_left: u8,
    received: u8,
    bad: bool,
}

impl Chain {
    fn has_room(&self, arc: Arc) -> bool {
        arc.len() < self.capacity
    }

    fn can_pass(&self, state: &ChainState, operator: u8) -> bool {
        let arc = usize::from(operator);
        !state.arcs[arc - 1].is_empty() && self.has_room(state.arcs[arc])
    }

    fn emit(&self, state: &mut ChainState) {
        let sequence = self.packets - state.packets_left + 1;
        state.packets_left -= 1;
        state.arcs[0].push(Item::packet(state.versions[0], sequence));
    }

    fn inject(state: &mut ChainState) {
        state.markers_left -= 1;
        state.versions[0] += 1;
        state.arcs[0].push(Item::marker(state.versions[0]));
    }

    fn pass(&self, state: &mut ChainState, operator: u8) {
        let index = usize::from(operator);
        let item = state.arcs[index - 1].pop();
        let version = state.versions[index];
        let passed = if !item.is_marker() {
            item.meeting(version)
        } else {
            state.versions[index] = item.version();
            if self.stale == Some(operator) { Item::marker(version) } else { item }
        };
        state.arcs[index].push(passed);
    }

    fn sink(state: &mut ChainState) {
        let item = state.arcs[ARCS - 1].pop();
        if item.is_marker() {
            state.versions[SINK] = item.version();
        } else {
            state.received += 1;
            state.bad |= item.is_mixed() || item.version() != state.versions[SINK];
        }
    }
}

impl Reducible for Chain {
    /// What an operator or the sink takes next is determined, and only it takes from its arc: its step alone is persistent. The one
    /// farthest downstream is chosen; the source is last, with a packet and a marker to choose between.
    fn persistent(&self, _: &ChainState, choices: &mut Vec<Step>) {
        if let Some(step) = choices.pop_if(|last| matches!(last, Step::Operator(_) | Step::Sink)) {
            choices.clear();
            choices.push(step);
        }
    }
}

impl System for Chain {
    type State = ChainState;
    type Choice = Step;

    fn initial(&self) -> Vec<ChainState> {
        vec![ChainState {
            arcs: [Arc::default(); ARCS],
            versions: [0; OPERATORS + 2],
            packets_left: self.packets,
            markers_left: self.markers,
            received: 0,
            bad: false,
        }]
    }

    fn choices(&self, state: &ChainState, choices: &mut Vec<Step>) {
        let room = self.has_room(state.arcs[0]);
        if room && state.packets_left > 0 {
            choices.push(Step::Emit);
        }
        if room && state.markers_left > 0 {
            choices.push(Step::Inject);
        }
        for operator in 1..=OPERATORS as u8 {
            if self.can_pass(state, operator) {
                choices.push(Step::Operator(operator));
            }
        }
        if !state.arcs[ARCS - 1].is_empty() {
            choices.push(Step::Sink);
        }
    }

    fn next(&self, state: &ChainState, step: &Step) -> ChainState {
        let mut next = state.clone();
        match *step {
            Step::Emit => self.emit(&mut next),
            Step::Inject => Self::inject(&mut next),
            Step::Operator(operator) => self.pass(&mut next, operator),
            Step::Sink => Self::sink(&mut next),
        }
        next
    }

    fn breach(&self, state: &ChainState, _ended: bool) -> Option<Breach> {
        state.bad.then(|| Breach {
            property: "bad",
            story: format!("packet {} reached the sink mixed or in another version than the sink's", state.received),
        })
    }

    fn kind(&self, step: &Step) -> &'static str {
        match step {
            Step::Emit => "emit",
            Step::Inject => "inject",
            Step::Operator(_) => "operator",
            Step::Sink => "sink",
        }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["emit", "inject", "operator", "sink"]
    }

    fn witnesses(&self) -> &'static [&'static str] {
        &["an arc is full", "everything is received in the last version"]
    }

    fn witnessed(&self, state: &ChainState, witness: usize) -> bool {
        match witness {
            0 => state.arcs.iter().any(|arc| !self.has_room(*arc)),
            _ => state.received == self.packets && state.versions[SINK] == self.markers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Exploration, Explorer, Verdict};
    use crate::reduction::Reduced;
    use crate::replay::replay;
    use crate::stateright_model::{Checked, NOTHING_BREACHED};
    use stateright::{Checker, Model};

    fn counts<C>(seen: &Exploration<C>) -> (u64, u64, u64) {
        (seen.generated, seen.distinct, seen.depth)
    }

    fn stateright_counts(checker: &impl Checker<Checked<Chain>>) -> (u64, u64, u64) {
        (checker.state_count() as u64, checker.unique_state_count() as u64, checker.max_depth() as u64)
    }

    /// One source action after the other, each carried to the end of the chain before the next.
    #[test]
    fn few_states_are_enough() {
        let seen = Explorer::new(&Reduced(Chain::default())).run();
        assert_eq!((seen.verdict, seen.distinct, seen.ended), (Verdict::Holds, 400, 1));
        let stateright = Checked(Reduced(Chain::default())).checker().spawn_bfs().join();
        assert_eq!(stateright.unique_state_count(), 400);
        let larger = Explorer::new(&Reduced(Chain::new(7, 14, 3))).run();
        assert_eq!((larger.verdict, larger.distinct), (Verdict::Holds, 464));
        for operator in 1..=3 {
            let seen = Explorer::new(&Reduced(Chain::default().stale(operator))).run();
            assert!(matches!(seen.verdict, Verdict::Breached { .. }), "operator {operator}");
        }
    }

    #[test]
    fn our_explorer_counts_the_reference() {
        let seen = Explorer::new(&Chain::default()).run();
        assert_eq!(seen.verdict, Verdict::Holds);
        assert_eq!(counts(&seen), REFERENCE);
        assert_eq!(seen.ended, 1);
        assert_eq!(seen.coverage.iter().map(|(_, taken)| taken).sum::<u64>() + 1, seen.generated);
        assert_eq!((seen.never_taken().count(), seen.never_witnessed().count()), (0, 0));
        assert!(seen.bytes_per_state < 32.0, "{}", seen.bytes_per_state);
        assert!(seen.collision_bound < 2e-7, "{}", seen.collision_bound);
    }

    /// A second chain whose count is known from elsewhere: capacity 7, 14 packets, 3 markers.
    #[test]
    fn our_explorer_counts_the_longer_chain() {
        let seen = Explorer::new(&Chain::new(7, 14, 3)).run();
        assert_eq!((seen.verdict, seen.distinct, seen.depth), (Verdict::Holds, 5_132_200, 5 * (14 + 3) + 1));
    }

    #[test]
    fn stateright_counts_the_reference() {
        let checker = Checked(Chain::default()).checker().spawn_bfs().join();
        assert!(checker.discovery(NOTHING_BREACHED).is_none());
        assert_eq!(checker.discoveries().len(), 2, "both witnesses");
        assert_eq!(stateright_counts(&checker), REFERENCE);
    }

    #[test]
    fn small_chains_are_counted_alike() {
        for (capacity, packets, markers) in [(1, 0, 0), (1, 0, 1), (1, 4, 2), (3, 5, 2), (8, 3, 3)] {
            let chain = Chain::new(capacity, packets, markers);
            let ours = Explorer::new(&chain).run();
            assert_eq!(ours.verdict, Verdict::Holds);
            let theirs = Checked(chain).checker().spawn_bfs().join();
            assert_eq!(
                counts(&ours),
                stateright_counts(&theirs),
                "capacity {capacity}, {packets} packets, {markers} markers"
            );
        }
    }

    fn run_to_breach(chain: &Chain) -> Vec<Step> {
        match Explorer::new(chain).run().verdict {
            Verdict::Breached { run, .. } => run,
            Verdict::Holds | Verdict::Undecided { .. } => panic!("a stale marker leads to a mixed packet"),
        }
    }

    /// The first breach within that many steps, by trying every run in the order of choices, keeping no state.
    fn first_breach_within(chain: &Chain, state: &ChainState, steps: usize) -> Option<Vec<Step>> {
        if state.bad {
            return Some(vec![]);
        }
        let mut open = Vec::new();
        if steps > 0 {
            chain.choices(state, &mut open);
        }
        open.into_iter().find_map(|step| {
            let rest = first_breach_within(chain, &chain.next(state, &step), steps - 1)?;
            Some([vec![step], rest].concat())
        })
    }

    #[test]
    fn a_stale_marker_is_found_by_a_shortest_run() {
        for operator in [1, 2, 3] {
            let chain = Chain::default().stale(operator);
            let run = run_to_breach(&chain);
            let start = &chain.initial()[0];
            assert_eq!(first_breach_within(&chain, start, run.len() - 1), None);
            assert_eq!(first_breach_within(&chain, start, run.len()), Some(run.clone()));
            let states = replay(&chain, &run).unwrap();
            assert!(states.iter().position(|state| state.bad) == Some(run.len()));
            // A marker and the packet behind it, over five hops each.
            assert_eq!(run.len(), 2 * (ARCS + 1));
        }
    }

    #[test]
    fn stateright_finds_the_stale_marker_too() {
        let chain = Chain::new(2, 3, 2).stale(2);
        let checker = Checked(chain.clone()).checker().spawn_bfs().join();
        let steps = checker.discovery(NOTHING_BREACHED).expect("a stale marker leads to a mixed packet").into_actions();
        assert!(replay(&chain, &steps).unwrap().last().unwrap().bad);
        assert!(steps.len() >= run_to_breach(&chain).len());
    }
}
