//! Per-packet consistency: for each lineage there is one program, of those that the updates lead through, that has processed it.
//!
//! Reitblatt, Foster, Rexford, Schlesinger and Walker, *Abstractions for Network Update* (SIGCOMM 2012): every packet that traverses the
//! network is processed by exactly one consistent global configuration. The configurations are the program before any update, after
//! the first, after the first two, in the order of submission:
//!
//! ```text
//! for every lineage s there is a k: old_u(s) only for updates u > k, and new_u(s) only for u <= k
//! ```
//!
//! S4 asks for one order of the updates, whichever; this asks for the order of submission, but of each lineage alone.

use super::{About, Named, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use crate::properties::sides::Sides;
use neurath_model::id::Lineage;

/// See the module. Remembers what each lineage under way has met.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PerPacket {
    sides: Sides,
}

impl Named for PerPacket {
    const FORMULA: &'static str =
        "for every lineage s there is a k such that old_u(s) only for u > k, and new_u(s) only for u <= k";
    const COMMUTES: bool = true;
}

impl Property for PerPacket {
    const ABOUT: About = About {
        code: "per-packet",
        name: "one program",
        sentence: "Each lineage is processed by one of the programs that the updates lead through, in the order of submission.",
        source: "Reitblatt and others, SIGCOMM 2012",
        witness: "two lineages under way need two programs to explain them",
    };

    fn new(_: &Instance) -> Self {
        Self { sides: Sides::default() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        if let Observation::Ended { lineage } = *event {
            self.sides.end(lineage);
        }
        let Some(news) = self.sides.observe(view, event) else { return Ok(()) };
        match (news.met.old.first(), news.met.new.last()) {
            (Some(old), Some(new)) if !news.met.in_order() => Err(format!(
                "{} is processed by no one program: at {} it has met `{}` and is from before `{}`",
                view.instance.lineage_name(news.lineage),
                view.instance.name(news.at),
                view.instance.update(new).name,
                view.instance.update(old).name
            )),
            (Some(_) | None, Some(_) | None) => Ok(()),
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
    use crate::scenario;
    use neurath_model::plan::Scheduler;

    #[test]
    fn a_lineage_that_no_program_explains_is_found() {
        let instance = |scheduler| {
            let updates: [&[_]; 2] = [&[("x2", "step@2")], &[("x1", "step@2")]];
            let scenario = teeth::with_updates(scenario::chain(2).scheduled(scheduler), &updates);
            scenario.instance(teeth::bounds(2, 1)).asking(&["per-packet"])
        };
        insta::assert_debug_snapshot!(teeth::breach(&instance(Scheduler::Scoped), "per-packet"));
        teeth::holds(&instance(Scheduler::Epoch), "per-packet");
    }
}
