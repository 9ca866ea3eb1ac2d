//! What is where: operators with what they hold, arcs with what is on them. The part of a world that a program has.

use crate::instance::Instance;
use crate::update_set::UpdateSet;
use neurath_model::id::{ArcId, Lineage, OperatorId, PortIndex, UpdateId};
use neurath_model::marker::Marker;
use neurath_model::protocol::{Head, Operator};
use smallvec::SmallVec;

/// A packet, by what the checker knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Parcel {
    /// Its lineage.
    pub lineage: Lineage,
    /// Its place among all packets sent on its arc, from 0.
    pub serial: u32,
    /// The updates of which some event after the cut is in its causal past.
    pub past: UpdateSet,
}

/// What is on an arc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// A packet.
    Packet(Parcel),
    /// A marker.
    Marker(Marker),
    /// The end of the arc.
    End,
}

impl Item {
    /// What the protocol sees of it at the head of an arc.
    pub fn head(&self) -> Head {
        match self {
            Self::Packet(_) => Head::Packet,
            Self::Marker(_) => Head::Marker,
            Self::End => Head::Closed,
        }
    }
}

/// What a function remembers, as far as S11 can tell: how many firings, and how many transfers lie behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Memory {
    /// Firings since the state began.
    pub fired: u32,
    /// Transfers it went through.
    pub transfers: u32,
}

/// An operator and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Cell {
    /// Its protocol state.
    pub operator: Operator,
    /// Outputs of its last step for which there was no room: until they are in, it does nothing else.
    pub pending: SmallVec<[(PortIndex, Item); 2]>,
    /// Open work, by the lineage it came in with. Its causal past is part of the operator's.
    pub held: SmallVec<[Lineage; 2]>,
    /// Direct messages on their way to it.
    pub mail: SmallVec<[UpdateId; 1]>,
    /// Lineages it began.
    pub begun: u64,
    /// What its function remembers.
    pub memory: Memory,
    /// Updates applied here.
    pub applied: UpdateSet,
    /// Updates whose marker has passed here.
    pub passed: UpdateSet,
    /// Updates of which some event after the cut is in its causal past.
    pub past: UpdateSet,
}

/// An arc.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Queue {
    /// What is on it, head first.
    pub items: SmallVec<[Item; 2]>,
    /// Packets ever sent on it.
    pub sent: u32,
}

impl Queue {
    /// How many packets are on it.
    pub fn packets(&self) -> usize {
        self.items.iter().filter(|i| matches!(i, Item::Packet(_))).count()
    }
}

/// All operators and arcs, and what the environment has done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Net {
    /// The operators, by id.
    pub cells: Vec<Cell>,
    /// The arcs, by id.
    pub arcs: Vec<Queue>,
    /// How many updates were submitted.
    pub submitted: u32,
    /// Whether the environment has ended the flow.
    pub ended: bool,
    /// Updates answered.
    pub answered: UpdateSet,
}

impl Net {
    /// A program before its first step.
    pub fn new(instance: &Instance) -> Self {
        Self {
            cells: vec![Cell::default(); instance.program.operators().len()],
            arcs: vec![Queue::default(); instance.program.arcs().len()],
            submitted: 0,
            ended: false,
            answered: UpdateSet::EMPTY,
        }
    }

    /// One operator.
    pub fn cell(&self, at: OperatorId) -> &Cell {
        &self.cells[at.0 as usize]
    }

    /// One operator, to change.
    pub fn cell_mut(&mut self, at: OperatorId) -> &mut Cell {
        &mut self.cells[at.0 as usize]
    }

    /// One arc.
    pub fn arc(&self, id: ArcId) -> &Queue {
        &self.arcs[id.0 as usize]
    }

    /// What stands at the head of an input port.
    pub fn head(&self, instance: &Instance, at: OperatorId, port: PortIndex) -> Head {
        self.arc(instance.program.feeding(at, port)).items.first().map_or(Head::Empty, Item::head)
    }

    /// Whether there is room for one more packet.
    pub fn has_room(&self, instance: &Instance, arc: ArcId) -> bool {
        instance.program.arc(arc).feedback || self.arc(arc).packets() < instance.bounds.capacity
    }

    /// Puts an item on an arc, behind all that is there.
    pub fn append(&mut self, arc: ArcId, item: Item) {
        self.arcs[arc.0 as usize].items.push(item);
    }

    /// Moves what an operator holds for its outputs onto the arcs, as far as there is room. Packets keep their order
    /// on each arc; one full arc does not hold up another.
    pub fn flush(&mut self, instance: &Instance, at: OperatorId) {
        let pending = std::mem::take(&mut self.cell_mut(at).pending);
        let mut kept: SmallVec<[(PortIndex, Item); 2]> = SmallVec::new();
        for (port, item) in pending {
            let arc = instance.program.driven(at, port);
            let behind = kept.iter().any(|(p, _)| *p == port);
            let fits = !matches!(item, Item::Packet(_)) || self.has_room(instance, arc);
            if behind || !fits {
                kept.push((port, item));
            } else {
                self.append(arc, item);
            }
        }
        self.cell_mut(at).pending = kept;
    }
}
