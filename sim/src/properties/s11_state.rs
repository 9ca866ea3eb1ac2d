//! S11: the new state is the transfer of the state after exactly the packets before the cut.
//!
//! The checker's states are counts: firings since the state began, and transfers it went through. The property
//! keeps its own count from the events, and compares it with what the new function was given.

use super::{About, Property, View};
use crate::instance::Instance;
use crate::net::{Item, Memory};
use crate::observation::Observation;
use neurath_model::id::UpdateId;
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
        witness: "a transfer is about to reach a state that remembers a firing",
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

    fn witnessed(&self, view: View<'_>) -> bool {
        view.instance.program.operators().any(|(at, operator)| {
            let transfers = |update: UpdateId| {
                let mut actions = view.instance.update(update).actions_at(at).iter();
                actions.any(|state| matches!(state, Some(StatePolicy::Transfer(_))))
            };
            let next = operator.inputs.iter().filter_map(|arc| match view.net.arc(*arc).items.first() {
                Some(Item::Marker(marker)) => Some(marker.update),
                Some(Item::Packet(_) | Item::End) | None => None,
            });
            let mut next = next.chain(view.net.cell(at).mail.iter().copied());
            self.expected[at.0 as usize].fired > 0 && next.any(transfers)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::instance::Fault;
    use crate::properties::teeth;

    #[test]
    fn a_transfer_that_runs_twice_is_found() {
        let sound = teeth::transferred();
        let found = teeth::breach(&sound.clone().with_fault(Fault::TransferTwice), "S11");
        assert_eq!(
            (found.steps, found.story.as_str()),
            (3, "the new function of x starts with a state after 0 firings and 2 transfers; it should be 0 and 1")
        );
        teeth::holds(&sound, "S11");
    }
}
