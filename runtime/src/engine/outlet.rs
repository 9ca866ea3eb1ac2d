//! An operator's outputs: its ends of the arcs that it drives, and what there was no room for.

use super::arc::{Batch, Item, Sender};
use super::signal::Bell;
use crate::packet::Packet;
use neurath_model::id::{Lineage, PortIndex, PortSet};
use std::collections::VecDeque;
use std::sync::Arc;

/// The outputs of one operator.
#[derive(Default)]
pub(crate) struct Outlet {
    arcs: Vec<Sender>,
    /// What there was no room for: until it is in, the operator does nothing else.
    pending: VecDeque<(PortIndex, Item)>,
}

impl Outlet {
    /// Onto these arcs, in the order of the ports.
    pub(crate) fn onto(arcs: Vec<Sender>) -> Self {
        Self { arcs, pending: VecDeque::new() }
    }

    /// How many ports there are.
    pub(crate) fn ports(&self) -> impl Iterator<Item = PortIndex> + use<> {
        (0..self.arcs.len()).map(|port| PortIndex(port as u8))
    }

    /// How many packets fit on each, at least.
    pub(crate) fn room(&mut self) -> usize {
        self.arcs.iter_mut().map(Sender::room).min().unwrap_or(usize::MAX)
    }

    /// The same as far as it is known, none while anything waits. It only falls while packets are emitted, however fast they are taken.
    pub(crate) fn known_room(&self) -> usize {
        if self.is_clear() { self.arcs.iter().map(Sender::known_room).min().unwrap_or(usize::MAX) } else { 0 }
    }

    /// Whether what was emitted has filled one of them. (An arc onto which nothing was emitted is not looked at: it may not have been in reach of
    /// this core for long.)
    pub(crate) fn is_full(&mut self) -> bool {
        self.arcs.iter_mut().any(Sender::is_full)
    }

    /// Whether whatever was emitted now would have to wait. The operator is called when that has changed.
    pub(crate) fn awaits_room(&mut self) -> bool {
        !self.arcs.is_empty() && self.arcs.iter_mut().all(|arc| arc.room() == 0 && !arc.find_room_or_wait())
    }

    /// How many packets fit on each, when nothing waits: as many can then be put there at once.
    pub(crate) fn make_ready(&mut self) -> usize {
        debug_assert!(self.is_clear(), "what is emitted next goes behind what waits");
        self.arcs.iter_mut().map(Sender::make_ready).min().unwrap_or(usize::MAX)
    }

    /// Where a packet for that port goes, if there is room for certain and nothing waits. (While something waits, no arc knows of room.)
    #[inline(always)]
    pub(crate) fn batch_with_room(&mut self, port: PortIndex) -> Option<&mut Batch> {
        self.arcs[usize::from(port.0)].batch_with_room()
    }

    /// Puts a packet on an arc, behind what waits for room.
    pub(crate) fn emit(&mut self, port: PortIndex, lineage: Lineage, packet: Packet) {
        let left =
            if self.is_clear() { self.arcs[usize::from(port.0)].send_packet(lineage, packet) } else { Err(packet) };
        if let Err(packet) = left {
            self.hold_back(port, Item::Packet(lineage, packet));
        }
    }

    #[cold]
    fn hold_back(&mut self, port: PortIndex, item: Item) {
        self.pending.push_back((port, item));
        self.forget_room();
    }

    /// So that what is emitted next goes behind what waits.
    fn forget_room(&mut self) {
        self.arcs.iter_mut().for_each(Sender::forget_room);
    }

    /// Puts an item on an arc, behind what waits for room.
    pub(crate) fn put(&mut self, port: PortIndex, item: Item) {
        let left = if self.is_clear() { self.arcs[usize::from(port.0)].send(item) } else { Err(item) };
        if let Err(item) = left {
            self.hold_back(port, item);
        }
    }

    /// Whether all that was put out has gone out.
    pub(crate) fn is_clear(&self) -> bool {
        self.pending.is_empty()
    }

    /// Moves what waits onto the arcs as far as there is room; says whether all is in. One full arc does not hold up
    /// another.
    #[inline(always)]
    pub(crate) fn flush(&mut self) -> bool {
        self.is_clear() || self.move_what_waits()
    }

    #[cold]
    fn move_what_waits(&mut self) -> bool {
        let mut full = PortSet::EMPTY;
        for _ in 0..self.pending.len() {
            let (port, item) = self.pending.pop_front().expect("counted");
            if full.contains(port) {
                self.pending.push_back((port, item));
            } else if let Err(item) = self.arcs[usize::from(port.0)].send(item) {
                full.insert(port);
                self.pending.push_back((port, item));
            }
        }
        if !full.is_empty() {
            self.forget_room();
        }
        full.is_empty()
    }

    /// Tells those who read the arcs of what was put on them.
    pub(crate) fn tell(&mut self) {
        self.arcs.iter_mut().for_each(Sender::tell);
    }

    /// The operator is on this thread from now on.
    pub(crate) fn arrives(&self) {
        self.arcs.iter().for_each(Sender::arrives);
    }

    /// The operator has another bell, and leaves the thread; it must flush after this.
    pub(crate) fn moved(&self, bell: &Arc<Bell>) {
        self.arcs.iter().for_each(|arc| arc.moved(bell.clone()));
    }
}
