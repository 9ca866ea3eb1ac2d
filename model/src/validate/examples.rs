//! For every rule a flow that breaks it, with what is said, and a near miss that is accepted.

use crate::component::{Catalogue, PropertyKind};
use crate::diagnostic::Code;
use crate::diagnostic::SourceMap;
use crate::example::{catalogue, checked, component, http, render};
use crate::validate::validate;

/// What most examples are made of.
fn parts() -> Catalogue {
    catalogue([
        component("source", "none each source", "", "OUT"),
        component("sink", "any each", "IN", ""),
        component("map", "any each", "IN", "OUT"),
        component("fork", "any each", "IN", "A, B"),
        component("route", "any route", "IN", "A, B"),
        component("filter", "any filter", "IN", "OUT"),
        component("double-filter", "any filter", "IN", "A, B"),
        component("merge", "any each", "A, B", "OUT"),
        component("join", "all each", "A, B", "OUT"),
        component("retry", "any each", "IN, ~AGAIN", "OUT"),
        component("server", "none each source", "", "OUT")
            .with_property("PORT", PropertyKind::Integer, None)
            .with_property("NAME", PropertyKind::Text, Some("x".into())),
    ])
}

/// The flow breaks the rule, and no other.
fn refused(code: Code, text: &str, catalogue: &Catalogue) -> String {
    let found = checked(text, catalogue).expect_err("refused").0;
    assert!(found.iter().all(|d| d.code == code), "{}", render(&found, text));
    format!("{}\n---\n{}", text.trim(), render(&found, text))
}

fn accepted(text: &str, catalogue: &Catalogue) {
    if let Err(found) = checked(text, catalogue) {
        panic!("{}", render(&found.0, text));
    }
}

macro_rules! examples {
    ($($test:ident: $code:ident, $catalogue:expr, $bad:literal, near miss $good:literal;)*) => {
        $(#[test]
        fn $test() {
            let catalogue = $catalogue;
            insta::assert_snapshot!(stringify!($test), refused(Code::$code, $bad, &catalogue));
            accepted($good, &catalogue);
        })*
    };
}

examples! {
    f01_names_are_unique: F01, parts(),
        "a = source\n b = sink\n b = sink\n a.OUT -> b.IN",
        near miss "a = source\n b = sink\n a.OUT -> b.IN";
    f02_components_exist: F02, parts(),
        "a = source@2\n m = mpa\n b = sink\n a.OUT -> m.IN\n m.OUT -> b.IN",
        near miss "a = source@1\n m = map\n b = sink\n a.OUT -> m.IN\n m.OUT -> b.IN";
    f03_operators_of_arcs_exist: F03, parts(),
        "alpha = source\n b = sink\n alpha.OUT -> c.IN\n alhpa.OUT -> b.IN",
        near miss "alpha = source\n b = sink\n alpha.OUT -> b.IN";
    f04_ports_of_arcs_exist: F04, parts(),
        "a = server\n b = sink\n '80' -> a.PROT\n a.OUT -> b.INN",
        near miss "a = server\n b = sink\n '80' -> a.PORT\n a.OUT -> b.IN";
    f05_no_input_is_orphaned: F05, parts(),
        "a = source\n m = merge\n b = sink\n a.OUT -> m.A\n m.OUT -> b.IN",
        near miss "a = source\n c = source\n m = merge\n b = sink\n a.OUT -> m.A\n c.OUT -> m.B\n m.OUT -> b.IN";
    f05_no_input_is_fed_twice: F05, parts(),
        "a = source\n c = source\n b = sink\n a.OUT -> b.IN\n c.OUT -> b.IN",
        near miss "a = source\n b = sink\n a.OUT -> b.IN";
    f06_no_output_is_orphaned: F06, parts(),
        "a = source\n f = fork\n b = sink\n a.OUT -> f.IN\n f.A -> b.IN",
        near miss "a = source\n f = fork\n b = sink\n c = sink\n a.OUT -> f.IN\n f.A -> b.IN\n f.B -> c.IN";
    f06_no_output_drives_two_arcs: F06, parts(),
        "a = source\n b = sink\n c = sink\n a.OUT -> b.IN\n a.OUT -> c.IN",
        near miss "a = source\n b = sink\n a.OUT -> b.IN";
    f08_cycles_need_feedback: F08, parts(),
        "a = source\n m = merge\n f = fork\n b = sink\n a.OUT -> m.A\n m.OUT -> f.IN\n f.A -> b.IN\n f.B -> m.B",
        near miss "a = source\n m = retry\n f = fork\n b = sink\n a.OUT -> m.IN\n m.OUT -> f.IN\n f.A -> b.IN\n f.B -> m.AGAIN";
    f10_independent_sources_do_not_join: F10, parts(),
        "a = source\n c = source\n m = map\n j = join\n b = sink\n a.OUT -> m.IN\n m.OUT -> j.A\n c.OUT -> j.B\n j.OUT -> b.IN",
        near miss "a = source\n f = fork\n m = map\n j = join\n b = sink\n a.OUT -> f.IN\n f.A -> m.IN\n m.OUT -> j.A\n f.B -> j.B\n j.OUT -> b.IN";
    f10_a_router_does_not_join: F10, parts(),
        "a = source\n f = route\n j = join\n b = sink\n a.OUT -> f.IN\n f.A -> j.A\n f.B -> j.B\n j.OUT -> b.IN",
        near miss "a = source\n f = double-filter\n j = join\n b = sink\n a.OUT -> f.IN\n f.A -> j.A\n f.B -> j.B\n j.OUT -> b.IN";
    f10_a_filter_on_one_branch_unbalances: F10, parts(),
        "a = source\n f = fork\n x = filter\n j = join\n b = sink\n a.OUT -> f.IN\n f.A -> x.IN\n x.OUT -> j.A\n f.B -> j.B\n j.OUT -> b.IN",
        near miss "a = source\n f = fork\n x = filter\n j = merge\n b = sink\n a.OUT -> f.IN\n f.A -> x.IN\n x.OUT -> j.A\n f.B -> j.B\n j.OUT -> b.IN";
    f11_feedback_closes_a_loop: F11, parts(),
        "a = source\n c = source\n m = retry\n b = sink\n a.OUT -> m.IN\n c.OUT -> m.AGAIN\n m.OUT -> b.IN",
        near miss "a = source\n m = retry\n f = fork\n b = sink\n a.OUT -> m.IN\n m.OUT -> f.IN\n f.A -> b.IN\n f.B -> m.AGAIN";
    f12_properties_are_set: F12, parts(),
        "a = server\n b = sink\n c = server\n d = sink\n e = server\n f = sink\n a.OUT -> b.IN\n c.OUT -> d.IN\n e.OUT -> f.IN\n 'http' -> c.PORT\n '1' -> e.PORT\n '2' -> e.PORT",
        near miss "a = server\n b = sink\n a.OUT -> b.IN\n '80' -> a.PORT";
    f15_a_flow_has_a_source: F15, catalogue([
            component("retry", "any each", "~AGAIN", "OUT"), component("source", "none each source", "", "OUT"),
            component("sink", "any each", "IN", ""), component("pump", "any buffer source", "~AGAIN", "OUT"), component("map", "any each", "IN", "OUT"),
        ]),
        "m = retry\n x = map\n m.OUT -> x.IN\n x.OUT -> m.AGAIN",
        near miss "m = pump\n x = map\n m.OUT -> x.IN\n x.OUT -> m.AGAIN";
    f09_a_source_reaches_all: F09, catalogue([
            component("retry", "any each", "~AGAIN", "OUT"), component("source", "none each source", "", "OUT"),
            component("sink", "any each", "IN", ""), component("pump", "any buffer source", "~AGAIN", "OUT"), component("map", "any each", "IN", "OUT"),
        ]),
        "a = source\n b = sink\n a.OUT -> b.IN\n m = retry\n x = map\n m.OUT -> x.IN\n x.OUT -> m.AGAIN",
        near miss "a = source\n b = sink\n a.OUT -> b.IN\n m = pump\n x = map\n m.OUT -> x.IN\n x.OUT -> m.AGAIN";
    f16_a_flow_is_complete: F16, parts(),
        "a = source\n m = merge\n f = fork\n b = sink\n a.OUT -> m.A\n m.OUT -> f.IN\n f.A -> b.IN\n in MORE = m.B\n out REST = f.B",
        near miss "a = source\n m = map\n b = sink\n a.OUT -> m.IN\n m.OUT -> b.IN";
    f07_types_agree_through_operators: F07, catalogue([
            component("load@nio", "none each source", "", "OUT loaded(file)"), component("load", "none each source", "", "OUT loaded(bytes)"),
            component("compose", "any each", "IN loaded($body)", "OUT response($body) | failure"),
            component("reply", "any each", "IN response(bytes) | failure", ""),
        ]),
        "load = load@nio\n compose = compose\n reply = reply\n load.OUT -> compose.IN\n compose.OUT -> reply.IN",
        near miss "load = load\n compose = compose\n reply = reply\n load.OUT -> compose.IN\n compose.OUT -> reply.IN";
    f07_types_agree_on_feedback: F07, catalogue([
            component("source", "none each source", "", "OUT t"), component("retry@2", "any each", "IN t, ~AGAIN u", "OUT t"),
            component("retry", "any each", "IN t, ~AGAIN t", "OUT t"), component("map", "any each", "IN $x", "OUT $x"),
        ]),
        "a = source\n m = retry@2\n x = map\n a.OUT -> m.IN\n m.OUT -> x.IN\n x.OUT -> m.AGAIN",
        near miss "a = source\n m = retry\n x = map\n a.OUT -> m.IN\n m.OUT -> x.IN\n x.OUT -> m.AGAIN";
}

#[test]
fn f13_ports_fit_a_word() {
    let wide = |ports: usize| {
        let names: Vec<String> = (0..ports).map(|i| format!("P{i}")).collect();
        let all = catalogue([
            component("wide", "none each source", "", &names.join(", ")),
            component("sink", "any each", "IN", ""),
        ]);
        let sinks = (0..ports).map(|i| format!("s{i} = sink\n a.P{i} -> s{i}.IN\n")).collect::<String>();
        (format!("a = wide\n {sinks}"), all)
    };
    let (text, all) = wide(65);
    let found = checked(&text, &all).expect_err("refused").0;
    insta::assert_snapshot!(render(&found, &text));
    let (text, all) = wide(64);
    accepted(&text, &all);
}

#[test]
fn f14_declarations_make_sense() {
    let bad = [
        component("twice", "any each", "IN, IN", "OUT, OUT"),
        component("deaf", "none each source", "IN", "OUT"),
        component("dumb", "any each", "", "OUT"),
        component("self-join", "all each", "A, ~B", "OUT"),
        component("sponge-join", "all each", "A, !B", "OUT"),
        component("hoard", "any buffer", "IN", "OUT"),
        component("empty-hoard", "none buffer source", "", "OUT"),
        component("ticker", "any each source", "IN", "OUT"),
        component("resumer", "any each resume", "IN", "OUT"),
        component("no-choice", "any route", "IN", "OUT"),
        component("drop", "any filter", "IN", ""),
        component("conjurer", "any each", "IN", "OUT f($x)"),
        component("echo", "any each", "IN t, ~BACK $x", "OUT $x"),
        component("set", "any each", "IN", "").with_property("N", PropertyKind::Integer, Some("many".into())),
        {
            let mut c = component("amnesia", "any buffer resume", "IN", "OUT");
            c.state = None;
            c
        },
    ];
    let found: Vec<_> = bad.iter().flat_map(|c| super::validate_component(c, &SourceMap::default())).collect();
    assert!(found.iter().all(|d| d.code == Code::F14));
    insta::assert_snapshot!(render(&found, ""));
    let good = [
        component("read", "any buffer source", "CONN, ~BACK", "OUT"),
        component("pass", "any each", "IN f($x)", "OUT g($x)"),
        component("cache", "any route", "IN, !~FILL", "HIT, MISS"),
        component("set", "any each", "IN", "").with_property("N", PropertyKind::Integer, Some("3".into())),
    ];
    assert!(good.iter().all(|c| super::validate_component(c, &SourceMap::default()).is_empty()));
}

#[test]
fn f14_of_a_component_in_another_file_is_shown_at_an_operator() {
    let all = catalogue([
        component("source", "none each source", "", "OUT f($x)"),
        component("sink", "any each", "IN f($x)", ""),
    ]);
    insta::assert_snapshot!(refused(Code::F14, "a = source\n b = sink\n a.OUT -> b.IN", &all));
}

#[test]
fn everything_wrong_is_said_at_once() {
    let text = "a = source\n b = snik\n c = map\n d = map\n e = sink\n a.OUT -> c.IN\n c.OUT -> b.IN\n x.OUT -> d.IN\n d.OUT -> e.IM";
    insta::assert_snapshot!(render(&checked(text, &parts()).expect_err("refused").0, text));
}

#[test]
fn a_graph_stands_for_the_flow_it_came_from() {
    let (graph, all) = http();
    assert_eq!(validate(&graph.to_flow(), &SourceMap::default(), &all), Ok(graph.clone()));
    let names = |ids: Vec<_>| ids.into_iter().map(|id| graph.operator(id).name.as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!(names(graph.sources()), "accept");
    assert_eq!(names(graph.sinks()), "reply");
    assert_eq!(names(graph.order()), "accept read parse load compose reply");
    let load = graph.find("load").expect("there");
    assert_eq!(names(graph.reachable(load).into_iter().collect()), "load compose reply");
    let read = graph.find("read").expect("there");
    assert_eq!((graph.awaited(read).len(), graph.operator(read).inputs.len()), (1, 2));
    let arcs: Vec<String> = graph.arcs().map(|(id, arc)| format!("{}: {}", graph.arc_name(id), arc.carries)).collect();
    assert_eq!(arcs[4], "compose.OUT -> reply.IN: http.Response(bytes)");
}

#[test]
fn an_array_port_keeps_its_name() {
    let all = catalogue([
        component("fork", "none each source", "", "OUT[0], OUT[01]"),
        component("sink", "any each", "IN", ""),
    ]);
    let graph = checked("a = fork\n b = sink\n c = sink\n a.OUT[0] -> b.IN\n a.OUT[01] -> c.IN", &all).expect("valid");
    assert_eq!(validate(&graph.to_flow(), &SourceMap::default(), &all), Ok(graph));
}
