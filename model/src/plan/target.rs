//! Where an update leads: the flow after it, the change of each operator that stays, and whose state goes to whom.
//!
//! An update names the operators that it changes, or the whole flow to change to. From a flow, the change of each operator
//! that stays is read off by comparing; only what becomes of its state cannot be, and is said in the update (U04, U12, U13). A
//! property that the flow leaves open is what the update says, or else what the operator has, or else the default.

use super::change::{self, Proposal};
use super::place;
use crate::component::Catalogue;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceMap, Thing};
use crate::flow::{Flow, InitialPacket, PortRef};
use crate::graph::{FlowGraph, Node};
use crate::id::OperatorId;
use crate::update::{Change, StatePolicy, Update};
use crate::validate::{diagnostic, names, validate};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The state of an operator that goes, for one that comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Handover {
    /// The operator that goes.
    pub(super) from: OperatorId,
    /// The operator that comes.
    pub(super) to: String,
    /// What becomes of the state.
    pub(super) state: StatePolicy,
}

/// Where an update leads.
pub(super) struct Target {
    /// The update, with the change of each operator that stays.
    pub(super) update: Update,
    /// The flow to change to, where one was named.
    pub(super) after: Option<FlowGraph>,
    /// States that are handed over.
    pub(super) handovers: Vec<Handover>,
    /// What is wrong (U04, U05, U06, U12, U13).
    pub(super) found: Vec<Diagnostic>,
}

impl Target {
    /// Looks where an update leads; refuses a flow that is not valid.
    pub(super) fn of(
        graph: &FlowGraph,
        update: &Update,
        map: &SourceMap,
        catalogue: &Catalogue,
    ) -> Result<Self, Diagnostics> {
        match &update.flow {
            None => Ok(Self::of_operators(update, map)),
            Some(flow) => Self::of_flow(graph, update, flow, map, catalogue),
        }
    }

    fn of_operators(update: &Update, map: &SourceMap) -> Self {
        let strays = update.changes.iter().filter(|(_, change)| change.from.is_some());
        let found = strays.map(|(name, _)| stray(update, map, name, "stays, and has a state of its own")).collect();
        Self { update: update.clone(), after: None, handovers: Vec::new(), found }
    }

    fn of_flow(
        graph: &FlowGraph,
        update: &Update,
        flow: &Flow,
        map: &SourceMap,
        catalogue: &Catalogue,
    ) -> Result<Self, Diagnostics> {
        let mut known = catalogue.clone();
        // A version is declared once: what runs goes before what a file says of it.
        for component in change::running(graph).into_values() {
            known.add(component.clone());
        }
        let after = validate(&completed(graph, update, flow, &known), &map.flow(), &known)?;
        let mut target = Self {
            update: Update { name: update.name.clone(), guarantee: update.guarantee, changes: [].into(), flow: None },
            after: None,
            handovers: Vec::new(),
            found: Vec::new(),
        };
        let sides = Sides { graph, after: &after, update, map, catalogue };
        for (name, change) in &update.changes {
            target.found.extend(sides.agrees(name, change));
        }
        for (_, node) in after.operators() {
            target.add(&sides, node);
        }
        target.after = Some(after);
        Ok(target)
    }

    fn add(&mut self, sides: &Sides<'_>, new: &Node) {
        let said = sides.update.changes.get(&new.name);
        match sides.graph.find(&new.name).map(|id| sides.graph.operator(id)) {
            Some(old) => match sides.change(old, new, said) {
                Ok(change) => self.update.changes.extend(change.map(|change| (new.name.clone(), change))),
                Err(diagnostic) => self.found.push(diagnostic),
            },
            None => {
                if let Some(from) = said.and_then(|change| change.from.as_ref()) {
                    self.hand_over(sides, new, said.expect("just seen"), from);
                }
            }
        }
    }

    fn hand_over(&mut self, sides: &Sides<'_>, new: &Node, change: &Change, from: &str) {
        let name = &new.name;
        let goes = sides.graph.find(from).filter(|_| sides.after.find(from).is_none());
        let Some(id) = goes else {
            let what = if sides.after.find(from).is_some() { "which stays" } else { "which is not there" };
            self.found.push(stray(sides.update, sides.map, name, &format!("is to have the state of `{from}`, {what}")));
            return;
        };
        if let Some(other) = self.handovers.iter().find(|h| h.from == id) {
            let what = format!("is to have the state of `{from}`, which `{}` has already", other.to);
            self.found.push(stray(sides.update, sides.map, name, &what));
            return;
        }
        let old = sides.graph.operator(id);
        let wrong = change::check_handover(sides.map, sides.catalogue, (name, change), old, &new.component);
        self.found.extend(wrong);
        if change.state != StatePolicy::Reset {
            self.handovers.push(Handover { from: id, to: name.clone(), state: change.state.clone() });
        }
    }
}

/// The flow to change to with every property that it leaves open: the update's values, and those that operators have which stay.
fn completed(graph: &FlowGraph, update: &Update, flow: &Flow, catalogue: &Catalogue) -> Flow {
    let mut whole = flow.clone();
    let set: BTreeSet<(&str, String)> =
        flow.initial.iter().map(|packet| (packet.to.operator.as_str(), packet.to.port_name())).collect();
    for operator in &flow.operators {
        let component = catalogue.component(&operator.component);
        let declares = |property: &str| component.is_some_and(|c| c.property(property).is_some());
        let is_open = |property: &String| !set.contains(&(operator.name.as_str(), property.clone()));
        let said = update.changes.get(&operator.name).map(|change| &change.properties);
        let had = graph.find(&operator.name).map(|id| &graph.operator(id).properties);
        let mut values: BTreeMap<&String, &Value> =
            had.into_iter().flatten().filter(|(name, _)| declares(name)).collect();
        values.extend(said.into_iter().flatten());
        let open = values.into_iter().filter(|(name, _)| is_open(name));
        whole.initial.extend(
            open.map(|(name, value)| InitialPacket { value: value.clone(), to: PortRef::new(&operator.name, name) }),
        );
    }
    whole
}

/// The flow before and after, and what the update says.
struct Sides<'a> {
    graph: &'a FlowGraph,
    after: &'a FlowGraph,
    update: &'a Update,
    map: &'a SourceMap,
    catalogue: &'a Catalogue,
}

impl Sides<'_> {
    /// The change of an operator that stays, if it is one. Every property is said, so that none keeps an old value.
    fn change(&self, old: &Node, new: &Node, said: Option<&Change>) -> Result<Option<Change>, Diagnostic> {
        let replaced = old.component.id != new.component.id;
        if !replaced && old.properties == new.properties {
            return Ok(said.filter(|s| s.state != StatePolicy::Keep && s.from.is_none()).cloned());
        }
        let state = match said {
            Some(said) => said.state.clone(),
            None if !replaced || (old.component.state.is_none() && new.component.state.is_none()) => StatePolicy::Keep,
            None => return Err(self.unsaid(old, new)),
        };
        Ok(Some(Change {
            component: Some(new.component.id.clone()),
            properties: new.properties.clone(),
            state,
            from: None,
            back: said.and_then(|said| said.back.clone()),
        }))
    }

    /// U04.
    fn unsaid(&self, old: &Node, new: &Node) -> Diagnostic {
        let name = &new.name;
        diagnostic(
            Code::U04,
            format!("update `{}` does not say what becomes of the state of `{name}`", self.update.name),
            self.map.flow().place(
                &Thing::Operator(name.clone()),
                format!("runs {} in place of {}", new.component.id, old.component.id),
            ),
            format!("`[operator.{name}]` with `state`"),
            "nothing",
            "write an update file that names this flow, and say state = \"keep\", \"reset\" or { transfer = \"NAME\" } there",
        )
    }

    /// U12 and U13 for what is said of one operator.
    fn agrees(&self, name: &str, change: &Change) -> Option<Diagnostic> {
        let Some(id) = self.after.find(name) else {
            let found = if self.graph.find(name).is_some() { "an operator that goes" } else { "no operator" };
            let near = names::close(name, self.after.operators().map(|(_, node)| node.name.as_str()));
            let hint = if near.is_empty() {
                "take the change out".into()
            } else {
                format!("did you mean {}?", names::one_of(near, ""))
            };
            let message =
                format!("update `{}` speaks of `{name}`, which its flow file does not have", self.update.name);
            return Some(self.disagreement(name, message, "an operator of the flow file", found, &hint));
        };
        let node = self.after.operator(id);
        if let Some(component) = change.component.as_ref().filter(|c| **c != node.component.id) {
            let message =
                format!("update `{}` and its flow file name different components for `{name}`", self.update.name);
            let (expected, found) = (format!("`{}`, as in the flow file", node.component.id), format!("`{component}`"));
            return Some(self.disagreement(name, message, &expected, &found, "name it in the flow file only"));
        }
        let other = change.properties.iter().find(|(property, value)| node.properties.get(*property) != Some(value));
        if let Some((property, value)) = other {
            let message =
                format!("update `{}` and its flow file give `{name}.{property}` different values", self.update.name);
            let there = node.properties.get(property).map_or("no such property".into(), ToString::to_string);
            return Some(self.disagreement(name, message, &there, &value.to_string(), "set it in the flow file only"));
        }
        match (&change.from, self.graph.find(name)) {
            (Some(_), Some(_)) => Some(stray(self.update, self.map, name, "stays, and has a state of its own")),
            (None, None) if change.state != StatePolicy::Reset => Some(stray(
                self.update,
                self.map,
                name,
                "comes in, and the update does not say whose state it takes over",
            )),
            _ => None,
        }
    }

    fn disagreement(&self, name: &str, message: String, expected: &str, found: &str, hint: &str) -> Diagnostic {
        let place = place(self.map, [Thing::Change(name.into())], "said here");
        diagnostic(Code::U12, message, place, expected, found, hint)
    }
}

/// U13.
fn stray(update: &Update, map: &SourceMap, name: &str, what: &str) -> Diagnostic {
    diagnostic(
        Code::U13,
        format!("in update `{}`, `{name}` {what}", update.name),
        place(map, [Thing::ChangeState(name.into()), Thing::Change(name.into())], "said here"),
        "an operator that comes in, with `from` naming one that goes, and each state handed over once",
        change_text(update, name),
        "give `from = \"NAME\"` for an operator that leaves the flow in this update, or take it out",
    )
}

fn change_text(update: &Update, name: &str) -> String {
    let change = &update.changes[name];
    match &change.from {
        Some(from) => format!("from = \"{from}\", state {}", change.state),
        None => format!("no `from`, state {}", change.state),
    }
}

/// The flow with all changes made. Where no change can be told from outside, what was found valid is valid still. Otherwise it is
/// validated anew, with the components that are in use, each as the running flow or the catalogue declares it.
pub(super) fn applied(graph: &FlowGraph, proposals: &[Proposal<'_>]) -> Result<FlowGraph, Diagnostics> {
    const FITS: &str = "a change without diagnostics has a component";
    if proposals.iter().all(Proposal::looks_the_same) {
        let others = proposals.iter().map(|p| (p.id, p.new.expect(FITS).clone(), p.properties.clone()));
        return Ok(graph.with_others(others));
    }
    let mut flow = graph.to_flow();
    let mut catalogue = Catalogue::default();
    for component in change::running(graph).into_values().chain(proposals.iter().filter_map(|p| p.new)) {
        catalogue.add(component.clone());
    }
    let changed: BTreeSet<&str> = proposals.iter().map(|proposal| proposal.node.name.as_str()).collect();
    flow.initial.retain(|packet| !changed.contains(packet.to.operator.as_str()));
    for proposal in proposals {
        let name = &proposal.node.name;
        // The flow was made from this graph, so its operators are in the same places.
        flow.operators[proposal.id.0 as usize].component = proposal.new.expect(FITS).id.clone();
        let packet = |(property, value): (&String, &Value)| InitialPacket {
            value: value.clone(),
            to: PortRef::new(name, property),
        };
        flow.initial.extend(proposal.properties.iter().map(packet));
    }
    validate(&flow, &SourceMap::default(), &catalogue)
}

/// What is wrong with the flow after the update. Types are left to U07, which tells the same with a run.
pub(super) fn broken_after(update: &Update, map: &SourceMap, broken: Diagnostics) -> Vec<Diagnostic> {
    let places: Vec<Place> = update
        .changes
        .keys()
        .filter_map(|name| {
            place(map, [Thing::ChangeComponent(name.clone()), Thing::Change(name.clone())], "changed here")
        })
        .collect();
    let others = broken.0.into_iter().filter(|d| d.code != Code::F07);
    others
        .map(|d| Diagnostic {
            message: format!("after update `{}`: {}", update.name, d.message),
            places: places.clone(),
            ..d
        })
        .collect()
}
