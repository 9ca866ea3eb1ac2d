//! Runs of the model verify; runs that were tampered with do not, or are other runs of the model.

mod diagnoses;
pub(crate) mod recorded;

use super::*;
use crate::replay::replay;
use neurath_model::diagnostic::Code;
use neurath_model::plan::Scheduler;
use neurath_model::program::EXIT;
use neurath_model::trace::Line;
use neurath_model::update::Update;
use recorded::{Case, Pen, Recorded};
use std::collections::{BTreeMap, BTreeSet};

fn cases() -> [(&'static str, Case); 4] {
    [("http", Case::http()), ("chain", Case::chain()), ("diamond", Case::diamond()), ("crossing", Case::crossing())]
}

#[test]
fn every_run_of_the_model_verifies_in_whatever_order_its_lines_stand() {
    for (name, case) in cases() {
        let mut lineages = 0;
        for seed in 0..60 {
            let capacity = [1, 2, 64][seed as usize % 3];
            let run = case.record(seed, 12, capacity);
            let verified = verify(&run.trace(&run.shuffled()));
            let verified = verified.unwrap_or_else(|d| panic!("{name}, seed {seed}, capacity {capacity}: {d}"));
            assert!(verified.judged && verified.lines > 20, "{verified}");
            lineages += verified.lineages;
        }
        assert!(lineages > 300, "{name} had something to do: {lineages}");
    }
}

#[test]
fn a_run_is_told_in_numbers() {
    let run = Case::http().record(7, 40, 4);
    let verified = verify(&run.trace(&run.shuffled())).unwrap();
    insta::assert_snapshot!(verified, @"a behaviour of the model: 286 lines of 6 operators, 62 lineages, 2 updates; every property held");
}

#[test]
fn the_order_of_the_file_does_not_matter() {
    let run = Case::http().record(3, 20, 2);
    let in_turn: Vec<Line> = run.parts.iter().flatten().cloned().collect();
    let backwards: Vec<Line> = run.parts.iter().rev().flatten().cloned().collect();
    let verified = verify(&run.trace(&in_turn)).unwrap();
    assert_eq!(verify(&run.trace(&backwards)), Ok(verified));
    assert_eq!(verify(&run.trace(&run.shuffled())), Ok(verified));
}

#[test]
fn with_more_updates_than_properties_can_tell_apart_they_are_not_judged() {
    for (updates, judged) in [(64, true), (65, false), (150, false)] {
        let run = Case::http().often(updates).record(1, 100, 2);
        let verified = verify(&run.trace(&run.shuffled())).unwrap();
        assert_eq!((verified.updates, verified.judged), (updates, judged));
    }
}

// --- tampering -------------------------------------------------------------------------------------------------------

/// What became of altered traces.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Refused, naming the operator whose line was altered.
    culprit: usize,
    /// Refused, naming an operator that an arc connects with it.
    neighbour: usize,
    /// Refused, naming another one.
    far: usize,
    /// Accepted, and shown to be a run of the model: how many, by operator and what was done to it.
    legal: BTreeMap<(String, String), usize>,
}

/// A run, and each way to alter it held to be refused, or to be a run of the model.
struct Bench {
    run: Recorded,
    lines: Vec<Line>,
    instance: Instance,
    tally: Tally,
}

impl Bench {
    fn new(case: &Case, seed: u64, packets: u64, capacity: usize) -> Self {
        let run = case.record(seed, packets, capacity);
        let bounds = Bounds { packets: u64::MAX, capacity, ends: true, hangups: true };
        Self { lines: run.shuffled(), run, instance: case.instance(bounds), tally: Tally::default() }
    }

    /// Every line but the last ones of operators.
    fn steps(&self) -> Vec<usize> {
        (0..self.lines.len()).filter(|i| self.lines[*i].kind != "stop").collect()
    }

    /// The operator's line after that one.
    fn following(&self, i: usize) -> usize {
        (i + 1..self.lines.len()).find(|j| self.lines[*j].at == self.lines[i].at).expect("a stop at least")
    }

    /// Every line but the last ones of operators, and the answers, which have no order among themselves.
    fn steps_of_operators(&self) -> Vec<usize> {
        self.steps().into_iter().filter(|i| self.lines[*i].at != EXIT).collect()
    }

    /// Verifies what `what` made of the lines of `at` (and of `also`, if a line went there).
    fn judge(&mut self, what: &str, at: &str, also: &str, lines: &[Line]) {
        let trace = self.run.trace(lines);
        match verify(&trace) {
            Ok(_) => {
                assert_legal(&trace);
                *self.tally.legal.entry((at.to_owned(), what.to_owned())).or_default() += 1;
            }
            Err(refused) => {
                assert!(matches!(refused.code, Code::T02 | Code::T03), "{at}, {what}: {refused}");
                let named = named(&trace, &refused);
                let near = self.near(at);
                let rank = if named == at || named == also {
                    &mut self.tally.culprit
                } else if near.contains(named) {
                    &mut self.tally.neighbour
                } else {
                    &mut self.tally.far
                };
                *rank += 1;
            }
        }
    }

    /// Operators at the other end of an arc. The entrance is near those to which it sends mail, and near the exit, which answers
    /// what it submits.
    fn near(&self, at: &str) -> BTreeSet<String> {
        let program = &self.instance.program;
        let heads = self.instance.updates.iter().flat_map(|update| update.heads.iter().copied());
        let mailed = heads.chain(program.sources()).map(|o| program.operator(o).name.clone());
        match at {
            ENTRANCE => return mailed.chain([EXIT.to_owned()]).collect(),
            EXIT => return [ENTRANCE.to_owned()].into(),
            _ => {}
        }
        let by_mail = mailed.into_iter().any(|name| name == at).then(|| ENTRANCE.to_owned());
        let at = program.find(at).expect("an operator of the flow");
        let ends = program.arcs().map(|(_, a)| (a.from.operator, a.to.operator));
        let other = |(from, to)| if from == at { Some(to) } else { (to == at).then_some(from) };
        ends.filter_map(other).map(|o| program.operator(o).name.clone()).chain(by_mail).collect()
    }

    fn drop_each(&mut self, mend: bool) {
        for i in self.steps() {
            let mut lines = self.lines.clone();
            let dropped = lines.remove(i);
            // The exit's answers are not counted: each is missed by its update.
            if mend && dropped.at != EXIT {
                let stop = lines.iter_mut().find(|l| l.at == dropped.at && l.kind == "stop").unwrap();
                stop.steps = stop.steps.map(|s| s - 1);
            }
            self.judge(&format!("{} dropped", dropped.kind), &dropped.at, &dropped.at, &lines);
        }
    }

    fn swap_each(&mut self) {
        for i in self.steps_of_operators() {
            let j = self.following(i);
            if self.lines[j].kind == "stop" || self.lines[i] == self.lines[j] {
                continue;
            }
            let mut lines = self.lines.clone();
            lines.swap(i, j);
            let [one, other] = [i, j].map(|i| &self.lines[i]);
            let (mut kinds, at) = ([one.kind.clone(), other.kind.clone()], one.at.clone());
            kinds.sort();
            self.judge(&kinds.join(" and "), &at, &at, &lines);
        }
    }

    fn alter_each(&mut self) {
        for i in self.steps() {
            let line = self.lines[i].clone();
            for (field, altered) in alterations(&self.instance, &line) {
                let mut lines = self.lines.clone();
                lines[i] = altered.clone();
                self.judge(&format!("{field} of {}", line.kind), &line.at, &altered.at, &lines);
            }
        }
    }
}

/// The operator of the line that a diagnostic shows.
fn named<'t>(trace: &'t Trace, diagnostic: &Diagnostic) -> &'t str {
    let span = &diagnostic.places.first().expect("a place in the trace").span;
    let i = trace.lines.iter().position(|(_, s)| s == span).expect("the place is a line");
    let at = &trace.lines[i].0.at;
    let (line, story) = (format!("line {}", i + 2), diagnostic.to_string());
    assert!(story.contains(at.as_str()), "{at} is named: {story}");
    assert!(story.contains(&line) || diagnostic.code == Code::T03, "{line} is named: {story}");
    at
}

/// The schedule found is a run of the model by the checker's own rule, and writes the very same lines.
fn assert_legal(trace: &Trace) {
    let (instance, choices) = schedule(trace).unwrap();
    replay(&instance, &choices).unwrap();
    let updates: Vec<Update> = trace.lines.iter().filter_map(|(l, _)| l.change.clone()).collect();
    let (mut world, mut pen) = (World::new(&instance), Pen::new(&instance, &updates));
    for choice in &choices {
        pen.step(&mut world, choice);
    }
    for (written, (_, operator)) in pen.stop().iter().zip(instance.program.operators()) {
        let told = trace.lines.iter().map(|(l, _)| l).filter(|l| l.at == operator.name);
        assert!(told.eq(written), "{} did what it says", operator.name);
    }
}

/// The line with one field changed, each in turn, in every way that a small change can make.
fn alterations(instance: &Instance, line: &Line) -> Vec<(&'static str, Line)> {
    let program = &instance.program;
    let operator = program.find(&line.at).map(|at| program.operator(at));
    let inputs = operator.map_or(vec![], |o| o.input_names.clone());
    let outputs = operator.map_or(vec![], |o| o.output_names.clone());
    let mut all = Vec::new();
    let mut add = |field: &'static str, change: &dyn Fn(&mut Line)| {
        let mut altered = line.clone();
        change(&mut altered);
        if altered != *line {
            all.push((field, altered));
        }
    };
    for port in inputs.into_iter().chain(["NONE".into()]).map(Some).chain([None]) {
        add("port", &|l| l.port.clone_from(&port));
    }
    for of in other_lineages(&line.of) {
        add("of", &|l| l.of.clone_from(&of));
    }
    for releases in other_lineages(line.releases.as_slice()) {
        add("releases", &|l| l.releases = releases.first().cloned());
    }
    let mut emissions: Vec<Vec<String>> = vec![vec![], outputs.clone(), vec!["NONE".into()]];
    emissions.extend(outputs.iter().flat_map(|o| [vec![o.clone()], vec![o.clone(), o.clone()]]));
    for emits in emissions {
        add("emits", &|l| l.emits.clone_from(&emits));
    }
    for number in [None, Some(0), Some(1), Some(2), Some(3), Some(99)] {
        add("version", &|l| l.version = number);
        add("update", &|l| l.update = number);
        add("steps", &|l| l.steps = number.map(u64::from));
    }
    for kind in Choice::KINDS.iter().chain(&["stop", "jump"]) {
        add("kind", &|l| l.kind = (*kind).into());
    }
    for mail in ["marker", "apply", "resume", "end", "none"].map(|m| Some(m.to_owned())).into_iter().chain([None]) {
        add("mail", &|l| l.mail.clone_from(&mail));
    }
    for outcome in [None, Some(Outcome::Applied), Some(Outcome::Rejected)] {
        add("outcome", &|l| l.outcome = outcome);
    }
    for scheduler in Scheduler::ALL.iter().copied().map(Some).chain([None]) {
        add("scheduler", &|l| l.scheduler = scheduler);
    }
    add("change", &|l| l.change = None);
    add("change", &|l| l.change.iter_mut().for_each(|c| c.changes.clear()));
    for (_, other) in program.operators() {
        add("at", &|l| l.at.clone_from(&other.name));
    }
    add("at", &|l| l.at = "nobody".into());
    all
}

fn other_lineages(of: &[String]) -> impl Iterator<Item = Vec<String>> {
    let named = |number: u64, at: &str| format!("{at}#{number}");
    let moved = of.iter().enumerate().flat_map(move |(i, name)| {
        let (at, number) = name.rsplit_once('#').unwrap();
        let number: u64 = number.parse().unwrap();
        let names =
            [named(number + 1, at), named(number.saturating_sub(1), at), format!("{at}#0{number}"), "nobody".into()];
        names.map(|n| of.iter().enumerate().map(|(j, o)| if i == j { n.clone() } else { o.clone() }).collect())
    });
    let fewer = of.iter().skip(1).cloned().collect();
    let more = of.iter().cloned().chain(["src#0".into(), "read#0".into()]).collect();
    moved.chain([fewer, more]).collect::<Vec<_>>().into_iter()
}

#[test]
fn a_line_that_is_dropped_is_missed_in_its_operators_count() {
    for (name, case) in cases() {
        let mut bench = Bench::new(&case, 5, 10, 2);
        bench.drop_each(false);
        let (steps, counted) = (bench.steps().len(), bench.steps_of_operators().len());
        let expected = Tally { culprit: counted, neighbour: steps - counted, ..Tally::default() };
        assert_eq!(bench.tally, expected, "{name}");
    }
}

#[test]
fn a_line_that_is_dropped_is_missed_even_if_the_count_is_mended() {
    for (name, case) in cases() {
        for (seed, capacity) in [(5, 2), (6, 1), (7, 64)] {
            let mut bench = Bench::new(&case, seed, 10, capacity);
            bench.drop_each(true);
            let Tally { culprit, neighbour, far, legal } = bench.tally;
            assert_eq!((far, legal), (0, BTreeMap::new()), "{name}, seed {seed}");
            assert!(culprit > neighbour, "{name}, seed {seed}: {culprit}, {neighbour}");
        }
    }
}

/// Two lines of an operator with one input that holds nothing cannot change places. Where there are two inputs, or held
/// packets, some can: each such file is shown to be the trace of another run (in `judge`).
#[test]
fn lines_of_one_operator_change_places_only_where_that_is_another_run() {
    let free = BTreeMap::from([
        ("http", vec!["read", "reply"]),
        ("chain", vec![]),
        ("diamond", vec!["join"]),
        ("crossing", vec!["batch", "merge"]),
    ]);
    for (name, case) in cases() {
        let mut legal = BTreeSet::new();
        for (seed, capacity) in [(5, 2), (6, 1), (7, 64)] {
            let mut bench = Bench::new(&case, seed, 10, capacity);
            bench.swap_each();
            assert_eq!(bench.tally.far, 0, "{name}, seed {seed}");
            assert!(bench.tally.culprit > 5 * bench.tally.neighbour, "{name}, seed {seed}: {:?}", bench.tally);
            legal.extend(bench.tally.legal.into_keys().map(|(at, _)| at));
        }
        assert_eq!(legal.iter().map(String::as_str).collect::<Vec<_>>(), free[name], "{name}");
    }
}

#[test]
fn a_line_is_not_altered_unnoticed() {
    for (name, case) in cases() {
        for (seed, capacity) in [(5, 2), (6, 1)] {
            let mut bench = Bench::new(&case, seed, 8, capacity);
            bench.alter_each();
            let Tally { culprit, neighbour, far, mut legal } = bench.tally;
            // An update without a scheduler travels as is best for it; another scheduler may send its marker the same way.
            legal.remove(&(ENTRANCE.to_owned(), "scheduler of submit".to_owned()));
            assert_eq!((far, legal), (0, BTreeMap::new()), "{name}, seed {seed}");
            assert!(culprit > 10 * neighbour, "{name}, seed {seed}: {culprit}, {neighbour}");
        }
    }
}

#[test]
fn a_file_that_was_cut_off_is_not_complete() {
    for (name, case) in cases() {
        let run = case.record(4, 3, 2);
        let text = run.text(&run.shuffled());
        for end in text.find('\n').unwrap() + 1..text.len() - 1 {
            let cut = Trace::parse("run.trace", &text[..end]).map_err(|all| all.0[0].clone());
            let refused = cut.and_then(|trace| verify(&trace)).expect_err(name);
            let whole_lines = text[..end].ends_with('\n') || text[end..].starts_with('\n');
            assert_eq!(refused.code, if whole_lines { Code::T03 } else { Code::T01 }, "{name}, {end}: {refused}");
        }
    }
}

/// Capacity shows in a trace only where somebody reads a later packet before an earlier one, as a merge may.
#[test]
fn more_packets_under_way_than_the_arcs_hold_are_noticed_where_it_shows() {
    let refused = |seed: &u64| {
        let run = Case::crossing().record(*seed, 40, 64);
        verify(&run.trace(&run.shuffled())).unwrap();
        let lines = run.shuffled();
        verify(&run.of_capacity(1).trace(&lines)).is_err()
    };
    assert!((0..30).filter(refused).count() > 10);
}
