//! Seeds repeat, hold with the protocol as it is, and fail with each fault that is put in.

use super::*;
use crate::example;
use crate::explore::Budget;
use crate::replay::replay;
use neurath_model::plan::Scheduler;
use neurath_model::spec::update;

const SMALL: Budget = Budget { states_max: 40_000, time_max: None };

fn with(name: &str) -> Options {
    Options { fault: Some(Fault::named(name).expect(name)), ..Options::default() }
}

/// The first failing seed of a subject.
fn failing(subject: &Subject, options: &Options, seeds: Range<u64>) -> Option<Outcome> {
    simulate_many(&subject.clone().into(), seeds, options, |_| {}).failure
}

#[test]
fn the_same_seed_is_the_same_run_step_by_step() {
    let subject = example::http(Scheduler::Epoch);
    for seed in 0..50 {
        let (one, two) = (simulate(&subject, seed, &Options::default()), simulate(&subject, seed, &Options::default()));
        assert_eq!(one, two);
        assert_eq!(one.choices.len() as u64, one.counts.steps);
    }
    let digests: std::collections::BTreeSet<u64> =
        (0..50).map(|seed| simulate(&subject, seed, &Options::default()).digest).collect();
    assert!(digests.len() > 45, "of 50 seeds all but the shortest runs differ: {}", digests.len());
}

#[test]
fn a_seed_is_the_same_run_alone_and_among_others() {
    let subject = example::diamond(Scheduler::Epoch);
    let alone = simulate(&subject, 7, &Options::default());
    let before: u64 = (0..7).map(|seed| simulate(&subject, seed, &Options::default()).counts.steps).sum();
    let many = simulate_many(&subject.clone().into(), 0..8, &Options::default(), |_| {});
    assert_eq!((many.runs, many.steps), (8, before + alone.counts.steps));
}

#[test]
fn every_run_of_a_seed_is_open_to_replay() {
    let subject = example::http(Scheduler::Epoch);
    for seed in 0..20 {
        let outcome = simulate(&subject, seed, &Options::default());
        let instance = outcome.swarm.instance(None);
        let states = replay(&instance, &outcome.choices).expect("each choice was open");
        let mut open = Vec::new();
        states.last().expect("a run has states").choices(&instance, &mut open);
        let crashed = outcome.counts.crashed.is_some_and(|who| who != Who::Submitter);
        assert!(crashed || open.is_empty(), "seed {seed} stopped where it could go on");
    }
}

#[test]
fn epoch_keeps_every_property_and_every_witness_is_met() {
    let (mut met, mut refused) = (vec![0; WITNESSES.len()], 0);
    let kept =
        [example::http(Scheduler::Epoch), example::diamond(Scheduler::Epoch), example::diamond(Scheduler::Scoped)];
    for subject in kept.into_iter().chain([Scheduler::Epoch, Scheduler::Scoped].map(buffer_comes_and_goes)) {
        let summary = simulate_many(&subject.clone().into(), 0..600, &Options::default(), |_| {});
        if let Some(failure) = summary.failure {
            panic!("{}\n{:?}\n{}", failure.swarm, failure.breach, failure.command(&["FLOW".into()]));
        }
        assert!(summary.applied > 600 && summary.lineages > 1200, "{summary:?}");
        refused += summary.refused;
        for (sum, (_, runs)) in met.iter_mut().zip(&summary.witnesses) {
            *sum += runs;
        }
    }
    assert!(refused > 0, "the planner is put to the test");
    let never: Vec<&str> = WITNESSES.iter().zip(&met).filter(|(_, runs)| **runs == 0).map(|(name, _)| *name).collect();
    assert_eq!(never, <[&str; 0]>::default());
}

/// A part that may hold packets comes, and goes again.
fn buffer_comes_and_goes(scheduler: Scheduler) -> Subject {
    let without = "source(source) OUT -> IN x(step) OUT -> IN sink(sink)";
    let with = "source(source) OUT -> IN x(step) OUT -> IN y(buffer) OUT -> IN sink(sink)";
    example::evolving(scheduler, &[without, with, without], &[("x", "step@2")])
}

/// Two operators of a chain change places.
fn exchange() -> Subject {
    let flow = |one: &str, other: &str| {
        format!("source(source) OUT -> IN {one}(step) OUT -> IN {other}(step) OUT -> IN sink(sink)")
    };
    example::evolving(Scheduler::Epoch, &[&flow("x", "y"), &flow("y", "x")], &[])
}

/// An operator comes whose two arcs are taken away at different times; then it changes.
fn arcs_come_one_by_one() -> Subject {
    let before = "left(source) OUT -> IN a(step) OUT -> A x(merge) OUT -> IN sink(sink)\nright(source) OUT -> IN b(step) OUT -> B x";
    let after = "left(source) OUT -> A y(merge) OUT -> IN sink(sink)\nright(source) OUT -> B y";
    example::evolving(Scheduler::Epoch, &[before, after], &[("y", "merge@2")])
}

/// Both arcs into `rejoin` move, each to an operator that comes.
fn two_dependents() -> Subject {
    let flow = |a: &str, b: &str| {
        format!(
            "source(source) OUT -> IN split(fork) A -> {a}A rejoin(merge) OUT -> IN sink(sink)\nsplit B -> {b}B rejoin"
        )
    };
    example::evolving(Scheduler::Epoch, &[&flow("", ""), &flow("IN y(step) OUT -> ", "IN z(step) OUT -> ")], &[])
}

/// Two updates that meet behind their heads (protocol rule 11).
fn contended() -> Subject {
    let changes: [&[_]; 2] = [&[("h1", "route@2"), ("j", "merge@2")], &[("h2", "route@2"), ("j", "merge@3")]];
    let contended = crate::scenario::contended();
    let subject = example::of(contended.flow().clone(), &crate::scenario::library(), Scheduler::Scoped);
    let update = |(name, changes): (&str, &[(&str, &str)])| {
        update::parse(name, &crate::scenario::replacing(name, changes)).expect("an update").0
    };
    subject.with_updates(&[("u1", changes[0]), ("u2", changes[1])].map(update)).expect("planned")
}

#[test]
fn direct_messages_mix_versions() {
    let subject = example::http(Scheduler::Direct);
    let mixed = |seed| simulate(&subject, seed, &Options::default()).breach.is_some_and(|b| b.property == "S4");
    assert!((0..200).any(mixed), "direct promises nothing");
}

/// Each fault, with a flow on which it can show. That nothing is found without a fault is tested above.
#[test]
fn every_fault_is_found_by_some_seed() {
    let (http, diamond) = (example::http(Scheduler::Epoch), example::diamond(Scheduler::Epoch));
    let (scoped, contended) = (example::diamond(Scheduler::Scoped), contended());
    let (goes, exchange, one_by_one) = (buffer_comes_and_goes(Scheduler::Epoch), exchange(), arcs_come_one_by_one());
    let two_dependents = two_dependents();
    let faults: [(&str, &Subject); 22] = [
        ("marker-on-one-output", &diamond),
        ("target-absorbs-marker", &http),
        ("apply-on-every-marker", &diamond),
        ("await-feedback", &http),
        ("split-actions", &diamond),
        ("split-reconnections", &two_dependents),
        ("await-connected", &one_by_one),
        ("await-all-ports", &scoped),
        ("no-global-order", &contended),
        ("broadcast-everywhere", &scoped),
        ("connect-first", &goes),
        ("retire-undrained", &goes),
        ("never-released", &goes),
        ("answer-at-entrance", &http),
        ("silent-exit", &http),
        ("lossy-arc", &http),
        ("last-in-first-out", &http),
        ("marker-at-head", &http),
        ("apply-mid-firing", &http),
        ("transfer-twice", &http),
        ("drop-open-work", &http),
        ("fetch-arc", &exchange),
    ];
    assert_eq!(faults.len(), Fault::ALL.len());
    for (name, subject) in faults {
        let found = failing(subject, &with(name), 0..2000);
        assert!(found.is_some(), "{name} is not found");
    }
}

#[test]
fn a_failing_run_is_shrunk_to_a_shortest_run_of_a_small_instance() {
    let subject = example::http(Scheduler::Direct).with_updates(&[example::nio()]).expect("planned");
    let failure = failing(&subject, &Options::default(), 0..200).expect("direct promises nothing");
    let shrunk = shrink(&subject, &failure, None, SMALL);
    assert!(shrunk.dropped.is_empty(), "each operator of the server makes another type of packet");
    assert!(shrunk.shortest && shrunk.choices.len() < failure.choices.len());
    assert_eq!(shrunk.breach.property, failure.breach.expect("failed").property);
    let (length, breach) = first_breach(&shrunk.instance, &shrunk.choices).expect("fails again");
    assert_eq!((length, breach), (shrunk.choices.len(), shrunk.breach));
}

#[test]
fn without_budget_the_failing_run_is_made_small_all_the_same() {
    let subject = example::http(Scheduler::Epoch);
    let failure = failing(&subject, &with("silent-exit"), 0..50).expect("never answered");
    let shrunk = shrink(&subject, &failure, with("silent-exit").fault, Budget { states_max: 1, time_max: None });
    assert!(!shrunk.shortest && shrunk.choices.len() < failure.choices.len());
    let fails_again = first_breach(&shrunk.instance, &shrunk.choices);
    assert_eq!(fails_again, Some((shrunk.choices.len(), shrunk.breach)));
}

#[test]
fn no_run_comes_near_its_bound_of_steps_but_the_bound_is_not_out_of_sight() {
    let subject = example::http(Scheduler::Epoch);
    for seed in 0..100 {
        let outcome = simulate(&subject, seed, &Options::default());
        let instance = outcome.swarm.instance(None);
        let bound = steps_max(&instance);
        assert!(outcome.counts.steps * 2 <= bound, "seed {seed}: {} of {bound}", outcome.counts.steps);
        // Where arcs move, the bounds of the shapes multiply, and the bound is generous.
        let moves = instance.update_ids().any(|u| !instance.update(u).moves.is_empty());
        assert!(moves || bound < 2000, "seed {seed}: {bound}");
    }
}

#[test]
fn a_run_without_end_is_found_out() {
    let subject = example::endless();
    let mut breaches = (0..50).filter_map(|seed| simulate(&subject, seed, &Options::default()).breach);
    let found = breaches.find(|breach| breach.story.contains("still goes on")).expect("found");
    assert_eq!(found.property, "L3", "a packet that goes round is never answered");
    assert!(
        found.story.contains("steps, more than a run can take, it still goes on; something waits behind"),
        "{found:?}"
    );
}

#[test]
fn a_configuration_is_told_in_full() {
    let subject = example::http(Scheduler::Epoch).with_updates(&[example::nio()]).expect("planned");
    let outcome = simulate(&subject, 17, &Options::default());
    let words = ["http.fbp", "--scheduler epoch"].map(str::to_owned);
    let mark = outcome.swarm.mark();
    assert_eq!(outcome.command(&words), format!("neurath sim http.fbp --scheduler epoch --seeds 17 --drawn {mark}"));
    assert_ne!(simulate(&subject, 18, &Options::default()).swarm.mark(), mark);
    insta::assert_snapshot!(outcome.swarm);
}

/// Steps between two that are changed by plain messages have no part in what goes wrong, nor have other updates.
#[test]
fn a_failing_run_loses_operators_and_updates_that_have_no_part_in_it() {
    let changes: [&[_]; 2] = [&[("x2", "step@2")], &[("x1", "step@2"), ("x4", "step@2")]];
    let update = |(name, changes): (&str, &[(&str, &str)])| {
        update::parse(name, &crate::scenario::replacing(name, changes)).expect("an update").0
    };
    let flow = crate::scenario::chain(5).flow().clone();
    let subject = example::of(flow, &crate::scenario::library(), Scheduler::Direct);
    let subject = subject.with_updates(&[("u1", changes[0]), ("u2", changes[1])].map(update)).expect("planned");
    let failure = failing(&subject, &Options::default(), 0..500).expect("direct promises nothing");
    for states_max in [1, SMALL.states_max] {
        let shrunk = shrink(&subject, &failure, None, Budget { states_max, time_max: None });
        assert_eq!(shrunk.breach.property, "S4");
        assert_eq!((shrunk.dropped.len(), shrunk.updates.len(), shrunk.instance.bounds.packets), (3, 1, 1));
        assert!(shrunk.switches() <= 5 && shrunk.choices.len() <= 6, "{:?}", shrunk.choices);
        assert_eq!(first_breach(&shrunk.instance, &shrunk.choices), Some((shrunk.choices.len(), shrunk.breach)));
    }
}

/// Whatever fails, in whatever flow: the shrunk run fails alike, is a run, and is not larger.
#[test]
fn what_fails_in_flows_drawn_at_random_fails_alike_when_shrunk() {
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let library = neurath_model::spec::components::parse("library", &crate::scenario::library()).expect("readable").0;
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let shrunk_some = std::cell::Cell::new(0);
    let drawn = (crate::strategies::flow(&library), 0..Fault::ALL.len(), 0..1000_u64);
    let checked = runner.run(&drawn, |(graph, fault, seed)| {
        let options = with(Fault::ALL[fault].0);
        let subject = Subject::new(graph, &library, None);
        let Some(failure) = failing(&subject, &options, seed..seed + 30) else { return Ok(()) };
        let shrunk = shrink(&subject, &failure, options.fault, Budget { states_max: 3_000, time_max: None });
        let property = failure.breach.as_ref().map(|breach| breach.property);
        proptest::prop_assert_eq!(Some(shrunk.breach.property), property);
        proptest::prop_assert!(replay(&shrunk.instance, &shrunk.choices).is_ok());
        let again = first_breach(&shrunk.instance, &shrunk.choices);
        proptest::prop_assert_eq!(again, Some((shrunk.choices.len(), shrunk.breach)));
        proptest::prop_assert!(shrunk.choices.len() <= failure.choices.len());
        proptest::prop_assert!(shrunk.graph.len() <= subject.graph.len());
        proptest::prop_assert!(shrunk.instance.bounds.packets <= failure.swarm.bounds.packets);
        shrunk_some.set(shrunk_some.get() + 1);
        Ok(())
    });
    checked.expect("shrunk");
    assert!(shrunk_some.get() > 20, "{} failed at all", shrunk_some.get());
}

#[test]
fn whatever_a_seed_draws_is_drawn_by_some_and_breaks_nothing() {
    let (mut stepping, mut schedulers) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for subject in [example::http(None), example::diamond(None)] {
        let summary = simulate_many(&subject.clone().into(), 0..400, &Options::default(), |_| {});
        assert_eq!(summary.failure.map(|failed| (failed.seed, failed.breach)), None);
        assert!(summary.crashed.iter().all(|runs| *runs > 5) && summary.disturbed > 100, "{:?}", summary.crashed);
        for seed in 0..100 {
            let swarm = Swarm::draw(&subject, seed);
            stepping.insert(match swarm.regime.stepping {
                Stepping::Weighted => "weighted",
                Stepping::Priorities { .. } => "priorities",
                Stepping::LongestQueue => "longest queue",
                Stepping::Starving(_) => "starving",
            });
            schedulers.extend(swarm.plans().iter().map(|plan| plan.scheduler));
        }
    }
    assert_eq!(stepping.len(), 4);
    assert_eq!(schedulers.len(), 4, "all that promise something");
}
