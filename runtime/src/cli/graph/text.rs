//! A flow as a listing, layer by layer.
//!
//! ```text
//!   layer 3
//!     parse  http/parse@1
//!       OUT -> load.IN => cache.IN  http.Request
//!
//!   layer 4
//!   + cache  http/cache@nio [comes]
//!   +   HIT -> fill.HIT  http.Loaded(bytes)
//! ```

use super::picture::{Course, Fate, Line, Picture};
use crate::cli::words;
use neurath_model::plan::Scheduler;
use std::fmt::Write;

/// Lists a flow.
pub(super) fn list(picture: &Picture) -> String {
    let mut text = heading(picture);
    let name_width = picture.operators.iter().map(|o| o.name.chars().count()).max().unwrap_or(0);
    for (number, layer) in picture.layers.iter().enumerate() {
        write!(text, "\nlayer {}\n", number + 1).expect("a string takes any text");
        for &index in layer {
            operator(&mut text, picture, index, name_width);
            for arc in picture.arcs.iter().filter(|arc| arc.from == index && arc.course != Course::MovesTo) {
                writeln!(text, "{}", line(picture, arc)).expect("a string takes any text");
            }
        }
    }
    text
}

fn heading(picture: &Picture) -> String {
    let name = picture.name.as_deref().unwrap_or("a flow without a name");
    let mut text = format!("{name}: {}\n", size(picture, |fate| fate != Fate::Comes, is_before));
    if let Some(update) = &picture.update {
        let after = picture.name_after.as_deref().unwrap_or(name);
        let size = size(picture, |fate| fate != Fate::Goes, Course::is_after);
        writeln!(text, "after update {update}, {after}: {size}").expect("a string takes any text");
        let signs =
            if picture.reshapes() { "+ comes, - goes, => is what changes or moves" } else { "=> is what changes" };
        writeln!(text, "{signs}").expect("a string takes any text");
    }
    if let Some(marker) = &picture.marker {
        let heads = words::list(&picture.names(&marker.heads));
        let passes = words::list(&picture.names(&marker.passes));
        let way = match marker.scheduler {
            Scheduler::Direct => format!("a message to each of {heads}"),
            Scheduler::StopTheWorld => format!("{heads} {}, and {passes} are drained", marker.stop()),
            Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped => {
                format!("the marker enters at {heads} and passes {passes}")
            }
        };
        writeln!(text, "scheduler {}: {way}", marker.scheduler).expect("a string takes any text");
    }
    text
}

fn is_before(course: Course) -> bool {
    match course {
        Course::Stays | Course::Goes | Course::MovesFrom => true,
        Course::Comes | Course::MovesTo => false,
    }
}

/// How many operators and arcs there are, of these.
fn size(picture: &Picture, is_there: impl Fn(Fate) -> bool, leads: impl Fn(Course) -> bool) -> String {
    let operators = picture.operators.iter().filter(|operator| is_there(operator.fate)).count();
    let arcs = || picture.arcs.iter().filter(|arc| leads(arc.course));
    let feedback = arcs().filter(|arc| arc.feedback).count();
    let of_them = if feedback > 0 { format!(" ({feedback} feedback)") } else { String::new() };
    format!("{}, {}{of_them}", words::count(operators, "operator"), words::count(arcs().count(), "arc"))
}

fn operator(text: &mut String, picture: &Picture, index: usize, name_width: usize) {
    let operator = &picture.operators[index];
    let sign = match operator.fate {
        Fate::Stays => ' ',
        Fate::Comes => '+',
        Fate::Goes => '-',
    };
    let mut parts = vec![format!("{sign} {:<name_width$}  {}", operator.name, operator.component)];
    if let Some(change) = &operator.change {
        parts.extend(change.component.iter().map(|component| format!("=> {component}")));
        parts.extend(change.state.iter().map(|state| format!("(state: {state})")));
    }
    parts.extend(operator.fate_word().map(|word| format!("[{word}]")));
    parts.extend(operator.source.then(|| "[source]".into()));
    parts.extend(operator.sink.then(|| "[sink]".into()));
    writeln!(text, "{}", parts.join(" ")).expect("a string takes any text");
    for (name, value) in &operator.properties {
        let after = operator.change.as_ref().and_then(|change| change.properties.get(name));
        let after = after.map(|value| format!(" => {value}")).unwrap_or_default();
        writeln!(text, "    {name} = {value}{after}").expect("a string takes any text");
    }
    for hand_over in picture.hand_overs.iter().filter(|hand_over| hand_over.from == index) {
        let to = &picture.operators[hand_over.to].name;
        writeln!(text, "    state => {to}  ({})", hand_over.state).expect("a string takes any text");
    }
}

fn line(picture: &Picture, arc: &Line) -> String {
    let Line { from_port, to_port, to, .. } = arc;
    let name = |operator: usize| &picture.operators[operator].name;
    let sign = match arc.course {
        Course::Stays | Course::MovesFrom | Course::MovesTo => ' ',
        Course::Comes => '+',
        Course::Goes => '-',
    };
    let way = if arc.feedback { "~>" } else { "->" };
    let feedback = if arc.feedback { "  [feedback]" } else { "" };
    let (moved, types) = match picture.moved(arc) {
        Some(moved) => {
            let carries_after = (moved.carries != arc.carries).then(|| format!(" => {}", moved.carries));
            (format!(" => {}.{}", name(moved.to), moved.to_port), carries_after.unwrap_or_default())
        }
        None => (String::new(), String::new()),
    };
    format!("{sign}   {from_port} {way} {}.{to_port}{moved}  {}{types}{feedback}", name(*to), arc.types())
}
