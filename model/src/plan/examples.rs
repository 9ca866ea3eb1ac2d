//! For every rule an update that breaks it, with what is said, and a near miss that is planned; and whole plans.

use super::{Action, Plan, Scheduler, inverse, plan, plan_unpromised};
use crate::component::{Catalogue, Component, PropertyKind};
use crate::diagnostic::{Code, Diagnostic, SourceMap, Thing};
use crate::example::{catalogue, checked, component, flow, http, render, transfer, update};
use crate::flow::ComponentRef;
use crate::graph::FlowGraph;
use crate::update::{Change, Guarantee, StatePolicy, Update};
use serde_json::Value;

const KEEP: StatePolicy = StatePolicy::Keep;
const RESET: StatePolicy = StatePolicy::Reset;

fn by(name: &str) -> StatePolicy {
    StatePolicy::Transfer(name.into())
}

/// `a -> x -> y -> b`: `x` counts, `y` holds packets; and what could take their places.
fn line() -> (FlowGraph, Catalogue) {
    let counter = |id, state| component(id, "any each", "IN", "OUT").with_state(state);
    let limited = |component: Component| component.with_property("LIMIT", PropertyKind::Integer, Some(7.into()));
    let mut all = catalogue([
        component("source", "none each source", "", "OUT"),
        limited(counter("count", "Count")),
        limited(counter("count@2", "Count")),
        counter("count@big", "BigCount"),
        limited(component("count@stateless", "any each", "IN", "OUT")),
        component("count@twoway", "any each", "IN", "OUT, ERR").with_state("Count"),
        component("count@join", "all each", "IN", "OUT").with_state("Count"),
        component("count@needy", "any each", "IN", "OUT").with_state("Count").with_property(
            "ROOT",
            PropertyKind::Text,
            None,
        ),
        component("count@broken", "any each resume", "IN", "OUT").with_state("Count"),
        component("batch", "any buffer resume", "IN", "OUT").with_state("Held"),
        component("batch@2", "any buffer resume", "IN", "OUT").with_state("Held"),
        component("batch@pass", "any each", "IN", "OUT").with_state("Held"),
        component("sink", "any each", "IN", ""),
    ]);
    all.add_transfer(transfer("grow", "Count", "BigCount"));
    all.add_transfer(transfer("shrink", "BigCount", "Count"));
    let text = "a = source\n x = count\n y = batch\n b = sink\n a.OUT -> x.IN\n x.OUT -> y.IN\n y.OUT -> b.IN";
    (checked(text, &all).expect("valid"), all)
}

fn with_property(mut update: Update, operator: &str, property: &str, value: impl Into<Value>) -> Update {
    let change = update.changes.get_mut(operator).expect("changed");
    change.properties.insert(property.into(), value.into());
    update
}

fn refused(code: Code, (graph, all): &(FlowGraph, Catalogue), update: &Update, scheduler: Option<Scheduler>) -> String {
    let found = plan(graph, update, &SourceMap::default(), all, scheduler).expect_err("refused").0;
    assert!(found.iter().all(|d| d.code == code), "{}", render(&found, ""));
    render(&found, "")
}

fn planned((graph, all): &(FlowGraph, Catalogue), update: &Update) -> Plan {
    plan(graph, update, &SourceMap::default(), all, None).unwrap_or_else(|found| panic!("{}", render(&found.0, "")))
}

macro_rules! examples {
    ($($test:ident: $code:ident, $flow:expr, $bad:expr, near miss $good:expr;)*) => {
        $(#[test]
        fn $test() {
            let flow = $flow;
            insta::assert_snapshot!(stringify!($test), refused(Code::$code, &flow, &$bad, None));
            planned(&flow, &$good);
        })*
    };
}

examples! {
    u01_changed_operators_exist: U01, http(),
        update("u", &[("laod", "load@nio", KEEP)]),
        near miss update("u", &[("load", "load@nio", KEEP), ("reply", "reply@nio", by("to-nio"))]);
    u02_new_components_exist: U02, line(),
        update("u", &[("x", "count@3", KEEP), ("y", "bach", KEEP)]),
        near miss update("u", &[("x", "count@2", KEEP)]);
    u03_ports_stay: U03, line(),
        update("u", &[("x", "count@twoway", KEEP)]),
        near miss update("u", &[("x", "count@2", KEEP)]);
    u05_kept_state_has_its_type: U05, line(),
        update("u", &[("x", "count@big", KEEP)]),
        near miss update("u", &[("x", "count@2", KEEP)]);
    u05_a_transfer_fits: U05, line(),
        update("u", &[("x", "count@big", by("shrink"))]),
        near miss update("u", &[("x", "count@big", by("grow"))]);
    u05_a_transfer_exists: U05, line(),
        update("u", &[("x", "count@big", by("grwo"))]),
        near miss update("u", &[("x", "count@big", RESET)]);
    u05_state_of_the_same_function_is_kept: U05, line(),
        with_property(update("u", &[("x", "", RESET)]), "x", "LIMIT", 8),
        near miss with_property(update("u", &[("x", "", KEEP)]), "x", "LIMIT", 8);
    u06_open_work_is_not_reset: U06, line(),
        update("u", &[("y", "batch@2", RESET)]),
        near miss update("u", &[("y", "batch@2", KEEP)]);
    u06_open_work_is_released: U06, line(),
        update("u", &[("y", "batch@pass", KEEP)]),
        near miss update("u", &[("y", "batch@2", KEEP)]);
    u07_new_and_unchanged_must_fit: U07, http(),
        update("nio", &[("load", "load@nio", KEEP)]),
        near miss update("nio", &[("load", "load@nio", KEEP), ("reply", "reply@nio", by("to-nio"))]);
    u08_something_changes: U08, line(),
        with_property(update("u", &[("x", "count@1", KEEP), ("y", "", KEEP)]), "x", "LIMIT", 7),
        near miss with_property(update("u", &[("x", "count@1", KEEP)]), "x", "LIMIT", 8);
    u09_properties_fit: U09, line(),
        with_property(with_property(update("u", &[("x", "count@2", KEEP)]), "x", "LIMIT", "none"), "x", "LIMTI", 3),
        near miss with_property(update("u", &[("x", "count@2", KEEP)]), "x", "LIMIT", "9");
    u09_properties_are_complete: U09, line(),
        update("u", &[("x", "count@needy", KEEP)]),
        near miss with_property(update("u", &[("x", "count@needy", KEEP)]), "x", "ROOT", "/");
    u10_firing_stays: U10, line(),
        update("u", &[("x", "count@join", KEEP)]),
        near miss update("u", &[("x", "count@stateless", RESET)]);
}

#[test]
fn an_empty_update_is_refused() {
    insta::assert_snapshot!(refused(Code::U08, &line(), &update("u", &[]), None));
}

#[test]
fn a_contradictory_component_is_not_installed() {
    insta::assert_snapshot!(refused(Code::F14, &line(), &update("u", &[("x", "count@broken", KEEP)]), None));
}

#[test]
fn a_join_stays_balanced() {
    let all = catalogue([
        component("source", "none each source", "", "OUT"),
        component("fork", "any each", "IN", "A, B"),
        component("map", "any each", "IN", "OUT"),
        component("map@lossy", "any filter", "IN", "OUT"),
        component("join", "all each", "A, B", ""),
    ]);
    let text = "a = source\n f = fork\n m = map\n j = join\n a.OUT -> f.IN\n f.A -> m.IN\n m.OUT -> j.A\n f.B -> j.B";
    let graph = checked(text, &all).expect("valid");
    insta::assert_snapshot!(refused(Code::F10, &(graph, all), &update("u", &[("m", "map@lossy", KEEP)]), None));
}

#[test]
fn u03_names_the_order_when_only_the_order_differs() {
    let all = catalogue([
        component("source", "none each source", "", "A, B"),
        component("source@2", "none each source", "", "B, A"),
        component("sink", "any each", "IN", ""),
    ]);
    let graph = checked("a = source\n b = sink\n c = sink\n a.A -> b.IN\n a.B -> c.IN", &all).expect("valid");
    insta::assert_snapshot!(refused(Code::U03, &(graph, all), &update("u", &[("a", "source@2", KEEP)]), None));
}

/// `retry` gets back what `work` could not do; `work@2` sends back something else, which this `retry` would take.
#[test]
fn u07_what_goes_back_keeps_its_type() {
    let all = catalogue([
        component("source", "none each source", "", "OUT job"),
        component("retry", "any each", "IN job, ~AGAIN failed | given-up", "OUT job"),
        component("work", "any route", "IN job", "DONE done, FAILED failed"),
        component("work@2", "any route", "IN job", "DONE done, FAILED given-up"),
        component("work@3", "any each", "IN job", "DONE done, FAILED failed"),
        component("sink", "any each", "IN done", ""),
    ]);
    let text = "a = source\n retry = retry\n work = work\n b = sink\n a.OUT -> retry.IN\n retry.OUT -> work.IN\n work.DONE -> b.IN\n work.FAILED -> retry.AGAIN";
    let flow = (checked(text, &all).expect("valid"), all);
    insta::assert_snapshot!(refused(Code::U07, &flow, &update("u", &[("work", "work@2", KEEP)]), None));
    planned(&flow, &update("u", &[("work", "work@3", KEEP)]));
}

/// `load -> hold -> reply`, where `hold` passes on what it gets, some time later.
fn holding(reply: &str) -> (FlowGraph, Catalogue) {
    let all = catalogue([
        component("load", "none each source", "", "OUT loaded(bytes)"),
        component("load@nio", "none each source", "", "OUT loaded(file)"),
        component("hold", "any buffer resume", "IN loaded($body)", "OUT response($body)"),
        component("reply", "any each", "IN response(bytes)", ""),
        component("reply@nio", "any each", "IN response(file)", ""),
        component("reply@both", "any each", "IN response(bytes) | response(file)", ""),
    ]);
    let text = format!("load = load\n hold = hold\n reply = {reply}\n load.OUT -> hold.IN\n hold.OUT -> reply.IN");
    (checked(&text, &all).expect("valid"), all)
}

#[test]
fn u07_what_is_held_comes_behind_the_marker() {
    let mut both = update("u", &[("load", "load@nio", KEEP), ("reply", "reply@nio", KEEP)]);
    both.guarantee = Guarantee::CutConsistency;
    insta::assert_snapshot!(refused(Code::U07, &holding("reply"), &both, Some(Scheduler::Epoch)));
    planned(&holding("reply@both"), &update("u", &[("load", "load@nio", KEEP)]));
}

#[test]
fn u11_what_is_held_between_two_changes_mixes_them() {
    let mut both = update("u", &[("load", "load@nio", KEEP), ("reply", "reply@both", KEEP)]);
    insta::assert_snapshot!(refused(Code::U11, &holding("reply"), &both, Some(Scheduler::Epoch)));
    let drained = planned(&holding("reply"), &both);
    assert_eq!(drained.scheduler, Scheduler::StopTheWorld, "what is held is finished first");
    both.guarantee = Guarantee::CutConsistency;
    planned(&holding("reply"), &both);
}

/// What goes lets go of all that it holds before the marker goes on, so it stands between no two sides. What it hands over is
/// carried past the marker.
#[test]
fn u11_what_goes_is_finished_first_unless_it_hands_over() {
    let (graph, all) = line();
    let gone = "a = source\n x = count\n b = sink\n a.OUT -> x.IN\n x.OUT -> b.IN";
    for scheduler in [Scheduler::Scoped, Scheduler::Epoch, Scheduler::Dependent] {
        plan(&graph, &to(gone, &[]), &SourceMap::default(), &all, Some(scheduler)).expect("planned");
    }
    let other = "a = source\n x = count\n z = batch\n b = sink\n a.OUT -> x.IN\n x.OUT -> z.IN\n z.OUT -> b.IN";
    let carried = to(other, &[("z", taking("y", KEEP))]);
    let found = plan(&graph, &carried, &SourceMap::default(), &all, Some(Scheduler::Epoch)).expect_err("refused").0;
    assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::U11]);
}

/// An update to the flow that a text says.
fn to(text: &str, changes: &[(&str, Change)]) -> Update {
    let changes = changes.iter().map(|(name, change)| (name.to_string(), change.clone())).collect();
    Update { changes, ..Update::to_flow("u", flow(text).0) }
}

const LINE: &str = "a = source\n x = count\n y = batch\n b = sink\n a.OUT -> x.IN\n x.OUT -> y.IN\n y.OUT -> b.IN";
const INSTEAD: &str =
    "a = source\n z = count@big\n y = batch\n b = sink\n a.OUT -> z.IN\n z.OUT -> y.IN\n y.OUT -> b.IN";

fn taking(from: &str, state: StatePolicy) -> Change {
    Change { from: Some(from.into()), ..Change::of_state(state) }
}

#[test]
fn u04_state_is_spoken_of_with_a_flow_too() {
    let other = LINE.replace("x = count", "x = count@big");
    insta::assert_snapshot!(refused(Code::U04, &line(), &to(&other, &[]), None));
    planned(&line(), &to(&other, &[("x", Change::of_state(by("grow")))]));
}

#[test]
fn u12_an_update_and_its_flow_agree() {
    let wrong = Change::to(ComponentRef::parse("count@2"), KEEP);
    let other = LINE.replace("x = count", "x = count@big");
    let update = to(&other, &[("x", wrong), ("zz", Change::of_state(KEEP)), ("y", Change::of_state(KEEP))]);
    let found = plan(&line().0, &update, &SourceMap::default(), &line().1, None).expect_err("refused").0;
    let found: Vec<Diagnostic> = found.into_iter().filter(|d| d.code == Code::U12).collect();
    insta::assert_snapshot!(render(&found, ""));
    planned(&line(), &to(&other, &[("x", Change::to(ComponentRef::parse("count@big"), by("grow")))]));
}

#[test]
fn u13_state_comes_from_what_goes() {
    let cases = [
        to(INSTEAD, &[("z", taking("y", by("grow")))]),
        to(INSTEAD, &[("z", taking("nobody", by("grow")))]),
        to(INSTEAD, &[("z", Change::of_state(by("grow")))]),
        to(INSTEAD, &[("y", taking("x", KEEP))]),
        Update { changes: [("x".to_owned(), taking("y", KEEP))].into(), flow: None, ..to(LINE, &[]) },
    ];
    let said: String = cases
        .iter()
        .map(|case| {
            let found = plan(&line().0, case, &SourceMap::default(), &line().1, None).expect_err("refused").0;
            render(&found[..1], "")
        })
        .collect();
    insta::assert_snapshot!(said);
    planned(&line(), &to(INSTEAD, &[("z", taking("x", by("grow")))]));
}

#[test]
fn u14_what_nothing_leads_back_from_is_not_taken_back() {
    let (graph, all) = line();
    let update = to(INSTEAD, &[("z", taking("x", by("grow")))]);
    let after = planned(&(graph.clone(), all.clone()), &update).after;
    let found = inverse(&graph, &after, &update, &SourceMap::default()).expect_err("no way back");
    insta::assert_snapshot!(render(&found.0, ""));
    let back = Change { back: Some(by("shrink")), ..taking("x", by("grow")) };
    let update = to(INSTEAD, &[("z", back)]);
    let back = inverse(&graph, &after, &update, &SourceMap::default()).expect("there is a way");
    assert_eq!(planned(&(after, all), &back).after, graph);
}

#[test]
fn a_part_that_is_replaced_is_planned() {
    let flow = line();
    let plan = planned(&flow, &to(INSTEAD, &[("z", taking("x", by("grow")))]));
    insta::assert_snapshot!(plan.explain(&flow.0));
    insta::assert_json_snapshot!("a_part_that_is_replaced_as_actions", (&plan.actions, &plan.reconnections));
}

fn nio() -> Update {
    update("nio", &[("load", "load@nio", KEEP), ("reply", "reply@nio", by("to-nio"))])
}

#[test]
fn u11_direct_promises_nothing_for_two() {
    let (graph, all) = http();
    let found = plan(&graph, &nio(), &SourceMap::default(), &all, Some(Scheduler::Direct)).expect_err("refused").0;
    let count = |code| found.iter().filter(|d| d.code == code).count();
    assert_eq!((count(Code::U07), count(Code::U11), found.len()), (2, 1, 3));
    insta::assert_snapshot!(render(&found, ""));
}

#[test]
fn u11_direct_is_enough_for_one_that_no_lineage_meets_twice() {
    let (graph, all) = line();
    let one = update("u", &[("x", "count@2", KEEP)]);
    let plan = plan(&graph, &one, &SourceMap::default(), &all, Some(Scheduler::Direct)).expect("planned");
    assert_eq!(plan.scope, [graph.find("x").expect("there")]);
    insta::assert_snapshot!(plan.explain(&graph));
}

#[test]
fn u11_direct_is_not_enough_where_a_lineage_comes_twice() {
    let all = catalogue([
        component("source", "none each source", "", "OUT"),
        component("split", "any many", "IN", "OUT"),
        component("map", "any each", "IN", "OUT"),
        component("map@2", "any each", "IN", "OUT"),
        component("sink", "any each", "IN", ""),
    ]);
    let text = "a = source\n s = split\n m = map\n b = sink\n a.OUT -> s.IN\n s.OUT -> m.IN\n m.OUT -> b.IN";
    let flow = (checked(text, &all).expect("valid"), all);
    let mut one = update("u", &[("m", "map@2", KEEP)]);
    insta::assert_snapshot!(refused(Code::U11, &flow, &one, Some(Scheduler::Direct)));
    one.guarantee = Guarantee::CutConsistency;
    assert!(plan(&flow.0, &one, &SourceMap::default(), &flow.1, Some(Scheduler::Direct)).is_ok());
}

#[test]
fn u11_what_goes_round_by_itself_is_never_stopped() {
    let parts = |again: &str| {
        let again = component("again", again, "IN, ~BACK", "OUT");
        let more = [
            ("source", "none each source", "", "OUT"),
            ("split", "any route", "IN", "ON, BACK"),
            ("sink", "any each", "IN", ""),
        ];
        let more = more.map(|(id, rules, inputs, outputs)| component(id, rules, inputs, outputs));
        let step = ["map", "map@2"].map(|id| component(id, "any each", "IN", "OUT"));
        catalogue(more.into_iter().chain(step).chain([again]))
    };
    let text = "a = source\n x = again\n m = map\n s = split\n b = sink\n a.OUT -> x.IN\n x.OUT -> m.IN\n m.OUT -> s.IN\n s.ON -> b.IN\n s.BACK -> x.BACK";
    let one = update("u", &[("m", "map@2", KEEP)]);
    let endless = parts("any each");
    let flow = (checked(text, &endless).expect("valid"), endless);
    insta::assert_snapshot!(refused(Code::U11, &flow, &one, Some(Scheduler::StopTheWorld)));
    planned(&flow, &one);
    let counted = parts("any buffer source");
    let flow = checked(text, &counted).expect("valid");
    plan(&flow, &one, &SourceMap::default(), &counted, Some(Scheduler::StopTheWorld)).expect("a source waits");
}

#[test]
fn the_negative_control_can_be_planned() {
    let (graph, all) = http();
    let plan_it = |update: &Update, scheduler| plan_unpromised(&graph, update, &SourceMap::default(), &all, scheduler);
    let (plan, misfits) = plan_it(&nio(), Some(Scheduler::Direct)).expect("planned");
    assert_eq!(misfits.iter().map(|d| d.code).collect::<Vec<_>>(), [Code::U07; 2]);
    insta::assert_snapshot!(plan.reason);
    assert_eq!(plan_it(&nio(), Some(Scheduler::Epoch)).expect("planned").1, []);
    let half = update("half", &[("load", "load@nio", KEEP)]);
    for scheduler in Scheduler::ALL {
        let found = plan_it(&half, Some(*scheduler)).expect_err("the flow after it is not valid");
        assert!(found.0.iter().all(|d| d.code == Code::U07));
    }
}

#[test]
fn the_nio_switch_is_planned() {
    let flow = http();
    let plan = planned(&flow, &nio());
    insta::assert_snapshot!(plan.explain(&flow.0));
    let mut json = serde_json::to_value(&plan).expect("json");
    json.as_object_mut().expect("an object").remove("after");
    insta::assert_json_snapshot!("the_nio_switch_as_json", json);
}

#[test]
fn an_update_and_its_inverse_give_the_flow_back() {
    let (graph, all) = http();
    let there = planned(&(graph.clone(), all.clone()), &nio()).after;
    assert_ne!(there, graph);
    let back = update("back", &[("load", "load@1", KEEP), ("reply", "reply@1", by("to-blocking"))]);
    assert_eq!(planned(&(there, all), &back).after, graph);
}

#[test]
fn a_replacement_comes_before_new_properties() {
    let flow = line();
    let change = with_property(update("u", &[("x", "count@2", KEEP)]), "x", "LIMIT", "9");
    let plan = planned(&flow, &change);
    let x = flow.0.find("x").expect("there");
    assert!(matches!(plan.actions[&x].as_slice(), [Action::Replace { .. }, Action::Configure { .. }]));
    assert_eq!(plan.after.operator(x).properties["LIMIT"], 9);
    insta::assert_snapshot!(plan.explain(&flow.0));
}

#[test]
fn everything_wrong_is_said_at_once_and_where() {
    let (graph, all) = line();
    let text = "[x] component=count@twoway state=keep [y] component=batch@2 state=reset [z] limit=1";
    let mut map = SourceMap::new("update");
    let mut note = |thing, part: &str| map.note(thing, text.find(part).map(|at| at..at + part.len()).expect("there"));
    note(Thing::ChangeComponent("x".into()), "count@twoway");
    note(Thing::ChangeState("y".into()), "reset");
    note(Thing::Change("z".into()), "[z]");
    let u = update("u", &[("x", "count@twoway", KEEP), ("y", "batch@2", RESET), ("z", "", KEEP)]);
    let found: Vec<Diagnostic> = plan(&graph, &u, &map, &all, None).expect_err("refused").0;
    insta::assert_snapshot!(render(&found, text));
}

/// The rules of flows and updates, but for U04, which the reader of updates keeps.
#[expect(clippy::disallowed_methods, reason = "the test looks at the snapshots beside it")]
#[test]
fn every_rule_has_an_example() {
    let folders = ["plan", "validate"].map(|folder| format!("{}/src/{folder}/snapshots", env!("CARGO_MANIFEST_DIR")));
    let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect(folder));
    let all: String = files.map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text")).collect();
    for code in Code::ALL.iter().filter(|code| code.as_str().starts_with(['F', 'U']) && **code != Code::U04) {
        assert!(all.contains(&format!("\n{code}: ")), "no example of {code}");
    }
}
