//! What a piece of work costs this process.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// CPU time that all threads of this process have spent.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Does some work; what came of it, and the CPU time that it took, in seconds.
pub(super) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = spent();
    let made = work();
    (made, (spent() - before).as_secs_f64())
}

/// The middle one of some times.
pub(super) fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time() {
        let (sum, seconds) = timed(|| (0..3_000_000_u64).map(std::hint::black_box).sum::<u64>());
        assert!(sum > 0 && seconds > 0.0);
    }

    #[test]
    fn the_middle_one_is_the_median() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).is_nan());
    }
}
