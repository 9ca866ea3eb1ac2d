//! Flows that nobody thought of: whatever is updated, in whatever flow, under `epoch` everything holds.
//!
//! A flow is a row of blocks behind one source, or behind a merge of two. A block has one input and one output: a single
//! operator, or two branches that are split and come together again. Every port is connected by construction.

use crate::explore::{Budget, Explorer, Verdict};
use crate::instance::{Bounds, Instance};
use crate::scenario::{self, Scenario};
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;
use proptest::prelude::*;
use std::fmt::Write;

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

    fn instance(&self) -> Instance {
        let flow = self.write();
        let mut scenario = Scenario::read(&flow.text, &scenario::library()).expect("connected by construction");
        for (k, bits) in self.updates.iter().enumerate() {
            let version = k + 2;
            let chosen = flow.operators.iter().enumerate().filter(|(i, _)| bits >> (i % 64) & 1 == 1);
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
        let mut choices = Vec::new();
        self.choices(world, &mut choices);
        let refused = choices.iter().find(|choice| !world.permits(&self.0, choice));
        let refused = refused.map(|choice| Breach { property: "permits", story: format!("{choice:?}") });
        refused.or_else(|| self.0.breach(world, ended))
    }

    fn kind(&self, choice: &Choice) -> &'static str {
        self.0.kind(choice)
    }

    fn kinds(&self) -> &'static [&'static str] {
        self.0.kinds()
    }
}

fn block() -> impl Strategy<Value = Block> {
    prop_oneof![
        prop::sample::select(&SINGLE[..]).prop_map(Block::Single),
        prop::sample::select(&PAIRS[..]).prop_map(|(split, rejoin)| Block::Branches(split, rejoin)),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let environment = (1..=2_usize, any::<bool>(), any::<bool>());
    (prop::collection::vec(block(), 1..=2), any::<bool>(), prop::collection::vec(1..u64::MAX, 1..=2), environment)
        .prop_map(|(blocks, two_sources, updates, (capacity, ends, two_packets))| {
            let small = !two_sources && blocks.len() == 1 && updates.len() == 1;
            let packets = if small && two_packets { 2 } else { 1 };
            Case { blocks, two_sources, updates, bounds: Bounds { packets, capacity, ends, hangups: false } }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn everything_holds_under_epoch(case in case()) {
        let seen = Explorer::new(&Permitted(case.instance())).budget(Budget { states_max: 500_000, time_max: None }).run();
        prop_assert_eq!(seen.verdict, Verdict::Holds);
    }
}
