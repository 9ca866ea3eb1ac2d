//! U01, U02, U03, U05, U06, U08, U09, U10: each change by itself.
//!
//! A change fits an operator if nothing around the operator has to change: same ports, same rules of firing, a value
//! for every property, and a state that the new function can read.

use super::place;
use crate::component::{Catalogue, Component, Firing, Property};
use crate::diagnostic::{Code, Diagnostic, Place, SourceMap, Thing, port};
use crate::flow::ComponentRef;
use crate::graph::{FlowGraph, Node};
use crate::id::OperatorId;
use crate::update::{Change, StatePolicy, Update};
use crate::validate::component::emission_name;
use crate::validate::{diagnostic, names, validate_component};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The change of one operator that exists.
pub(super) struct Proposal<'a> {
    pub(super) id: OperatorId,
    pub(super) node: &'a Node,
    pub(super) change: &'a Change,
    /// What it runs after the update; `None` where that is unknown or does not fit the operator's arcs.
    pub(super) new: Option<&'a Arc<Component>>,
    /// The complete properties after the update, as far as they are right.
    pub(super) properties: BTreeMap<String, Value>,
}

impl<'a> Proposal<'a> {
    /// The component that takes the place of another.
    pub(super) fn replaces(&self) -> Option<&'a Component> {
        self.new.filter(|new| new.id != self.node.component.id).map(|new| &**new)
    }

    /// Whether nothing around the operator could tell the difference but by what it does.
    pub(super) fn looks_the_same(&self) -> bool {
        self.new.is_some_and(|new| self.node.component.looks_like(new))
    }

    /// The properties that get another value than they have.
    pub(super) fn differing(&self) -> BTreeMap<String, Value> {
        let named = self.properties.iter().filter(|(name, _)| self.change.properties.contains_key(*name));
        let differ = named.filter(|(name, value)| self.node.properties.get(*name) != Some(value));
        differ.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// The components that a flow runs.
pub(super) type Running<'a> = BTreeMap<&'a ComponentRef, &'a Arc<Component>>;

/// What a flow runs, by name and version.
pub(super) fn running(graph: &FlowGraph) -> Running<'_> {
    let mut running = Running::new();
    let mut last: Option<&Arc<Component>> = None;
    for component in graph.operators().map(|(_, node)| &node.component) {
        // Operators share what they run, and those beside each other often run the same.
        if !last.replace(component).is_some_and(|last| Arc::ptr_eq(last, component)) {
            running.entry(&component.id).or_insert(component);
        }
    }
    running
}

/// Every change of an existing operator, and what is wrong with each.
pub(super) fn check<'a>(
    graph: &'a FlowGraph,
    update: &'a Update,
    map: &SourceMap,
    catalogue: &'a Catalogue,
) -> (Vec<Proposal<'a>>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut proposals: Vec<Proposal<'a>> = Vec::new();
    let running = running(graph);
    for (name, change) in &update.changes {
        match graph.find(name) {
            None => found.push(unknown_operator(graph, update, map, name)),
            Some(id) => {
                let mut rules = Rules {
                    running: &running,
                    map,
                    catalogue,
                    name,
                    node: graph.operator(id),
                    change,
                    found: Vec::new(),
                };
                proposals.push(rules.proposal(id));
                found.append(&mut rules.found);
            }
        }
    }
    proposals.sort_by_key(|proposal| proposal.id);
    (proposals, found)
}

/// U08, for an update that leaves everything as it is.
pub(super) fn empty(update: &Update, map: &SourceMap) -> Diagnostic {
    diagnostic(
        Code::U08,
        format!("update `{}` changes nothing", update.name),
        map.place(&Thing::Whole, "changes nothing"),
        "at least one operator that changes, comes or goes",
        "none",
        "name an operator and what it runs from then on, or a flow that is not the one that runs",
    )
}

fn unknown_operator(graph: &FlowGraph, update: &Update, map: &SourceMap, name: &str) -> Diagnostic {
    let near = names::close(name, graph.operators().map(|(_, node)| node.name.as_str()));
    let all = graph.operators().map(|(_, node)| node.name.as_str());
    let hint = if near.is_empty() {
        format!("operators of the flow: {}", names::one_of(all, "none"))
    } else {
        format!("did you mean {}?", names::one_of(near, ""))
    };
    diagnostic(
        Code::U01,
        format!("update `{}` changes operator `{name}`, which the flow does not have", update.name),
        map.place(&Thing::Change(name.into()), "no such operator"),
        "an operator of the flow",
        format!("`{name}`"),
        hint,
    )
}

/// What is wrong with the state of an operator that goes being taken over by one that comes: the rules for the state of one that changes.
pub(super) fn check_handover(
    map: &SourceMap,
    catalogue: &Catalogue,
    (name, change): (&str, &Change),
    from: &Node,
    to: &Component,
) -> Vec<Diagnostic> {
    let running = &Running::new();
    let mut rules = Rules { running, map, catalogue, name, node: from, change, found: Vec::new() };
    rules.state(to);
    rules.found
}

struct Rules<'a, 'm> {
    running: &'m Running<'a>,
    map: &'m SourceMap,
    catalogue: &'a Catalogue,
    name: &'a str,
    node: &'a Node,
    change: &'a Change,
    found: Vec<Diagnostic>,
}

impl<'a> Rules<'a, '_> {
    fn proposal(&mut self, id: OperatorId) -> Proposal<'a> {
        let wanted = self.change.component.as_ref().unwrap_or(&self.node.component.id);
        let new = self.component(wanted);
        let mut properties = BTreeMap::new();
        let mut fits = false;
        if let Some(new) = new {
            fits = self.sound(new) & self.same_ports(new) && self.same_firing(new);
            properties = self.properties(new);
            self.state(new);
        }
        let proposal = Proposal { id, node: self.node, change: self.change, new: new.filter(|_| fits), properties };
        let same = proposal.replaces().is_none() && proposal.differing().is_empty();
        // A stray `from` (U13) is what is wrong then.
        if self.found.is_empty() && same && self.change.from.is_none() {
            self.nothing();
        }
        proposal
    }

    /// What a running flow already runs goes before the catalogue: a version is declared once.
    fn component(&mut self, wanted: &ComponentRef) -> Option<&'a Arc<Component>> {
        let component = self.running.get(wanted).copied().or_else(|| self.catalogue.shared(wanted));
        if component.is_none() {
            self.report(
                Code::U02,
                format!("operator `{}` is to run `{wanted}`, which does not exist", self.name),
                self.place_component("no such component"),
                [
                    "a component that is compiled in or declared",
                    &format!("`{wanted}`"),
                    &names::component_hint(wanted, self.catalogue),
                ],
            );
        }
        component
    }

    /// F14 for the new component, shown where the update names it.
    fn sound(&mut self, new: &Component) -> bool {
        let faults = validate_component(new, &SourceMap::default());
        let sound = faults.is_empty();
        let place = self.place_component("runs it");
        self.found.extend(
            faults.into_iter().map(|fault| Diagnostic { places: place.clone().into_iter().collect(), ..fault }),
        );
        sound
    }

    fn same_ports(&mut self, new: &Component) -> bool {
        let (before, after) = (ports(&self.node.component), ports(new));
        if before == after {
            return true;
        }
        let sorted = |(mut inputs, mut outputs): (Vec<String>, Vec<String>)| {
            inputs.sort();
            outputs.sort();
            (inputs, outputs)
        };
        let hint = if sorted(before.clone()) == sorted(after.clone()) {
            "the names are the same: declare them in the same order, by which ports are numbered"
        } else {
            "to replace an operator by one with other ports, change the flow, and give the new operator another name"
        };
        let text = |(inputs, outputs): (Vec<String>, Vec<String>)| {
            format!("inputs ({}) and outputs ({})", inputs.join(", "), outputs.join(", "))
        };
        self.report(
            Code::U03,
            format!("`{}` does not have the ports of operator `{}`", new.id, self.name),
            self.place_component("has other ports"),
            [&text(before), &text(after), hint],
        );
        false
    }

    fn same_firing(&mut self, new: &Component) -> bool {
        let (before, after) = (firing(&self.node.component), firing(new));
        if before != after {
            self.report(
                Code::U10,
                format!("`{}` does not fire as operator `{}` does", new.id, self.name),
                self.place_component("fires by other rules"),
                [
                    &before,
                    &after,
                    "markers and joins rely on these rules, so a function that takes another's place must keep them",
                ],
            );
        }
        before == after
    }

    fn properties(&mut self, new: &'a Component) -> BTreeMap<String, Value> {
        for name in self.change.properties.keys().filter(|name| new.property(name).is_none()) {
            let there = names::one_of(new.settable().map(|p| p.name.as_str()), "none");
            self.report(
                Code::U09,
                format!("`{}` has no property `{name}`", new.id),
                self.place_property(name, "no such property"),
                [
                    &format!("a property of `{}`", new.id),
                    &format!("`{name}`"),
                    &format!("properties of `{}`: {there}", new.id),
                ],
            );
        }
        let set = new.settable().filter_map(|property| Some((property.name.clone(), self.property(property)?)));
        set.collect()
    }

    /// The value of a property after the update: the one given, or else the one it has, or else the default.
    fn property(&mut self, property: &Property) -> Option<Value> {
        let (given, had) = (self.change.properties.get(&property.name), self.node.properties.get(&property.name));
        let value = given.or(had).or(property.default.as_ref());
        if value.is_none() && property.is_reserved() {
            return None;
        }
        let accepted = value.and_then(|value| property.kind.accept(value));
        if accepted.is_none() {
            let (what, label) = match (given, had) {
                (Some(_), _) => ("is set to a value of another kind", "of another kind"),
                (None, Some(_)) => ("cannot keep its value", "does not set it"),
                (None, None) => ("is not set and has no default", "does not set it"),
            };
            self.report(
                Code::U09,
                format!("property `{}` {what}", port(self.name, &property.name)),
                self.place_property(&property.name, label),
                [
                    property.kind.describe(),
                    &value.map_or_else(|| "no value".into(), Value::to_string),
                    &format!("give `{}` {} in the update", property.name, property.kind.describe()),
                ],
            );
        }
        accepted
    }

    fn state(&mut self, new: &Component) {
        let old = &self.node.component;
        self.way_back(old, new);
        if new.id == old.id {
            self.state_of_unchanged_function(old);
            return;
        }
        match &self.change.state {
            StatePolicy::Keep if old.state != new.state => self.unfit_state(
                format!("`{}` cannot keep the state of `{}`", new.id, old.id),
                &state_name(old),
                &state_name(new),
                &if old.state.is_some() && new.state.is_some() {
                    self.transfers(old, new)
                } else {
                    "use `reset`".into()
                },
            ),
            StatePolicy::Keep => {}
            StatePolicy::Reset if old.holds_open_work() => self.dropped(
                new,
                "a policy that carries what it holds",
                "`reset`, with emission `buffer` before",
                "use `keep`, or a transfer",
            ),
            StatePolicy::Reset => {}
            StatePolicy::Transfer(name) => self.transfer(name, old, new),
        }
        if old.holds_open_work() && !new.holds_open_work() {
            let found = format!("emission `{}`", emission_name(new.emission));
            self.dropped(
                new,
                "emission `buffer`, as before",
                &found,
                "what is held would never be released: install a component that releases it",
            );
        }
    }

    /// `back` is for a rollback; what could not be used then is refused now.
    fn way_back(&mut self, old: &Component, new: &Component) {
        if old.id == new.id {
            return;
        }
        let before = self.found.len();
        match &self.change.back {
            Some(StatePolicy::Transfer(name)) => self.transfer(name, new, old),
            Some(StatePolicy::Keep) if old.state != new.state => self.unfit_state(
                format!("on the way back, `{}` cannot keep the state of `{}`", old.id, new.id),
                &state_name(new),
                &state_name(old),
                &self.transfers(new, old),
            ),
            Some(StatePolicy::Keep | StatePolicy::Reset) | None => {}
        }
        let place = place(
            self.map,
            [Thing::ChangeBack(self.name.into()), Thing::Change(self.name.into())],
            "does not lead back",
        );
        for diagnostic in &mut self.found[before..] {
            diagnostic.places = place.clone().into_iter().collect();
        }
    }

    fn state_of_unchanged_function(&mut self, old: &Component) {
        let drops = match &self.change.state {
            StatePolicy::Keep => false,
            StatePolicy::Reset => old.state.is_some(),
            StatePolicy::Transfer(_) => true,
        };
        if drops {
            self.unfit_state(
                format!("`{}` runs `{}`, as before, so its state stays as it is", self.name, old.id),
                "`keep`",
                &format!("`{}`", self.change.state),
                "use `keep`, or install another component",
            );
        }
    }

    fn transfer(&mut self, name: &str, old: &Component, new: &Component) {
        match self.catalogue.transfer(name) {
            None => self.unfit_state(
                format!("there is no transfer `{name}`"),
                "a transfer that is compiled in or declared",
                &format!("`{name}`"),
                &self.transfers(old, new),
            ),
            Some(t) if old.state.as_ref() == Some(&t.from) && new.state.as_ref() == Some(&t.to) => {}
            Some(t) => self.unfit_state(
                format!("transfer `{name}` does not lead from the state of `{}` to that of `{}`", old.id, new.id),
                &format!("from {} to {}", state_name(old), state_name(new)),
                &format!("from `{}` to `{}`", t.from, t.to),
                &self.transfers(old, new),
            ),
        }
    }

    fn transfers(&self, old: &Component, new: &Component) -> String {
        let fit = self
            .catalogue
            .transfers()
            .filter(|t| old.state.as_ref() == Some(&t.from) && new.state.as_ref() == Some(&t.to));
        let fit = names::one_of(fit.map(|t| t.name.as_str()), "none, so declare one");
        format!("transfers from {} to {}: {fit}", state_name(old), state_name(new))
    }

    fn unfit_state(&mut self, message: String, expected: &str, found: &str, hint: &str) {
        self.report(Code::U05, message, self.place_state("does not fit"), [expected, found, hint]);
    }

    fn dropped(&mut self, new: &Component, expected: &str, found: &str, hint: &str) {
        let message =
            format!("operator `{}` may hold packets, and `{}` would not go on with them", self.node.name, new.id);
        self.report(Code::U06, message, self.place_state("drops open work"), [expected, found, hint]);
    }

    fn nothing(&mut self) {
        let found = if self.change.component.is_none() && self.change.properties.is_empty() {
            "neither a component nor a property"
        } else {
            "the component and properties it has already"
        };
        self.report(
            Code::U08,
            format!("the change of operator `{}` changes nothing", self.name),
            place(self.map, [Thing::Change(self.name.into())], "changes nothing"),
            [
                "another component, or another value of a property",
                found,
                "take the change out, or say what is to be different",
            ],
        );
    }

    fn report(&mut self, code: Code, message: String, place: Option<Place>, texts: [&str; 3]) {
        let [expected, found, hint] = texts;
        self.found.push(diagnostic(code, message, place, expected, found, hint));
    }

    fn place_component(&self, label: &str) -> Option<Place> {
        place(self.map, [Thing::ChangeComponent(self.name.into()), Thing::Change(self.name.into())], label)
    }

    fn place_state(&self, label: &str) -> Option<Place> {
        place(self.map, [Thing::ChangeState(self.name.into()), Thing::Change(self.name.into())], label)
    }

    fn place_property(&self, property: &str, label: &str) -> Option<Place> {
        let thing = Thing::ChangeProperty(self.name.into(), property.into());
        place(self.map, [thing, Thing::Change(self.name.into())], label)
    }
}

fn ports(component: &Component) -> (Vec<String>, Vec<String>) {
    let inputs = component.inputs.iter().map(|input| input.name.clone());
    (inputs.collect(), component.outputs.iter().map(|output| output.name.clone()).collect())
}

/// The rules of firing that an update must keep, in words.
fn firing(component: &Component) -> String {
    let firing = match component.firing {
        Firing::None => "none",
        Firing::Any => "any",
        Firing::All => "all",
    };
    let feedback = component.inputs.iter().filter(|input| input.feedback).map(|input| input.name.as_str());
    let feedback: Vec<&str> = feedback.collect();
    let ports =
        if feedback.is_empty() { "no feedback port".into() } else { format!("feedback at {}", feedback.join(", ")) };
    let absorbing = component.inputs.iter().filter(|input| input.absorbs).map(|input| input.name.as_str());
    let absorbing: Vec<&str> = absorbing.collect();
    let absorbing =
        if absorbing.is_empty() { String::new() } else { format!(", absorbing at {}", absorbing.join(", ")) };
    format!("firing `{firing}`, {ports}{absorbing}")
}

fn state_name(component: &Component) -> String {
    component.state.as_ref().map_or_else(|| "no state".into(), |state| format!("state type `{state}`"))
}
