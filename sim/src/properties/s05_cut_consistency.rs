//! S5: the cut is consistent.
//!
//! At every operator that an update changes, the moment of application divides events into before and after. If an
//! event that comes before could have been caused by one that comes after, no single "time of the update" exists.
//! Causality follows packets along arcs, feedback arcs included, and the order of events at each operator.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;

/// S5. Causal pasts travel with the packets and live in the operators; nothing more to remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S5;

impl Property for S5 {
    const ABOUT: About = About {
        code: "S5",
        name: "cut consistency",
        sentence: "What happens before an update at the operators it changes is closed under happened-before.",
        source: "Chandy and Lamport 1985, on whose markers the paper builds its computation time",
        witness: "an update is applied at one of its operators and not yet at another",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        let Observation::Fired { at, lineage, .. } = *event else { return Ok(()) };
        let cell = view.net.cell(at);
        let broken = |u: &neurath_model::id::UpdateId| {
            view.instance.update(*u).changes(at) && !cell.applied.contains(*u) && cell.past.contains(*u)
        };
        match view.instance.update_ids().find(broken) {
            None => Ok(()),
            Some(u) => Err(format!(
                "{} processes {} before `{}` is applied there, because of what happened after it was applied elsewhere",
                view.instance.name(at),
                view.instance.lineage_name(lineage),
                view.instance.update(u).name,
            )),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.instance.update_ids().any(|u| {
            let done = |at| view.net.is_applied(at, u);
            let targets: Vec<bool> = view.instance.update(u).changed().map(|(at, _)| done(at)).collect();
            targets.contains(&true) && targets.contains(&false)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::properties::teeth;
    use neurath_model::plan::Scheduler;

    #[test]
    fn an_effect_before_its_cause_is_found() {
        let found = teeth::breach(&teeth::two_change(Scheduler::Direct), "S5");
        let story = "x2 processes source#0 before `u1` is applied there, because of what happened after it was applied elsewhere";
        assert_eq!((found.steps, found.story.as_str()), (5, story));
        teeth::holds(&teeth::two_change(Scheduler::Epoch), "S5");
    }
}
