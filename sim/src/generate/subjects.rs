//! What seeds are seeds of: one flow, or a flow of its own for each.

use super::{Step, Subject, grow, with_copies};
use neurath_model::component::Catalogue;
use neurath_model::graph::FlowGraph;
use neurath_model::plan::Scheduler;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::borrow::Cow;

/// A flow that a seed draws grows by at most this many steps.
const STEPS_MAX: usize = 10;

/// The stream of a seed's numbers from which its flow is drawn: what is drawn besides does not shift it.
const STREAM: u64 = 2;

/// One flow for all seeds, or one that each seed grows.
#[derive(Debug, Clone)]
pub enum Subjects {
    /// The same for all.
    One(Box<Subject>),
    /// Grown from components.
    Grown(Box<Nursery>),
}

/// Components that flows are grown from.
#[derive(Debug, Clone)]
pub struct Nursery {
    catalogue: Catalogue,
    with_copies: Catalogue,
    scheduler: Option<Scheduler>,
    /// Numbers that stand for sources from which packets can be led to a sink, or round.
    sources: Vec<u32>,
}

impl Nursery {
    /// Flows are grown from these components, and updated by that scheduler, or by drawn ones. None if no flow can be made of
    /// them: they have no source from which packets can be led to a sink, or round.
    pub fn new(catalogue: &Catalogue, scheduler: Option<Scheduler>) -> Option<Self> {
        let all = 0..catalogue.components().count() as u32;
        let sources: Vec<u32> = all.filter(|by| grow(catalogue, *by, &[]).is_some()).collect();
        let with_copies = with_copies(catalogue);
        (!sources.is_empty()).then(|| Self { catalogue: catalogue.clone(), with_copies, scheduler, sources })
    }

    fn flow(&self, seed: u64) -> FlowGraph {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(STREAM);
        let source = *self.sources.choose(&mut rng).expect("there is one");
        let steps: Vec<Step> = (0..rng.random_range(0..=STEPS_MAX)).map(|_| Step::draw(&mut rng)).collect();
        grow(&self.catalogue, source, &steps).expect("steps that cannot be completed are left out")
    }
}

impl Subjects {
    /// What that seed is a seed of.
    pub fn of(&self, seed: u64) -> Cow<'_, Subject> {
        match self {
            Self::One(subject) => Cow::Borrowed(subject),
            Self::Grown(nursery) => Cow::Owned(Subject {
                graph: nursery.flow(seed),
                catalogue: nursery.with_copies.clone(),
                scheduler: nursery.scheduler,
                given: Vec::new(),
            }),
        }
    }
}

impl From<Subject> for Subjects {
    fn from(subject: Subject) -> Self {
        Self::One(Box::new(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;
    use crate::simulate::{Options, simulate_many};
    use std::collections::BTreeSet;

    #[test]
    fn each_seed_grows_a_flow_of_its_own_and_always_the_same() {
        let subjects = Subjects::Grown(Box::new(Nursery::new(&scenario::shapes(), None).expect("there are sources")));
        let flows = || (0..100).map(|seed| format!("{:?}", subjects.of(seed).graph.to_flow())).collect::<Vec<_>>();
        assert_eq!(flows(), flows());
        let different: BTreeSet<String> = flows().into_iter().collect();
        assert!(different.len() > 80, "{}", different.len());
        let summary = simulate_many(&subjects, 0..300, &Options::default(), |_| {});
        assert_eq!(summary.failure, None);
        assert!(summary.applied > 200, "{}", summary.applied);
    }

    #[test]
    fn of_components_without_a_source_nothing_grows() {
        assert!(Nursery::new(&Catalogue::default(), None).is_none());
    }
}
