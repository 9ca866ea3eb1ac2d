//! Fries: lineages and updates, as transactions, are conflict-serializable.
//!
//! Wang, Ni, Kumar and Li, *Fries: Fast and Consistent Runtime Reconfiguration in Dataflow Systems with Transactional Guarantees*
//! (VLDB 2022): a lineage is a transaction, an update is a transaction, and an update of an operator conflicts with whatever is
//! processed there, and with another update of it.
//!
//! ```text
//! s -> u if old_u(s)      u -> s if new_u(s)      u -> v if both change an operator, and u is applied first there
//! has no cycle
//! ```
//!
//! S4 asks the same, but of updates whose markers meet: where scopes have no operator in common, nothing orders two updates.

use super::tokens::computation_time;
use super::{About, Named, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use crate::properties::sides::{Met, Sides};
use crate::update_set::UpdateSet;
use neurath_model::id::{Lineage, UpdateId};
use smallvec::SmallVec;

/// See the module. Remembers what each lineage has met, and which update was applied after which at some operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fries {
    sides: Sides,
    ended: SmallVec<[Met; 4]>,
    /// For each update, those that were applied at some operator after it.
    later: Vec<UpdateSet>,
}

impl Named for Fries {
    const FORMULA: &'static str =
        "s -> u if old_u(s), u -> s if new_u(s), u -> v if upd(u, o) before upd(v, o): no cycle";
    const COMMUTES: bool = true;
}

impl Property for Fries {
    const ABOUT: About = About {
        code: "fries",
        name: "conflict-serializability",
        sentence: "One serial order of all lineages and all updates explains what each lineage met, whether or not markers meet.",
        source: "Wang and others (Fries), VLDB 2022",
        witness: "two lineages under way must come before and after an update",
    };

    fn new(instance: &Instance) -> Self {
        Self { sides: Sides::default(), ended: SmallVec::new(), later: vec![UpdateSet::EMPTY; instance.updates.len()] }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        if let Observation::Ended { lineage } = *event {
            self.end(lineage);
        }
        if let Some((at, update, _)) = computation_time(event) {
            let before = view.net.cell(at).applied.iter().filter(|u| *u != update);
            before.for_each(|u| self.later[u.0 as usize - 1].insert(update));
        } else if self.sides.observe(view, event).is_none() {
            return Ok(());
        }
        match view.instance.update_ids().find(|u| self.on_a_cycle(*u)) {
            None => Ok(()),
            Some(u) => Err(format!(
                "no serial order of lineages and updates explains what was met: `{}` is on a cycle",
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

impl Fries {
    fn end(&mut self, lineage: neurath_model::id::Lineage) {
        let Some(met) = self.sides.end(lineage) else { return };
        if let Err(place) = self.ended.binary_search(&met) {
            self.ended.insert(place, met);
        }
    }

    /// Updates that must come after `u`.
    fn after(&self, u: UpdateId) -> UpdateSet {
        let mets = self.sides.all().chain(self.ended.iter().copied()).filter(|met| met.new.contains(u));
        mets.fold(self.later[u.0 as usize - 1], |after, met| after.union(met.old))
    }

    fn on_a_cycle(&self, u: UpdateId) -> bool {
        let (mut reached, mut frontier) = (UpdateSet::EMPTY, vec![u]);
        while let Some(v) = frontier.pop() {
            let next = self.after(v);
            frontier.extend(next.iter().filter(|w| !reached.contains(*w)));
            reached = reached.union(next);
        }
        reached.contains(u)
    }
}

#[cfg(test)]
mod tests {
    use crate::properties::teeth;
    use crate::scenario;
    use neurath_model::plan::Scheduler;

    /// In scopes of their own, which have no operator in common, the updates of `split` and of `rejoin` take effect in no order.
    #[test]
    fn updates_that_nothing_orders_are_found() {
        let instance = |scheduler| {
            let updates: [&[_]; 2] = [&[("split", "route@2")], &[("rejoin", "merge@2")]];
            let scenario = teeth::with_updates(scenario::routed().scheduled(scheduler), &updates);
            scenario.instance(teeth::bounds(2, 1)).asking(&["fries"])
        };
        insta::assert_debug_snapshot!(teeth::breach(&instance(Scheduler::Scoped), "fries"));
        teeth::holds(&instance(Scheduler::Epoch), "fries");
    }
}
