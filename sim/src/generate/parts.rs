//! Components by the part they can play in a flow, and what goes through them.
//!
//! ```text
//!   source   step    split   merge, join   loop              sink
//!                     .-     -.             .- back -.
//!    o-      -o-     -o       o-           -o- . . . '       -o
//!                     '-     -'
//! ```
//!
//! Types are followed here in a second, simpler way than the validator's: forward, one operator at a time, so that only
//! parts are put together that fit. What is not seen (a variable that only a feedback arc could decide) is left out.

use neurath_model::component::{Catalogue, Component, Emission, Firing, PropertyKind, Wake};
use neurath_model::packet_type::{Binding, PacketType, Term};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The components of a catalogue, by part. One that can play none is left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts<'a> {
    /// No input, and something comes out.
    pub(crate) sources: Vec<&'a Component>,
    /// One input, one output.
    pub(crate) steps: Vec<&'a Component>,
    /// One input, several outputs.
    pub(crate) splits: Vec<&'a Component>,
    /// Several inputs, of which any will do.
    pub(crate) merges: Vec<&'a Component>,
    /// Several inputs, all of which are needed.
    pub(crate) joins: Vec<&'a Component>,
    /// One input, and one feedback input.
    pub(crate) loops: Vec<&'a Component>,
    /// One input, and nothing comes out.
    pub(crate) sinks: Vec<&'a Component>,
}

impl<'a> Parts<'a> {
    /// Sorts a catalogue.
    pub(crate) fn of(catalogue: &'a Catalogue) -> Self {
        let mut parts = Self::default();
        for component in catalogue.components() {
            let forward = component.inputs.iter().filter(|i| !i.feedback).count();
            let back = component.inputs.len() - forward;
            let list = match (forward, back, component.outputs.len()) {
                (0, 0, 1..) if component.wake == Wake::Source => &mut parts.sources,
                (1, 0, 0) => &mut parts.sinks,
                (1, 0, 1) => &mut parts.steps,
                (1, 0, _) => &mut parts.splits,
                (1, 1, 1..) => &mut parts.loops,
                (2.., 0, 1..) if component.firing == Firing::All => &mut parts.joins,
                (2.., 0, 1..) => &mut parts.merges,
                _ => continue,
            };
            list.push(component);
        }
        parts
    }

    /// What splits and what brings together again as many ways: any split before a merge, a fork before a join.
    pub(crate) fn diamonds(&self) -> Vec<(&'a Component, &'a Component)> {
        let fits = |split: &&Component, end: &&Component| {
            let is_fork = split.emission == Emission::Each;
            split.outputs.len() == end.inputs.len() && (is_fork || end.firing == Firing::Any)
        };
        let ends = || self.joins.iter().chain(&self.merges).filter(|end| end.outputs.len() == 1);
        let pairs = self.splits.iter().flat_map(|split| ends().map(move |end| (*split, *end)));
        pairs.filter(|(split, end)| fits(split, end)).collect()
    }
}

/// One of a list, by any number; none of an empty one.
pub(crate) fn pick<T>(list: &[T], number: u32) -> Option<&T> {
    list.get(number as usize % list.len().max(1))
}

/// Whether an input takes everything that can come.
pub(crate) fn accepts(input: &PacketType, carries: &PacketType) -> bool {
    carries.terms().iter().all(|term| input.accepts(term).is_some())
}

/// What comes out of each output when this comes to the inputs of these indices; `None` where an input refuses it, or where
/// it does not decide what comes out.
pub(crate) fn emitted(component: &Component, coming: &[(usize, &PacketType)]) -> Option<Vec<PacketType>> {
    let mut known: BTreeMap<String, BTreeSet<Term>> = BTreeMap::new();
    for (input, carries) in coming {
        for term in carries.terms() {
            for (variable, stands_for) in component.inputs[*input].accepts.accepts(term)? {
                known.entry(variable).or_default().insert(stands_for);
            }
        }
    }
    component.outputs.iter().map(|output| resolved(&output.emits, &known)).collect()
}

fn resolved(emits: &PacketType, known: &BTreeMap<String, BTreeSet<Term>>) -> Option<PacketType> {
    let mut terms = Vec::new();
    for term in emits.terms() {
        let alone = PacketType::of([term.clone()]);
        match alone.variables().next() {
            None => terms.push(term.clone()),
            Some(variable) => {
                for stands_for in known.get(variable)? {
                    let binding = Binding::from([(variable.to_owned(), stands_for.clone())]);
                    terms.extend(alone.substitute(&binding).terms().iter().cloned());
                }
            }
        }
    }
    Some(PacketType::of(terms))
}

/// A value for each property that must be given one.
pub(crate) fn required(component: &Component) -> impl Iterator<Item = (&str, Value)> {
    let missing = component.properties.iter().filter(|property| property.default.is_none());
    missing.map(|property| {
        let value = match property.kind {
            PropertyKind::Text => Value::from("sim"),
            PropertyKind::Integer => Value::from(1),
            PropertyKind::Boolean => Value::from(false),
        };
        (property.name.as_str(), value)
    })
}
