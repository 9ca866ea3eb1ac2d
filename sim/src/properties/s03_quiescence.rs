//! S3: an update takes effect between firings.
//!
//! A half-consumed tuple cannot occur: the driver takes a whole tuple or nothing. What remains is output of an earlier
//! firing that has not gone out.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::net::Item;
use crate::observation::Observation;

/// S3. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S3;

impl Property for S3 {
    const ABOUT: About = About {
        code: "S3",
        name: "quiescence",
        sentence: "An update is applied only between firings, when all that the last firing emitted has gone out.",
        source: "paper, section 5.5: while a port handler executes, all ports of its operator are inactive",
        witness: "a marker waits at an operator that holds output for a full arc",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match event {
            Observation::Applied { at, unflushed, .. } if *unflushed > 0 => Err(format!(
                "the update was applied at {} while {unflushed} of its outputs had not gone out",
                view.instance.name(*at)
            )),
            _ => Ok(()),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.net.operators().any(|at| {
            let inputs = view.instance.program.operator(at).interface.inputs;
            let marker = |port| matches!(view.net.first(at, port), Some(Item::Marker(_)));
            !view.net.cell(at).pending.is_empty() && inputs.iter().any(marker)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;

    #[test]
    fn an_update_amid_held_output_is_found() {
        let sound = teeth::one_changes(2, 1);
        let found = teeth::breach(&sound.clone().with_fault(Fault::ApplyMidFiring), "S3");
        assert_eq!(
            (found.steps, found.story.as_str()),
            (7, "the update was applied at x1 while 1 of its outputs had not gone out")
        );
        teeth::holds(&sound, "S3");
    }
}
