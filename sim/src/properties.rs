//! The properties, one a file: their sentence, what they remember, when they are broken, and the witness beside them.
//!
//! Safety (S) is judged at every event; liveness (L) where nothing can happen any more, which is enough where every run ends
//! ([`rank`](mod@crate::rank)). Where runs can go on for ever, what is [owed](Debt) all along is judged, too
//! ([`lasso`](mod@crate::lasso)). A *witness* is a situation in which the property has something to say; a check that never met it
//! has shown nothing, and says so.

use crate::instance::Instance;
use crate::net::Net;
use crate::observation::Observation;
use neurath_model::id::{ArcId, Lineage, OperatorId};
use smallvec::SmallVec;
use std::fmt::Debug;
use std::hash::Hash;

mod s01_conservation;
mod s02_order;
mod s03_quiescence;
mod s04_serializability;
mod s05_cut_consistency;
mod s06_exactly_once;
mod s07_update_order;
mod s08_one_time;
mod s09_structure;
mod s10_locality;
mod s11_state;
mod s12_release;
mod s13_noninterference;
mod s14_staleness;

mod l1_answer;
mod l2_completion;
mod l3_every_packet;
mod l4_overlap;
mod l7_released;

mod debt;
pub mod named;
mod sides;

#[cfg(test)]
pub(crate) mod teeth;

pub use debt::{Debt, Owed};
pub use l1_answer::L1;
pub use l2_completion::L2;
pub use l3_every_packet::L3;
pub use l4_overlap::L4;
pub use l7_released::L7;
pub use s01_conservation::S1;
pub use s02_order::S2;
pub use s03_quiescence::S3;
pub use s04_serializability::S4;
pub use s05_cut_consistency::S5;
pub use s06_exactly_once::S6;
pub use s07_update_order::S7;
pub use s08_one_time::S8;
pub use s09_structure::S9;
pub use s10_locality::S10;
pub use s11_state::S11;
pub use s12_release::S12;
pub use s13_noninterference::S13;
pub use s14_staleness::S14;

/// What is said about a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// Its code, for example `S4`.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What must always hold.
    pub sentence: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What should sometimes happen, for the property to have been put to the test.
    pub witness: &'static str,
}

/// What a property may look at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What does not change.
    pub instance: &'a Instance,
    /// Operators and arcs, as the event left them.
    pub net: &'a Net,
}

impl<'a> View<'a> {
    /// Whether packets that are taken from an arc have crossed a feedback arc.
    pub fn crossed_feedback(self, arc: ArcId) -> bool {
        self.net.arc(arc).to.is_some_and(|port| self.instance.program.is_feedback(port))
    }

    /// The name of the operator to which an arc leads.
    pub fn destination_name(self, arc: ArcId) -> &'a str {
        self.net.arc(arc).to.map_or("nowhere", |port| self.instance.name(port.operator))
    }
}

/// How much less is to have been counted: see [`fold`](mod@crate::fold).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Less {
    /// By arc: packets sent on it.
    pub sent: SmallVec<[u32; 16]>,
    /// By operator: firings that its function remembers.
    pub fired: SmallVec<[u32; 16]>,
}

impl Less {
    /// Whether it is nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.sent.iter().chain(&self.fired).all(|count| *count == 0)
    }

    /// How much less was sent on an arc.
    pub fn sent_on(&self, arc: ArcId) -> u32 {
        self.sent.get(arc.0 as usize).copied().unwrap_or(0)
    }

    /// How many firings less an operator's function remembers.
    pub fn fired_at(&self, at: OperatorId) -> u32 {
        self.fired.get(at.0 as usize).copied().unwrap_or(0)
    }
}

/// What is said about the property of that code or name, one that has to be asked for included.
pub fn about(code: &str) -> Option<&'static About> {
    let asked = || named::NAMED.iter().map(|named| &named.about);
    crate::ledger::PROPERTIES.iter().chain(asked()).find(|about| about.code == code)
}

/// A property of runs.
pub trait Property: Clone + Eq + Hash + Debug {
    /// What is said about it.
    const ABOUT: About;

    /// What it remembers at the start.
    fn new(instance: &Instance) -> Self;

    /// Sees an event; `Err` tells how the event breaks it.
    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        let _ = (view, event);
        Ok(())
    }

    /// Adds what must still come, by its sentence. What is paid once must not be owed again.
    fn owed(&self, view: View<'_>, owed: &mut Vec<Owed>) {
        let _ = (view, owed);
    }

    /// Tells of something that it says is owed, and that never comes.
    fn tell(&self, view: View<'_>, debt: Debt) -> String {
        let _ = view;
        unreachable!("{debt:?} is of a property that owes something")
    }

    /// Judges a world in which nothing can happen any more: nothing must be owed.
    fn at_end(&self, view: View<'_>) -> Result<(), String> {
        let mut owed = Vec::new();
        self.owed(view, &mut owed);
        owed.first().map_or(Ok(()), |first| Err(self.tell(view, first.debt)))
    }

    /// Shows each lineage that it remembers, to be given another name. Names keep their order, of each origin.
    fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        let _ = name;
    }

    /// Takes from what it has counted.
    fn recount(&mut self, less: &Less) {
        let _ = less;
    }

    /// Whether the witness holds.
    fn witnessed(&self, view: View<'_>) -> bool;
}
