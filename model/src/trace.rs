//! Traces: a run as lines of JSON, the same for a thread, the simulator and a counterexample.
//!
//! ```text
//! {"neurath":"trace","schema_version":1,"flow":{...},"catalogue":{...},"capacity":64}
//! {"at":"entrance","do":"submit","update":1,"change":{...}}
//! {"at":"load","do":"fire","port":"IN","of":["read#7"],"emits":["OUT"],"version":0}
//! {"at":"load","do":"mark","port":"IN","version":1}
//! {"at":"load","do":"stop","steps":2}
//! {"at":"exit","do":"answer","update":1,"outcome":"applied"}
//! ```
//!
//! The first line makes a trace complete in itself: flow, declarations, bounds. Every other line is one [`Choice`] with
//! what follows from it (lineages taken, version afterwards), so that a replay has something to compare. Each operator
//! writes its own lines in its own order; there is no global clock, and lines of different operators may stand in any
//! order. An operator's last line says how many steps it took.

use crate::choice::{Choice, Emits};
use crate::component::Catalogue;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Place};
use crate::flow::Flow;
use crate::id::{Lineage, OperatorId, PortIndex, UpdateId, Version};
use crate::marker::{Mail, Outcome};
use crate::plan::Scheduler;
use crate::program::{ENTRANCE, EXIT, Program};
use crate::update::Update;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The version of this format.
pub const SCHEMA_VERSION: u32 = 2;

/// The first line of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Always `trace`.
    pub neurath: String,
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The flow that ran.
    pub flow: Flow,
    /// The declarations it used, and those its updates used.
    pub catalogue: Catalogue,
    /// How many packets an arc held.
    pub capacity: usize,
}

impl Header {
    /// The header of a run.
    pub fn new(flow: Flow, catalogue: Catalogue, capacity: usize) -> Self {
        Self { neurath: "trace".into(), schema_version: SCHEMA_VERSION, flow, catalogue, capacity }
    }
}

/// A line after the first: one step of one operator, or its end.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The operator.
    pub at: String,
    /// The kind of step, one of [`Choice::KINDS`], or `stop`.
    #[serde(rename = "do")]
    pub kind: String,
    /// The input port read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The lineages of the packets taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// The held packet let go, by the lineage it came in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub releases: Option<String>,
    /// The output ports on which packets were emitted, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emits: Vec<String>,
    /// The operator's version after the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The update submitted or delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<u32>,
    /// What the update submitted says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Update>,
    /// How the update submitted travels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<Scheduler>,
    /// The updates that were under way when this one was submitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<u32>,
    /// What the mail taken was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// How the update answered ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How many steps the operator took in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
}

impl Line {
    /// The line of a step: the choice, the lineages it took, and the operator's version after it.
    pub fn step(program: &Program, choice: &Choice, of: &[Lineage], version: Version) -> Self {
        let base = Self { kind: choice.kind().into(), ..Self::default() };
        let Some(at) = choice.at() else {
            let update = if let Choice::Submit { update } = choice { Some(update.0) } else { None };
            return Self { at: ENTRANCE.into(), update, ..base };
        };
        let names = Names { program, at };
        let base = Self {
            at: program.operator(at).name.clone(),
            of: of.iter().map(|l| names.lineage(*l)).collect(),
            version: Some(version.0),
            ..base
        };
        match choice {
            Choice::Submit { .. } | Choice::End => unreachable!("they happen at no operator"),
            Choice::Deliver { mail, .. } => {
                Self { update: mail.update().map(|u| u.0), mail: Some(mail_name(*mail).into()), ..base }
            }
            Choice::Fire { port, emits, .. } => {
                Self { port: Some(names.input(*port)), emits: names.outputs(emits), ..base }
            }
            Choice::Join { emits, .. } => Self { emits: names.outputs(emits), ..base },
            Choice::Mark { port, .. } | Choice::Attach { port, .. } | Choice::Ended { port, .. } => {
                Self { port: Some(names.input(*port)), ..base }
            }
            Choice::Wake { releases, emits, .. } => {
                Self { releases: releases.map(|l| names.lineage(l)), emits: names.outputs(emits), ..base }
            }
        }
    }

    /// The last line of an operator.
    pub fn stop(program: &Program, at: OperatorId, steps: u64) -> Self {
        Self { at: program.operator(at).name.clone(), kind: "stop".into(), steps: Some(steps), ..Self::default() }
    }

    /// The same line, with what an update that is submitted says, how it travels, and the updates that are under way beside it.
    #[must_use]
    pub fn submitting(self, change: Update, scheduler: Scheduler, beside: &BTreeSet<UpdateId>) -> Self {
        let beside = beside.iter().map(|update| update.0).collect();
        Self { change: Some(change), scheduler: Some(scheduler), beside, ..self }
    }

    /// The answer to an update.
    pub fn answer(update: UpdateId, outcome: Outcome) -> Self {
        let base = Self { at: EXIT.into(), kind: "answer".into(), ..Self::default() };
        Self { update: Some(update.0), outcome: Some(outcome), ..base }
    }

    /// The last line of the entrance.
    pub fn last_of_entrance(steps: u64) -> Self {
        Self { at: ENTRANCE.into(), kind: "stop".into(), steps: Some(steps), ..Self::default() }
    }

    /// The choice that the line tells of; `Ok(None)` for the last line of an operator, and for an answer. `Err` says what
    /// does not fit.
    pub fn choice(&self, program: &Program) -> Result<Option<Choice>, String> {
        let update = || self.update.map(UpdateId).ok_or_else(|| "the update's number is missing".to_owned());
        match (self.at.as_str(), self.kind.as_str()) {
            (ENTRANCE, "submit") => return Ok(Some(Choice::Submit { update: update()? })),
            (ENTRANCE, "end") => return Ok(Some(Choice::End)),
            (ENTRANCE, "stop") | (EXIT, "answer") => return Ok(None),
            (ENTRANCE | EXIT, other) => return Err(format!("`{other}` does not happen at the {}", self.at)),
            (_, "submit" | "end") => return Err(format!("a `{}` happens at the entrance only", self.kind)),
            (_, "answer") => return Err("an `answer` comes from the exit only".into()),
            _ => {}
        }
        let at = program.find(&self.at).ok_or_else(|| format!("no operator is called `{}`", self.at))?;
        let names = Names { program, at };
        let port = || names.find_input(self.port.as_deref().unwrap_or_default());
        let emits = || names.find_outputs(&self.emits);
        Ok(Some(match self.kind.as_str() {
            "deliver" => {
                let mail = match self.mail.as_deref() {
                    Some("marker") => Mail::Marker(update()?),
                    Some("apply") => Mail::Apply(update()?),
                    Some("resume") => Mail::Resume(update()?),
                    Some("end") => Mail::End,
                    other => return Err(format!("`{}` is no mail", other.unwrap_or("nothing"))),
                };
                Choice::Deliver { at, mail }
            }
            "fire" => Choice::Fire { at, port: port()?, emits: emits()? },
            "join" => Choice::Join { at, emits: emits()? },
            "mark" => Choice::Mark { at, port: port()? },
            "attach" => Choice::Attach { at, port: port()? },
            "ended" => Choice::Ended { at, port: port()? },
            "wake" => {
                let releases = self.releases.as_deref().map(|l| lineage_of(program, l)).transpose()?;
                Choice::Wake { at, releases, emits: emits()? }
            }
            "stop" => return Ok(None),
            other => return Err(format!("`{other}` is not a kind of step")),
        }))
    }
}

fn mail_name(mail: Mail) -> &'static str {
    match mail {
        Mail::Marker(_) => "marker",
        Mail::Apply(_) => "apply",
        Mail::Resume(_) => "resume",
        Mail::End => "end",
    }
}

/// Names of ports and lineages, as seen from one operator.
struct Names<'a> {
    program: &'a Program,
    at: OperatorId,
}

impl Names<'_> {
    fn lineage(&self, lineage: Lineage) -> String {
        lineage_name(self.program, lineage)
    }

    fn input(&self, port: PortIndex) -> String {
        self.program.operator(self.at).input_names[usize::from(port.0)].clone()
    }

    fn outputs(&self, ports: &Emits) -> Vec<String> {
        let names = &self.program.operator(self.at).output_names;
        ports.iter().map(|p| names[usize::from(p.0)].clone()).collect()
    }

    fn find_input(&self, name: &str) -> Result<PortIndex, String> {
        find_port(&self.program.operator(self.at).input_names, name)
            .ok_or_else(|| format!("{} has no input port `{name}`", self.program.operator(self.at).name))
    }

    fn find_outputs(&self, names: &[String]) -> Result<Emits, String> {
        let operator = self.program.operator(self.at);
        let find = |name: &String| {
            find_port(&operator.output_names, name)
                .ok_or_else(|| format!("{} has no output port `{name}`", operator.name))
        };
        names.iter().map(find).collect()
    }
}

fn find_port(names: &[String], name: &str) -> Option<PortIndex> {
    names.iter().position(|n| n == name).map(|i| PortIndex(i as u8))
}

/// A lineage's name: `read#7` for the eighth that `read` began.
pub fn lineage_name(program: &Program, lineage: Lineage) -> String {
    format!("{}#{}", program.operator(lineage.origin()).name, lineage.number())
}

/// The lineage of that name.
pub fn lineage_of(program: &Program, name: &str) -> Result<Lineage, String> {
    let parts = name.rsplit_once('#').and_then(|(at, n)| Some((program.find(at)?, n.parse::<u64>().ok()?)));
    match parts {
        Some((at, number)) if number < 1 << 44 => Ok(Lineage::new(at, number)),
        Some(_) | None => Err(format!("`{name}` is not a lineage of this flow")),
    }
}

/// A trace in memory: header, and lines with the place where each begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The name of its file.
    pub source: String,
    /// Its first line.
    pub header: Header,
    /// The other lines, with the byte range of each.
    pub lines: Vec<(Line, std::ops::Range<usize>)>,
}

impl Trace {
    /// Reads a trace. Only its form is checked.
    pub fn parse(source: &str, text: &str) -> Result<Self, Diagnostics> {
        let mut offset = 0;
        let mut parts = text.split_inclusive('\n').map(|line| {
            let start = offset;
            offset += line.len();
            (line.trim_end(), start..start + line.trim_end().len())
        });
        let (first, span) = parts.next().unwrap_or(("", 0..0));
        let header: Header =
            serde_json::from_str(first).map_err(|e| unreadable(source, span.clone(), "a trace header", &e))?;
        if header.neurath != "trace" || header.schema_version != SCHEMA_VERSION {
            return Err(Diagnostics(vec![other_version(source, span, &header)]));
        }
        let mut lines = Vec::new();
        for (line, span) in parts.filter(|(line, _)| !line.is_empty()) {
            let parsed = serde_json::from_str(line)
                .map_err(|e| unreadable(source, span.clone(), "a step as a JSON object", &e))?;
            lines.push((parsed, span));
        }
        Ok(Self { source: source.into(), header, lines })
    }

    /// The place of a line.
    pub fn place(&self, line: usize, label: impl Into<String>) -> Place {
        Place { source: self.source.clone(), span: self.lines[line].1.clone(), label: label.into() }
    }
}

fn unreadable(source: &str, span: std::ops::Range<usize>, expected: &str, error: &serde_json::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::T01,
        message: format!("this line of the trace cannot be read: {error}"),
        places: vec![Place { source: source.into(), span, label: "here".into() }],
        expected: expected.into(),
        found: if error.is_eof() { "the end of the line".into() } else { "something else".into() },
        hint: "a trace that was cut off (a full disk, a killed process) cannot be verified; record it again".into(),
    }])
}

fn other_version(source: &str, span: std::ops::Range<usize>, header: &Header) -> Diagnostic {
    Diagnostic {
        code: Code::T01,
        message: "this is not a trace that this program can read".into(),
        places: vec![Place { source: source.into(), span, label: "the header".into() }],
        expected: format!("a trace with schema_version {SCHEMA_VERSION}"),
        found: format!("`{}` with schema_version {}", header.neurath, header.schema_version),
        hint: "verify a trace with the version of neurath that wrote it".into(),
    }
}
