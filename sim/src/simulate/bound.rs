//! How many steps a run can take: a bound, so that a run that does not end is noticed.

use crate::instance::Instance;
use neurath_model::component::{Emission, Wake};
use neurath_model::id::{ArcId, InPort, OperatorId, UpdateId};
use std::collections::BTreeMap;

/// A run that takes this many steps goes round in circles, whatever its bound: nobody waits for more.
const PATIENCE: u64 = 2_000_000;

/// More steps than a run of the instance can take.
///
/// Every packet on an arc is taken once, every held packet let go once, and every arc brings each update's marker and its
/// end once. How many packets an arc can see follows from the declarations, producers before consumers; what crosses a
/// feedback arc begins lineages, whose number is bounded, and sends nothing else. A packet goes through the flow as it is
/// before an update, and may then go on through the flow after it: the bounds multiply. The whole is doubled, for
/// protocols with a fault put in.
pub fn steps_max(instance: &Instance) -> u64 {
    let moves = |k: u32| !instance.update(UpdateId(k)).moves.is_empty();
    let shapes = (0..=instance.updates.len() as u32).filter(|k| *k == 0 || moves(*k));
    let product = shapes.map(|k| steps_of_shape(instance, k)).fold(1_u64, u64::saturating_mul);
    product.saturating_mul(2).min(PATIENCE)
}

/// The same for the flow as the first `k` updates leave it.
fn steps_of_shape(instance: &Instance, k: u32) -> u64 {
    let updates = instance.updates.len() as u64;
    let shape = Shape::of(instance, k);
    let mut taken: BTreeMap<OperatorId, u64> = BTreeMap::new();
    let mut steps = 2 + 3 * updates;
    for at in shape.in_order(instance) {
        let arrived = taken.get(&at).copied().unwrap_or(0);
        let (per_firing, begins) = emissions(instance, at);
        let sent = arrived.saturating_mul(per_firing).saturating_add(begins);
        let operator = instance.program.operator(at);
        for to in operator.outputs.iter().filter_map(|arc| shape.ends.get(arc)) {
            let there = taken.entry(to.operator).or_default();
            *there = there.saturating_add(sent);
        }
        steps = steps
            .saturating_add(begins)
            .saturating_add(operator.inputs.len() as u64 * (2 * updates + 1))
            .saturating_add(2 * updates + 1);
    }
    // A packet is taken, and let go if it was held.
    let packets = taken.values().fold(0_u64, |sum, n| sum.saturating_add(n.saturating_mul(2)));
    steps.saturating_add(packets)
}

/// Where arcs end after some updates.
struct Shape {
    operators: Vec<OperatorId>,
    ends: BTreeMap<ArcId, InPort>,
}

impl Shape {
    fn of(instance: &Instance, k: u32) -> Self {
        let (operators, arcs) = instance.extent(k);
        let arcs = (0..arcs as u32).map(ArcId);
        Self {
            operators: (0..operators as u32).map(OperatorId).collect(),
            ends: arcs.filter_map(|arc| Some((arc, instance.destination(arc, k)?))).collect(),
        }
    }

    /// Operators, producers before consumers; feedback arcs left out.
    fn in_order(&self, instance: &Instance) -> Vec<OperatorId> {
        let mut missing: BTreeMap<OperatorId, usize> = self.operators.iter().map(|at| (*at, 0)).collect();
        for to in self.ends.values().filter(|to| !instance.program.is_feedback(**to)) {
            *missing.get_mut(&to.operator).expect("it is there") += 1;
        }
        let mut order: Vec<OperatorId> = missing.iter().filter(|(_, n)| **n == 0).map(|(at, _)| *at).collect();
        let mut next = 0;
        while let Some(at) = order.get(next).copied() {
            next += 1;
            let ends = instance.program.operator(at).outputs.iter().filter_map(|arc| self.ends.get(arc));
            for to in ends.filter(|to| !instance.program.is_feedback(**to)) {
                let left = missing.get_mut(&to.operator).expect("it is there");
                *left -= 1;
                if *left == 0 {
                    order.push(to.operator);
                }
            }
        }
        order
    }
}

/// How many packets one firing sends on an output at most, and how many the operator sends without one.
fn emissions(instance: &Instance, at: OperatorId) -> (u64, u64) {
    let of = |version| {
        let behaviour = instance.behaviour(at, version);
        let begins = if behaviour.wake == Wake::Source { instance.bounds.packets } else { 0 };
        let per_firing = match (behaviour.emission, behaviour.wake) {
            // Held packets that begin lineages are counted among those begun.
            (Emission::Buffer, Wake::Source) => 0,
            (Emission::Each | Emission::Filter | Emission::Route | Emission::Buffer, _) => 1,
            (Emission::Many, _) => 2,
        };
        (per_firing, begins)
    };
    let versions = std::iter::once(UpdateId::NONE).chain(instance.update_ids());
    versions.map(of).fold((0, 0), |(a, b), (c, d)| (a.max(c), b.max(d)))
}
