//! S7: updates take effect in one order wherever they overlap, each on the version it expects.

use super::{About, Property, View};
use crate::few::Few;
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{OperatorId, UpdateId};

/// S7. Remembers the order of updates at each operator that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S7 {
    /// By operator, and at each operator in the order in which they were applied.
    applied: Few<(OperatorId, UpdateId), 4>,
}

impl S7 {
    /// The updates applied at an operator, in their order.
    fn order(&self, at: OperatorId) -> impl Iterator<Item = UpdateId> + Clone + '_ {
        let first = self.applied.partition_point(|applied| applied.0 < at);
        self.applied[first..].iter().take_while(move |applied| applied.0 == at).map(|applied| applied.1)
    }

    fn add(&mut self, at: OperatorId, update: UpdateId) {
        self.applied.insert(self.applied.partition_point(|applied| applied.0 <= at), (at, update));
    }

    /// An operator where `update` came before one of those that are already at `here`.
    fn contradicting(&self, here: OperatorId, update: UpdateId) -> Option<(OperatorId, UpdateId)> {
        let earlier = self.applied.iter().filter(|applied| applied.1 == update);
        earlier.into_iter().find_map(|&(at, _)| {
            let mut later = self.order(at).skip_while(|u| *u != update).skip(1);
            later.find(|u| self.order(here).any(|other| other == *u)).map(|later| (at, later))
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
        Self { applied: Few::new() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        let (at, update) = match *event {
            Observation::Submitted { update } => {
                for at in &view.instance.update(update).born {
                    self.add(*at, update);
                }
                return Ok(());
            }
            Observation::Applied { at, update, port: None, action: (0, _), .. } => (at, update),
            _ => return Ok(()),
        };
        let name = |u: UpdateId| &view.instance.update(u).name;
        let expected =
            view.instance.update_ids().take_while(|u| *u < update).filter(|u| view.instance.update(*u).changes(at));
        if let Some(missing) = expected.into_iter().find(|u| self.order(at).all(|here| here != *u)) {
            let operator = view.instance.name(at);
            return Err(format!(
                "`{}` is applied at {operator}, planned for the version after `{}`, which is not",
                name(update),
                name(missing)
            ));
        }
        if let Some((there, later)) = self.contradicting(at, update) {
            let (here, there) = (view.instance.name(at), view.instance.name(there));
            return Err(format!("`{}` precedes `{}` at {here} and follows it at {there}", name(later), name(update)));
        }
        self.add(at, update);
        Ok(())
    }

    fn witnessed(&self, _: View<'_>) -> bool {
        self.applied.windows(2).any(|pair| pair[0].0 == pair[1].0)
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
