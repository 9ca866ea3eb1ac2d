//! S14: what is accepted after an update is committed is not processed by an old version.
//!
//! At a source, an update is committed when its marker has passed there; and everywhere, when the submitter has been
//! told that it is applied. With `dependent`, where ways that the marker does not take lead to its targets, only the latter; and
//! with `stop-the-world`, where nothing is changed when the marker passes.

use super::{About, Property, View};
use crate::few::Few;
use crate::instance::Instance;
use crate::observation::Observation;
use crate::update_set::UpdateSet;
use neurath_model::id::Lineage;

/// S14. Remembers, for each lineage under way, which updates were committed when it began.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S14 {
    committed: Few<(Lineage, UpdateSet), 4>,
}

impl Property for S14 {
    const ABOUT: About = About {
        code: "S14",
        name: "staleness",
        sentence: "A packet accepted after an update's commit is never processed by the old version of a changed operator.",
        source: "what a submitter may conclude from the answer `applied`",
        witness: "a packet is accepted after a commit",
    };

    fn new(_: &Instance) -> Self {
        Self { committed: Few::new() }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match *event {
            Observation::Began { at, lineage } => {
                let mut committed = view.net.answered;
                let passed = view.net.cell(at).passed.iter();
                let covered = passed.filter(|u| view.instance.update(*u).covers(&view.instance.program));
                covered.for_each(|u| committed.insert(u));
                if !committed.is_empty() {
                    let place = self.committed.partition_point(|c| c.0 < lineage);
                    self.committed.insert(place, (lineage, committed));
                }
                Ok(())
            }
            Observation::Ended { lineage } => {
                self.committed.retain(|c| c.0 != lineage);
                Ok(())
            }
            Observation::Fired { at, lineage, .. } => {
                let Ok(i) = self.committed.binary_search_by_key(&lineage, |c| c.0) else { return Ok(()) };
                let stale = |u: &neurath_model::id::UpdateId| {
                    view.instance.update(*u).changes(at) && !view.net.cell(at).applied.contains(*u)
                };
                match self.committed[i].1.iter().find(stale) {
                    None => Ok(()),
                    Some(u) => Err(format!(
                        "{} began after `{}` was committed, and is processed by the old version of {}",
                        view.instance.lineage_name(lineage),
                        view.instance.update(u).name,
                        view.instance.name(at)
                    )),
                }
            }
            _ => Ok(()),
        }
    }

    fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        self.committed.iter_mut().for_each(|known| name(&mut known.0));
    }

    fn witnessed(&self, _: View<'_>) -> bool {
        !self.committed.is_empty()
    }
}

#[cfg(test)]
impl S14 {
    /// Forgets everything, to compare what else two worlds have in common.
    pub(crate) fn forget(&mut self) {
        self.committed.clear();
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;
    use neurath_model::protocol::Mutant;

    #[test]
    fn a_packet_that_meets_the_old_version_after_the_answer_is_found() {
        let sound = teeth::one_changes(1, 1);
        let found = teeth::breach(&sound.clone().with_fault(Fault::Protocol(Mutant::AnswerAtEntrance)), "S14");
        assert_eq!(
            (found.steps, found.story.as_str()),
            (3, "source#0 began after `u1` was committed, and is processed by the old version of x1")
        );
        teeth::holds(&sound, "S14");
    }
}
