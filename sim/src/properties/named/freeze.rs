//! Freeze: as if the world had been stopped, drained, and changed.
//!
//! Mai and others, *Chi: A Scalable and Programmable Control Plane for Distributed Stream Processing Systems* (VLDB 2018): what a control
//! message does is equivalent to what freezing the computation, changing it and going on would have done. Two runs are equivalent
//! here if every operator does the same in the same order. So there must be a time before which all that every lineage did can be
//! put, or after which, without changing the order at any operator:
//!
//! ```text
//! s -> t if s is at an operator before t      s -> u if old_u(s)      u -> s if new_u(s)      u -> v as with Fries
//! has no cycle through an update
//! ```
//!
//! What takes a packet that came back over a feedback arc belongs to no lineage, as in S4: Chi's flows have no loops, and a connection
//! that comes back to `read` may find that later ones were served before it. Lineages may well be on a cycle among themselves: the world need not be stopped between any two of them.

use super::tokens::computation_time;
use super::{About, Named, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{Lineage, OperatorId, UpdateId};
use std::collections::{BTreeMap, BTreeSet};

/// What is put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Node {
    Lineage(Lineage),
    Update(UpdateId),
}

/// See the module. Remembers who was where, and who comes before whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Freeze {
    been: BTreeMap<OperatorId, BTreeSet<Lineage>>,
    before: BTreeSet<(Node, Node)>,
    /// Whether the packet just taken came over a feedback arc. Never true between steps.
    came_back: bool,
}

impl Named for Freeze {
    const FORMULA: &'static str = "s -> t if s is at an operator before t, s -> u if old_u(s), u -> s if new_u(s), \
                                   u -> v if upd(u, o) before upd(v, o): no cycle through an update";
    const COMMUTES: bool = true;
}

impl Property for Freeze {
    const ABOUT: About = About {
        code: "freeze",
        name: "freeze-the-world",
        sentence: "Every operator does what it would have done, in the same order, if the flow had been drained for each update.",
        source: "Mai and others (Chi), VLDB 2018",
        witness: "a lineage follows another at an operator",
    };

    fn new(_: &Instance) -> Self {
        Self { been: BTreeMap::new(), before: BTreeSet::new(), came_back: false }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        let is_new = match *event {
            Observation::Taken { arc, .. } => {
                self.came_back = view.crossed_feedback(arc);
                false
            }
            Observation::Stepped => {
                self.came_back = false;
                false
            }
            Observation::Began { at, lineage } => {
                self.came_back = false;
                self.visit(at, lineage)
            }
            Observation::Fired { at, lineage, .. } if !self.came_back => {
                let met = self.meet(view, at, lineage);
                self.visit(at, lineage) || met
            }
            _ => computation_time(event).is_some_and(|(at, update, _)| self.apply(view, at, update)),
        };
        match view.instance.update_ids().find(|u| is_new && self.on_a_cycle(*u)) {
            None => Ok(()),
            Some(u) => Err(format!(
                "if the flow had been drained for `{}`, operators would have done things in another order",
                view.instance.update(u).name
            )),
        }
    }

    fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        for been in self.been.values_mut() {
            *been = renamed(been, |lineage| name(lineage));
        }
        self.before = renamed(&self.before, |pair| {
            for node in [&mut pair.0, &mut pair.1] {
                if let Node::Lineage(lineage) = node {
                    name(lineage);
                }
            }
        });
    }

    fn witnessed(&self, _: View<'_>) -> bool {
        self.before.iter().any(|pair| matches!(pair, (Node::Lineage(_), Node::Lineage(_))))
    }
}

/// A set whose elements have changed; they need not be in the order in which they were.
fn renamed<T: Copy + Ord>(set: &BTreeSet<T>, mut change: impl FnMut(&mut T)) -> BTreeSet<T> {
    let mut all: Vec<T> = set.iter().copied().collect();
    all.iter_mut().for_each(&mut change);
    all.into_iter().collect()
}

impl Freeze {
    /// Whoever was there is before a lineage. Says whether that is new.
    fn visit(&mut self, at: OperatorId, lineage: Lineage) -> bool {
        let been = self.been.entry(at).or_default();
        let others = been.iter().filter(|other| **other != lineage);
        let pairs: Vec<_> = others.map(|other| (Node::Lineage(*other), Node::Lineage(lineage))).collect();
        been.insert(lineage);
        self.order(pairs)
    }

    fn meet(&mut self, view: View<'_>, at: OperatorId, lineage: Lineage) -> bool {
        let (applied, lineage) = (view.net.cell(at).applied, Node::Lineage(lineage));
        let changing = view.instance.update_ids().filter(|u| view.instance.update(*u).changes(at));
        let sides = changing.map(|u| {
            let update = Node::Update(u);
            if applied.contains(u) { (update, lineage) } else { (lineage, update) }
        });
        self.order(sides.collect())
    }

    fn apply(&mut self, view: View<'_>, at: OperatorId, update: UpdateId) -> bool {
        let earlier = view.net.cell(at).applied.iter().filter(|u| *u != update);
        self.order(earlier.map(|u| (Node::Update(u), Node::Update(update))).collect())
    }

    fn order(&mut self, pairs: Vec<(Node, Node)>) -> bool {
        let before = self.before.len();
        self.before.extend(pairs);
        self.before.len() > before
    }

    fn on_a_cycle(&self, update: UpdateId) -> bool {
        let start = Node::Update(update);
        let (mut reached, mut frontier) = (BTreeSet::new(), vec![start]);
        while let Some(node) = frontier.pop() {
            let least = Node::Lineage(Lineage::new(OperatorId(0), 0));
            let next = self.before.range((node, least)..).take_while(|pair| pair.0 == node).map(|pair| pair.1);
            frontier.extend(next.filter(|next| reached.insert(*next)));
        }
        reached.contains(&start)
    }
}

#[cfg(test)]
mod tests {
    use crate::properties::teeth;
    use crate::scenario;
    use neurath_model::plan::Scheduler;

    /// `split` changes alone, so no lineage meets two sides. But a lineage behind it, on one way, overtakes one before it on the
    /// other.
    #[test]
    fn what_overtakes_the_update_is_found() {
        let instance = |scheduler| {
            let scenario = scenario::routed().scheduled(scheduler);
            teeth::with_updates(scenario, &[&[("split", "route@2")]]).instance(teeth::bounds(2, 1)).asking(&["freeze"])
        };
        insta::assert_debug_snapshot!(teeth::breach(&instance(Scheduler::Scoped), "freeze"));
        teeth::holds(&instance(Scheduler::Epoch), "freeze");
    }
}
