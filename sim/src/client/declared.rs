//! Properties stated in a file, as predicates.

use super::{Memory, Predicate};
use crate::instance::Instance;
use crate::observation::Observation;
use crate::properties::View;
use neurath_model::id::{Lineage, OperatorId, UpdateId};
use neurath_model::property::{Kind, Property};

/// It was processed where it must come from, or where order is given.
const FROM: u64 = 1;
/// It was processed where it must lead to.
const TO: u64 = 2;
/// It has ended.
const ENDED: u64 = 4;

/// A property with its names resolved.
#[derive(Debug, Clone)]
pub struct Declared {
    property: Property,
    /// All operators that have the name `at` or `from`, in the life of the program, and those of `to`.
    from: Vec<OperatorId>,
    to: Vec<OperatorId>,
    after: Option<UpdateId>,
}

impl Declared {
    /// A property of an instance. Names that it does not know stand for nobody: a reader has looked at them.
    pub fn new(property: &Property, instance: &Instance) -> Self {
        let named = |name: &str| -> Vec<OperatorId> {
            // A name that was used before has a number behind it.
            let is_meant = |other: &str| other.split('~').next() == Some(name);
            instance.program.operators().filter(|(_, o)| is_meant(&o.name)).map(|(at, _)| at).collect()
        };
        let update = |name: &String| instance.update_ids().find(|u| instance.update(*u).name == *name);
        let (from, to, after) = match &property.kind {
            Kind::Never { at, after } => (named(at), Vec::new(), after.as_ref().and_then(update)),
            Kind::Once { at } => (named(at), Vec::new(), None),
            Kind::Responds { from, to }
            | Kind::InOrder { from, to }
            | Kind::Before { from, to }
            | Kind::AtMost { from, to, .. } => (named(from), named(to), None),
        };
        Self { property: property.clone(), from, to, after }
    }

    /// A lineage is processed at an operator.
    fn processed(&self, view: View<'_>, at: OperatorId, lineage: Lineage, memory: &mut Memory) -> Result<(), String> {
        let (is_from, is_to) = (self.from.contains(&at), self.to.contains(&at));
        let name = || view.instance.lineage_name(lineage);
        match &self.property.kind {
            Kind::Never { at: place, .. } if is_from => match self.after {
                None => Err(format!("{} is processed at {place}", name())),
                Some(u) if view.net.is_applied(at, u) => {
                    let update = &view.instance.update(u).name;
                    Err(format!("{} is processed at {place} after `{update}` was applied there", name()))
                }
                Some(_) => Ok(()),
            },
            Kind::Once { at: place } if is_from => {
                if memory.of(lineage) & FROM != 0 {
                    return Err(format!("{} is processed at {place} a second time", name()));
                }
                memory.add(lineage, FROM);
                Ok(())
            }
            Kind::Never { .. } | Kind::Once { .. } => Ok(()),
            Kind::Before { from, to } if is_to && !is_from && memory.of(lineage) & FROM == 0 => {
                Err(format!("{} is processed at {to}, and was not at {from}", name()))
            }
            Kind::Responds { .. } | Kind::InOrder { .. } | Kind::Before { .. } | Kind::AtMost { .. } => {
                if is_from {
                    memory.add(lineage, FROM);
                }
                if is_to && memory.of(lineage) & FROM != 0 {
                    memory.add(lineage, TO);
                }
                self.counted(view, lineage, (is_from, is_to), memory)
            }
        }
    }

    fn counted(
        &self,
        view: View<'_>,
        lineage: Lineage,
        (is_from, is_to): (bool, bool),
        memory: &Memory,
    ) -> Result<(), String> {
        let name = |lineage| view.instance.lineage_name(lineage);
        match &self.property.kind {
            Kind::InOrder { from, to } if is_to => {
                let mut later = memory.lineages.iter().skip_while(|known| known.0 != lineage).skip(1);
                match later.find(|known| known.1 & TO != 0) {
                    None => Ok(()),
                    Some((earlier, _)) => Err(format!(
                        "{} comes to {to} after {}, and was at {from} before it",
                        name(lineage),
                        name(*earlier)
                    )),
                }
            }
            Kind::AtMost { from, to, limit } if is_from => {
                let between = memory.lineages.iter().filter(|known| known.1 & TO == 0).count();
                if between as u64 > u64::from(*limit) {
                    return Err(format!(
                        "{between} lineages were at {from} and not yet at {to}, with {}",
                        name(lineage)
                    ));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ended(&self, view: View<'_>, lineage: Lineage, memory: &mut Memory) -> Result<(), String> {
        match &self.property.kind {
            Kind::Responds { from, to } if memory.of(lineage) == FROM => {
                Err(format!("{} was processed at {from}, and ends without {to}", view.instance.lineage_name(lineage)))
            }
            Kind::InOrder { .. } => {
                if memory.of(lineage) != 0 {
                    memory.add(lineage, ENDED);
                }
                // What has ended matters as long as something before it has not.
                let first = memory.lineages.iter().position(|known| known.1 & ENDED == 0);
                let before = first.unwrap_or(memory.lineages.len());
                memory.lineages = memory.lineages.iter().skip(before).copied().collect();
                Ok(())
            }
            _ => {
                memory.forget(lineage);
                Ok(())
            }
        }
    }
}

impl Predicate for Declared {
    fn name(&self) -> &str {
        &self.property.name
    }

    fn sentence(&self) -> String {
        self.property.kind.sentence()
    }

    fn observe(&self, view: View<'_>, event: &Observation, memory: &mut Memory) -> Result<(), String> {
        match *event {
            Observation::Began { at, lineage } | Observation::Fired { at, lineage, .. } => {
                // A source that takes something in fires for what ends there, and begins something else.
                self.processed(view, at, lineage, memory)
            }
            Observation::Ended { lineage } => self.ended(view, lineage, memory),
            _ => Ok(()),
        }
    }

    fn at_end(&self, view: View<'_>, memory: &Memory) -> Result<(), String> {
        let is_response = matches!(self.property.kind, Kind::Responds { .. });
        let waits = memory.lineages.iter().find(|known| is_response && known.1 == FROM);
        waits.map_or(Ok(()), |(lineage, _)| Err(self.tell(view, *lineage)))
    }

    fn owed(&self, memory: &Memory, lineages: &mut Vec<Lineage>) {
        if let Kind::Responds { .. } = self.property.kind {
            lineages.extend(memory.lineages.iter().filter(|known| known.1 == FROM).map(|known| known.0));
            lineages.sort_unstable();
        }
    }

    fn tell(&self, view: View<'_>, lineage: Lineage) -> String {
        let Kind::Responds { from, to } = &self.property.kind else { unreachable!("only responses are owed") };
        format!("{} was processed at {from}, and never is at {to}", view.instance.lineage_name(lineage))
    }

    fn stated(&self) -> Option<&Property> {
        Some(&self.property)
    }

    fn is_insensitive(&self) -> bool {
        self.property.kind.is_insensitive()
    }
}

#[cfg(test)]
mod tests;
