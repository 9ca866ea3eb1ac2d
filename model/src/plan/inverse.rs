//! The inverse of an update: what takes a flow back to what it was.
//!
//! It is an update like any other, to the flow before. What becomes of each state on the way back is the `back` of the change
//! that brought it there, or, where that is not said, the state as it is, if its type allows that (U14).

use super::place;
use crate::component::PLACE;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap, Thing};
use crate::flow::{Flow, InitialPacket, PortRef};
use crate::graph::{FlowGraph, Node};
use crate::update::{Change, StatePolicy, Update};
use crate::validate::diagnostic;

/// The update that leads from `after` back to `before`, given the one that led there; or which states it cannot take back.
pub fn inverse(before: &FlowGraph, after: &FlowGraph, update: &Update, map: &SourceMap) -> Result<Update, Diagnostics> {
    if update.flow.is_none() {
        return inverse_of_operators(before, after, update, map);
    }
    let mut back = Update::to_flow(name(update), flow_to_go_back_to(before, after));
    back.guarantee = update.guarantee;
    let mut found = Vec::new();
    for (_, old) in before.operators() {
        let said = update.changes.get(&old.name);
        let way =
            match after.find(&old.name).map(|id| after.operator(id)) {
                Some(new) if new.component.id != old.component.id => Some((new, said, None)),
                Some(_) => None,
                // It went: what took its state over gives it back.
                None => update.changes.iter().find(|(_, c)| c.from.as_ref() == Some(&old.name)).and_then(
                    |(name, change)| Some((after.operator(after.find(name)?), Some(change), Some(name.clone()))),
                ),
            };
        let Some((new, said, from)) = way else { continue };
        match policy(old, new, said) {
            Some(state) => {
                let there = said.map(|change| change.state.clone());
                let change = Change { from, back: there, ..Change::of_state(state) };
                back.changes.insert(old.name.clone(), change);
            }
            None => found.push(untakable(update, map, old, new)),
        }
    }
    if found.is_empty() { Ok(back) } else { Err(Diagnostics(found)) }
}

/// The flow before. A property that nobody has to set is said to be none where the update set it: a flow that leaves it open would
/// leave it as it is.
fn flow_to_go_back_to(before: &FlowGraph, after: &FlowGraph) -> Flow {
    let mut flow = before.to_flow();
    for (_, old) in before.operators() {
        let Some(new) = after.find(&old.name).map(|id| after.operator(id)) else { continue };
        let unsaid =
            unsaid(old, new).map(|name| InitialPacket { value: "".into(), to: PortRef::new(&*old.name, name) });
        flow.initial.extend(unsaid);
    }
    flow
}

/// What nobody had said before the update.
fn unsaid<'a>(old: &'a Node, new: &'a Node) -> impl Iterator<Item = &'a String> {
    new.properties.keys().filter(|name| *name == PLACE && !old.properties.contains_key(*name))
}

/// An update of operators is taken back by one of the same operators, which leaves the rest of the flow alone whatever has become
/// of it.
fn inverse_of_operators(
    before: &FlowGraph,
    after: &FlowGraph,
    update: &Update,
    map: &SourceMap,
) -> Result<Update, Diagnostics> {
    let node = |graph: &FlowGraph, name: &str| graph.find(name).map(|id| graph.operator(id).clone());
    let mut back = Update { name: name(update), guarantee: update.guarantee, changes: [].into(), flow: None };
    let mut found = Vec::new();
    for (operator, said) in &update.changes {
        let (Some(old), Some(new)) = (node(before, operator), node(after, operator)) else { continue };
        let replaced = old.component.id != new.component.id;
        let differs =
            |(name, value): &(&String, &serde_json::Value)| replaced || new.properties.get(*name) != Some(*value);
        let had = old.properties.iter().filter(differs).map(|(n, v)| (n.clone(), v.clone()));
        // What nobody had said before the update is left open again.
        let properties = had.chain(unsaid(&old, &new).map(|name| (name.clone(), "".into()))).collect();
        let way = if replaced { policy(&old, &new, Some(said)) } else { Some(StatePolicy::Keep) };
        let Some(state) = way else {
            found.push(untakable(update, map, &old, &new));
            continue;
        };
        let component = replaced.then(|| old.component.id.clone());
        let there = replaced.then(|| said.state.clone());
        back.changes.insert(operator.clone(), Change { component, properties, state, from: None, back: there });
    }
    if found.is_empty() { Ok(back) } else { Err(Diagnostics(found)) }
}

/// What takes back a rollback applies the update again.
fn name(update: &Update) -> String {
    const ROLLBACK: &str = "rollback of ";
    update.name.strip_prefix(ROLLBACK).map_or_else(|| format!("{ROLLBACK}{}", update.name), str::to_owned)
}

fn policy(old: &Node, new: &Node, said: Option<&Change>) -> Option<StatePolicy> {
    let same = old.component.state == new.component.state;
    said.and_then(|change| change.back.clone()).or(same.then_some(StatePolicy::Keep))
}

/// U14.
fn untakable(update: &Update, map: &SourceMap, old: &Node, new: &Node) -> Diagnostic {
    let state = |node: &Node| node.component.state.clone().unwrap_or_else(|| "no state".into());
    diagnostic(
        Code::U14,
        format!(
            "update `{}` cannot be taken back: nothing leads from the state of `{}` back to that of `{}`",
            update.name, new.name, old.name
        ),
        place(map, [Thing::ChangeState(new.name.clone()), Thing::Change(new.name.clone())], "says only the way there"),
        format!("`back`: a transfer from `{}` to `{}`, or \"reset\"", state(new), state(old)),
        "no `back`, and other state types",
        "apply an update of your own that says what becomes of the state",
    )
}
