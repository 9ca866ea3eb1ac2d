//! Version consistency: a lineage is processed by the old versions of what an update changes, or by the new ones.
//!
//! Ma, Baresi, Ghezzi, Panzica La Manna and Lu, *Version-Consistent Dynamic Reconfiguration of Component-Based Distributed Systems*
//! (FSE 2011): a transaction is version-consistent if no two transactions in its extension are hosted by an old and by a new component.
//!
//! ```text
//! for every lineage s and update u: not both old_u(s) and new_u(s)
//! ```
//!
//! It is the half of S4 that speaks of one update at a time. Of the order of several it says nothing.

use super::{About, Named, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use crate::properties::sides::Sides;
use neurath_model::id::Lineage;

/// See the module. Remembers what each lineage under way has met.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VersionConsistency {
    sides: Sides,
}

impl Named for VersionConsistency {
    const FORMULA: &'static str = "for every lineage s and update u, not both old_u(s) and new_u(s)";
    const COMMUTES: bool = true;
}

impl Property for VersionConsistency {
    const ABOUT: About = About {
        code: "version-consistency",
        name: "one side",
        sentence: "No lineage is processed by the old version of one operator that an update changes and by the new version of another.",
        source: "Ma, Baresi and others, FSE 2011",
        witness: "two lineages under way are on two sides of an update",
    };

    fn new(_: &Instance) -> Self {
        Self { sides: Sides::default() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        if let Observation::Ended { lineage } = *event {
            self.sides.end(lineage);
        }
        let Some(news) = self.sides.observe(view, event) else { return Ok(()) };
        match news.met.old.intersection(news.met.new).first() {
            None => Ok(()),
            Some(u) => Err(format!(
                "{} is processed at {} on one side of `{}`, after it was processed on the other",
                view.instance.lineage_name(news.lineage),
                view.instance.name(news.at),
                view.instance.update(u).name
            )),
        }
    }

    fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        self.sides.rename(name);
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        self.sides.has_both(view)
    }
}

#[cfg(test)]
mod tests {
    use crate::properties::teeth;
    use neurath_model::plan::Scheduler;

    #[test]
    fn a_lineage_on_both_sides_is_found() {
        let asking = |scheduler| teeth::two_change(scheduler).asking(&["version-consistency"]);
        insta::assert_debug_snapshot!(teeth::breach(&asking(Scheduler::Direct), "version-consistency"));
        teeth::holds(&asking(Scheduler::Epoch), "version-consistency");
    }
}
