//! What is printed reads back as it was, for every value; and FBP text means what the reference parser says.

use super::{components, fbp, fbp_json, update};
use crate::component::{Catalogue, Component, Emission, Firing, Input, Output, Property, PropertyKind, Transfer, Wake};
use crate::flow::{Arc, ComponentRef, Flow, Group, InitialPacket, Operator, PortRef};
use crate::packet_type::{PacketType, Term};
use crate::update::{Change, Guarantee, StatePolicy, Update};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::{Index, select};
use proptest::strategy::BoxedStrategy;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every kind of JSON value, with the texts and numbers that are hard to print.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has finite numbers", |n| n.is_finite()).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{0,6}", "['\"\\\\\n\r\t\u{0}\u{2028}#{}()>=,-]{0,4}", any::<String>()]
}

fn notes() -> impl Strategy<Value = BTreeMap<String, Value>> {
    btree_map(text().prop_filter("kept apart", |key| key != "version"), value(), 0..3)
}

/// What a flow is made of: the words and values that a format allows.
#[derive(Clone)]
struct Words {
    operator: BoxedStrategy<String>,
    port: BoxedStrategy<String>,
    component: BoxedStrategy<String>,
    version: BoxedStrategy<String>,
    annotations: BoxedStrategy<BTreeMap<String, Value>>,
    notes: BoxedStrategy<BTreeMap<String, Value>>,
    arc_notes: BoxedStrategy<BTreeMap<String, Value>>,
    export_index: BoxedStrategy<Option<u32>>,
    groups: BoxedStrategy<Vec<Group>>,
}

/// All that FBP JSON can hold, which is every flow with unique names.
fn any_words() -> Words {
    let groups = vec((text(), vec(text(), 0..3), btree_map(text(), value(), 0..2)), 0..3);
    Words {
        operator: text().boxed(),
        port: text().boxed(),
        component: text().boxed(),
        version: text().boxed(),
        annotations: btree_map(text(), value(), 0..3).boxed(),
        notes: notes().boxed(),
        arc_notes: btree_map(text(), value(), 0..2).boxed(),
        export_index: option::of(any::<u32>()).boxed(),
        groups: groups
            .prop_map(|groups| {
                groups.into_iter().map(|(name, nodes, metadata)| Group { name, nodes, metadata }).collect()
            })
            .boxed(),
    }
}

/// All that the DSL can hold.
fn fbp_words() -> Words {
    let note = prop_oneof![
        ("[a-wA-W0-9_/]{0,4}", "[a-zA-Z0-9_/]{0,4}").prop_map(|(key, value)| (key, json!(value))),
        (select(vec!["x", "y"]), any::<u64>()).prop_map(|(key, number)| (key.to_owned(), json!(number))),
    ];
    let annotation = prop_oneof![
        ("[a-q0-9_-][a-z0-9_-]{0,4}", "[a-zA-Z0-9._-][a-zA-Z0-9 ._-]{0,8}")
            .prop_map(|(key, value)| (key, json!(value))),
        "[a-z-]{1,6}".prop_map(|runtime| ("environment".to_owned(), json!({ "type": runtime }))),
    ];
    let names = ["IN", "OUT", "INPORT", "true", "null", "_", "a-", "a", "version"];
    let ports = ["IN", "OUT", "a", "_x.y", "INPORT", "DEFAULT_INPORT"];
    Words {
        operator: prop_oneof!["[a-zA-Z_][a-zA-Z0-9_-]{0,4}", select(names.to_vec()).prop_map(str::to_owned)].boxed(),
        port: prop_oneof!["[a-zA-Z_][a-zA-Z0-9_.]{0,4}", select(ports.to_vec()).prop_map(str::to_owned)].boxed(),
        component: "[a-zA-Z0-9/_-]{1,6}".boxed(),
        version: "[a-z0-9/_]{0,4}".boxed(),
        annotations: vec(annotation, 0..4).prop_map(|all| all.into_iter().collect()).boxed(),
        notes: vec(note, 0..4).prop_map(|all| all.into_iter().collect()).boxed(),
        arc_notes: Just(BTreeMap::new()).boxed(),
        export_index: Just(None).boxed(),
        groups: Just(vec![]).boxed(),
    }
}

fn flow(words: Words) -> impl Strategy<Value = Flow> {
    let version = prop_oneof![Just(ComponentRef::DEFAULT_VERSION.to_owned()), words.version.clone()];
    let component = (words.component.clone(), version).prop_map(|(name, version)| ComponentRef { name, version });
    let operators = btree_map(words.operator.clone(), (component, words.notes.clone()), 1..5);
    let operators = operators.prop_map(|all| {
        all.into_iter().map(|(name, (component, metadata))| Operator { name, component, metadata }).collect::<Vec<_>>()
    });
    (operators.prop_shuffle(), words.annotations.clone(), words.groups.clone()).prop_flat_map(
        move |(operators, annotations, groups)| {
            let end = end(&operators, words.port.clone(), option::of(any::<u32>()).boxed());
            let offered = end_of_export(&operators, &words);
            let arc = (end.clone(), end.clone(), words.arc_notes.clone());
            let arcs = vec(arc.prop_map(|(from, to, metadata)| Arc { from, to, metadata }), 0..5);
            let initial = vec((value(), end).prop_map(|(value, to)| InitialPacket { value, to }), 0..4);
            let exports = btree_map(words.port.clone(), offered, 0..3);
            (arcs, initial, exports.clone(), exports).prop_map(move |(arcs, initial, inports, outports)| Flow {
                annotations: annotations.clone(),
                operators: operators.clone(),
                arcs,
                initial,
                inports,
                outports,
                groups: groups.clone(),
            })
        },
    )
}

fn end(
    operators: &[Operator],
    port: BoxedStrategy<String>,
    index: BoxedStrategy<Option<u32>>,
) -> BoxedStrategy<PortRef> {
    let names: Vec<String> = operators.iter().map(|o| o.name.clone()).collect();
    (select(names), port, index).prop_map(|(operator, port, index)| PortRef { operator, port, index }).boxed()
}

fn end_of_export(operators: &[Operator], words: &Words) -> BoxedStrategy<PortRef> {
    end(operators, words.port.clone(), words.export_index.clone())
}

fn packet_type() -> impl Strategy<Value = PacketType> {
    let leaf = prop_oneof![
        "[a-zA-Z0-9._-]{1,6}".prop_map(|name| Term::Named(name, None)),
        "[a-z]{1,4}".prop_map(Term::Variable),
    ];
    let term = leaf.prop_recursive(2, 3, 1, |inner| {
        ("[a-zA-Z0-9._-]{1,6}", inner).prop_map(|(name, inner)| Term::Named(name, Some(Box::new(inner))))
    });
    vec(term, 1..4).prop_map(PacketType::of)
}

fn property() -> impl Strategy<Value = (PropertyKind, Option<Value>)> {
    prop_oneof![
        option::of(text()).prop_map(|default| (PropertyKind::Text, default.map(Value::from))),
        option::of(any::<u64>()).prop_map(|default| (PropertyKind::Integer, default.map(Value::from))),
        option::of(any::<bool>()).prop_map(|default| (PropertyKind::Boolean, default.map(Value::from))),
    ]
}

fn component() -> impl Strategy<Value = Component> {
    let id =
        (text(), prop_oneof![Just("1".to_owned()), text()]).prop_map(|(name, version)| ComponentRef { name, version });
    let inputs = btree_map(text(), (packet_type(), any::<bool>(), any::<bool>()), 0..4).prop_map(|ports| {
        let input = |(name, (accepts, feedback, absorbs))| Input { name, accepts, feedback, absorbs };
        ports.into_iter().map(input).collect::<Vec<_>>()
    });
    let outputs = btree_map(text(), packet_type(), 0..4)
        .prop_map(|ports| ports.into_iter().map(|(name, emits)| Output { name, emits }).collect::<Vec<_>>());
    let properties = btree_map(text(), property(), 0..3).prop_map(|all| {
        all.into_iter().map(|(name, (kind, default))| Property { name, kind, default }).collect::<Vec<_>>()
    });
    let firing = select(vec![Firing::None, Firing::Any, Firing::All]);
    let emission = select(vec![Emission::Each, Emission::Filter, Emission::Route, Emission::Many, Emission::Buffer]);
    let wake = select(vec![Wake::None, Wake::Source, Wake::Resume]);
    let ports = (inputs.prop_shuffle(), outputs.prop_shuffle(), properties.prop_shuffle());
    (id, text(), ports, firing, emission, wake, option::of(text()), proptest::bool::ANY).prop_map(
        |(id, summary, (inputs, outputs, properties), firing, emission, wake, state, blocking)| Component {
            id,
            summary,
            inputs,
            outputs,
            firing,
            emission,
            wake,
            state,
            properties,
            blocking,
        },
    )
}

fn catalogue() -> impl Strategy<Value = Catalogue> {
    let transfer = (text(), text(), text()).prop_map(|(name, from, to)| Transfer { name, from, to });
    (vec(component(), 0..4), vec(transfer, 0..3)).prop_map(|(components, transfers)| {
        let mut catalogue = Catalogue::default();
        for component in components {
            catalogue.add(component);
        }
        for transfer in transfers {
            catalogue.add_transfer(transfer);
        }
        catalogue
    })
}

fn any_update() -> impl Strategy<Value = Update> {
    let policy = prop_oneof![Just(StatePolicy::Keep), Just(StatePolicy::Reset), text().prop_map(StatePolicy::Transfer)];
    let component = (text(), text()).prop_map(|(name, version)| ComponentRef { name: name.replace('@', ""), version });
    let value = value().prop_filter("TOML has no null", |value| !value.to_string().contains("null"));
    let back = option::of(policy.clone());
    let change = (option::of(component), btree_map(text(), value, 0..3), policy, option::of(text()), back);
    let change = change.prop_map(|(component, properties, state, from, back)| Change {
        component,
        properties,
        state,
        from,
        back,
    });
    let guarantee = select(vec![Guarantee::Serializability, Guarantee::CutConsistency]);
    (text(), guarantee, btree_map(text(), change, 1..4)).prop_map(|(name, guarantee, changes)| Update {
        name,
        guarantee,
        changes,
        flow: None,
    })
}

proptest! {
    #[test]
    fn fbp_text_holds_what_its_printer_does_not_refuse(flow in flow(fbp_words())) {
        let text = fbp::print(&flow).expect("made of what the DSL can hold");
        prop_assert_eq!(fbp::parse("t", &text).map(|(read, _)| read), Ok(flow), "{}", text);
    }

    #[test]
    fn fbp_text_is_refused_or_read_back(flow in flow(any_words())) {
        if let Ok(text) = fbp::print(&flow) {
            prop_assert_eq!(fbp::parse("t", &text).map(|(read, _)| read), Ok(flow), "{}", text);
        }
    }

    #[test]
    fn one_foreign_word_is_refused_or_read_back(
        mut flow in flow(fbp_words()), word in text(), other in value(), which in 0..8, at in any::<Index>()
    ) {
        let operator = at.index(flow.operators.len());
        let operator = &mut flow.operators[operator];
        match which {
            0 => operator.component.name = word,
            1 => operator.component.version = word,
            2 => drop(operator.metadata.insert("k".into(), other)),
            3 => drop(operator.metadata.insert(word, "v".into())),
            4 => drop(flow.annotations.insert("k".into(), word.into())),
            5 => drop(flow.annotations.insert("environment".into(), other)),
            6 => drop(flow.inports.insert(word, PortRef::new(&operator.name, "IN"))),
            _ => flow.arcs.push(Arc { from: PortRef::new(&operator.name, word), to: PortRef::new("a", "b"), metadata: BTreeMap::new() }),
        }
        if let Ok(text) = fbp::print(&flow) {
            prop_assert_eq!(fbp::parse("t", &text).map(|(read, _)| read), Ok(flow), "{}", text);
        }
    }

    #[test]
    fn fbp_json_holds_every_flow(flow in flow(any_words())) {
        let text = fbp_json::print(&flow);
        prop_assert_eq!(fbp_json::parse("j", &text).map(|(read, _)| read), Ok(flow), "{}", text);
    }

    #[test]
    fn text_to_json_to_text_changes_nothing(flow in flow(fbp_words())) {
        let text = fbp::print(&flow).expect("made of what the DSL can hold");
        let (from_text, _) = fbp::parse("t", &text).expect("printed");
        let (from_json, _) = fbp_json::parse("j", &fbp_json::print(&from_text)).expect("printed");
        prop_assert_eq!(fbp::print(&from_json), Ok(text));
    }

    #[test]
    fn components_hold_every_catalogue(catalogue in catalogue()) {
        let text = components::print(&catalogue);
        prop_assert_eq!(components::parse("c", &text).map(|(read, _)| read), Ok(catalogue), "{}", text);
    }

    #[test]
    fn an_update_file_holds_every_update(made in any_update()) {
        let text = update::print(&made).expect("made of what TOML can hold");
        prop_assert_eq!(update::parse("u", &text).map(|(read, _)| read), Ok(made), "{}", text);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in any::<String>(), soup in "([a-c]|[(){}\\[\\]'\"\\\\,:=.#@>-]|->| |\n|\t|true|5|IN|OUT|INPORT=|é|\u{2028}){0,24}") {
        for text in [text, soup] {
            for read in [fbp::parse("t", &text).err(), fbp_json::parse("t", &text).err()] {
                prop_assert!(read.is_none_or(|all| !all.0.is_empty()));
            }
            let _ = (components::parse("t", &text), update::parse("t", &text));
        }
    }
}

macro_rules! reference {
    ($($name:ident)*) => {
        [$((
            stringify!($name),
            include_str!(concat!("../../tests/data/fbp/", stringify!($name), ".fbp")),
            include_str!(concat!("../../tests/data/fbp/", stringify!($name), ".json")),
        )),*]
    };
}

/// Each `.json` is what the npm package `fbp` 1.8.0 answers for the `.fbp`, with `caseSensitive: true`.
#[test]
fn fbp_text_means_what_the_reference_parser_says() {
    let texts = reference![
        chain anonymous default_ports exports annotations json_packets quotes indices metadata separators forward_names
        leading_ports http_server empty
    ];
    for (name, text, expected) in texts {
        let (flow, _) = fbp::parse(name, text).unwrap_or_else(|all| panic!("{name}: {all}"));
        let printed: Value = serde_json::from_str(&fbp_json::print(&flow)).expect("JSON");
        let expected: Value = serde_json::from_str(expected).expect("JSON");
        assert_eq!(initial_first(printed), initial_first(expected), "{name}");
    }
}

/// The reference keeps initial packets among the arcs, a flow has them in a list of their own; and JavaScript knows one
/// kind of number.
fn initial_first(mut graph: Value) -> Value {
    let connections = graph["connections"].as_array_mut().expect("a list");
    connections.sort_by_key(|connection| connection.get("data").is_none());
    for connection in connections {
        if let Some(number) = connection.get("data").and_then(Value::as_f64) {
            connection["data"] = json!(number);
        }
    }
    graph
}
