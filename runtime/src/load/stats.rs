//! Percentiles of latency: inside and outside of windows around marks, and over time.
//!
//! ```text
//! marks          |         | |                 |
//! windows     [--+--]   [--+-+--]           [--+--]       half a second either side, merged where they meet
//! control                          [-----]                an interval without any mark
//! ```
//!
//! A sample belongs to the moment at which its request was due, not to the moment of its end: a request that came in
//! the middle of a switch and waited a second for it is the switch's.

use super::outcome::Sample;
use hdrhistogram::Histogram;
use serde::Serialize;

/// From one offset up to, but not including, another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Window {
    /// The first microsecond in it.
    pub from_us: u64,
    /// The first one after it.
    pub to_us: u64,
}

/// Disjoint windows in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Windows(Vec<Window>);

/// The latencies of some samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many samples.
    pub count: u64,
    /// Half of them took no longer.
    pub p50_us: u64,
    /// 99 of 100 took no longer.
    pub p99_us: u64,
    /// 999 of 1000 took no longer.
    pub p999_us: u64,
    /// None took longer.
    pub max_us: u64,
}

/// One step of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Where it begins.
    pub at_us: u64,
    /// The requests that were due in it.
    pub latency: Summary,
    /// How many requests, whenever due, ended in it.
    pub ended: u64,
}

impl Windows {
    /// These windows; what overlaps or touches becomes one, what is empty is left out.
    pub fn new(mut windows: Vec<Window>) -> Self {
        windows.retain(|window| window.from_us < window.to_us);
        windows.sort_unstable();
        let mut merged: Vec<Window> = Vec::with_capacity(windows.len());
        for window in windows {
            match merged.last_mut() {
                Some(last) if window.from_us <= last.to_us => last.to_us = last.to_us.max(window.to_us),
                Some(_) | None => merged.push(window),
            }
        }
        Self(merged)
    }

    /// `half_us` either side of every mark.
    pub fn around(marks_us: impl IntoIterator<Item = u64>, half_us: u64) -> Self {
        let window = |mark: u64| Window { from_us: mark.saturating_sub(half_us), to_us: mark.saturating_add(half_us) };
        Self::new(marks_us.into_iter().map(window).collect())
    }

    /// The windows, in order.
    pub fn windows(&self) -> &[Window] {
        &self.0
    }

    /// Whether a moment is in one of them.
    pub fn contains(&self, at_us: u64) -> bool {
        let after = self.0.partition_point(|window| window.from_us <= at_us);
        after > 0 && at_us < self.0[after - 1].to_us
    }

    /// The latencies of the requests that were due in one of them.
    pub fn summary(&self, samples: &[Sample]) -> Summary {
        Summary::of(samples.iter().filter(|sample| self.contains(sample.at_us)))
    }
}

impl From<Window> for Windows {
    fn from(window: Window) -> Self {
        Self::new(vec![window])
    }
}

impl Summary {
    /// Of these samples.
    pub fn of<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Self {
        let mut recorder = Recorder::new();
        samples.into_iter().for_each(|sample| recorder.record(sample));
        recorder.summary()
    }
}

/// The run in steps of `bucket_us`, from its start to its last event; empty without samples.
pub fn timeline(samples: &[Sample], bucket_us: u64) -> Vec<Bucket> {
    assert!(bucket_us > 0, "a timeline has steps");
    let index = |at_us: u64| (at_us / bucket_us) as usize;
    let Some(length) = samples.iter().map(|sample| index(sample.end_us()) + 1).max() else { return Vec::new() };
    let mut ended = vec![0; length];
    samples.iter().for_each(|sample| ended[index(sample.end_us())] += 1);
    let mut by_due: Vec<&Sample> = samples.iter().collect();
    by_due.sort_unstable_by_key(|sample| sample.at_us);
    let mut recorder = Recorder::new();
    let mut rest = by_due.as_slice();
    let bucket = |(number, ended)| {
        let (inside, after) = rest.split_at(rest.partition_point(|sample| index(sample.at_us) <= number));
        rest = after;
        recorder.reset();
        inside.iter().for_each(|sample| recorder.record(sample));
        Bucket { at_us: number as u64 * bucket_us, latency: recorder.summary(), ended }
    };
    ended.into_iter().enumerate().map(bucket).collect()
}

/// A histogram of three significant digits, and the exact maximum.
struct Recorder {
    histogram: Histogram<u64>,
    max_us: u64,
}

impl Recorder {
    fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, u64::from(u32::MAX), 3).expect("these bounds are valid");
        Self { histogram, max_us: 0 }
    }

    fn reset(&mut self) {
        // Clearing costs as much as hundreds of records; most buckets of a timeline hold no more than that.
        if !self.histogram.is_empty() {
            self.histogram.reset();
        }
        self.max_us = 0;
    }

    fn record(&mut self, sample: &Sample) {
        let latency_us = u64::from(sample.latency_us);
        self.histogram.record(latency_us).expect("every u32 is within the bounds");
        self.max_us = self.max_us.max(latency_us);
    }

    fn summary(&self) -> Summary {
        if self.histogram.is_empty() {
            return Summary::default();
        }
        // The histogram gives the upper end of a value's cell, which must not exceed what was seen.
        let at = |quantile| self.histogram.value_at_quantile(quantile).min(self.max_us);
        Summary {
            count: self.histogram.len(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: self.max_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_us: u64, latency_us: u32) -> Sample {
        Sample { at_us, latency_us, ok: true }
    }

    fn window(from_us: u64, to_us: u64) -> Window {
        Window { from_us, to_us }
    }

    #[test]
    fn windows_that_meet_are_one() {
        let windows = Windows::around([1000, 120, 1100, 150, 3000], 50);
        assert_eq!(windows.windows(), [window(70, 200), window(950, 1150), window(2950, 3050)]);
        assert_eq!(Windows::around([10], 50).windows(), [window(0, 60)]);
        assert!(Windows::new(vec![window(5, 5)]).windows().is_empty());
    }

    #[test]
    fn a_window_has_its_first_moment_and_not_its_last() {
        let windows = Windows::around([1000, 3000], 50);
        let inside: Vec<u64> = (0..4000).filter(|at| windows.contains(*at)).collect();
        let expected: Vec<u64> = (950..1050).chain(2950..3050).collect();
        assert_eq!(inside, expected);
        assert!(!Windows::default().contains(0));
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_samples_within_a_thousandth() {
        let samples: Vec<Sample> = (1..=100_000).rev().map(|n| sample(u64::from(n), n * 7)).collect();
        let summary = Summary::of(&samples);
        let near = |got: u64, exact: u64| got.abs_diff(exact) <= exact / 1000;
        assert_eq!((summary.count, summary.max_us), (100_000, 700_000));
        assert!(near(summary.p50_us, 350_000) && near(summary.p99_us, 693_000), "{summary:?}");
        assert!(near(summary.p999_us, 699_300), "{summary:?}");
        assert_eq!(Summary::of(&[sample(0, 1_234_567)]).p50_us, 1_234_567);
        assert_eq!(Summary::of(&[]), Summary::default());
        assert_eq!(Summary::of(&[sample(0, u32::MAX)]).max_us, u64::from(u32::MAX));
    }

    #[test]
    fn a_summary_takes_only_what_was_due_in_its_windows() {
        let samples = [sample(10, 5), sample(100, 500), sample(149, 700), sample(150, 9)];
        let summary = Windows::from(window(100, 150)).summary(&samples);
        assert_eq!((summary.count, summary.max_us), (2, 700));
    }

    #[test]
    fn a_timeline_shows_latency_when_due_and_throughput_when_done() {
        let samples = [sample(350, 10), sample(0, 20), sample(50, 250), sample(99, 1)];
        let buckets = timeline(&samples, 100);
        let shown: Vec<_> = buckets.iter().map(|b| (b.at_us, b.latency.count, b.latency.max_us, b.ended)).collect();
        assert_eq!(shown, [(0, 3, 250, 1), (100, 0, 0, 1), (200, 0, 0, 0), (300, 1, 10, 2)]);
        assert!(timeline(&[], 100).is_empty());
    }
}
