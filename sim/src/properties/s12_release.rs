//! S12: an operator is released when nothing is left in it and nothing can reach it.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::program::Feed;

/// S12. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S12;

impl Property for S12 {
    const ABOUT: About = About {
        code: "S12",
        name: "release",
        sentence: "An operator is released only when it is drained and no arc leads to it any more.",
        source: "protocol rule: nothing of an update follows its marker into what is deleted",
        witness: "an operator was released",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        let Observation::Gone { at } = event else { return Ok(()) };
        let (cell, name) = (view.net.cell(*at), view.instance.name(*at));
        if !cell.held.is_empty() {
            return Err(format!("{name} is released while it holds {} packets", cell.held.len()));
        }
        if cell.pending.iter().any(|(_, item)| matches!(item, crate::net::Item::Packet(_))) {
            return Err(format!("{name} is released while its output waits for room"));
        }
        match cell.inputs.iter().position(|feed| *feed != Feed::Vacant) {
            None => Ok(()),
            Some(port) => {
                let port = &view.instance.program.operator(*at).input_names[port];
                Err(format!("{name} is released while an arc still leads to its port {port}, or is to come there"))
            }
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.net.cells.iter().any(|cell| cell.operator.is_released())
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    #[test]
    fn an_operator_that_is_released_with_open_work_is_found() {
        let sound = teeth::buffer_goes();
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::RetireUndrained)), "S12");
        insta::assert_debug_snapshot!(found);
        teeth::holds(&sound, "S12");
    }
}
