//! Schedulers: how an update gets to the operators it changes, and what each way promises.

use super::names_of;
use crate::component::{Emission, Wake};
use crate::graph::FlowGraph;
use crate::id::OperatorId;
use crate::update::Guarantee;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// How an update travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    /// A message to each changed operator, in no order with the packets: the negative control.
    Direct,
    /// A marker from the sources, in order behind the packets, awaited on every input and sent on every output.
    Epoch,
}

/// What a scheduler's name was misread from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no scheduler is called `{0}`: there are `direct` and `epoch`")]
pub struct UnknownScheduler(String);

impl Scheduler {
    /// Every scheduler.
    pub const ALL: &'static [Self] = &[Self::Direct, Self::Epoch];

    /// What it guarantees for every update. [`Guarantee::Serializability`] is kept but for one case, which a plan
    /// refuses (U11): open work held between two changed operators, which the marker overtakes.
    pub fn guarantees(self) -> &'static [Guarantee] {
        match self {
            Self::Direct => &[],
            Self::Epoch => &[Guarantee::Serializability, Guarantee::CutConsistency],
        }
    }

    /// The same in a sentence.
    pub fn promise(self) -> &'static str {
        match self {
            Self::Direct => {
                "Each changed operator changes between two of its firings; nothing is promised for two or more of them."
            }
            Self::Epoch => {
                "All changed operators change at one computation time, behind the same packets, and updates take effect in one order everywhere."
            }
        }
    }

    /// Whether a packet can meet the old version of one changed operator and the new version of another.
    pub fn mixes_versions(self) -> bool {
        match self {
            Self::Direct => true,
            Self::Epoch => false,
        }
    }

    /// The operators that the update's messages pass.
    pub(super) fn scope(self, graph: &FlowGraph, targets: &[OperatorId]) -> Vec<OperatorId> {
        match self {
            Self::Direct => targets.to_vec(),
            Self::Epoch => graph.operators().map(|(id, _)| id).collect(),
        }
    }

    /// Why it gives the guarantee for this update (`Ok`), or why not (`Err`).
    pub(super) fn judge(self, graph: &FlowGraph, targets: &[OperatorId], asked: Guarantee) -> Result<String, String> {
        match self {
            Self::Direct => direct(graph, targets, asked),
            Self::Epoch => match (held_between(graph, targets), asked) {
                (Some(carried), Guarantee::Serializability) => Err(carried),
                (Some(_), Guarantee::CutConsistency) | (None, _) => Ok(epoch(graph, targets)),
            },
        }
    }
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
    let names = names_of(graph, targets);
    let mut reason = format!(
        "its marker enters at {} and passes every operator behind the same packets, so {names} {} at one computation time: \
         no packet produced after the change reaches an operator before it",
        names_of(graph, &graph.sources()),
        if targets.len() == 1 { "changes" } else { "change" },
    );
    if let [target] = targets {
        reason.push_str(if fires_once(graph, *target) {
            "; one operator alone would need no more than the moment between two of its firings, but the marker also \
             keeps updates in one order everywhere and tells when this one is complete"
        } else {
            "; this matters for one operator too, since a lineage can bring it several packets"
        });
    }
    let holding: Vec<OperatorId> =
        targets.iter().copied().filter(|id| graph.operator(*id).component.holds_open_work()).collect();
    if !holding.is_empty() {
        reason.push_str(&format!(
            "; what {} holds at that moment is carried over, and finished by the new version",
            names_of(graph, &holding)
        ));
    }
    reason
}

/// Open work that a marker overtakes between two changed operators: its lineage met the old version of the first and
/// will meet the new version of the second. The cut is consistent all the same: nothing new happens before anything old.
fn held_between(graph: &FlowGraph, targets: &[OperatorId]) -> Option<String> {
    let resumes = graph.operators().filter(|(_, node)| node.component.wake == Wake::Resume);
    resumes.map(|(id, _)| id).find_map(|holder| {
        let behind = graph.reachable(holder);
        let second = targets.iter().copied().find(|id| *id != holder && behind.contains(id))?;
        let first = targets.iter().copied().find(|id| *id != second && graph.reachable(*id).contains(&holder))?;
        let name = |id| &graph.operator(id).name;
        Some(format!(
            "a packet that `{}` holds when the marker passes has met the old version of `{}` and goes on to the new version of `{}`",
            name(holder), name(first), name(second)
        ))
    })
}

/// Whether no lineage can fire twice at an operator: no firing before it sends two packets that both get there.
fn fires_once(graph: &FlowGraph, target: OperatorId) -> bool {
    let before: BTreeSet<OperatorId> =
        graph.operators().map(|(id, _)| id).filter(|&id| graph.reachable(id).contains(&target)).collect();
    before.iter().filter(|id| **id != target).all(|&id| {
        let node = graph.operator(id);
        let leads =
            |arc: &&crate::id::ArcId| !graph.arc(**arc).feedback && before.contains(&graph.arc(**arc).to.operator);
        let ways = node.outputs.iter().filter(leads).count();
        match node.component.emission {
            Emission::Each | Emission::Filter => ways <= 1,
            Emission::Route | Emission::Buffer => true,
            Emission::Many => ways == 0,
        }
    })
}

impl fmt::Display for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Epoch => "epoch",
        })
    }
}

impl FromStr for Scheduler {
    type Err = UnknownScheduler;

    fn from_str(text: &str) -> Result<Self, UnknownScheduler> {
        Self::ALL.iter().copied().find(|s| s.to_string() == text).ok_or_else(|| UnknownScheduler(text.into()))
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
