//! S9: arcs keep their ends.
//!
//! Bijectivity at work: an arc has one reader, or is owned by the one marker in which it travels. Nothing else than an operator's
//! own actions moves it, so what must be looked for is an arc that is lost because another was attached in its place, and,
//! when all is quiet, a wiring that is not the one planned.

use super::{About, Debt, Owed, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{ArcId, InPort, PortIndex, UpdateId};
use neurath_model::program::Feed;

/// S9. What stands where is known from the net; nothing more to remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S9;

impl Property for S9 {
    const ABOUT: About = About {
        code: "S9",
        name: "structure",
        sentence: "An arc has one reader or travels in one marker; when all is quiet, every port has the arc that was planned.",
        source: "paper, section 5.5: the resulting graph contains neither unconnected arcs nor orphaned ports",
        witness: "an arc is under way from one port to another",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match event {
            Observation::Attached { to, arc, lost: Some(lost) } => Err(format!(
                "at {}, the arc of {} comes before the arc of {} has gone, which is lost",
                view.instance.program.input_name(*to),
                output(view, *arc),
                output(view, *lost)
            )),
            _ => Ok(()),
        }
    }

    fn owed(&self, view: View<'_>, owed: &mut Vec<Owed>) {
        owed.extend(view.net.transit.iter().map(|arc| Owed::once(Debt::Arc(*arc))));
        let all_answered = (1..=view.net.submitted).all(|u| view.net.answered.contains(UpdateId(u)));
        for at in view.net.operators().filter(|at| !view.net.cell(*at).operator.is_retired()) {
            let ports =
                (0..view.net.cell(at).inputs.len() as u8).map(|port| InPort { operator: at, port: PortIndex(port) });
            let is_amiss = |port: &InPort| match view.net.feed(*port) {
                Feed::Arc(arc) => all_answered && view.instance.destination(arc, view.net.submitted) != Some(*port),
                Feed::Expects(_) | Feed::Vacant => true,
            };
            owed.extend(ports.filter(is_amiss).map(|port| Owed::once(Debt::Port(port))));
        }
    }

    fn tell(&self, view: View<'_>, debt: Debt) -> String {
        match debt {
            Debt::Arc(arc) => format!("the arc of {} never comes to a port", output(view, arc)),
            Debt::Port(port) => {
                let name = view.instance.program.input_name(port);
                match view.net.feed(port) {
                    Feed::Arc(arc) => format!(
                        "{name} is left with the arc of {}, which was planned to end elsewhere",
                        output(view, arc)
                    ),
                    Feed::Expects(_) | Feed::Vacant => format!("{name} is left without an arc"),
                }
            }
            _ => unreachable!("S9 speaks of arcs and ports"),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        !view.net.transit.is_empty()
    }
}

fn output(view: View<'_>, arc: ArcId) -> String {
    view.instance.program.output_name(view.instance.program.arc(arc).from)
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    #[test]
    fn an_arc_that_comes_before_the_other_has_gone_is_found() {
        let sound = teeth::deletion();
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::ConnectFirst)), "S9");
        insta::assert_debug_snapshot!(found);
        teeth::holds(&sound, "S9");
    }
}
