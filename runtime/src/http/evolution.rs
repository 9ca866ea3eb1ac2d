//! The evolution of the server: updates that change its functions and its shape, as they stand in `flows/http`.
//!
//! ```text
//!   base -nio-> NIO -cache-in-> cached -cache-replaced-> other cache -compressor-in-> compressing
//!    ^                                                                                    |
//!    '-blocking- NIO <-cache-out- other cache <-----------------compressor-out------------'
//! ```
//!
//! And, from any of these, a second source: `port-in` and `port-out`, which are made for the flow that is there.

use crate::update_files::UpdateFiles;
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::{Arc, ComponentRef, Flow, InitialPacket, Operator, PortRef};
use neurath_model::update::Update;

/// The texts of the cycle, in order: what each is called, and what it says.
const CYCLE: [(&str, &str); 7] = [
    ("nio.toml", include_str!("../../flows/http/nio.toml")),
    ("cache-in.toml", include_str!("../../flows/http/cache-in.toml")),
    ("cache-replaced.toml", include_str!("../../flows/http/cache-replaced.toml")),
    ("compressor-in.toml", include_str!("../../flows/http/compressor-in.toml")),
    ("compressor-out.toml", include_str!("../../flows/http/compressor-out.toml")),
    ("cache-out.toml", include_str!("../../flows/http/cache-out.toml")),
    ("blocking.toml", include_str!("../../flows/http/blocking.toml")),
];

/// From the base to a cached, non-blocking server at once.
const NIO_AND_CACHE: (&str, &str) = ("nio-and-cache.toml", include_str!("../../flows/http/nio-and-cache.toml"));

/// The flow files that they name.
const FLOWS: [(&str, &str); 4] = [
    ("nio.fbp", include_str!("../../flows/http/nio.fbp")),
    ("cached-nio.fbp", include_str!("../../flows/http/cached-nio.fbp")),
    ("lru-nio.fbp", include_str!("../../flows/http/lru-nio.fbp")),
    ("compressed-nio.fbp", include_str!("../../flows/http/compressed-nio.fbp")),
];

/// The updates of the cycle, in order.
pub fn cycle() -> Vec<(Update, SourceMap)> {
    cycle_texts().iter().map(read).collect()
}

/// The same as texts, to be sent to a server.
pub fn cycle_texts() -> Vec<UpdateFiles> {
    CYCLE.into_iter().map(texts).collect()
}

/// The largest update that comes with this crate: of the flow as it is at first, to that with non-blocking I/O and a cache.
pub fn nio_and_cache() -> (Update, SourceMap) {
    read(&texts(NIO_AND_CACHE))
}

/// An update with the flow file that it names, if it does.
fn texts((name, text): (&str, &str)) -> UpdateFiles {
    let owned = |(name, text): (&str, &str)| (name.to_owned(), text.to_owned());
    let flow = FLOWS.into_iter().find(|(file, _)| text.contains(&format!("\"{file}\"")));
    UpdateFiles { update: Some(owned((name, text))), flow: flow.map(owned) }
}

fn read(files: &UpdateFiles) -> (Update, SourceMap) {
    files.read().expect("the updates that come with this crate are valid")
}

/// The update of a server flow that listens at another address too, which is told to `accept2`; or no longer, if it does. The
/// first acceptor is not touched.
pub fn second_port(flow: &Flow, listen: &str) -> Update {
    if flow.operator("accept2").is_some() { without_second(flow) } else { with_second(flow, listen) }
}

fn with_second(flow: &Flow, listen: &str) -> Update {
    let mut flow = flow.clone();
    let operator = |name: &str, component: &str| Operator {
        name: name.into(),
        component: ComponentRef::parse(component),
        metadata: [].into(),
    };
    flow.operators.extend([operator("accept2", "http/accept"), operator("merge", "flow/merge")]);
    let to_read = flow.arcs.iter_mut().find(|arc| arc.to == PortRef::new("read", "CONN"));
    to_read.expect("connections come to `read`").to = PortRef::new("merge", "A");
    let arc = |from: (&str, &str), to: (&str, &str)| Arc {
        from: PortRef::new(from.0, from.1),
        to: PortRef::new(to.0, to.1),
        metadata: [].into(),
    };
    flow.arcs.extend([arc(("accept2", "OUT"), ("merge", "B")), arc(("merge", "OUT"), ("read", "CONN"))]);
    flow.initial.push(InitialPacket { value: listen.into(), to: PortRef::new("accept2", "LISTEN") });
    Update::to_flow("port-in", flow)
}

fn without_second(flow: &Flow) -> Update {
    let mut flow = flow.clone();
    let gone = |name: &str| name == "accept2" || name == "merge";
    let first = flow.arcs.iter_mut().find(|arc| arc.to == PortRef::new("merge", "A"));
    first.expect("the first acceptor leads to `merge`").to = PortRef::new("read", "CONN");
    flow.operators.retain(|operator| !gone(&operator.name));
    flow.arcs.retain(|arc| !gone(&arc.from.operator) && !gone(&arc.to.operator));
    flow.initial.retain(|packet| !gone(&packet.to.operator));
    Update::to_flow("port-out", flow)
}
