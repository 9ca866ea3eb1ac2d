//! L2: every marker join completes; when nothing can happen any more, all is done.

use super::{About, Debt, Owed, Property, View};
use crate::instance::Instance;
use crate::net::Item;
use neurath_model::id::{ArcId, OperatorId};

/// L2. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct L2;

impl Property for L2 {
    const ABOUT: About = About {
        code: "L2",
        name: "completion",
        sentence: "Every marker join completes, and when no step is possible nothing is left on any arc.",
        source: "paper, section 5.5.1: the marker join; absence of deadlock",
        witness: "an operator waits in a marker join",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn owed(&self, view: View<'_>, owed: &mut Vec<Owed>) {
        for at in view.net.operators() {
            owed.extend(joins(view, at).chain(others(view, at)).map(Owed::once));
        }
        for (id, arc) in view.instance.program.arcs().take(view.net.arcs.len()) {
            let pending = view.net.cell(arc.from.operator).pending.iter();
            let pending = pending.filter(|(port, _)| *port == arc.from.port).map(|(_, item)| item);
            owed.extend(view.net.arc(id).items.iter().chain(pending).filter_map(|item| match item {
                Item::Marker(marker) => Some(Owed::once(Debt::Marker(id, marker.update))),
                Item::Packet(_) | Item::End => None,
            }));
        }
    }

    fn tell(&self, view: View<'_>, debt: Debt) -> String {
        let (name, update) = (|at| view.instance.name(at), |u| &view.instance.update(u).name);
        match debt {
            Debt::Join(at, u) => format!("{} waits for ever in the marker join of `{}`", name(at), update(u)),
            Debt::Mail(at, _) => format!("mail never arrives at {}", name(at)),
            Debt::State(at) => format!("{} waits for ever for the state that it is to take over", name(at)),
            Debt::End(at) => format!("{} never ends, though the flow has", name(at)),
            Debt::Marker(arc, u) => {
                let (from, to) = ends(view, arc);
                format!("the marker of `{}` stays on the arc from {from} to {to} for ever", update(u))
            }
            _ => unreachable!("L2 speaks of markers, mail and what waits for them"),
        }
    }

    /// Packets are for L3 to mind where not everything comes to an end.
    fn at_end(&self, view: View<'_>) -> Result<(), String> {
        let (program, net) = (&view.instance.program, view.net);
        for at in net.operators() {
            if let Some(debt) = joins(view, at).next() {
                return Err(self.tell(view, debt));
            }
            if !net.cell(at).pending.is_empty() {
                return Err(format!("{} holds output for a full arc for ever", view.instance.name(at)));
            }
            if let Some(debt) = others(view, at).next() {
                return Err(self.tell(view, debt));
            }
        }
        for (id, _) in program.arcs().take(net.arcs.len()) {
            let left = net.arc(id).items.iter().filter(|i| !matches!(i, Item::End)).count();
            if left > 0 {
                let (from, to) = ends(view, id);
                return Err(format!("{left} left on the arc from {from} to {to}, and nobody can take a step"));
            }
        }
        Ok(())
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.net.cells.iter().any(|c| c.operator.joining().next().is_some())
    }
}

/// The marker joins in which an operator waits.
fn joins(view: View<'_>, at: OperatorId) -> impl Iterator<Item = Debt> + '_ {
    view.net.cell(at).operator.joining().map(move |u| Debt::Join(at, u))
}

/// What else an operator waits for, or has not done.
fn others(view: View<'_>, at: OperatorId) -> impl Iterator<Item = Debt> + '_ {
    let cell = view.net.cell(at);
    let mail = cell.mail.iter().map(move |mail| Debt::Mail(at, *mail));
    let waits = cell.operator.is_waiting().then_some(Debt::State(at));
    let stays = (view.net.ended && !cell.operator.is_closed()).then_some(Debt::End(at));
    mail.chain(waits).chain(stays)
}

/// The names of the operators at the ends of an arc.
fn ends<'a>(view: View<'a>, arc: ArcId) -> (&'a str, &'a str) {
    (view.instance.name(view.instance.program.arc(arc).from.operator), view.destination_name(arc))
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use crate::scenario;
    use neurath_model::protocol::Mutant;

    #[test]
    fn a_marker_join_that_waits_for_ever_is_found() {
        let sound = teeth::rejoin_changes(scenario::routed(), "merge@2");
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::MarkerOnOneOutput)), "L2");
        assert_eq!((found.steps, found.story.as_str()), (8, "rejoin waits for ever in the marker join of `u1`"));
        teeth::holds(&sound, "L2");
    }

    /// No operator of the server awaits two markers, so that the join is never seen to wait when all is well.
    #[test]
    fn a_marker_awaited_on_a_feedback_arc_is_found() {
        let faulty = teeth::http_switch(1).with_fault(Fault::Protocol(Mutant::AwaitFeedback));
        let found = teeth::breach(&faulty, "L2");
        assert_eq!((found.steps, found.story.as_str()), (4, "read waits for ever in the marker join of `nio`"));
    }
}
