//! S8: everything that an update does at one operator, it does at one time.
//!
//! The paper asks this of reconnections ("reconnections at a single operator are performed at the same time"); it
//! holds for every action of an update: a new function must never fire with the old properties.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{OperatorId, UpdateId};

/// S8. Remembers an update that has begun at an operator and is not done there; between steps there must be none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S8 {
    begun: Option<(OperatorId, UpdateId)>,
}

impl Property for S8 {
    const ABOUT: About = About {
        code: "S8",
        name: "one time",
        sentence: "All actions of an update at one operator happen at one computation time, with no firing in between.",
        source: "paper, section 5.5.1: a time t at which rewriting logically took place for this operator",
        witness: "an update performs several actions at one operator",
    };

    fn new(_: &Instance) -> Self {
        Self { begun: None }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match *event {
            Observation::Applied { at, update, action: (action, actions), .. } => {
                self.begun = (action + 1 < actions).then_some((at, update));
                Ok(())
            }
            Observation::Stepped => match self.begun {
                None => Ok(()),
                Some((at, update)) => Err(format!(
                    "`{}` is half applied at {}: one of its actions is done, another is not",
                    view.instance.update(update).name,
                    view.instance.name(at)
                )),
            },
            _ => Ok(()),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.instance.update_ids().any(|u| {
            let mut changed = view.instance.update(u).changed();
            changed.any(|(at, acts)| acts.len() > 1 && view.net.is_applied(at, u))
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    #[test]
    fn a_half_applied_update_is_found() {
        let sound = teeth::two_actions();
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::SplitActions)), "S8");
        assert_eq!(
            (found.steps, found.story.as_str()),
            (3, "`u1` is half applied at x1: one of its actions is done, another is not")
        );
        teeth::holds(&sound, "S8");
    }
}
