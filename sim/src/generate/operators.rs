//! Updates of operators: other versions of what they run, other values of their properties.

use super::{COPY, OPERATORS_MAX};
use neurath_model::component::{Catalogue, Component, Property, PropertyKind};
use neurath_model::graph::{FlowGraph, Node};
use neurath_model::update::{Change, Guarantee, StatePolicy, Update};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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
pub(super) fn another_value(properties: &[Property], rng: &mut impl Rng) -> BTreeMap<String, Value> {
    let Some(property) = properties.choose(rng) else { return BTreeMap::new() };
    let number = rng.random_range(0..1000_u32);
    let value = match property.kind {
        PropertyKind::Text => Value::from(format!("sim-{number}")),
        PropertyKind::Integer => Value::from(number),
        PropertyKind::Boolean => Value::from(number < 500),
    };
    BTreeMap::from([(property.name.clone(), value)])
}

/// Whether one can stand in the place of the other, arcs and firing and all.
pub(crate) fn same_ports(old: &Component, new: &Component) -> bool {
    let inputs = |c: &Component| c.inputs.iter().map(|i| (i.name.clone(), i.feedback)).collect::<Vec<_>>();
    let outputs = |c: &Component| c.outputs.iter().map(|o| o.name.clone()).collect::<Vec<_>>();
    old.firing == new.firing && inputs(old) == inputs(new) && outputs(old) == outputs(new)
}

/// What may become of the state; `None` where every policy would lose or misread it.
pub(crate) fn policy(old: &Component, new: &Component, catalogue: &Catalogue) -> Option<StatePolicy> {
    let leads = |from: &str, to: &str| old.state.as_deref() == Some(from) && new.state.as_deref() == Some(to);
    if old.state == new.state {
        return Some(StatePolicy::Keep);
    }
    match catalogue.transfers().find(|t| leads(&t.from, &t.to)) {
        Some(transfer) => Some(StatePolicy::Transfer(transfer.name.clone())),
        None => (!old.holds_open_work()).then_some(StatePolicy::Reset),
    }
}
