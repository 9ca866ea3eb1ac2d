//! On which side of each update a lineage was processed.

use crate::few::Few;
use crate::observation::Observation;
use crate::properties::View;
use crate::update_set::UpdateSet;
use neurath_model::id::{Lineage, OperatorId};

/// The updates for which a lineage is old, and those for which it is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Met {
    /// It was at an operator that these change, before they were applied there.
    pub(super) old: UpdateSet,
    /// It was at an operator that these change, after they were applied there.
    pub(super) new: UpdateSet,
}

impl Met {
    /// Whether it agrees with the order of submission: new for the first updates, old for the others.
    pub(super) fn in_order(self) -> bool {
        match (self.new.last(), self.old.first()) {
            (Some(new), Some(old)) => new < old,
            (None, _) | (_, None) => true,
        }
    }
}

/// What each lineage under way has met. What takes a packet that came back belongs to no lineage, as in S4.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Sides {
    under_way: Few<(Lineage, Met), 4>,
    /// Whether the packet just taken came over a feedback arc. Never true between steps.
    came_back: bool,
}

/// A lineage has met something new.
#[derive(Debug, Clone, Copy)]
pub(super) struct News {
    /// The lineage.
    pub(super) lineage: Lineage,
    /// The operator.
    pub(super) at: OperatorId,
    /// All that the lineage has met.
    pub(super) met: Met,
    /// What it had met before.
    pub(super) before: Met,
}

impl Sides {
    /// Takes note of firings.
    pub(super) fn observe(&mut self, view: View<'_>, event: &Observation) -> Option<News> {
        match *event {
            Observation::Taken { arc, .. } => self.came_back = view.crossed_feedback(arc),
            Observation::Began { .. } | Observation::Stepped => self.came_back = false,
            Observation::Fired { at, lineage, .. } if !self.came_back => return self.fired(view, at, lineage),
            _ => {}
        }
        None
    }

    fn fired(&mut self, view: View<'_>, at: OperatorId, lineage: Lineage) -> Option<News> {
        let place = self.under_way.partition_point(|m| m.0 < lineage);
        let known = self.under_way.get(place).is_some_and(|m| m.0 == lineage);
        let before = if known { self.under_way[place].1 } else { Met::default() };
        let (mut met, applied) = (before, view.net.cell(at).applied);
        for u in view.instance.update_ids().filter(|u| view.instance.update(*u).changes(at)) {
            if applied.contains(u) { met.new.insert(u) } else { met.old.insert(u) }
        }
        if met == before {
            return None;
        }
        if known {
            self.under_way[place].1 = met;
        } else {
            self.under_way.insert(place, (lineage, met));
        }
        Some(News { lineage, at, met, before })
    }

    /// Shows each lineage, to be given another name.
    pub(super) fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        self.under_way.iter_mut().for_each(|known| name(&mut known.0));
    }

    /// What a lineage under way has met.
    pub(super) fn of(&self, lineage: Lineage) -> Met {
        self.under_way.iter().find(|m| m.0 == lineage).map_or_else(Met::default, |m| m.1)
    }

    /// A lineage has ended: what it had met, if anything.
    pub(super) fn end(&mut self, lineage: Lineage) -> Option<Met> {
        let place = self.under_way.iter().position(|m| m.0 == lineage)?;
        Some(self.under_way.remove(place).1)
    }

    /// What lineages under way have met.
    pub(super) fn all(&self) -> impl Iterator<Item = Met> + '_ {
        self.under_way.iter().map(|m| m.1)
    }

    /// Whether some lineage under way is old for an update, and some is new for it.
    pub(super) fn has_both(&self, view: View<'_>) -> bool {
        let any = |is: &dyn Fn(&Met) -> bool| self.all().any(|met| is(&met));
        view.instance.update_ids().any(|u| any(&|m| m.old.contains(u)) && any(&|m| m.new.contains(u)))
    }
}
