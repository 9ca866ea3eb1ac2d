//! Load for an HTTP server on this machine, and what became of every request.
//!
//! ```text
//!  schedule: arrival i is due at i / rate, on connection i mod C      (fixed before the run)
//!      |                                                              +-> Outcome: counts and one sample
//!      v                                                              |   (due, latency) per request
//!  connection free? --yes--> request ----> [ server ] ----> response -+
//!      | no                                                 hashed while it comes in, compared
//!      +--> waits here, and the clock that counts is its arrival's    with the corpus' hash
//! ```
//!
//! The load is *open*: a slow server does not slow the arrivals down. A client that sends its next request only when the
//! last response is in asks least when the server is worst, and so leaves out exactly the latencies one looks for
//! (coordinated omission). Here a request that has to wait for its connection is measured from its scheduled arrival.
//!
//! Every body is compared with what was written to disk, and every kept-alive connection that the server gives up is
//! counted: "no request failed" is only worth saying when failures would have been seen.
//!
//! One thread drives all connections, since the machine is usually the server's too. It speaks as much HTTP/1.1 as a
//! server of files needs: bodies with a `Content-Length`, no chunked coding (counted as malformed), no pipelining.

pub mod client;
mod connection;
pub mod corpus;
pub mod outcome;
mod reply;
pub mod schedule;
pub mod stats;

#[cfg(test)]
mod tests;

pub use client::{Load, Progress, Running, StopHandle};
pub use corpus::Corpus;
pub use outcome::{Counts, Outcome, Sample};

/// A well-mixed number for each `x` (the finaliser of SplitMix64): cheap, and the same on every machine.
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The step between the inputs of [`mix`] in a stream of them: odd and without pattern (2^64 over the golden ratio).
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A number below `bound` for each `x`.
pub(crate) fn pick(x: u64, bound: u64) -> u64 {
    ((u128::from(mix(x)) * u128::from(bound)) >> 64) as u64
}
