//! Writes a run as a trace: each operator its own lines, in its own order, without a global clock.
//!
//! Lines are gathered per operator and handed over in blocks, so that tracing does not tie the threads together.

use neurath_model::choice::Choice;
use neurath_model::id::{Lineage, OperatorId, UpdateId, Version};
use neurath_model::marker::Outcome;
use neurath_model::plan::Scheduler;
use neurath_model::program::Program;
use neurath_model::trace::{Header, Line};
use neurath_model::update::Update;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Where a trace goes: shared by all operators.
#[derive(Clone)]
pub(crate) struct TraceFile(Arc<Mutex<Box<dyn Write + Send>>>);

impl TraceFile {
    /// A trace that begins with `header`.
    pub(crate) fn begin(mut out: Box<dyn Write + Send>, header: &Header) -> std::io::Result<Self> {
        serde_json::to_writer(&mut out, header)?;
        out.write_all(b"\n")?;
        Ok(Self(Arc::new(Mutex::new(out))))
    }

    /// Makes sure that all is written.
    pub(crate) fn finish(&self) -> std::io::Result<()> {
        self.0.lock().expect("not poisoned").flush()
    }
}

/// The program as the updates so far have made it: lineages may have begun at operators that came later than who writes of them.
#[derive(Clone)]
pub(crate) struct Known(Arc<Mutex<Arc<Program>>>);

impl Known {
    pub(crate) fn new(program: Program) -> Self {
        Self(Arc::new(Mutex::new(Arc::new(program))))
    }

    /// An update brings operators in.
    pub(crate) fn set(&self, program: Program) {
        *self.0.lock().expect("not poisoned") = Arc::new(program);
    }

    fn latest(&self) -> Arc<Program> {
        self.0.lock().expect("not poisoned").clone()
    }
}

/// One operator's part of a trace.
pub(crate) struct Tracer {
    part: Part,
    known: Known,
    program: Arc<Program>,
    at: OperatorId,
}

impl Tracer {
    pub(crate) fn new(file: TraceFile, known: Known, at: OperatorId) -> Self {
        let program = known.latest();
        Self { part: Part::new(file), known, program, at }
    }

    /// Notes a step.
    pub(crate) fn step(&mut self, choice: &Choice, of: &[Lineage], version: Version) {
        let releases = if let Choice::Wake { releases, .. } = choice { *releases } else { None };
        let known = self.program.operators().len() as u32;
        if of.iter().copied().chain(releases).any(|lineage| lineage.origin().0 >= known) {
            self.program = self.known.latest();
        }
        let line = Line::step(&self.program, choice, of, version);
        self.part.note(&line);
    }

    /// Notes that the operator has taken its last step.
    pub(crate) fn stop(&mut self) {
        let line = Line::stop(&self.program, self.at, self.part.steps);
        self.part.end(&line);
    }
}

/// What the entrance and the exit write: submissions, the end, answers.
pub(crate) struct Doors {
    entrance: Part,
}

impl Doors {
    pub(crate) fn new(file: TraceFile) -> Self {
        Self { entrance: Part::new(file) }
    }

    /// Notes the submission of an update.
    pub(crate) fn submit(
        &mut self,
        program: &Program,
        update: UpdateId,
        change: &Update,
        scheduler: Scheduler,
        beside: &BTreeSet<UpdateId>,
    ) {
        let line = Line::step(program, &Choice::Submit { update }, &[], UpdateId::NONE);
        self.entrance.note(&line.submitting(change.clone(), scheduler, beside));
    }

    /// Notes an answer.
    pub(crate) fn answer(&mut self, update: UpdateId, outcome: Outcome) {
        self.entrance.write(&Line::answer(update, outcome));
    }

    /// Notes that the flow was told to end: the last that the entrance does.
    pub(crate) fn end(&mut self, program: &Program) {
        self.entrance.note(&Line::step(program, &Choice::End, &[], UpdateId::NONE));
        let line = Line::last_of_entrance(self.entrance.steps);
        self.entrance.write(&line);
    }

    /// Hands over what is left.
    pub(crate) fn finish(&mut self) {
        self.entrance.hand_over();
    }
}

/// Lines of one writer, handed over in blocks.
struct Part {
    file: TraceFile,
    lines: Vec<u8>,
    steps: u64,
}

impl Part {
    const BLOCK: usize = 1 << 16;

    fn new(file: TraceFile) -> Self {
        Self { file, lines: Vec::new(), steps: 0 }
    }

    fn note(&mut self, line: &Line) {
        self.steps += 1;
        self.write(line);
        if self.lines.len() >= Self::BLOCK {
            self.hand_over();
        }
    }

    fn end(&mut self, line: &Line) {
        self.write(line);
        self.hand_over();
    }

    fn write(&mut self, line: &Line) {
        serde_json::to_writer(&mut self.lines, line).expect("a line has only text and numbers");
        self.lines.push(b'\n');
    }

    /// A trace that cannot be written (a full disk) must not stop the flow; it will lack its end and not verify.
    fn hand_over(&mut self) {
        let _ = self.file.0.lock().expect("not poisoned").write_all(&self.lines);
        self.lines.clear();
    }
}
