//! L1: every update is answered, once.

use super::{About, Property, View};
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

    fn at_end(&self, view: View<'_>) -> Result<(), String> {
        match (1..=view.net.submitted).map(UpdateId).find(|u| !view.net.answered.contains(*u)) {
            None => Ok(()),
            Some(u) => Err(format!("`{}` is never answered", view.instance.update(u).name)),
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        !view.net.answered.is_empty()
    }
}
