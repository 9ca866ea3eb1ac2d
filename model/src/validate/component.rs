//! F14: what a component declares about itself makes sense.
//!
//! The declaration is all that the validator and the checker know of a component, so a contradiction in it would
//! make every later verdict worthless. A table of the combinations that are refused:
//!
//! ```text
//!   inputs      firing none                        packets would never be taken
//!   no inputs   firing any or all                  there is nothing to fire on
//!   -           firing none, wake none             it never fires
//!   inputs      wake source, not a buffer          such a wake uses up a held packet, and none is held
//!   -           wake resume, not a buffer          there is no open work to resume
//!   -           buffer: no inputs, no wake, no state    nothing to hold, never released, lost at an update
//!   outputs     route with fewer than 2, filter with none
//!   feedback    firing all                         the join would wait for a packet that it has to cause itself
//!   absorbs     firing all or none                 no firing is caused by a packet from that input alone
//!   types       an output variable that no ordinary input binds; a variable at a feedback port
//! ```

use super::{Wiring, diagnostic};
use crate::component::{Component, Emission, Firing, Wake};
use crate::diagnostic::{Code, Diagnostic, SourceMap, Thing};
use std::collections::BTreeSet;

/// Everything that contradicts itself in a component's declaration.
pub fn validate_component(component: &Component, map: &SourceMap) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    faults.extend(names(component));
    faults.extend(firing(component));
    faults.extend(holding(component));
    faults.extend(emission(component));
    faults.extend(types(component));
    faults.extend(defaults(component));
    faults.into_iter().map(|fault| fault.diagnostic(component, map)).collect()
}

/// The declarations of all components that a flow uses, each once. One that stands in another file than the flow is
/// shown at the first operator that runs it.
pub(super) fn check(wiring: &Wiring<'_>) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (id, component) in wiring.operators() {
        let Some(component) = component.filter(|c| seen.insert(&c.id)) else { continue };
        for mut diagnostic in validate_component(component, wiring.map) {
            if diagnostic.places.is_empty() {
                diagnostic.places = wiring.place_operator(id, format!("runs `{}`", component.id));
            }
            found.push(diagnostic);
        }
    }
    found
}

struct Fault {
    message: String,
    expected: String,
    found: String,
    hint: &'static str,
}

impl Fault {
    fn new(
        message: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        hint: &'static str,
    ) -> Self {
        Self { message: message.into(), expected: expected.into(), found: found.into(), hint }
    }

    fn diagnostic(self, component: &Component, map: &SourceMap) -> Diagnostic {
        let place = map.place(&Thing::Component(component.id.to_string()), "declared here");
        diagnostic(
            Code::F14,
            format!("component `{}`: {}", component.id, self.message),
            place,
            self.expected,
            self.found,
            self.hint,
        )
    }
}

fn names(c: &Component) -> Vec<Fault> {
    let inputs = c.inputs.iter().map(|i| i.name.as_str());
    let outputs = c.outputs.iter().map(|o| o.name.as_str());
    let properties = c.properties.iter().map(|p| p.name.as_str());
    let same = "an arc or initial packet that names it would be ambiguous: rename one";
    // Initial packets and arcs into an operator are written alike, so inputs and properties share their names.
    let mut faults = repeated(inputs.chain(properties), |name| {
        Fault::new(
            format!("`{name}` is declared twice"),
            "each input port and property once",
            format!("`{name}` twice"),
            same,
        )
    });
    faults.extend(repeated(outputs, |name| {
        Fault::new(
            format!("output port `{name}` is declared twice"),
            "each output port once",
            format!("`{name}` twice"),
            same,
        )
    }));
    faults
}

fn repeated<'a>(names: impl Iterator<Item = &'a str>, fault: impl Fn(&str) -> Fault) -> Vec<Fault> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).map(fault).collect()
}

fn firing(c: &Component) -> Vec<Fault> {
    let mut faults = Vec::new();
    match (c.firing, c.inputs.is_empty()) {
        (Firing::None, false) => faults.push(Fault::new(
            "it has inputs but never fires on packets",
            "firing `any` or `all`",
            "firing `none`",
            "packets on its inputs would never be taken",
        )),
        (Firing::Any | Firing::All, true) => faults.push(Fault::new(
            "it fires on packets but has no inputs",
            "an input, or firing `none`",
            "no input",
            "a source has firing `none` and wake `source`",
        )),
        (Firing::None, true) | (Firing::Any | Firing::All, false) => {}
    }
    if c.inputs.is_empty() && c.wake == Wake::None {
        faults.push(Fault::new(
            "it never fires",
            "an input, or wake `source`",
            "no input and wake `none`",
            "a source has wake `source`",
        ));
    }
    if c.firing == Firing::All {
        faults.extend(c.inputs.iter().filter(|input| input.feedback).map(|input| {
            Fault::new(
                format!("feedback port `{}` takes part in a join", input.name),
                "no feedback port with firing `all`",
                format!("firing `all` and feedback port `{}`", input.name),
                "the join would wait for a packet that only its own output can cause: fire on `any`",
            )
        }));
    }
    if c.firing != Firing::Any {
        faults.extend(c.inputs.iter().filter(|input| input.absorbs).map(|input| {
            Fault::new(
                format!("input port `{}` absorbs, but no firing is its alone", input.name),
                "firing `any`",
                format!("firing `{}`", firing_name(c.firing)),
                "what a join takes together it emits for together: merge with firing `any`, or do not absorb",
            )
        }));
    }
    faults
}

fn holding(c: &Component) -> Vec<Fault> {
    if c.holds_open_work() { buffer(c) } else { wake(c).into_iter().collect() }
}

fn buffer(c: &Component) -> Vec<Fault> {
    let mut faults = Vec::new();
    if c.inputs.is_empty() {
        faults.push(Fault::new(
            "it buffers packets but has no inputs",
            "an input",
            "none",
            "a source that emits at once has emission `each`",
        ));
    }
    if c.wake == Wake::None {
        faults.push(Fault::new(
            "it buffers packets but never wakes",
            "wake `source` or `resume`",
            "wake `none`",
            "without a wake, nothing releases what it holds",
        ));
    }
    if c.state.is_none() {
        faults.push(Fault::new(
            "it buffers packets but declares no state",
            "the type of its state",
            "none",
            "what it holds is state, and an update must know how to carry it",
        ));
    }
    faults
}

fn wake(c: &Component) -> Option<Fault> {
    match c.wake {
        Wake::None => None,
        Wake::Source if c.inputs.is_empty() => None,
        Wake::Source => Some(Fault::new(
            "it wakes as a source and has inputs, but holds no packet to use up",
            "emission `buffer`, or no input",
            format!("emission `{}`", emission_name(c.emission)),
            "split it into a source and a merge",
        )),
        Wake::Resume => Some(Fault::new(
            "it wakes to resume open work but holds none",
            "emission `buffer`",
            format!("emission `{}`", emission_name(c.emission)),
            "open work is what a `buffer` holds",
        )),
    }
}

fn emission(c: &Component) -> Option<Fault> {
    let least = match c.emission {
        Emission::Route => 2,
        Emission::Filter => 1,
        Emission::Each | Emission::Many | Emission::Buffer => 0,
    };
    (c.outputs.len() < least).then(|| {
        Fault::new(
            format!("emission `{}` needs more outputs", emission_name(c.emission)),
            format!("at least {least}"),
            c.outputs.len().to_string(),
            "one packet on its one output is `each`; a sink is `each` with no output",
        )
    })
}

fn types(c: &Component) -> Vec<Fault> {
    let mut faults = Vec::new();
    let empty = c.inputs.iter().map(|i| (&i.name, &i.accepts)).chain(c.outputs.iter().map(|o| (&o.name, &o.emits)));
    faults.extend(empty.filter(|(_, ty)| ty.terms().is_empty()).map(|(name, _)| {
        Fault::new(
            format!("port `{name}` has no packet type"),
            "at least one alternative",
            "none",
            "name what passes the port",
        )
    }));
    for input in c.inputs.iter().filter(|input| input.feedback) {
        faults.extend(input.accepts.variables().map(|variable| {
            Fault::new(
                format!("feedback port `{}` has a type variable", input.name),
                "named types only",
                format!("`${variable}`"),
                "types are followed forward, so what comes back must be named",
            )
        }));
    }
    let bound: BTreeSet<&str> = c.inputs.iter().filter(|i| !i.feedback).flat_map(|i| i.accepts.variables()).collect();
    for output in &c.outputs {
        faults.extend(output.emits.variables().filter(|v| !bound.contains(v)).map(|variable| {
            Fault::new(
                format!("output port `{}` has a type that no input decides", output.name),
                "a variable that an input's type has",
                format!("`${variable}`"),
                "name the type, or use the same variable at an input",
            )
        }));
    }
    faults
}

fn defaults(c: &Component) -> impl Iterator<Item = Fault> {
    c.properties.iter().filter_map(|property| {
        let default = property.default.as_ref()?;
        property.kind.accept(default).is_none().then(|| {
            Fault::new(
                format!("the default of property `{}` is not of its kind", property.name),
                property.kind.describe(),
                default.to_string(),
                "change the kind or the default",
            )
        })
    })
}

/// The firing as declarations write it.
pub(crate) fn firing_name(firing: Firing) -> &'static str {
    match firing {
        Firing::None => "none",
        Firing::Any => "any",
        Firing::All => "all",
    }
}

/// The emission as declarations write it.
pub(crate) fn emission_name(emission: Emission) -> &'static str {
    match emission {
        Emission::Each => "each",
        Emission::Filter => "filter",
        Emission::Route => "route",
        Emission::Many => "many",
        Emission::Buffer => "buffer",
    }
}
