//! Sets of processes: the operators, and the environment that submits and ends.

use neurath_model::id::OperatorId;

/// An operator, or the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(u8);

impl Process {
    /// Whoever submits updates and ends the flow.
    pub const ENVIRONMENT: Self = Self(0);

    /// The process of a step: an operator's, or, if it is of none, the environment.
    ///
    /// # Panics
    ///
    /// If there are more operators than a set can hold.
    pub fn of(operator: Option<OperatorId>) -> Self {
        operator.map_or(Self::ENVIRONMENT, |at| {
            assert!((at.0 as usize) < Processes::OPERATORS_MAX, "a set of processes is a word");
            Self(at.0 as u8 + 1)
        })
    }

    /// The operator; none for the environment.
    pub fn operator(self) -> Option<OperatorId> {
        self.0.checked_sub(1).map(|at| OperatorId(at.into()))
    }
}

/// A set of processes: a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Processes(u128);

impl Processes {
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// How many operators a set has room for.
    pub const OPERATORS_MAX: usize = u128::BITS as usize - 1;

    /// The set of one process.
    pub fn only(process: Process) -> Self {
        Self(1 << process.0)
    }

    /// Whether a process is in it.
    pub fn contains(self, process: Process) -> bool {
        self.0 >> process.0 & 1 == 1
    }

    /// Puts a process in.
    pub fn insert(&mut self, process: Process) {
        *self = self.union(Self::only(process));
    }

    /// Puts operators in.
    pub fn extend(&mut self, operators: impl IntoIterator<Item = OperatorId>) {
        operators.into_iter().for_each(|at| self.insert(Process::of(Some(at))));
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in it and not in the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of it is in the other.
    pub fn is_within(self, other: Self) -> bool {
        self.minus(other) == Self::NONE
    }

    /// Takes a process out.
    pub fn pop(&mut self) -> Option<Process> {
        let first = u8::try_from(self.0.trailing_zeros()).expect("a word has fewer bits");
        (self.0 != 0).then(|| {
            self.0 &= self.0 - 1;
            Process(first)
        })
    }
}
