//! What is known of states and steps, told apart once and numbered.

use super::{Doing, Recurrent, Task};
use std::collections::HashMap;
use std::hash::Hash;

/// Values, each with a number: its place in the order in which they came.
#[derive(Debug, Clone)]
pub(crate) struct Numbered<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    pub(crate) fn new() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }

    pub(crate) fn number(&mut self, value: &T) -> u32 {
        if let Some(known) = self.numbers.get(value) {
            return *known;
        }
        let number = u32::try_from(self.values.len()).expect("there are fewer labels than states");
        self.numbers.insert(value.clone(), number);
        self.values.push(value.clone());
        number
    }

    pub(crate) fn value(&self, number: u32) -> &T {
        &self.values[number as usize]
    }

    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }
}

/// What is known of a state, by numbers, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct OfState {
    /// Agents that have something to do.
    pub(crate) agents: Vec<u32>,
    /// Tasks that are open.
    pub(crate) tasks: Vec<u32>,
    /// Debts that are owed.
    pub(crate) debts: Vec<u32>,
}

/// What is known of a step, by numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct OfStep {
    /// Who takes it.
    pub(crate) agent: Option<u32>,
    /// The task that it takes up.
    pub(crate) task: Option<u32>,
    /// Debts that it pays, in order.
    pub(crate) paid: Vec<u32>,
}

/// All that is known.
pub(crate) struct Labels<A, W, D> {
    agents: Numbered<A>,
    tasks: Numbered<Task<A, W>>,
    debts: Numbered<D>,
    /// By task.
    agent_of: Vec<u32>,
    states: Numbered<OfState>,
    steps: Numbered<OfStep>,
}

/// The labels of a system's states and steps.
pub(crate) type LabelsOf<S> = Labels<<S as Recurrent>::Agent, <S as Recurrent>::Work, <S as Recurrent>::Debt>;

impl<A: Copy + Ord + Hash, W: Copy + Ord + Hash, D: Copy + Ord + Hash> Labels<A, W, D> {
    pub(crate) fn new() -> Self {
        Self {
            agents: Numbered::new(),
            tasks: Numbered::new(),
            debts: Numbered::new(),
            agent_of: Vec::new(),
            states: Numbered::new(),
            steps: Numbered::new(),
        }
    }

    /// The label of a state.
    pub(crate) fn state(&mut self, tasks: &[Task<A, W>], debts: &[D]) -> u32 {
        let tasks: Vec<u32> = in_order(tasks.iter().map(|task| self.task(*task)));
        let agents = in_order(tasks.iter().map(|task| self.agent_of[*task as usize]));
        let debts = in_order(debts.iter().map(|debt| self.debts.number(debt)));
        self.states.number(&OfState { agents, tasks, debts })
    }

    /// The label of a step.
    pub(crate) fn step(&mut self, doing: Option<Doing<A, W>>, paid: &[D]) -> u32 {
        let agent = doing.map(|doing| self.agents.number(&doing.agent));
        let work = doing.and_then(|Doing { agent, work }| Some(Task { agent, work: work? }));
        let task = work.map(|task| self.task(task));
        let paid = in_order(paid.iter().map(|debt| self.debts.number(debt)));
        self.steps.number(&OfStep { agent, task, paid })
    }

    fn task(&mut self, task: Task<A, W>) -> u32 {
        let number = self.tasks.number(&task);
        if number as usize == self.agent_of.len() {
            let agent = self.agents.number(&task.agent);
            self.agent_of.push(agent);
        }
        number
    }

    /// What is known of a state with that label.
    pub(crate) fn of_state(&self, label: u32) -> &OfState {
        self.states.value(label)
    }

    /// What is known of a step with that label.
    pub(crate) fn of_step(&self, label: u32) -> &OfStep {
        self.steps.value(label)
    }

    /// Who has a task.
    pub(crate) fn agent_of(&self, task: u32) -> u32 {
        self.agent_of[task as usize]
    }

    /// The debts that are owed anywhere, with their numbers, in their order.
    pub(crate) fn debts(&self) -> Vec<(D, u32)> {
        let mut debts: Vec<(D, u32)> = self.debts.values().iter().copied().zip(0..).collect();
        debts.sort_unstable();
        debts
    }
}

fn in_order(numbers: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
