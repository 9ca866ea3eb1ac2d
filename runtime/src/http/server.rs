//! The server flow put to work: the flow text with a folder and an address filled in, started by the engine.

use super::components::Site;
use super::{FLOW, Observations, register, register_at};
use crate::engine::{Options, Running};
use crate::function::Registry;
use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::flow::Flow;
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
        let (flow, map) = built_in();
        Self::start_flow(&flow, &map, &site(root, listen), options)
    }

    /// Serves with another flow of the same components; `site` says what, and where, where the flow does not.
    pub fn start_flow(flow: &Flow, map: &SourceMap, site: &Site, options: Options) -> Result<Self, Diagnostics> {
        Self::start_sharded(flow, map, site, vec![options])
    }

    /// The same in as many shards as there are options: each has its own acceptors, at the same addresses, its own caches and its own
    /// connections, as many as `CONNECTIONS` says.
    ///
    /// # Panics
    /// Without any.
    pub fn start_sharded(
        flow: &Flow,
        map: &SourceMap,
        site: &Site,
        options: Vec<Options>,
    ) -> Result<Self, Diagnostics> {
        let observations = Arc::new(Observations::of_shards(options.len()));
        let registries = observations.shards().iter().map(|of_shard| {
            let mut registry = Registry::default();
            register_at(&mut registry, of_shard.clone(), site);
            Arc::new(registry)
        });
        let shards: Vec<_> = registries.zip(options).collect();
        let catalogue = shards.first().expect("a server has at least one shard").0.catalogue();
        let graph = validate(flow, map, catalogue)?;
        let flow = Running::start_sharded(&graph, shards)?;
        Ok(Self { flow, observations })
    }

    /// Where it listens: the first address, where there are several (see [`Observations::listening_all`]). `None` for a flow
    /// without an accepting operator, and once it has stopped.
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

/// The folder `root`, at `listen`.
pub fn site(root: &Path, listen: &str) -> Site {
    Site { root: root.display().to_string(), listen: listen.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::client::{Client, folder, settle};
    use crate::http::testing::flow;
    use neurath_model::flow::{InitialPacket, PortRef};

    /// Sets a property of the first so many operators of a component.
    fn set(flow: &mut Flow, component: &str, count: usize, property: &str, value: &str) {
        let operators = flow.operators.iter().filter(|o| o.component.name == component);
        let targets: Vec<PortRef> = operators.take(count).map(|o| PortRef::new(&*o.name, property)).collect();
        flow.initial.retain(|packet| !targets.contains(&packet.to));
        let packets = targets.into_iter().map(|to| InitialPacket { value: value.into(), to });
        flow.initial.extend(packets);
    }

    /// The engine, and not only the driver of the other tests, runs every flow.
    #[test]
    fn every_flow_in_the_folder_serves() {
        let outer = folder();
        let root = outer.path().join("root");
        settle(&root.join("a.txt"));
        for name in ["cached", "cached-nio", "compressed-nio", "flow", "lru-nio", "nio", "two-ports"] {
            let (mut flow, map) = flow(name);
            set(&mut flow, "http/accept", usize::MAX, "LISTEN", "127.0.0.1:0");
            let is_kept = flow.operators.iter().any(|operator| operator.name == "fill");
            let server = Server::start_flow(&flow, &map, &site(&root, "127.0.0.1:0"), Options::default()).expect(name);
            let addresses = server.observations.listening_all();
            assert_eq!(
                (addresses.len(), addresses.first().copied()),
                (1 + usize::from(name == "two-ports"), server.address())
            );
            for address in &addresses {
                let mut client = Client::connect(*address);
                let mut ask =
                    || assert_eq!(client.ask(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n").body, b"hello\n", "{name}");
                (0..3).for_each(|_| ask());
                // What is to be kept travels on its own, and may come later than the next request.
                while is_kept && !was_hit(&server) {
                    ask();
                }
                assert_eq!(client.ask(b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n").status, 404, "{name}");
            }
            assert_eq!(was_hit(&server), is_kept, "{name}");
            server.flow.stop().expect("it ends");
            assert_eq!((server.address(), server.observations.broken()), (None, 0), "{name}");
        }
    }

    fn was_hit(server: &Server) -> bool {
        server.observations.met_counts().iter().any(|(met, _)| met.load.is_none())
    }
}
