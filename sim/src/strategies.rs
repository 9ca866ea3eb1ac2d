//! Strategies for property tests: flows and updates of one's own components, drawn by proptest, and shrunk by it.
//!
//! ```
//! use neurath_model::{plan::plan, spec::components};
//! use neurath_sim::strategies;
//! use proptest::prelude::*;
//!
//! let (mine, _) = components::parse("mine.toml", "
//!     [[component]]
//!     name = 'tick'
//!     outputs = { OUT = 'n' }
//!     emission = 'each'
//!     wake = 'source'
//!
//!     [[component]]
//!     name = 'twice'
//!     inputs = { IN = 'n' }
//!     outputs = { OUT = 'n' }
//!     emission = 'each'
//!
//!     [[component]]
//!     name = 'show'
//!     inputs = { IN = 'n' }
//!     emission = 'each'
//! ").unwrap();
//! proptest!(|((flow, update) in strategies::updated_flow(&mine))| {
//!     assert!(plan(&flow, &update, &Default::default(), &mine, None).is_ok());
//! });
//! ```
//!
//! Nothing is known of components but their declarations, so that flows have only what the catalogue has: no join without
//! a fork of as many ways, no loop without a component that has a feedback input. What is drawn is made of numbers
//! (a [`Step`] of growth, an [`Edit`]), any of which will do: what fails shrinks to fewer operators and fewer edits, and stays
//! valid all the while. That is why these strategies do not filter.

mod invalid;

/// The page for users, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/src/testing-your-own.md")]
struct TestingYourOwn;

use crate::generate::{Block, Edit, Kind, Step, edited, grow};
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::{Code, SourceMap};
use neurath_model::graph::FlowGraph;
use neurath_model::plan::plan;
use neurath_model::update::Update;
use proptest::collection::vec;
use proptest::sample::select;
use proptest::strategy::Strategy;

/// The most steps by which a flow grows.
const STEPS_MAX: usize = 8;

/// The most edits of an update.
const EDITS_MAX: usize = 3;

/// Valid flows over the components of a catalogue.
///
/// # Panics
/// When drawn from, if no flow can be made of the components: there is no source, or no way from one to a sink or back.
pub fn flow(catalogue: &Catalogue) -> impl Strategy<Value = FlowGraph> + use<> {
    let catalogue = catalogue.clone();
    growth().prop_map(move |(source, steps)| grown(&catalogue, source, &steps))
}

/// Updates of a flow that can be planned: of its operators, of its shape, or of both.
///
/// # Panics
/// When drawn from, if the components allow for no update of the flow.
pub fn update_of(graph: &FlowGraph, catalogue: &Catalogue) -> impl Strategy<Value = Update> + use<> {
    let (graph, catalogue) = (graph.clone(), catalogue.clone());
    edits().prop_map(move |edits| changed(&graph, &catalogue, "u1", &edits))
}

/// A flow with an update of it. Shrinks better than one drawn for the other.
///
/// # Panics
/// As [`flow`] and [`update_of`].
pub fn updated_flow(catalogue: &Catalogue) -> impl Strategy<Value = (FlowGraph, Update)> + use<> {
    let catalogue = catalogue.clone();
    (growth(), edits()).prop_map(move |((source, steps), edits)| {
        let graph = grown(&catalogue, source, &steps);
        let update = changed(&graph, &catalogue, "u1", &edits);
        (graph, update)
    })
}

/// A flow with `count` updates, each of the flow as the one before leaves it.
///
/// # Panics
/// As [`flow`] and [`update_of`].
pub fn updated_flow_times(
    catalogue: &Catalogue,
    count: usize,
) -> impl Strategy<Value = (FlowGraph, Vec<Update>)> + use<> {
    let catalogue = catalogue.clone();
    (growth(), vec(edits(), count)).prop_map(move |((source, steps), all)| {
        let graph = grown(&catalogue, source, &steps);
        let mut updates: Vec<Update> = Vec::new();
        let mut before = graph.clone();
        for (k, edits) in all.iter().enumerate() {
            let update = changed(&before, &catalogue, &format!("u{}", k + 1), edits);
            let plan = plan(&before, &update, &SourceMap::default(), &catalogue, None);
            before = plan.expect("an edit stays only if it can be planned").after;
            updates.push(update);
        }
        (graph, updates)
    })
}

/// Updates of a flow with one thing wrong, and the codes that must be reported, no more and no fewer.
pub fn slightly_invalid_update(
    graph: &FlowGraph,
    catalogue: &Catalogue,
) -> impl Strategy<Value = (Update, Vec<Code>)> + use<> {
    let (graph, catalogue) = (graph.clone(), catalogue.clone());
    let all = invalid::Wrong::ALL;
    (0..all.len(), number(), number()).prop_map(move |(first, at, by)| {
        let mut turned = (0..all.len()).map(|i| all[(first + i) % all.len()]);
        turned.find_map(|wrong| wrong.of(&graph, &catalogue, at, by)).expect("an unknown operator is always possible")
    })
}

fn number() -> impl Strategy<Value = u32> {
    0..1000_u32
}

fn growth() -> impl Strategy<Value = (u32, Vec<Step>)> {
    let step = (select(Block::ALL), number(), number()).prop_map(|(block, at, by)| Step { block, at, by });
    (number(), vec(step, 0..=STEPS_MAX))
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (select(Kind::ALL), number(), number(), number());
    vec(edit.prop_map(|(kind, at, by, with)| Edit { kind, at, by, with }), 1..=EDITS_MAX)
}

fn grown(catalogue: &Catalogue, source: u32, steps: &[Step]) -> FlowGraph {
    grow(catalogue, source, steps).expect("a source of the catalogue leads to a sink, or round")
}

/// The update that the edits come to. If they come to nothing, it is one that the simplest edit possible makes.
fn changed(graph: &FlowGraph, catalogue: &Catalogue, name: &str, edits: &[Edit]) -> Update {
    let accept = |update: &Update| plan(graph, update, &SourceMap::default(), catalogue, None).is_ok();
    let drawn = edited(graph, catalogue, name, edits, accept).0;
    let simple = || {
        let tries = Kind::ALL.iter().flat_map(|kind| (0..50).map(|i| Edit { kind: *kind, at: i, by: i, with: 0 }));
        tries.into_iter().find_map(|edit| edited(graph, catalogue, name, &[edit], accept).0)
    };
    drawn.or_else(simple).expect("the components allow for an update of the flow")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{example, scenario};
    use neurath_model::spec::components;
    use neurath_model::validate::validate;
    use proptest::test_runner::{Config, TestRunner};
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    fn library() -> Catalogue {
        components::parse("library", &scenario::library()).expect("readable").0
    }

    fn runner(cases: u32) -> TestRunner {
        TestRunner::new_with_rng(
            Config { cases, failure_persistence: None, ..Config::default() },
            proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
        )
    }

    #[test]
    fn flows_are_valid_and_of_every_kind_of_component() {
        for catalogue in [library(), example::http_texts().1] {
            let met = RefCell::new(BTreeSet::new());
            let checked = runner(300).run(&flow(&catalogue), |graph| {
                assert_eq!(validate(&graph.to_flow(), &SourceMap::default(), &catalogue), Ok(graph.clone()));
                met.borrow_mut().extend(graph.operators().map(|(_, node)| node.component.id.name.clone()));
                Ok(())
            });
            checked.expect("valid");
            let all: BTreeSet<String> = catalogue.components().map(|c| c.id.name.clone()).collect();
            assert_eq!(met.into_inner(), all);
        }
    }

    #[test]
    fn what_is_slightly_invalid_is_refused_for_what_it_is() {
        let met: RefCell<BTreeMap<Vec<Code>, u32>> = RefCell::default();
        for catalogue in [library(), example::http_texts().1] {
            let flows = flow(&catalogue);
            let wrong = proptest::strategy::Strategy::prop_flat_map(flows, |graph| {
                let wrong = slightly_invalid_update(&graph, &catalogue);
                wrong.prop_map(move |wrong| (graph.clone(), wrong))
            });
            let checked = runner(1000).run(&wrong, |(graph, (update, codes))| {
                let refused = plan(&graph, &update, &SourceMap::default(), &catalogue, None).expect_err("refused");
                let found: BTreeSet<Code> = refused.0.iter().map(|d| d.code).collect();
                proptest::prop_assert_eq!(
                    &found,
                    &codes.iter().copied().collect::<BTreeSet<Code>>(),
                    "{} {:?}",
                    refused,
                    update
                );
                *met.borrow_mut().entry(codes).or_default() += 1;
                Ok(())
            });
            checked.expect("refused for what it is");
        }
        let codes: BTreeSet<Code> = met.borrow().keys().flatten().copied().collect();
        let all = "F03 F04 F05 F06 F07 F08 F10 U01 U02 U03 U04 U05 U06 U08 U12 U13";
        assert_eq!(codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "), all, "{met:?}");
    }
}
