//! A flow as its author wrote it: operators by name, arcs between named ports, initial packets.
//!
//! This is exactly what the two text formats hold, no more and no less, so that printing and reading again gives the
//! same value. Nothing here is checked: [`validate`](crate::validate) turns a `Flow` into a
//! [`FlowGraph`](crate::graph::FlowGraph), or says everything that is wrong with it. Places in the text are kept
//! apart, in a [`SourceMap`](crate::diagnostic::SourceMap), so that two flows are equal when they mean the same.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Names one version of a component: what an operator runs. Written `name@version` in messages and update files,
/// `name:version=V` in `.fbp` text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentRef {
    /// The component, for example `http/load`.
    pub name: String,
    /// Its version, for example `nio`.
    pub version: String,
}

impl ComponentRef {
    /// The version meant where none is written.
    pub const DEFAULT_VERSION: &'static str = "1";

    /// `name@version`; without `@version` it is [`Self::DEFAULT_VERSION`].
    pub fn parse(text: &str) -> Self {
        let (name, version) = text.split_once('@').unwrap_or((text, Self::DEFAULT_VERSION));
        Self { name: name.into(), version: version.into() }
    }
}

impl fmt::Display for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

impl Serialize for ComponentRef {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ComponentRef {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::parse(&String::deserialize(d)?))
    }
}

/// One operator of a flow, called *process* in the FBP formats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Its name, unique in the flow.
    pub name: String,
    /// What it runs.
    pub component: ComponentRef,
    /// Notes of editors (position, label), without the version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
}

/// One end of an arc, by name. `OUT[1]` has index 1: one element of an array port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PortRef {
    /// The operator's name.
    pub operator: String,
    /// The port's name, with the case as written.
    pub port: String,
    /// The element of an array port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
}

impl PortRef {
    /// A plain port.
    pub fn new(operator: impl Into<String>, port: impl Into<String>) -> Self {
        Self { operator: operator.into(), port: port.into(), index: None }
    }

    /// The port's name as a component declares it: `OUT[1]` is the declared port `OUT[1]`.
    pub fn port_name(&self) -> String {
        match self.index {
            Some(index) => format!("{}[{index}]", self.port),
            None => self.port.clone(),
        }
    }
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.operator, self.port_name())
    }
}

/// One arc: FIFO, from an output port to an input port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arc {
    /// The output port it leaves.
    pub from: PortRef,
    /// The input port it enters.
    pub to: PortRef,
    /// Notes of editors; only the JSON format can hold them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
}

/// A value given to an operator once, before it runs: FBP's initial information packet. It sets the property of
/// the port's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitialPacket {
    /// The value; text in single quotes is a string.
    pub value: Value,
    /// The property it sets.
    pub to: PortRef,
}

/// A named set of operators, for editors; only the JSON format can hold them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group's name.
    pub name: String,
    /// The operators in it.
    pub nodes: Vec<String>,
    /// Notes of editors.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
}

/// A flow: what a `.fbp` or FBP JSON file says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flow {
    /// Annotations (`# @name server`), called *properties* in JSON.
    pub annotations: BTreeMap<String, Value>,
    /// The operators, in the order in which they are first named.
    pub operators: Vec<Operator>,
    /// The arcs, in order.
    pub arcs: Vec<Arc>,
    /// The initial packets, in order.
    pub initial: Vec<InitialPacket>,
    /// Input ports offered to an enclosing flow, by public name.
    pub inports: BTreeMap<String, PortRef>,
    /// Output ports offered to an enclosing flow, by public name.
    pub outports: BTreeMap<String, PortRef>,
    /// Groups of operators.
    pub groups: Vec<Group>,
}

impl Flow {
    /// The operator of that name.
    pub fn operator(&self, name: &str) -> Option<&Operator> {
        self.operators.iter().find(|o| o.name == name)
    }

    /// What the flow is called, by its `@name` annotation.
    pub fn name(&self) -> Option<&str> {
        self.annotations.get("name").and_then(Value::as_str)
    }
}
