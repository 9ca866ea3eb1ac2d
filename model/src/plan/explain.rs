//! A plan as text for people: what changes where, what goes and comes, which arcs move, by which scheduler, and why.

use super::{Action, Plan, Scheduler, names_of};
use crate::component::Component;
use crate::graph::{FlowGraph, Node};
use crate::update::StatePolicy;
use std::fmt::Write;

impl Plan {
    /// The plan as text for people. `before` is the flow it was made for.
    pub fn explain(&self, before: &FlowGraph) -> String {
        let mut text = String::new();
        let mut line = |line: String| writeln!(text, "{line}").expect("a string takes any text");
        line(format!("update `{}` changes {} of {} operators", self.update, self.actions.len(), before.len()));
        for id in &self.extension {
            let node = self.after.operator(*id);
            line(format!("  {}: comes, running {}", node.name, node.component.id));
        }
        for (id, actions) in &self.actions {
            actions.iter().flat_map(|action| self.tell(action, before.operator(*id))).for_each(&mut line);
        }
        for (port, actions) in &self.switches {
            let name = before.input_name(*port);
            line(format!("  {name}: when the marker has come along the feedback arc there"));
            actions.iter().flat_map(|action| self.tell(action, before.operator(port.operator))).for_each(&mut line);
        }
        for (id, arc) in self.after.arcs() {
            let (from, to) = (self.after.output(arc.from), self.after.input(arc.to));
            let was = before.driven(&from).filter(|port| before.input(*port) == to);
            let was = was.map(|port| before.arc(before.operator(port.operator).inputs[usize::from(port.port.0)]));
            if let Some(was) = was.filter(|was| was.carries != arc.carries) {
                let name = self.after.arc_name(id);
                line(format!("  {name}: carries {} where it carried {}", arc.carries, was.carries));
            }
        }
        line(format!("scheduler: {}. {}", self.scheduler, self.scheduler.promise()));
        line(format!("guarantee asked for: {}", self.guarantee));
        line(format!("reason: {}", self.reason));
        line(format!("scope: {}", self.scope_text(before)));
        text
    }

    fn scope_text(&self, before: &FlowGraph) -> String {
        let heads = names_of(before, &self.route.heads);
        match self.scheduler {
            Scheduler::Direct => format!("a message to each of {}", names_of(before, &self.scope)),
            Scheduler::StopTheWorld => format!("all {} operators; {heads} stop", before.len()),
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

    fn tell(&self, action: &Action, old: &Node) -> Vec<String> {
        let name = &old.name;
        let after = |name: &str| self.after.operator(self.after.find(name).expect("it stays or comes"));
        match action {
            Action::Replace { from, to, state } => {
                let mut lines = vec![
                    format!("  {name}: runs {to} in place of {from}"),
                    state_text(state, &old.component, &after(name).component),
                ];
                if old.component.holds_open_work() {
                    lines.push("    open work: carried with the state, finished by the new version".into());
                }
                lines
            }
            Action::Configure { properties } => properties
                .iter()
                .map(|(property, value)| {
                    let was = old.properties.get(property);
                    let was = was.map_or_else(|| "not a property".into(), ToString::to_string);
                    format!("  {name}: property {property} is {value}, was {was}")
                })
                .collect(),
            Action::HandOver { to, state } => vec![
                format!("  {name}: gives its state to {to}"),
                state_text(state, &old.component, &after(to).component),
            ],
            Action::Disconnect { port, to: Some(to) } => vec![format!("  {port}: its arc moves to {to}")],
            Action::Disconnect { port, to: None } => vec![format!("  {port}: its arc ends, for its producer goes")],
            Action::Connect { port, arc } => vec![format!("  {port}: is fed by {arc} from then on")],
            Action::Retire => vec![format!("  {name}: goes{}", self.retirement(old))],
        }
    }

    fn retirement(&self, old: &Node) -> String {
        let hands_over = self.actions.values().flatten().any(|a| matches!(a, Action::HandOver { .. }));
        match (&old.component.state, old.component.holds_open_work(), hands_over) {
            (None, _, _) => String::new(),
            (Some(_), _, true) => ", with its state handed over".into(),
            (Some(state), true, false) => format!(", once its open work is finished; its state, {state}, is dropped"),
            (Some(state), false, false) => format!("; its state, {state}, is dropped"),
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
