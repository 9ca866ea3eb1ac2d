//! What a run owes: what must come in the end, by the sentence of a liveness property.
//!
//! ```text
//!   owed:   - - - - o-----o-----o-----o - - - -      a debt is owed in the states from one on to another, and then never again
//!                 submitted         answered
//! ```
//!
//! A run that ends must owe nothing when it does. A run that never ends must not owe the same thing from some state on for ever.
//! Most debts name what is owed for good: an answer to an update comes once. Of lineages there is no end where something goes round for
//! ever, so a debt stands for *the oldest* lineage of one origin, and [`Owed::lineage`] says which that is at the moment. If any lineage
//! of an origin never ends, then the oldest of these is the oldest of all when those before it have ended; so nothing is overlooked.

use super::{L1, L2, L3, L4, L7, Property, S9};
use neurath_model::id::{ArcId, InPort, Lineage, OperatorId, UpdateId};
use neurath_model::marker::Mail;

/// Something that must come in the end. Of several that never come, the first by order is told: that an update is not answered says
/// least about why, so it is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Debt {
    /// S9: an arc under way comes to a port.
    Arc(ArcId),
    /// S9: when all updates are answered, a port has the arc that was planned.
    Port(InPort),
    /// L2: a marker join is completed.
    Join(OperatorId, UpdateId),
    /// L2: mail is taken.
    Mail(OperatorId, Mail),
    /// L2: state that an operator waits for is handed over.
    State(OperatorId),
    /// L2: an operator ends, as the flow has.
    End(OperatorId),
    /// L2: a marker that is on an arc, or waits before it, is taken.
    Marker(ArcId, UpdateId),
    /// L3: the oldest lineage that began at an operator ends.
    Lineage(OperatorId),
    /// L4: one of two updates in each other's way ends.
    Overlap(UpdateId, UpdateId),
    /// L7: an operator that goes is released.
    Release(OperatorId),
    /// Of the user's predicate of that index: what it says of the oldest lineage that began at an operator.
    Client(usize, OperatorId),
    /// L1: an update is answered.
    Answer(UpdateId),
}

impl Debt {
    /// The code of the built-in property that speaks of it; none of a user's.
    pub fn property(self) -> Option<&'static str> {
        match self {
            Self::Arc(_) | Self::Port(_) => Some(S9::ABOUT.code),
            Self::Join(..) | Self::Mail(..) | Self::State(_) | Self::End(_) | Self::Marker(..) => Some(L2::ABOUT.code),
            Self::Lineage(_) => Some(L3::ABOUT.code),
            Self::Overlap(..) => Some(L4::ABOUT.code),
            Self::Release(_) => Some(L7::ABOUT.code),
            Self::Answer(_) => Some(L1::ABOUT.code),
            Self::Client(..) => None,
        }
    }
}

/// What is owed in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owed {
    /// What.
    pub debt: Debt,
    /// The lineage that it is about, if the debt is of one after the other.
    pub lineage: Option<Lineage>,
}

impl Owed {
    /// What is owed once, if ever.
    pub fn once(debt: Debt) -> Self {
        Self { debt, lineage: None }
    }

    /// What is owed of the oldest lineage of each origin, of lineages in their order.
    pub fn oldest(
        lineages: impl IntoIterator<Item = Lineage>,
        debt: impl Fn(OperatorId) -> Debt,
        owed: &mut Vec<Self>,
    ) {
        let mut last = None;
        for lineage in lineages {
            if last.replace(lineage.origin()) != Some(lineage.origin()) {
                owed.push(Self { debt: debt(lineage.origin()), lineage: Some(lineage) });
            }
        }
    }
}
