//! What each operator wrote: its lines in its own order, held to be complete, and read one at a time.
//!
//! A trace has no order but that of each operator's own lines, so the first thing done with it is to deal the lines out. A
//! part is complete when its last line is a `stop` that counts the lines before it: a process that was killed, a full
//! disk and a line cut out of the middle all show here, before anything is replayed.

use super::diagnosis::line_number;
use neurath_model::choice::Choice;
use neurath_model::diagnostic::{Code, Diagnostic};
use neurath_model::id::{Lineage, UpdateId, Version};
use neurath_model::program::{ENTRANCE, EXIT, Program};
use neurath_model::trace::{Line, Trace, lineage_of};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// A step as its line tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The choice that was made.
    pub(super) choice: Choice,
    /// The lineages of the packets taken.
    pub(super) of: SmallVec<[Lineage; 2]>,
    /// The operator's version after it.
    pub(super) version: Version,
}

impl Step {
    /// Reads the step that a line tells of; `Err` says what is wrong with the line on its own.
    pub(super) fn read(program: &Program, line: &Line) -> Result<Self, String> {
        let choice = line.choice(program)?.ok_or("an operator stops once")?;
        let version = match choice.at() {
            Some(_) => UpdateId(line.version.ok_or("the version after the step is missing")?),
            None => UpdateId::NONE,
        };
        let of = line.of.iter().map(|name| lineage_of(program, name)).collect::<Result<SmallVec<[Lineage; 2]>, _>>()?;
        let written = Line::step(program, &choice, &of, version);
        let is_submission = matches!(choice, Choice::Submit { .. });
        let (change, scheduler) =
            (line.change.clone().filter(|_| is_submission), line.scheduler.filter(|_| is_submission));
        match misfit(line, &Line { change, scheduler, ..written }) {
            None => Ok(Self { choice, of, version }),
            Some(field) => Err(format!("`{field}` is not what a `{}` of this operator would say", line.kind)),
        }
    }
}

/// The first field in which a line differs from what would have been written for what it tells.
fn misfit(line: &Line, written: &Line) -> Option<&'static str> {
    let same = [
        ("port", line.port == written.port),
        ("of", line.of == written.of),
        ("releases", line.releases == written.releases),
        ("emits", line.emits == written.emits),
        ("version", line.version == written.version),
        ("update", line.update == written.update),
        ("change", line.change == written.change),
        ("scheduler", line.scheduler == written.scheduler),
        ("mail", line.mail == written.mail),
        ("outcome", line.outcome == written.outcome),
        ("steps", line.steps == written.steps),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

/// The steps of one operator, by the index of each line, and how far the replay has come in them.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    lines: Vec<u32>,
    taken: usize,
    stop: Option<u32>,
}

impl Part {
    /// The line of the next step.
    pub(super) fn next(&self) -> Option<usize> {
        self.lines.get(self.taken).map(|i| *i as usize)
    }

    /// The number of the next step at its operator, from 1.
    pub(super) fn step_number(&self) -> usize {
        self.taken + 1
    }

    /// The next step was taken.
    pub(super) fn advance(&mut self) {
        self.taken += 1;
    }

    /// The line with which the operator stopped.
    pub(super) fn stop_line(&self) -> usize {
        self.stop.expect("a complete part has its last line") as usize
    }
}

/// A trace dealt out.
pub(super) struct Dealt {
    /// Every operator's part, by operator; the entrance's is the last.
    pub(super) parts: Vec<Part>,
    /// The lines in which the exit answers.
    pub(super) answers: Vec<usize>,
    /// A part whose lines are not as many as its `stop` says.
    pub(super) miscounted: Option<Diagnostic>,
}

/// Deals a trace out.
pub(super) fn deal(trace: &Trace, program: &Program) -> Result<Dealt, Diagnostic> {
    let entrance = program.operators().len();
    let by_name: BTreeMap<&str, usize> =
        program.operators().map(|(at, o)| (o.name.as_str(), at.0 as usize)).chain([(ENTRANCE, entrance)]).collect();
    let mut parts = vec![Part::default(); entrance + 1];
    let mut answers = Vec::new();
    for (i, (line, _)) in trace.lines.iter().enumerate() {
        if line.at == EXIT {
            answers.push(i);
            continue;
        }
        let part = &mut parts[*by_name.get(line.at.as_str()).ok_or_else(|| unknown_operator(trace, i))?];
        if part.stop.is_some() {
            return Err(after_the_end(trace, i));
        }
        if line.kind == "stop" {
            part.stop = Some(i as u32);
        } else {
            part.lines.push(i as u32);
        }
    }
    let mut miscounted = None;
    for (name, i) in by_name {
        let found = complete(trace, name, &parts[i])?;
        miscounted = miscounted.or(found);
    }
    Ok(Dealt { parts, answers, miscounted })
}

/// `Ok(Some(..))` for a part whose lines are not as many as its `stop` says: a replay can still tell where that shows.
fn complete(trace: &Trace, name: &str, part: &Part) -> Result<Option<Diagnostic>, Diagnostic> {
    let found = part.lines.len() as u64;
    let Some(stop) = part.stop else { return Err(cut_off(trace, name, part)) };
    let line = &trace.lines[stop as usize].0;
    let alone = Line { at: name.into(), steps: line.steps, ..Line::last_of_entrance(0) };
    match line.steps {
        Some(steps) if steps == found && *line == alone => Ok(None),
        steps => Ok(Some(miscounted(trace, name, stop as usize, steps, found))),
    }
}

// --- what is said ----------------------------------------------------------------------------------------------------

fn unknown_operator(trace: &Trace, line: usize) -> Diagnostic {
    let name = &trace.lines[line].0.at;
    Diagnostic {
        code: Code::T02,
        message: format!("line {} is by `{name}`, which the flow of the trace does not have", line_number(line)),
        places: vec![trace.place(line, "this line")],
        expected: "an operator of the flow in the header, `entrance` or `exit`".into(),
        found: format!("`{name}`"),
        hint: "the line or the header was altered, or belongs to another run".into(),
    }
}

fn after_the_end(trace: &Trace, line: usize) -> Diagnostic {
    let name = &trace.lines[line].0.at;
    Diagnostic {
        code: Code::T03,
        message: format!("{name} goes on after it has stopped, on line {}", line_number(line)),
        places: vec![trace.place(line, "this line")],
        expected: format!("`stop` as the last line of {name}"),
        found: format!("`{}` behind it", trace.lines[line].0.kind),
        hint: "two runs may have been written to one file; record one run in each".into(),
    }
}

fn cut_off(trace: &Trace, name: &str, part: &Part) -> Diagnostic {
    let last = part.lines.last().map(|i| *i as usize);
    Diagnostic {
        code: Code::T03,
        message: format!("the part of {name} is not complete"),
        places: last.map(|i| trace.place(i, format!("the last line of {name}"))).into_iter().collect(),
        expected: format!("a `stop` of {name}, with the number of its steps"),
        found: match last {
            None => format!("no line of {name} at all"),
            Some(i) => format!("{} steps, the last on line {}, and no `stop`", part.lines.len(), line_number(i)),
        },
        hint: "a run must be ended in order (not killed, the disk not full) for its trace to be complete".into(),
    }
}

fn miscounted(trace: &Trace, name: &str, stop: usize, steps: Option<u64>, found: u64) -> Diagnostic {
    let counted = steps.map_or("nothing".to_owned(), |s| format!("{s} steps"));
    Diagnostic {
        code: Code::T03,
        message: format!("the part of {name} is not complete: its `stop` and its lines do not agree"),
        places: vec![trace.place(stop, format!("the end of {name}"))],
        expected: format!("{counted}, by the `stop` on line {}", line_number(stop)),
        found: format!("{found} lines of steps"),
        hint: "lines were lost, doubled or cut out; record the run again".into(),
    }
}
