//! Updates that are invalid, sent to one server under load: each is refused with a code, a place and a hint, and none reaches
//! the flow. All that is said is in one snapshot, as a person sees it.
//!
//! The rules of a reconnection set (C01 to C07) are not in the table, because no text leads there: a set is read off two valid
//! flows, and is sound then. They are shown with the rules, in `model/src/reconnection/tests.rs`.

use crate::support::{Administered, administered, get, site, site_knowing};
use neurath_model::component::{Component, Emission, Firing, Input, Output, Property, PropertyKind, Transfer, Wake};
use neurath_model::diagnostic::{Code, Diagnostics};
use neurath_model::flow::ComponentRef;
use neurath_model::packet_type::PacketType;
use neurath_model::plan::Scheduler;
use neurath_model::spec::{fbp, fbp_json};
use neurath_runtime::admin::{Ask, Reply};
use neurath_runtime::cli::input::Session;
use neurath_runtime::cli::{Format, render};
use neurath_runtime::engine::Options;
use neurath_runtime::function::{Function, Registry};
use neurath_runtime::http::evolution;
use neurath_runtime::load::client::Load;
use neurath_runtime::update_files::UpdateFiles;
use std::fmt::Write;
use std::io;

// --- The table -------------------------------------------------------------------------------------------------------

/// An update, and the rule that it breaks.
struct Row {
    title: &'static str,
    update: Option<String>,
    flow: Option<(&'static str, String)>,
    scheduler: Option<Scheduler>,
    code: Code,
}

fn row(code: Code, title: &'static str, update: String) -> Row {
    Row { title, update: Some(update), flow: None, scheduler: None, code }
}

/// A text as it stands.
fn text(code: Code, title: &'static str, update: &str) -> Row {
    row(code, title, update.into())
}

/// Changes of operators.
fn change(code: Code, title: &'static str, changes: &str) -> Row {
    row(code, title, format!("[update]\nname = \"u\"\n\n{changes}\n"))
}

/// The change of one operator to another component.
fn install(code: Code, title: &'static str, (operator, component): (&str, &str), state: &str) -> Row {
    change(code, title, &format!("[operator.{operator}]\ncomponent = \"{component}\"\nstate = {state}"))
}

/// A flow to change to, and what is said of states.
fn lead(code: Code, title: &'static str, flow: &str, changes: &str) -> Row {
    let update = format!("[update]\nname = \"u\"\nflow = \"x.fbp\"\n\n{changes}");
    Row { flow: Some(("x.fbp", flow.into())), ..row(code, title, update.trim_end().to_owned() + "\n") }
}

/// A flow to change to.
fn flow(code: Code, title: &'static str, flow: &str) -> Row {
    lead(code, title, flow, "")
}

/// The flow that runs, with one part in the place of another.
fn with(part: &str, other: &str) -> String {
    assert!(BASE.contains(part), "{part}");
    BASE.replace(part, other)
}

fn json(flow: &str) -> String {
    let (flow, _) = fbp::parse("x.fbp", flow).expect("valid");
    fbp_json::print(&flow)
}

const BASE: &str = "\
accept(http/accept) OUT -> CONN read(http/read)
read OUT -> IN parse(http/parse)
parse OUT -> IN load(http/load)
load OUT -> IN compose(http/compose)
compose OUT -> IN reply(http/reply)
reply BACK -> BACK read
";

fn texts() -> Vec<Row> {
    vec![
        text(Code::P02, "an empty file", ""),
        text(
            Code::P01,
            "a file that was cut off",
            "[update]\nname = \"u\"\n\n[operator.load]\ncomponent = \"http/load@nio\"\nstate = { trans",
        ),
        text(Code::P02, "an update without a name", "[update]\n\n[operator.load]\nstate = \"keep\"\n"),
        text(
            Code::P03,
            "a misspelt key of the update",
            "[update]\nname = \"u\"\nguaranty = \"serializability\"\n\n[operator.load]\ncomponent = \"http/load@nio\"\nstate = \"keep\"\n",
        ),
        text(
            Code::P03,
            "a guarantee that does not exist",
            "[update]\nname = \"u\"\nguarantee = \"exactly-once\"\n\n[operator.load]\ncomponent = \"http/load@nio\"\nstate = \"keep\"\n",
        ),
        text(
            Code::P04,
            "two guarantees",
            "[update]\nname = \"u\"\nguarantee = \"serializability\"\nguarantee = \"cut-consistency\"\n",
        ),
        text(Code::P04, "two names", "[update]\nname = \"u\"\nname = \"v\"\n"),
        change(
            Code::P04,
            "one operator changed twice",
            "[operator.load]\nstate = \"keep\"\n\n[operator.load]\nstate = \"reset\"",
        ),
        change(Code::U08, "no operator at all", ""),
        change(
            Code::P03,
            "a misspelt key of a change",
            "[operator.load]\ncomponnet = \"http/load@nio\"\nstate = \"keep\"",
        ),
        change(
            Code::P03,
            "a state policy that does not exist",
            "[operator.load]\ncomponent = \"http/load@nio\"\nstate = \"forget\"",
        ),
    ]
}

fn functions() -> Vec<Row> {
    vec![
        install(Code::U01, "an operator that does not exist", ("laod", "http/load@nio"), "\"keep\""),
        install(Code::U02, "a component that does not exist", ("load", "http/laod"), "\"keep\""),
        install(Code::U02, "a version that does not exist", ("load", "http/load@3"), "\"keep\""),
        install(Code::U07, "a producer that its consumer does not understand", ("load", "http/load@nio"), "\"keep\""),
        install(
            Code::U07,
            "a consumer that does not understand its producer",
            ("reply", "http/reply@nio"),
            "{ transfer = \"reply-to-nio\" }",
        ),
        install(Code::U03, "a component without the ports that are connected", ("load", "http/fill"), "\"keep\""),
        install(Code::U10, "a component that fires by other rules", ("parse", "http/parse@joining"), "\"keep\""),
        change(Code::U04, "nothing said of the state", "[operator.load]\ncomponent = \"http/load@nio\""),
        install(
            Code::U05,
            "a transfer that does not exist",
            ("reply", "http/reply@nio"),
            "{ transfer = \"reply-to-noi\" }",
        ),
        install(
            Code::U05,
            "a transfer between other state types",
            ("reply", "http/reply@nio"),
            "{ transfer = \"cache-to-lru\" }",
        ),
        install(Code::U05, "a state kept by a function that cannot read it", ("reply", "http/reply@nio"), "\"keep\""),
        change(
            Code::U05,
            "a state reset where the function stays",
            "[operator.read]\nproperties = { HEAD_MAX = 4096 }\nstate = \"reset\"",
        ),
        install(
            Code::U05,
            "a way back that does not exist",
            ("reply", "http/reply@nio"),
            "{ transfer = \"reply-to-nio\" }\nback = { transfer = \"nowhere\" }",
        ),
        install(
            Code::U05,
            "a way back that leads elsewhere",
            ("reply", "http/reply@nio"),
            "{ transfer = \"reply-to-nio\" }\nback = \"keep\"",
        ),
        install(Code::U06, "responses under way dropped by a reset", ("reply", "http/reply@nio"), "\"reset\""),
        install(
            Code::U06,
            "responses under way given to a function that does not go on with them",
            ("reply", "http/reply@eager"),
            "\"keep\"",
        ),
        install(Code::U08, "the component that is there", ("load", "http/load@1"), "\"keep\""),
        change(Code::U08, "a change of nothing", "[operator.load]\nstate = \"keep\""),
        change(
            Code::U08,
            "the value that is there",
            "[operator.read]\nproperties = { HEAD_MAX = 16384 }\nstate = \"keep\"",
        ),
        change(
            Code::U09,
            "a property that does not exist",
            "[operator.read]\nproperties = { HEADMAX = 4096 }\nstate = \"keep\"",
        ),
        change(
            Code::U09,
            "a property of another kind",
            "[operator.read]\nproperties = { HEAD_MAX = \"4 kB\" }\nstate = \"keep\"",
        ),
        install(Code::U09, "a property left unset", ("parse", "http/parse@tagging"), "\"keep\""),
        change(
            Code::R04,
            "a folder that is not there",
            "[operator.load]\nproperties = { ROOT = \"/nowhere\" }\nstate = \"keep\"",
        ),
        change(
            Code::R04,
            "a listener that would have to move",
            "[operator.accept]\nproperties = { LISTEN = \"127.0.0.1:1\" }\nstate = \"keep\"",
        ),
        change(
            Code::U13,
            "a state taken over by an operator that has one",
            "[operator.reply]\nfrom = \"read\"\nstate = \"keep\"",
        ),
        Row {
            scheduler: Some(Scheduler::Direct),
            ..row(Code::U11, "a scheduler that does not promise what is asked", neurath_runtime::http::NIO.into())
        },
    ]
}

fn arcs() -> Vec<Row> {
    let merged = "read OUT -> A merge(flow/merge) OUT -> IN parse(http/parse)";
    let forked = "read OUT -> IN fork(flow/fork)\nfork A -> IN parse(http/parse)";
    let read = "read OUT -> IN parse(http/parse)";
    vec![
        flow(Code::F05, "an input port without an arc", &with(read, merged)),
        flow(Code::F06, "an output port without an arc", &with(read, forked)),
        flow(Code::F05, "two arcs into one port", &with("read OUT", "accept2(http/accept) OUT -> CONN read\nread OUT")),
        flow(Code::F06, "two arcs from one port", &with(read, &format!("{merged}\nread OUT -> B merge"))),
        flow(
            Code::F10,
            "a zip of two sources",
            &with("accept(http/accept) OUT -> CONN", "accept(http/accept) OUT -> A zip(flow/zip) OUT -> CONN")
                .replace("read OUT", "accept2(http/accept) OUT -> B zip\nread OUT"),
        ),
        flow(
            Code::F10,
            "a zip of all packets with some of them",
            &with(
                read,
                "read OUT -> IN fork(flow/fork)\nfork A -> A zip(flow/zip) OUT -> IN parse(http/parse)\nfork B -> IN some(flow/some) OUT -> B zip",
            ),
        ),
        flow(
            Code::F11,
            "a feedback port that closes no loop",
            &with("reply BACK -> BACK read", "reply BACK -> IN drop(flow/drop)\naccept2(http/accept) OUT -> BACK read"),
        ),
        flow(
            Code::F07,
            "an operator left out, so that types do not fit",
            &with("-> IN parse(http/parse)\nparse OUT -> IN load", "-> IN load"),
        ),
        flow(Code::F07, "one version of two that belong together", &with("(http/load)", "(http/load:version=nio)")),
        flow(
            Code::F15,
            "the only source taken out",
            &with("accept(http/accept) OUT -> CONN read(http/read)\nread", "read(http/read)"),
        ),
        flow(
            Code::F06,
            "the sink taken out",
            &with("compose OUT -> IN reply(http/reply)\nreply BACK -> BACK read\n", ""),
        ),
        flow(Code::F16, "a port left to an enclosing flow", &format!("INPORT=merge.B:MORE\n{}", with(read, merged))),
    ]
}

fn declarations() -> Vec<Row> {
    vec![
        flow(Code::P01, "a flow that breaks the grammar", &with("load OUT -> IN compose", "load OUT -< IN compose")),
        flow(Code::P01, "a flow that was cut off", &BASE[..BASE.len() - 12]),
        Row {
            flow: Some(("x.json", json(BASE).replacen("\"process\": \"parse\"", "\"process\": \"prase\"", 1))),
            ..row(Code::F03, "a loose end in JSON", "[update]\nname = \"u\"\nflow = \"x.json\"\n".into())
        },
        Row {
            flow: Some(("x.json", "{ \"processes\": { \"accept\": ".into())),
            ..row(Code::P01, "a flow in JSON that was cut off", "[update]\nname = \"u\"\nflow = \"x.json\"\n".into())
        },
        flow(Code::F15, "an empty flow", ""),
        row(Code::P06, "a flow file that was not sent", "[update]\nname = \"u\"\nflow = \"x.fbp\"\n".into()),
        flow(Code::U08, "the flow that is there", BASE),
        flow(Code::P04, "two operators of one name", &with("load OUT", "load(http/cache) OUT")),
        flow(Code::F02, "a component that does not exist", &with("(http/parse)", "(http/prase)")),
        flow(Code::F02, "a version that does not exist", &with("(http/parse)", "(http/parse:version=2)")),
        flow(Code::F04, "an initial packet for a port that has an arc", &format!("{BASE}'x' -> IN parse\n")),
        flow(Code::F04, "an initial packet for no property", &format!("{BASE}'x' -> LINEMAX parse\n")),
        flow(
            Code::F12,
            "two initial packets for one property",
            &format!("{BASE}'1000' -> LINE_MAX parse\n'2000' -> LINE_MAX parse\n"),
        ),
        flow(Code::F12, "an initial packet of another kind", &format!("{BASE}'long' -> LINE_MAX parse\n")),
        flow(Code::F12, "a property without a value", &with("(http/parse)", "(http/parse:version=tagging)")),
        flow(
            Code::R04,
            "an initial packet that its function does not take",
            &format!("{BASE}'/nowhere' -> ROOT load\n"),
        ),
    ]
}

fn states() -> Vec<Row> {
    let nio = with("(http/load)", "(http/load:version=nio)").replace("(http/reply)", "(http/reply:version=nio)");
    let send =
        BASE.replace("reply(", "send(").replace("reply BACK", "send BACK").replace("(http/reply)", "(http/send)");
    let again = send.replace("http/send", "http/reply");
    let cached = with(
        "load(http/load)\nload OUT",
        "load(http/cache) MISS -> IN file(http/load)\nload HIT -> HIT fill(http/fill)\nfill FILL -> FILL load\nfile OUT -> MISS fill\nfill OUT",
    );
    let two = with("reply BACK -> BACK read", "reply BACK -> IN send(http/pass)\nsend BACK -> BACK read");
    let from = |state: &str| format!("[operator.send]\nfrom = \"reply\"\nstate = {state}");
    vec![
        flow(Code::U04, "another function for an operator, and nothing said of its state", &nio),
        Row { update: None, ..flow(Code::U04, "the same in a flow file alone", &nio) },
        lead(
            Code::U05,
            "a transfer between other state types",
            &nio,
            "[operator.reply]\nstate = { transfer = \"lru-to-cache\" }",
        ),
        lead(
            Code::U03,
            "another component of other ports under the same name",
            &cached,
            "[operator.load]\nstate = \"reset\"",
        ),
        flow(
            Code::U10,
            "other rules of firing under the same name",
            &with("(http/parse)", "(http/parse:version=joining)"),
        ),
        lead(
            Code::U12,
            "two components for one operator",
            BASE,
            "[operator.load]\ncomponent = \"http/load@nio\"\nstate = \"keep\"",
        ),
        lead(
            Code::U12,
            "two values for one property",
            &format!("{BASE}'1000' -> LINE_MAX parse\n"),
            "[operator.parse]\nproperties = { LINE_MAX = 2000 }\nstate = \"keep\"",
        ),
        lead(Code::U12, "an operator that goes", &send, "[operator.reply]\nstate = \"keep\""),
        lead(
            Code::U12,
            "an operator that never was",
            &nio,
            "[operator.replay]\nstate = { transfer = \"reply-to-nio\" }",
        ),
        lead(
            Code::U13,
            "a state from an operator that stays",
            &two,
            "[operator.send]\nfrom = \"reply\"\nstate = \"keep\"",
        ),
        lead(
            Code::U13,
            "a state from an operator that is not there",
            &send,
            "[operator.send]\nfrom = \"replay\"\nstate = \"keep\"",
        ),
        lead(Code::U13, "a state kept from nobody", &send, "[operator.send]\nstate = \"keep\""),
        lead(
            Code::U13,
            "one state taken over twice",
            &two.replace("reply BACK", "post BACK").replace("reply(", "post("),
            "[operator.send]\nfrom = \"reply\"\nstate = \"keep\"\n\n[operator.post]\nfrom = \"reply\"\nstate = \"keep\"",
        ),
        lead(
            Code::U05,
            "a state taken over by a transfer of other types",
            &send,
            &from("{ transfer = \"cache-to-lru\" }"),
        ),
        lead(Code::U05, "a transfer where the function is the same", &again, &from("{ transfer = \"reply-to-send\" }")),
        lead(Code::U06, "open work of an operator that goes, dropped", &send, &from("\"reset\"")),
        lead(
            Code::U05,
            "a way back for a state taken over that does not exist",
            &send,
            &from("{ transfer = \"reply-to-send\" }\nback = { transfer = \"nowhere\" }"),
        ),
        lead(
            Code::U05,
            "a way back from other state types",
            &send,
            &from("{ transfer = \"reply-to-send\" }\nback = { transfer = \"cache-to-lru\" }"),
        ),
    ]
}

/// Components that are known and do not run.
fn declare(registry: &mut Registry) {
    let parse = || component("http/parse", &[("IN", "http.Exchange")], &[("OUT", "http.Request")]);
    let version = |component: Component, version: &str| Component {
        id: ComponentRef { version: version.into(), ..component.id.clone() },
        ..component
    };
    let reply = component("http/reply", &[("IN", "http.Response(bytes)")], &[("BACK", "http.Connection")]);
    let send = Component {
        state: Some("http.Sent".into()),
        ..component("http/send", &[("IN", "http.Response(bytes)")], &[("BACK", "http.Connection")])
    };
    let pass = component("http/pass", &[("IN", "http.Connection")], &[("BACK", "http.Connection")]);
    let blocking = || Some("http.ReplyBlocking".into());
    let buffer = |component: Component| Component { emission: Emission::Buffer, wake: Wake::Resume, ..component };
    let tag = Property { name: "TAG".into(), kind: PropertyKind::Text, default: None };
    for declared in [
        Component { firing: Firing::All, ..version(parse(), "joining") },
        Component { properties: vec![tag], ..version(parse(), "tagging") },
        Component { state: blocking(), ..version(reply, "eager") },
        buffer(Component { state: blocking(), ..pass }),
        buffer(send),
        component("flow/fork", &[("IN", "$t")], &[("A", "$t"), ("B", "$t")]),
        Component { firing: Firing::All, ..component("flow/zip", &[("A", "$t"), ("B", "$t")], &[("OUT", "$t")]) },
        Component { emission: Emission::Filter, ..component("flow/some", &[("IN", "$t")], &[("OUT", "$t")]) },
        component("flow/drop", &[("IN", "$t")], &[]),
    ] {
        registry.component(declared, |_| Ok(Never));
    }
    let to_send = Transfer { name: "reply-to-send".into(), from: "http.ReplyBlocking".into(), to: "http.Sent".into() };
    registry.transfer(to_send, |state: ()| state);
}

/// A function that never runs.
struct Never;

impl Function for Never {}

fn component(name: &str, inputs: &[(&str, &str)], outputs: &[(&str, &str)]) -> Component {
    let packets = |text: &str| PacketType::parse(text).expect("a packet type");
    let input = |(name, accepts): &(&str, &str)| Input {
        name: (*name).into(),
        accepts: packets(accepts),
        feedback: false,
        absorbs: false,
    };
    let output = |(name, emits): &(&str, &str)| Output { name: (*name).into(), emits: packets(emits) };
    Component {
        id: ComponentRef::parse(name),
        summary: "known, and never run".into(),
        inputs: inputs.iter().map(input).collect(),
        outputs: outputs.iter().map(output).collect(),
        firing: Firing::Any,
        emission: Emission::Each,
        wake: Wake::None,
        state: None,
        properties: Vec::new(),
        blocking: false,
    }
}

// --- What is done with it --------------------------------------------------------------------------------------------

impl Row {
    fn ask(&self) -> Ask {
        let own = |(name, text): &(&str, String)| ((*name).to_owned(), text.clone());
        let update = self.update.as_ref().map(|text| ("update.toml".to_owned(), text.clone()));
        let files = UpdateFiles { update, flow: self.flow.as_ref().map(own) };
        Ask::Apply { files, scheduler: self.scheduler }
    }

    /// The refusal as a person sees it, who has the files.
    fn shown(&self, refused: &Diagnostics) -> String {
        let update = self.update.iter().map(|text| ("update.toml", text));
        let files = update.chain(self.flow.iter().map(|(name, text)| (*name, text)));
        rendered(refused, files)
    }
}

fn rendered<'a>(refused: &Diagnostics, files: impl Iterator<Item = (&'a str, &'a String)>) -> String {
    let mut session = Session::new(Format::Text, Box::new(io::sink()), Box::new(io::sink()), false);
    files.for_each(|(name, text)| session.keep(name, text));
    let shown = refused.0.iter().map(|d| render::text(&session, d).trim_end().to_owned() + "\n");
    shown.collect::<Vec<_>>().join("\n")
}

/// What is wrong with what is said.
fn faults(title: &str, code: Code, refused: &Diagnostics) -> Vec<String> {
    let codes: Vec<Code> = refused.0.iter().map(|d| d.code).collect();
    let other = (!codes.contains(&code)).then(|| format!("{title}: {code} is not among {codes:?}"));
    let poor = refused.0.iter().filter(|d| d.expected.is_empty() || d.found.is_empty() || d.hint.is_empty());
    other.into_iter().chain(poor.map(|d| format!("{title}: something is not said: {d:?}"))).collect()
}

/// What is said without a place.
fn nowhere(title: &str, refused: &Diagnostics) -> Vec<String> {
    let nowhere = refused.0.iter().filter(|d| d.places.is_empty());
    nowhere.map(|d| format!("{title}: it does not say where: {d}")).collect()
}

/// The flow is as it was, and answers.
fn untouched(site: &Administered, before: &neurath_model::graph::FlowGraph, title: &str) {
    assert_eq!(&site.flow.graph(), before, "after {title}");
    let status = site.flow.status();
    assert_eq!((status.applied, status.in_flight.len(), status.leaving.len()), (0, 0, 0), "after {title}");
    assert_eq!(status.failure, None, "after {title}");
    assert_eq!(get(site.address, "/000/000000.bin"), "HTTP/1.1 200 OK", "after {title}");
}

fn refused(site: &Administered, ask: Ask, title: &str) -> Diagnostics {
    match site.ask(ask) {
        Err(refused) => refused,
        Ok(reply) => panic!("{title} is not refused: {reply:?}"),
    }
}

#[test]
fn an_invalid_update_is_refused_with_a_reason_and_does_not_reach_the_flow() {
    let site = administered(site_knowing(declare, Options::default()));
    let before = site.flow.graph();
    let load = Load { connections: 4, rate_per_second: 200, ..Load::new(site.address, site.corpus.clone()) };
    let load = load.start().expect("clients connect");
    let rows: Vec<Row> = [texts(), functions(), arcs(), declarations(), states()].into_iter().flatten().collect();
    assert!(rows.len() >= 30);
    let (mut all, mut wrong) = (String::new(), Vec::new());
    for (i, row) in rows.iter().enumerate() {
        let refused = refused(&site, row.ask(), row.title);
        wrong.extend(faults(row.title, row.code, &refused));
        wrong.extend(nowhere(row.title, &refused));
        untouched(&site, &before, row.title);
        writeln!(all, "=== {}. {} ({})\n\n{}", i + 1, row.title, row.code, row.shown(&refused)).expect("text");
    }
    for (title, ask) in [
        ("a rollback where nothing was applied", Ask::Rollback),
        ("an abort of what is not under way", Ask::Abort { update: "7".into() }),
        ("a replay of what was never applied", Ask::Replay { update: 7 }),
    ] {
        let refused = refused(&site, ask, title);
        wrong.extend(faults(title, Code::R09, &refused));
        untouched(&site, &before, title);
        writeln!(all, "=== {title} (R09)\n\n{}", rendered(&refused, std::iter::empty())).expect("text");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let outcome = load.stop();
    assert!(outcome.counts.clean() && outcome.counts.ok > 0, "{:?}", outcome.counts);
    site.flow.stop().expect("it ends in order");
    insta::assert_snapshot!(all);
}

#[test]
fn an_update_aimed_at_what_has_gone_is_refused() {
    let site = administered(site(Options::default()));
    for (update, map) in evolution::cycle() {
        if ["nio", "cache-in"].contains(&update.name.as_str()) {
            site.flow.submit(&update, &map).expect("accepted").wait().expect("answered");
        }
    }
    let row = change(Code::U01, "u", "[operator.cache]\nproperties = { BYTES = 1000000 }\nstate = \"keep\"");
    assert!(matches!(site.ask(row.ask()), Ok(Reply::Applied(_))), "while it is there");
    for (update, map) in evolution::cycle() {
        if update.name == "cache-out" {
            site.flow.submit(&update, &map).expect("accepted").wait().expect("answered");
        }
    }
    let after = site.flow.graph();
    let refused = refused(&site, row.ask(), "what has gone");
    assert_eq!(faults("what has gone", Code::U01, &refused), [""; 0]);
    assert_eq!((site.flow.graph(), site.flow.status().applied), (after, 4));
    assert_eq!(get(site.address, "/000/000000.bin"), "HTTP/1.1 200 OK");
    site.flow.stop().expect("it ends in order");
    insta::assert_snapshot!(row.shown(&refused));
}
