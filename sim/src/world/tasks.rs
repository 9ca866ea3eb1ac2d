//! What operators have to do, what is owed, and whose step is whose: what [`lasso`](mod@crate::lasso) asks of a system.
//!
//! ```text
//!            mail --.      .-- an arc that has come
//!   port A, port B --> o <-- what is held, to be let go
//! ```
//!
//! An operator has a task for each place from which it could take something: its mail, a port that waits for an arc, a port where
//! something stands, all ports together where it joins, and what it holds. It takes turns among them, as an activation of the runtime does.
//! Of what is held, a task is to let go the oldest of those that began at one operator: what is held is let go in the end.
//!
//! What depends on the environment is nobody's task: to submit, to end the flow, a source that begins something, a client that hangs up.

use super::World;
use crate::instance::Instance;
use crate::lasso::{Doing, Recurrent, Task};
use crate::properties::{Debt, Owed, View};
use crate::system::{Breach, System};
use neurath_model::choice::Choice;
use neurath_model::id::{Lineage, OperatorId, PortIndex};

/// What an operator may have to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// To take mail.
    Mail,
    /// To attach an arc that has come to a port.
    Attach(PortIndex),
    /// To take what stands at a port.
    Port(PortIndex),
    /// To take a packet from every port.
    Tuple,
    /// To let go the oldest that it holds of those that began at an operator.
    LetGo(OperatorId),
}

impl World {
    /// Which of an operator's tasks a choice takes up.
    fn work(&self, choice: &Choice) -> Option<Work> {
        match choice {
            Choice::Submit { .. } | Choice::End => None,
            Choice::Deliver { .. } => Some(Work::Mail),
            Choice::Attach { port, .. } => Some(Work::Attach(*port)),
            Choice::Fire { port, .. } | Choice::Mark { port, .. } | Choice::Ended { port, .. } => {
                Some(Work::Port(*port))
            }
            Choice::Join { .. } => Some(Work::Tuple),
            Choice::Wake { at, releases, .. } => {
                let released = (*releases)?;
                let held = self.net.cell(*at).held.iter();
                let oldest = held.copied().filter(|held| held.origin() == released.origin()).min();
                (oldest == Some(released)).then_some(Work::LetGo(released.origin()))
            }
        }
    }

    /// Adds what is owed by what users want.
    fn owed_to_clients(&self, instance: &Instance, owed: &mut Vec<Owed>) {
        let mut lineages: Vec<Lineage> = Vec::new();
        for (index, (client, memory)) in instance.clients.iter().zip(&self.clients).enumerate() {
            lineages.clear();
            client.predicate.owed(memory, &mut lineages);
            Owed::oldest(lineages.iter().copied(), |origin| Debt::Client(index, origin), owed);
        }
    }

    /// Those debts of lineages that are not owed any more in a world that follows, or are owed of others.
    pub(crate) fn paid(&self, instance: &Instance, later: &World, paid: &mut Vec<Debt>) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for (world, owed) in [(self, &mut before), (later, &mut after)] {
            world.ledger.owed_of_lineages(instance, &world.net, owed);
            world.owed_to_clients(instance, owed);
        }
        paid.extend(before.iter().filter(|owed| !after.contains(owed)).map(|owed| owed.debt));
    }
}

impl Recurrent for Instance {
    type Agent = OperatorId;
    type Work = Work;
    type Debt = Debt;

    fn tasks(&self, world: &World, open: &[Choice], tasks: &mut Vec<Task<OperatorId, Work>>) {
        let own = open.iter().filter(|choice| !world.is_of_environment(self, choice));
        tasks.extend(own.filter_map(|choice| Some(Task { agent: choice.at()?, work: world.work(choice)? })));
        tasks.dedup();
    }

    fn doing(&self, world: &World, choice: &Choice) -> Option<Doing<OperatorId, Work>> {
        let work = if world.is_of_environment(self, choice) { None } else { world.work(choice) };
        Some(Doing { agent: choice.at()?, work })
    }

    fn owed(&self, world: &World, debts: &mut Vec<Debt>) {
        let mut owed = Vec::new();
        world.ledger.owed(self, &world.net, &mut owed);
        world.owed_to_clients(self, &mut owed);
        debts.extend(owed.iter().map(|owed| owed.debt));
    }

    fn next_paying(&self, world: &World, choice: &Choice, place: &mut World, paid: &mut Vec<Debt>) {
        self.next_in(world, choice, place);
        world.paid(self, place, paid);
    }

    fn property(&self, debt: Debt) -> &'static str {
        match debt {
            Debt::Client(index, _) => self.clients[index].name,
            _ => debt.property().expect("only a user's is of no built-in property"),
        }
    }

    fn breach_of(&self, world: &World, debt: Debt) -> Breach {
        let property = self.property(debt);
        let story = match debt {
            Debt::Client(index, origin) => {
                let client = &self.clients[index];
                let mut lineages = Vec::new();
                client.predicate.owed(&world.clients[index], &mut lineages);
                let oldest = lineages.into_iter().find(|lineage| lineage.origin() == origin).expect("it is owed");
                client.predicate.tell(View { instance: self, net: &world.net }, oldest)
            }
            _ => world.ledger.tell(self, &world.net, property, debt),
        };
        Breach { property, story }
    }
}
