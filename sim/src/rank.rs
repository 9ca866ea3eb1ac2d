//! A number that falls with every step: why every run ends, whoever is scheduled.
//!
//! ```text
//!   what is to come   submissions, the end
//!     v  turns into
//!   reports owed      applications, markers that pass the last operator
//!     v
//!   arcs under way -> mail -> lineages to begin -> packets, by what they may still cause -> ends -> passes -> markers
//! ```
//!
//! The rank is a tuple, compared from the left. A step takes from one entry, and may add only to entries behind it: a submission
//! brings mail, a computation time sets arcs on their way, a source that begins something puts packets on arcs. As entries are
//! natural numbers, no sequence of ranks falls for ever. So no run is infinite, no scheduler has to be fair, and what should happen
//! has happened, or never will, where no step is possible any more: that is where L1 to L4 and L7 are judged.
//!
//! A packet counts itself, and all that its firing may put on arcs, in the flow as it is at the moment. If an arc moves or a
//! function changes, packets may count for more than before; but then an entry further left has fallen. A packet on an arc under
//! way counts for one: nobody can take it before the arc is attached.
//!
//! One kind of flow has no rank: that with a loop on which nobody counts, because the feedback arc does not lead to a source that
//! lets go what came back (of those, [`Bounds::packets`] bounds how often). A packet in such a loop goes round for ever. What a run of such a
//! flow owes is judged along the rounds that it may go for ever, if they are fair: see [`lasso`](mod@crate::lasso).
//!
//! That the rank falls is tested, in all reachable states of instances of all shapes and along random runs (`checks::rank`).
//! It is a rank of the protocol as it is, not of one with a fault put in, and of instances that are judged: only these remember
//! which markers have passed where.
//!
//! [`Bounds::packets`]: crate::instance::Bounds::packets

use crate::instance::{Behaviour, Instance};
use crate::net::{Item, Net};
use neurath_model::component::{Emission, Wake};
use neurath_model::id::{ArcId, InPort, OperatorId, PortIndex};
use neurath_model::program::Feed;
use std::collections::BTreeMap;

/// How much can still happen. Fields are compared in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// Updates not submitted, and the end, if it may come and has not.
    pub to_come: u64,
    /// What the exit has yet to hear of updates that were submitted.
    pub reports: u64,
    /// Arcs that were taken from a port, or are new, and have not come to another.
    pub under_way: u64,
    /// Mail that was not taken.
    pub mail: u64,
    /// Lineages that sources may still begin.
    pub lineages: u64,
    /// Packets on arcs, before full arcs and in operators, each by what it may still cause.
    pub packets: u128,
    /// Input ports that have not been read to their end.
    pub ends: u64,
    /// Operators at which an update's marker has not passed, for each update submitted.
    pub passes: u64,
    /// Markers on arcs and before them.
    pub markers: u64,
}

/// A loop of a flow on which nobody counts how often something goes round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endless {
    /// An operator on it.
    pub at: OperatorId,
}

/// The rank of a state of an instance.
///
/// # Errors
///
/// If a packet is on its way into a loop that nobody bounds.
pub fn rank(instance: &Instance, net: &Net) -> Result<Rank, Endless> {
    Ok(Rank {
        to_come: to_come(instance, net),
        reports: net.tallies.iter().map(|tally| reports(tally.missing())).sum(),
        under_way: net.transit.len() as u64,
        mail: net.cells.iter().map(|cell| cell.mail.len() as u64).sum(),
        lineages: net.operators().map(|at| lineages(instance, net, at)).sum(),
        packets: Weights { instance, net, known: BTreeMap::new() }.all()?,
        ends: net.operators().map(|at| ends(instance, net, at)).sum(),
        passes: net.cells.iter().map(|cell| u64::from(net.submitted) - cell.passed.len() as u64).sum(),
        markers: markers(net),
    })
}

fn to_come(instance: &Instance, net: &Net) -> u64 {
    let updates = instance.updates.len() as u64 - u64::from(net.submitted);
    updates + u64::from(instance.bounds.ends && !net.ended)
}

fn reports(missing: &neurath_model::marker::Expected) -> u64 {
    (missing.passed.len() + missing.applied.len() + missing.switched.len()) as u64
}

fn behaviour<'a>(instance: &'a Instance, net: &Net, at: OperatorId) -> &'a Behaviour {
    instance.behaviour(at, net.cell(at).operator.version())
}

fn lineages(instance: &Instance, net: &Net, at: OperatorId) -> u64 {
    let counts = behaviour(instance, net, at).wake == Wake::Source;
    if counts { instance.bounds.packets.saturating_sub(net.cell(at).begun) } else { 0 }
}

fn ends(instance: &Instance, net: &Net, at: OperatorId) -> u64 {
    let inputs = instance.program.operator(at).interface.inputs;
    inputs.minus(net.cell(at).operator.ended_ports()).iter().count() as u64
}

fn markers(net: &Net) -> u64 {
    let on_arcs = net.arcs.iter().flat_map(|arc| arc.items.iter());
    let before_them = net.cells.iter().flat_map(|cell| cell.pending.iter().map(|(_, item)| item));
    on_arcs.chain(before_them).filter(|item| matches!(item, Item::Marker(_))).count() as u64
}

/// What packets count for, arc by arc.
struct Weights<'a> {
    instance: &'a Instance,
    net: &'a Net,
    /// The weight of a packet on each arc looked at so far; none while it is being computed.
    known: BTreeMap<ArcId, Option<u128>>,
}

impl Weights<'_> {
    fn all(mut self) -> Result<u128, Endless> {
        let mut sum = 0;
        for at in self.net.operators() {
            let cell = self.net.cell(at);
            for (port, item) in &cell.pending {
                if matches!(item, Item::Packet(_)) {
                    sum += self.arc(self.instance.program.driven(at, *port))?;
                }
            }
            if !cell.held.is_empty() {
                sum += cell.held.len() as u128 * self.held(at)?;
            }
        }
        for arc in (0..self.net.arcs.len() as u32).map(ArcId) {
            let packets = self.net.arc(arc).packets();
            if packets > 0 {
                sum += packets as u128 * self.arc(arc)?;
            }
        }
        Ok(sum)
    }

    /// A packet on an arc is one, and what the operator that takes it makes of it.
    fn arc(&mut self, arc: ArcId) -> Result<u128, Endless> {
        let Some(to) = self.net.arc(arc).to.filter(|to| self.net.feed(*to) == Feed::Arc(arc)) else { return Ok(1) };
        match self.known.get(&arc) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => return Err(Endless { at: to.operator }),
            None => {}
        }
        self.known.insert(arc, None);
        let weight = 1 + self.taken(to)?;
        self.known.insert(arc, Some(weight));
        Ok(weight)
    }

    fn taken(&mut self, to: InPort) -> Result<u128, Endless> {
        let behaviour = behaviour(self.instance, self.net, to.operator);
        if behaviour.absorbs.contains(to.port) {
            return Ok(0);
        }
        Ok(match behaviour.emission {
            Emission::Each | Emission::Filter => self.outputs(to.operator, behaviour)?.iter().sum(),
            Emission::Route => most(&self.outputs(to.operator, behaviour)?),
            Emission::Many => {
                let all = self.outputs(to.operator, behaviour)?;
                all.iter().sum::<u128>().max(2 * most(&all))
            }
            Emission::Buffer => self.held(to.operator)?,
        })
    }

    /// What is held is let go once, onto one output. A source that lets it go begins a lineage, and these count for more.
    fn held(&mut self, at: OperatorId) -> Result<u128, Endless> {
        let behaviour = behaviour(self.instance, self.net, at);
        if behaviour.wake == Wake::Source {
            return Ok(1);
        }
        Ok(1 + most(&self.outputs(at, behaviour)?))
    }

    fn outputs(&mut self, at: OperatorId, behaviour: &Behaviour) -> Result<Vec<u128>, Endless> {
        (0..behaviour.outputs).map(|port| self.arc(self.instance.program.driven(at, PortIndex(port)))).collect()
    }
}

fn most(weights: &[u128]) -> u128 {
    weights.iter().copied().max().unwrap_or(0)
}
