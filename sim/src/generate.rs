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

use neurath_model::component::{Catalogue, Component, Property, PropertyKind};
use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::flow::ComponentRef;
use neurath_model::graph::{FlowGraph, Node};
use neurath_model::plan::{Plan, Scheduler, plan, plan_unpromised};
use neurath_model::update::{Change, Guarantee, StatePolicy, Update};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What marks the version of a copy.
const COPY: &str = "-sim1";

/// An update that changes operators chosen one by one changes at most this many.
const OPERATORS_MAX: usize = 3;

/// After so many refusals in a row no further update is drawn.
const REFUSED_MAX: u32 = 64;

/// A flow to be updated at random, or by updates that are given.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The flow.
    pub graph: FlowGraph,
    /// What updates may install: the catalogue given, and a copy of each component of it.
    pub catalogue: Catalogue,
    /// How updates travel.
    pub scheduler: Scheduler,
    /// The updates that are given, in order, with their plans; none if they are to be drawn.
    pub given: Vec<(Update, Plan)>,
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
    /// A flow whose updates are drawn.
    pub fn new(graph: FlowGraph, catalogue: &Catalogue, scheduler: Scheduler) -> Self {
        Self { graph, catalogue: with_copies(catalogue), scheduler, given: Vec::new() }
    }

    /// The same flow, to be updated by these, in order. With `direct`, which promises nothing, that is no reason to
    /// refuse one.
    pub fn with_updates(mut self, updates: &[Update]) -> Result<Self, Diagnostics> {
        self.given = self.planned(updates)?;
        Ok(self)
    }

    /// Plans updates, each against the flow as the one before leaves it.
    pub fn planned(&self, updates: &[Update]) -> Result<Vec<(Update, Plan)>, Diagnostics> {
        let mut planned: Vec<(Update, Plan)> = Vec::new();
        for update in updates {
            let graph = planned.last().map_or(&self.graph, |(_, plan)| &plan.after);
            let plan = self.plan(graph, update)?;
            planned.push((update.clone(), plan));
        }
        Ok(planned)
    }

    /// Draws `count` updates that the planner accepts; fewer where it refuses one draw after another.
    pub fn draw(&self, count: usize, rng: &mut impl Rng) -> Draws {
        let mut draws = Draws::default();
        let mut refused_in_a_row = 0;
        while draws.updates.len() < count && refused_in_a_row < REFUSED_MAX {
            let graph = draws.updates.last().map_or(&self.graph, |(_, plan)| &plan.after);
            let update = random_update(graph, &self.catalogue, &format!("u{}", draws.updates.len() + 1), rng);
            match self.plan(graph, &update) {
                Ok(plan) => {
                    draws.updates.push((update, plan));
                    refused_in_a_row = 0;
                }
                Err(_) => {
                    draws.refused += 1;
                    refused_in_a_row += 1;
                }
            }
        }
        draws
    }

    /// The updates given, as if they had been drawn.
    pub fn given_draws(&self) -> Draws {
        Draws { updates: self.given.clone(), refused: 0 }
    }

    fn plan(&self, graph: &FlowGraph, update: &Update) -> Result<Plan, Diagnostics> {
        let (map, scheduler) = (SourceMap::default(), Some(self.scheduler));
        match self.scheduler {
            Scheduler::StopTheWorld | Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped => {
                plan(graph, update, &map, &self.catalogue, scheduler)
            }
            // The control, which promises nothing: it is simulated to see what then goes wrong.
            Scheduler::Direct => plan_unpromised(graph, update, &map, &self.catalogue, scheduler).map(|(plan, _)| plan),
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

/// Draws an update: in one of three, every operator that can be moved to one version is; else a few operators
/// change, each to another version of its component or in a property. Whether it is a valid one, the planner says.
pub fn random_update(graph: &FlowGraph, catalogue: &Catalogue, name: &str, rng: &mut impl Rng) -> Update {
    let operators: Vec<Options<'_>> = graph.operators().map(|(_, node)| Options::of(node, catalogue)).collect();
    let changes = if rng.random_ratio(1, 3) { to_one_version(&operators, rng) } else { one_by_one(&operators, rng) };
    Update { name: name.into(), guarantee: Guarantee::default(), changes, flow: None }
}

fn to_one_version(operators: &[Options<'_>], rng: &mut impl Rng) -> BTreeMap<String, Change> {
    let versions: BTreeSet<&str> = operators.iter().flat_map(Options::versions).collect();
    let versions: Vec<&str> = versions.into_iter().collect();
    let Some(version) = versions.choose(rng) else { return BTreeMap::new() };
    let to = |options: &Options<'_>| {
        let (new, state) = options.others.iter().find(|(new, _)| new.id.version == **version)?;
        Some((options.node.name.clone(), replacement(new, state)))
    };
    operators.iter().filter_map(to).collect()
}

fn one_by_one(operators: &[Options<'_>], rng: &mut impl Rng) -> BTreeMap<String, Change> {
    let mut chosen: Vec<&Options<'_>> = operators.iter().collect();
    chosen.shuffle(rng);
    let count = rng.random_range(1..=OPERATORS_MAX.min(chosen.len()));
    let changes = chosen.into_iter().take(count);
    changes.filter_map(|options| Some((options.node.name.clone(), options.change(rng)?))).collect()
}

fn replacement(new: &Component, state: &StatePolicy) -> Change {
    Change::to(new.id.clone(), state.clone())
}

/// What an operator can be changed to.
struct Options<'a> {
    node: &'a Node,
    /// Other versions of its component with the same ports, each with a policy that fits the states.
    others: Vec<(&'a Component, StatePolicy)>,
}

impl<'a> Options<'a> {
    fn of(node: &'a Node, catalogue: &'a Catalogue) -> Self {
        let old = &node.component;
        let others = catalogue.components().filter(|new| new.id.name == old.id.name && new.id != old.id);
        let fitting = others.filter(|new| same_ports(old, new));
        Self { node, others: fitting.filter_map(|new| Some((new, policy(old, new, catalogue)?))).collect() }
    }

    fn versions(&self) -> impl Iterator<Item = &'a str> {
        self.others.iter().map(|(new, _)| new.id.version.as_str())
    }

    /// Another version, declared or copied, or another value of a property, or both at once.
    fn change(&self, rng: &mut impl Rng) -> Option<Change> {
        let (copies, declared): (Vec<_>, Vec<_>) =
            self.others.iter().partition(|(new, _)| new.id.version.ends_with(COPY));
        let mut kinds: Vec<Vec<&(&Component, StatePolicy)>> = vec![declared, copies];
        kinds.retain(|kind| !kind.is_empty());
        let has_properties = !self.node.component.properties.is_empty();
        let replaces = !has_properties || rng.random_ratio(3, 4);
        let chosen = kinds.choose(rng).and_then(|kind| kind.choose(rng)).filter(|_| replaces);
        let Some((new, state)) = chosen else { return self.properties_only(rng) };
        let mut change = replacement(new, state);
        if rng.random_ratio(1, 3) {
            change.properties = another_value(&new.properties, rng);
        }
        Some(change)
    }

    fn properties_only(&self, rng: &mut impl Rng) -> Option<Change> {
        let properties = another_value(&self.node.component.properties, rng);
        (!properties.is_empty()).then_some(Change { properties, ..Change::of_state(StatePolicy::Keep) })
    }
}

/// A value for one of the properties. It may be the one the operator has: then the planner refuses the update, or
/// leaves the value out.
fn another_value(properties: &[Property], rng: &mut impl Rng) -> BTreeMap<String, Value> {
    let Some(property) = properties.choose(rng) else { return BTreeMap::new() };
    let number = rng.random_range(0..1000_u32);
    let value = match property.kind {
        PropertyKind::Text => Value::from(format!("sim-{number}")),
        PropertyKind::Integer => Value::from(number),
        PropertyKind::Boolean => Value::from(number < 500),
    };
    BTreeMap::from([(property.name.clone(), value)])
}

fn same_ports(old: &Component, new: &Component) -> bool {
    let inputs = |c: &Component| c.inputs.iter().map(|i| (i.name.clone(), i.feedback)).collect::<Vec<_>>();
    let outputs = |c: &Component| c.outputs.iter().map(|o| o.name.clone()).collect::<Vec<_>>();
    old.firing == new.firing && inputs(old) == inputs(new) && outputs(old) == outputs(new)
}

/// What may become of the state; `None` where every policy would lose or misread it.
fn policy(old: &Component, new: &Component, catalogue: &Catalogue) -> Option<StatePolicy> {
    let leads = |from: &str, to: &str| old.state.as_deref() == Some(from) && new.state.as_deref() == Some(to);
    if old.state == new.state {
        return Some(StatePolicy::Keep);
    }
    match catalogue.transfers().find(|t| leads(&t.from, &t.to)) {
        Some(transfer) => Some(StatePolicy::Transfer(transfer.name.clone())),
        None => (!old.holds_open_work()).then_some(StatePolicy::Reset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use neurath_model::plan::Action;
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
        assert_eq!(policy(&reply, &other, &catalogue), None);
    }
}
