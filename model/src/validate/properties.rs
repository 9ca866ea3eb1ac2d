//! F12: every declared property has one value of its kind.
//!
//! An operator with an initial packet for a property that does not exist (F04) is not also told that the property
//! meant is not set.

use super::{Wiring, diagnostic};
use crate::component::{Component, Property};
use crate::diagnostic::{Code, Diagnostic, Thing, port};
use crate::flow::InitialPacket;
use crate::id::OperatorId;
use serde_json::Value;
use std::collections::BTreeMap;

/// The complete values of one operator's properties, each of its kind.
pub(super) type Settings = BTreeMap<String, Value>;

/// The properties of every operator, as far as they are right, and what is wrong.
pub(super) fn check(wiring: &Wiring<'_>) -> (Vec<Settings>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let mut packets = BTreeMap::<&str, Vec<(usize, &InitialPacket)>>::new();
    for (i, packet) in wiring.flow.initial.iter().enumerate() {
        packets.entry(&packet.to.operator).or_default().push((i, packet));
    }
    let settings = wiring
        .operators()
        .map(|(id, component)| {
            component.map_or_else(Settings::new, |component| {
                let packets = packets.get(wiring.name(id)).map_or(&[][..], Vec::as_slice);
                Initial { wiring, id, component, packets }.settings(&mut found)
            })
        })
        .collect();
    (settings, found)
}

/// The initial packets of one operator.
struct Initial<'a> {
    wiring: &'a Wiring<'a>,
    id: OperatorId,
    component: &'a Component,
    packets: &'a [(usize, &'a InitialPacket)],
}

impl Initial<'_> {
    fn settings(&self, found: &mut Vec<Diagnostic>) -> Settings {
        let mut settings = Settings::new();
        for property in self.component.settable() {
            let packets: Vec<_> = self.packets.iter().filter(|(_, p)| p.to.port_name() == property.name).collect();
            let value = match packets.as_slice() {
                [] => property.default.as_ref().and_then(|value| property.kind.accept(value)),
                [(i, packet), rest @ ..] => {
                    found.extend(rest.iter().map(|(again, _)| self.twice(property, *i, *again)));
                    let value = property.kind.accept(&packet.value);
                    found.extend(value.is_none().then(|| self.wrong_kind(property, *i, &packet.value)));
                    value
                }
            };
            let may_be_unset = property.default.is_some() || property.is_reserved();
            if packets.is_empty() && !may_be_unset && !self.misspelt() {
                found.push(self.unset(property));
            }
            settings.extend(value.map(|value| (property.name.clone(), value)));
        }
        settings
    }

    fn misspelt(&self) -> bool {
        self.packets.iter().any(|(_, packet)| self.component.property(&packet.to.port_name()).is_none())
    }

    fn name(&self, property: &Property) -> String {
        port(self.wiring.name(self.id), &property.name)
    }

    fn twice(&self, property: &Property, first: usize, again: usize) -> Diagnostic {
        let map = self.wiring.map;
        let places =
            [map.place(&Thing::Initial(first), "set here"), map.place(&Thing::Initial(again), "and again here")];
        diagnostic(
            Code::F12,
            format!("property `{}` is set twice", self.name(property)),
            places.into_iter().flatten(),
            "one value",
            format!("{} and {}", self.wiring.flow.initial[first].value, self.wiring.flow.initial[again].value),
            "take one of the initial packets out",
        )
    }

    fn wrong_kind(&self, property: &Property, packet: usize, value: &Value) -> Diagnostic {
        diagnostic(
            Code::F12,
            format!("the value of property `{}` is of another kind", self.name(property)),
            self.wiring.map.place(&Thing::Initial(packet), "set here"),
            property.kind.describe(),
            value.to_string(),
            format!("`{}` declares `{}` as {}", self.component.id, property.name, property.kind.describe()),
        )
    }

    fn unset(&self, property: &Property) -> Diagnostic {
        diagnostic(
            Code::F12,
            format!("property `{}` is not set and has no default", self.name(property)),
            self.wiring.place_operator(self.id, format!("needs `{}`", property.name)),
            property.kind.describe(),
            "no value",
            format!("write an initial packet: '...' -> {} {}", property.name, self.wiring.name(self.id)),
        )
    }
}
