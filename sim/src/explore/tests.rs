//! The explorer on systems whose answers are known: jugs, a grid, and random graphs against a search by brute force.

use super::*;
use crate::replay::{replay, replay_from};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};

/// A jug of three gallons and one of five; four gallons are to be measured.
#[derive(Default)]
struct Jugs {
    forbidden_in_big: Option<u8>,
    judged: Cell<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pour {
    FillSmall,
    FillBig,
    EmptySmall,
    EmptyBig,
    SmallToBig,
    BigToSmall,
}

impl System for Jugs {
    type State = (u8, u8);
    type Choice = Pour;

    fn initial(&self) -> Vec<(u8, u8)> {
        vec![(0, 0)]
    }

    fn choices(&self, _: &(u8, u8), choices: &mut Vec<Pour>) {
        choices.extend([Pour::FillSmall, Pour::FillBig, Pour::EmptySmall, Pour::EmptyBig]);
        choices.extend([Pour::SmallToBig, Pour::BigToSmall]);
    }

    fn next(&self, &(small, big): &(u8, u8), pour: &Pour) -> (u8, u8) {
        match pour {
            Pour::FillSmall => (3, big),
            Pour::FillBig => (small, 5),
            Pour::EmptySmall => (0, big),
            Pour::EmptyBig => (small, 0),
            Pour::SmallToBig => (small - small.min(5 - big), big + small.min(5 - big)),
            Pour::BigToSmall => (small + big.min(3 - small), big - big.min(3 - small)),
        }
    }

    fn breach(&self, &(_, big): &(u8, u8), ended: bool) -> Option<Breach> {
        self.judged.set(self.judged.get() + 1);
        assert!(!ended, "something can always be poured");
        (self.forbidden_in_big == Some(big)).then(|| Breach { property: "measured", story: format!("{big} gallons") })
    }

    fn kind(&self, pour: &Pour) -> &'static str {
        match pour {
            Pour::FillSmall | Pour::FillBig => "fill",
            Pour::EmptySmall | Pour::EmptyBig => "empty",
            Pour::SmallToBig | Pour::BigToSmall => "pour",
        }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["spill", "fill", "empty", "pour"]
    }

    fn witnesses(&self) -> &'static [&'static str] {
        &["both are full", "one overflows", "both are empty"]
    }

    fn witnessed(&self, &(small, big): &(u8, u8), witness: usize) -> bool {
        [(small, big) == (3, 5), small > 3 || big > 5, (small, big) == (0, 0)][witness]
    }
}

/// TLC's counts for the specification DieHard of the TLA+ examples, without its invariant.
#[test]
fn jugs_are_counted_as_tlc_counts_them() {
    let seen = Explorer::new(&Jugs::default()).run();
    assert_eq!(seen.verdict, Verdict::Holds);
    assert_eq!((seen.generated, seen.distinct, seen.depth, seen.ended), (97, 16, 8, 0));
}

#[test]
fn each_distinct_state_is_judged_once() {
    let jugs = Jugs::default();
    assert_eq!(Explorer::new(&jugs).run().distinct, jugs.judged.get());
}

#[test]
fn coverage_and_witnesses_name_what_never_happened() {
    let seen = Explorer::new(&Jugs::default()).run();
    assert_eq!(seen.coverage, [("spill", 0), ("fill", 32), ("empty", 32), ("pour", 32)]);
    assert_eq!(seen.witnesses, [("both are full", true), ("one overflows", false), ("both are empty", true)]);
    assert_eq!(seen.never_taken().collect::<Vec<_>>(), ["spill"]);
    assert_eq!(seen.never_witnessed().collect::<Vec<_>>(), ["one overflows"]);
}

#[test]
fn four_gallons_take_six_steps_and_the_run_replays() {
    let jugs = Jugs { forbidden_in_big: Some(4), ..Jugs::default() };
    let Verdict::Breached { breach, start, run, round: None } = Explorer::new(&jugs).run().verdict else {
        panic!("they can be measured")
    };
    assert_eq!((breach.property, breach.story.as_str(), start, run.len()), ("measured", "4 gallons", 0, 6));
    let states = replay(&jugs, &run).unwrap();
    assert_eq!(states.last().unwrap().1, 4);
    assert!(states[..6].iter().all(|(_, big)| *big != 4));
}

#[test]
fn a_wide_search_sees_the_same() {
    let grid = Grid::new(30, 40);
    let (narrow, wide) = (Explorer::new(&grid).run(), Explorer::new(&grid).wide(true).run());
    assert_eq!((narrow.generated, narrow.distinct), (wide.generated, wide.distinct));
    assert_eq!((narrow.fingerprint_bits, wide.fingerprint_bits), (64, 128));
    assert!(wide.collision_bound > 0.0 && wide.collision_bound * 2_f64.powi(60) < narrow.collision_bound);
}

#[test]
fn two_explorations_are_equal_but_for_time() {
    let jugs = Jugs { forbidden_in_big: Some(4), ..Jugs::default() };
    let [one, two] = [(); 2].map(|()| Exploration { elapsed: Duration::ZERO, ..Explorer::new(&jugs).run() });
    assert_eq!(one, two);
}

/// Steps right and down from one corner of a grid to the other; cells on a diagonal breach `near`, or `far`, or both.
struct Grid {
    wide: u32,
    high: u32,
    near: u32,
    far: u32,
}

impl Grid {
    fn new(wide: u32, high: u32) -> Self {
        Self { wide, high, near: u32::MAX, far: u32::MAX }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Go {
    Right,
    Down,
}

impl System for Grid {
    type State = (u32, u32);
    type Choice = Go;

    fn initial(&self) -> Vec<(u32, u32)> {
        vec![(0, 0)]
    }

    fn choices(&self, &(x, y): &(u32, u32), choices: &mut Vec<Go>) {
        choices.extend((x + 1 < self.wide).then_some(Go::Right));
        choices.extend((y + 1 < self.high).then_some(Go::Down));
    }

    fn next(&self, &(x, y): &(u32, u32), go: &Go) -> (u32, u32) {
        match go {
            Go::Right => (x + 1, y),
            Go::Down => (x, y + 1),
        }
    }

    fn breach(&self, state: &(u32, u32), ended: bool) -> Option<Breach> {
        self.breach_among(state, ended, &["near", "far"])
    }

    fn breach_among(&self, &(x, y): &(u32, u32), ended: bool, properties: &[&str]) -> Option<Breach> {
        let story = format!("({x}, {y}), {}", if ended { "the end" } else { "on the way" });
        [("near", self.near), ("far", self.far)]
            .into_iter()
            .find(|(property, diagonal)| x + y >= *diagonal && properties.contains(property))
            .map(|(property, _)| Breach { property, story })
    }

    fn kind(&self, go: &Go) -> &'static str {
        match go {
            Go::Right => "right",
            Go::Down => "down",
        }
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["right", "down"]
    }
}

#[test]
fn a_grid_is_counted_by_its_sides() {
    let seen = Explorer::new(&Grid::new(200, 150)).run();
    assert_eq!(seen.verdict, Verdict::Holds);
    assert_eq!((seen.distinct, seen.depth, seen.ended), (200 * 150, 200 + 150 - 1, 1));
    assert_eq!(seen.coverage, [("right", 199 * 150), ("down", 200 * 149)]);
    assert_eq!(seen.generated, 1 + 199 * 150 + 200 * 149);
    // The frontier is two neighbouring diagonals at most.
    assert!((150..=300).contains(&seen.frontier_max), "{}", seen.frontier_max);
    assert_eq!(seen.collision_bound, 30_000_f64 * 30_000_f64 / 2_f64.powi(65));
}

#[test]
fn states_beyond_the_first_table_take_no_more_than_32_bytes() {
    let seen = Explorer::new(&Grid::new(1000, 300)).run();
    assert!(seen.bytes_per_state < 32.0, "{}", seen.bytes_per_state);
}

#[test]
fn of_the_shortest_runs_the_first_by_choices_is_told() {
    let grid = Grid { near: 7, ..Grid::new(5, 9) };
    let seen = Explorer::new(&grid).run();
    let Verdict::Breached { breach, run, .. } = seen.verdict else { panic!("the diagonal is reached") };
    assert_eq!(run, [Go::Right, Go::Right, Go::Right, Go::Right, Go::Down, Go::Down, Go::Down]);
    assert_eq!((breach.story.as_str(), seen.depth), ("(4, 3), on the way", 8));
}

#[test]
fn a_breach_is_told_whether_the_run_ended() {
    let Verdict::Breached { breach, .. } = Explorer::new(&Grid { near: 2, ..Grid::new(2, 2) }).run().verdict else {
        panic!("the corner is reached")
    };
    assert_eq!(breach.story, "(1, 1), the end");
}

#[test]
fn a_property_looked_for_alone_is_found_behind_others_and_with_them() {
    let grid = Grid { near: 2, far: 6, ..Grid::new(9, 9) };
    let seen = Explorer::new(&grid).only(&["far"]).run();
    let Verdict::Breached { breach, run, .. } = seen.verdict else { panic!("it is reached") };
    assert_eq!((breach.property, run.len()), ("far", 6));
    assert_eq!(Explorer::new(&grid).only(&[]).run().verdict, Verdict::Holds);
}

#[test]
fn a_budget_of_states_that_is_enough_to_the_state_decides() {
    let grid = Grid::new(10, 10);
    let within = |states_max| Explorer::new(&grid).budget(Budget { states_max, time_max: None }).run();
    assert_eq!(within(100).verdict, Verdict::Holds);
    for states_max in [0, 1, 50, 99] {
        let seen = within(states_max);
        assert_eq!(seen.verdict, Verdict::Undecided { why: Limit::States(states_max) });
        assert_eq!(seen.distinct, states_max);
    }
}

#[test]
fn a_breach_beyond_the_budget_is_undecided() {
    let grid = Grid { near: 18, ..Grid::new(10, 10) };
    let seen = Explorer::new(&grid).budget(Budget { states_max: 99, time_max: None }).run();
    assert_eq!(seen.verdict, Verdict::Undecided { why: Limit::States(99) });
}

#[test]
fn no_time_is_not_enough() {
    let budget = Budget { time_max: Some(Duration::ZERO), ..Budget::default() };
    let seen = Explorer::new(&Grid::new(3, 3)).budget(budget).run();
    let Verdict::Undecided { why } = seen.verdict else { panic!("nothing can have been looked at") };
    assert_eq!((why.to_string().as_str(), seen.distinct), ("0 seconds were not enough", 1));
}

#[test]
fn progress_is_told_every_few_thousand_states() {
    let told = RefCell::new(Vec::new());
    let grid = Grid::new(100, 100);
    let seen = Explorer::new(&grid).progress(|progress| told.borrow_mut().push(*progress)).run();
    let told = told.into_inner();
    assert_eq!(told.len(), 10_000_usize.div_ceil(4096));
    assert_eq!((told[0].generated, told[0].distinct, told[0].waiting, told[0].depth), (1, 1, 1, 1));
    assert!(told.is_sorted_by(|before, after| before.generated < after.generated && before.depth < after.depth));
    assert!(told.iter().all(|progress| progress.distinct - progress.waiting <= seen.distinct));
}

/// A graph given by its edges, with several initial nodes and some nodes in breach.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    pub(crate) edges: Vec<Vec<u8>>,
    pub(crate) initial: Vec<u8>,
    pub(crate) bad: Vec<u8>,
}

impl System for Graph {
    type State = u8;
    type Choice = u8;

    fn initial(&self) -> Vec<u8> {
        self.initial.clone()
    }

    fn choices(&self, node: &u8, choices: &mut Vec<u8>) {
        choices.extend(&self.edges[usize::from(*node)]);
    }

    fn next(&self, _: &u8, to: &u8) -> u8 {
        *to
    }

    fn breach(&self, node: &u8, _: bool) -> Option<Breach> {
        self.bad.contains(node).then(|| Breach { property: "bad", story: format!("node {node}") })
    }

    fn kind(&self, _: &u8) -> &'static str {
        "edge"
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["edge"]
    }
}

/// Graphs of twelve nodes with cycles, joins, double edges, edges to themselves, unreachable parts.
pub(crate) fn graphs() -> impl Strategy<Value = Graph> {
    let nodes = 0..12_u8;
    let edges = prop::collection::vec(prop::collection::vec(nodes.clone(), 0..4), 12);
    let initial = prop::collection::vec(nodes.clone(), 1..4);
    let bad = prop::collection::vec(nodes, 0..3);
    (edges, initial, bad).prop_map(|(edges, initial, bad)| Graph { edges, initial, bad })
}

/// The first run of exactly that many choices that ends in breach, by trying all in order.
fn first_run_of(graph: &Graph, node: u8, length: usize) -> Option<Vec<u8>> {
    if length == 0 {
        return graph.breach(&node, false).map(|_| vec![]);
    }
    graph.edges[usize::from(node)].iter().find_map(|to| {
        let rest = first_run_of(graph, *to, length - 1)?;
        Some(std::iter::once(*to).chain(rest).collect())
    })
}

/// The shortest run to a breach, the first of those, and where it starts; twelve nodes are at most eleven choices apart.
fn shortest_run(graph: &Graph) -> Option<(usize, Vec<u8>)> {
    (0..graph.edges.len()).find_map(|length| {
        let starts = graph.initial.iter().enumerate();
        starts.filter_map(|(start, node)| Some((start, first_run_of(graph, *node, length)?))).next()
    })
}

proptest! {
    #[test]
    fn random_graphs_give_the_run_that_brute_force_gives(graph in graphs()) {
        match Explorer::new(&graph).run().verdict {
            Verdict::Holds => prop_assert_eq!(shortest_run(&graph), None),
            Verdict::Breached { start, run, .. } => {
                let states = replay_from(&graph, graph.initial[start], &run).unwrap();
                prop_assert!(graph.bad.contains(states.last().unwrap()));
                prop_assert_eq!(shortest_run(&graph), Some((start, run)));
            }
            Verdict::Undecided { why } => prop_assert!(false, "{}", why),
        }
    }

    #[test]
    fn a_stopped_exploration_never_holds(graph in graphs(), states_max in 0_u64..12) {
        let full = Explorer::new(&graph).run();
        let stopped = Explorer::new(&graph).budget(Budget { states_max, time_max: None }).run();
        match stopped.verdict {
            Verdict::Undecided { .. } => prop_assert!(full.distinct > states_max || full.verdict != Verdict::Holds),
            Verdict::Holds | Verdict::Breached { .. } => prop_assert_eq!(stopped.verdict, full.verdict),
        }
    }
}
