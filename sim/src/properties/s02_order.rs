//! S2: arcs are FIFO, whatever is updated.

use super::{About, Less, Property, View};
use crate::few::Few;
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::ArcId;

/// S2. Remembers the last packet taken from each arc.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S2 {
    last: Few<Option<u32>, 8>,
}

impl Property for S2 {
    const ABOUT: About = About {
        code: "S2",
        name: "order",
        sentence: "Packets leave an arc in the order in which they entered it, across any update.",
        source: "paper, section 5.5: arcs are FIFO; markers travel in order with the data",
        witness: "two packets are on one arc at the same time",
    };

    fn new(instance: &Instance) -> Self {
        Self { last: Few::of(None, instance.program.arcs().len()) }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        let Observation::Taken { arc, lineage, serial } = event else { return Ok(()) };
        let last = &mut self.last[arc.0 as usize];
        if last.is_some_and(|l| *serial < l) {
            let to = view.instance.name(view.instance.program.arc(*arc).to.operator);
            let lineage = view.instance.lineage_name(*lineage);
            return Err(format!("{to} took a packet of {lineage} after one that was sent later on the same arc"));
        }
        *last = Some(*serial);
        Ok(())
    }

    fn recount(&mut self, less: &Less) {
        for (arc, last) in (0..).map(ArcId).zip(self.last.iter_mut()) {
            *last = last.map(|serial| serial.saturating_sub(less.sent_on(arc)));
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.net.arcs.iter().any(|a| a.packets() >= 2)
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;

    #[test]
    fn a_packet_that_overtakes_is_found() {
        let sound = teeth::one_changes(2, 2);
        let found = teeth::breach(&sound.clone().with_fault(Fault::LastInFirstOut), "S2");
        assert_eq!(
            (found.steps, found.story.as_str()),
            (4, "x1 took a packet of source#0 after one that was sent later on the same arc")
        );
        teeth::holds(&sound, "S2");
    }
}
