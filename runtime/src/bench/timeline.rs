//! What a change does to those who are served: the second around it beside the time before it, in which nothing was changed.
//!
//! ```text
//!   req/s  ▇▇▆▇▇▇▆▇▇▇▇▆▇▇▇▇▇▃▇▇▇▇▇▇
//!          [--- control ---]  | [---
//!             floor: 5% below the least of its windows
//!                         [---+---]   the second around: p99 to that of the control, and no window below the floor
//! ```
//!
//! A window is 100 ms. The least window of the control phase is what this machine does by itself; only what is lower still is laid
//! on the change. The longer the control phase is, the lower its least window: a short one judges harder.

use crate::bench::cpu::median;
use crate::load::Sample;
use crate::load::stats::{Bucket, Summary, Window, Windows, timeline};

/// The length of a window.
pub(super) const WINDOW_US: u64 = 100_000;
/// How far around a change is looked.
const HALF_US: u64 = 500_000;
/// How far below the least window of the control phase is too far.
const BELOW: f64 = 0.95;
/// The highest p99 around a change, as a ratio to that of the control phase, that is on target.
pub(super) const P99_TARGET: f64 = 1.1;

/// What a change did.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Effect {
    /// Latencies of the control phase.
    pub(super) control: Summary,
    /// Of the requests due in the second around the change.
    pub(super) around: Summary,
    /// The highest p99 of any second of the control phase, in microseconds: what one second may show without a change.
    pub(super) worst_second_us: u64,
    /// Requests per second in the least window of the control phase.
    pub(super) control_least: f64,
    /// The same around the change.
    pub(super) least: f64,
    /// Windows around the change that are below the floor.
    pub(super) below: usize,
    /// Requests per second in the median window of the control phase.
    pub(super) before: f64,
    /// The same after the change.
    pub(super) after: f64,
}

impl Effect {
    /// Of a change at `at_us`, to what was measured in `control` before it and in `after` it.
    pub(super) fn of(samples: &[Sample], at_us: u64, control: Window, after: Window) -> Self {
        let windows = timeline(samples, WINDOW_US);
        let before = rates(&windows, control);
        let around = rates(&windows, second(at_us));
        let control_least = least(&before);
        Self {
            control: Windows::from(control).summary(samples),
            around: Windows::from(second(at_us)).summary(samples),
            worst_second_us: worst_second(samples, control),
            control_least,
            least: least(&around),
            below: around.iter().filter(|rate| **rate < control_least * BELOW).count(),
            before: median(before),
            after: median(rates(&windows, after)),
        }
    }

    /// The p99 around the change to that of the control phase.
    pub(super) fn p99_ratio(&self) -> f64 {
        self.around.p99_us as f64 / self.control.p99_us as f64
    }

    /// The same of the worst second without a change.
    pub(super) fn noise_ratio(&self) -> f64 {
        self.worst_second_us as f64 / self.control.p99_us as f64
    }
}

/// The control phase of a change at `at_us`, since `from_us`: it ends before the second around the change begins.
pub(super) fn control(from_us: u64, at_us: u64) -> Window {
    Window { from_us, to_us: at_us.saturating_sub(HALF_US).max(from_us) }
}

/// What comes after the second around a change at `at_us`.
pub(super) fn after(at_us: u64, to_us: u64) -> Window {
    Window { from_us: at_us + HALF_US, to_us: to_us.max(at_us + HALF_US) }
}

fn second(at_us: u64) -> Window {
    Window { from_us: at_us.saturating_sub(HALF_US), to_us: at_us + HALF_US }
}

/// The longest time within `within` in which no request was answered as it should be, in microseconds.
pub(super) fn longest_gap(samples: &[Sample], within: Window) -> u64 {
    let is_within = |at: &u64| (within.from_us..within.to_us).contains(at);
    let mut ends: Vec<u64> = samples.iter().filter(|s| s.ok).map(Sample::end_us).filter(is_within).collect();
    ends.extend([within.from_us, within.to_us]);
    ends.sort_unstable();
    ends.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}

/// Requests per second in the windows that lie in `within`; the ones at its ends that it has only in part count as well, so that
/// nothing around a change is left out.
fn rates(windows: &[Bucket], within: Window) -> Vec<f64> {
    let first = within.from_us / WINDOW_US;
    let end = within.to_us.div_ceil(WINDOW_US);
    let ended = |number: u64| windows.get(number as usize).map_or(0, |window| window.ended);
    (first..end).map(|number| ended(number) as f64 * 1e6 / WINDOW_US as f64).collect()
}

fn least(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(f64::INFINITY, f64::min)
}

fn worst_second(samples: &[Sample], control: Window) -> u64 {
    let seconds = (control.from_us..control.to_us).step_by(2 * HALF_US as usize);
    let whole =
        seconds.map(|from_us| Window { from_us, to_us: from_us + 2 * HALF_US }).filter(|w| w.to_us <= control.to_us);
    whole.map(|window| Windows::from(window).summary(samples).p99_us).max().unwrap_or(0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Ten seconds of a request each millisecond, answered after one; what is due from `from_us` to `to_us` is answered at its end.
    pub(in crate::bench) fn held_up(from_us: u64, to_us: u64) -> Vec<Sample> {
        let held = |at_us: u64| if (from_us..to_us).contains(&at_us) { to_us - at_us } else { 1000 };
        (0..10_000).map(|n| n * 1000).map(|at_us| Sample { at_us, latency_us: held(at_us) as u32, ok: true }).collect()
    }

    fn effect(samples: &[Sample]) -> Effect {
        const AT: u64 = 6_000_000;
        Effect::of(samples, AT, control(1_000_000, AT), after(AT, 9_900_000))
    }

    #[test]
    fn where_nothing_happens_nothing_is_found() {
        let effect = effect(&held_up(0, 0));
        assert_eq!((effect.below, effect.p99_ratio(), effect.noise_ratio()), (0, 1.0, 1.0));
        assert_eq!((effect.control_least, effect.least, effect.before, effect.after), (1000.0, 1000.0, 1000.0, 1000.0));
    }

    #[test]
    fn a_dip_around_the_change_is_found() {
        let effect = effect(&held_up(6_000_000, 6_250_000));
        assert_eq!((effect.below, effect.least), (2, 0.0), "two windows without an answer");
        assert!(effect.p99_ratio() > 200.0, "{effect:?}");
        // Six of a hundred are missing in one window; what was held up comes in the next.
        let small = super::tests::effect(&held_up(6_093_000, 6_100_000));
        assert_eq!((small.below, small.least), (1, 940.0));
        let smaller = super::tests::effect(&held_up(6_097_000, 6_100_000));
        assert_eq!((smaller.below, smaller.least), (0, 980.0));
    }

    #[test]
    fn a_dip_that_the_control_phase_has_too_is_not_laid_on_the_change() {
        let mut samples = held_up(6_000_000, 6_150_000);
        samples[2000..2200].iter_mut().for_each(|s| s.latency_us = 400_000);
        let effect = effect(&samples);
        assert_eq!((effect.below, effect.control_least), (0, 0.0));
        let mut samples = held_up(0, 0);
        samples[2000..2020].iter_mut().for_each(|s| s.latency_us = 400_000);
        assert!(super::tests::effect(&samples).noise_ratio() > 100.0, "one second of it was like that");
    }

    #[test]
    fn a_gap_is_the_time_without_a_good_answer() {
        let whole = Window { from_us: 0, to_us: 10_000_000 };
        let mut samples = held_up(3_000_000, 3_500_000);
        assert_eq!(longest_gap(&samples, whole), 500_000);
        samples[7000..7800].iter_mut().for_each(|sample| sample.ok = false);
        assert_eq!(longest_gap(&samples, whole), 801_000, "a failure is no answer");
        assert_eq!(longest_gap(&[], whole), 10_000_000);
        samples.truncate(6000);
        assert_eq!(longest_gap(&samples, whole), 4_000_000, "nor is silence to the end");
    }
}
