//! The declarations of the server's components, the flow made of them, and its two updates.
//!
//! ```text
//!   component        in                      out                    firing  emission  wake
//!   flow/merge@1     A, B $t                 OUT  $t                any     each
//!   http/accept@1                            OUT  Connection        none    each      source
//!   http/read@1      CONN, BACK Connection   OUT  Exchange          any     buffer    source
//!   http/parse@1     IN  Exchange            OUT  Request           any     each
//!   http/cache@1     IN  Request             HIT  Loaded(bytes)     any     route
//!                    FILL Fill (absorbs)     MISS Request
//!   http/cache@nio   IN  Request             HIT  Loaded(file)      any     route
//!                    FILL Fill (absorbs)     MISS Request
//!   http/lru@1, nio  as http/cache
//!   http/load@1      IN  Request             OUT  Loaded(bytes)     any     each
//!   http/load@nio    IN  Request             OUT  Loaded(file)      any     each
//!   http/fill@1      MISS, HIT Loaded($body) OUT  Loaded($body)     any     each
//!                                            FILL Fill
//!   http/compose@1   IN  Loaded($body)       OUT  Response($body)   any     each
//!   http/compress@1  IN  Response($body)     OUT  Response($body)   any     each
//!   http/reply@1     IN  Response(bytes)     BACK Connection        any     buffer    resume
//!   http/reply@nio   IN  Response(file)      BACK Connection        any     buffer    resume
//! ```
//!
//! `load` and `reply` have to change together: the type of what lies between them says so, through `compose`. A cache of
//! version `nio` passes on bytes as `file` bodies, which stand for whatever the `reply` of that version sends.

use super::accept::Acceptor;
use super::cache::{Cacher, FrequentShelf, RecentShelf, carry};
use super::compose::Composer;
use super::compress::Compressor;
use super::fill::Filler;
use super::load::Loader;
use super::merge::Merge;
use super::observations::Observations;
use super::parse::Parser;
use super::read::Reader;
use super::reply::{BlockingReply, NioReply, to_blocking, to_nio};
use super::root::Root;
use crate::function::{BuildError, Registry};
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

/// What caches keep and `fill` reads for them, where nothing else is said: the two should agree.
const ENTRY_BYTES_MAX: u64 = 1 << 20;

/// Registers the components and transfers of the server flow. What their functions see is told to `observations`.
pub fn register(registry: &mut Registry, observations: Arc<Observations>) {
    register_at(registry, observations, &Site::default());
}

/// What operators serve, and where, if nothing else is said: the defaults of the properties `ROOT` and `LISTEN`.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder.
    pub root: String,
    /// The address.
    pub listen: String,
}

impl Default for Site {
    fn default() -> Self {
        Self { root: ".".into(), listen: "127.0.0.1:8080".into() }
    }
}

impl Site {
    /// A component with the defaults of this site.
    fn of(&self, mut component: Component) -> Component {
        for property in &mut component.properties {
            match property.name.as_str() {
                "ROOT" => property.default = Some(self.root.as_str().into()),
                "LISTEN" => property.default = Some(self.listen.as_str().into()),
                _ => {}
            }
        }
        component
    }
}

/// The same with other defaults than those of [`Site::default`].
pub fn register_at(registry: &mut Registry, observations: Arc<Observations>, site: &Site) {
    let (accept, blocking, nio) = (Arc::clone(&observations), Arc::clone(&observations), observations);
    registry.component(site.of(accept_1()), move |p| Acceptor::new(p, &accept));
    registry.component(read_1(), |p| Ok(Reader::new(p)));
    registry.component(parse_1(), |p| Ok(Parser::new(p)));
    registry.component(site.of(load_1()), Loader::blocking);
    registry.component(site.of(load_nio()), Loader::nio);
    for (version, body) in [("1", "bytes"), ("nio", "file")] {
        registry.component(site.of(cache("http/cache", version, body, "http.Cache")), Cacher::<FrequentShelf>::new);
        registry.component(site.of(cache("http/lru", version, body, "http.Lru")), Cacher::<RecentShelf>::new);
    }
    registry.component(fill_1(), |p| Ok(Filler::new(p)));
    registry.component(compose_1(), |_| Ok(Composer::default()));
    registry.component(compress_1(), |p| Ok(Compressor::new(p)));
    registry.component(merge_1(), |_| Ok(Merge));
    registry.component(reply_1(), move |p| Ok(BlockingReply::new(p, &blocking)));
    registry.component(reply_nio(), move |p| Ok(NioReply::new(p, &nio)));
    for name in ["http/load", "http/cache", "http/lru"] {
        for version in ["1", "nio"] {
            let id = ComponentRef { name: name.into(), version: version.into() };
            registry.check_properties(&id, |_, new| Root::open(new.text("ROOT")).map(drop));
        }
    }
    registry.check_properties(&accept_1().id, |old, new| {
        let here = old.text("LISTEN");
        let moves = || BuildError(format!("it listens at {here}, and cannot move while it does"));
        if new.text("LISTEN") == here { Ok(()) } else { Err(moves()) }
    });
    registry.transfer(transfer("reply-to-nio", "http.ReplyBlocking", "http.ReplyNio"), to_nio);
    registry.transfer(transfer("reply-to-blocking", "http.ReplyNio", "http.ReplyBlocking"), to_blocking);
    registry.transfer(transfer("cache-to-lru", "http.Cache", "http.Lru"), carry::<FrequentShelf, RecentShelf>);
    registry.transfer(transfer("lru-to-cache", "http.Lru", "http.Cache"), carry::<RecentShelf, FrequentShelf>);
}

fn accept_1() -> Component {
    Component {
        firing: Firing::None,
        wake: Wake::Source,
        state: Some("http.Listener".into()),
        outputs: vec![output("OUT", "http.Connection")],
        properties: vec![text("LISTEN"), integer("CONNECTIONS", 1024)],
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

fn load_1() -> Component {
    load("1", "bytes", "reads the whole file into memory")
}

fn load_nio() -> Component {
    Component {
        properties: vec![text("ROOT"), integer("OPEN_FILES", 0), integer("VALID_MS", 1000), integer("LOOK_MS", 0)],
        ..load("nio", "file", "opens the file and passes its descriptor on")
    }
}

fn load(version: &str, body: &str, summary: &str) -> Component {
    Component {
        inputs: vec![input("IN", "http.Request")],
        outputs: vec![output("OUT", &format!("http.Loaded({body})"))],
        properties: vec![text("ROOT")],
        blocking: body == "bytes",
        ..component("http/load", version, summary)
    }
}

fn cache(name: &str, version: &str, body: &str, state: &str) -> Component {
    let mut properties = vec![
        text("ROOT"),
        integer("BYTES", 64 << 20),
        integer("ENTRY_BYTES_MAX", ENTRY_BYTES_MAX),
        integer("REVALIDATE_MS", 1000),
    ];
    // The others take no files.
    if body == "file" {
        properties.extend([integer("OPEN_FILES", 4096), integer("LOOK_MS", 0)]);
    }
    Component {
        emission: Emission::Route,
        state: Some(state.into()),
        inputs: vec![
            input("IN", "http.Request"),
            Input { feedback: true, absorbs: true, ..input("FILL", "http.Fill") },
        ],
        outputs: vec![output("HIT", &format!("http.Loaded({body})")), output("MISS", "http.Request")],
        properties,
        ..component(name, version, "answers with what it keeps of files, and passes on what it has not")
    }
}

fn fill_1() -> Component {
    Component {
        inputs: vec![input("MISS", "http.Loaded($body)"), input("HIT", "http.Loaded($body)")],
        outputs: vec![output("OUT", "http.Loaded($body)"), output("FILL", "http.Fill")],
        properties: vec![integer("ENTRY_BYTES_MAX", ENTRY_BYTES_MAX), integer("CONTENT_BYTES_MAX", 4 << 10)],
        ..component("http/fill", "1", "joins hits with what was loaded, and tells a cache what to keep")
    }
}

fn compose_1() -> Component {
    Component {
        inputs: vec![input("IN", "http.Loaded($body)")],
        outputs: vec![output("OUT", "http.Response($body)")],
        ..component("http/compose", "1", "writes the status line and the header fields of a response")
    }
}

fn compress_1() -> Component {
    Component {
        inputs: vec![input("IN", "http.Response($body)")],
        outputs: vec![output("OUT", "http.Response($body)")],
        properties: vec![integer("MIN_BYTES", 1024), integer("BYTES_MAX", 1 << 20)],
        ..component("http/compress", "1", "compresses with gzip what gets smaller by it, for clients that want it")
    }
}

fn merge_1() -> Component {
    Component {
        inputs: vec![input("A", "$t"), input("B", "$t")],
        outputs: vec![output("OUT", "$t")],
        ..component("flow/merge", "1", "passes on what comes in on either port")
    }
}

fn reply_1() -> Component {
    Component {
        properties: vec![integer("SEND_TIMEOUT_MS", 30_000)],
        blocking: true,
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
        blocking: false,
    }
}

fn input(name: &str, accepts: &str) -> Input {
    Input { name: name.into(), accepts: packet_type(accepts), feedback: false, absorbs: false }
}

fn output(name: &str, emits: &str) -> Output {
    Output { name: name.into(), emits: packet_type(emits) }
}

fn packet_type(text: &str) -> PacketType {
    PacketType::parse(text).expect("the types in this file are well-formed")
}

fn text(name: &str) -> Property {
    Property { name: name.into(), kind: PropertyKind::Text, default: None }
}

fn integer(name: &str, default: u64) -> Property {
    Property { name: name.into(), kind: PropertyKind::Integer, default: Some(Value::from(default)) }
}

fn transfer(name: &str, from: &str, to: &str) -> Transfer {
    Transfer { name: name.into(), from: from.into(), to: to.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Properties;
    use crate::http::testing::{flows, graph};

    fn registered() -> Registry {
        let mut registry = Registry::default();
        register(&mut registry, Arc::default());
        registry
    }

    fn declared<'a>(registry: &'a Registry, id: &str) -> &'a Component {
        registry.catalogue().component(&ComponentRef::parse(id)).expect(id)
    }

    /// The first `open`-`close` pieces of the lines of a text.
    fn between<'a>(text: &'a str, open: &'a str, close: char) -> impl Iterator<Item = &'a str> {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(move |line| line.split(open).skip(1))
            .filter_map(move |rest| rest.split(close).next())
    }

    #[test]
    fn the_flow_and_its_updates_name_what_is_registered() {
        let registry = registered();
        let in_flow: Vec<&str> = between(FLOW, "(", ')').collect();
        assert_eq!(in_flow.len(), 6);
        let in_updates: Vec<&str> =
            between(NIO, "component = \"", '"').chain(between(BLOCKING, "component = \"", '"')).collect();
        assert_eq!(in_updates.len(), 4);
        for id in in_flow.into_iter().chain(in_updates) {
            assert_eq!(declared(&registry, id).id, ComponentRef::parse(id));
        }
        let (there, back) = ("reply-to-nio", "reply-to-blocking");
        for (update, names) in [(NIO, [there, back]), (BLOCKING, [back, there])] {
            assert_eq!(between(update, "transfer = \"", '"').collect::<Vec<_>>(), names);
        }
        for name in [there, back] {
            assert!(registry.has_transfer(name) && registry.catalogue().transfer(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_flow_in_the_folder_is_valid() {
        let registry = registered();
        let mut names = Vec::new();
        for entry in std::fs::read_dir(flows()).expect("the folder of the flows") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "fbp") {
                let name = path.file_stem().and_then(|name| name.to_str()).expect("a plain name");
                assert!(graph(name, &registry).find("accept").is_some(), "{name}");
                names.push(name.to_owned());
            }
        }
        names.sort();
        let expected = ["cached", "cached-nio", "compressed-nio", "flow", "lru-nio", "nio", "two-ports"];
        assert_eq!(names, expected);
    }

    #[test]
    fn each_version_of_load_and_cache_belongs_to_one_of_reply() {
        let registry = registered();
        for name in ["http/load", "http/cache", "http/lru"] {
            for (version, body) in [("1", "http.Loaded(bytes)"), ("nio", "http.Loaded(file)")] {
                let component = declared(&registry, &format!("{name}@{version}"));
                assert_eq!(component.outputs[0].emits.to_string(), body);
            }
        }
    }

    #[test]
    fn what_load_gives_only_the_reply_of_its_version_takes() {
        let registry = registered();
        let (compose, versions) = (declared(&registry, "http/compose"), ["1", "nio"]);
        for from in versions {
            let loaded = &declared(&registry, &format!("http/load@{from}")).outputs[0].emits;
            let binding = compose.inputs[0].accepts.accepts(&loaded.terms()[0]).expect("it takes any body");
            let response = compose.outputs[0].emits.substitute(&binding);
            for to in versions {
                let accepts = &declared(&registry, &format!("http/reply@{to}")).inputs[0].accepts;
                assert_eq!(accepts.accepts(&response.terms()[0]).is_some(), from == to, "load@{from} to reply@{to}");
            }
        }
    }

    #[test]
    fn a_transfer_leads_from_one_version_of_reply_to_the_other() {
        let registry = registered();
        for (name, from, to) in [("reply-to-nio", "1", "nio"), ("reply-to-blocking", "nio", "1")] {
            let transfer = registry.catalogue().transfer(name).expect(name);
            let state = |version: &str| declared(&registry, &format!("http/reply@{version}")).state.clone();
            assert_eq!((Some(transfer.from.clone()), Some(transfer.to.clone())), (state(from), state(to)));
        }
    }

    #[test]
    fn a_transfer_leads_from_one_cache_to_the_other() {
        let registry = registered();
        for (name, from, to) in [("cache-to-lru", "cache", "lru"), ("lru-to-cache", "lru", "cache")] {
            let transfer = registry.catalogue().transfer(name).expect(name);
            for version in ["1", "nio"] {
                let state = |name: &str| declared(&registry, &format!("http/{name}@{version}")).state.clone();
                assert_eq!((Some(transfer.from.clone()), Some(transfer.to.clone())), (state(from), state(to)));
            }
        }
    }

    #[test]
    fn a_flow_that_cannot_start_says_why() {
        let registry = registered();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let taken = listener.local_addr().expect("it is bound").to_string();
        let build = |id: &str, name: &str, value: &str| {
            let values = [(name.to_owned(), Value::from(value))].into();
            let id = ComponentRef::parse(id);
            registry.build(&id, &Properties::new(values)).err().map(|error| error.to_string())
        };
        for (id, name, value) in [
            ("http/accept", "LISTEN", taken.as_str()),
            ("http/accept", "LISTEN", "nowhere"),
            ("http/load", "ROOT", "/does/not/exist"),
            ("http/load@nio", "ROOT", "/dev/null"),
            ("http/cache", "ROOT", "/does/not/exist"),
            ("http/lru@nio", "ROOT", "/dev/null"),
        ] {
            let message = build(id, name, value).expect("it must fail");
            assert!(message.contains(&format!("`{value}`")), "{message}");
        }
        assert_eq!(build("http/load", "ROOT", "/"), None);
    }
}
