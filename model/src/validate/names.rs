//! F01, F02, F03, F04, F16: what is named exists, once.
//!
//! Looking names up never stops: what is not found leaves a hole in the [`Wiring`], and later rules step around it.
//! Operators that share a name leave holes too, since nobody can say which of them an arc means.

use super::{End, Wire, Wiring, diagnostic};
use crate::component::{Catalogue, Component};
use crate::diagnostic::{Code, Diagnostic, Place, SourceMap, Thing};
use crate::flow::{ComponentRef, Flow, InitialPacket, PortRef};
use crate::graph;
use crate::id::OperatorId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Looks every name of a flow up.
pub(super) fn resolve<'a>(
    flow: &'a Flow,
    map: &'a SourceMap,
    catalogue: &'a Catalogue,
) -> (Wiring<'a>, Vec<Diagnostic>) {
    let mut names = Names { flow, map, catalogue, by_name: by_name(flow), found: Vec::new() };
    names.repeated();
    let components = names.components();
    let wires = names.wires(&components);
    names.initial(&components);
    names.exports(&components);
    (Wiring { flow, map, components, wires }, names.found)
}

/// Names like `wrong`, the closest first: a slip of the finger, or a part of the whole.
pub(crate) fn close<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = match wrong.chars().count() {
        0 | 1 => 0,
        2 => 1,
        more => 1 + more / 3,
    };
    let mut near: Vec<(usize, &str)> = names.into_iter().map(|name| (distance(wrong, name), name)).collect();
    near.retain(|(d, name)| *d <= limit || (wrong.len() > 2 && name.contains(wrong)));
    near.sort();
    near.dedup();
    near.into_iter().map(|(_, name)| name).take(3).collect()
}

/// `a`, `b` or `c`; `or_else` when there is none.
pub(crate) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>, or_else: &str) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => or_else.into(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// What could have been meant by a component that does not exist.
pub(crate) fn component_hint(wanted: &ComponentRef, catalogue: &Catalogue) -> String {
    let versions: Vec<&str> =
        catalogue.components().filter(|c| c.id.name == wanted.name).map(|c| c.id.version.as_str()).collect();
    if !versions.is_empty() {
        return format!("versions of `{}` that exist: {}", wanted.name, one_of(versions, ""));
    }
    let near = close(&wanted.name, catalogue.components().map(|c| c.id.name.as_str()));
    if near.is_empty() {
        "declare it in a component file, or check its spelling".into()
    } else {
        format!("did you mean {}?", one_of(near, ""))
    }
}

struct Names<'a> {
    flow: &'a Flow,
    map: &'a SourceMap,
    catalogue: &'a Catalogue,
    by_name: BTreeMap<&'a str, Vec<OperatorId>>,
    found: Vec<Diagnostic>,
}

#[derive(Clone, Copy)]
enum Side {
    Input,
    Output,
}

impl<'a> Names<'a> {
    fn repeated(&mut self) {
        for (name, ids) in self.by_name.iter().filter(|(_, ids)| ids.len() > 1) {
            self.found.push(diagnostic(
                Code::F01,
                format!("operator `{name}` is declared {} times", ids.len()),
                self.map.place(&Thing::Operator((*name).into()), "declared here, and again"),
                "one operator of each name",
                format!("{} operators called `{name}`", ids.len()),
                "rename all but one, and the arcs that mean them",
            ));
        }
    }

    fn components(&mut self) -> Vec<Option<&'a Arc<Component>>> {
        let flow = self.flow;
        flow.operators
            .iter()
            .map(|operator| {
                let component = self.catalogue.shared(&operator.component);
                if component.is_none() {
                    self.unknown_component(&operator.name, &operator.component);
                }
                component.filter(|_| self.by_name[operator.name.as_str()].len() == 1)
            })
            .collect()
    }

    fn unknown_component(&mut self, operator: &str, component: &ComponentRef) {
        let version = self.catalogue.components().any(|c| c.id.name == component.name);
        let what = if version { "this version of the component" } else { "this component" };
        self.found.push(diagnostic(
            Code::F02,
            format!("operator `{operator}` runs `{component}`, which does not exist"),
            self.map.place(&Thing::Operator(operator.into()), "runs an unknown component"),
            "a component that is compiled in or declared",
            format!("nothing knows {what}"),
            component_hint(component, self.catalogue),
        ));
    }

    fn wires(&mut self, components: &[Option<&'a Arc<Component>>]) -> Vec<Wire> {
        let flow = self.flow;
        flow.arcs
            .iter()
            .enumerate()
            .map(|(i, arc)| {
                let from = self.end(&arc.from, Side::Output, components, &[Thing::ArcFrom(i), Thing::Arc(i)]);
                let to = self.end(&arc.to, Side::Input, components, &[Thing::ArcTo(i), Thing::Arc(i)]);
                let input = to.at().and_then(|(id, port)| components[id.0 as usize]?.inputs.get(port));
                Wire { from, to, feedback: input.is_some_and(|input| input.feedback) }
            })
            .collect()
    }

    fn end(&mut self, end: &PortRef, side: Side, components: &[Option<&'a Arc<Component>>], things: &[Thing]) -> End {
        let operator = self.operator(end, things);
        let component = operator.and_then(|id| components[id.0 as usize]);
        let name = end.port_name();
        let port = component.and_then(|c| side.place(c, &name));
        if let (Some(component), None) = (component, port) {
            self.unknown_port(end, component, side, things);
        }
        End { operator, port }
    }

    /// The one operator that an end names.
    fn operator(&mut self, end: &PortRef, things: &[Thing]) -> Option<OperatorId> {
        match self.by_name.get(end.operator.as_str()).map(Vec::as_slice) {
            Some([id]) => Some(*id),
            Some(_) => None,
            None => {
                let near = close(&end.operator, self.by_name.keys().copied());
                let hint = if near.is_empty() {
                    "declare it, or take the end out".into()
                } else {
                    format!("did you mean {}?", one_of(near, ""))
                };
                self.found.push(diagnostic(
                    Code::F03,
                    format!("`{end}` is loose: the flow has no operator `{}`", end.operator),
                    self.first_place(things, "no such operator"),
                    "an operator of this flow",
                    format!("`{}`", end.operator),
                    hint,
                ));
                None
            }
        }
    }

    fn unknown_port(&mut self, end: &PortRef, component: &Component, side: Side, things: &[Thing]) {
        let there = one_of(side.ports(component), "none");
        self.found.push(diagnostic(
            Code::F04,
            format!("`{}` has no {} port `{}`", end.operator, side.word(), end.port_name()),
            self.first_place(things, "no such port"),
            format!("an {} port of `{}`", side.word(), component.id),
            format!("`{}`", end.port_name()),
            format!("{} ports of `{}`: {there}", side.word(), component.id),
        ));
    }

    fn initial(&mut self, components: &[Option<&'a Arc<Component>>]) {
        let flow = self.flow;
        for (i, packet) in flow.initial.iter().enumerate() {
            let things = [Thing::Initial(i)];
            let component = self.operator(&packet.to, &things).and_then(|id| components[id.0 as usize]);
            if let Some(component) = component.filter(|c| c.property(&packet.to.port_name()).is_none()) {
                self.unknown_property(packet, component, &things);
            }
        }
    }

    fn unknown_property(&mut self, packet: &InitialPacket, component: &Component, things: &[Thing]) {
        let name = packet.to.port_name();
        let is_port = component.inputs.iter().any(|input| input.name == name);
        let there = one_of(component.settable().map(|p| p.name.as_str()), "none");
        self.found.push(diagnostic(
            Code::F04,
            format!("the initial packet for `{}` names no property of `{}`", packet.to, packet.to.operator),
            self.first_place(things, "no such property"),
            format!("a property of `{}`", component.id),
            if is_port { format!("`{name}`, an input port") } else { format!("`{name}`") },
            format!("an initial packet sets a property; properties of `{}`: {there}", component.id),
        ));
    }

    fn exports(&mut self, components: &[Option<&'a Arc<Component>>]) {
        let flow = self.flow;
        for (name, port) in &flow.inports {
            let things = [Thing::Export(name.clone())];
            let property = flow.operator(&port.operator).and_then(|o| self.catalogue.component(&o.component));
            if property.is_none_or(|c| c.property(&port.port_name()).is_none()) {
                self.end(port, Side::Input, components, &things);
            }
            self.exported(name, port, Side::Input, &things);
        }
        for (name, port) in &flow.outports {
            let things = [Thing::Export(name.clone())];
            self.end(port, Side::Output, components, &things);
            self.exported(name, port, Side::Output, &things);
        }
    }

    fn exported(&mut self, name: &str, port: &PortRef, side: Side, things: &[Thing]) {
        let hint = match side {
            Side::Input => "connect it to an operator of this flow, for instance a source of test packets",
            Side::Output => "connect it to an operator of this flow, for instance one that drops packets",
        };
        self.found.push(diagnostic(
            Code::F16,
            format!("`{port}` is left to an enclosing flow, as {} `{name}`", side.word()),
            self.first_place(things, "exported here"),
            "a flow that is complete by itself",
            format!("the exported {} port `{name}`", side.word()),
            hint,
        ));
    }

    fn first_place(&self, things: &[Thing], label: &str) -> Option<Place> {
        things.iter().find_map(|thing| self.map.place(thing, label))
    }
}

impl Side {
    fn ports(self, component: &Component) -> Vec<&str> {
        match self {
            Self::Input => component.inputs.iter().map(|input| input.name.as_str()).collect(),
            Self::Output => component.outputs.iter().map(|output| output.name.as_str()).collect(),
        }
    }

    fn place(self, component: &Component, name: &str) -> Option<usize> {
        match self {
            Self::Input => component.inputs.iter().position(|input| input.name == name),
            Self::Output => component.outputs.iter().position(|output| output.name == name),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

fn by_name(flow: &Flow) -> BTreeMap<&str, Vec<OperatorId>> {
    let mut by_name = BTreeMap::<&str, Vec<OperatorId>>::new();
    for (i, operator) in flow.operators.iter().enumerate() {
        by_name.entry(&operator.name).or_default().push(graph::operator_id(i));
    }
    by_name
}

/// How many characters must be changed, added or taken out (Levenshtein), letter case aside.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_slips_and_parts() {
        assert_eq!(close("laod", ["load", "read", "http/load"]), ["load"]);
        assert_eq!(close("load", ["http/load", "Load", "reply"]), ["Load", "http/load"]);
        assert!(close("x", ["abc"]).is_empty());
    }
}
