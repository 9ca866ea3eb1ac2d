//! How fast the simulator is. Measured when asked for; a verdict never depends on it.
//!
//! ```console
//! $ cargo test --release -p neurath-sim -- --ignored --nocapture speed
//! ```

use super::*;
use crate::example;
use crate::scenario::{self, replacing};
use neurath_model::spec::update;
use std::time::Instant;

/// How often it is measured.
const TIMES: usize = 7;

/// Source, three operators, sink; one update of the second.
fn chain() -> Subject {
    let flow = scenario::chain(3).flow().clone();
    let update = update::parse("u1", &replacing("u1", &[("x2", "step@2")])).expect("an update").0;
    let subject = example::of(flow, &scenario::library(), neurath_model::plan::Scheduler::Epoch);
    subject.with_updates(&[update]).expect("planned")
}

/// Complete runs in a second: the median of several.
fn rate(mut runs: impl FnMut() -> u64) -> u64 {
    let mut rates: Vec<u64> = (0..TIMES)
        .map(|_| {
            let began = Instant::now();
            (runs() as f64 / began.elapsed().as_secs_f64()) as u64
        })
        .collect();
    rates.sort_unstable();
    rates[TIMES / 2]
}

#[test]
#[ignore = "a measurement"]
fn speed_of_the_chain() {
    let subject = chain();
    let calm = Options { calm: true, ..Options::default() };
    for options in [calm, Options::default()] {
        let mut steps = 0;
        let all = rate(|| {
            let summary = simulate_many(&subject, 0..20_000, &options, |_| {});
            assert!(summary.failure.is_none());
            steps = summary.steps;
            summary.runs
        });
        println!("calm {}: {all} runs/s of up to 8 packets, {} steps each", options.calm, steps / 20_000);
    }
    let instance = Instance::new(
        &subject.graph,
        &subject.given[0].plans,
        crate::instance::Bounds { packets: 2, ..Default::default() },
    );
    let mut steps = 0;
    let few = rate(|| {
        steps = driver::repeat(&instance, 20_000);
        20_000
    });
    println!("with 2 packets: {few} runs/s, {} steps each", steps / 20_000);
}
