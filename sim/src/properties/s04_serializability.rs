//! S4: every lineage is either before an update or after it, and with several updates one order explains all lineages.
//!
//! A lineage `s` is *old* for an update `u` when one of its firings happened at an operator that `u` changes before `u`
//! was applied there, and *new* when one happened after. Both at once is a mixed request. With several updates that
//! is not enough: `s1` old for `u1` and new for `u2`, `s2` the other way round, is just as impossible in any serial
//! order. So `u` precedes `v` when some lineage is new for `u` and old for `v`, and this relation must have no cycle;
//! a mixed lineage is the cycle of length one. Updates whose markers pass no operator in common take effect in no order at all
//! (that is what the scheduler `scoped` is for), so between them nothing is asked; see [`Instance::are_ordered`].
//!
//! An operator that an update brings in is new for it, one that goes is old.
//!
//! A lineage ends on a feedback arc. The firing that takes what comes back belongs to none: what it begins is new.

use super::sides::{Met, News, Sides};
use super::{About, Property, View};
use crate::few::Few;
use crate::instance::Instance;
use crate::observation::Observation;
use crate::update_set::UpdateSet;
use neurath_model::id::{Lineage, UpdateId};

/// S4. Remembers what each lineage under way has met, and which combinations ended ones had met.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S4 {
    sides: Sides,
    ended: Few<Met, 4>,
}

impl S4 {
    fn end(&mut self, lineage: Lineage) {
        let Some(met) = self.sides.end(lineage) else { return };
        if let Err(place) = self.ended.binary_search(&met) {
            self.ended.insert(place, met);
        }
    }

    fn all(&self) -> impl Iterator<Item = Met> + '_ {
        self.sides.all().chain(self.ended.iter().copied())
    }

    /// Updates that must come after `u`: some lineage is new for `u` and old for them. Of those that nothing orders, since their
    /// markers never meet, nothing is asked.
    fn after(&self, view: View<'_>, u: UpdateId) -> UpdateSet {
        let old = self.all().filter(|m| m.new.contains(u)).fold(UpdateSet::EMPTY, |set, m| set.union(m.old));
        let mut ordered = UpdateSet::EMPTY;
        old.iter().filter(|v| view.instance.are_ordered(u, *v)).for_each(|v| ordered.insert(v));
        ordered
    }

    /// Whether following "must come after" from `u` leads back to it.
    fn on_a_cycle(&self, view: View<'_>, u: UpdateId) -> bool {
        let (mut reached, mut frontier) = (UpdateSet::EMPTY, vec![u]);
        while let Some(v) = frontier.pop() {
            let next = self.after(view, v);
            frontier.extend(next.iter().filter(|w| !reached.contains(*w)));
            reached = reached.union(next);
        }
        reached.contains(u)
    }
}

impl Property for S4 {
    const ABOUT: About = About {
        code: "S4",
        name: "serializability",
        sentence: "No lineage meets both sides of an update, and one serial order of updates explains every lineage.",
        source: "the paper's goal of consistent updates of several operators; Fries (VLDB 2022) for the formulation",
        witness: "one lineage is old for an update and another is new for it",
    };

    fn new(_: &Instance) -> Self {
        Self { sides: Sides::default(), ended: Few::new() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        if let Observation::Ended { lineage } = *event {
            self.end(lineage);
        }
        let Some(News { lineage, at, met, before }) = self.sides.observe(view, event) else { return Ok(()) };
        if self.all().all(Met::in_order) {
            // "Must come before" then goes up in number only, and has no cycle.
            return Ok(());
        }
        let is_news = |u: &UpdateId| {
            met.old.contains(*u) != before.old.contains(*u) || met.new.contains(*u) != before.new.contains(*u)
        };
        match view.instance.update_ids().filter(is_news).find(|u| self.on_a_cycle(view, *u)) {
            Some(u) => Err(self.tell(view, lineage, at, u)),
            None => Ok(()),
        }
    }

    fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        self.sides.rename(name);
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.instance
            .update_ids()
            .any(|u| self.all().any(|m| m.old.contains(u)) && self.all().any(|m| m.new.contains(u)))
    }
}

impl S4 {
    fn tell(&self, view: View<'_>, lineage: Lineage, at: neurath_model::id::OperatorId, u: UpdateId) -> String {
        let met = self.sides.of(lineage);
        let (name, who) = (view.instance.lineage_name(lineage), view.instance.name(at));
        let update = &view.instance.update(u).name;
        if met.old.contains(u) && met.new.contains(u) {
            if view.net.cell(at).applied.contains(u) {
                format!("{name} is processed by the new version of {who}, after one that `{update}` replaces")
            } else {
                format!("{name} is processed by the old version of {who}, after one that `{update}` installs")
            }
        } else {
            format!(
                "no serial order of the updates explains what the lineages met: {name} at {who} closes a cycle through `{update}`"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use crate::scenario;
    use neurath_model::plan::Scheduler;

    #[test]
    fn a_lineage_that_meets_both_sides_of_an_update_is_found() {
        let found = teeth::breach(&teeth::two_change(Scheduler::Direct), "S4");
        let story = "source#0 is processed by the old version of x2, after one that `u1` installs";
        assert_eq!((found.steps, found.story.as_str()), (5, story));
        teeth::holds(&teeth::two_change(Scheduler::Epoch), "S4");
    }

    #[test]
    fn a_marker_that_overtakes_packets_is_found() {
        let faulty = teeth::two_change(Scheduler::Epoch).with_fault(Fault::MarkerAtHead);
        let found = teeth::breach(&faulty, "S4");
        let story = "source#0 is processed by the new version of x2, after one that `u1` replaces";
        assert_eq!((found.steps, found.story.as_str()), (7, story));
    }

    /// Each update changes one operator, so that no lineage is mixed. But the packet that is first at `split` is second at
    /// `rejoin`: it is old for `u1` and new for `u2`, and the other is new for `u1` and old for `u2`.
    #[test]
    fn lineages_that_no_order_of_the_updates_explains_are_found() {
        let instance = |scheduler| {
            let updates: [&[_]; 2] = [&[("split", "route@2")], &[("rejoin", "merge@2")]];
            teeth::with_updates(scenario::routed().scheduled(scheduler), &updates).instance(teeth::bounds(2, 1))
        };
        let found = teeth::breach(&instance(Scheduler::Direct), "S4");
        let story = "no serial order of the updates explains what the lineages met: \
                     source#0 at rejoin closes a cycle through `u2`";
        assert_eq!((found.steps, found.story.as_str()), (12, story));
        teeth::holds(&instance(Scheduler::Epoch), "S4");
    }
}
