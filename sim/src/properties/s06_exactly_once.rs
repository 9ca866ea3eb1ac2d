//! S6: an update is applied at most once at each operator, and exactly once if the answer is `applied`.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{OperatorId, UpdateId};
use neurath_model::marker::Outcome;
use smallvec::SmallVec;

/// S6. Remembers which actions were performed where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S6 {
    performed: SmallVec<[(UpdateId, OperatorId, u16); 4]>,
}

impl Property for S6 {
    const ABOUT: About = About {
        code: "S6",
        name: "exactly once",
        sentence: "Each update is applied at most once at each operator, and exactly once where the answer is `applied`.",
        source: "protocol rule: duplicates of a marker are known by update and operator, never by counting",
        witness: "an update is answered `applied`",
    };

    fn new(_: &Instance) -> Self {
        Self { performed: SmallVec::new() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match *event {
            Observation::Applied { at, update, action: (action, _), .. } => {
                match self.performed.binary_search(&(update, at, action)) {
                    Ok(_) => Err(format!(
                        "`{}` is applied at {} a second time",
                        view.instance.update(update).name,
                        view.instance.name(at)
                    )),
                    Err(place) => {
                        self.performed.insert(place, (update, at, action));
                        Ok(())
                    }
                }
            }
            Observation::Answered { update, outcome: Outcome::Applied } => self.complete(view, update),
            _ => Ok(()),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        !view.net.answered.is_empty()
    }
}

impl S6 {
    fn complete(&self, view: View<'_>, update: UpdateId) -> Result<(), String> {
        let submission = view.instance.update(update);
        for (at, actions) in &submission.actions {
            let all = (0..actions.len() as u16).all(|a| self.performed.binary_search(&(update, *at, a)).is_ok());
            if !all {
                let (name, operator) = (&submission.name, view.instance.name(*at));
                return Err(format!("`{name}` is answered as applied before it is applied at {operator}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use crate::scenario;
    use neurath_model::protocol::Mutant;

    #[test]
    fn an_update_applied_for_every_marker_is_found() {
        let sound = teeth::rejoin_changes(scenario::diamond(), "merge@2");
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::ApplyOnEveryMarker)), "S6");
        assert_eq!((found.steps, found.story.as_str()), (7, "`u1` is applied at rejoin a second time"));
        teeth::holds(&sound, "S6");
    }

    #[test]
    fn an_answer_before_the_update_is_found() {
        let sound = teeth::one_changes(1, 1);
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::AnswerAtEntrance)), "S6");
        assert_eq!((found.steps, found.story.as_str()), (1, "`u1` is answered as applied before it is applied at x1"));
        teeth::holds(&sound, "S6");
    }

    #[test]
    fn an_answer_amid_the_update_is_found() {
        let sound = teeth::two_actions();
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::SplitActions)), "S6");
        assert_eq!((found.steps, found.story.as_str()), (5, "`u1` is answered as applied before it is applied at x1"));
        teeth::holds(&sound, "S6");
    }
}
