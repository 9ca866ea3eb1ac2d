//! stateright explores our systems through this adapter: a second opinion on the explorer, and a browser to walk in.
//!
//! ```
//! use neurath_sim::{explore::Explorer, reference::chain::Chain, stateright_model::Checked};
//! use stateright::{Checker, Model};
//!
//! let chain = Chain::new(2, 3, 1);
//! let ours = Explorer::new(&chain).run();
//! let theirs = Checked(chain).checker().spawn_bfs().join();
//! assert_eq!(ours.generated as usize, theirs.state_count());
//! assert_eq!(ours.distinct as usize, theirs.unique_state_count());
//! assert_eq!(ours.depth as usize, theirs.max_depth());
//! ```
//!
//! Counts agree because both judge a state when its turn comes, and neither goes on from a state in breach. On a system
//! in breach they agree if it has no witnesses and one initial state: stateright searches on until each of its
//! properties has been discovered, where the explorer stops at the breach, and it begins with the last initial state.
//!
//! What to know of stateright 0.31 before reading its results:
//!
//! * A later discovery of a property replaces the earlier one, so a path it reports need not be the shortest. It is for a
//!   system without witnesses and a search with one thread, because that stops at once.
//! * `timeout` is ignored with one thread; with more, `is_done()` is true of a search that was stopped. Budgets
//!   are the explorer's business.
//! * Properties are plain functions that capture nothing, so a witness cannot carry its index along. The index is in the
//!   function's type instead: there is one [`Property`] function for each of the first [`WITNESSES_MAX`] indices.
//! * `eventually` forgets paths at cycles and joins. We do not use it: a system latches what should have happened, and
//!   says so in a state that ended.

use crate::system::System;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use stateright::{Checker, Model, Path, Property};
use std::collections::HashSet;
use std::fmt::Debug;
use std::net::{SocketAddr, TcpListener};

/// The name of the property that stands for all of a system's.
pub const NOTHING_BREACHED: &str = "no property is breached";

/// How many witnesses a system may have to be explored by stateright.
pub const WITNESSES_MAX: usize = 32;

/// A system as a model of stateright's.
#[derive(Debug, Clone)]
pub struct Checked<S>(
    /// The system.
    pub S,
);

impl<S: System> Checked<S> {
    /// What is wrong with a state. stateright does not say whether it ended, so its choices are asked for again.
    fn breach_story(&self, state: &S::State) -> Option<String> {
        let mut choices = Vec::new();
        self.0.choices(state, &mut choices);
        let breach = self.0.breach(state, choices.is_empty())?;
        Some(format!("{}: {}", breach.property, breach.story))
    }
}

impl<S: System> Model for Checked<S> {
    type State = S::State;
    type Action = S::Choice;

    /// The initial states, each once: stateright would look at one that is given twice, and at all it leads to, twice.
    fn init_states(&self) -> Vec<S::State> {
        let mut states = self.0.initial();
        let mut known = HashSet::new();
        states.retain(|state| known.insert(state.clone()));
        states
    }

    /// The choices open in a state; none in one that breaches.
    fn actions(&self, state: &S::State, actions: &mut Vec<S::Choice>) {
        let before = actions.len();
        self.0.choices(state, actions);
        if self.0.breach(state, actions.len() == before).is_some() {
            actions.truncate(before);
        }
    }

    fn next_state(&self, state: &S::State, choice: S::Choice) -> Option<S::State> {
        Some(self.0.next(state, &choice))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let witnesses = self.0.witnesses();
        assert!(
            witnesses.len() <= WITNESSES_MAX,
            "there is a function for each of the first {WITNESSES_MAX} witnesses"
        );
        let always = Property::always(NOTHING_BREACHED, |model: &Self, state| model.breach_story(state).is_none());
        let sometimes = witnesses.iter().zip(witness_functions());
        std::iter::once(always).chain(sometimes.map(|(name, holds)| Property::sometimes(name, holds))).collect()
    }

    /// What the browser shows of the way to a state.
    fn as_svg(&self, path: Path<S::State, S::Choice>) -> Option<String> {
        self.0.picture(&path.into_actions())
    }

    /// What the browser shows of a step: the state after it, under what is wrong with it.
    fn format_step(&self, state: &S::State, choice: S::Choice) -> Option<String> {
        let next = self.0.next(state, &choice);
        let story = self.breach_story(&next).map(|story| format!("{story}\n")).unwrap_or_default();
        Some(format!("{story}{next:#?}"))
    }
}

type WitnessFunction<S> = fn(&Checked<S>, &<S as System>::State) -> bool;

fn witnessed<S: System, const WITNESS: usize>(model: &Checked<S>, state: &S::State) -> bool {
    model.0.witnessed(state, WITNESS)
}

fn witness_functions<S: System>() -> [WitnessFunction<S>; WITNESSES_MAX] {
    macro_rules! functions {
        ($($witness:literal)*) => { [$(witnessed::<S, $witness>),*] };
    }
    functions!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
}

/// In which order stateright looks at states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Level by level.
    Breadth,
    /// Down one run first.
    Depth,
}

/// What stateright's own search, with one thread, counts of a system: states generated, and distinct ones.
pub fn counted<S>(system: S, order: Order) -> (u64, u64)
where
    S: System + Send + Sync + 'static,
    S::State: Send + Sync + 'static,
    S::Choice: Send + Sync + 'static,
{
    let checker = Checked(system).checker();
    match order {
        Order::Breadth => counts(&checker.spawn_bfs().join()),
        Order::Depth => counts(&checker.spawn_dfs().join()),
    }
}

fn counts<M: Model>(seen: &impl Checker<M>) -> (u64, u64)
where
    M::State: std::hash::Hash,
{
    (seen.state_count() as u64, seen.unique_state_count() as u64)
}

/// Serves stateright's Explorer, in which a person takes one choice after the other, until the process ends.
///
/// The pages come from stateright, unless the current directory has a folder `ui` with files of
/// the same names (`index.htm`, `app.js`, ...): then those are served. Start it elsewhere than in such a directory.
///
/// # Errors
///
/// If nothing can be served at that address.
pub fn explore_in_browser<S>(system: S, address: SocketAddr) -> Result<(), Diagnostics>
where
    S: System + Send + Sync + 'static,
    S::State: Send + Sync,
    S::Choice: Send + Sync,
{
    // stateright panics if it cannot listen. Listening for a moment first turns that into an answer.
    TcpListener::bind(address).map_err(|error| Diagnostics(vec![not_served(address, &error)]))?;
    Checked(system).checker().serve(address);
    Ok(())
}

fn not_served(address: SocketAddr, error: &std::io::Error) -> Diagnostic {
    Diagnostic {
        code: Code::R05,
        message: format!("the explorer cannot be served at {address}"),
        places: vec![],
        expected: "an address of this machine that nothing listens at".to_owned(),
        found: error.to_string(),
        hint: "give another port, or stop what listens there".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::tests::{Graph, graphs};
    use crate::explore::{Explorer, Verdict};
    use crate::reference::chain::Chain;
    use crate::replay::replay_from;
    use crate::system::Breach;
    use proptest::prelude::*;
    use stateright::Checker;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpStream};
    use std::thread;

    fn loopback(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    proptest! {
        #[test]
        fn random_graphs_are_counted_and_judged_alike(graph in graphs()) {
            let ours = Explorer::new(&graph).run();
            // stateright begins with the last initial state, so it is given them the other way round.
            let initial = Checked(graph.clone()).init_states().into_iter().rev().collect();
            let theirs = Checked(Graph { initial, ..graph.clone() }).checker().spawn_bfs().join();
            prop_assert_eq!(ours.generated as usize, theirs.state_count());
            prop_assert_eq!(ours.distinct as usize, theirs.unique_state_count());
            prop_assert_eq!(ours.depth as usize, theirs.max_depth());
            let path = theirs.discovery(NOTHING_BREACHED);
            match ours.verdict {
                Verdict::Breached { start, run, .. } => {
                    let states = replay_from(&graph, graph.initial[start], &run).unwrap();
                    prop_assert_eq!(path.map(stateright::Path::into_states), Some(states));
                }
                Verdict::Holds | Verdict::Undecided { .. } => prop_assert_eq!(path, None),
            }
        }
    }

    /// A counter to forty, with a witness for each of the first values.
    struct Counter;

    impl System for Counter {
        type State = usize;
        type Choice = ();

        fn initial(&self) -> Vec<usize> {
            vec![0]
        }

        fn choices(&self, count: &usize, choices: &mut Vec<()>) {
            choices.extend((*count < 40).then_some(()));
        }

        fn next(&self, count: &usize, (): &()) -> usize {
            count + 1
        }

        fn breach(&self, count: &usize, ended: bool) -> Option<Breach> {
            (ended && *count < 40).then(|| Breach { property: "early", story: count.to_string() })
        }

        fn kind(&self, (): &()) -> &'static str {
            "count"
        }

        fn kinds(&self) -> &'static [&'static str] {
            &["count"]
        }

        fn witnesses(&self) -> &'static [&'static str] {
            &["is 3", "is 50", "is 40"]
        }

        fn witnessed(&self, count: &usize, witness: usize) -> bool {
            [3, 50, 40][witness] == *count
        }
    }

    #[test]
    fn each_witness_asks_with_its_own_index() {
        let checker = Checked(Counter).checker().spawn_bfs().join();
        let found = checker.discoveries();
        let lengths =
            ["is 3", "is 50", "is 40"].map(|name| found.get(name).map(|path| path.clone().into_actions().len()));
        assert_eq!(lengths, [Some(3), None, Some(40)]);
        assert!(!found.contains_key(NOTHING_BREACHED), "the state that ends is not early");
        let functions = witness_functions::<Counter>();
        assert_eq!(functions.len(), WITNESSES_MAX);
    }

    #[test]
    fn a_breached_state_leads_nowhere_and_tells_its_story() {
        let graph = Graph { edges: vec![vec![1], vec![0, 1]], initial: vec![0, 0], bad: vec![1] };
        let model = Checked(graph);
        assert_eq!(model.init_states(), [0]);
        let mut actions = vec![];
        model.actions(&1, &mut actions);
        assert!(actions.is_empty());
        assert_eq!(model.format_step(&0, 1).unwrap(), "bad: node 1\n1");
    }

    #[test]
    fn an_address_in_use_is_a_diagnostic() {
        let taken = TcpListener::bind(loopback(0)).unwrap();
        let address = taken.local_addr().unwrap();
        let Diagnostics(refused) = explore_in_browser(Chain::new(1, 1, 0), address).unwrap_err();
        assert_eq!(refused[0].code, Code::R05);
        assert!(refused[0].message.contains(&address.to_string()), "{}", refused[0]);
    }

    #[test]
    fn the_browser_is_offered_the_choices_open_after_a_step() {
        let address = TcpListener::bind(loopback(0)).unwrap().local_addr().unwrap();
        let server = thread::spawn(move || explore_in_browser(Chain::new(1, 1, 1), address));
        let mut stream = loop {
            // Refused until the other thread listens, which it does for as long as it lives.
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(_) => assert!(!server.is_finished(), "the explorer is served until the process ends"),
            }
        };
        // Initial state 0, then its choice 1, the marker: operator 1 alone can go on, its arc being full.
        write!(stream, "GET /.states/0/1 HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
        assert_eq!(answer.matches("\"action\":").count(), 1, "{answer}");
        assert!(answer.contains("\"action\":\"Operator(1)\""), "{answer}");
    }
}
