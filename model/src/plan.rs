//! From an update to a plan: what each operator does when the update reaches it, by which scheduler, and why that
//! gives the guarantee asked for.
//!
//! A plan is made before anything is touched, and only for an update that breaks no rule (U01 to U13): the operators
//! and components exist and fit, nothing that is held gets lost, and no packet meets a version that cannot take it.
//!
//! ```text
//!   update nio:  load -> load@nio, reply -> reply@nio          scheduler epoch
//!
//!   accept ----> read ----> parse ----> load ----> compose ----> reply
//!     marker        passes     passes      Replace    passes       Replace, then answers
//! ```
//!
//! An update that names a whole flow is planned by difference: what goes, what comes, which arcs move
//! ([`reconnection`](crate::reconnection)), and at which operator's computation time each of them is taken away or attached.
//! The flow after the update is validated as a whole, like any other flow: a plan holds it as a
//! [`FlowGraph`], so there is no update to something invalid.

mod change;
mod difference;
mod explain;
mod inverse;
mod meet;
mod overtaking;
mod relied;
mod route;
mod scheduler;
mod target;

#[cfg(test)]
mod definitions;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod rewrites;

pub use explain::Alternative;
pub use inverse::inverse;
pub use route::{Pass, Route};
pub use scheduler::{Scheduler, UnknownScheduler};

use crate::component::Catalogue;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceMap, Thing};
use crate::flow::{ComponentRef, PortRef};
use crate::graph::FlowGraph;
use crate::id::{InPort, OperatorId};
use crate::reconnection::Reconnections;
use crate::update::{Guarantee, StatePolicy, Update};
use crate::validate::{diagnostic, names};
use change::Proposal;
use difference::Difference;
use overtaking::Impact;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use target::{Handover, Target};

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
    /// It gives its state, open work included, to an operator that comes.
    HandOver {
        /// That operator's name.
        to: String,
        /// What becomes of the state there.
        state: StatePolicy,
    },
    /// It takes away the arc at one of its input ports.
    Disconnect {
        /// The port.
        port: PortRef,
        /// Where the arc comes to; nowhere if its producer goes.
        to: Option<PortRef>,
    },
    /// An arc is attached to one of its input ports: at once if it was taken away elsewhere, or else when it is.
    Connect {
        /// The port.
        port: PortRef,
        /// The output port that the arc belongs to.
        arc: PortRef,
    },
    /// It leaves the program, once its open work is finished.
    Retire,
}

/// An update that was checked, and how to carry it out. Operators before are named by their ids before, those that come by
/// their ids after.
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
    /// The way of its marker.
    pub route: Route,
    /// What each operator does at its computation time, in order: first its function, then its arcs.
    pub actions: BTreeMap<OperatorId, Vec<Action>>,
    /// What is done at a feedback port when the marker has come along the arc there.
    pub switches: BTreeMap<InPort, Vec<Action>>,
    /// Operators that go.
    pub retired: Vec<OperatorId>,
    /// Operators that come.
    pub extension: Vec<OperatorId>,
    /// Arcs that move.
    pub reconnections: Reconnections,
    /// The flow once the update is applied. An operator that stays has the name it had before.
    pub after: FlowGraph,
}

/// Plans an update of a flow, or says every rule it breaks. `map` holds places of the update's text. Without a
/// scheduler, it is the first of [`Scheduler::BY_DEFAULT`] that promises what is asked.
pub fn plan(
    graph: &FlowGraph,
    update: &Update,
    map: &SourceMap,
    catalogue: &Catalogue,
    scheduler: Option<Scheduler>,
) -> Result<Plan, Diagnostics> {
    let target = Target::of(graph, update, map, catalogue)?;
    let draft = Draft::of(graph, &target, map, catalogue, scheduler);
    let mut found = draft.found.clone();
    // A change whose state policy is missing is not in the draft: what follows from its absence would be told of a flow that nobody wants.
    if !found.iter().any(|d| d.code == Code::U04) {
        found.extend(draft.misfits.iter().cloned());
        found.extend(draft.unpromised());
    }
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
    let target = Target::of(graph, update, map, catalogue)?;
    let draft = Draft::of(graph, &target, map, catalogue, scheduler);
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
    handovers: &'a [Handover],
    difference: Difference,
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
        target: &'a Target,
        map: &'a SourceMap,
        catalogue: &'a Catalogue,
        asked: Option<Scheduler>,
    ) -> Self {
        let update = &target.update;
        let (proposals, mut found) = change::check(graph, update, map, catalogue);
        found.extend(target.found.iter().cloned());
        let fits = proposals.iter().all(|p| p.new.is_some());
        let mut difference = Difference::default();
        let mut after = None;
        match &target.after {
            Some(flow) => {
                if fits {
                    difference = Difference::of(graph, flow);
                }
                after = Some(flow.clone());
            }
            None if found.is_empty() => match target::applied(graph, &proposals) {
                Ok(graph) => after = Some(graph),
                Err(broken) => found.extend(target::broken_after(update, map, broken)),
            },
            None => {}
        }
        if found.is_empty() && proposals.is_empty() && difference.is_empty() {
            found.push(change::empty(update, map));
        }
        let mut draft = Self {
            graph,
            update,
            map,
            asked,
            scheduler: Scheduler::Epoch,
            proposals,
            handovers: &target.handovers,
            difference,
            after,
            found,
            misfits: Vec::new(),
        };
        draft.scheduler = asked.unwrap_or_else(|| draft.by_default());
        // With a change left out, because it is not said what becomes of a state, versions would seem to meet that do not.
        let incomplete = target.found.iter().any(|d| d.code == Code::U04);
        draft.misfits = match &draft.after {
            _ if incomplete => Vec::new(),
            Some(after) if !draft.difference.is_empty() => {
                meet::check_moved(graph, after, update, map, &draft.difference)
            }
            Some(_) | None => meet::check(graph, update, map, &draft.proposals, draft.scheduler),
        };
        draft
    }

    fn by_default(&self) -> Scheduler {
        let impact = self.impact();
        let promises = |s: &&Scheduler| s.judge(&impact, self.update.guarantee).is_ok();
        Scheduler::BY_DEFAULT.iter().find(promises).copied().unwrap_or(Scheduler::Epoch)
    }

    fn impact(&self) -> Impact<'_> {
        let d = &self.difference;
        let arcs = d.taken.keys().chain(d.attached.keys()).chain(&d.retired).copied();
        let changed: BTreeSet<_> = self.proposals.iter().map(|proposal| proposal.id).chain(arcs).collect();
        let targets: BTreeSet<_> = changed.iter().copied().chain(d.marked.iter().map(|out| out.operator)).collect();
        Impact {
            before: self.graph,
            after: self.after.as_ref(),
            targets: targets.into_iter().collect(),
            changed: changed.into_iter().collect(),
            retired: &d.retired,
            marked: &d.marked,
            heirs: self.handovers.iter().map(|handover| (handover.from, handover.to.as_str())).collect(),
        }
    }

    /// U11.
    fn unpromised(&self) -> Option<Diagnostic> {
        let asked = self.update.guarantee;
        let impact = self.impact();
        let why_not = match self.scheduler.judge(&impact, asked) {
            Err(why_not) => why_not,
            Ok(_) if self.scheduler == Scheduler::Direct && !self.difference.is_empty() => {
                "nothing orders its messages with the packets, so arcs are moved with packets on them that were meant for another".into()
            }
            Ok(_) => return None,
        };
        let promises = |s: &&Scheduler, asked| s.judge(&impact, asked).is_ok();
        let others: Vec<String> = Scheduler::ALL
            .iter()
            .filter(|s| **s != self.scheduler && promises(s, asked))
            .map(ToString::to_string)
            .collect();
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
        match (scheduler.judge(&self.impact(), self.update.guarantee), self.asked) {
            (Ok(why), None) => format!("{scheduler} is the default here: {why}"),
            (Ok(why), Some(_)) => format!("{scheduler} was asked for: {why}"),
            (Err(why), None | Some(_)) => {
                format!("{scheduler} was asked for although it does not promise {}: {why}", self.update.guarantee)
            }
        }
    }

    /// What each operator does, in order: function and state first, then arcs, each port's own before another comes.
    fn actions(&self) -> BTreeMap<OperatorId, Vec<Action>> {
        let mut actions: BTreeMap<OperatorId, Vec<Action>> =
            self.proposals.iter().map(|proposal| (proposal.id, proposal.actions())).collect();
        for Handover { from, to, state } in self.handovers {
            actions.entry(*from).or_default().push(Action::HandOver { to: to.clone(), state: state.clone() });
        }
        for (at, ports) in &self.difference.taken {
            let taken = ports.iter().map(|(port, to)| Action::Disconnect { port: port.clone(), to: to.clone() });
            actions.entry(*at).or_default().extend(taken);
        }
        for (at, ports) in &self.difference.attached {
            let attached = ports.iter().map(|(port, arc)| Action::Connect { port: port.clone(), arc: arc.clone() });
            actions.entry(*at).or_default().extend(attached);
        }
        for at in &self.difference.retired {
            actions.entry(*at).or_default().push(Action::Retire);
        }
        actions
    }

    fn switches(&self) -> BTreeMap<InPort, Vec<Action>> {
        let actions = |(port, (to, arc)): (&InPort, &(Option<PortRef>, Option<PortRef>))| {
            let name = self.graph.input(*port);
            let taken = Action::Disconnect { port: name.clone(), to: to.clone() };
            let comes = arc.iter().map(|arc| Action::Connect { port: name.clone(), arc: arc.clone() });
            (*port, std::iter::once(taken).chain(comes).collect())
        };
        self.difference.switched.iter().map(actions).collect()
    }

    fn finish(self, mut found: Vec<Diagnostic>) -> Result<Plan, Diagnostics> {
        if let Some(mut after) = self.after.clone().filter(|_| found.is_empty()) {
            let route =
                Route::to(self.scheduler, (self.graph, &after), &self.impact().targets, &self.difference.marked);
            after.memory = overtaking::remembered(self.scheduler, &self.update.name, &self.impact());
            return Ok(Plan {
                update: self.update.name.clone(),
                scheduler: self.scheduler,
                guarantee: self.update.guarantee,
                reason: self.reason(),
                scope: route.scope(),
                route,
                actions: self.actions(),
                switches: self.switches(),
                retired: self.difference.retired,
                extension: self.difference.extension,
                reconnections: self.difference.reconnections,
                after,
            });
        }
        assert!(!found.is_empty(), "an update is refused for a reason: a misfit after it is also a U07");
        found.sort_by_key(|d| d.code);
        found.dedup();
        Err(Diagnostics(found))
    }
}

/// The place of the first thing that is known.
fn place(map: &SourceMap, things: impl IntoIterator<Item = Thing>, label: &str) -> Option<Place> {
    things.into_iter().find_map(|thing| match &thing {
        Thing::Change(operator) => map.place_change(operator, label),
        other => map.place(other, label),
    })
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
}
