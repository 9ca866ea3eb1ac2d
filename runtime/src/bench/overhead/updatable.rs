//! The pipeline as a flow that can be updated: what everybody runs.

use super::functions::{Counted, chain, registry};
use super::{CAPACITY, Pipeline};
use crate::engine::{Options, Placement, Running};
use neurath_model::spec;
use neurath_model::validate::validate;
use std::sync::mpsc;

/// Nanoseconds of CPU time per packet, all on one thread.
pub(super) fn run(pipeline: Pipeline, counted: Counted) -> f64 {
    let (tell, told) = mpsc::channel();
    let registry = registry(pipeline.work, counted, tell);
    let (flow, map) = spec::fbp::parse("chain.fbp", &chain(pipeline.length)).expect("a chain is well formed");
    let graph = validate(&flow, &map, registry.catalogue()).expect("a chain is valid");
    let options = Options { placement: Placement::OneThread, capacity: CAPACITY, ..Options::default() };
    let running = Running::start(&graph, registry, options).expect("it starts");
    let spent = told.recv().expect("the sink tells");
    running.stop().expect("it ends");
    spent
}
