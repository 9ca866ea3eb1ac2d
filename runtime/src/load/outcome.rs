//! What became of the requests: counts, one sample per request, and the judgement of a response.

use super::corpus::File;
use super::reply::Finished;
use super::schedule::Method;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How one request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Status,
    Malformed,
    TimedOut,
    Reset,
    WrongLength,
    WrongBody,
}

/// What was counted. Every request that was sent ends in exactly one of `ok` to `wrong_body`; the rest is about
/// connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests sent.
    pub requests: u64,
    /// Answered with status 200 and exactly the bytes of the file.
    pub ok: u64,
    /// Answered with another status.
    pub status: u64,
    /// Answered with something that is not a response as this client reads it.
    pub malformed: u64,
    /// Not answered in time, or not by the end of the run.
    pub timed_out: u64,
    /// Connection reset or ended while the request was under way.
    pub reset: u64,
    /// Status 200 with another length than the file's.
    pub wrong_length: u64,
    /// Status 200 with the right number of wrong bytes.
    pub wrong_body: u64,
    /// Scheduled, but never sent: its connection was not free again before the run ended.
    pub unsent: u64,
    /// Kept-alive connections that the server ended between two requests, or announced to end.
    pub closed: u64,
    /// Connections given up since bytes came on them that no request asked for.
    pub stray: u64,
    /// Attempts to open a connection again that failed.
    pub refused: u64,
}

impl Counts {
    /// Requests that failed outright: another status, not a response, no response in time, or never sent.
    pub fn failed(&self) -> u64 {
        self.status + self.malformed + self.timed_out + self.unsent
    }

    /// Whether nothing went wrong: each request got its file, each connection was kept.
    pub fn clean(&self) -> bool {
        self.ok == self.requests && self.unsent + self.closed + self.stray + self.refused == 0
    }

    /// Requests whose end is known.
    pub(super) fn ended(&self) -> u64 {
        let failed = self.status + self.malformed + self.timed_out + self.reset;
        self.ok + failed + self.wrong_length + self.wrong_body
    }

    /// What was counted in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            ok: self.ok + other.ok,
            status: self.status + other.status,
            malformed: self.malformed + other.malformed,
            timed_out: self.timed_out + other.timed_out,
            reset: self.reset + other.reset,
            wrong_length: self.wrong_length + other.wrong_length,
            wrong_body: self.wrong_body + other.wrong_body,
            unsent: self.unsent + other.unsent,
            closed: self.closed + other.closed,
            stray: self.stray + other.stray,
            refused: self.refused + other.refused,
        }
    }

    fn note(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Ok => &mut self.ok,
            Verdict::Status => &mut self.status,
            Verdict::Malformed => &mut self.malformed,
            Verdict::TimedOut => &mut self.timed_out,
            Verdict::Reset => &mut self.reset,
            Verdict::WrongLength => &mut self.wrong_length,
            Verdict::WrongBody => &mut self.wrong_body,
        } += 1;
    }
}

/// One request: when it was due, and how long after that its end was known, however it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Scheduled arrival, since the start of the run.
    pub at_us: u64,
    /// From the scheduled arrival to the last byte of the response (or to the failure).
    pub latency_us: u32,
    /// Whether it was answered as it should be.
    pub ok: bool,
}

impl Sample {
    /// When its end was known, since the start of the run.
    pub fn end_us(&self) -> u64 {
        self.at_us + u64::from(self.latency_us)
    }
}

/// What a finished run gives.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When arrival 0 was due; relates samples to events of others.
    pub start: Instant,
    /// From the start until the client was done.
    pub length: Duration,
    /// What was counted.
    pub counts: Counts,
    /// One per scheduled request, in the order in which they ended. What was never answered or sent has the latency
    /// it had reached at the end, so that leaving it out cannot flatter the server.
    pub samples: Vec<Sample>,
    /// Processor time of the client's thread, where the system tells it.
    pub busy: Option<Duration>,
}

impl Outcome {
    /// A moment as an offset in this run, as samples have it; 0 for what came before the start.
    pub fn offset_us(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX)
    }
}

/// What the client's thread writes down while it runs. Times are since the start.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) counts: Counts,
    pub(super) samples: Vec<Sample>,
}

impl Ledger {
    pub(super) fn new(expected: usize) -> Self {
        Self { counts: Counts::default(), samples: Vec::with_capacity(expected) }
    }

    /// A request that was sent has ended.
    pub(super) fn ended(&mut self, due: Duration, now: Duration, verdict: Verdict) {
        self.counts.note(verdict);
        self.sample(due, now, verdict == Verdict::Ok);
        debug_assert!(self.counts.ended() <= self.counts.requests, "no request ends twice");
    }

    /// The run is over and this request was never sent.
    pub(super) fn unsent(&mut self, due: Duration, now: Duration) {
        self.counts.unsent += 1;
        self.sample(due, now, false);
    }

    fn sample(&mut self, due: Duration, now: Duration, ok: bool) {
        let latency_us = u32::try_from(now.saturating_sub(due).as_micros()).unwrap_or(u32::MAX);
        self.samples.push(Sample { at_us: due.as_micros() as u64, latency_us, ok });
    }

    pub(super) fn close(self, start: Instant, length: Duration, busy: Option<Duration>) -> Outcome {
        assert_eq!(self.counts.ended(), self.counts.requests, "each request that was sent has one end");
        Outcome { start, length, counts: self.counts, samples: self.samples, busy }
    }
}

/// Whether a response is what the corpus says it must be.
pub(super) fn judge(response: &Finished, method: Method, file: &File) -> Verdict {
    if response.status != 200 {
        return Verdict::Status;
    }
    // A response to HEAD may leave the length out, but must not tell a wrong one (RFC 9110, 8.6).
    let length = response.length.unwrap_or(file.bytes);
    match method {
        _ if length != file.bytes => Verdict::WrongLength,
        Method::Get if response.hash.is_some_and(|hash| hash != file.hash) => Verdict::WrongBody,
        Method::Get | Method::Head => Verdict::Ok,
    }
}
