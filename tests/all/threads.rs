//! Flows of other shapes on real threads: fork and merge, fork and join, arcs that hold one packet, functions that fail.

use crate::numbers::{MODES, Mode, Number, Numbers, all_in_order, applied, moved, update, verified};
use crate::support::until;
use crate::written::Written;
use neurath_model::diagnostic::SourceMap;
use neurath_model::update::Update;
use neurath_runtime::engine::Options;
use std::collections::BTreeSet;

/// Runs a flow, updates its taggers six times while numbers pass, ends it; what the sink saw.
fn updated_under_load(flow: &str, taggers: &[&str], mode: Mode) -> Vec<Number> {
    changed_under_load(flow, mode, |k| {
        if k % 2 == 0 { update("tag@2", "on", taggers) } else { update("tag@1", "back", taggers) }
    })
}

fn changed_under_load(
    flow: &str,
    (placement, capacity, is_traced): Mode,
    change: impl Fn(usize) -> (Update, SourceMap),
) -> Vec<Number> {
    let (numbers, trace) = (Numbers::default(), Written::default());
    let options = Options { capacity, placement, trace: is_traced.then(|| trace.writer()), gate: None };
    let running = numbers.run(flow, options);
    for k in 0..6 {
        let so_far = numbers.count();
        while numbers.count() < so_far + 30 {
            std::thread::yield_now();
        }
        applied(&running, change(k));
    }
    running.stop().expect("it ends in order");
    if is_traced {
        verified(&trace);
    }
    numbers.take()
}

fn never_mixed(numbers: &[Number]) {
    for number in numbers {
        assert!(number.tags.windows(2).all(|w| w[0] == w[1]), "{} was tagged by {:?}", number.value, number.tags);
    }
    let versions: BTreeSet<_> = numbers.iter().map(|n| n.tags[0]).collect();
    assert!(versions.len() > 3, "updates took effect while numbers passed: {versions:?}");
}

#[test]
fn on_a_chain_each_number_meets_one_version_in_order() {
    let flow = "count(count) -> a(tag) -> b(tag) -> c(tag) -> sink(collect)";
    for mode in MODES {
        let numbers = updated_under_load(flow, &["a", "b", "c"], mode);
        assert!(all_in_order(&numbers));
        never_mixed(&numbers);
    }
}

/// Each update gives two operators another place, and another version with it or not; `b` is also moved by itself, from the thread of
/// `a` to one of its own.
#[test]
fn operators_move_from_thread_to_thread_with_what_they_hold() {
    let flow = "count(count) -> a(tag) -> b(tag) -> c(tag) -> sink(collect)";
    let to = |k: usize| {
        let place = ["left", "right", ""][k % 3];
        match k {
            0 => moved(&["b"], place, None),
            _ if k % 2 == 1 => moved(&["a", "c"], place, Some(("tag@2", "on"))),
            _ => moved(&["a", "c"], place, Some(("tag@1", "back"))),
        }
    };
    for mode in MODES {
        let numbers = changed_under_load(flow, mode, to);
        assert!(all_in_order(&numbers), "{mode:?}");
        for number in &numbers {
            assert_eq!(number.tags[0], number.tags[2], "{} was tagged by {:?}", number.value, number.tags);
        }
    }
}

/// An operator that blocks has a thread of its own where others share one, and loses it when it blocks no more.
#[test]
fn what_blocks_has_a_thread_of_its_own_until_it_is_changed() {
    let numbers = Numbers::default();
    let running = numbers.run("count(count) -> a(tag:version=slow) -> b(tag) -> sink(collect)", Options::default());
    assert_eq!(running.status().threads, 2);
    applied(&running, update("tag@2", "on", &["a"]));
    while running.status().threads > 1 {
        std::thread::yield_now();
    }
    applied(&running, moved(&["a", "sink"], "aside", None));
    assert_eq!(running.status().threads, 2);
    running.stop().expect("it ends in order");
    assert!(all_in_order(&numbers.take()));
}

/// A thread with a name is there as long as an operator is, or one is to come.
#[test]
fn a_place_that_nobody_is_at_any_more_is_given_up() {
    let numbers = Numbers::default();
    let running = numbers.run("count(count) -> a(tag) -> b(tag) -> sink(collect)", Options::default());
    for k in 0..20 {
        applied(&running, moved(&["a"], &format!("place-{k}"), None));
    }
    assert!(until(|| running.status().threads == 2), "{:?}", running.status());
    let (change, map) = moved(&["a"], "", None);
    drop(running.prepare(&moved(&["b"], "never", None).0, &map, None).expect("it could be committed"));
    running.submit(&change, &map).expect("accepted").wait().expect("answered");
    assert!(until(|| running.status().threads == 1), "{:?}", running.status());
    running.stop().expect("it ends in order");
}

#[test]
fn where_branches_join_each_number_meets_one_version_on_both() {
    let flow =
        "count(count) -> fork(fork) A -> a(tag) -> A join(join) -> z(tag) -> sink(collect)\nfork B -> b(tag) -> B join";
    for mode in MODES {
        let numbers = updated_under_load(flow, &["a", "b", "z"], mode);
        assert!(all_in_order(&numbers));
        never_mixed(&numbers);
    }
}

#[test]
fn where_branches_merge_nothing_is_lost_or_doubled() {
    let flow = "count(count) -> fork(fork) A -> a(tag) -> A merge(merge) -> sink(collect)\nfork B -> b(tag) -> B merge";
    for mode in MODES {
        let mut numbers = updated_under_load(flow, &["a", "b"], mode);
        numbers.sort_by_key(|n| (n.value, n.tags.clone()));
        assert!(numbers.iter().enumerate().all(|(i, n)| n.value == i as u64 / 2), "each twice");
        never_mixed(&numbers);
        let both: Vec<_> = numbers.chunks(2).map(|pair| (&pair[0].tags, &pair[1].tags)).collect();
        assert!(both.iter().all(|(a, b)| a == b), "both copies of a number met the same version");
    }
}

#[test]
fn a_function_that_panics_ends_the_flow_with_a_reason_and_no_thread_hangs() {
    let numbers = Numbers::default();
    let running = numbers.run("count(count) -> a(tag) -> bad(explode) -> sink(collect)", Options::default());
    while running.failure().is_none() {
        std::thread::yield_now();
    }
    let (change, map) = update("tag@2", "on", &["a"]);
    assert!(running.submit(&change, &map).is_err(), "nothing is accepted any more");
    let refused = running.stop().expect_err("it did not end in order");
    assert!(refused.to_string().contains("as told"), "{refused}");
}
