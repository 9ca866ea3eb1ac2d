//! All properties at once: each observes every event of a run, and says when it is broken.
//!
//! What a property must remember (its *ghost*) is part of the state, so that a violation is a property of a state and
//! not of the path that led there. Ghosts are kept as small as their sentence allows: two worlds that differ only in
//! what no property could ever notice are the same state.

use crate::few::Few;
use crate::instance::Instance;
use crate::net::Net;
use crate::observation::Observation;
use crate::properties::{About, Debt, Less, Owed, Property, View};
use crate::properties::{L1, L2, L3, L4, L7, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10, S11, S12, S13, S14};
use crate::system::Breach;
use neurath_model::id::Lineage;
use smallvec::SmallVec;

macro_rules! ledger {
    ($($field:ident: $property:ident,)*) => {
        /// What the properties remember.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct Ledger {
            /// For each lineage with anything left in the flow, how many packets that is.
            tokens: Few<(Lineage, u32), 4>,
            $($field: $property,)*
        }

        /// What is said about each property, in order.
        pub const PROPERTIES: &[About] = &[$($property::ABOUT,)*];

        /// The names of the witnesses, in the order of [`PROPERTIES`].
        pub const WITNESSES: &[&str] = &[$($property::ABOUT.witness,)*];

        impl Ledger {
            /// Nothing has happened.
            pub fn new(instance: &Instance) -> Self {
                Self { tokens: Few::new(), $($field: $property::new(instance),)* }
            }

            /// Shows an event to every property that is not broken yet, and adds those that it breaks.
            pub fn observe(&mut self, instance: &Instance, net: &Net, o: &Observation, breaches: &mut Vec<Breach>) {
                self.count(o);
                let view = View { instance, net };
                $({
                    let property = $property::ABOUT.code;
                    let broken = breaches.iter().any(|breach| breach.property == property);
                    if !broken && let Err(story) = self.$field.observe(view, o) {
                        breaches.push(Breach { property, story });
                    }
                })*
            }

            /// Judges a world in which nothing can happen any more: every property that it breaks.
            pub fn at_end(&self, instance: &Instance, net: &Net) -> Vec<Breach> {
                let view = View { instance, net };
                let mut breaches = Vec::new();
                $(if let Err(story) = self.$field.at_end(view) {
                    breaches.push(Breach { property: $property::ABOUT.code, story });
                })*
                breaches
            }

            /// Adds what is owed.
            pub fn owed(&self, instance: &Instance, net: &Net, owed: &mut Vec<Owed>) {
                let view = View { instance, net };
                $(self.$field.owed(view, owed);)*
            }

            /// Adds what is owed of the oldest lineages.
            pub fn owed_of_lineages(&self, instance: &Instance, net: &Net, owed: &mut Vec<Owed>) {
                self.l3.owed(View { instance, net }, owed);
            }

            /// What never comes, if something that is owed by that property never does.
            pub fn tell(&self, instance: &Instance, net: &Net, property: &str, debt: Debt) -> String {
                let view = View { instance, net };
                $(if property == $property::ABOUT.code {
                    return self.$field.tell(view, debt);
                })*
                unreachable!("{property} is a property that owes {debt:?}")
            }

            /// Shows each lineage that is remembered, to be given another name.
            pub fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
                self.tokens.iter_mut().for_each(|token| name(&mut token.0));
                $(self.$field.rename(name);)*
            }

            /// Takes from what was counted.
            pub fn recount(&mut self, less: &Less) {
                $(self.$field.recount(less);)*
            }

            /// Forgets what broken properties remember: they see nothing more.
            pub fn forget(&mut self, instance: &Instance, breaches: &[Breach]) {
                $(if breaches.iter().any(|breach| breach.property == $property::ABOUT.code) {
                    self.$field = $property::new(instance);
                })*
            }

            /// Whether the witness of that index holds.
            pub fn witnessed(&self, instance: &Instance, net: &Net, witness: usize) -> bool {
                let view = View { instance, net };
                let holds: &[fn(&Self, View<'_>) -> bool] = &[$(|l, v| l.$field.witnessed(v),)*];
                holds[witness](self, view)
            }
        }
    };
}

ledger! {
    s1: S1,
    s2: S2,
    s3: S3,
    s4: S4,
    s5: S5,
    s6: S6,
    s7: S7,
    s8: S8,
    s9: S9,
    s10: S10,
    s11: S11,
    s12: S12,
    s13: S13,
    s14: S14,
    l1: L1,
    l2: L2,
    l3: L3,
    l4: L4,
    l7: L7,
}

impl Ledger {
    /// Keeps count of what is left of each lineage.
    fn count(&mut self, o: &Observation) {
        match *o {
            Observation::Began { lineage, .. } => self.add(lineage, 0),
            Observation::Sent { lineage, .. } => self.add(lineage, 1),
            Observation::Held { lineage, ends: false, .. } => self.add(lineage, 1),
            Observation::Taken { lineage, .. } | Observation::Released { lineage, ended: false, .. } => {
                self.subtract(lineage);
            }
            Observation::Submitted { .. }
            | Observation::Fired { .. }
            | Observation::Held { ends: true, .. }
            | Observation::Released { ended: true, .. }
            | Observation::Applied { .. }
            | Observation::HandedOver { .. }
            | Observation::Disconnected { .. }
            | Observation::Attached { .. }
            | Observation::Gone { .. }
            | Observation::Marked { .. }
            | Observation::Passed { .. }
            | Observation::Answered { .. }
            | Observation::Discarded { .. }
            | Observation::Ended { .. }
            | Observation::Stepped => {}
        }
    }

    fn add(&mut self, lineage: Lineage, packets: u32) {
        match self.tokens.binary_search_by_key(&lineage, |t| t.0) {
            Ok(i) => self.tokens[i].1 += packets,
            Err(i) => self.tokens.insert(i, (lineage, packets)),
        }
    }

    /// A packet taken that was never sent is for S1 to report; here it counts for nothing.
    fn subtract(&mut self, lineage: Lineage) {
        if let Ok(i) = self.tokens.binary_search_by_key(&lineage, |t| t.0) {
            self.tokens[i].1 = self.tokens[i].1.saturating_sub(1);
        }
    }

    /// Lineages of which nothing is left at the end of a step; they are forgotten.
    pub fn lineages_that_ended(&mut self) -> SmallVec<[Lineage; 2]> {
        let ended = self.tokens.iter().filter(|t| t.1 == 0).map(|t| t.0).collect();
        self.tokens.retain(|t| t.1 > 0);
        ended
    }
}

#[cfg(test)]
impl Ledger {
    /// Forgets what S14 remembers.
    pub(crate) fn forget_commits(&mut self) {
        self.s14.forget();
    }
}
