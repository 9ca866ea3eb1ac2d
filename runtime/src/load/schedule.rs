//! What is asked when: a pure function of the arrival's number, fixed before the run.
//!
//! ```text
//! rate 4/s, 3 connections      0 s          1 s          2 s
//! connection 0                 0        3        6        9
//! connection 1                    1        4        7        10
//! connection 2                       2        5        8
//! ```
//!
//! Arrivals are evenly spaced over all connections, so each connection has its own fixed times and starts staggered.
//! Nothing in here knows how the server does, which is the point of it.

use super::{STEP, mix, pick};
use std::time::Duration;

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The file.
    Get,
    /// Its headers only.
    Head,
}

impl Method {
    /// As it stands in the request line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// The arrivals of a run, without an end.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// Arrivals per second, all connections together.
    pub rate_per_second: u32,
    /// Over how many connections they are dealt.
    pub connections: usize,
    /// How many files there are to ask for.
    pub files: usize,
    /// Into how many equal parts, one behind the other, the files are divided: each connection asks for those of one part, in turn.
    pub parts: usize,
    /// How many of 1000 requests are HEAD.
    pub heads_per_thousand: u32,
    /// Of how many responses one is compared as a whole; of the others, status and length are.
    pub compare_one_in: u32,
    /// What decides files and methods.
    pub seed: u64,
}

/// One request to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When it is due, since the start of the run.
    pub at: Duration,
    /// Which file it asks for.
    pub file: usize,
    /// How it asks.
    pub method: Method,
    /// Whether the body is compared.
    pub compares: bool,
}

impl Schedule {
    /// When arrival `number` is due, since the start of the run.
    pub fn due(&self, number: u64) -> Duration {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.rate_per_second);
        Duration::from_nanos(u64::try_from(nanos).expect("no run has arrivals for five hundred years"))
    }

    /// The connection that arrival `number` belongs to.
    pub fn connection(&self, number: u64) -> usize {
        (number % self.connections as u64) as usize
    }

    /// The number of the arrival that is the `nth` of a connection.
    pub fn number(&self, connection: usize, nth: u64) -> u64 {
        nth * self.connections as u64 + connection as u64
    }

    /// All about arrival `number`.
    pub fn arrival(&self, number: u64) -> Arrival {
        let drawn = mix(self.seed ^ STEP.wrapping_mul(number + 1));
        let method =
            if pick(drawn ^ 1, 1000) < u64::from(self.heads_per_thousand) { Method::Head } else { Method::Get };
        let size = self.files / self.parts;
        let first = size * (self.connection(number) % self.parts);
        let compares = pick(drawn ^ 2, u64::from(self.compare_one_in)) == 0;
        Arrival { at: self.due(number), file: first + pick(drawn, size as u64) as usize, method, compares }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        rate_per_second: 3000,
        connections: 30,
        files: 10_000,
        parts: 1,
        heads_per_thousand: 100,
        compare_one_in: 1,
        seed: 7,
    };

    #[test]
    fn arrivals_are_evenly_spaced_and_do_not_drift() {
        assert_eq!(SCHEDULE.due(0), Duration::ZERO);
        assert_eq!(SCHEDULE.due(1), Duration::from_nanos(333_333));
        assert_eq!(SCHEDULE.due(3000 * 86_400), Duration::from_secs(86_400));
    }

    #[test]
    fn a_connection_s_arrivals_are_found_by_counting_them() {
        for number in 0..100 {
            let connection = SCHEDULE.connection(number);
            assert_eq!(SCHEDULE.number(connection, number / 30), number);
        }
    }

    #[test]
    fn each_connection_asks_for_files_of_its_part() {
        let schedule = Schedule { parts: 2, connections: 5, ..SCHEDULE };
        let mut asked = [0; 2];
        for number in 0..1000 {
            let part = schedule.arrival(number).file / 5000;
            assert_eq!(part, schedule.connection(number) % 2);
            asked[part] += 1;
        }
        assert_eq!(asked, [600, 400]);
    }

    #[test]
    fn files_and_methods_are_drawn_by_the_seed_and_spread_evenly() {
        let draw = |schedule: Schedule| (0..50_000).map(move |number| schedule.arrival(number));
        assert!(draw(SCHEDULE).eq(draw(SCHEDULE)));
        assert!(!draw(SCHEDULE).eq(draw(Schedule { seed: 8, ..SCHEDULE })));
        let mut tenths = [0; 10];
        draw(SCHEDULE).for_each(|arrival| tenths[arrival.file / 1000] += 1);
        assert!(tenths.iter().all(|count| (4700..5300).contains(count)), "{tenths:?}");
        let heads = draw(SCHEDULE).filter(|arrival| arrival.method == Method::Head).count();
        assert!((4700..5300).contains(&heads), "{heads}");
        assert!(draw(SCHEDULE).all(|arrival| arrival.compares));
        let compared = draw(Schedule { compare_one_in: 10, ..SCHEDULE }).filter(|arrival| arrival.compares).count();
        assert!((4700..5300).contains(&compared), "{compared}");
        assert!(draw(Schedule { heads_per_thousand: 0, ..SCHEDULE }).all(|arrival| arrival.method == Method::Get));
    }
}
