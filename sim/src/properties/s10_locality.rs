//! S10: an operator takes arcs from its own ports.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::protocol::Operator;

/// S10. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S10;

impl Property for S10 {
    const ABOUT: About = About {
        code: "S10",
        name: "locality",
        sentence: "An operator disconnects only its own input ports.",
        source: "paper, section 5.5.1: changes can only be applied to the local operator",
        witness: "an operator has taken an arc from its port, and waits for another",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match event {
            Observation::Disconnected { at, from, .. } if from.operator != *at => Err(format!(
                "{} takes the arc at {}, which is not its own port",
                view.instance.name(*at),
                view.instance.program.input_name(*from)
            )),
            _ => Ok(()),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        let waits = |operator: &Operator| !operator.vacant().is_empty();
        view.net.cells.iter().any(|cell| waits(&cell.operator))
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;

    #[test]
    fn an_operator_that_fetches_an_arc_is_found() {
        let sound = teeth::exchange();
        let found = teeth::breach(&sound.clone().with_fault(Fault::FetchArc), "S10");
        insta::assert_debug_snapshot!(found);
        teeth::holds(&sound, "S10");
    }
}
