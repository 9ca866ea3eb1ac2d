//! F05, F06, F13: every port has exactly one arc, and there are not too many ports.
//!
//! An operator with an arc at a misspelt port (F04) is not also told that the port it meant is orphaned, and neither
//! is one whose port is exported (F16).

use super::{End, Wiring, diagnostic};
use crate::component::Component;
use crate::diagnostic::{Code, Diagnostic, Thing, port};
use crate::flow::PortRef;
use crate::id::{OperatorId, PortSet};
use std::collections::BTreeMap;

/// The violations, operator by operator.
pub(super) fn check(wiring: &Wiring<'_>) -> Vec<Diagnostic> {
    let (into, out) = (Side::inputs(wiring), Side::outputs(wiring));
    let mut found = Vec::new();
    for (id, component) in wiring.operators() {
        let Some(component) = component else { continue };
        let inputs: Vec<&str> = component.inputs.iter().map(|input| input.name.as_str()).collect();
        let outputs: Vec<&str> = component.outputs.iter().map(|output| output.name.as_str()).collect();
        found.extend(too_many(wiring, id, component));
        found.extend(into.check(wiring, id, &inputs));
        found.extend(out.check(wiring, id, &outputs));
    }
    found
}

/// Inputs or outputs: the arcs at each port, and what is said when there is not exactly one.
struct Side {
    code: Code,
    arcs: BTreeMap<(OperatorId, usize), Vec<usize>>,
    /// Operators with an arc at a port that does not exist.
    misspelt: Vec<OperatorId>,
    exported: Vec<PortRef>,
    thing: fn(usize) -> Thing,
    orphaned: &'static str,
    crowded: &'static str,
    expected: &'static str,
    hint_orphaned: &'static str,
    hint_crowded: &'static str,
}

impl Side {
    fn inputs(wiring: &Wiring<'_>) -> Self {
        let ends: Vec<End> = wiring.wires.iter().map(|wire| wire.to).collect();
        Self {
            code: Code::F05,
            arcs: arcs(&ends),
            misspelt: misspelt(&ends),
            exported: wiring.flow.inports.values().cloned().collect(),
            thing: Thing::ArcTo,
            orphaned: "no arc enters input port",
            crowded: "arcs enter input port",
            expected: "exactly one arc into each input port",
            hint_orphaned: "connect it; its operator would wait for ever",
            hint_crowded: "two arcs into one port have no order between them: put a merge operator (firing `any`) in front",
        }
    }

    fn outputs(wiring: &Wiring<'_>) -> Self {
        let ends: Vec<End> = wiring.wires.iter().map(|wire| wire.from).collect();
        Self {
            code: Code::F06,
            arcs: arcs(&ends),
            misspelt: misspelt(&ends),
            exported: wiring.flow.outports.values().cloned().collect(),
            thing: Thing::ArcFrom,
            orphaned: "no arc leaves output port",
            crowded: "arcs leave output port",
            expected: "exactly one arc from each output port",
            hint_orphaned: "connect it, if need be to an operator that drops packets; what it emits would be lost",
            hint_crowded: "put a fork operator (emission `each`, one output per arc) behind it",
        }
    }

    fn check(&self, wiring: &Wiring<'_>, id: OperatorId, ports: &[&str]) -> Vec<Diagnostic> {
        let names = ports.iter().enumerate();
        names
            .filter_map(|(i, name)| {
                let arcs = self.arcs.get(&(id, i)).map_or(&[][..], Vec::as_slice);
                match arcs {
                    [] => self.orphaned(wiring, id, name),
                    [_] => None,
                    several => Some(self.crowded(wiring, id, name, several)),
                }
            })
            .collect()
    }

    fn orphaned(&self, wiring: &Wiring<'_>, id: OperatorId, name: &str) -> Option<Diagnostic> {
        let operator = wiring.name(id);
        let exported = self.exported.iter().any(|p| p.operator == operator && p.port_name() == name);
        (!exported && !self.misspelt.contains(&id)).then(|| {
            diagnostic(
                self.code,
                format!("{} `{}`", self.orphaned, port(operator, name)),
                wiring.place_operator(id, format!("its port `{name}` is orphaned")),
                self.expected,
                "none",
                self.hint_orphaned,
            )
        })
    }

    fn crowded(&self, wiring: &Wiring<'_>, id: OperatorId, name: &str, arcs: &[usize]) -> Diagnostic {
        diagnostic(
            self.code,
            format!("{} {} `{}`", arcs.len(), self.crowded, port(wiring.name(id), name)),
            arcs.iter().filter_map(|&arc| wiring.place_end((self.thing)(arc), arc, "one of them")),
            self.expected,
            arcs.iter().map(|&arc| format!("`{}`", wiring.arc_name(arc))).collect::<Vec<_>>().join(" and "),
            self.hint_crowded,
        )
    }
}

fn arcs(ends: &[End]) -> BTreeMap<(OperatorId, usize), Vec<usize>> {
    let mut arcs = BTreeMap::<_, Vec<usize>>::new();
    for (i, at) in ends.iter().enumerate().filter_map(|(i, end)| Some((i, end.at()?))) {
        arcs.entry(at).or_default().push(i);
    }
    arcs
}

fn misspelt(ends: &[End]) -> Vec<OperatorId> {
    ends.iter().filter(|end| end.port.is_none()).filter_map(|end| end.operator).collect()
}

fn too_many(wiring: &Wiring<'_>, id: OperatorId, component: &Component) -> Option<Diagnostic> {
    let (inputs, outputs) = (component.inputs.len(), component.outputs.len());
    (inputs.max(outputs) > PortSet::CAPACITY).then(|| {
        diagnostic(
            Code::F13,
            format!("operator `{}` has too many ports", wiring.name(id)),
            wiring.place_operator(id, format!("runs `{}`", component.id)),
            format!("at most {} inputs and {} outputs", PortSet::CAPACITY, PortSet::CAPACITY),
            format!("{inputs} inputs and {outputs} outputs"),
            "spread them over a tree of operators",
        )
    })
}
