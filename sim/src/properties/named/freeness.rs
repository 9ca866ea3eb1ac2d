//! Freeness: no lineage is between two of the operators that an update changes while it is applied.
//!
//! Ma, Baresi and others (FSE 2011, section 4): components are free of dependences with respect to a transaction if there is not both
//! a past edge into them (it has used one) and a future edge (it may use one again). An update at a moment at which its components are
//! free is version-consistent. Our updates have a computation time for each operator, so the moment is the time from the first to the
//! last:
//!
//! ```text
//! for every update u, from the first to the last upd(u, .):
//!   no lineage under way was at an operator that u changes and may still be processed at one,
//!   and at each upd(u, o), o has sent all that it emitted
//! ```

use super::tokens::{Visits, computation_time, is_partly_applied};
use super::{About, Named, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{Lineage, UpdateId};

/// See the module. Remembers where each lineage under way has been.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Freeness {
    visits: Visits,
}

impl Named for Freeness {
    const FORMULA: &'static str = "from the first to the last upd(u, .), for no lineage s under way do past(s) and future(s) both have an \
                                   operator that u changes; at each upd(u, o), nothing of o waits to go out";
    const COMMUTES: bool = false;
}

impl Property for Freeness {
    const ABOUT: About = About {
        code: "freeness",
        name: "nobody amid",
        sentence: "While an update is applied, no lineage has been at an operator that it changes and may still come to one.",
        source: "Ma, Baresi and others, FSE 2011, section 4",
        witness: "a lineage under way has been at one of the operators that an update changes",
    };

    fn new(_: &Instance) -> Self {
        Self { visits: Visits::default() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        self.visits.observe(event);
        let amid = match (computation_time(event), event) {
            (Some((at, _, 1..)), _) => {
                return Err(format!("{} is changed amid a firing", view.instance.name(at)));
            }
            (Some((_, update, 0)), _) => self.amid(view, update).map(|lineage| (update, lineage)),
            (None, Observation::Stepped) => self.amid_any(view),
            (None, _) => None,
        };
        match amid {
            None => Ok(()),
            Some((update, lineage)) => Err(format!(
                "{} was at an operator that `{}` changes and may still come to one, while that is applied",
                view.instance.lineage_name(lineage),
                view.instance.update(update).name
            )),
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

impl Freeness {
    fn amid(&self, view: View<'_>, update: UpdateId) -> Option<Lineage> {
        self.visits.amid(view, |at| view.instance.update(update).changes(at))
    }

    fn amid_any(&self, view: View<'_>) -> Option<(UpdateId, Lineage)> {
        let partly = view.instance.update_ids().filter(|u| is_partly_applied(view, *u));
        partly.filter_map(|u| Some((u, self.amid(view, u)?))).next()
    }
}

#[cfg(test)]
mod tests {
    use crate::properties::teeth;
    use neurath_model::plan::Scheduler;

    #[test]
    fn a_lineage_between_two_changes_is_found() {
        let asking = |scheduler| teeth::two_change(scheduler).asking(&["freeness"]);
        insta::assert_debug_snapshot!(teeth::breach(&asking(Scheduler::Epoch), "freeness"));
        teeth::holds(&asking(Scheduler::StopTheWorld), "freeness");
    }
}
