//! The server flow put to work: the flow text with a folder and an address filled in, started by the engine.

use super::{FLOW, Observations, register};
use crate::engine::{Options, Running};
use crate::function::Registry;
use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::flow::{Flow, InitialPacket, PortRef};
use neurath_model::graph::FlowGraph;
use neurath_model::spec;
use neurath_model::validate::validate;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// A running server.
pub struct Server {
    /// The flow, which can be updated.
    pub flow: Running,
    /// What its functions count.
    pub observations: Arc<Observations>,
}

impl Server {
    /// Serves `root` at `listen` with the flow that comes with this crate.
    pub fn start(root: &Path, listen: &str, options: Options) -> Result<Self, Diagnostics> {
        let (mut flow, map) = built_in();
        configure(&mut flow, root, listen);
        Self::start_flow(&flow, &map, options)
    }

    /// Serves with another flow of the same components.
    pub fn start_flow(flow: &Flow, map: &SourceMap, options: Options) -> Result<Self, Diagnostics> {
        let observations = Arc::new(Observations::default());
        let mut registry = Registry::default();
        register(&mut registry, observations.clone());
        let graph = validate(flow, map, registry.catalogue())?;
        let flow = Running::start(&graph, Arc::new(registry), options)?;
        Ok(Self { flow, observations })
    }

    /// Where it listens: the first address, where there are several (see [`Observations::listening_all`]). `None` for a flow without an accepting operator.
    pub fn address(&self) -> Option<SocketAddr> {
        self.observations.listening()
    }
}

/// The flow that comes with this crate, and where its parts stand in [`FLOW`].
pub fn built_in() -> (Flow, SourceMap) {
    spec::fbp::parse("http/flow.fbp", FLOW).expect("the flow that comes with this crate is valid")
}

/// The graph of the flow that comes with this crate, as it is before any update.
pub fn built_in_graph() -> FlowGraph {
    let mut registry = Registry::default();
    register(&mut registry, Arc::default());
    let (flow, map) = built_in();
    validate(&flow, &map, registry.catalogue()).expect("the flow that comes with this crate is valid")
}

/// Sets the folder of every `http/load` and the address of every `http/accept`.
pub fn configure(flow: &mut Flow, root: &Path, listen: &str) {
    set(flow, "http/load", "ROOT", &root.display().to_string());
    set(flow, "http/accept", "LISTEN", listen);
}

fn set(flow: &mut Flow, component: &str, property: &str, value: &str) {
    let operators = flow.operators.iter().filter(|o| o.component.name == component);
    let targets: Vec<PortRef> = operators.map(|o| PortRef::new(&*o.name, property)).collect();
    flow.initial.retain(|packet| !targets.contains(&packet.to));
    let packets = targets.into_iter().map(|to| InitialPacket { value: value.into(), to });
    flow.initial.extend(packets);
}
