//! Where packets are and where they may still come: what notions of a quiet moment speak of.

use crate::net::Item;
use crate::observation::Observation;
use crate::properties::View;
use neurath_model::component::Wake;
use neurath_model::id::{ArcId, Lineage, OperatorId, PortIndex, UpdateId};
use smallvec::SmallVec;
use std::collections::BTreeSet;

/// Where something of a lineage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On an arc, or before it, waiting for room.
    On(ArcId),
    /// Open work of an operator.
    At(OperatorId),
}

/// Everything in the flow that belongs to a lineage which has not ended.
fn tokens(view: View<'_>) -> Vec<(Lineage, Place)> {
    let mut found = Vec::new();
    for at in view.net.operators() {
        let cell = view.net.cell(at);
        for (port, item) in &cell.pending {
            if let Item::Packet(parcel) = item {
                found.push((parcel.lineage, Place::On(view.instance.program.driven(at, *port))));
            }
        }
        if holds_work(view, at) {
            found.extend(cell.held.iter().map(|lineage| (*lineage, Place::At(at))));
        }
    }
    for arc in (0..view.net.arcs.len() as u32).map(ArcId) {
        for item in &view.net.arc(arc).items {
            if let Item::Packet(parcel) = item {
                found.push((parcel.lineage, Place::On(arc)));
            }
        }
    }
    found
}

/// Whether what an operator holds are lineages under way. A source keeps what came back, of lineages that ended with that.
pub(super) fn holds_work(view: View<'_>, at: OperatorId) -> bool {
    view.instance.behaviour(at, view.net.cell(at).operator.version()).wake != Wake::Source
}

/// The operators at which something may still be processed, as arcs are at the moment; what crosses a feedback arc begins anew.
fn reach(view: View<'_>, place: Place) -> BTreeSet<OperatorId> {
    let mut reached = BTreeSet::new();
    let mut frontier = match place {
        Place::On(arc) => enter(view, arc, &mut reached),
        Place::At(at) => {
            reached.insert(at);
            vec![at]
        }
    };
    while let Some(at) = frontier.pop() {
        for port in 0..view.instance.program.operator(at).outputs.len() {
            let arc = view.instance.program.driven(at, PortIndex(port as u8));
            frontier.extend(enter(view, arc, &mut reached));
        }
    }
    reached
}

/// Where an arc leads, if that is new and a packet goes on from there.
fn enter(view: View<'_>, arc: ArcId, reached: &mut BTreeSet<OperatorId>) -> Vec<OperatorId> {
    let known = (arc.0 as usize) < view.net.arcs.len();
    let to = if known { view.net.arc(arc).to } else { None };
    let Some(to) = to.filter(|port| !view.instance.program.is_feedback(*port)) else { return Vec::new() };
    if (to.operator.0 as usize) >= view.net.cells.len() || !reached.insert(to.operator) {
        return Vec::new();
    }
    let version = view.net.cell(to.operator).operator.version();
    let is_used_up = view.instance.behaviour(to.operator, version).absorbs.contains(to.port);
    if is_used_up { Vec::new() } else { vec![to.operator] }
}

/// The lineages under way of which something may still be processed at one of the operators.
pub(super) fn may_come(view: View<'_>, is_meant: impl Fn(OperatorId) -> bool) -> BTreeSet<Lineage> {
    let comes = |place| reach(view, place).into_iter().any(&is_meant);
    tokens(view).into_iter().filter(|(_, place)| comes(*place)).map(|(lineage, _)| lineage).collect()
}

/// Whether an update is applied at some of the operators that it changes, and not yet at all.
pub(super) fn is_partly_applied(view: View<'_>, u: UpdateId) -> bool {
    let applied = view.instance.update(u).changed().map(|(at, _)| view.net.is_applied(at, u));
    let applied: SmallVec<[bool; 8]> = applied.collect();
    !view.net.answered.contains(u) && applied.contains(&true) && applied.contains(&false)
}

/// The operator and the update whose computation time there an event is, by its first action; and how many outputs of an earlier
/// firing had not gone out.
pub(super) fn computation_time(event: &Observation) -> Option<(OperatorId, UpdateId, usize)> {
    match *event {
        Observation::Applied { at, update, port: None, action: (0, _), unflushed, .. } => Some((at, update, unflushed)),
        _ => None,
    }
}

/// The operators that each lineage under way has been at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Visits(SmallVec<[(Lineage, BTreeSet<OperatorId>); 4]>);

impl Visits {
    /// Takes note of firings, and forgets lineages that have ended.
    pub(super) fn observe(&mut self, event: &Observation) {
        match *event {
            Observation::Fired { at, lineage, .. } => {
                let place = self.0.binary_search_by_key(&lineage, |visit| visit.0).unwrap_or_else(|place| {
                    self.0.insert(place, (lineage, BTreeSet::new()));
                    place
                });
                self.0[place].1.insert(at);
            }
            Observation::Ended { lineage } => self.0.retain(|visit| visit.0 != lineage),
            _ => {}
        }
    }

    /// Shows each lineage, to be given another name.
    pub(super) fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        self.0.iter_mut().for_each(|visit| name(&mut visit.0));
    }

    /// Whether a lineage has been at one of the operators.
    pub(super) fn has_been_at(&self, lineage: Lineage, is_meant: impl Fn(OperatorId) -> bool) -> bool {
        let visit = self.0.iter().find(|visit| visit.0 == lineage);
        visit.is_some_and(|visit| visit.1.iter().copied().any(is_meant))
    }

    /// Whether some lineage has been at one of the operators.
    pub(super) fn any_at(&self, is_meant: impl Fn(OperatorId) -> bool) -> bool {
        self.0.iter().flat_map(|visit| &visit.1).any(|at| is_meant(*at))
    }

    /// A lineage that has been at one of the operators, and may still come to one.
    pub(super) fn amid(&self, view: View<'_>, is_meant: impl Fn(OperatorId) -> bool + Copy) -> Option<Lineage> {
        let been = |lineage: &Lineage| self.has_been_at(*lineage, is_meant);
        may_come(view, is_meant).into_iter().find(been)
    }
}
