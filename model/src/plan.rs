//! From an update to a plan: what each operator does when the update reaches it, by which scheduler, and why that
//! gives the guarantee asked for.
//!
//! A plan is made before anything is touched, and only for an update that breaks no rule (U01 to U11): the operators
//! and components exist and fit, nothing that is held gets lost, and no packet meets a version that cannot take it.
//!
//! ```text
//!   update nio:  load -> load@nio, reply -> reply@nio          scheduler epoch
//!
//!   accept ----> read ----> parse ----> load ----> compose ----> reply
//!     marker        passes     passes      Replace    passes       Replace, then answers
//! ```
//!
//! The flow after the update is validated as a whole, like any other flow: a plan holds it as a
//! [`FlowGraph`], so there is no update to something invalid.

mod change;
mod meet;
mod scheduler;

#[cfg(test)]
mod examples;

pub use scheduler::{Scheduler, UnknownScheduler};

use crate::component::{Catalogue, Component};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceMap, Thing};
use crate::flow::{ComponentRef, Flow, InitialPacket, PortRef};
use crate::graph::{FlowGraph, Node};
use crate::id::OperatorId;
use crate::update::{Guarantee, StatePolicy, Update};
use crate::validate::{diagnostic, names, validate};
use change::Proposal;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What an operator does when the update reaches it, between two firings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It runs another component from then on.
    Replace {
        /// What it runs before.
        from: ComponentRef,
        /// What it runs after.
        to: ComponentRef,
        /// What becomes of its state.
        state: StatePolicy,
    },
    /// It takes these values, in place of others; properties that are not named keep theirs.
    Configure {
        /// The values, by property.
        properties: BTreeMap<String, Value>,
    },
}

/// An update that was checked, and how to carry it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The update's name.
    pub update: String,
    /// How it travels.
    pub scheduler: Scheduler,
    /// What was asked to be guaranteed.
    pub guarantee: Guarantee,
    /// Why this scheduler, in a sentence.
    pub reason: String,
    /// The operators that the update's markers pass (its messages, for [`Scheduler::Direct`]).
    pub scope: Vec<OperatorId>,
    /// What each changed operator does, in order: a replacement before new properties.
    pub actions: BTreeMap<OperatorId, Vec<Action>>,
    /// The flow once the update is applied. Operators, ports and arcs have the ids they had before.
    pub after: FlowGraph,
}

/// Plans an update of a flow, or says every rule it breaks. `map` holds places of the update's text. Without a
/// scheduler, it is [`Scheduler::Epoch`].
pub fn plan(
    graph: &FlowGraph,
    update: &Update,
    map: &SourceMap,
    catalogue: &Catalogue,
    scheduler: Option<Scheduler>,
) -> Result<Plan, Diagnostics> {
    let draft = Draft::of(graph, update, map, catalogue, scheduler);
    let mut found = draft.found.clone();
    found.extend(draft.misfits.iter().cloned());
    found.extend(draft.unpromised());
    draft.finish(found)
}

/// Plans an update with a scheduler that need not promise what is asked (no U11), for a checker that shows what then
/// goes wrong. If the scheduler mixes versions, pairs that do not fit (U07) come with the plan, and do not refuse it.
pub fn plan_unpromised(
    graph: &FlowGraph,
    update: &Update,
    map: &SourceMap,
    catalogue: &Catalogue,
    scheduler: Option<Scheduler>,
) -> Result<(Plan, Vec<Diagnostic>), Diagnostics> {
    let draft = Draft::of(graph, update, map, catalogue, scheduler);
    let misfits = draft.misfits.clone();
    let mut found = draft.found.clone();
    // Without a valid flow after the update there is nothing to explore, whichever scheduler leads there.
    if !draft.scheduler.mixes_versions() || draft.after.is_none() {
        found.extend(misfits.iter().cloned());
    }
    draft.finish(found).map(|plan| (plan, misfits))
}

/// An update that was looked at from all sides.
struct Draft<'a> {
    graph: &'a FlowGraph,
    update: &'a Update,
    map: &'a SourceMap,
    asked: Option<Scheduler>,
    scheduler: Scheduler,
    proposals: Vec<Proposal<'a>>,
    /// The flow once applied, when it is valid.
    after: Option<FlowGraph>,
    /// Everything that is wrong but for U07 and U11.
    found: Vec<Diagnostic>,
    /// U07.
    misfits: Vec<Diagnostic>,
}

impl<'a> Draft<'a> {
    fn of(
        graph: &'a FlowGraph,
        update: &'a Update,
        map: &'a SourceMap,
        catalogue: &'a Catalogue,
        asked: Option<Scheduler>,
    ) -> Self {
        let scheduler = asked.unwrap_or(Scheduler::Epoch);
        let (proposals, mut found) = change::check(graph, update, map, catalogue);
        let misfits = meet::check(graph, update, map, &proposals, scheduler);
        let mut after = None;
        if found.is_empty() {
            match applied(graph, &proposals) {
                Ok(graph) => after = Some(graph),
                Err(broken) => found.extend(broken_after(update, map, broken)),
            }
        }
        Self { graph, update, map, asked, scheduler, proposals, after, found, misfits }
    }

    fn targets(&self) -> Vec<OperatorId> {
        self.proposals.iter().map(|proposal| proposal.id).collect()
    }

    /// U11.
    fn unpromised(&self) -> Option<Diagnostic> {
        let asked = self.update.guarantee;
        let why_not = self.scheduler.judge(self.graph, &self.targets(), asked).err()?;
        let promises = |s: &&Scheduler, asked| s.judge(self.graph, &self.targets(), asked).is_ok();
        let others: Vec<String> =
            Scheduler::ALL.iter().filter(|s| promises(s, asked)).map(ToString::to_string).collect();
        let hint = if !others.is_empty() {
            format!("use {}", names::one_of(others.iter().map(String::as_str), ""))
        } else if promises(&&self.scheduler, Guarantee::CutConsistency) {
            format!("ask for {} only, or change the operators in updates of their own", Guarantee::CutConsistency)
        } else {
            "change the operators in updates of their own".into()
        };
        Some(diagnostic(
            Code::U11,
            format!("scheduler `{}` does not promise {asked} for update `{}`", self.scheduler, self.update.name),
            self.map.place(&Thing::UpdateName, format!("asks for {asked}")),
            format!("a scheduler that promises {asked}"),
            format!("`{}`: {why_not}", self.scheduler),
            hint,
        ))
    }

    fn reason(&self) -> String {
        let scheduler = self.scheduler;
        match (scheduler.judge(self.graph, &self.targets(), self.update.guarantee), self.asked) {
            (Ok(why), None) => format!("{scheduler} is the default: {why}"),
            (Ok(why), Some(_)) => format!("{scheduler} was asked for: {why}"),
            (Err(why), None | Some(_)) => {
                format!("{scheduler} was asked for although it does not promise {}: {why}", self.update.guarantee)
            }
        }
    }

    fn finish(self, mut found: Vec<Diagnostic>) -> Result<Plan, Diagnostics> {
        let reason = self.reason();
        let scope = self.scheduler.scope(self.graph, &self.targets());
        match self.after {
            Some(after) if found.is_empty() => Ok(Plan {
                update: self.update.name.clone(),
                scheduler: self.scheduler,
                guarantee: self.update.guarantee,
                reason,
                scope,
                actions: self.proposals.iter().map(|proposal| (proposal.id, proposal.actions())).collect(),
                after,
            }),
            Some(_) | None => {
                assert!(!found.is_empty(), "an update is refused for a reason: a misfit after it is also a U07");
                found.sort_by_key(|d| d.code);
                Err(Diagnostics(found))
            }
        }
    }
}

/// The flow with all changes made. Only components that are in use are known to it, each as the running flow or the
/// catalogue declares it.
fn applied(graph: &FlowGraph, proposals: &[Proposal<'_>]) -> Result<FlowGraph, Diagnostics> {
    let mut flow = graph.to_flow();
    let mut catalogue = Catalogue::default();
    for component in graph.operators().map(|(_, node)| &node.component).chain(proposals.iter().filter_map(|p| p.new)) {
        catalogue.add(component.clone());
    }
    for proposal in proposals {
        proposal.apply(&mut flow);
    }
    validate(&flow, &SourceMap::default(), &catalogue)
}

/// What is wrong with the flow after the update. Types are left to U07, which tells the same with a run.
fn broken_after(update: &Update, map: &SourceMap, broken: Diagnostics) -> Vec<Diagnostic> {
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

/// The place of the first thing that is known.
fn place(map: &SourceMap, things: impl IntoIterator<Item = Thing>, label: &str) -> Option<Place> {
    things.into_iter().find_map(|thing| map.place(&thing, label))
}

/// `a`, `b` and `c`, quoted.
fn names_of(graph: &FlowGraph, ids: &[OperatorId]) -> String {
    let names: Vec<String> = ids.iter().map(|id| format!("`{}`", graph.operator(*id).name)).collect();
    match names.split_last() {
        None => "no operator".into(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

impl Plan {
    /// The plan as text for people: what changes where, by which scheduler, and why. `before` is the flow it was made for.
    pub fn explain(&self, before: &FlowGraph) -> String {
        let mut text = String::new();
        let mut line = |line: String| writeln!(text, "{line}").expect("a string takes any text");
        line(format!("update `{}` changes {} of {} operators", self.update, self.actions.len(), before.len()));
        for (id, actions) in &self.actions {
            let (old, new) = (before.operator(*id), self.after.operator(*id));
            actions.iter().flat_map(|action| action.explain(old, new)).for_each(&mut line);
        }
        for (id, arc) in self.after.arcs().filter(|(id, arc)| before.arc(*id).carries != arc.carries) {
            let name = before.arc_name(id);
            line(format!("  {name}: carries {} where it carried {}", arc.carries, before.arc(id).carries));
        }
        line(format!("scheduler: {}. {}", self.scheduler, self.scheduler.promise()));
        line(format!("guarantee asked for: {}", self.guarantee));
        line(format!("reason: {}", self.reason));
        line(format!("scope: {}", self.scope_text(before)));
        text
    }

    fn scope_text(&self, before: &FlowGraph) -> String {
        match self.scheduler {
            Scheduler::Epoch => {
                format!("all {} operators; the marker enters at {}", before.len(), names_of(before, &before.sources()))
            }
            Scheduler::Direct => format!("a message to each of {}", names_of(before, &self.scope)),
        }
    }
}

impl Action {
    fn explain(&self, old: &Node, new: &Node) -> Vec<String> {
        let name = &old.name;
        match self {
            Self::Replace { from, to, state } => {
                let mut lines = vec![
                    format!("  {name}: runs {to} in place of {from}"),
                    state_text(state, &old.component, &new.component),
                ];
                if old.component.holds_open_work() {
                    lines.push("    open work: carried with the state, finished by the new version".into());
                }
                lines
            }
            Self::Configure { properties } => properties
                .iter()
                .map(|(property, value)| {
                    let was = old.properties.get(property).map_or_else(|| "not a property".into(), Value::to_string);
                    format!("  {name}: property {property} is {value}, was {was}")
                })
                .collect(),
        }
    }
}

fn state_text(policy: &StatePolicy, old: &Component, new: &Component) -> String {
    let of = |component: &Component| component.state.clone().unwrap_or_else(|| "none".into());
    match (policy, &old.state, &new.state) {
        (_, None, None) => "    state: none before and after".into(),
        (StatePolicy::Keep, _, _) => format!("    state: {} is kept", of(new)),
        (StatePolicy::Reset, _, _) => format!("    state: {} is dropped, {} begins afresh", of(old), of(new)),
        (StatePolicy::Transfer(name), _, _) => format!("    state: {} from {} by transfer {name}", of(new), of(old)),
    }
}

impl Proposal<'_> {
    fn actions(&self) -> Vec<Action> {
        let from = &self.node.component.id;
        let replace = self.replaces().map(|new| Action::Replace {
            from: from.clone(),
            to: new.id.clone(),
            state: self.change.state.clone(),
        });
        let properties = self.differing();
        let configure = (!properties.is_empty()).then_some(Action::Configure { properties });
        replace.into_iter().chain(configure).collect()
    }

    fn apply(&self, flow: &mut Flow) {
        let name = &self.node.name;
        let operator = flow.operators.iter_mut().find(|operator| operator.name == *name);
        let new = self.new.expect("a change without diagnostics has a component");
        operator.expect("the flow was made from this graph").component = new.id.clone();
        flow.initial.retain(|packet| packet.to.operator != *name);
        flow.initial.extend(
            self.properties
                .iter()
                .map(|(property, value)| InitialPacket { value: value.clone(), to: PortRef::new(name, property) }),
        );
    }
}
