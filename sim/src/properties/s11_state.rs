//! S11: the new state is the transfer of the state after exactly the packets before the cut.
//!
//! The checker's states are counts: firings since the state began, and transfers it went through. The property
//! keeps its own count from the events, and compares it with what the new function was given.

use super::{About, Less, Property, View};
use crate::few::Few;
use crate::instance::Instance;
use crate::net::{Item, Memory};
use crate::observation::Observation;
use neurath_model::id::{OperatorId, UpdateId};
use neurath_model::program::Act;
use neurath_model::update::StatePolicy;

/// S11. Remembers what each operator's function should remember.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct S11 {
    expected: Few<Memory, 8>,
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
        Self { expected: Few::of(Memory::default(), instance.program.operators().len()) }
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
                compare(view.instance.name(*at), *expected, *memory)
            }
            Observation::HandedOver { from, to, state, memory, .. } => {
                let mut expected = self.expected[from.0 as usize];
                match state {
                    StatePolicy::Keep => {}
                    StatePolicy::Reset => expected = Memory::default(),
                    StatePolicy::Transfer(_) => expected.transfers += 1,
                }
                self.expected[to.0 as usize] = expected;
                compare(view.instance.name(*to), expected, *memory)
            }
            _ => Ok(()),
        }
    }

    fn recount(&mut self, less: &Less) {
        for (at, expected) in (0..).map(OperatorId).zip(self.expected.iter_mut()) {
            expected.fired = expected.fired.saturating_sub(less.fired_at(at));
        }
    }

    fn witnessed(&self, view: View<'_>) -> bool {
        view.net.operators().any(|at| {
            let transfers = |update: UpdateId| {
                let mut acts = view.instance.update(update).acts(at).iter();
                acts.any(|act| {
                    matches!(act, Act::Replace(StatePolicy::Transfer(_)) | Act::HandOver(_, StatePolicy::Transfer(_)))
                })
            };
            let inputs = view.instance.program.operator(at).interface.inputs;
            let next = inputs.iter().filter_map(|port| match view.net.first(at, port) {
                Some(Item::Marker(marker)) => Some(marker.update),
                Some(Item::Packet(_) | Item::End) | None => None,
            });
            let mut next = next.chain(view.net.cell(at).mail.iter().filter_map(|mail| mail.update()));
            self.expected[at.0 as usize].fired > 0 && next.any(transfers)
        })
    }
}

fn compare(name: &str, expected: Memory, found: Memory) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!(
        "the new function of {name} starts with a state after {} firings and {} transfers; it should be {} and {}",
        found.fired, found.transfers, expected.fired, expected.transfers
    ))
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
