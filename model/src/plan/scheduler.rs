//! Schedulers: how an update gets to the operators it changes, and what each way promises.

use super::names_of;
use super::overtaking::{Impact, held_between, held_since, overtaken};
use super::route::{self, Route};
use crate::component::{Emission, Wake};
use crate::graph::FlowGraph;
use crate::id::{InPort, OperatorId};
use crate::update::Guarantee;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// How an update travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    /// Sources stop, everything is drained, the update is applied, sources go on: what Kitsune and Rubah do.
    StopTheWorld,
    /// A message to each changed operator, in no order with the packets: the negative control.
    Direct,
    /// The paper's: a marker goes to the first operator that changes, and from there on, in order, to the others.
    Dependent,
    /// A marker from the sources, in order behind the packets, awaited on every input and sent on every output.
    Epoch,
    /// A marker that enters at the heads of the smallest part of the flow that must see it, and stays inside.
    Scoped,
}

/// What a scheduler's name was misread from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no scheduler is called `{asked}`: there are {}", names())]
pub struct UnknownScheduler {
    asked: String,
}

fn names() -> String {
    let names: Vec<String> = Scheduler::ALL.iter().map(|s| format!("`{s}`")).collect();
    let (last, rest) = names.split_last().expect("there are schedulers");
    format!("{} and {last}", rest.join(", "))
}

impl Scheduler {
    /// Every scheduler.
    pub const ALL: &'static [Self] = &[Self::StopTheWorld, Self::Direct, Self::Dependent, Self::Epoch, Self::Scoped];

    /// What is tried in turn when none is asked for: the one that holds up least first.
    pub const BY_DEFAULT: &'static [Self] = &[Self::Scoped, Self::Epoch, Self::StopTheWorld];

    /// What it guarantees for every update, but for the cases that a plan refuses (U11).
    pub fn guarantees(self) -> &'static [Guarantee] {
        match self {
            Self::Direct => &[],
            Self::StopTheWorld | Self::Dependent | Self::Epoch | Self::Scoped => {
                &[Guarantee::Serializability, Guarantee::CutConsistency]
            }
        }
    }

    /// The same in a sentence.
    pub fn promise(self) -> &'static str {
        match self {
            Self::StopTheWorld => {
                "Everything, at the price of a pause: all changed operators change while nothing is in the flow."
            }
            Self::Direct => {
                "Each changed operator changes between two of its firings; nothing is promised for two or more of them."
            }
            Self::Dependent => {
                "All changed operators change at one computation time, as seen by packets that pass the first of them."
            }
            Self::Epoch => {
                "All changed operators change at one computation time, behind the same packets, and updates take effect in one order everywhere."
            }
            Self::Scoped => {
                "All changed operators change at one computation time, without waiting for what is queued before them; updates that overlap take effect in one order wherever they do."
            }
        }
    }

    /// Whether a packet can meet the old version of one changed operator and the new version of another.
    pub fn mixes_versions(self) -> bool {
        match self {
            Self::Direct => true,
            Self::StopTheWorld | Self::Dependent | Self::Epoch | Self::Scoped => false,
        }
    }

    /// Whether its markers keep to a part of the flow.
    pub fn is_local(self) -> bool {
        match self {
            Self::Scoped | Self::Dependent => true,
            Self::StopTheWorld | Self::Direct | Self::Epoch => false,
        }
    }

    /// Whether an update is applied in a second part, when a first has made everything quiet.
    pub fn in_two_parts(self) -> bool {
        self == Self::StopTheWorld
    }

    /// Why it gives the guarantee for this update (`Ok`), or why not (`Err`).
    pub(super) fn judge(self, impact: &Impact<'_>, asked: Guarantee) -> Result<String, String> {
        let Impact { before: graph, targets, .. } = impact;
        let held = held_between(impact).or_else(|| held_since(self, impact));
        let carried = || match (held, asked) {
            (Some(carried), Guarantee::Serializability) => Err(carried),
            (Some(_), Guarantee::CutConsistency) | (None, _) => Ok(()),
        };
        let in_time = || overtaken(self, impact).map_or(Ok(()), Err);
        match self {
            Self::Direct => direct(graph, targets, asked),
            Self::StopTheWorld => stopped(graph, targets),
            Self::Epoch => in_time().and_then(|()| carried()).map(|()| epoch(graph, targets)),
            Self::Scoped => in_time().and_then(|()| carried()).map(|()| scoped(graph, targets)),
            Self::Dependent => in_time().and_then(|()| carried()).and_then(|()| dependent(graph, targets, asked)),
        }
    }
}

fn change(graph: &FlowGraph, targets: &[OperatorId]) -> String {
    format!("{} {}", names_of(graph, targets), if targets.len() == 1 { "changes" } else { "change" })
}

/// It waits for an empty flow, which must come when the sources have stopped.
fn stopped(graph: &FlowGraph, targets: &[OperatorId]) -> Result<String, String> {
    if let Some(at) = sends_round(graph) {
        return Err(format!(
            "what comes back to `{}` by its feedback arc goes on at once, though the sources have stopped, so the flow is never empty",
            graph.operator(at).name
        ));
    }
    Ok(format!(
        "{} stop, and {} when every packet and all open work has left the flow",
        names_of(graph, &graph.sources()),
        change(graph, targets)
    ))
}

/// An operator that sends on what comes back to it, and is no source that waits to be told: what is in its loop goes round for ever.
fn sends_round(graph: &FlowGraph) -> Option<OperatorId> {
    let back = graph.arcs().map(|(_, arc)| arc).filter(|arc| arc.feedback);
    let sends_on = |to: InPort| {
        let component = &graph.operator(to.operator).component;
        component.wake != Wake::Source && !component.inputs[usize::from(to.port.0)].absorbs
    };
    back.map(|arc| arc.to).find(|to| sends_on(*to)).map(|to| to.operator)
}

fn scoped(graph: &FlowGraph, targets: &[OperatorId]) -> String {
    let route = Route::of(Scheduler::Scoped, graph, targets, &BTreeSet::new());
    let heads = names_of(graph, &route.heads);
    match (targets, route.passes.len()) {
        (_, 0) => "nothing that runs is touched".into(),
        ([_], 1) => format!(
            "only {heads} changes, between two of its firings, and no lineage fires there twice, so it needs no more than that moment{}",
            carried_over(graph, targets)
        ),
        (_, passed) => format!(
            "its marker enters at {heads} and passes {passed} of {} operators: {} at one computation time, and what is queued before {heads} is not waited for{}",
            graph.len(),
            change(graph, targets),
            carried_over(graph, targets)
        ),
    }
}

/// The paper's scheduler orders what passes its origin, and only that.
fn dependent(graph: &FlowGraph, targets: &[OperatorId], asked: Guarantee) -> Result<String, String> {
    let shape = graph.shape();
    let Some(origin) = route::origin(graph, targets) else {
        return Ok(format!("no operator precedes all of {}, so its marker goes everywhere", names_of(graph, targets)));
    };
    let name = &graph.operator(origin).name;
    let below = shape.from([origin]);
    if route::is_entered_from_behind(graph, &below) {
        return Err(format!(
            "what happens behind `{name}`, where its marker begins to be awaited, comes round by a feedback arc and can enter beside it"
        ));
    }
    let reached_beside = route::beside(graph, origin);
    let beside = targets.iter().find(|target| reached_beside.contains(**target));
    let splitter = route::splitters(graph, &shape.to(targets.iter().copied()), &below).into_iter().next();
    if let (Guarantee::Serializability, Some(beside), Some(splitter)) = (asked, beside, splitter) {
        return Err(format!(
            "a lineage that `{}` sends several ways can pass `{name}` before the marker and reach `{}` beside it, after the change",
            graph.operator(splitter).name,
            graph.operator(*beside).name
        ));
    }
    Ok(format!(
        "its marker goes to `{name}` and from there, in order behind the packets, to what depends on it: {} at one computation time{}",
        change(graph, targets),
        carried_over(graph, targets)
    ))
}

fn carried_over(graph: &FlowGraph, targets: &[OperatorId]) -> String {
    let holding = targets.iter().copied().filter(|id| graph.operator(*id).component.holds_open_work());
    let holding: Vec<OperatorId> = holding.collect();
    if holding.is_empty() {
        return String::new();
    }
    format!(
        "; what {} holds at that moment is carried over, or finished first where it goes",
        names_of(graph, &holding)
    )
}

fn direct(graph: &FlowGraph, targets: &[OperatorId], asked: Guarantee) -> Result<String, String> {
    let names = names_of(graph, targets);
    match (targets, asked) {
        ([], _) => Ok("nothing changes".into()),
        ([_], Guarantee::CutConsistency) => Ok(format!(
            "only {names} changes, between two of its firings, and a single change is always a consistent cut"
        )),
        ([target], Guarantee::Serializability) if fires_once(graph, *target) => {
            Ok(format!("only {names} changes, between two of its firings, and no lineage fires there twice"))
        }
        ([_], Guarantee::Serializability) => {
            Err(format!("one lineage can bring several packets to {names}, some before its change and some after"))
        }
        (_, Guarantee::Serializability | Guarantee::CutConsistency) => Err(format!(
            "nothing orders its messages to {names} with the packets, so a lineage can meet the old version of one and the new version of another"
        )),
    }
}

fn epoch(graph: &FlowGraph, targets: &[OperatorId]) -> String {
    let mut reason = format!(
        "its marker enters at {} and passes every operator behind the same packets, so {} at one computation time: \
         no packet produced after the change reaches an operator before it",
        names_of(graph, &graph.sources()),
        change(graph, targets),
    );
    if let [target] = targets {
        reason.push_str(if fires_once(graph, *target) {
            "; one operator alone would need no more than the moment between two of its firings, but the marker also \
             keeps updates in one order everywhere and tells when this one is complete"
        } else {
            "; this matters for one operator too, since a lineage can bring it several packets"
        });
    }
    reason + &carried_over(graph, targets)
}

/// Whether no lineage can fire twice at an operator: no firing before it sends two packets that both get there.
fn fires_once(graph: &FlowGraph, target: OperatorId) -> bool {
    let before = graph.shape().to([target]);
    before.iter().filter(|id| *id != target).all(|id| {
        let ways = graph.shape().next(id).iter().filter(|next| before.contains(**next)).count();
        match graph.operator(id).component.emission {
            Emission::Each | Emission::Filter => ways <= 1,
            Emission::Route | Emission::Buffer => true,
            Emission::Many => ways == 0,
        }
    })
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StopTheWorld => "stop-the-world",
            Self::Direct => "direct",
            Self::Dependent => "dependent",
            Self::Epoch => "epoch",
            Self::Scoped => "scoped",
        })
    }
}

impl FromStr for Scheduler {
    type Err = UnknownScheduler;

    fn from_str(text: &str) -> Result<Self, UnknownScheduler> {
        Self::ALL.iter().copied().find(|s| s.to_string() == text).ok_or_else(|| UnknownScheduler { asked: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for scheduler in Scheduler::ALL {
            assert_eq!(scheduler.to_string().parse(), Ok(*scheduler));
            assert_eq!(serde_json::to_value(scheduler).expect("json"), scheduler.to_string());
        }
        assert!("Epoch".parse::<Scheduler>().is_err());
    }
}
