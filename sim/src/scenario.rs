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

#[cfg(test)]
pub(crate) use flows::MORE;
pub use flows::{
    BLOCKING, CHAIN_DELETED, CHAIN_INSERTED, CHAIN_REPLACED, HTTP, HTTP_TALLIED, NIO, balanced, buffered, chain,
    contended, diamond, filtered, http, library, replacing, routed, shapes, two_in_two_out, two_sources,
};

use crate::instance::{Bounds, Instance};
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::graph::FlowGraph;
use neurath_model::plan::{Plan, Scheduler, plan, plan_unpromised};
use neurath_model::spec::{components, fbp, update};
use neurath_model::update::Update;
use neurath_model::validate::validate;

/// A flow and its updates, checked and planned.
#[derive(Debug, Clone)]
pub struct Scenario {
    catalogue: Catalogue,
    flow: FlowGraph,
    updates: Vec<(FlowGraph, Plan)>,
    scheduler: Scheduler,
    promised: bool,
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
        Ok(Self { catalogue, flow, updates: Vec::new(), scheduler: Scheduler::Epoch, promised: true })
    }

    /// The same flow; updates added from now on travel by another scheduler, whether or not it promises anything.
    #[must_use]
    pub fn scheduled(self, scheduler: Scheduler) -> Self {
        Self { scheduler, ..self }
    }

    /// Adds an update, in TOML, of the flow as the updates so far leave it.
    ///
    /// # Errors
    ///
    /// All that is wrong with the text, or with the update.
    pub fn updated(self, text: &str) -> Result<Self, Diagnostics> {
        let current = self.current().clone();
        let (update, map) = update::parse("update", text)?;
        self.planned(current, &update, &map)
    }

    /// Adds an update of the flow as the updates so far leave it into another flow, in the FBP DSL. `states` is the rest of the
    /// update file: what becomes of states.
    ///
    /// # Errors
    ///
    /// All that is wrong with the texts, or with the update.
    pub fn changed_to(self, flow: &str, states: &str) -> Result<Self, Diagnostics> {
        let current = self.current().clone();
        let name = format!("u{}", self.updates.len() + 1);
        let text = format!("[update]\nname = '{name}'\nflow = 'flow.fbp'\n{states}");
        let open = &mut |_: &str| Ok(("flow.fbp".to_owned(), flow.to_owned()));
        let (update, map) = update::parse_with("update", &text, open)?;
        self.planned(current, &update, &map)
    }

    /// Adds an update that was planned for the flow before any other: one that comes too late.
    ///
    /// # Errors
    ///
    /// All that is wrong with the text, or with the update.
    pub fn updated_late(self, text: &str) -> Result<Self, Diagnostics> {
        let (update, map) = update::parse("update", text)?;
        let first = self.flow.clone();
        self.planned(first, &update, &map)
    }

    /// Adds an update that is at hand as a value, of the flow as the updates so far leave it.
    ///
    /// # Errors
    ///
    /// All that is wrong with the update.
    pub fn updated_by(self, update: &Update) -> Result<Self, Diagnostics> {
        let current = self.current().clone();
        self.planned(current, update, &SourceMap::default())
    }

    fn planned(mut self, before: FlowGraph, update: &Update, map: &SourceMap) -> Result<Self, Diagnostics> {
        self.promised &= plan(&before, update, map, &self.catalogue, Some(self.scheduler)).is_ok();
        let (plan, _) = plan_unpromised(&before, update, map, &self.catalogue, Some(self.scheduler))?;
        self.updates.push((before, plan));
        Ok(self)
    }

    /// Whether each update is one for which its scheduler promises what it asks; the others are added all the same.
    pub fn is_promised(&self) -> bool {
        self.promised
    }

    /// The flow as the updates so far leave it.
    pub fn current(&self) -> &FlowGraph {
        self.updates.last().map_or(&self.flow, |(_, plan)| &plan.after)
    }

    /// The flow before any update.
    pub fn flow(&self) -> &FlowGraph {
        &self.flow
    }

    /// What is to be explored, within bounds.
    pub fn instance(&self, bounds: Bounds) -> Instance {
        let mut instance = Instance::before_updates(&self.flow, bounds);
        for (before, plan) in &self.updates {
            instance.admit(before, plan);
        }
        instance
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
