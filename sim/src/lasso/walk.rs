//! A round to tell of: a walk through a part that is fair, back to where it began, and itself fair.
//!
//! It begins as a shortest walk from the state that was found first and back. As long as something is lacking, it goes on to the
//! nearest step that provides it, and back again. It need not be the shortest of all.

use super::fair::{Lacks, lacks};
use super::labels::Labels;
use super::part::{Part, Step};
use std::collections::VecDeque;
use std::hash::Hash;

/// A walk: the place of each state, and the step from there.
pub(crate) type Walk = Vec<(u32, Step)>;

/// What is to be provided.
#[derive(Debug, Clone, Copy)]
enum Need {
    /// A step of an agent, or a state in which it has nothing to do.
    Agent(u32),
    /// A step that takes up a task, or one of its agent when it is not open.
    Task(u32),
}

/// A walk from the first place of a part that is fair, and back to it.
///
/// # Panics
/// If the part is not fair, or not strongly connected.
pub(crate) fn walk<A, W, D>(labels: &Labels<A, W, D>, part: &Part) -> Walk
where
    A: Copy + Ord + Hash,
    W: Copy + Ord + Hash,
    D: Copy + Ord + Hash,
{
    let start = 0;
    let mut walk = way(part, start, |_, step| step.to == start);
    loop {
        let Lacks { agents, tasks } = lacks(labels, walk.iter().map(|(place, step)| (part.label(*place), step.label)));
        let agent = agents.first().map(|agent| Need::Agent(*agent));
        let Some(need) = agent.or_else(|| tasks.first().map(|task| Need::Task(*task))) else { return walk };
        walk.extend(way(part, start, |place, step| need.is_met(labels, part.label(place), step.label)));
        let (_, last) = walk.last().expect("a walk has steps");
        if last.to != start {
            let back = way(part, last.to, |_, step| step.to == start);
            walk.extend(back);
        }
    }
}

impl Need {
    fn is_met<A, W, D>(self, labels: &Labels<A, W, D>, state: u32, step: u32) -> bool
    where
        A: Copy + Ord + Hash,
        W: Copy + Ord + Hash,
        D: Copy + Ord + Hash,
    {
        let (state, step) = (labels.of_state(state), labels.of_step(step));
        match self {
            Self::Agent(agent) => step.agent == Some(agent) || state.agents.binary_search(&agent).is_err(),
            Self::Task(task) => {
                let is_rest = step.agent == Some(labels.agent_of(task)) && state.tasks.binary_search(&task).is_err();
                step.task == Some(task) || is_rest
            }
        }
    }
}

/// A shortest walk from a place that ends with a step of which `is_goal` says so.
fn way(part: &Part, from: u32, is_goal: impl Fn(u32, &Step) -> bool) -> Walk {
    let mut come_from: Vec<Option<(u32, Step)>> = vec![None; part.count() as usize];
    let mut frontier = VecDeque::from([from]);
    while let Some(place) = frontier.pop_front() {
        for step in part.steps(place) {
            if is_goal(place, step) {
                let mut walk = vec![(place, *step)];
                while walk.last().expect("not empty").0 != from {
                    let (place, _) = walk.last().expect("not empty");
                    walk.push(come_from[*place as usize].expect("it was come to"));
                }
                walk.reverse();
                return walk;
            }
            if step.to != from && come_from[step.to as usize].is_none() {
                come_from[step.to as usize] = Some((place, *step));
                frontier.push_back(step.to);
            }
        }
    }
    unreachable!("every step of a strongly connected part can be come to, and a fair part has what it needs")
}
