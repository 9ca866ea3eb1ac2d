//! Writes a run as a trace: each operator its own lines, in its own order, without a global clock.
//!
//! Lines are gathered per operator and handed over in blocks, so that tracing does not tie the threads together.

use neurath_model::choice::Choice;
use neurath_model::id::{Lineage, OperatorId, Version};
use neurath_model::program::Program;
use neurath_model::trace::{Header, Line};
use neurath_model::update::Update;
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

/// One operator's part of a trace.
pub(crate) struct Tracer {
    file: TraceFile,
    program: Arc<Program>,
    at: OperatorId,
    lines: Vec<u8>,
    steps: u64,
}

impl Tracer {
    const BLOCK: usize = 1 << 16;

    pub(crate) fn new(file: TraceFile, program: Arc<Program>, at: OperatorId) -> Self {
        Self { file, program, at, lines: Vec::new(), steps: 0 }
    }

    /// Notes a step.
    pub(crate) fn step(&mut self, choice: &Choice, of: &[Lineage], version: Version) {
        let line = Line::step(&self.program, choice, of, version);
        self.note(&line);
    }

    /// Notes the submission of an update.
    pub(crate) fn submit(&mut self, choice: &Choice, version: Version, update: &Update) {
        let line = Line::step(&self.program, choice, &[], version);
        self.note(&Line { change: Some(update.clone()), ..line });
    }

    /// Notes that the operator has taken its last step.
    pub(crate) fn stop(&mut self) {
        let line = Line::stop(&self.program, self.at, self.steps);
        self.write(&line);
        self.hand_over();
    }

    fn note(&mut self, line: &Line) {
        self.steps += 1;
        self.write(line);
        if self.lines.len() >= Self::BLOCK {
            self.hand_over();
        }
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
