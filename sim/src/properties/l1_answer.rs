//! L1: every update is answered, once.

use super::{About, Debt, Owed, Property, View};
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::UpdateId;

/// L1. Who was answered is known from the net; nothing more to remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct L1;

impl Property for L1 {
    const ABOUT: About = About {
        code: "L1",
        name: "answer",
        sentence: "Every update that was submitted ends: applied or rejected, with one answer.",
        source: "the talk's exit operator: an interactive runtime answers",
        witness: "an update is answered",
    };

    fn new(_: &Instance) -> Self {
        Self
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match *event {
            Observation::Answered { update, .. } if view.net.answered.contains(update) => {
                Err(format!("`{}` is answered a second time", view.instance.update(update).name))
            }
            _ => Ok(()),
        }
    }

    fn owed(&self, view: View<'_>, owed: &mut Vec<Owed>) {
        let open = (1..=view.net.submitted).map(UpdateId).filter(|u| !view.net.answered.contains(*u));
        owed.extend(open.map(|u| Owed::once(Debt::Answer(u))));
    }

    fn tell(&self, view: View<'_>, debt: Debt) -> String {
        let Debt::Answer(update) = debt else { unreachable!("L1 speaks of answers") };
        format!("`{}` is never answered", view.instance.update(update).name)
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        !view.net.answered.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    #[test]
    fn an_exit_that_does_not_answer_is_found() {
        let sound = teeth::one_changes(1, 1);
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::SilentExit)), "L1");
        assert_eq!((found.steps, found.story.as_str()), (7, "`u1` is never answered"));
        teeth::holds(&sound, "L1");
    }

    #[test]
    fn a_target_that_keeps_the_marker_is_found() {
        let sound = teeth::one_changes(1, 1);
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::TargetAbsorbsMarker)), "L1");
        assert_eq!((found.steps, found.story.as_str()), (6, "`u1` is never answered"));
        teeth::holds(&sound, "L1");
    }

    #[test]
    fn a_second_answer_is_found() {
        let sound = teeth::one_changes(1, 1);
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::AnswerAtEntrance)), "L1");
        assert_eq!((found.steps, found.story.as_str()), (4, "`u1` is answered a second time"));
        teeth::holds(&sound, "L1");
    }
}
