//! Runs that once went wrong, each with its story, as flows of numbers on real threads.

use crate::numbers::{MODES, Numbers, all_in_order, applied, moved, update};
use crate::support::until;
use crate::written::Written;
use neurath_runtime::engine::{Options, Placement};
use std::sync::atomic::Ordering;

/// Trophy. `count` asks for another wake in every wake. Wakes once came before ports, so neither a marker nor the end of
/// its entrance arc was ever read: updates were never answered (L1) and the flow never ended. Found by the first run of the tests of
/// threads; wakes and ports now take turns.
#[test]
fn a_source_that_never_rests_hears_the_end_and_after_it_nothing_is_accepted() {
    let numbers = Numbers::default();
    let running = numbers.run("count(count) -> a(tag) -> sink(collect)", Options::default());
    running.stop().expect("it ends in order");
    let (change, map) = update("tag@2", "on", &["a"]);
    assert!(running.submit(&change, &map).is_err());
}

/// Trophy. An operator that blocks had its turn for up to 64 packets as any other, and what it let go was told when the turn was over: of
/// thirty-two clients of a blocking server that asked for 30 MB each, none got a byte before 2.4 s. Found by someone who tried to
/// break the batches, which were not the cause. Its turn is one firing now; the first client waits 7 ms, and the last 0.22 s.
#[test]
fn what_an_operator_that_blocks_lets_go_of_goes_at_once() {
    for placement in [Placement::Fused, Placement::ThreadEach] {
        let numbers = Numbers::default();
        let options = Options { placement, ..Options::default() };
        let running = numbers.run("count(count) -> a(waits) -> sink(collect)", options);
        assert!(until(|| numbers.count() > 200 || running.failure().is_some()), "{placement}");
        running.stop().expect("it ends in order");
    }
}

/// Trophy. Since what a source emits goes onto the arc at once, the room that its function is told of was looked for anew with every question;
/// a reader on another thread that keeps up made some all the time, and one that asks "while there is room" never came back from its wake,
/// with markers waiting behind it. Found by reading; room that a function is told of only falls within a call now.
#[test]
fn a_wake_ends_even_if_its_reader_keeps_up() {
    let numbers = Numbers::default();
    let options = Options { capacity: 16, placement: Placement::ThreadEach, ..Options::default() };
    let running = numbers.run("pour(pour) -> a(tag) -> sink(collect)", options);
    applied(&running, update("tag@2", "on", &["a"]));
    assert!(until(|| numbers.count() > 50_000));
    running.stop().expect("it ends in order");
    assert!(all_in_order(&numbers.take()));
    assert_eq!(numbers.at_once.load(Ordering::Relaxed), 16);
}

/// Trophy. A turn that ended where an output was full left behind it what had come to wait for another output, which had room: it went out
/// only when the full one had some, too, and here that would be never. Found by a test written against this change before it was
/// a day old; what waits is moved as far as it goes at the end of every turn.
#[test]
fn one_full_arc_does_not_hold_up_another() {
    for (placement, _, is_traced) in MODES {
        let numbers = Numbers::beginning_with(2);
        // Where one thread runs all, the function that waits would wait for itself.
        let placement = if placement == Placement::OneThread { Placement::Fused } else { placement };
        let trace = is_traced.then(|| Written::default().writer());
        let options = Options { capacity: 1, placement, trace, gate: None };
        let running = numbers.run("begin(begin) -> fork(fork) A -> awaits(awaits)\nfork B -> sink(collect)", options);
        assert!(until(|| numbers.count() == 2), "{placement}");
        running.stop().expect("it ends in order");
    }
}

/// Trophy. Where a marker stood at one port, packets at the next were fired on first: from a feedback arc more came round than one turn takes, so
/// it was never empty, no marker comes over it, and the update was never applied. Found by a test written to find such a thing;
/// what stands at a port is read in the port's turn, whatever it is.
#[test]
fn packets_that_go_round_do_not_keep_a_marker_waiting() {
    let flow = "begin(begin) -> a(fork) B -> sink(collect)\na A -> IN round(round) -> b(turn) -> BACK round";
    for placement in [Placement::OneThread, Placement::ThreadEach, Placement::Fused] {
        let numbers = Numbers::beginning_with(400);
        let running = numbers.run(flow, Options { placement, ..Options::default() });
        assert!(until(|| numbers.count() == 400), "{placement}");
        for k in 0..3 {
            let (change, map) = moved(&["a", "b"], &format!("place-{k}"), None);
            let ticket = running.submit(&change, &map).expect("accepted");
            assert!(until(|| running.status().in_flight.is_empty()), "{placement}: {:?}", running.status());
            ticket.wait().expect("answered");
        }
        running.stop().expect("it ends in order");
    }
}

/// Trophy. A source that heeds the room there is and asks for another wake was woken over and over while there was none: it kept a core busy for
/// as long as others were slow. Found by a profile of `bench scale`, most of which it was; such a wake comes when there is room.
#[test]
fn a_source_that_has_no_room_is_not_woken() {
    for placement in [Placement::Fused, Placement::ThreadEach] {
        let numbers = Numbers::default();
        let options = Options { placement, capacity: 4, ..Options::default() };
        let running = numbers.run("count(count) -> a(tag) -> sink(dawdle)", options);
        assert!(until(|| numbers.count() > 20), "{placement}");
        running.stop().expect("it ends in order");
        assert!(all_in_order(&numbers.take()));
        assert_eq!(numbers.in_vain.load(Ordering::Relaxed), 0, "{placement}");
    }
}
