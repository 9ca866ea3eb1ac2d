//! L3: every accepted packet is answered: nothing of its lineage is left when nothing can happen any more.

use super::{About, Debt, Owed, Property, View};
use crate::few::Few;
use crate::instance::Instance;
use crate::observation::Observation;
use neurath_model::id::Lineage;

/// L3. Remembers the lineages that began and have not ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct L3 {
    open: Few<Lineage, 4>,
}

impl Property for L3 {
    const ABOUT: About = About {
        code: "L3",
        name: "every packet",
        sentence: "Every accepted packet is answered: its lineage comes to an end.",
        source: "the talk's requirement of a highly available program: no failed request",
        witness: "a lineage comes to its end",
    };

    fn new(_: &Instance) -> Self {
        Self { open: Few::new() }
    }

    fn observe(&mut self, _: View<'_>, event: &Observation) -> Result<(), String> {
        match *event {
            Observation::Began { lineage, .. } => {
                let place = self.open.partition_point(|l| *l < lineage);
                self.open.insert(place, lineage);
            }
            Observation::Ended { lineage } => self.open.retain(|l| *l != lineage),
            _ => {}
        }
        Ok(())
    }

    fn owed(&self, _: View<'_>, owed: &mut Vec<Owed>) {
        Owed::oldest(self.open.iter().copied(), Debt::Lineage, owed);
    }

    fn tell(&self, view: View<'_>, debt: Debt) -> String {
        let Debt::Lineage(origin) = debt else { unreachable!("L3 speaks of lineages") };
        let lineage = self.open.iter().find(|lineage| lineage.origin() == origin).expect("it is owed");
        format!("{} is never answered", view.instance.lineage_name(*lineage))
    }

    fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        self.open.iter_mut().for_each(name);
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.net.cells.iter().map(|c| c.begun).sum::<u64>() > self.open.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;

    #[test]
    fn a_packet_forgotten_in_an_update_is_found() {
        let sound = teeth::buffer_changes();
        let found = teeth::breach(&sound.clone().with_fault(Fault::DropOpenWork), "L3");
        assert_eq!((found.steps, found.story.as_str()), (6, "source#0 is never answered"));
        teeth::holds(&sound, "L3");
    }

    #[test]
    fn a_packet_lost_on_an_arc_is_found() {
        let sound = teeth::one_changes(2, 1);
        let found = teeth::breach(&sound.clone().with_fault(Fault::LossyArc), "L3");
        assert_eq!((found.steps, found.story.as_str()), (8, "source#1 is never answered"));
        teeth::holds(&sound, "L3");
    }
}
