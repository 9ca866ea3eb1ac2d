//! Small copyable names for places and things: the vocabulary every other file is written in.
//!
//! Ids are dense indices into a validated [`FlowGraph`](crate::graph::FlowGraph); text keeps names instead.
//! They carry no meaning beyond "which one", so nothing can be done to a flow through an id alone.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An operator of a flow graph: its index in declaration order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatorId(pub u32);

/// A port of one operator, counted separately for inputs and outputs: at most [`PortSet::CAPACITY`] each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortIndex(pub u8);

/// An input port: where an arc ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InPort {
    /// The operator that reads the port.
    pub operator: OperatorId,
    /// Which of its input ports.
    pub port: PortIndex,
}

/// An output port: where an arc begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutPort {
    /// The operator that writes the port.
    pub operator: OperatorId,
    /// Which of its output ports.
    pub port: PortIndex,
}

/// An arc: its index in declaration order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArcId(pub u32);

/// An update, numbered from 1 in the order in which updates were accepted. 0 stands for "none yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct UpdateId(pub u32);

impl UpdateId {
    /// The program as it was started, before any update.
    pub const NONE: Self = Self(0);
}

/// The version of an operator: the last update that was applied to it.
///
/// Two operators changed by the same updates are on the same version exactly when neither is ahead.
pub type Version = UpdateId;

/// A source packet and everything causally produced from it, by trigger (one request, for the HTTP server).
///
/// The name is made where the lineage begins, without coordination: the operator and a running number there.
/// 20 bits of operator, 44 bits of number: a million operators, and a number that lasts 55 years at 10,000 a second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(u64);

impl Lineage {
    const NUMBER_BITS: u32 = 44;

    /// The lineage that `origin` began as its `number`-th, counting from 0.
    #[inline]
    pub fn new(origin: OperatorId, number: u64) -> Self {
        assert!(origin.0 < 1 << 20, "a lineage names at most 2^20 operators, got {}", origin.0);
        assert!(number < 1 << Self::NUMBER_BITS, "an operator begins at most 2^44 lineages");
        Self(u64::from(origin.0) << Self::NUMBER_BITS | number)
    }

    /// The lineage that its origin begins so many lineages later.
    #[inline]
    pub fn later(self, by: u64) -> Self {
        Self(self.0 + by)
    }

    /// The operator at which the lineage began.
    pub fn origin(self) -> OperatorId {
        OperatorId((self.0 >> Self::NUMBER_BITS) as u32)
    }

    /// How many lineages its origin began before it.
    pub fn number(self) -> u64 {
        self.0 & ((1 << Self::NUMBER_BITS) - 1)
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.origin().0, self.number())
    }
}

/// A set of ports of one operator, as bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PortSet(u64);

impl PortSet {
    /// How many input (or output) ports an operator may have; the validator refuses more.
    pub const CAPACITY: usize = 64;
    /// No port.
    pub const EMPTY: Self = Self(0);

    /// The first `count` ports.
    #[inline]
    pub fn first(count: usize) -> Self {
        assert!(count <= Self::CAPACITY, "an operator has at most {} ports, got {count}", Self::CAPACITY);
        if count == Self::CAPACITY { Self(u64::MAX) } else { Self((1 << count) - 1) }
    }

    /// One port.
    pub fn only(port: PortIndex) -> Self {
        Self(1 << port.0)
    }

    /// Adds a port; says whether it was new.
    pub fn insert(&mut self, port: PortIndex) -> bool {
        let new = !self.contains(port);
        self.0 |= 1 << port.0;
        new
    }

    /// Takes a port out.
    pub fn remove(&mut self, port: PortIndex) {
        self.0 &= !(1 << port.0);
    }

    /// Whether the port is in the set.
    pub fn contains(self, port: PortIndex) -> bool {
        self.0 >> port.0 & 1 == 1
    }

    /// Whether every port of `other` is in the set.
    pub fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Ports in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Ports in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Ports here that are not in `other`.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The ports, lowest first.
    pub fn iter(self) -> impl Iterator<Item = PortIndex> {
        self.iter_from(PortIndex(0))
    }

    /// The ports in turn: from this one on, and then those before it.
    #[inline]
    pub fn iter_from(self, first: PortIndex) -> impl Iterator<Item = PortIndex> {
        let first = u32::from(first.0);
        let mut rest = self.0.rotate_right(first);
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let port = (rest.trailing_zeros() + first) % u64::BITS;
                rest &= rest - 1;
                PortIndex(port as u8)
            })
        })
    }
}

impl FromIterator<PortIndex> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortIndex>>(ports: I) -> Self {
        let mut set = Self::EMPTY;
        for port in ports {
            set.insert(port);
        }
        set
    }
}

impl Serialize for PortSet {
    /// As the list of port numbers.
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.iter())
    }
}

impl fmt::Debug for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|p| p.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_set_holds_its_last_port() {
        let mut all = PortSet::first(64);
        assert_eq!(all.len(), 64);
        assert!(all.contains(PortIndex(63)));
        all.remove(PortIndex(63));
        assert_eq!(all.iter().last(), Some(PortIndex(62)));
    }

    #[test]
    fn a_lineage_remembers_where_it_began() {
        let l = Lineage::new(OperatorId(1_048_575), 17_592_186_044_415);
        assert_eq!((l.origin(), l.number()), (OperatorId(1_048_575), 17_592_186_044_415));
    }
}
