//! What packets that operators hold may remember: the updates that overtook them.
//!
//! An update leaves it behind in the flow after it, for the plan of the next update. It is no part of what a flow is: two
//! flows are the same whatever was done to them before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An update that overtook what an operator held, after the packets had met something that it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overtook {
    /// The update.
    pub(crate) update: String,
    /// An operator that it changed, and whose old version the packets may have met.
    pub(crate) met: String,
    /// The operators that its marker passed.
    pub(crate) passed: Arc<BTreeSet<String>>,
}

/// By operator, the updates that overtook what it may hold. Equal to any other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(BTreeMap<String, Vec<Overtook>>);

impl PartialEq for Memory {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memory {}

impl Memory {
    /// The updates that overtook what an operator may hold.
    pub(crate) fn of(&self, holder: &str) -> &[Overtook] {
        self.0.get(holder).map_or(&[], Vec::as_slice)
    }

    /// Adds an update. One that passed no other operators than this says nothing more, and is forgotten.
    pub(crate) fn add(&mut self, holder: &str, overtook: Overtook) {
        let known = self.0.entry(holder.to_owned()).or_default();
        if !known.iter().any(|other| overtook.passed.is_subset(&other.passed)) {
            known.retain(|other| !other.passed.is_subset(&overtook.passed));
            known.push(overtook);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overtook(update: &str, passed: &[&str]) -> Overtook {
        let passed = Arc::new(passed.iter().map(|p| (*p).to_owned()).collect());
        Overtook { update: update.into(), met: "x".into(), passed }
    }

    #[test]
    fn what_says_nothing_more_is_forgotten() {
        let mut memory = Memory::default();
        for (update, passed) in [("u1", &["a", "b"][..]), ("u2", &["a"]), ("u3", &["c"]), ("u4", &["a", "b", "d"])] {
            memory.add("hold", overtook(update, passed));
        }
        let left: Vec<&str> = memory.of("hold").iter().map(|overtook| overtook.update.as_str()).collect();
        assert_eq!(left, ["u3", "u4"]);
        assert!(memory.of("other").is_empty());
    }
}
