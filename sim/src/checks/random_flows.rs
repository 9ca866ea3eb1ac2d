//! Flows that nobody thought of: whatever is updated, in whatever flow, under `epoch` everything holds, with one exception:
//! S4 is not judged where operators on both sides of a buffer change, because what is held there while a marker passes
//! meets both sides (see `verdicts`).
//!
//! A flow is a row of blocks behind one source, or behind a merge of two. A block has one input and one output: a single
//! operator, or two branches that are split and come together again. Every port is connected by construction.

use crate::explore::{Budget, Explorer, Verdict};
use crate::instance::{Bounds, Instance};
use crate::ledger::PROPERTIES;
use crate::scenario::{self, Scenario};
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;
use proptest::prelude::*;
use std::fmt::Write;

/// What [`Permitted`] adds to the properties.
const PERMITS: &str = "permits";

/// Components of a block with one operator, and the pairs that split and rejoin.
const SINGLE: [&str; 4] = ["step", "count", "filter", "buffer"];
const PAIRS: [(&str, &str); 3] = [("fork", "merge"), ("fork", "join"), ("route", "merge")];

#[derive(Debug, Clone)]
enum Block {
    Single(&'static str),
    Branches(&'static str, &'static str),
}

#[derive(Debug, Clone)]
struct Case {
    blocks: Vec<Block>,
    two_sources: bool,
    /// Which operators each update changes, one bit each, taken round.
    updates: Vec<u64>,
    bounds: Bounds,
}

/// A flow as text, and its operators with their components.
struct Written {
    text: String,
    operators: Vec<(String, &'static str)>,
}

impl Written {
    fn operator(&mut self, name: impl Into<String>, component: &'static str) {
        self.operators.push((name.into(), component));
    }

    fn arc(&mut self, from: &str, to: &str) {
        writeln!(self.text, "{from} -> {to}").expect("a string takes any text");
    }
}

impl Case {
    fn write(&self) -> Written {
        let mut flow = Written { text: String::new(), operators: Vec::new() };
        flow.operator("s", "source");
        let mut end = "s OUT".to_owned();
        if self.two_sources {
            flow.operator("t", "source");
            flow.operator("m", "merge");
            flow.arc("s OUT", "A m");
            flow.arc("t OUT", "B m");
            end = "m OUT".into();
        }
        for (i, block) in self.blocks.iter().enumerate() {
            match block {
                Block::Single(component) => {
                    flow.operator(format!("x{i}"), component);
                    flow.arc(&end, &format!("IN x{i}"));
                    end = format!("x{i} OUT");
                }
                Block::Branches(split, rejoin) => {
                    let parts = [("split", *split), ("a", "step"), ("b", "step"), ("rejoin", *rejoin)];
                    parts.into_iter().for_each(|(part, component)| flow.operator(format!("{part}{i}"), component));
                    flow.arc(&end, &format!("IN split{i} A -> IN a{i} OUT -> A rejoin{i}"));
                    flow.arc(&format!("split{i} B"), &format!("IN b{i} OUT -> B rejoin{i}"));
                    end = format!("rejoin{i} OUT");
                }
            }
        }
        flow.operator("sink", "sink");
        flow.arc(&end, "IN sink");
        for (name, component) in &flow.operators {
            writeln!(flow.text, "{name}({component})").expect("a string takes any text");
        }
        flow
    }

    /// Whether the updates change operators up to a buffer and operators behind it. Operators are written in the order of
    /// the flow.
    fn spans_a_buffer(&self) -> bool {
        let flow = self.write();
        let changed = |i: &usize| self.updates.iter().any(|bits| changes(*bits, *i));
        let buffers = (0..flow.operators.len()).filter(|i| flow.operators[*i].1 == "buffer");
        let ends = flow.operators.len();
        buffers.into_iter().any(|b| (0..=b).any(|i| changed(&i)) && (b + 1..ends).any(|i| changed(&i)))
    }

    fn instance(&self) -> Instance {
        let flow = self.write();
        let mut scenario = Scenario::read(&flow.text, &scenario::library()).expect("connected by construction");
        for (k, bits) in self.updates.iter().enumerate() {
            let version = k + 2;
            let chosen = flow.operators.iter().enumerate().filter(|(i, _)| changes(*bits, *i));
            let changes: Vec<(&str, String)> =
                chosen.map(|(_, (name, component))| (name.as_str(), format!("{component}@{version}"))).collect();
            let changes: Vec<(&str, &str)> = changes.iter().map(|(name, to)| (*name, to.as_str())).collect();
            if !changes.is_empty() {
                scenario = scenario.updated(&scenario::replacing(&format!("u{k}"), &changes)).expect("planned");
            }
        }
        scenario.instance(self.bounds)
    }
}

/// Whether an update of those bits changes the operator of that index.
fn changes(bits: u64, operator: usize) -> bool {
    bits >> (operator % 64) & 1 == 1
}

/// An instance that is also in breach where a choice is offered that is not permitted.
struct Permitted(Instance);

impl System for Permitted {
    type State = World;
    type Choice = Choice;

    fn initial(&self) -> Vec<World> {
        self.0.initial()
    }

    fn choices(&self, world: &World, choices: &mut Vec<Choice>) {
        System::choices(&self.0, world, choices);
    }

    fn next(&self, world: &World, choice: &Choice) -> World {
        self.0.next(world, choice)
    }

    fn breach(&self, world: &World, ended: bool) -> Option<Breach> {
        self.breach_among(world, ended, &judged(false))
    }

    fn breach_among(&self, world: &World, ended: bool, properties: &[&str]) -> Option<Breach> {
        let mut choices = Vec::new();
        self.choices(world, &mut choices);
        let refused = choices.iter().find(|choice| !world.permits(&self.0, choice));
        let refused = refused.map(|choice| Breach { property: PERMITS, story: format!("{choice:?}") });
        refused.or_else(|| self.0.breach_among(world, ended, properties))
    }

    fn kind(&self, choice: &Choice) -> &'static str {
        self.0.kind(choice)
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.0.kinds()
    }
}

fn judged(spans_a_buffer: bool) -> Vec<&'static str> {
    let codes = PROPERTIES.iter().map(|about| about.code).filter(|code| !(spans_a_buffer && *code == "S4"));
    codes.chain([PERMITS]).collect()
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        prop::sample::select(&SINGLE[..]).prop_map(Block::Single),
        prop::sample::select(&PAIRS[..]).prop_map(|(split, rejoin)| Block::Branches(split, rejoin)),
    ]
}

/// The smaller the flow, the more goes on in it.
fn case() -> impl Strategy<Value = Case> {
    let environment = (1..=2_usize, any::<bool>(), any::<bool>());
    (prop::collection::vec(block(), 1..=2), any::<bool>(), prop::collection::vec(1..1_u64 << 12, 1..=2), environment)
        .prop_map(|(blocks, two_sources, mut updates, (capacity, ends, two_packets))| {
            let small = !two_sources && blocks.len() == 1;
            updates.truncate(if small { 2 } else { 1 });
            let packets = if small && two_packets && updates.len() == 1 { 2 } else { 1 };
            let bounds = Bounds { packets, capacity, ends: ends && small, hangups: false };
            Case { blocks, two_sources, updates, bounds }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every run is looked at, or as many steps of each as come to 20,000 states.
    #[test]
    fn nothing_breaks_under_epoch(case in case()) {
        let judged: Vec<&str> = judged(case.spans_a_buffer());
        let budget = Budget { states_max: 20_000, time_max: None };
        let seen = Explorer::new(&Permitted(case.instance())).only(&judged).budget(budget).run();
        prop_assert!(!matches!(seen.verdict, Verdict::Breached { .. }), "{:?}", seen.verdict);
    }
}
