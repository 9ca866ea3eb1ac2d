//! S13: whoever is not concerned is left alone.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;

/// S13. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S13;

impl Property for S13 {
    const ABOUT: About = About {
        code: "S13",
        name: "non-interference",
        sentence: "Operators outside an update's scope are never held back by it: no marker of it comes to them.",
        source: "Fries (VLDB 2022): markers stay inside the minimal covering sub-DAG",
        witness: "an update is answered that does not concern some operator",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match event {
            Observation::Marked { at, update } => {
                let deployment = view.instance.update(*update);
                let is_switched = deployment.expected.switched.iter().any(|(operator, _)| operator == at);
                if deployment.concerns(*at) || is_switched {
                    return Ok(());
                }
                Err(format!(
                    "{} gets the marker of `{}`, which does not concern it",
                    view.instance.name(*at),
                    deployment.name
                ))
            }
            _ => Ok(()),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        let mut updates = view.instance.update_ids().filter(|u| view.net.answered.contains(*u));
        updates.any(|u| view.net.operators().any(|at| !view.instance.update(u).concerns(at)))
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    #[test]
    fn a_marker_that_leaves_its_scope_is_found() {
        let sound = teeth::scoped_change();
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::BroadcastEverywhere)), "S13");
        insta::assert_debug_snapshot!(found);
        teeth::holds(&sound, "S13");
    }
}
