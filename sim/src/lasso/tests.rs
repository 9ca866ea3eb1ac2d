//! Lassos in graphs drawn by hand, and in random ones against a judgement by definition.

use super::judge::judge;
use super::{Doing, Recurrent, Task};
use crate::explore::{Explorer, Verdict};
use crate::replay::replay;
use crate::system::{Breach, System};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A task: of which agent, and which of its tasks.
type Of = (u8, u8);

/// A step of a toy.
#[derive(Debug, Clone, PartialEq)]
struct Arrow {
    from: usize,
    to: usize,
    /// Who takes it, and which task that takes up.
    by: Option<(u8, Option<u8>)>,
    pays: bool,
}

/// A graph in which one thing may be owed.
#[derive(Debug, Clone)]
struct Toy {
    /// By state: the tasks that are open, and whether it owes.
    states: Vec<(Vec<Of>, bool)>,
    arrows: Vec<Arrow>,
}

impl System for Toy {
    type State = usize;
    type Choice = usize;

    fn initial(&self) -> Vec<usize> {
        vec![0]
    }

    fn choices(&self, state: &usize, choices: &mut Vec<usize>) {
        choices.extend((0..self.arrows.len()).filter(|i| self.arrows[*i].from == *state));
    }

    fn next(&self, _: &usize, choice: &usize) -> usize {
        self.arrows[*choice].to
    }

    fn breach(&self, _: &usize, _: bool) -> Option<Breach> {
        None
    }

    fn kind(&self, _: &usize) -> &'static str {
        "step"
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["step"]
    }
}

impl Recurrent for Toy {
    type Agent = u8;
    type Work = u8;
    type Debt = ();

    fn tasks(&self, state: &usize, _: &[usize], tasks: &mut Vec<Task<u8, u8>>) {
        tasks.extend(self.states[*state].0.iter().map(|(agent, work)| Task { agent: *agent, work: *work }));
    }

    fn doing(&self, _: &usize, choice: &usize) -> Option<Doing<u8, u8>> {
        self.arrows[*choice].by.map(|(agent, work)| Doing { agent, work })
    }

    fn owed(&self, state: &usize, debts: &mut Vec<()>) {
        debts.extend(self.states[*state].1.then_some(()));
    }

    fn next_paying(&self, state: &usize, choice: &usize, place: &mut usize, paid: &mut Vec<()>) {
        let Arrow { to, pays, .. } = self.arrows[*choice];
        *place = to;
        paid.extend((self.states[*state].1 && pays).then_some(()));
    }

    fn property(&self, (): ()) -> &'static str {
        "paid"
    }

    fn breach_of(&self, state: &usize, (): ()) -> Breach {
        Breach { property: "paid", story: format!("owed from {state} on") }
    }
}

impl Toy {
    /// A lasso, judged once more where there is one: stem and round.
    fn lasso(&self) -> Option<(Vec<usize>, Vec<usize>)> {
        match Explorer::new(self).run_for_lassos().verdict {
            Verdict::Holds => None,
            Verdict::Breached { breach, run, round: Some(round), .. } => {
                replay(self, &run).expect("it can be taken");
                assert_eq!(judge(self, (&run, round), |one, two| one == two, |_| true), Ok(breach));
                Some((run[..round].to_vec(), run[round..].to_vec()))
            }
            other => panic!("{other:?}"),
        }
    }

    /// By definition: some set of arrows, strongly connected and reachable, all of which can be gone round fairly, owing all along. A walk
    /// through all of a set takes exactly these steps, so the sets are all the rounds there are, as far as fairness goes.
    fn has_lasso(&self) -> bool {
        let reachable = self.reachable(0, &(0..self.arrows.len()).collect::<Vec<_>>());
        let usable: Vec<usize> = (0..self.arrows.len())
            .filter(|i| {
                let Arrow { from, to, pays, .. } = self.arrows[*i];
                reachable.contains(&from) && self.states[from].1 && self.states[to].1 && !pays
            })
            .collect();
        (1_u32..1 << usable.len()).any(|subset| {
            let chosen: Vec<usize> = (0..usable.len()).filter(|i| subset & (1 << i) != 0).map(|i| usable[i]).collect();
            self.is_connected(&chosen) && self.is_fair(&chosen)
        })
    }

    fn reachable(&self, from: usize, arrows: &[usize]) -> BTreeSet<usize> {
        let mut known = BTreeSet::from([from]);
        loop {
            let more: BTreeSet<usize> =
                arrows.iter().map(|i| &self.arrows[*i]).filter(|a| known.contains(&a.from)).map(|a| a.to).collect();
            if more.is_subset(&known) {
                return known;
            }
            known.extend(more);
        }
    }

    fn is_connected(&self, arrows: &[usize]) -> bool {
        let ends: BTreeSet<usize> = arrows.iter().flat_map(|i| [self.arrows[*i].from, self.arrows[*i].to]).collect();
        ends.iter().all(|from| self.reachable(*from, arrows) == ends)
    }

    fn is_fair(&self, arrows: &[usize]) -> bool {
        let arrows: Vec<&Arrow> = arrows.iter().map(|i| &self.arrows[*i]).collect();
        let open = |arrow: &Arrow| &self.states[arrow.from].0;
        let tasks: BTreeSet<Of> = arrows.iter().flat_map(|arrow| open(arrow).iter().copied()).collect();
        tasks.iter().all(|task| {
            let own: Vec<_> =
                arrows.iter().filter(|arrow| arrow.by.is_some_and(|(agent, _)| agent == task.0)).collect();
            let rests = arrows.iter().any(|arrow| open(arrow).iter().all(|(agent, _)| *agent != task.0));
            let takes_turns =
                own.iter().any(|arrow| arrow.by == Some((task.0, Some(task.1))) || !open(arrow).contains(task));
            if own.is_empty() { rests } else { takes_turns }
        })
    }
}

fn arrow(from: usize, to: usize, by: (u8, u8)) -> Arrow {
    Arrow { from, to, by: Some((by.0, Some(by.1))), pays: false }
}

const BUSY: Of = (0, 0);
const OTHER: Of = (0, 1);
const SOMEBODY: Of = (1, 0);

/// One state that leads to itself.
fn loop_with(tasks: &[Of], owes: bool) -> Toy {
    Toy { states: vec![(vec![], owes), (tasks.to_vec(), owes)], arrows: vec![arrow(0, 1, BUSY), arrow(1, 1, BUSY)] }
}

#[test]
fn a_fair_round_that_owes_is_a_lasso_and_one_that_owes_nothing_is_none() {
    assert_eq!(loop_with(&[BUSY], true).lasso(), Some((vec![0], vec![1])));
    assert_eq!(loop_with(&[BUSY], false).lasso(), None);
}

#[test]
fn a_round_that_pays_is_no_lasso_though_it_owes_in_every_state() {
    let mut toy = loop_with(&[BUSY], true);
    toy.arrows[1].pays = true;
    assert_eq!(toy.lasso(), None);
}

#[test]
fn a_round_that_forgets_somebody_is_not_fair() {
    assert_eq!(loop_with(&[BUSY, SOMEBODY], true).lasso(), None);
    // If the other has nothing to do somewhere on the way round, nobody is forgotten.
    let mut resting = loop_with(&[BUSY, SOMEBODY], true);
    resting.arrows[1].to = 0;
    assert_eq!(resting.lasso(), Some((vec![], vec![0, 1])));
}

#[test]
fn a_round_in_which_an_agent_passes_over_a_task_is_not_fair() {
    assert_eq!(loop_with(&[BUSY, OTHER], true).lasso(), None);
    let mut taken = loop_with(&[BUSY, OTHER], true);
    taken.arrows.push(arrow(1, 1, OTHER));
    let (stem, mut round) = taken.lasso().expect("both are taken up");
    round.sort_unstable();
    assert_eq!((stem, round), (vec![0], vec![1, 2]));
}

/// Only a part of what is strongly connected is fair: without the steps of the agent whose task is never taken up.
#[test]
fn a_fair_round_within_an_unfair_part_is_found() {
    let states = vec![(vec![BUSY, OTHER, SOMEBODY], true), (vec![SOMEBODY], true)];
    let arrows = vec![arrow(0, 1, BUSY), arrow(1, 0, SOMEBODY), arrow(1, 1, SOMEBODY)];
    assert_eq!(Toy { states, arrows }.lasso(), Some((vec![0], vec![2])));
}

/// The environment is nobody who could be forgotten.
#[test]
fn what_the_environment_could_do_is_not_awaited() {
    let mut toy = loop_with(&[BUSY], true);
    toy.states.push((vec![], false));
    toy.arrows.push(Arrow { from: 1, to: 2, by: None, pays: true });
    assert_eq!(toy.lasso(), Some((vec![0], vec![1])));
}

fn toys() -> impl Strategy<Value = Toy> {
    let task = || (0..2_u8, 0..2_u8);
    let state = || (proptest::collection::btree_set(task(), 0..4), proptest::bool::weighted(0.9));
    let by = proptest::option::weighted(0.9, (0..2_u8, proptest::option::weighted(0.8, 0..2_u8)));
    let arrow = (0..4_usize, 0..4_usize, by, proptest::bool::weighted(0.1));
    let states = proptest::collection::vec(state(), 4);
    (states, proptest::collection::vec(arrow, 0..10)).prop_map(|(states, arrows)| Toy {
        states: states.into_iter().map(|(tasks, owes)| (tasks.into_iter().collect(), owes)).collect(),
        arrows: arrows.into_iter().map(|(from, to, by, pays)| Arrow { from, to, by, pays }).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn lassos_are_found_where_there_are_any_by_definition(toy in toys()) {
        prop_assert_eq!(toy.lasso().is_some(), toy.has_lasso());
    }
}
