//! The declarations of the server's components, the flow made of them, and its two updates.
//!
//! ```text
//!   component        in                      out                    firing  emission  wake
//!   http/accept@1                            OUT  Connection        none    each      source
//!   http/read@1      CONN, BACK Connection   OUT  Exchange          any     buffer    source
//!   http/parse@1     IN  Exchange            OUT  Request           any     each
//!   http/load@1      IN  Request             OUT  Loaded(bytes)     any     each
//!   http/load@nio    IN  Request             OUT  Loaded(file)      any     each
//!   http/compose@1   IN  Loaded($body)       OUT  Response($body)   any     each
//!   http/reply@1     IN  Response(bytes)     BACK Connection        any     buffer    resume
//!   http/reply@nio   IN  Response(file)      BACK Connection        any     buffer    resume
//! ```
//!
//! `load` and `reply` have to change together: the type of what lies between them says so, through `compose`.

use super::accept::Acceptor;
use super::compose::Composer;
use super::load::Loader;
use super::observations::Observations;
use super::parse::Parser;
use super::read::Reader;
use super::reply::{BlockingReply, NioReply, to_blocking, to_nio};
use crate::function::Registry;
use neurath_model::component::{Component, Emission, Firing, Input, Output, Property, PropertyKind, Transfer, Wake};
use neurath_model::flow::ComponentRef;
use neurath_model::packet_type::PacketType;
use serde_json::Value;
use std::sync::Arc;

/// The server flow, in the FBP DSL: both `load` and `reply` in their blocking versions.
pub const FLOW: &str = include_str!("../../flows/http/flow.fbp");

/// The update that switches `load` and `reply` to non-blocking I/O.
pub const NIO: &str = include_str!("../../flows/http/nio.toml");

/// The update that takes them back.
pub const BLOCKING: &str = include_str!("../../flows/http/blocking.toml");

/// Registers the components and transfers of the server flow. What their functions see is told to `observations`.
pub fn register(registry: &mut Registry, observations: Arc<Observations>) {
    let (accept, blocking, nio) = (Arc::clone(&observations), Arc::clone(&observations), observations);
    registry.component(accept_1(), move |p| Acceptor::new(p, &accept));
    registry.component(read_1(), |p| Ok(Reader::new(p)));
    registry.component(parse_1(), |p| Ok(Parser::new(p)));
    registry.component(load("1", "bytes", "reads the whole file into memory"), Loader::blocking);
    registry.component(load("nio", "file", "opens the file and passes its descriptor on"), Loader::nio);
    registry.component(compose_1(), |_| Ok(Composer::default()));
    registry.component(reply_1(), move |p| Ok(BlockingReply::new(p, &blocking)));
    registry.component(reply_nio(), move |p| Ok(NioReply::new(p, &nio)));
    registry.transfer(transfer("reply-to-nio", "http.ReplyBlocking", "http.ReplyNio"), to_nio);
    registry.transfer(transfer("reply-to-blocking", "http.ReplyNio", "http.ReplyBlocking"), to_blocking);
}

fn accept_1() -> Component {
    Component {
        firing: Firing::None,
        wake: Wake::Source,
        state: Some("http.Listener".into()),
        outputs: vec![output("OUT", "http.Connection")],
        properties: vec![
            Property { name: "LISTEN".into(), kind: PropertyKind::Text, default: None },
            integer("CONNECTIONS", 1024),
        ],
        ..component("http/accept", "1", "listens on an address and takes connections, up to a cap")
    }
}

fn read_1() -> Component {
    Component {
        emission: Emission::Buffer,
        wake: Wake::Source,
        state: Some("http.Idle".into()),
        inputs: vec![input("CONN", "http.Connection"), Input { feedback: true, ..input("BACK", "http.Connection") }],
        outputs: vec![output("OUT", "http.Exchange")],
        properties: vec![integer("HEAD_MAX", 16 << 10)],
        ..component("http/read", "1", "waits on idle connections and frames the head of each request")
    }
}

fn parse_1() -> Component {
    Component {
        inputs: vec![input("IN", "http.Exchange")],
        outputs: vec![output("OUT", "http.Request")],
        properties: vec![integer("LINE_MAX", 8 << 10)],
        ..component("http/parse", "1", "reads a request's head and refuses what is malformed or unsupported")
    }
}

fn load(version: &str, body: &str, summary: &str) -> Component {
    Component {
        inputs: vec![input("IN", "http.Request")],
        outputs: vec![output("OUT", &format!("http.Loaded({body})"))],
        properties: vec![Property { name: "ROOT".into(), kind: PropertyKind::Text, default: None }],
        ..component("http/load", version, summary)
    }
}

fn compose_1() -> Component {
    Component {
        inputs: vec![input("IN", "http.Loaded($body)")],
        outputs: vec![output("OUT", "http.Response($body)")],
        ..component("http/compose", "1", "writes the status line and the header fields of a response")
    }
}

fn reply_1() -> Component {
    Component {
        properties: vec![integer("SEND_TIMEOUT_MS", 30_000)],
        ..reply("1", "bytes", "http.ReplyBlocking", "sends one response after the other, waiting for each socket")
    }
}

fn reply_nio() -> Component {
    Component {
        properties: vec![integer("CHUNK", 256 << 10)],
        ..reply("nio", "file", "http.ReplyNio", "sends many responses at a time, as their sockets take them")
    }
}

fn reply(version: &str, body: &str, state: &str, summary: &str) -> Component {
    Component {
        emission: Emission::Buffer,
        wake: Wake::Resume,
        state: Some(state.into()),
        inputs: vec![input("IN", &format!("http.Response({body})"))],
        outputs: vec![output("BACK", "http.Connection")],
        ..component("http/reply", version, summary)
    }
}

/// The commonest kind: one packet in, one out, nothing remembered.
fn component(name: &str, version: &str, summary: &str) -> Component {
    Component {
        id: ComponentRef { name: name.into(), version: version.into() },
        summary: summary.into(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        firing: Firing::Any,
        emission: Emission::Each,
        wake: Wake::None,
        state: None,
        properties: Vec::new(),
    }
}

fn input(name: &str, accepts: &str) -> Input {
    Input { name: name.into(), accepts: packet_type(accepts), feedback: false }
}

fn output(name: &str, emits: &str) -> Output {
    Output { name: name.into(), emits: packet_type(emits) }
}

fn packet_type(text: &str) -> PacketType {
    PacketType::parse(text).expect("the types in this file are well-formed")
}

fn integer(name: &str, default: u64) -> Property {
    Property { name: name.into(), kind: PropertyKind::Integer, default: Some(Value::from(default)) }
}

fn transfer(name: &str, from: &str, to: &str) -> Transfer {
    Transfer { name: name.into(), from: from.into(), to: to.into() }
}
