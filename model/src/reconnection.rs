//! Reconnection sets: which arcs move from which input port to which, as data; and what makes such a set sound.
//!
//! ```text
//!   before   parse ---> load ---> compose          { parse.OUT: load.IN -> cache.IN,
//!   after    parse -> cache -> load -> compose       cache.MISS: (new) -> load.IN }
//! ```
//!
//! An arc belongs to its output port; a reconnection projects the input port that it leaves to the input port that it comes
//! to. An arc that is new (its producer comes in) leaves none, one that dies (its producer goes) comes to none. The set
//! is bijective: no port is left twice and none gets two arcs; and it is ordered: at a port that is left and entered, the
//! arc there is taken away first (paper, section 5.5.1: "reconnections inside the marker are order-sensitive").
//!
//! [`check`] says everything that is wrong with a set, for a given rewrite. A set that passed is [`Reconnections`], which can
//! be had in no other way: whoever holds one need not check again.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::flow::{Arc, Flow, PortRef};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One arc that moves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconnection {
    /// The output port that the arc belongs to.
    pub arc: PortRef,
    /// The input port that it leaves; none for an arc that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PortRef>,
    /// The input port that it comes to; none for an arc that dies with its producer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<PortRef>,
}

impl fmt::Display for Reconnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = |port: &Option<PortRef>, none: &str| port.as_ref().map_or(none.to_owned(), ToString::to_string);
        write!(f, "{}: {} -> {}", self.arc, port(&self.from, "(new)"), port(&self.to, "(gone)"))
    }
}

/// What a reconnection set is for: the flow before it, and which operators go and come.
#[derive(Debug, Clone, Default)]
pub struct Rewrite<'a> {
    /// The arcs before.
    pub arcs: Vec<(&'a PortRef, &'a PortRef)>,
    /// Operators that go.
    pub retired: BTreeSet<&'a str>,
    /// Arcs among operators that come.
    pub extension: Vec<(&'a PortRef, &'a PortRef)>,
    /// Every input port of the operators that stay or come.
    pub inputs: BTreeSet<&'a PortRef>,
    /// Every output port of the operators that stay or come.
    pub outputs: BTreeSet<&'a PortRef>,
}

/// A reconnection set that was found sound for its rewrite.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Reconnections(Vec<Reconnection>);

impl Reconnections {
    /// The reconnections, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Reconnection> {
        self.0.iter()
    }

    /// Whether no arc moves.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many arcs move.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Checks a set, or says everything that is wrong with it (C01 to C07).
pub fn check(set: Vec<Reconnection>, rewrite: &Rewrite<'_>) -> Result<Reconnections, Diagnostics> {
    let mut rules = Rules { set: &set, rewrite, found: Vec::new() };
    rules.known();
    rules.twice(Code::C02, "is left by two arcs", "one arc leaves each port", |r| r.from.as_ref());
    rules.twice(Code::C03, "gets two arcs", "one arc comes to each port", |r| r.to.as_ref());
    rules.twice(Code::C04, "moves its arc twice", "each arc moves once", |r| Some(&r.arc));
    rules.order();
    rules.outcome();
    let mut found = rules.found;
    found.sort_by_key(|d| d.code);
    if found.is_empty() { Ok(Reconnections(set)) } else { Err(Diagnostics(found)) }
}

/// The arcs after a set was carried out, one reconnection after the other, with nothing checked: output port to input port.
pub fn rewritten<'a>(set: &'a [Reconnection], rewrite: &Rewrite<'a>) -> BTreeMap<&'a PortRef, &'a PortRef> {
    let mut arcs: BTreeMap<&PortRef, &PortRef> =
        rewrite.arcs.iter().chain(&rewrite.extension).map(|(from, to)| (*from, *to)).collect();
    for reconnection in set {
        match &reconnection.to {
            Some(to) => arcs.insert(&reconnection.arc, to),
            None => arcs.remove(&reconnection.arc),
        };
    }
    arcs
}

struct Rules<'s, 'r> {
    set: &'s [Reconnection],
    rewrite: &'s Rewrite<'r>,
    found: Vec<Diagnostic>,
}

impl Rules<'_, '_> {
    fn report(&mut self, code: Code, message: String, texts: [&str; 3]) {
        let [expected, found, hint] = texts.map(str::to_owned);
        self.found.push(Diagnostic { code, message, places: Vec::new(), expected, found, hint });
    }

    /// C01: what a reconnection names is there.
    fn known(&mut self) {
        let arcs: BTreeMap<&PortRef, &PortRef> = self.rewrite.arcs.iter().copied().collect();
        for r in self.set {
            let before = arcs.get(&r.arc).copied();
            let is_known = before.is_some() || self.rewrite.outputs.contains(&r.arc);
            if !is_known {
                self.report(
                    Code::C01,
                    format!("reconnection `{r}` moves the arc of {}, which neither flow has", r.arc),
                    [
                        "an output port of the flow or of its extension",
                        &format!("`{}`", r.arc),
                        "name the producer's port",
                    ],
                );
            } else if before != r.from.as_ref() {
                let there = before.map_or("no port: it is new".to_owned(), |port| format!("`{port}`"));
                let named = r.from.as_ref().map_or("no port".to_owned(), |port| format!("`{port}`"));
                self.report(
                    Code::C01,
                    format!("reconnection `{r}` does not take the arc of {} from where it is", r.arc),
                    [&there, &named, "an operator takes arcs from its own input ports only"],
                );
            }
            if let Some(to) = r.to.as_ref().filter(|to| !self.rewrite.inputs.contains(to)) {
                self.report(
                    Code::C01,
                    format!("reconnection `{r}` leads to {to}, which is not there afterwards"),
                    [
                        "an input port of an operator that stays or comes",
                        &format!("`{to}`"),
                        "connect the arc to a port of the new flow",
                    ],
                );
            }
        }
    }

    fn twice(&mut self, code: Code, what: &str, expected: &str, key: impl Fn(&Reconnection) -> Option<&PortRef>) {
        let mut by_port: BTreeMap<&PortRef, Vec<String>> = BTreeMap::new();
        let set = self.set;
        for r in set {
            if let Some(port) = key(r) {
                by_port.entry(port).or_default().push(format!("`{r}`"));
            }
        }
        for (port, all) in by_port.into_iter().filter(|(_, all)| all.len() > 1) {
            let found = all.join(" and ");
            self.report(
                code,
                format!("{port} {what}"),
                [expected, &found, "a reconnection set is bijective: take one out"],
            );
        }
    }

    /// C05: at each port the arc that is there goes before another comes. Around a ring of ports no order does that; there
    /// every arc is taken away before any is attached, for no operator attaches what another has not let go.
    fn order(&mut self) {
        let mut leaving: BTreeMap<&PortRef, Vec<usize>> = BTreeMap::new();
        let set = self.set;
        for (i, r) in set.iter().enumerate() {
            r.from.iter().for_each(|port| leaving.entry(port).or_default().push(i));
        }
        let leaving_from =
            |port: Option<&PortRef>| port.and_then(|port| leaving.get(port)).map_or(&[][..], Vec::as_slice);
        for (i, comes) in set.iter().enumerate() {
            let late = leaving_from(comes.to.as_ref()).iter().find(|goes| **goes > i).map(|goes| &set[*goes]);
            let leads_back = |goes: &Reconnection| {
                // Whether the port that it comes to is left by another, and so on until `comes`.
                let mut port = goes.to.as_ref();
                (0..set.len()).any(|_| {
                    let next = leaving_from(port).first().map(|next| &set[*next]);
                    port = next.and_then(|next| next.to.as_ref());
                    next == Some(comes)
                })
            };
            if let Some(goes) = late.filter(|goes| !leads_back(goes)) {
                self.report(
                    Code::C05,
                    format!(
                        "at {}, an arc comes before the one that is there has gone",
                        comes.to.as_ref().expect("it is")
                    ),
                    [
                        &format!("`{goes}` before `{comes}`"),
                        "the other way round",
                        "the arc that is there would be lost: take it away first",
                    ],
                );
            }
        }
    }

    /// C06 and C07: afterwards each input port has one arc, and no arc has a loose end.
    fn outcome(&mut self) {
        let after = rewritten(self.set, self.rewrite);
        let mut feeding: BTreeMap<&PortRef, Vec<&PortRef>> = BTreeMap::new();
        for (from, to) in &after {
            feeding.entry(to).or_default().push(from);
        }
        let rewrite = self.rewrite;
        for port in &rewrite.inputs {
            match feeding.get(port).map_or(&[][..], Vec::as_slice) {
                [_] => {}
                [] => self.report(
                    Code::C06,
                    format!("{port} is orphaned: no arc comes to it afterwards"),
                    ["one arc", "none", "its operator would wait for ever, and every marker join there: connect it"],
                ),
                several => {
                    let found = several.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(" and ");
                    self.report(
                        Code::C06,
                        format!("{port} is fed by {} arcs afterwards", several.len()),
                        ["one arc", &found, "move one of them elsewhere, or put a merge operator in front"],
                    );
                }
            }
        }
        for port in rewrite.outputs.iter().filter(|port| !after.contains_key(**port)) {
            self.report(
                Code::C07,
                format!("the arc of {port} has a loose end afterwards"),
                ["an input port for it", "none", "its packets would be lost: connect it"],
            );
        }
        for (from, to) in after.iter().filter(|(from, to)| {
            rewrite.retired.contains(from.operator.as_str()) || rewrite.retired.contains(to.operator.as_str())
        }) {
            self.report(
                Code::C07,
                format!("the arc from {from} to {to} is still attached to an operator that goes"),
                [
                    "every arc of a retired operator moved, or gone",
                    &format!("`{from} -> {to}`"),
                    "move it, or let it go",
                ],
            );
        }
    }
}

/// The ends of a flow's arcs.
pub fn ends(flow: &Flow) -> impl Iterator<Item = (&PortRef, &PortRef)> {
    flow.arcs.iter().map(|Arc { from, to, .. }| (from, to))
}

#[cfg(test)]
mod tests;
