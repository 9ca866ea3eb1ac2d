//! S1: nothing is lost, nothing is doubled.
//!
//! Sent and taken packets are counted on every arc. A packet taken twice in a row is doubled; a run that ends with more
//! sent than taken has lost some. Open work that is fewer after an update than before it was lost there.

use super::{About, Less, Property, View};
use crate::few::Few;
use crate::instance::Instance;
use crate::net::Item;
use crate::observation::Observation;
use neurath_model::id::ArcId;

/// S1. Remembers how many packets were taken from each arc, and the last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S1 {
    taken: Few<(u32, Option<u32>), 8>,
}

impl Property for S1 {
    const ABOUT: About = About {
        code: "S1",
        name: "conservation",
        sentence: "Every packet is taken exactly once: none is lost, none is doubled, and no open work disappears.",
        source: "reliable FIFO channels, which the paper's markers presuppose (Chandy and Lamport 1985)",
        witness: "a packet is on an arc while an update is under way",
    };

    fn new(instance: &Instance) -> Self {
        Self { taken: Few::of((0, None), instance.program.arcs().len()) }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match event {
            Observation::Taken { arc, lineage, serial } => {
                let (count, last) = &mut self.taken[arc.0 as usize];
                if *last == Some(*serial) {
                    return Err(format!("a packet of {} was taken twice", view.instance.lineage_name(*lineage)));
                }
                *count += 1;
                *last = Some(*serial);
                Ok(())
            }
            Observation::Applied { at, open_work: (before, after), .. } if after < before => Err(format!(
                "{} loses open work in the update: it held {before} of the packets it took, and then {after}",
                view.instance.name(*at)
            )),
            Observation::HandedOver { from, to, open_work: (before, after), .. } if after < before => Err(format!(
                "of the {before} packets that {} held, {} takes over {after}",
                view.instance.name(*from),
                view.instance.name(*to)
            )),
            Observation::Disconnected { arc, left: Some(left), .. } if *left > 0 => {
                let from = view.instance.program.output_name(view.instance.program.arc(*arc).from);
                Err(format!("the arc of {from} is given up with {left} packets on it"))
            }
            _ => Ok(()),
        }
    }

    fn at_end(&self, view: View<'_>) -> Result<(), String> {
        for (i, (taken, _)) in self.taken.iter().take(view.net.arcs.len()).enumerate() {
            let arc = ArcId(i as u32);
            let producer = view.instance.program.arc(arc).from;
            let held = view.net.cell(producer.operator).pending.iter().filter(|(port, _)| *port == producer.port);
            let held = held.filter(|(_, item)| matches!(item, Item::Packet(_))).count();
            let (sent, waiting) = (view.net.arc(arc).sent, view.net.arc(arc).packets() + held);
            if taken + (waiting as u32) < sent {
                let from = view.instance.name(producer.operator);
                let to = view.instance.name(view.instance.program.arc(arc).to.operator);
                return Err(format!("{sent} packets were sent from {from} to {to}, but only {taken} arrived"));
            }
        }
        Ok(())
    }

    fn recount(&mut self, less: &Less) {
        for (arc, (taken, last)) in (0..).map(ArcId).zip(self.taken.iter_mut()) {
            *taken = taken.saturating_sub(less.sent_on(arc));
            *last = last.map(|serial| serial.saturating_sub(less.sent_on(arc)));
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        let under_way = view.net.submitted as usize > view.net.answered.len();
        under_way && view.net.arcs.iter().any(|arc| arc.packets() > 0)
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;

    #[test]
    fn an_arc_that_loses_a_packet_is_found() {
        let sound = teeth::one_changes(2, 1);
        let found = teeth::breach(&sound.clone().with_fault(Fault::LossyArc), "S1");
        assert_eq!(
            (found.steps, found.story.as_str()),
            (8, "2 packets were sent from source to x1, but only 1 arrived")
        );
        teeth::holds(&sound, "S1");
    }

    #[test]
    fn open_work_that_an_update_drops_is_found() {
        let sound = teeth::buffer_changes();
        let found = teeth::breach(&sound.clone().with_fault(Fault::DropOpenWork), "S1");
        assert_eq!(
            (found.steps, found.story.as_str()),
            (5, "x loses open work in the update: it held 1 of the packets it took, and then 0")
        );
        teeth::holds(&sound, "S1");
    }
}
