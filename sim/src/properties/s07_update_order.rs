//! S7: updates take effect in one order wherever they overlap, each on the version it expects.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{OperatorId, UpdateId};
use smallvec::SmallVec;

/// S7. Remembers the order of updates at each operator that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S7 {
    orders: SmallVec<[(OperatorId, SmallVec<[UpdateId; 2]>); 4]>,
}

impl S7 {
    fn order(&mut self, at: OperatorId) -> &mut SmallVec<[UpdateId; 2]> {
        let i = match self.orders.binary_search_by_key(&at, |o| o.0) {
            Ok(i) => i,
            Err(i) => {
                self.orders.insert(i, (at, SmallVec::new()));
                i
            }
        };
        &mut self.orders[i].1
    }

    /// An operator where `update` came before one of those that are already in `here`.
    fn contradicting(&self, here: &[UpdateId], update: UpdateId) -> Option<(OperatorId, UpdateId)> {
        self.orders.iter().find_map(|(at, order)| {
            let place = order.iter().position(|u| *u == update)?;
            let later = order[place + 1..].iter().find(|u| here.contains(u))?;
            Some((*at, *later))
        })
    }
}

impl Property for S7 {
    const ABOUT: About = About {
        code: "S7",
        name: "update order",
        sentence: "Updates are applied in one order wherever they overlap, each on the version it was planned for.",
        source: "protocol rule: markers travel behind the data and behind earlier markers, never at the head of a queue",
        witness: "two updates are applied at one operator",
    };

    fn new(_: &Instance) -> Self {
        Self { orders: SmallVec::new() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        let (at, update) = match *event {
            Observation::Submitted { update } => {
                for at in &view.instance.update(update).born {
                    self.order(*at).push(update);
                }
                return Ok(());
            }
            Observation::Applied { at, update, port: None, action: (0, _), .. } => (at, update),
            _ => return Ok(()),
        };
        let name = |u: UpdateId| &view.instance.update(u).name;
        let here = self.order(at).clone();
        let expected =
            view.instance.update_ids().take_while(|u| *u < update).filter(|u| view.instance.update(*u).changes(at));
        if let Some(missing) = expected.into_iter().find(|u| !here.contains(u)) {
            let operator = view.instance.name(at);
            return Err(format!(
                "`{}` is applied at {operator}, planned for the version after `{}`, which is not",
                name(update),
                name(missing)
            ));
        }
        if let Some((there, later)) = self.contradicting(&here, update) {
            let (here, there) = (view.instance.name(at), view.instance.name(there));
            return Err(format!("`{}` precedes `{}` at {here} and follows it at {there}", name(later), name(update)));
        }
        self.order(at).push(update);
        Ok(())
    }

    fn witnessed(&self, _: View<'_>) -> bool {
        self.orders.iter().any(|(_, order)| order.len() >= 2)
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;

    #[test]
    fn an_update_that_overtakes_another_is_found() {
        let sound = teeth::x1_changes_twice();
        let found = teeth::breach(&sound.clone().with_fault(Fault::MarkerAtHead), "S7");
        assert_eq!(
            (found.steps, found.story.as_str()),
            (5, "`u2` is applied at x1, planned for the version after `u1`, which is not")
        );
        teeth::holds(&sound, "S7");
    }
}
