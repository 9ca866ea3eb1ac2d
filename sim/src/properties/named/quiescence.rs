//! Quiescence: what is changed is passive, and nobody will call on it, all the while it is changed.
//!
//! Kramer and Magee, *The Evolving Philosophers Problem* (1990): a node is quiescent if it is in no transaction that it began, will
//! begin none, is in none that another began, and none is under way or will be begun that needs it. Nodes that change together are
//! quiescent together. A transaction is a lineage here, and it needs the operators to which its packets may still come:
//!
//! ```text
//! for every update u, from the first to the last upd(u, .):
//!   no operator that u changes fires, and
//!   at each upd(u, o): o has sent all that it emitted, and no packet under way may still be processed at an operator that u changes
//! ```
//!
//! `stop-the-world` reaches that. Markers need not: packets behind the marker are on their way while it goes on.

use super::tokens::{computation_time, is_partly_applied, may_come};
use super::{About, Named, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;

/// See the module. Remembers nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quiescence;

impl Named for Quiescence {
    const FORMULA: &'static str = "from the first to the last upd(u, .), no operator that u changes fires; at each upd(u, o), \
                                   nothing of o waits to go out, and for no lineage s under way is future(s) at an operator that u changes";
    const COMMUTES: bool = false;
}

impl Property for Quiescence {
    const ABOUT: About = About {
        code: "quiescence",
        name: "nothing comes",
        sentence: "While an update is applied, no operator that it changes works, and nothing is on its way to one.",
        source: "Kramer and Magee 1990",
        witness: "an update is applied at one of its operators and not yet at another, or its marker waits at one",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        if let Observation::Fired { at, lineage, .. } = *event {
            let amid = |u: &_| view.instance.update(*u).changes(at) && is_partly_applied(view, *u);
            return match view.instance.update_ids().find(amid) {
                None => Ok(()),
                Some(u) => Err(format!(
                    "{} processes {} while `{}` is applied at some operators and not yet at others",
                    view.instance.name(at),
                    view.instance.lineage_name(lineage),
                    view.instance.update(u).name
                )),
            };
        }
        let Some((at, update, unflushed)) = computation_time(event) else { return Ok(()) };
        let deployment = view.instance.update(update);
        if unflushed > 0 {
            return Err(format!("`{}` is applied at {} amid a firing", deployment.name, view.instance.name(at)));
        }
        match may_come(view, |o| deployment.changes(o)).first() {
            None => Ok(()),
            Some(lineage) => Err(format!(
                "`{}` is applied at {} while {} may still be processed at an operator that it changes",
                deployment.name,
                view.instance.name(at),
                view.instance.lineage_name(*lineage)
            )),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        let at_the_gate = view.net.cells.iter().any(|cell| cell.operator.joining().next().is_some());
        at_the_gate || view.instance.update_ids().any(|u| is_partly_applied(view, u))
    }
}

#[cfg(test)]
mod tests {
    use crate::properties::teeth;
    use neurath_model::plan::Scheduler;

    #[test]
    fn a_packet_on_its_way_to_what_is_changed_is_found() {
        let found = teeth::breach(&teeth::two_change(Scheduler::Epoch).asking(&["quiescence"]), "quiescence");
        insta::assert_debug_snapshot!(found);
        teeth::holds(&teeth::two_change(Scheduler::StopTheWorld).asking(&["quiescence"]), "quiescence");
    }
}
