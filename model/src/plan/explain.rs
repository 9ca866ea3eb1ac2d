//! A plan as text for people: what comes, goes and changes, operator by operator; which arcs move, in which order; by which scheduler,
//! and why; and what the other schedulers would give.
//!
//! ```text
//!   update `u`: 1 operator comes, 1 goes, 1 gets other arcs; 2 of 4 stay as they are
//!     z comes, running count@big
//!       IN: fed by a.OUT
//!       OUT: leads to y.IN
//!     x goes, which ran count@1
//!       IN: the arc of a.OUT moves to z.IN
//!     y gets other arcs, and goes on running batch@1
//!       IN: the arc of x.OUT ends, as x goes
//!       IN: the arc of z.OUT comes
//! ```

use super::overtaking::Impact;
use super::route::Route;
use super::{Action, Plan, Scheduler, names_of};
use crate::component::Component;
use crate::flow::PortRef;
use crate::graph::{FlowGraph, Node};
use crate::id::{ArcId, InPort, OperatorId, OutPort};
use crate::reconnection::Reconnection;
use crate::update::StatePolicy;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What another scheduler would give for the update of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alternative {
    /// That scheduler.
    pub scheduler: Scheduler,
    /// Whether it promises what the update asks for.
    pub promises: bool,
    /// Why, or why not.
    pub reason: String,
    /// How many operators its markers or messages reach.
    pub passes: usize,
}

impl Plan {
    /// The plan as text for people. `before` is the flow it was made for.
    pub fn explain(&self, before: &FlowGraph) -> String {
        let mut text = format!("update `{}`: {}\n", self.update, self.summary(before));
        let mut line = |line: String| writeln!(text, "{line}").expect("a string takes any text");
        for id in &self.extension {
            line(format!("  {}", self.arrival(*id)));
            self.ports(*id).into_iter().for_each(|step| line(format!("    {step}")));
        }
        for id in self.touched() {
            line(format!("  {}", self.heading(before, id)));
            self.steps(before, id).into_iter().for_each(|step| line(format!("    {step}")));
        }
        if !self.reconnections.is_empty() {
            line("arcs are moved in this order:".into());
            let moves = self.reconnections.iter().enumerate();
            moves.for_each(|(i, r)| line(format!("  {}. {}", i + 1, moved(r))));
        }
        let carried = self.carried(before);
        if !carried.is_empty() {
            line("arcs that carry another type:".into());
            carried.into_iter().for_each(|arc| line(format!("  {arc}")));
        }
        line(format!("scheduler: {}. {}", self.scheduler, self.scheduler.promise()));
        line(format!("guarantee asked for: {}", self.guarantee));
        line(format!("reason: {}", self.reason));
        line(format!("scope: {}", self.scope_text(before)));
        line("the other schedulers:".into());
        self.alternatives(before).iter().for_each(|other| line(format!("  {}", other.told(before.len()))));
        text
    }

    /// What an operator does at its computation time, and when a marker has come along a feedback arc, each in a sentence.
    pub fn steps(&self, before: &FlowGraph, at: OperatorId) -> Vec<String> {
        let old = before.operator(at);
        let own = self.actions.get(&at).map_or(&[][..], Vec::as_slice);
        let mut steps: Vec<String> = own.iter().flat_map(|action| self.told(action, own, before, old)).collect();
        for (_, actions) in self.switches.iter().filter(|(port, _)| port.operator == at) {
            let told = actions.iter().flat_map(|action| self.told(action, actions, before, old));
            steps.extend(told.map(|step| format!("{step}, when the marker has come along the feedback arc there")));
        }
        steps
    }

    /// What each of the other schedulers would give.
    pub fn alternatives(&self, before: &FlowGraph) -> Vec<Alternative> {
        let marked = self.marked(before);
        let impact = self.impact(before, &marked);
        let others = Scheduler::ALL.iter().filter(|scheduler| **scheduler != self.scheduler);
        others
            .map(|&scheduler| {
                let judged = scheduler.judge(&impact, self.guarantee);
                Alternative {
                    scheduler,
                    promises: judged.is_ok() && !(scheduler.mixes_versions() && self.moves_arcs()),
                    reason: match judged {
                        Ok(_) if scheduler.mixes_versions() && self.moves_arcs() => {
                            "nothing orders its messages with the packets on the arcs that move".into()
                        }
                        Ok(reason) | Err(reason) => reason,
                    },
                    passes: Route::to(scheduler, (before, &self.after), &impact.targets, &marked).passes.len(),
                }
            })
            .collect()
    }

    fn moves_arcs(&self) -> bool {
        !(self.extension.is_empty() && self.retired.is_empty() && self.reconnections.is_empty())
    }

    /// The feedback arcs that carry a marker.
    fn marked(&self, before: &FlowGraph) -> BTreeSet<OutPort> {
        self.switches.keys().map(|port| before.arc(fed(before, *port)).from).collect()
    }

    fn impact<'a>(&'a self, before: &'a FlowGraph, marked: &'a BTreeSet<OutPort>) -> Impact<'a> {
        let changed: Vec<OperatorId> = self.actions.keys().copied().collect();
        let all: BTreeSet<_> = changed.iter().copied().chain(marked.iter().map(|out| out.operator)).collect();
        let heir = |(at, actions): (&OperatorId, &'a Vec<Action>)| {
            actions.iter().find_map(|action| match action {
                Action::HandOver { to, .. } => Some((*at, to.as_str())),
                _ => None,
            })
        };
        let heirs: BTreeMap<OperatorId, &str> = self.actions.iter().filter_map(heir).collect();
        Impact {
            before,
            after: Some(&self.after),
            targets: all.into_iter().collect(),
            changed,
            retired: &self.retired,
            marked,
            heirs,
        }
    }

    /// The operators before at which something changes: those that go, those that run something else, those that get other arcs.
    fn touched(&self) -> Vec<OperatorId> {
        let switched = self.switches.keys().map(|port| port.operator);
        let all: BTreeSet<OperatorId> = self.actions.keys().copied().chain(switched).collect();
        let mut all: Vec<OperatorId> = all.into_iter().collect();
        all.sort_by_key(|id| self.kind(*id));
        all
    }

    fn kind(&self, id: OperatorId) -> Kind {
        let changes = |action: &Action| matches!(action, Action::Replace { .. } | Action::Configure { .. });
        if self.retired.contains(&id) {
            Kind::Goes
        } else if self.actions.get(&id).is_some_and(|actions| actions.iter().any(changes)) {
            Kind::Changes
        } else {
            Kind::Rewired
        }
    }

    fn summary(&self, before: &FlowGraph) -> String {
        let touched = self.touched();
        let of = |kind| touched.iter().filter(|id| self.kind(**id) == kind).count();
        let counts = [
            (self.extension.len(), "comes", "come"),
            (of(Kind::Goes), "goes", "go"),
            (of(Kind::Changes), "changes", "change"),
            (of(Kind::Rewired), "gets other arcs", "get other arcs"),
        ];
        let some = counts.into_iter().filter(|(count, ..)| *count > 0).enumerate();
        let parts = some.map(|(i, (count, one, several))| {
            let (noun, verb) = if count == 1 { ("operator", one) } else { ("operators", several) };
            if i == 0 { format!("{count} {noun} {verb}") } else { format!("{count} {verb}") }
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        let rest = before.len() - touched.len();
        match rest {
            0 => parts,
            1 => format!("{parts}; 1 of {} stays as it is", before.len()),
            rest => format!("{parts}; {rest} of {} stay as they are", before.len()),
        }
    }

    fn arrival(&self, id: OperatorId) -> String {
        let node = self.after.operator(id);
        format!("{} comes, running {}", node.name, node.component.id)
    }

    /// Where the ports of an operator that comes are connected, and whose state it has.
    fn ports(&self, id: OperatorId) -> Vec<String> {
        let node = self.after.operator(id);
        let arcs = node.inputs.iter().chain(&node.outputs).map(|arc| self.after.arc(*arc));
        let mut steps: Vec<String> = Vec::new();
        for arc in arcs {
            let (from, to) = (self.after.output(arc.from), self.after.input(arc.to));
            let step = if arc.to.operator == id {
                format!("{}: fed by {from}", to.port_name())
            } else {
                format!("{}: leads to {to}", from.port_name())
            };
            steps.push(step);
        }
        steps
    }

    fn heading(&self, before: &FlowGraph, id: OperatorId) -> String {
        let node = before.operator(id);
        let (name, component) = (&node.name, &node.component.id);
        match self.kind(id) {
            Kind::Goes => format!("{name} goes, which ran {component}"),
            Kind::Changes => format!("{name} changes"),
            Kind::Rewired => format!("{name} gets other arcs, and goes on running {component}"),
        }
    }

    fn scope_text(&self, before: &FlowGraph) -> String {
        let heads = names_of(before, &self.route.heads);
        match self.scheduler {
            Scheduler::Direct => format!("a message to each of {}", names_of(before, &self.scope)),
            Scheduler::StopTheWorld => {
                let stop = if self.route.heads.len() == 1 { "stops" } else { "stop" };
                format!("all {} operators; {heads} {stop}", before.len())
            }
            Scheduler::Epoch | Scheduler::Dependent | Scheduler::Scoped if self.scope.len() == before.len() => {
                format!("all {} operators; the marker enters at {heads}", before.len())
            }
            Scheduler::Epoch | Scheduler::Dependent | Scheduler::Scoped => format!(
                "{} of {} operators: {}; the marker enters at {heads}",
                self.scope.len(),
                before.len(),
                names_of(before, &self.scope)
            ),
        }
    }

    /// Arcs that stay and carry another type from then on.
    fn carried(&self, before: &FlowGraph) -> Vec<String> {
        let stays = self.after.arcs().filter_map(|(id, arc)| {
            let (from, to) = (self.after.output(arc.from), self.after.input(arc.to));
            let port = before.driven(&from).filter(|port| before.input(*port) == to)?;
            let was = &before.arc(fed(before, port)).carries;
            (*was != arc.carries)
                .then(|| format!("{}: {} where it carried {was}", self.after.arc_name(id), arc.carries))
        });
        stays.collect()
    }

    fn told(&self, action: &Action, actions: &[Action], before: &FlowGraph, old: &Node) -> Vec<String> {
        let after = |name: &str| self.after.operator(self.after.find(name).expect("it stays or comes"));
        match action {
            Action::Replace { from, to, state } => {
                let mut lines = vec![
                    format!("runs {to} in place of {from}"),
                    state_text(state, &old.component, &after(&old.name).component),
                ];
                if old.component.holds_open_work() {
                    lines.push("open work: carried with the state, finished by the new version".into());
                }
                lines
            }
            Action::Configure { properties } => properties
                .iter()
                .map(|(property, value)| {
                    let was = old.properties.get(property);
                    let unset = if old.component.property(property).is_some() { "not set" } else { "not a property" };
                    let was = was.map_or_else(|| unset.into(), ToString::to_string);
                    format!("property {property}: {value}, was {was}")
                })
                .collect(),
            Action::HandOver { to, state } => {
                let text = state_text(state, &old.component, &after(to).component);
                vec![format!("hands its state over to {to}: {}", text.trim_start_matches("state: "))]
            }
            Action::Disconnect { port, to: Some(to) } => {
                vec![format!("{}: the arc of {} moves to {to}", port.port_name(), arc_at(before, port))]
            }
            Action::Disconnect { port, to: None } => {
                let arc = arc_at(before, port);
                vec![format!("{}: the arc of {arc} ends, as {} goes", port.port_name(), arc.operator)]
            }
            Action::Connect { port, arc } => vec![format!("{}: the arc of {arc} comes", port.port_name())],
            Action::Retire => Self::retirement(old, actions).into_iter().collect(),
        }
    }

    fn retirement(old: &Node, actions: &[Action]) -> Option<String> {
        let hands_over = actions.iter().any(|action| matches!(action, Action::HandOver { .. }));
        match (&old.component.state, old.component.holds_open_work(), hands_over) {
            (None, _, _) | (Some(_), _, true) => None,
            (Some(state), true, false) => {
                Some(format!("leaves once its open work is finished; its state, {state}, is dropped"))
            }
            (Some(state), false, false) => Some(format!("its state, {state}, is dropped")),
        }
    }
}

/// What happens to an operator, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Goes,
    Changes,
    Rewired,
}

impl Alternative {
    fn told(&self, count: usize) -> String {
        let Self { scheduler, passes, reason, .. } = self;
        let reach = match scheduler {
            Scheduler::Direct => "a message to each operator that changes".into(),
            Scheduler::StopTheWorld => "the whole flow pauses and is drained".into(),
            Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped => {
                format!("its marker passes {passes} of {count} operators")
            }
        };
        if self.promises {
            format!("{scheduler}: would do; {reach}")
        } else {
            format!("{scheduler}: refused: {reason}")
        }
    }
}

fn fed(graph: &FlowGraph, port: InPort) -> ArcId {
    graph.operator(port.operator).inputs[usize::from(port.port.0)]
}

/// The output port whose arc stands at an input port.
fn arc_at(before: &FlowGraph, port: &PortRef) -> PortRef {
    let port = before.find_input(port).expect("the plan was made for this flow");
    before.output(before.arc(fed(before, port)).from)
}

fn moved(Reconnection { arc, from, to }: &Reconnection) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("{arc}: from {from} to {to}"),
        (Some(from), None) => format!("{arc}: taken away at {from}, and ends, as {} goes", arc.operator),
        (None, Some(to)) => format!("{arc}: new, to {to}"),
        (None, None) => format!("{arc}: nowhere"),
    }
}

fn state_text(policy: &StatePolicy, old: &Component, new: &Component) -> String {
    let of = |component: &Component| component.state.clone().unwrap_or_else(|| "none".into());
    match (policy, &old.state, &new.state) {
        (_, None, None) => "state: none before and after".into(),
        (StatePolicy::Keep, _, _) => format!("state: {} is kept", of(new)),
        (StatePolicy::Reset, _, _) => format!("state: {} is dropped, {} begins afresh", of(old), of(new)),
        (StatePolicy::Transfer(name), _, _) => format!("state: {} from {} by transfer {name}", of(new), of(old)),
    }
}
