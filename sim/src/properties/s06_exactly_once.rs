//! S6: an update is applied at most once at each operator, and exactly once if the answer is `applied`.

use super::{About, Property, View};
use crate::few::Few;
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::{OperatorId, PortIndex, UpdateId};
use neurath_model::marker::Outcome;

/// Which action: the feedback port that it is about, if any, and its place in the list.
type Which = (Option<PortIndex>, u16);

/// S6. Remembers which actions were performed where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S6 {
    performed: Few<(UpdateId, OperatorId, Which), 4>,
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
        Self { performed: Few::new() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match *event {
            Observation::Applied { at, update, port, action: (action, _), .. } => {
                let performed = (update, at, (port, action));
                match self.performed.binary_search(&performed) {
                    Ok(_) => Err(format!(
                        "`{}` is applied at {} a second time",
                        view.instance.update(update).name,
                        view.instance.name(at)
                    )),
                    Err(place) => {
                        self.performed.insert(place, performed);
                        Ok(())
                    }
                }
            }
            Observation::Answered { update, outcome: Outcome::Applied } => self.complete(view, update),
            Observation::Answered { update, outcome: Outcome::Rejected } => self.untouched(view, update),
            _ => Ok(()),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        !view.net.answered.is_empty()
    }
}

impl S6 {
    fn complete(&self, view: View<'_>, update: UpdateId) -> Result<(), String> {
        let deployment = view.instance.update(update);
        let done = |at, which| self.performed.binary_search(&(update, at, which)).is_ok();
        for (at, acts) in deployment.changed() {
            if !(0..acts.len() as u16).all(|action| done(at, (None, action))) {
                let (name, operator) = (&deployment.name, view.instance.name(at));
                return Err(format!("`{name}` is answered as applied before it is applied at {operator}"));
            }
        }
        for &(at, port) in &deployment.expected.switched {
            let acts = deployment.acts_at(at, port).len() as u16;
            if !(0..acts).all(|action| done(at, (Some(port), action))) {
                let (name, operator) = (&deployment.name, view.instance.name(at));
                return Err(format!(
                    "`{name}` is answered as applied before what comes back to {operator} is switched"
                ));
            }
        }
        Ok(())
    }

    fn untouched(&self, view: View<'_>, update: UpdateId) -> Result<(), String> {
        match self.performed.iter().find(|(u, _, _)| *u == update) {
            None => Ok(()),
            Some((_, at, _)) => Err(format!(
                "`{}` is answered as rejected, and was applied at {}",
                view.instance.update(update).name,
                view.instance.name(*at)
            )),
        }
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
        assert_eq!((found.steps, found.story.as_str()), (4, "`u1` is answered as applied before it is applied at x1"));
        teeth::holds(&sound, "S6");
    }
}
