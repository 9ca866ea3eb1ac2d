//! What in a part of a graph can be gone round fairly.

use super::labels::Labels;
use super::part::Part;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

/// What keeps a round from being fair.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lacks {
    /// Agents that have something to do in every state, and take no step.
    pub(crate) agents: Vec<u32>,
    /// Tasks that are open whenever their agents step, and are not taken up.
    pub(crate) tasks: Vec<u32>,
}

/// What is lacking in a round of these steps, each given by the label of its state and its own.
pub(crate) fn lacks<A, W, D>(labels: &Labels<A, W, D>, pairs: impl Iterator<Item = (u32, u32)>) -> Lacks
where
    A: Copy + Ord + Hash,
    W: Copy + Ord + Hash,
    D: Copy + Ord + Hash,
{
    let mut busy: Option<Vec<u32>> = None;
    let mut passed_over: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (state, step) in pairs.collect::<HashSet<_>>() {
        let (state, step) = (labels.of_state(state), labels.of_step(step));
        match &mut busy {
            None => busy = Some(state.agents.clone()),
            Some(busy) => busy.retain(|agent| state.agents.binary_search(agent).is_ok()),
        }
        let Some(agent) = step.agent else { continue };
        let is_passed_over = |task: &u32| labels.agent_of(*task) == agent && step.task != Some(*task);
        match passed_over.get_mut(&agent) {
            None => {
                let tasks = state.tasks.iter().copied().filter(|task| is_passed_over(task)).collect();
                passed_over.insert(agent, tasks);
            }
            Some(tasks) => tasks.retain(|task| is_passed_over(task) && state.tasks.binary_search(task).is_ok()),
        }
    }
    let agents = busy.unwrap_or_default().into_iter().filter(|agent| !passed_over.contains_key(agent)).collect();
    Lacks { agents, tasks: passed_over.into_values().flatten().collect() }
}

/// A part of a strongly connected part all of which can be gone round fairly, if there is any.
pub(crate) fn fair<'a, A, W, D>(labels: &Labels<A, W, D>, part: Cow<'a, Part>) -> Option<Cow<'a, Part>>
where
    A: Copy + Ord + Hash,
    W: Copy + Ord + Hash,
    D: Copy + Ord + Hash,
{
    let Lacks { agents, tasks } = lacks(labels, part.pairs());
    if !agents.is_empty() {
        // In a part of it they have something to do in every state, too, and take no more steps.
        return None;
    }
    if tasks.is_empty() {
        return Some(part);
    }
    let starving: Vec<u32> = tasks.iter().map(|task| labels.agent_of(*task)).collect();
    let keeps = |step: u32| labels.of_step(step).agent.is_none_or(|agent| !starving.contains(&agent));
    part.rounds(|_| true, keeps).into_iter().find_map(|part| fair(labels, Cow::Owned(part)))
}
