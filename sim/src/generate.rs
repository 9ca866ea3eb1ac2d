//! Random updates of a flow: what the simulator submits when nobody says what to submit.
//!
//! ```text
//!   flow + catalogue + seeded numbers --> Update --> planner --> Plan      the next one is drawn for `Plan::after`
//!                                            ^          |
//!                                            '- again --' refused, and counted
//! ```
//!
//! Draws need not be good updates: one that changes `load` and leaves `reply` is refused for its types, and another is
//! drawn. So the planner is put to the test as well: what it lets through must keep every property.
//!
//! A flow all of whose components have one version could not be updated at all. So the catalogue is extended by a copy
//! of each declaration, under the version `<version>-sim1`. That is enough to test the protocol, which knows functions by
//! their declarations only: what the copy does is what the original may do, and what differs is which of them
//! processed a packet, of which all properties speak. A copy keeps its state type too, so transfers are found for it.
//!
//! One half of the draws are updates of operators, the other changes the flow itself by [`Edit`]s. Flows to start from
//! can be grown too ([`grow()`]). Both are made of plain numbers, so that a test can have them from a generator that shrinks
//! what fails: see [`strategies`](crate::strategies).

mod edit;
mod grow;
mod operators;
mod parts;
mod subjects;

pub use edit::{Edit, Kind, edited};
pub use grow::{Block, Step, grow};
pub use operators::random_update;
pub(crate) use operators::same_ports;
pub(crate) use parts::{Parts, accepts, pick};
pub use subjects::{Nursery, Subjects};

use neurath_model::component::{Catalogue, Component};
use neurath_model::diagnostic::{Code, Diagnostics, SourceMap};
use neurath_model::flow::ComponentRef;
use neurath_model::graph::FlowGraph;
use neurath_model::plan::{Plan, Scheduler, plan, plan_unpromised};
use neurath_model::update::Update;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt};

/// What marks the version of a copy.
const COPY: &str = "-sim1";

/// An update that changes operators chosen one by one changes at most this many.
const OPERATORS_MAX: usize = 3;

/// An update that changes the flow is drawn from at most this many edits.
const EDITS_MAX: usize = 3;

/// After so many refusals in a row no further update is drawn.
const REFUSED_MAX: u32 = 64;

/// A flow to be updated at random, or by updates that are given.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The flow.
    pub graph: FlowGraph,
    /// What updates may install: the catalogue given, and a copy of each component of it.
    pub catalogue: Catalogue,
    /// How updates travel; without a scheduler, each seed draws one for each update, of those that promise what it asks for.
    pub scheduler: Option<Scheduler>,
    /// The updates that are given, in order; none if they are to be drawn.
    pub given: Vec<Given>,
}

/// An update that is given.
#[derive(Debug, Clone)]
pub struct Given {
    /// What it says.
    pub update: Update,
    /// Its plan by each scheduler that may be drawn for it.
    pub plans: Vec<Plan>,
}

/// Updates drawn.
#[derive(Debug, Clone, Default)]
pub struct Draws {
    /// Those the planner accepts, each planned against the flow as the one before leaves it.
    pub updates: Vec<(Update, Plan)>,
    /// How many it refused.
    pub refused: u32,
}

impl Subject {
    /// A flow whose updates are drawn. With no scheduler, each update is drawn one.
    pub fn new(graph: FlowGraph, catalogue: &Catalogue, scheduler: impl Into<Option<Scheduler>>) -> Self {
        Self { graph, catalogue: with_copies(catalogue), scheduler: scheduler.into(), given: Vec::new() }
    }

    /// The same flow, to be updated by these, in order. With `direct`, which promises nothing, that is no reason to
    /// refuse one.
    ///
    /// # Errors
    /// All that is wrong with the first that cannot be planned.
    pub fn with_updates(mut self, updates: &[Update]) -> Result<Self, Diagnostics> {
        self.given.clear();
        for update in updates {
            let graph = self.given.last().map_or(&self.graph, |given| &given.plans[0].after);
            let all: Vec<_> = self.schedulers().iter().map(|by| self.plan(graph, update, *by)).collect();
            let (plans, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
            let plans: Vec<Plan> = plans.into_iter().flatten().collect();
            if plans.is_empty() {
                return Err(refused.into_iter().find_map(Result::err).expect("some scheduler was tried"));
            }
            self.given.push(Given { update: update.clone(), plans });
        }
        Ok(self)
    }

    /// Plans updates, each by a scheduler and against the flow as the one before leaves it.
    ///
    /// # Errors
    /// All that is wrong with the first that cannot be planned.
    pub fn planned<'a>(
        &self,
        updates: impl Iterator<Item = (&'a Update, Scheduler)>,
    ) -> Result<Vec<(Update, Plan)>, Diagnostics> {
        let mut planned: Vec<(Update, Plan)> = Vec::new();
        for (update, scheduler) in updates {
            let graph = planned.last().map_or(&self.graph, |(_, plan)| &plan.after);
            let plan = self.plan(graph, update, scheduler)?;
            planned.push((update.clone(), plan));
        }
        Ok(planned)
    }

    /// The schedulers by which an update may travel here.
    pub fn schedulers(&self) -> Vec<Scheduler> {
        match self.scheduler {
            Some(scheduler) => vec![scheduler],
            None => Scheduler::ALL.iter().copied().filter(|s| !s.guarantees().is_empty()).collect(),
        }
    }

    /// Draws `count` updates that the planner accepts; fewer where it refuses one draw after another.
    pub fn draw(&self, count: usize, rng: &mut impl Rng) -> Draws {
        let mut draws = Draws::default();
        let mut refused_in_a_row = 0;
        while draws.updates.len() < count && refused_in_a_row < REFUSED_MAX {
            let graph = draws.updates.last().map_or(&self.graph, |(_, plan)| &plan.after);
            let name = format!("u{}", draws.updates.len() + 1);
            let mut schedulers = self.schedulers();
            schedulers.shuffle(rng);
            let (update, refused) = self.draw_one(graph, &name, &schedulers, rng);
            draws.refused += refused;
            let planned = update.map(|update| (self.plan_by_any(graph, &update, &schedulers), update));
            match planned {
                Some((Ok(plan), update)) => {
                    draws.updates.push((update, plan));
                    refused_in_a_row = 0;
                }
                Some((Err(_), _)) | None => {
                    draws.refused += 1;
                    refused_in_a_row += 1;
                }
            }
        }
        draws
    }

    /// An update, and how many edits were refused on the way to it.
    fn draw_one(
        &self,
        graph: &FlowGraph,
        name: &str,
        schedulers: &[Scheduler],
        rng: &mut impl Rng,
    ) -> (Option<Update>, u32) {
        if rng.random() {
            return (Some(random_update(graph, &self.catalogue, name, rng)), 0);
        }
        let edits: Vec<Edit> = (0..rng.random_range(1..=EDITS_MAX)).map(|_| Edit::draw(rng)).collect();
        edited(graph, &self.catalogue, name, &edits, |update| self.plan_by_any(graph, update, schedulers).is_ok())
    }

    /// A plan for each update given, by a scheduler that is drawn.
    pub fn draw_plans(&self, rng: &mut impl Rng) -> Vec<&Plan> {
        self.given.iter().map(|given| given.plans.choose(rng).expect("an update that is given has a plan")).collect()
    }

    /// A plan by the first of these schedulers that promises what the update asks for.
    fn plan_by_any(&self, graph: &FlowGraph, update: &Update, schedulers: &[Scheduler]) -> Result<Plan, Diagnostics> {
        let mut refused = Diagnostics(Vec::new());
        for scheduler in schedulers {
            match self.plan(graph, update, *scheduler) {
                Ok(plan) => return Ok(plan),
                Err(found) => refused = found,
            }
            // What is wrong with the update itself is so by every scheduler.
            if refused.0.iter().any(|d| d.code != Code::U11) {
                break;
            }
        }
        Err(refused)
    }

    fn plan(&self, graph: &FlowGraph, update: &Update, scheduler: Scheduler) -> Result<Plan, Diagnostics> {
        let (map, asked) = (SourceMap::default(), Some(scheduler));
        match scheduler {
            Scheduler::StopTheWorld | Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped => {
                plan(graph, update, &map, &self.catalogue, asked)
            }
            // The control, which promises nothing: it is simulated to see what then goes wrong.
            Scheduler::Direct => plan_unpromised(graph, update, &map, &self.catalogue, asked).map(|(plan, _)| plan),
        }
    }
}

/// A catalogue with a copy of each component that is not a copy itself.
pub fn with_copies(catalogue: &Catalogue) -> Catalogue {
    let mut extended = catalogue.clone();
    for component in catalogue.components().filter(|c| !c.id.version.ends_with(COPY)) {
        let id = ComponentRef { name: component.id.name.clone(), version: format!("{}{COPY}", component.id.version) };
        if catalogue.component(&id).is_none() {
            extended.add(Component { id, ..component.clone() });
        }
    }
    extended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use neurath_model::plan::Action;
    use neurath_model::update::StatePolicy;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn draws(subject: &Subject, seeds: u64) -> impl Iterator<Item = Draws> {
        (0..seeds).map(|seed| subject.draw(3, &mut ChaCha8Rng::seed_from_u64(seed)))
    }

    #[test]
    fn every_draw_accepted_is_planned_again_alike_after_the_one_before() {
        for subject in [example::http(Scheduler::Epoch), example::diamond(Scheduler::Epoch)] {
            for Draws { updates, .. } in draws(&subject, 100) {
                assert_eq!(updates.len(), 3);
                let mut graph = &subject.graph;
                for (update, drawn) in &updates {
                    let again = plan(graph, update, &SourceMap::default(), &subject.catalogue, None).expect("valid");
                    assert_eq!((&again.after, &again.actions), (&drawn.after, &drawn.actions));
                    graph = &drawn.after;
                }
            }
        }
    }

    #[test]
    fn draws_differ_in_kind_and_some_are_refused() {
        let subject = example::http(Scheduler::Epoch);
        let all: Vec<Draws> = draws(&subject, 200).collect();
        assert!(all.iter().any(|d| d.refused > 0), "a draw may break a rule");
        let actions: Vec<Vec<Action>> =
            all.iter().flat_map(|d| &d.updates).flat_map(|(_, p)| p.actions.values().cloned()).collect();
        let met = |wanted: &str, found: &dyn Fn(&[Action]) -> bool| {
            assert!(actions.iter().any(|list| found(list)), "never drawn: {wanted}");
        };
        met("a replacement and a property", &|list| list.len() == 2);
        met("a property alone", &|list| matches!(list, [Action::Configure { .. }]));
        met(
            "the version of the paper",
            &|list| matches!(list, [Action::Replace { to, .. }, ..] if to.version == "nio"),
        );
        met(
            "a transfer",
            &|list| matches!(list, [Action::Replace { state: StatePolicy::Transfer(t), .. }, ..] if t == "reply-to-nio"),
        );
        let whole = all.iter().flat_map(|d| &d.updates).any(|(update, _)| update.changes.len() == subject.graph.len());
        assert!(whole, "never drawn: all operators at once");
    }

    #[test]
    fn a_copy_is_made_once_and_declares_the_same() {
        let (_, catalogue) = example::http_texts();
        let once = with_copies(&catalogue);
        assert_eq!(once.components().count(), 2 * catalogue.components().count());
        assert_eq!(with_copies(&once), once);
        let of = |id: &str| once.component(&ComponentRef::parse(id)).expect(id).clone();
        let original = of("http/reply@nio");
        assert_eq!(of("http/reply@nio-sim1"), Component { id: of("http/reply@nio-sim1").id, ..original });
    }

    #[test]
    fn open_work_is_never_reset() {
        let (_, catalogue) = example::http_texts();
        let reply = catalogue.component(&ComponentRef::parse("http/reply")).expect("declared").clone();
        let other = Component { state: Some("else".into()), ..reply.clone() };
        assert_eq!(operators::policy(&reply, &other, &catalogue), None);
    }
}
