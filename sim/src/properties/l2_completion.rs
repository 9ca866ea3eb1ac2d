//! L2: every marker join completes; when nothing can happen any more, all is done.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::net::Item;

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

    fn at_end(&self, view: View<'_>) -> Result<(), String> {
        let (program, net) = (&view.instance.program, view.net);
        for at in net.operators() {
            let operator = program.operator(at);
            if let Some(update) = net.cell(at).operator.joining().next() {
                let name = &view.instance.update(update).name;
                return Err(format!("{} waits for ever in the marker join of `{name}`", operator.name));
            }
            if !net.cell(at).pending.is_empty() {
                return Err(format!("{} holds output for a full arc for ever", operator.name));
            }
            if !net.cell(at).mail.is_empty() {
                return Err(format!("mail never arrives at {}", operator.name));
            }
            if net.cell(at).operator.is_waiting() {
                return Err(format!("{} waits for ever for the state that it is to take over", operator.name));
            }
            if net.ended && !net.cell(at).operator.is_closed() {
                return Err(format!("{} never ends, though the flow has", operator.name));
            }
        }
        for (id, arc) in program.arcs().take(net.arcs.len()) {
            let left = net.arc(id).items.iter().filter(|i| !matches!(i, Item::End)).count();
            if left > 0 {
                let (from, to) = (view.instance.name(arc.from.operator), view.destination_name(id));
                return Err(format!("{left} left on the arc from {from} to {to}, and nobody can take a step"));
            }
        }
        Ok(())
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.net.cells.iter().any(|c| c.operator.joining().next().is_some())
    }
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
