//! Which disagreement is the cause, and how it is told.
//!
//! When a replay can go no further, most of the operators that are stuck are victims: they wait for a packet that somebody
//! further up never sent, or for room that somebody further down never made. A line that contradicts what stands before
//! it is a cause; it is preferred, the most upstream one first. Where all wait, the chain of who waits for whom is
//! followed to one who waits for an operator that has nothing left to do. Where it leads round in a circle, one of the circle
//! who waits for room is told of, and else (round a feedback arc) the most upstream.

use super::name_of;
use super::obstacle::Obstacle;
use super::part::Part;
use crate::instance::Instance;
use crate::system::Breach;
use crate::world::World;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use neurath_model::id::{ArcId, OperatorId};
use neurath_model::marker::Outcome;
use neurath_model::trace::{Line, Trace};
use std::fmt::Write;

/// The number of a line in its file: the header is the first.
pub(super) fn line_number(line: usize) -> usize {
    line + 2
}

/// An operator that can go no further.
pub(super) struct Stuck {
    pub(super) at: OperatorId,
    pub(super) line: usize,
    pub(super) step: usize,
    pub(super) obstacle: Obstacle,
}

/// The one to report, of operators in the order of the flow.
fn cause(stuck: &[Stuck]) -> &Stuck {
    let never = stuck.iter().find(|s| matches!(s.obstacle, Obstacle::Contradiction { .. }));
    never.unwrap_or_else(|| followed(stuck))
}

/// From the first that waits to the one it waits for, until that one is not stuck itself.
fn followed(stuck: &[Stuck]) -> &Stuck {
    let mut way: Vec<usize> = Vec::new();
    let mut here = 0;
    while !way.contains(&here) {
        way.push(here);
        let Obstacle::Waits { on, .. } = &stuck[here].obstacle else { return &stuck[here] };
        match stuck.iter().position(|s| s.at == *on) {
            Some(next) => here = next,
            None => return &stuck[here],
        }
    }
    let circle = &way[way.iter().position(|i| *i == here).expect("the way came back to it")..];
    let waits_for_room = |i: &&usize| matches!(stuck[**i].obstacle, Obstacle::Waits { room: true, .. });
    let most_upstream = circle.iter().min().expect("a circle has somebody in it");
    &stuck[*circle.iter().find(waits_for_room).unwrap_or(most_upstream)]
}

/// T02 for an operator whose next line is not a step of the model.
pub(super) fn not_a_behaviour(trace: &Trace, instance: &Instance, stuck: &[Stuck]) -> Diagnostic {
    let Stuck { at, line, step, obstacle } = cause(stuck);
    let (name, number) = (name_of(instance, *at), line_number(*line));
    let (expected, hint) = match obstacle {
        Obstacle::Contradiction { expected, hint } => (expected.clone(), (*hint).to_owned()),
        Obstacle::Waits { on, expected, .. } => (expected.clone(), waiting(instance, stuck, *on)),
    };
    Diagnostic {
        code: Code::T02,
        message: format!("step {step} of {name}, on line {number}, could not have happened"),
        places: vec![trace.place(*line, format!("the next step of {name}"))],
        expected,
        found: told(&trace.lines[*line].0),
        hint,
    }
}

fn waiting(instance: &Instance, stuck: &[Stuck], on: OperatorId) -> String {
    let name = instance.name(on);
    match stuck.iter().find(|s| s.at == on) {
        None => format!(
            "{name} has no step left that could help: a line of it may be missing or changed, or this one added"
        ),
        Some(other) => format!(
            "{name} is stuck as well, on line {}: they wait for each other; a line of one may be missing, or more was \
             emitted at once than there was room for",
            line_number(other.line)
        ),
    }
}

/// A line in words.
fn told(line: &Line) -> String {
    let mut words = format!("`{}`", line.kind);
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            write!(words, ", {name} {value}").expect("a string takes all that is written");
        }
    };
    add("at port", line.port.as_deref().unwrap_or_default());
    add("of", &line.of.join(" and "));
    add("releasing", line.releases.as_deref().unwrap_or_default());
    add("emitting on", &line.emits.join(", "));
    add("update", &line.update.map_or(String::new(), |u| u.to_string()));
    add("then at version", &line.version.map_or(String::new(), |v| v.to_string()));
    words
}

/// T02 for a header whose flow is none.
pub(super) fn not_a_flow(trace: &Trace, wrong: &Diagnostics) -> Diagnostic {
    Diagnostic {
        code: Code::T02,
        message: "the flow in the trace's header could not have run".into(),
        places: vec![neurath_model::diagnostic::Place {
            source: trace.source.clone(),
            span: 0..0,
            label: "the header".into(),
        }],
        expected: "a valid flow, with the declarations it needs".into(),
        found: first(wrong),
        hint: "a flow that runs was validated: the header was altered, or written by something else".into(),
    }
}

/// T02 for a line of the entrance that submits what cannot be submitted there.
pub(super) fn not_an_update(trace: &Trace, line: usize, expected: String, found: String) -> Diagnostic {
    Diagnostic {
        code: Code::T02,
        message: format!("the entrance could not have submitted the update on line {}", line_number(line)),
        places: vec![trace.place(line, "submitted here")],
        expected,
        found,
        hint: "updates are submitted one after the other, each planned against the flow that the one before leaves; a \
               submission may be missing or changed"
            .into(),
    }
}

/// The first of several diagnostics, in one sentence.
pub(super) fn first(all: &Diagnostics) -> String {
    all.0.first().map_or_else(String::new, |d| format!("{}: {}", d.code, d.message))
}

/// Lines are missing or too many; where the replay went wrong shows which event that concerns.
pub(super) fn shown_by_replay(miscounted: Diagnostic, replay: Option<Diagnostic>) -> Diagnostic {
    let Some(replay) = replay else { return miscounted };
    let Diagnostic { code, message, mut places, expected, found, hint } = miscounted;
    places.extend(replay.places);
    let found = format!(
        "{found}; the replay goes wrong where {}: expected {}, found {}",
        replay.message, replay.expected, replay.found
    );
    Diagnostic { code, message, places, expected, found, hint }
}

/// T02 for a property that the run breaks.
pub(super) fn breached(trace: &Trace, breach: &Breach, line: Option<usize>) -> Diagnostic {
    let about = crate::properties::about(breach.property);
    let after = line.map_or("at the end of the run".to_owned(), |l| format!("on line {}", line_number(l)));
    Diagnostic {
        code: Code::T02,
        message: format!("the run breaks {} {after}: {}", breach.property, breach.story),
        places: line.map(|l| trace.place(l, "with this step")).into_iter().collect(),
        expected: about.map_or_else(String::new, |p| p.sentence.to_owned()),
        found: breach.story.clone(),
        hint: "each step is one that the protocol allows, and together they break a promise: this is an error of the \
               protocol or of a declaration; keep the trace, it is the report"
            .into(),
    }
}

/// T03 for an operator that has stopped though the model's has not come to its end.
pub(super) fn not_ended(trace: &Trace, instance: &Instance, world: &World, at: OperatorId, part: &Part) -> Diagnostic {
    let (name, cell) = (instance.name(at), world.net.cell(at));
    let joining = cell.operator.joining().next().map(|u| instance.update(u).name.clone());
    let found = match (joining, cell.pending.len(), cell.held.len()) {
        (Some(update), _, _) => format!("it waits in the marker join of `{update}`"),
        (None, 0, 0) => "nothing has told it to end".into(),
        (None, 0, held) => format!("it holds {held} packets as open work"),
        (None, pending, _) => format!("it holds {pending} outputs for which there is no room"),
    };
    Diagnostic {
        code: Code::T03,
        message: format!("{name} has stopped before its end"),
        places: vec![trace.place(part.stop_line(), format!("{name} stops here"))],
        expected: format!("{name} to have ended: its inputs read to their end, nothing held"),
        found,
        hint: "lines of this operator are missing before its `stop`, or the run was not ended in order".into(),
    }
}

/// T03 for an arc that was not read to its end.
pub(super) fn left_over(trace: &Trace, instance: &Instance, world: &World, arc: ArcId, parts: &[Part]) -> Diagnostic {
    let queue = world.net.arc(arc);
    let end = queue.to.expect("an arc is read where it ends");
    let (from, to) = (instance.name(instance.program.arc(arc).from.operator), instance.name(end.operator));
    let port = &instance.program.operator(end.operator).input_names[usize::from(end.port.0)];
    let (packets, all) = (queue.packets(), queue.items.len());
    let stop = parts[end.operator.0 as usize].stop_line();
    Diagnostic {
        code: Code::T03,
        message: format!("{to} has stopped without reading the arc from {from} to {to}.{port} to its end"),
        places: vec![trace.place(stop, format!("{to} stops here"))],
        expected: "nothing left on any arc".into(),
        found: match (packets, all) {
            (0, 1) => format!("one marker or the end of the arc, sent by {from} and never taken"),
            (0, _) => format!("{all} markers or ends of the arc, sent by {from} and never taken"),
            (1, _) => format!("1 packet sent by {from} and never taken"),
            (packets, _) => format!("{packets} packets sent by {from} and never taken"),
        },
        hint: format!("lines of {to} are missing before its `stop`, or lines of {from} were added"),
    }
}

/// T03 for an update without an answer.
pub(super) fn answered_otherwise(trace: &Trace, line: usize, expected: Option<Outcome>) -> Diagnostic {
    let update = trace.lines[line].0.update.unwrap_or_default();
    Diagnostic {
        code: Code::T02,
        message: format!("the exit does not answer update {update} so, on line {}", line_number(line)),
        places: vec![trace.place(line, "this answer")],
        expected: match expected {
            Some(outcome) => format!("that it is {}", format!("{outcome:?}").to_lowercase()),
            None => "no answer, or no second one".into(),
        },
        found: match trace.lines[line].0.outcome {
            Some(outcome) => format!("that it is {}", format!("{outcome:?}").to_lowercase()),
            None => "a line that says nothing of the kind".into(),
        },
        hint: "the line was altered, or the run answered what had not happened".into(),
    }
}

pub(super) fn unanswered(trace: &Trace, submitted: usize, name: &str) -> Diagnostic {
    Diagnostic {
        code: Code::T03,
        message: format!("the update `{name}`, which the entrance submitted, is never answered"),
        places: vec![trace.place(submitted, "submitted here")],
        expected: "an answer of the exit to every update submitted".into(),
        found: "a run that ends without it".into(),
        hint: "lines of the exit are missing, or the run was not ended in order".into(),
    }
}
