//! Readers note where things stand: each is looked up and compared with the text that was read.

use super::{components, fbp, fbp_json, update};
use crate::diagnostic::{SourceMap, Thing};

fn check(text: &str, map: &SourceMap, expected: &[(Thing, &str)]) {
    for (thing, there) in expected {
        let place = map.place(thing, "").unwrap_or_else(|| panic!("{thing:?} has no place"));
        assert_eq!((&text[place.span], place.source.as_str()), (*there, "file"), "{thing:?}");
    }
}

fn name(text: &str) -> String {
    text.into()
}

#[test]
fn in_fbp_text() {
    let text =
        "load OUT[1] -> IN reply(http/reply)\n'/srv' -> ROOT load(http/load:version=nio)\nINPORT=load.IN:PUBLIC\n";
    let (_, map) = fbp::parse("file", text).expect("good");
    check(
        text,
        &map,
        &[
            (Thing::Whole, text),
            (Thing::Operator(name("load")), "load(http/load:version=nio)"),
            (Thing::Operator(name("reply")), "reply(http/reply)"),
            (Thing::Arc(0), "load OUT[1] -> IN reply(http/reply)"),
            (Thing::ArcFrom(0), "load OUT[1]"),
            (Thing::ArcTo(0), "IN reply(http/reply)"),
            (Thing::Initial(0), "'/srv' -> ROOT load(http/load:version=nio)"),
            (Thing::Export(name("PUBLIC")), "INPORT=load.IN:PUBLIC"),
        ],
    );
}

#[test]
fn in_fbp_json() {
    let text = r#"{"outports": {"DO\"NE": {"process": "é", "port": "OUT"}},
        "processes": {"é": {"component": "http/load"}, "bare": {}},
        "connections": [ {"data": [1], "tgt": {"process": "é", "port": "ROOT"}},
            {"src": {"process": "é", "port": "OUT"}, "tgt": {"process": "bare", "port": "IN"}}]}"#;
    let (_, map) = fbp_json::parse("file", text).expect("good");
    let from = r#"{"process": "é", "port": "OUT"}"#;
    check(
        text,
        &map,
        &[
            (Thing::Operator(name("é")), "\"http/load\""),
            (Thing::Operator(name("bare")), "\"bare\""),
            (Thing::Export(name("DO\"NE")), r#""DO\"NE""#),
            (Thing::Initial(0), r#"{"data": [1], "tgt": {"process": "é", "port": "ROOT"}}"#),
            (Thing::Arc(0), &format!(r#"{{"src": {from}, "tgt": {{"process": "bare", "port": "IN"}}}}"#)),
            (Thing::ArcFrom(0), from),
            (Thing::ArcTo(0), r#"{"process": "bare", "port": "IN"}"#),
        ],
    );
}

#[test]
fn in_components() {
    let text =
        "# ü\n[[component]]\nname = \"a\"\nversion = \"nio\"\n[[transfer]]\nname = \"t\"\nfrom = \"x\"\nto = \"y\"\n";
    let (_, map) = components::parse("file", text).expect("good");
    let component = (Thing::Component(name("a@nio")), "[[component]]");
    check(text, &map, &[component, (Thing::Transfer(name("t")), "[[transfer]]")]);
}

#[test]
fn in_an_update() {
    let text = "[update]\nname = \"u\"\n[operator.load]\ncomponent = \"a@2\"\nstate = { transfer = \"t\" }\nproperties.X = 5\n";
    let (_, map) = update::parse("file", text).expect("good");
    check(
        text,
        &map,
        &[
            (Thing::Change(name("load")), "[operator.load]"),
            (Thing::ChangeComponent(name("load")), "\"a@2\""),
            (Thing::ChangeState(name("load")), "{ transfer = \"t\" }"),
            (Thing::ChangeProperty(name("load"), name("X")), "5"),
        ],
    );
}

/// What may be left out is what leaves no choice.
#[test]
fn a_component_with_one_way_to_behave_may_leave_it_out() {
    use crate::component::{Emission, Firing, Wake};
    let text = "[[component]]\nname = \"sink\"\ninputs.IN = \"a\"\n[[component]]\nname = \"idle\"\n";
    let (catalogue, _) = components::parse("file", text).expect("good");
    let read: Vec<_> = catalogue.components().map(|c| (c.id.to_string(), c.firing, c.emission, c.wake)).collect();
    let sink = (name("sink@1"), Firing::Any, Emission::Each, Wake::None);
    assert_eq!(read, [sink, (name("idle@1"), Firing::None, Emission::Each, Wake::None)]);
}

/// Every thing that FBP text cannot hold is named, not only the first.
#[test]
fn what_fbp_text_cannot_hold_is_named() {
    let json = r#"{"properties": {"runtime": "x", "tags": ["a"]},
        "inports": {"X": {"process": "a", "port": "IN", "index": 0}},
        "groups": [{"name": "g", "nodes": ["a"]}],
        "processes": {"a": {"component": "A.B"}, "b c": {"component": "B", "metadata": {"label": "two words", "x": -1}}},
        "connections": [{"src": {"process": "a", "port": "OUT"}, "tgt": {"process": "z", "port": "1"}, "metadata": {"route": 1}}]}"#;
    let (flow, _) = fbp_json::parse("file", json).expect("good");
    let refusals = fbp::print(&flow).expect_err("the text cannot hold it").0;
    let messages: Vec<_> = refusals.iter().map(|d| format!("{} {} (found {})", d.code, d.message, d.found)).collect();
    insta::assert_snapshot!(messages.join("\n"));
}
