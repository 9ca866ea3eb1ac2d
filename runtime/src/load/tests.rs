//! The client against servers that behave, and that misbehave in one way each.
//!
//! A run of `length` at a rate has a fixed number of arrivals, and ends when all are answered: the counts are exact
//! however slow the machine is. The grace time only bounds a run that would otherwise hang.

mod server;

use super::schedule::Schedule;
use super::{Corpus, Counts, Load, Outcome};
use server::{Answer, Server};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const ARRIVALS: u64 = 100;

/// Kept until the end of a test, since the files go with it.
struct Files {
    corpus: Arc<Corpus>,
    _folder: TempDir,
}

fn files(bytes_each: usize) -> Files {
    let folder = tempfile::tempdir().unwrap();
    Files { corpus: Arc::new(Corpus::create(folder.path(), 20, bytes_each, 3).unwrap()), _folder: folder }
}

/// A run of [`ARRIVALS`] requests in a tenth of a second.
fn load(server: &Server, files: &Files, connections: usize) -> Load {
    Load {
        connections,
        rate_per_second: 1000,
        length: Some(Duration::from_millis(ARRIVALS)),
        grace: Duration::from_secs(60),
        response_timeout: Duration::from_secs(60),
        ..Load::new(server.address(), Arc::clone(&files.corpus))
    }
}

/// A run in which request `odd` gets `answer` and all others what they should.
fn run_with(odd: u64, answer: Answer) -> Outcome {
    let files = files(3000);
    let server = Server::start(&files.corpus, move |n| if n == odd { answer } else { Answer::Right });
    load(&server, &files, 4).start().unwrap().wait()
}

fn all_ok() -> Counts {
    Counts { requests: ARRIVALS, ok: ARRIVALS, ..Counts::default() }
}

fn one_not_ok() -> Counts {
    Counts { ok: ARRIVALS - 1, ..all_ok() }
}

#[test]
fn a_server_that_behaves_gives_a_clean_run_with_one_sample_per_arrival() {
    let files = files(50_000);
    let server = Server::start(&files.corpus, |_| Answer::Right);
    let load = Load { heads_per_thousand: 200, ..load(&server, &files, 7) };
    let running = load.start().unwrap();
    let outcome = running.wait();
    assert_eq!(outcome.counts, all_ok());
    assert!(outcome.counts.clean());
    let mut due: Vec<u64> = outcome.samples.iter().map(|sample| sample.at_us).collect();
    due.sort_unstable();
    assert!(due.into_iter().eq((0..ARRIVALS).map(|n| n * 1000)));
}

#[test]
fn without_a_pause_each_connection_asks_as_soon_as_it_is_answered() {
    let files = files(50_000);
    let server = Server::start(&files.corpus, |_| Answer::Right);
    // By the schedule a run of this rate would have a single request.
    let load = Load { without_pause: true, rate_per_second: 1, ..load(&server, &files, 3) };
    let running = load.start().unwrap();
    while running.progress().ok() < 500 {
        std::thread::yield_now();
    }
    let outcome = running.stop();
    assert!(outcome.counts.clean() && outcome.counts.requests >= 500, "{:?}", outcome.counts);
    assert_eq!(outcome.samples.len() as u64, outcome.counts.requests);
    assert!(outcome.samples.iter().all(|sample| sample.ok));
}

#[test]
fn without_a_pause_a_connection_that_was_cut_is_opened_again_and_goes_on() {
    let files = files(10);
    let server = Server::start(&files.corpus, |n| if n == 5 { Answer::Cut } else { Answer::Right });
    let running = Load { without_pause: true, ..load(&server, &files, 1) }.start().unwrap();
    while running.progress().ok() < 50 {
        std::thread::yield_now();
    }
    let outcome = running.stop();
    assert_eq!(outcome.counts.reset, 1);
    assert_eq!(outcome.samples.iter().filter(|sample| !sample.ok).count(), 1);
}

#[test]
fn responses_in_the_smallest_pieces_are_read() {
    let files = files(200);
    let server = Server::start(&files.corpus, |n| Answer::Pieces(1 + n as usize % 3));
    let load = Load { heads_per_thousand: 200, ..load(&server, &files, 4) };
    assert_eq!(load.start().unwrap().wait().counts, all_ok());
}

#[test]
fn one_bit_of_a_body_is_noticed() {
    assert_eq!(run_with(10, Answer::WrongByte).counts, Counts { wrong_body: 1, ..one_not_ok() });
}

#[test]
fn a_body_of_another_length_is_noticed() {
    assert_eq!(run_with(10, Answer::Short).counts, Counts { wrong_length: 1, ..one_not_ok() });
}

#[test]
fn another_status_is_a_failure_and_its_body_is_passed_over() {
    let counts = run_with(10, Answer::NotFound).counts;
    assert_eq!((counts, counts.failed()), (Counts { status: 1, ..one_not_ok() }, 1));
}

#[test]
fn what_is_not_a_response_is_a_failure() {
    let counts = run_with(10, Answer::Garbage).counts;
    assert_eq!((counts, counts.failed()), (Counts { malformed: 1, ..one_not_ok() }, 1));
}

#[test]
fn an_end_in_the_middle_of_a_body_is_a_reset() {
    let counts = run_with(10, Answer::Cut).counts;
    assert_eq!(counts, Counts { reset: 1, ..one_not_ok() });
    assert!(!counts.clean());
}

#[test]
fn an_announced_end_is_a_connection_closed_and_no_failure() {
    let counts = run_with(10, Answer::SaysClose).counts;
    assert_eq!(counts, Counts { closed: 1, ..all_ok() });
    assert!(!counts.clean());
}

#[test]
fn a_silent_end_is_a_connection_closed_or_a_reset_if_a_request_was_on_its_way() {
    let counts = run_with(10, Answer::Closes).counts;
    assert_eq!(counts.closed + counts.reset, 1, "{counts:?}");
    assert_eq!(counts.ok + counts.reset, ARRIVALS, "{counts:?}");
}

#[test]
fn bytes_that_nobody_asked_for_are_noticed() {
    assert_eq!(run_with(10, Answer::Stray).counts, Counts { stray: 1, ..all_ok() });
}

#[test]
fn requests_without_an_answer_time_out() {
    let files = files(10);
    let server = Server::start(&files.corpus, |_| Answer::Never);
    let limits =
        |load: Load| Load { response_timeout: Duration::from_millis(30), grace: Duration::from_millis(500), ..load };
    let counts = limits(load(&server, &files, 1)).start().unwrap().wait().counts;
    assert_eq!((counts.ok, counts.timed_out), (0, counts.requests), "{counts:?}");
    assert_eq!(counts.requests + counts.unsent, ARRIVALS, "{counts:?}");
    assert!(counts.requests > 1, "after a timeout the load goes on: {counts:?}");
}

#[test]
fn arrivals_that_wait_for_a_slow_response_are_measured_from_their_schedule() {
    let files = files(10);
    let server = Server::start(&files.corpus, |n| if n == 0 { Answer::Held } else { Answer::Right });
    let running = load(&server, &files, 1).start().unwrap();
    while running.progress().waiting() < ARRIVALS - 1 {
        std::thread::yield_now();
    }
    server.open_gate();
    let outcome = running.wait();
    assert_eq!(outcome.counts, all_ok());
    // One connection: samples are in the order of the arrivals. No response left before the last of them was due.
    let last_due = (ARRIVALS - 1) * 1000;
    for (due, sample) in (0..).step_by(1000).zip(&outcome.samples) {
        assert_eq!(sample.at_us, due);
        assert!(u64::from(sample.latency_us) >= last_due - due, "{sample:?}");
    }
}

#[test]
fn a_server_that_dies_is_counted_in_every_way() {
    let files = files(10);
    let server = Server::start(&files.corpus, |n| if n == 5 { Answer::Dies } else { Answer::Right });
    let load = Load { grace: Duration::from_millis(50), ..load(&server, &files, 1) };
    let outcome = load.start().unwrap().wait();
    let expected = Counts { requests: 6, ok: 5, reset: 1, unsent: ARRIVALS - 6, ..Counts::default() };
    assert!(outcome.counts.refused > 0);
    assert_eq!(Counts { refused: 0, ..outcome.counts }, expected);
    assert_eq!(outcome.samples.len() as u64, ARRIVALS, "what was never sent has a sample too");
}

#[test]
fn no_server_is_an_error_at_the_start() {
    let files = files(10);
    let server = Server::start(&files.corpus, |_| Answer::Right);
    server.stop();
    assert!(load(&server, &files, 1).start().is_err());
}

#[test]
fn a_run_without_an_end_goes_on_until_it_is_stopped() {
    let files = files(10);
    let server = Server::start(&files.corpus, |_| Answer::Right);
    let running = Load { length: None, ..load(&server, &files, 3) }.start().unwrap();
    while running.progress().ok() < 20 {
        std::thread::yield_now();
    }
    let outcome = running.stop();
    assert!(outcome.counts.clean() && outcome.counts.ok >= 20, "{:?}", outcome.counts);
    assert_eq!(outcome.samples.len() as u64, outcome.counts.ok);
}

#[test]
fn the_requests_are_those_of_the_schedule() {
    let files = files(10);
    let server = Server::start(&files.corpus, |_| Answer::Right);
    let load = load(&server, &files, 1);
    let schedule = Schedule {
        rate_per_second: 1000,
        connections: 1,
        files: 20,
        parts: 1,
        heads_per_thousand: 0,
        compare_one_in: 1,
        seed: load.seed,
    };
    load.start().unwrap().wait();
    let asked = server.asked();
    let expected: Vec<String> =
        (0..ARRIVALS).map(|n| format!("GET /{}", files.corpus.files()[schedule.arrival(n).file].path)).collect();
    assert_eq!(asked, expected);
}
