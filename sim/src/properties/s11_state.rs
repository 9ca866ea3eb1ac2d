//! S11: the new state is the transfer of the state after exactly the packets before the cut.
//!
//! The checker's states are counts: firings since the state began, and transfers it went through. The property
//! keeps its own count from the events, and compares it with what the new function was given.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::net::Memory;
use crate::observation::Observation;
use neurath_model::update::StatePolicy;

/// S11. Remembers what each operator's function should remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S11 {
    expected: Vec<Memory>,
}

impl Property for S11 {
    const ABOUT: About = About {
        code: "S11",
        name: "state",
        sentence: "A new state is the transfer (or the old state, or a fresh one, as declared) after exactly the packets before the cut.",
        source: "the talk's state transfer; protocol rule: one transfer per update and operator",
        witness: "a state that remembers at least one firing is transferred",
    };

    fn new(instance: &Instance) -> Self {
        Self { expected: vec![Memory::default(); instance.program.operators().len()] }
    }

    fn observe(&mut self, view: View<'_>, event: &Observation) -> Result<(), String> {
        match event {
            Observation::Fired { at, version, .. } => {
                let stateful = view.instance.behaviour(*at, *version).stateful;
                self.expected[at.0 as usize].fired += u32::from(stateful);
                Ok(())
            }
            Observation::Applied { at, state: Some(policy), memory, .. } => {
                let expected = &mut self.expected[at.0 as usize];
                match policy {
                    StatePolicy::Keep => {}
                    StatePolicy::Reset => *expected = Memory::default(),
                    StatePolicy::Transfer(_) => expected.transfers += 1,
                }
                if expected == memory {
                    return Ok(());
                }
                Err(format!(
                    "the new function of {} starts with a state after {} firings and {} transfers; it should be {} \
                     and {}",
                    view.instance.name(*at),
                    memory.fired,
                    memory.transfers,
                    expected.fired,
                    expected.transfers
                ))
            }
            _ => Ok(()),
        }
    }

    fn witnessed(&self, _: View<'_>) -> bool {
        self.expected.iter().any(|m| m.fired > 0 && m.transfers > 0)
    }
}
