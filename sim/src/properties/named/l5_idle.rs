//! L5: an update needs no traffic.
//!
//! Markers advance in an idle flow, and past a source that is blocked on I/O. A source that has nothing to begin is one that is never
//! scheduled for it. As every step lowers a [rank](mod@crate::rank), a run in which the environment does nothing more comes to rest: to a
//! state in which only the environment (a source that begins something, a client that hangs up, one more submission) can go on. So it
//! is enough to judge these states, of which those that the default properties call the end are a part.

use super::{About, Named, Property, View};
use crate::instance::Instance;
use neurath_model::id::UpdateId;

/// See the module. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Idle;

impl Named for Idle {
    const FORMULA: &'static str = "where only the environment can take a step, every update submitted is answered";
    const COMMUTES: bool = false;
}

impl Property for Idle {
    const ABOUT: About = About {
        code: "L5",
        name: "idle",
        sentence: "Markers advance in an idle flow and past a source that is blocked: every update ends without another packet.",
        source: "protocol rule 7: ports that a function is not polling are watched for markers; sources wait for both",
        witness: "an update is answered while a source could still begin something",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn at_end(&self, view: View<'_>) -> Result<(), String> {
        let submitted = (1..=view.net.submitted).map(UpdateId);
        let mut waiting = submitted.filter(|u| !view.net.answered.contains(*u));
        match waiting.next() {
            None => Ok(()),
            Some(u) => Err(format!(
                "`{}` is not answered, and goes on only if the environment does something",
                view.instance.update(u).name
            )),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        let could_begin = |at| view.net.cell(at).begun < view.instance.bounds.packets;
        let mut sources = view.instance.program.sources().filter(|at| (at.0 as usize) < view.net.cells.len());
        !view.net.answered.is_empty() && sources.any(could_begin)
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    /// A marker that is not sent on waits for ever, and long before the last packet has come.
    #[test]
    fn an_update_that_needs_a_packet_is_found() {
        let sound = teeth::one_changes(1, 1).asking(&["L5"]);
        let faulty = sound.clone().with_fault(Fault::Protocol(Mutant::TargetAbsorbsMarker));
        insta::assert_debug_snapshot!(teeth::breach(&faulty, "L5"));
        teeth::holds(&sound, "L5");
    }
}
