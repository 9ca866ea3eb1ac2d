#![allow(missing_docs)]
use crate::flow::ComponentRef;
use crate::graph::FlowGraph;
use crate::id::OperatorId;
use crate::update::*;
use std::collections::BTreeMap;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduler {
    Direct,
    Epoch,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Replace { from: ComponentRef, to: ComponentRef, state: StatePolicy },
    Configure { properties: BTreeMap<String, serde_json::Value> },
}
#[derive(Debug, Clone)]
pub struct Plan {
    pub update: String,
    pub scheduler: Scheduler,
    pub guarantee: Guarantee,
    pub reason: String,
    pub scope: Vec<OperatorId>,
    pub actions: BTreeMap<OperatorId, Vec<Action>>,
    pub after: FlowGraph,
}
