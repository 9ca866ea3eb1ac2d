//! Scenarios: from the texts a user writes to an instance that can be explored, in three lines.
//!
//! ```
//! use neurath_sim::explore::{Explorer, Verdict};
//! use neurath_sim::{instance::Bounds, scenario};
//!
//! let scenario = scenario::http().updated(scenario::NIO).unwrap();
//! let seen = Explorer::new(&scenario.instance(Bounds::default())).run();
//! assert_eq!(seen.verdict, Verdict::Holds);
//! ```
//!
//! A scenario is a valid flow, its components, and the updates planned so far, each against the flow as the one before
//! leaves it. What a text breaks comes back as diagnostics, as from the command line. The ready-made flows are the
//! small ones that questions about updates are asked of; each has the shape that its name says and nothing more.

mod flows;

pub use flows::{
    BLOCKING, NIO, balanced, buffered, chain, diamond, filtered, http, library, replacing, routed, two_sources,
};

use crate::instance::{Bounds, Instance};
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::Diagnostics;
use neurath_model::graph::FlowGraph;
use neurath_model::plan::{Plan, Scheduler, plan_unpromised};
use neurath_model::spec::{components, fbp, update};
use neurath_model::validate::validate;

/// A flow and its updates, checked and planned.
#[derive(Debug, Clone)]
pub struct Scenario {
    catalogue: Catalogue,
    flow: FlowGraph,
    plans: Vec<Plan>,
    scheduler: Scheduler,
}

impl Scenario {
    /// A flow in the FBP DSL, and the components it may use in TOML. Updates travel by [`Scheduler::Epoch`].
    ///
    /// # Errors
    ///
    /// All that is wrong with the texts, or with the flow.
    pub fn read(flow: &str, components: &str) -> Result<Self, Diagnostics> {
        let (catalogue, _) = components::parse("components", components)?;
        let (flow, map) = fbp::parse("flow", flow)?;
        let flow = validate(&flow, &map, &catalogue)?;
        Ok(Self { catalogue, flow, plans: Vec::new(), scheduler: Scheduler::Epoch })
    }

    /// The same flow with updates that travel by another scheduler, whether or not it promises anything.
    ///
    /// # Panics
    ///
    /// If updates are planned already: all of an instance travel alike.
    #[must_use]
    pub fn scheduled(self, scheduler: Scheduler) -> Self {
        assert!(self.plans.is_empty(), "the scheduler is chosen before the first update is planned");
        Self { scheduler, ..self }
    }

    /// Adds an update, in TOML, of the flow as the updates so far leave it.
    ///
    /// # Errors
    ///
    /// All that is wrong with the text, or with the update.
    pub fn updated(mut self, text: &str) -> Result<Self, Diagnostics> {
        let (update, map) = update::parse("update", text)?;
        let current = self.plans.last().map_or(&self.flow, |plan| &plan.after);
        let (plan, _) = plan_unpromised(current, &update, &map, &self.catalogue, Some(self.scheduler))?;
        self.plans.push(plan);
        Ok(self)
    }

    /// The flow before any update.
    pub fn flow(&self) -> &FlowGraph {
        &self.flow
    }

    /// What is to be explored, within bounds.
    pub fn instance(&self, bounds: Bounds) -> Instance {
        Instance::new(&self.flow, &self.plans, bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use neurath_model::diagnostic::Code;

    fn codes(result: Result<Scenario, Diagnostics>) -> Vec<Code> {
        result.expect_err("refused").0.iter().map(|d| d.code).collect()
    }

    #[test]
    fn each_ready_made_flow_has_the_shape_of_its_name() {
        let shapes = [chain(3), diamond(), balanced(), routed(), filtered(), http(), two_sources(), buffered()].map(
            |scenario| {
                let flow = scenario.flow();
                (flow.len(), flow.sources().len(), flow.sinks().len(), flow.arcs().count())
            },
        );
        let chain = (5, 1, 1, 4);
        let diamond = (6, 1, 1, 6);
        let pairs = [chain, diamond, diamond, diamond, (3, 1, 1, 2), (6, 1, 1, 6), (4, 2, 1, 3), (3, 1, 1, 2)];
        assert_eq!(shapes, pairs);
    }

    #[test]
    fn what_is_wrong_comes_back_as_diagnostics() {
        assert_eq!(codes(Scenario::read("source(source) OUT -> IN sink(sinc)", &library())), [Code::F02]);
        assert_eq!(codes(Scenario::read("source(source) OUT -> ", &library())), [Code::P01]);
        assert_eq!(codes(chain(1).updated(&replacing("u", &[("x2", "step@2")]))), [Code::U01]);
        assert!(codes(chain(1).updated("[update]")).contains(&Code::P02));
    }

    #[test]
    fn an_update_is_planned_for_what_the_one_before_leaves() {
        let once = chain(1).updated(&replacing("u1", &[("x1", "step@2")])).unwrap();
        assert_eq!(codes(once.clone().updated(&replacing("u2", &[("x1", "step@2")]))), [Code::U08]);
        let twice = once.updated(&replacing("u2", &[("x1", "step@1")])).unwrap();
        assert_eq!(twice.instance(Bounds::default()).updates.len(), 2);
    }
}
