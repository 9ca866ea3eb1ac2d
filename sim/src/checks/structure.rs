//! Must-show 2: a part of a flow is deleted, inserted or replaced while packets pass, and everything holds.
//!
//! ```text
//!   delete   (figure 5.12)   x1 -> x2 -> x3     ==>   x1 -------> x3
//!   insert   (figure 5.11)   split -> a -> join ==>   split -> y -> a -> join     (and b -> join as before)
//!   replace                  x1 -> x2 -> x3     ==>   x1 -> y1 -> y2 -> x3
//! ```
//!
//! Each is done to a chain, to a diamond whose ways meet again (in a merge behind a fork, in a merge behind a router, in a join
//! of all), and to a part with two ways in and two ways out that cross over; by every scheduler that promises something; and
//! explored to the end. Then what is harder: states that are handed over, rings, feedback arcs, sources and sinks, and updates
//! that follow while the first is under way.

use super::{cells, table};
use crate::explore::{Exploration, Explorer, Verdict};
use crate::instance::{Bounds, Instance};
use crate::ledger::PROPERTIES;
use crate::properties::teeth::bounds;
use crate::scenario::{
    self, CHAIN_DELETED, CHAIN_INSERTED, CHAIN_REPLACED, HTTP, HTTP_TALLIED, Scenario, library, replacing,
    two_in_two_out,
};
use neurath_model::choice::Choice;
use neurath_model::plan::Scheduler;

/// Those that promise something.
const SCHEDULERS: [Scheduler; 4] = [Scheduler::Epoch, Scheduler::Dependent, Scheduler::Scoped, Scheduler::StopTheWorld];

const TRANSIT: &str = "an arc is under way from one port to another";
const VACANT: &str = "an operator has taken an arc from its port, and waits for another";
const RELEASED: &str = "an operator was released";

fn chain() -> String {
    "source(source) OUT -> IN x1(step) OUT -> IN x2(step) OUT -> IN x3(step) OUT -> IN sink(sink)".into()
}

/// A split, two branches given as texts, and what they come together in.
fn diamond(split: &str, rejoin: &str, a: &str) -> String {
    format!(
        "source(source) OUT -> IN split({split}) A -> {a} A rejoin({rejoin}) OUT -> IN sink(sink)\n\
         split B -> IN b(step) OUT -> B rejoin"
    )
}

/// Two ways that cross over in a part whose operators have these names.
fn crossing([a, b, p, q]: [&str; 4]) -> String {
    two_in_two_out(&format!(
        "split A -> IN {a}(route) A -> A {p}(merge) OUT -> A rejoin\nsplit B -> IN {b}(route) A -> B {p}\n\
         {a} B -> A {q}(merge) OUT -> B rejoin\n{b} B -> B {q}"
    ))
}

fn straight() -> String {
    two_in_two_out("split A -> A rejoin\nsplit B -> B rejoin")
}

/// A flow that is changed to others, one after the other.
fn evolution(scheduler: Scheduler, flows: &[&str], states: &str) -> Scenario {
    let scenario = Scenario::read(flows[0], &library()).expect("valid").scheduled(scheduler);
    flows[1..].iter().fold(scenario, |scenario, flow| scenario.changed_to(flow, states).expect("planned"))
}

fn explored(name: &str, scheduler: Scheduler, instance: &Instance, wanted: &[&str]) -> Exploration<Choice> {
    let seen = Explorer::new(instance).run();
    assert_eq!(seen.verdict, Verdict::Holds, "{name} by {scheduler}: {}", told(instance, &seen));
    let missed: Vec<&str> = seen.never_witnessed().filter(|w| wanted.contains(w)).collect();
    assert!(missed.is_empty(), "{name} by {scheduler}: never seen: {missed:?}");
    seen
}

fn told(instance: &Instance, seen: &Exploration<Choice>) -> String {
    match &seen.verdict {
        Verdict::Breached { run, .. } => crate::narrate::narrate(instance, run).to_string(),
        Verdict::Holds | Verdict::Undecided { .. } => String::new(),
    }
}

/// A line of a table: what was explored, and what was seen.
fn row(what: &[&str], bounds: Bounds, seen: &Exploration<Choice>) -> Vec<String> {
    let Bounds { packets, capacity, .. } = bounds;
    let counts = cells(&[&packets, &capacity, &seen.generated, &seen.distinct, &seen.depth]);
    what.iter().map(ToString::to_string).chain(counts).collect()
}

/// What the planner refuses (U11) goes wrong; the line of the table says what breaks, and after how many steps. It does not look
/// at rules of firing: a join of all holds back what comes beside the origin, so that nothing does.
fn refused(what: &[&str], instance: &Instance) -> Vec<String> {
    let why = match Explorer::new(instance).run().verdict {
        Verdict::Breached { breach, run, .. } => format!("refused: {} after {}", breach.property, run.len()),
        Verdict::Holds => "refused, and holds".into(),
        Verdict::Undecided { why } => panic!("{what:?}: {why}"),
    };
    let why = [why];
    what.iter().map(ToString::to_string).chain(why).chain(vec![String::new(); COUNTS.len() - 1]).collect()
}

const COUNTS: [&str; 5] = ["packets", "capacity", "generated", "distinct", "depth"];

fn header(names: &[&str]) -> Vec<String> {
    names.iter().chain(&COUNTS).map(ToString::to_string).collect()
}

/// Delete, insert and replace, on each shape: flow before, flow after.
fn operations() -> Vec<(&'static str, &'static str, String, String)> {
    let mut all = vec![
        ("chain", "delete", chain(), CHAIN_DELETED.into()),
        ("chain", "insert", chain(), CHAIN_INSERTED.into()),
        ("chain", "replace", chain(), CHAIN_REPLACED.into()),
    ];
    for (shape, split, rejoin) in
        [("fork and merge", "fork", "merge"), ("fork and join", "fork", "join"), ("router and merge", "route", "merge")]
    {
        let flow = |a| diamond(split, rejoin, a);
        let (one, none) = (flow("IN a(step) OUT ->"), flow(""));
        all.push((shape, "delete", one.clone(), none));
        all.push((shape, "insert", one.clone(), flow("IN y(step) OUT -> IN a(step) OUT ->")));
        all.push((shape, "replace", one.clone(), flow("IN y1(step) OUT -> IN y2(step) OUT ->")));
        all.push((shape, "delete all of it", one, "source(source) OUT -> IN sink(sink)".into()));
    }
    let (before, other) = (crossing(["a", "b", "p", "q"]), crossing(["c", "d", "r", "s"]));
    all.push(("two in, two out", "delete", before.clone(), straight()));
    all.push(("two in, two out", "insert", straight(), before.clone()));
    all.push(("two in, two out", "replace", before, other));
    all
}

#[test]
fn parts_are_deleted_inserted_and_replaced_on_every_shape() {
    let within = |shape: &str| if shape == "two in, two out" { bounds(2, 1) } else { bounds(3, 2) };
    insta::assert_snapshot!(operations_within(within));
}

/// The end of the flow may come at any moment of the update: what is at its end counts as arrived.
#[test]
fn parts_are_deleted_inserted_and_replaced_while_the_flow_ends() {
    let within = |shape: &str| Bounds { ends: true, ..bounds(if shape == "two in, two out" { 1 } else { 2 }, 1) };
    insta::assert_snapshot!(operations_within(within));
}

fn operations_within(within: impl Fn(&str) -> Bounds) -> String {
    let mut lines = vec![header(&["shape", "operation", "scheduler"])];
    for (shape, operation, before, after) in operations() {
        for scheduler in SCHEDULERS {
            let bounds = within(shape);
            let scenario = evolution(scheduler, &[&before, &after], "");
            let instance = scenario.instance(bounds);
            if !scenario.is_promised() {
                lines.push(refused(&[shape, operation, &scheduler.to_string()], &instance));
                continue;
            }
            let wanted: &[&str] = match operation {
                "insert" => &[TRANSIT],
                _ => &[TRANSIT, RELEASED],
            };
            let name = format!("{shape}, {operation}");
            let seen = explored(&name, scheduler, &instance, wanted);
            lines.push(row(&[shape, operation, &scheduler.to_string()], bounds, &seen));
        }
    }
    table(&lines)
}

/// What is to be explored, once the scheduler is known.
type Evolution = Box<dyn Fn(Scheduler) -> Scenario>;

/// A name, how far it is explored, the witnesses that are wanted, and what is explored.
type Case<'a> = (&'a str, Bounds, &'a [&'a str], Evolution);

/// Updates that are one more thing at a time; each by every scheduler that promises it.
fn tabulate(cases: Vec<Case<'_>>) -> String {
    let mut lines = vec![header(&["update", "scheduler"])];
    for (name, bounds, wanted, scenario) in cases {
        for scheduler in SCHEDULERS {
            let scenario = scenario(scheduler);
            let instance = scenario.instance(bounds);
            let what = [name, &scheduler.to_string()];
            lines.push(match scenario.is_promised() {
                true => row(&what, bounds, &explored(name, scheduler, &instance, wanted)),
                false => refused(&what, &instance),
            });
        }
    }
    table(&lines)
}

fn line(operator: &str) -> String {
    format!("source(source) OUT -> {operator}IN sink(sink)")
}

fn evolves(flows: &[&str], states: &str) -> Evolution {
    let (flows, states) = (flows.iter().map(ToString::to_string).collect::<Vec<_>>(), states.to_owned());
    Box::new(move |scheduler| {
        let flows: Vec<&str> = flows.iter().map(String::as_str).collect();
        evolution(scheduler, &flows, &states)
    })
}

/// Trophies: a buffer that goes let go of what it held after its computation time, as if that had been the work of the
/// new version (S5); what goes has no side after the cut. And the planner refused every such deletion under a marker (U11).
///
/// An old part hands its state to the new one when the last packet before the cut is through. What a buffer holds at that
/// moment goes with it; the lineage of such a packet has then met the old part and meets what is new behind it, so only a cut
/// that is consistent can be promised (see `verdicts`).
#[test]
fn a_part_takes_over_the_state_of_the_one_that_goes() {
    let [count, other] = ["IN x(count) OUT -> ", "IN y(count:version=2) OUT -> "].map(line);
    let [buffer, gone] = ["IN x(buffer) OUT -> ", ""].map(line);
    let transfer = "[operator.y]\nfrom = 'x'\nstate = { transfer = 'recount' }";
    let table = tabulate(vec![
        ("count to count, transferred", bounds(2, 1), &[TRANSIT, RELEASED], evolves(&[&count, &other], transfer)),
        ("buffer goes, and is finished first", bounds(2, 1), &[RELEASED], evolves(&[&buffer, &gone], "")),
    ]);
    insta::assert_snapshot!(table);
}

#[test]
fn open_work_is_carried_to_the_part_that_comes() {
    let [buffer, other] = ["IN x(buffer) OUT -> ", "IN y(buffer:version=2) OUT -> "].map(line);
    for scheduler in [Scheduler::Epoch, Scheduler::Dependent, Scheduler::Scoped] {
        let scenario = evolution(scheduler, &[&buffer, &other], "[operator.y]\nfrom = 'x'\nstate = 'keep'");
        assert!(!scenario.is_promised(), "serializability cannot be promised");
        let instance = scenario.instance(bounds(2, 1));
        let Verdict::Breached { breach, .. } = Explorer::new(&instance).only(&["S4"]).run().verdict else {
            panic!("what is carried meets both sides")
        };
        assert_eq!(breach.story, "source#0 is processed by the new version of sink, after one that `u1` replaces");
        let others: Vec<&str> = PROPERTIES.iter().map(|about| about.code).filter(|code| *code != "S4").collect();
        let seen = Explorer::new(&instance).only(&others).run();
        assert_eq!(seen.verdict, Verdict::Holds, "{scheduler}");
        assert!(seen.never_witnessed().all(|w| w != RELEASED));
    }
}

/// Arcs in a ring: each of two operators gets the arc that the other gives away, and neither waits for the other.
///
/// Trophies, both of "and back". While the arc of `x` was under way to `sink`, `y`, to which the second update moves it from
/// there, took it at once, with that update's marker on it (S6): an arc under way is for one port. And `y`, told of the arc that
/// it got amid the effects of the first update, let the second take effect and go on before the first had (S9): an operator is told
/// when all effects of the step are performed.
#[test]
fn operators_change_places() {
    let two = |one: &str, other: &str| line(&format!("IN {one}(step) OUT -> IN {other}(step) OUT -> "));
    let branches = |a: &str, b: &str| {
        format!(
            "source(source) OUT -> IN split(route) A -> IN {a}(step) OUT -> A rejoin(merge) OUT -> IN sink(sink)\n\
             split B -> IN {b}(step) OUT -> B rejoin"
        )
    };
    let table = tabulate(vec![
        ("in a chain", bounds(2, 1), &[TRANSIT, VACANT], evolves(&[&two("x", "y"), &two("y", "x")], "")),
        (
            "in a chain, and back",
            bounds(2, 1),
            &[TRANSIT],
            evolves(&[&two("x", "y"), &two("y", "x"), &two("x", "y")], ""),
        ),
        ("on two branches", bounds(2, 1), &[TRANSIT], evolves(&[&branches("a", "b"), &branches("b", "a")], "")),
    ]);
    insta::assert_snapshot!(table);
}

/// What comes back was sent before the arc moves, or after; a marker on the arc itself tells the two apart.
///
/// A trophy of `stop-the-world`: `read`, which was stopped, did not take the word to apply, and so never went (S9): that word
/// reaches the stopped as well as the one to go on. Where a source goes, it is not told to go on (L2).
///
/// A trophy of the planner, found by seed 853 of the simulator's random updates of the HTTP server: before the update nothing is behind
/// `reply`, since lineages end on the way back, and so a marker was promised to overtake what `reply` holds without harm. But an
/// operator that comes on the way back is behind it: a request that the old `load` had read, and that `reply` held when the marker passed,
/// went on to what the same update had brought in (S4). Only what is the same afterwards may be met there (U11). Seed 24502 then found
/// the same where `reply` goes, and its heir lets go of what it held.
#[test]
fn feedback_arcs_move() {
    let http = |flows: &[&str], states: &str| -> Evolution {
        let (flows, states) = (flows.iter().map(ToString::to_string).collect::<Vec<_>>(), states.to_owned());
        Box::new(move |scheduler| {
            let scenario = scenario::http().scheduled(scheduler);
            flows.iter().fold(scenario, |scenario, flow| scenario.changed_to(flow, &states).expect("planned"))
        })
    };
    let again = HTTP.replace("read(http/read)", "again(http/read)").replace("BACK read", "BACK again");
    let take = "[operator.again]\nfrom = 'read'\nstate = 'keep'";
    let nio =
        HTTP_TALLIED.replace("http/load", "http/load:version=nio").replace("http/reply", "http/reply:version=nio");
    let to_nio = "[operator.load]\nstate = 'keep'\n[operator.reply]\nstate = { transfer = 'reply-to-nio' }";
    let heir = HTTP_TALLIED.replace("IN reply(http/reply)", "IN heir(http/reply)");
    let inherits = "[operator.heir]\nfrom = 'reply'\nstate = 'keep'";
    let third = again.replace("again", "third");
    let (second, take_again) = (again.clone(), "[operator.third]\nfrom = 'again'\nstate = 'keep'");
    let twice: Evolution = Box::new(move |scheduler| {
        let scenario = scenario::http().scheduled(scheduler).changed_to(&second, take).expect("planned");
        scenario.changed_to(&third, take_again).expect("planned")
    });
    let all = Bounds { ends: true, hangups: true, ..bounds(1, 1) };
    let table = tabulate(vec![
        ("an operator comes on the way back", bounds(2, 1), &[TRANSIT], http(&[HTTP_TALLIED], "")),
        ("it comes, and goes again", bounds(2, 1), &[TRANSIT, RELEASED], http(&[HTTP_TALLIED, HTTP], "")),
        ("it comes, and others change", bounds(2, 1), &[TRANSIT], http(&[&nio], to_nio)),
        ("it comes, and another lets go of what is held", bounds(2, 1), &[TRANSIT, RELEASED], http(&[&heir], inherits)),
        ("the one to which it comes back is replaced", bounds(2, 1), &[TRANSIT, RELEASED], http(&[&again], take)),
        ("and its connections are dropped", bounds(2, 1), &[TRANSIT, RELEASED], http(&[&again], "")),
        ("it comes, and the flow ends", all, &[TRANSIT], http(&[HTTP_TALLIED], "")),
        ("it is replaced twice, and the flow ends", all, &[TRANSIT, RELEASED], twice),
        ("the other end is replaced, and the flow ends", all, &[TRANSIT, RELEASED], http(&[&again], take)),
    ]);
    insta::assert_snapshot!(table);
}

#[test]
fn sources_and_sinks_come_and_go() {
    let (one, two) =
        (line(""), "left(source) OUT -> A x(merge) OUT -> IN sink(sink)\nright(source) OUT -> B x".to_owned());
    let from_left = "left(source) OUT -> IN sink(sink)".to_owned();
    let sinks = "source(source) OUT -> IN f(fork) A -> IN sink(sink)\nf B -> IN log(sink)".to_owned();
    let table = tabulate(vec![
        ("a second source comes", bounds(1, 1), &[TRANSIT], evolves(&[&from_left, &two], "")),
        ("a second source goes", bounds(1, 1), &[TRANSIT, RELEASED], evolves(&[&two, &from_left], "")),
        ("it comes, and goes again", bounds(1, 1), &[TRANSIT, RELEASED], evolves(&[&from_left, &two, &from_left], "")),
        ("another source takes its place", bounds(1, 1), &[TRANSIT, RELEASED], evolves(&[&one, &from_left], "")),
        ("a second sink comes", bounds(2, 1), &[TRANSIT], evolves(&[&one, &sinks], "")),
        ("a second sink goes", bounds(2, 1), &[RELEASED], evolves(&[&sinks, &one], "")),
    ]);
    insta::assert_snapshot!(table);
}

fn and_then(flows: &[&str], then: &[(&str, &str)]) -> Evolution {
    let (evolves, then) = (evolves(flows, ""), replacing("then", then));
    Box::new(move |scheduler| evolves(scheduler).updated(&then).expect("planned"))
}

/// Updates that travel in different ways, one behind the other.
///
/// A trophy: behind `stop-the-world`, which was to delete `a`, a scoped update entered at `split` as soon as the first marker had
/// passed there, and its own marker went into `a`, which was to be gone by then (S13). What follows now enters at the sources,
/// which are stopped until all is applied.
#[test]
fn schedulers_follow_each_other() {
    let (part, none) = (diamond("route", "merge", "IN a(step) OUT ->"), diamond("route", "merge", ""));
    for first in SCHEDULERS {
        for second in SCHEDULERS {
            let scenario = evolution(first, &[&part, &none], "").scheduled(second);
            let back = scenario.clone().changed_to(&part, "").expect("planned").instance(bounds(1, 1));
            explored(&format!("{first}, then a part comes"), second, &back, &[TRANSIT, RELEASED]);
            let change = replacing("u2", &[("split", "route@2"), ("rejoin", "merge@2")]);
            let changed = scenario.updated(&change).expect("planned").instance(bounds(1, 1));
            explored(&format!("{first}, then operators change"), second, &changed, &[TRANSIT, RELEASED]);
        }
    }
}

/// The next update begins while the one before is under way.
#[test]
fn updates_follow_each_other_closely() {
    let chain = chain();
    let routed = |a: &str| diamond("route", "merge", a);
    let (with, without) = (routed("IN a(step) OUT ->"), routed(""));
    let both = chain.replace("x1(step)", "x1(step:version=2)");
    let table = tabulate(vec![
        (
            "a part comes, and goes again",
            bounds(2, 1),
            &[TRANSIT, RELEASED],
            evolves(&[&chain, CHAIN_INSERTED, &chain], ""),
        ),
        (
            "a part goes, and comes again",
            bounds(2, 1),
            &[TRANSIT, RELEASED],
            evolves(&[&chain, CHAIN_DELETED, &chain], ""),
        ),
        (
            "a part goes, its neighbours change",
            bounds(2, 1),
            &[TRANSIT, RELEASED],
            and_then(&[&chain, CHAIN_DELETED], &[("x1", "step@2"), ("x3", "step@2")]),
        ),
        (
            "a part comes and changes",
            bounds(2, 1),
            &[TRANSIT],
            and_then(&[&chain, CHAIN_INSERTED], &[("y1", "step@2")]),
        ),
        ("a branch goes, and comes again", bounds(1, 1), &[TRANSIT, RELEASED], evolves(&[&with, &without, &with], "")),
        (
            "a part goes and another operator changes, in one",
            bounds(2, 1),
            &[TRANSIT, RELEASED],
            evolves(&[&both, CHAIN_DELETED], ""),
        ),
    ]);
    insta::assert_snapshot!(table);
}
