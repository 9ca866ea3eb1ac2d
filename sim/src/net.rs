//! What is where: operators with what they hold, arcs with what is on them. The part of a world that a program has.

use crate::few::Few;
use crate::instance::Instance;
use crate::shared::Shared;
use crate::update_set::UpdateSet;
use neurath_model::id::{ArcId, InPort, Lineage, OperatorId, PortIndex, UpdateId};
use neurath_model::marker::{Mail, Marker};
use neurath_model::program::Feed;
use neurath_model::protocol::{Head, Operator, Tally};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Item {
    /// A packet.
    Packet(Parcel),
    /// A marker.
    Marker(Marker),
    /// The end of the arc.
    #[default]
    End,
}

impl Item {
    /// What the protocol sees of it at the head of an arc.
    pub fn head(&self) -> Head {
        match self {
            Self::Packet(_) => Head::Packet,
            Self::Marker(marker) => Head::Marker(marker.update),
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
    pub pending: Few<(PortIndex, Item), 2>,
    /// Open work, by the lineage it came in with. Its causal past is part of the operator's.
    pub held: Few<Lineage, 2>,
    /// What stands at each of its input ports.
    pub inputs: Few<Feed, 2>,
    /// Mail from the entrance, in order.
    pub mail: Few<Mail, 1>,
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

impl Cell {
    fn born(instance: &Instance, at: OperatorId) -> Self {
        let operator = instance.program.operator(at);
        let update = operator.born;
        let vacant = operator.inputs.iter().enumerate().filter(|(_, feed)| !matches!(feed, Feed::Arc(_)));
        let vacant = vacant.map(|(port, _)| PortIndex(port as u8)).collect();
        let born = Operator::born(update, vacant, operator.inherits);
        let mut cell = Self {
            operator: if operator.stopped { born.stopped() } else { born },
            inputs: operator.inputs.iter().copied().collect(),
            ..Self::default()
        };
        if instance.judged && update != UpdateId::NONE {
            cell.applied.insert(update);
            cell.past.insert(update);
        }
        cell
    }

    /// The oldest update that mail is about.
    pub fn oldest_mail(&self) -> Option<UpdateId> {
        self.mail.iter().map(|mail| mail.place()).min()
    }

    /// The mail that it takes next: the first, or, if it was stopped, the first of what it was stopped for.
    pub fn next_mail(&self) -> Option<(usize, Mail)> {
        let mut all = self.mail.iter().copied().enumerate();
        let first = all.next()?;
        if self.operator.takes_mail(false) {
            return Some(first);
        }
        let mut all = self.mail.iter().copied().enumerate();
        let awaited = all.find(|(_, mail)| mail.ends_pause());
        awaited.filter(|_| self.operator.takes_mail(true))
    }
}

/// An arc.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Queue {
    /// What is on it, head first.
    pub items: Few<Item, 2>,
    /// Packets ever sent on it.
    pub sent: u32,
    /// The input port at which it ends, or to which it is under way; none if it is dead.
    pub to: Option<InPort>,
}

impl Queue {
    fn new(instance: &Instance, arc: ArcId) -> Self {
        Self { items: Few::new(), sent: 0, to: Some(instance.program.arc(arc).to) }
    }

    /// How many packets are on it.
    pub fn packets(&self) -> usize {
        self.items.iter().filter(|i| matches!(i, Item::Packet(_))).count()
    }
}

/// All operators and arcs, and what the environment has done.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Net {
    /// The operators, by id.
    pub cells: Vec<Shared<Cell>>,
    /// The arcs, by id.
    pub arcs: Vec<Shared<Queue>>,
    /// How many updates were submitted.
    pub submitted: u32,
    /// Whether the environment has ended the flow.
    pub ended: bool,
    /// Updates answered.
    pub answered: UpdateSet,
    /// Arcs that were taken from a port, or are new, and have not come to another.
    pub transit: Few<ArcId, 2>,
    /// What was reported of each update submitted.
    pub tallies: Vec<Shared<Tally>>,
}

impl Clone for Net {
    fn clone(&self) -> Self {
        Self {
            cells: self.cells.clone(),
            arcs: self.arcs.clone(),
            submitted: self.submitted,
            ended: self.ended,
            answered: self.answered,
            transit: self.transit.clone(),
            tallies: self.tallies.clone(),
        }
    }

    fn clone_from(&mut self, source: &Self) {
        self.cells.clone_from(&source.cells);
        self.arcs.clone_from(&source.arcs);
        self.transit.clone_from(&source.transit);
        self.tallies.clone_from(&source.tallies);
        let Self { cells: _, arcs: _, transit: _, tallies: _, submitted, ended, answered } = source;
        (self.submitted, self.ended, self.answered) = (*submitted, *ended, *answered);
    }
}

impl Net {
    /// A program before its first step.
    pub fn new(instance: &Instance) -> Self {
        let mut net = Self {
            cells: Vec::new(),
            arcs: Vec::new(),
            submitted: 0,
            ended: false,
            answered: UpdateSet::EMPTY,
            transit: Few::new(),
            tallies: Vec::new(),
        };
        net.extend(instance);
        net
    }

    /// Adds what the updates submitted so far bring in. Arcs that lead from it to what was there are loose at first.
    pub fn extend(&mut self, instance: &Instance) {
        let (operators, arcs) = instance.extent(self.submitted);
        for at in self.cells.len()..operators {
            self.cells.push(Shared::new(Cell::born(instance, OperatorId(at as u32))));
        }
        for arc in self.arcs.len()..arcs {
            let arc = ArcId(arc as u32);
            self.arcs.push(Shared::new(Queue::new(instance, arc)));
            let to = instance.program.arc(arc).to;
            if self.cell(to.operator).inputs[usize::from(to.port.0)] != Feed::Arc(arc) {
                self.transit.push(arc);
            }
        }
    }

    /// Every operator that runs, or ran.
    pub fn operators(&self) -> impl Iterator<Item = OperatorId> + use<> {
        (0..self.cells.len() as u32).map(OperatorId)
    }

    /// Whether an update was applied at an operator, which may not have come in yet.
    pub fn is_applied(&self, at: OperatorId, update: UpdateId) -> bool {
        self.cells.get(at.0 as usize).is_some_and(|cell| cell.applied.contains(update))
    }

    /// What stands at an input port.
    pub fn feed(&self, port: InPort) -> Feed {
        self.cell(port.operator).inputs[usize::from(port.port.0)]
    }

    /// Says what stands at an input port.
    pub fn set_feed(&mut self, port: InPort, feed: Feed) {
        self.cell_mut(port.operator).inputs[usize::from(port.port.0)] = feed;
    }

    /// Whether an arc was taken away, or is new, and is to come to that port.
    pub fn is_under_way(&self, arc: ArcId, to: InPort) -> bool {
        self.transit.contains(&arc) && self.arc(arc).to == Some(to)
    }

    /// The arc that feeds an input port now.
    pub fn feeding(&self, at: OperatorId, port: PortIndex) -> Option<ArcId> {
        match self.feed(InPort { operator: at, port }) {
            Feed::Arc(arc) => Some(arc),
            Feed::Expects(_) | Feed::Vacant => None,
        }
    }

    /// The first item at an input port.
    pub fn first(&self, at: OperatorId, port: PortIndex) -> Option<&Item> {
        self.arc(self.feeding(at, port)?).items.first()
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
    pub fn head(&self, at: OperatorId, port: PortIndex) -> Head {
        self.first(at, port).map_or(Head::Empty, Item::head)
    }

    /// Whether there is room for one more packet. Feedback arcs are unbounded.
    pub fn has_room(&self, instance: &Instance, arc: ArcId) -> bool {
        let unbounded = self.arc(arc).to.is_none_or(|port| instance.program.is_feedback(port));
        unbounded || self.arc(arc).packets() < instance.bounds.capacity
    }

    /// Puts an item on an arc, behind all that is there.
    pub fn append(&mut self, arc: ArcId, item: Item) {
        self.arcs[arc.0 as usize].items.push(item);
    }

    /// Moves what an operator holds for its outputs onto the arcs, as far as there is room. Packets keep their order
    /// on each arc; one full arc does not hold up another.
    pub fn flush(&mut self, instance: &Instance, at: OperatorId) {
        let pending = std::mem::take(&mut self.cell_mut(at).pending);
        let mut kept: Few<(PortIndex, Item), 2> = Few::new();
        for &(port, item) in &pending {
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
