//! What a person reads when a trace is refused.

use super::recorded::{Case, Recorded};
use crate::conformance::{Prepared, Replay, prepare, verify};
use crate::instance::Fault;
use neurath_model::diagnostic::Diagnostic;
use neurath_model::plan::Scheduler;
use neurath_model::trace::{Line, Trace};

fn http() -> (Recorded, Vec<Line>) {
    let run = Case::http().record(3, 12, 2);
    let lines = run.parts.iter().flatten().cloned().collect();
    (run, lines)
}

/// The n-th line of that kind at that operator.
fn find(lines: &[Line], at: &str, kind: &str, n: usize) -> usize {
    let found = lines.iter().enumerate().filter(|(_, l)| l.at == at && l.kind == kind).nth(n);
    found.unwrap_or_else(|| panic!("{at} has more than {n} lines `{kind}`")).0
}

fn stop(lines: &mut [Line], at: &str, fewer: u64) {
    let line = find(lines, at, "stop", 0);
    lines[line].steps = lines[line].steps.map(|s| s - fewer);
}

fn refused(trace: &Trace) -> String {
    shown(&verify(trace).expect_err("it was altered"))
}

fn shown(d: &Diagnostic) -> String {
    let places: Vec<_> = d.places.iter().map(|p| p.label.as_str()).collect();
    format!(
        "{}: {}\n at: {}\n expected: {}\n found: {}\n hint: {}",
        d.code,
        d.message,
        places.join(", "),
        d.expected,
        d.found,
        d.hint
    )
}

#[test]
fn another_packet_than_the_one_at_the_head() {
    let (run, mut lines) = http();
    lines.remove(find(&lines, "load", "fire", 2));
    stop(&mut lines, "load", 1);
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T02: step 5 of load, on line 44, could not have happened
     at: the next step of load
     expected: a packet of read#2 at the head of load.IN
     found: `fire`, at port IN, of read#3, emitting on OUT, then at version 2
     hint: a line may be missing or changed here or at the producer of that arc; if the file was not touched, packets were lost, doubled or overtaken in the run
    ");
}

#[test]
fn another_version_after_the_marker() {
    let (run, mut lines) = http();
    let told = find(&lines, "load", "deliver", 0);
    lines[told].version = Some(0);
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T02: step 1 of load, on line 40, could not have happened
     at: the next step of load
     expected: load to be at version 1, by `nio`, after this step
     found: `deliver`, update 1, then at version 0
     hint: an update took effect here at another step than the model's, or the line was changed
    ");
}

#[test]
fn an_emission_that_is_not_declared() {
    let (run, mut lines) = http();
    let fire = find(&lines, "parse", "fire", 1);
    lines[fire].emits.clear();
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T02: step 2 of parse, on line 34, could not have happened
     at: the next step of parse
     expected: parse (running http/parse@1) to emit one packet on each of its outputs (OUT) at a firing, as `each` says
     found: `fire`, at port IN, of read#1, then at version 0
     hint: the function does what its component does not declare, or the line was changed; mend the declaration or the function
    ");
}

#[test]
fn a_packet_let_go_that_is_not_held() {
    let (run, mut lines) = http();
    let wake = find(&lines, "reply", "wake", 1);
    lines[wake].releases = Some("read#1000".into());
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T02: step 6 of reply, on line 63, could not have happened
     at: the next step of reply
     expected: reply to let go what it holds, which is read#1
     found: `wake`, releasing read#1000, then at version 2
     hint: a line of this operator may be missing, added or out of order
    ");
}

#[test]
fn a_port_that_waits_in_a_join() {
    let run = Case::diamond().by(Scheduler::Epoch).record(2, 8, 2);
    let mut lines: Vec<Line> = run.parts.iter().flatten().cloned().collect();
    let mark = find(&lines, "join", "mark", 1);
    lines[mark].port = lines[find(&lines, "join", "mark", 0)].port.clone();
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T02: step 5 of join, on line 42, could not have happened
     at: the next step of join
     expected: join.L to wait in the marker join of `left` until the marker has come from join.R
     found: `mark`, at port L, then at version 0
     hint: a port that has brought a marker is not read until the join is complete (S3, S5); if the file was not touched, the run broke that rule
    ");
}

#[test]
fn those_who_wait_are_not_the_cause() {
    let (run, mut lines) = http();
    let end = find(&lines, "parse", "stop", 0);
    let from = find(&lines, "parse", "fire", 3);
    lines.drain(from..end);
    stop(&mut lines, "parse", (end - from) as u64);
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T02: step 6 of load, on line 42, could not have happened
     at: the next step of load
     expected: nothing at load.IN: all that parse has sent there is taken
     found: `fire`, at port IN, of read#3, emitting on OUT, then at version 2
     hint: parse has no step left that could help: a line of it may be missing or changed, or this one added
    ");
}

#[test]
fn an_arc_that_is_full() {
    let (run, lines) = http();
    insta::assert_snapshot!(refused(&run.of_capacity(0).trace(&lines)), @r"
    T02: step 2 of accept, on line 3, could not have happened
     at: the next step of accept
     expected: accept to wait until its last output has room: 0 packets are on the arc to read.CONN, as many as it holds
     found: `wake`, emitting on OUT, then at version 0
     hint: read is stuck as well, on line 12: they wait for each other; a line of one may be missing, or more was emitted at once than there was room for
    ");
}

#[test]
fn an_update_that_cannot_be_planned() {
    let (run, mut lines) = http();
    let submit = find(&lines, "entrance", "submit", 0);
    let change = lines[submit].change.as_mut().unwrap();
    change.changes.remove("reply");
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T02: the entrance could not have submitted the update on line 72
     at: submitted here
     expected: an update that can be planned there
     found: U07: on `compose.OUT -> reply.IN`, packets of load@nio meet reply@1, which does not accept them
     hint: updates are submitted one after the other, each planned against the flow that the one before leaves; a submission may be missing or changed
    ");
}

#[test]
fn lines_that_are_lost() {
    let (run, mut lines) = http();
    lines.remove(find(&lines, "compose", "fire", 0));
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T03: the part of compose is not complete: its `stop` and its lines do not agree
     at: the end of compose, the next step of compose
     expected: 8 steps, by the `stop` on line 56
     found: 7 lines of steps; the replay goes wrong where step 2 of compose, on line 50, could not have happened: expected a packet of read#0 at the head of compose.IN, found `mark`, at port IN, then at version 0
     hint: lines were lost, doubled or cut out; record the run again
    ");
}

#[test]
fn an_operator_that_never_stopped() {
    let (run, mut lines) = http();
    lines.remove(find(&lines, "reply", "stop", 0));
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T03: the part of reply is not complete
     at: the last line of reply
     expected: a `stop` of reply, with the number of its steps
     found: 13 steps, the last on line 70, and no `stop`
     hint: a run must be ended in order (not killed, the disk not full) for its trace to be complete
    ");
}

#[test]
fn an_arc_that_was_not_read_to_its_end() {
    let run = Case::chain().record(3, 12, 2);
    let mut lines: Vec<Line> = run.parts.iter().flatten().cloned().collect();
    lines.remove(find(&lines, "sink", "ended", 0));
    stop(&mut lines, "sink", 1);
    insta::assert_snapshot!(refused(&run.trace(&lines)), @r"
    T03: sink has stopped without reading the arc from c to sink.IN to its end
     at: sink stops here
     expected: nothing left on any arc
     found: one marker or the end of the arc, sent by c and never taken
     hint: lines of sink are missing before its `stop`, or lines of c were added
    ");
}

/// No run of the protocol breaks a property; a world that runs every transfer twice does.
#[test]
fn a_property_that_is_broken() {
    let (run, lines) = http();
    let trace = run.trace(&lines);
    let Prepared { dealt, order, instance } = prepare(&trace).unwrap();
    let instance = instance.with_fault(Fault::TransferTwice);
    let broken = Replay::new(&trace, &instance, order, dealt).run(&mut |_, _| {}).expect_err("S11 is broken");
    insta::assert_snapshot!(shown(&broken), @r"
    T02: the run breaks S11 on line 58: the new function of reply starts with a state after 0 firings and 2 transfers; it should be 0 and 1
     at: with this step
     expected: A new state is the transfer (or the old state, or a fresh one, as declared) after exactly the packets before the cut.
     found: the new function of reply starts with a state after 0 firings and 2 transfers; it should be 0 and 1
     hint: each step is one that the protocol allows, and together they break a promise: this is an error of the protocol or of a declaration; keep the trace, it is the report
    ");
}
