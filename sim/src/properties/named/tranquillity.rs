//! Tranquillity: what is changed is idle, and no lineage that it has worked for comes again.
//!
//! Vandewoude, Ebraert, Berbers and D'Hondt, *Tranquility: A Low Disruptive Alternative to Quiescence* (2007): a node is tranquil if it
//! is in no transaction that it began, will begin none, is not processing a request, and no node beside it is in a transaction in which
//! it has taken part and may take part again. It may be on its way into one that has not come to it.
//!
//! ```text
//! at each upd(u, o): o holds no open work and has sent all that it emitted, and no lineage that was at o may still be processed at o
//! ```
//!
//! It speaks of one operator. So it is enough where one operator changes, and not where two do.

use super::tokens::{Visits, computation_time, holds_work};
use super::{About, Named, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{Lineage, OperatorId};

/// See the module. Remembers where each lineage under way has been.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tranquillity {
    visits: Visits,
}

impl Named for Tranquillity {
    const FORMULA: &'static str =
        "at each upd(u, o): o holds nothing, and for no lineage s under way is o in both past(s) and future(s)";
    const COMMUTES: bool = false;
}

impl Property for Tranquillity {
    const ABOUT: About = About {
        code: "tranquillity",
        name: "nothing comes again",
        sentence: "An operator is changed only while it is idle, and no lineage that it has processed may come to it again.",
        source: "Vandewoude and others 2007",
        witness: "a lineage under way has been at an operator that is changed, now or later",
    };

    fn new(_: &Instance) -> Self {
        Self { visits: Visits::default() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        self.visits.observe(event);
        match (held_work(view, event), computation_time(event)) {
            (Some(at), _) => Err(format!("{} is changed while it holds open work", view.instance.name(at))),
            (None, Some((at, _, 1..))) => Err(format!("{} is changed amid a firing", view.instance.name(at))),
            (None, Some((at, update, 0))) => match self.visits.amid(view, |o| o == at) {
                None => Ok(()),
                Some(lineage) => Err(format!(
                    "`{}` is applied at {}, which has processed {} and may do so again",
                    view.instance.update(update).name,
                    view.instance.name(at),
                    view.instance.lineage_name(lineage)
                )),
            },
            (None, None) => Ok(()),
        }
    }

    fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        self.visits.rename(name);
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        let changed = |at| view.instance.update_ids().any(|u| view.instance.update(u).changes(at));
        self.visits.any_at(changed)
    }
}

/// The operator that is changed with open work in it, if an event says so.
fn held_work(view: View<'_>, event: &Observation) -> Option<OperatorId> {
    let (at, held) = match *event {
        Observation::Applied { at, open_work: (held, _), .. } => (at, held),
        Observation::HandedOver { from, open_work: (held, _), .. } => (from, held),
        _ => return None,
    };
    (held > 0 && holds_work(view, at)).then_some(at)
}

#[cfg(test)]
mod tests {
    use crate::properties::teeth;
    use crate::scenario;
    use neurath_model::plan::Scheduler;

    #[test]
    fn a_lineage_that_comes_a_second_time_is_found() {
        let rejoin = |scheduler| {
            let scenario = scenario::diamond().scheduled(scheduler);
            teeth::rejoin_changes(scenario, "merge@2").asking(&["tranquillity"])
        };
        insta::assert_debug_snapshot!(teeth::breach(&rejoin(Scheduler::Direct), "tranquillity"));
        teeth::holds(&rejoin(Scheduler::Epoch), "tranquillity");
    }

    #[test]
    fn open_work_is_found() {
        let found = teeth::breach(&teeth::buffer_changes().asking(&["tranquillity"]), "tranquillity");
        assert_eq!(found.story, "x is changed while it holds open work");
    }
}
