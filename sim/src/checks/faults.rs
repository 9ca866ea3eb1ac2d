//! The zoo of faults: each is found by everything that looks.
//!
//! A checker that cannot fail proves nothing. Each fault is one switch in a variant made for tests; the table says by which property it
//! is found, in how many steps at least, after how many states by the full and by the reduced search, after how many random
//! runs by the simulator, and after how many recorded runs the trace verifier, which knows nothing of the fault, refuses the trace.
//! States and runs do not depend on the machine: a search that looks at a million states a second finds each in a moment.

use super::{cells, table};
use crate::conformance::tests::recorded::Case;
use crate::conformance::verify;
use crate::explore::{Explorer, Verdict};
use crate::instance::{Fault, Instance};
use crate::properties::teeth::{self, specimens};
use crate::reduction::Reduced;
use crate::simulate::{Weights, run};
use neurath_model::plan::Scheduler;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// After how many random runs something is broken.
fn simulated(instance: &Instance) -> u64 {
    let breaks = |seed: &u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(*seed);
        let weights = Weights::draw(instance.program.operators().len(), &mut rng);
        run(instance, &weights, &mut rng).breach.is_some()
    };
    (0..1000).find(breaks).map(|seed| seed + 1).expect("a thousand runs are enough")
}

/// After how many recorded runs of some flow a trace is refused by the verifier; none of them is refused without the fault.
fn refused(fault: Fault) -> Option<u64> {
    let cases = [Case::http(), Case::chain(), Case::diamond(), Case::crossing(), Case::chain_evolved()];
    let cases = cases.into_iter().flat_map(|case| {
        [None, Some(Scheduler::Epoch)].map(|scheduler| match scheduler {
            None => case.clone(),
            Some(scheduler) => case.clone().by(scheduler),
        })
    });
    let cases: Vec<Case> = cases.collect();
    let is_refused = |run: &u64| {
        let case = &cases[*run as usize % cases.len()];
        let recorded = |fault| {
            let recorded = case.record_with(fault, *run, 3, 1);
            recorded.trace(&recorded.shuffled())
        };
        assert!(verify(&recorded(None)).is_ok());
        verify(&recorded(Some(fault))).is_err()
    };
    (0..200).find(is_refused).map(|run| run + 1)
}

#[test]
fn every_fault_is_found_by_everything_that_looks() {
    let head: [&dyn std::fmt::Display; 8] =
        [&"fault", &"instance", &"property", &"steps", &"states", &"reduced", &"runs", &"traces"];
    let mut lines = vec![cells(&head)];
    let direct = ("direct", "chain, `x1` and `x2` change", teeth::two_change(Scheduler::Direct), "S4", None);
    let faults = specimens().into_iter();
    let mut rows: Vec<_> = vec![direct];
    let names: Vec<String> = Fault::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    for ((fault, name, instance), known_as) in faults.zip(&names) {
        rows.push((known_as.as_str(), name, instance, fault.breaks(), Some(fault)));
    }
    for (known_as, name, instance, property, fault) in rows {
        let full = Explorer::new(&instance).run();
        let Verdict::Breached { breach, run, .. } = full.verdict else { panic!("{known_as}: {:?}", full.verdict) };
        assert_eq!(breach.property, property, "{known_as}");
        let reduced = Explorer::new(&Reduced(&instance)).run();
        assert!(matches!(reduced.verdict, Verdict::Breached { .. }), "{known_as}: {:?}", reduced.verdict);
        let traces = fault.and_then(refused).map_or("-".to_owned(), |runs| runs.to_string());
        let steps = run.len();
        lines.push(cells(&[
            &known_as,
            &name,
            &property,
            &steps,
            &full.distinct,
            &reduced.distinct,
            &simulated(&instance),
            &traces,
        ]));
    }
    assert_eq!(lines.len(), Fault::ALL.len() + 2);
    insta::assert_snapshot!(table(&lines));
}
