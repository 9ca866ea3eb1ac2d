//! What verbs read (flows, component files and updates, each kept with its text so that diagnostics can show places), and
//! the streams they write to.

use crate::cli::Format;
use crate::function::Registry;
use crate::http;
use crate::update_files::UpdateFiles;
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use neurath_model::flow::Flow;
use neurath_model::graph::FlowGraph;
use neurath_model::property::Property;
use neurath_model::spec;
use neurath_model::spec::properties::Known;
use neurath_model::update::Update;
use neurath_model::validate::validate;
use neurath_sim::instance::Instance;
use neurath_sim::ledger::PROPERTIES;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the verbs of one invocation share: the output format, the streams, and every text that was read.
pub struct Session {
    /// How to print.
    pub format: Format,
    /// Whether standard error is a terminal: only then are there colours and progress bars.
    pub terminal: bool,
    texts: BTreeMap<String, String>,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    lost: Option<io::Error>,
}

impl Session {
    /// Nothing read or written yet.
    pub fn new(format: Format, out: Box<dyn Write>, err: Box<dyn Write>, terminal: bool) -> Self {
        Self { format, terminal, texts: BTreeMap::new(), out, err, lost: None }
    }

    /// Writes data to standard output, as it is.
    pub fn say(&mut self, data: impl Display) {
        if self.lost.is_none() {
            self.lost = write!(self.out, "{data}").err();
        }
    }

    /// Writes a line of data to standard output.
    pub fn line(&mut self, data: impl Display) {
        self.say(format_args!("{data}\n"));
    }

    /// Writes a JSON value to standard output.
    pub fn value(&mut self, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value).expect("our values have only text keys");
        self.say(text + "\n");
    }

    /// Writes a line about the data (progress, a diagnostic) to standard error.
    pub fn tell(&mut self, line: impl Display) {
        // Where standard error is gone there is nobody to tell so.
        let _ = writeln!(self.err, "{line}");
    }

    /// Writes out what is still held; whether all data was taken. A reader that went away (`| head`) wanted no more.
    pub fn flush(&mut self) -> bool {
        let lost = self.lost.take().or_else(|| self.out.flush().err());
        let _ = self.err.flush();
        match lost {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.tell(format_args!("neurath: standard output was not written: {error}"));
                false
            }
            Some(_) | None => true,
        }
    }

    /// Whether results are printed as JSON.
    pub fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// The text of that name, if it was read.
    pub fn text(&self, source: &str) -> Option<&str> {
        self.texts.get(source).map(String::as_str)
    }

    /// Keeps a text that did not come from a file.
    pub fn keep(&mut self, source: &str, text: &str) {
        self.texts.insert(source.into(), text.into());
    }

    /// Reads a file; its name is the path as given.
    pub fn read(&mut self, path: &Path) -> Result<(String, String), Diagnostics> {
        let source = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| unreadable(&source, &e))?;
        self.keep(&source, &text);
        Ok((source, text))
    }

    /// Writes a file.
    pub fn write(&self, path: &Path, text: &str) -> Result<(), Diagnostics> {
        std::fs::write(path, text).map_err(|error| unwritable(path, &error))
    }

    /// Reads properties that a user states of what is checked; names must differ over all files.
    pub fn properties(&mut self, paths: &[PathBuf], instance: &Instance) -> Result<Vec<Property>, Diagnostics> {
        let mut all: Vec<Property> = Vec::new();
        for path in paths {
            let (source, text) = self.read(path)?;
            let operators = instance.program.operators().map(|(_, o)| o.name.split('~').next().unwrap_or(&o.name));
            let operators: BTreeSet<&str> = operators.collect();
            let built_in = PROPERTIES.iter().map(|about| about.code);
            let known = Known {
                operators: operators.into_iter().collect(),
                updates: instance.updates.iter().map(|update| update.name.as_str()).collect(),
                taken: built_in.chain(all.iter().map(|property| property.name.as_str())).collect(),
            };
            let properties = spec::properties::parse(&source, &text, &known)?;
            all.extend(properties);
        }
        Ok(all)
    }

    /// Reads a flow: FBP JSON if the name ends in `.json`, else FBP text.
    pub fn flow(&mut self, path: &Path) -> Result<(Flow, SourceMap), Diagnostics> {
        let (source, text) = self.read(path)?;
        spec::update::parse_flow(&source, &text)
    }

    /// Reads an update: a TOML file, with the flow file that it may name, or a flow file alone, which is the flow to change to.
    pub fn update(&mut self, path: &Path) -> Result<(Update, SourceMap), Diagnostics> {
        self.update_files(path)?.read()
    }

    /// Reads the files of an update, without judging more of them than is needed to find the second.
    pub fn update_files(&mut self, path: &Path) -> Result<UpdateFiles, Diagnostics> {
        let file = self.read(path)?;
        if is_flow(path) {
            return Ok(UpdateFiles { update: None, flow: Some(file) });
        }
        let mut flow = None;
        let mut open = |name: &str| {
            let read = self.read(&path.parent().unwrap_or(Path::new("")).join(name))?;
            flow = Some(read.clone());
            Ok(read)
        };
        let read = spec::update::parse_with(&file.0, &file.1, &mut open);
        match (read, flow) {
            (Ok(_), flow) | (Err(_), flow @ Some(_)) => Ok(UpdateFiles { update: Some(file), flow }),
            (Err(wrong), None) => Err(wrong),
        }
    }

    /// The components compiled in, and those declared in these files.
    pub fn catalogue(&mut self, files: &[PathBuf]) -> Result<Catalogue, Diagnostics> {
        let mut catalogue = compiled_in(Arc::default()).catalogue().clone();
        for file in files {
            let (source, text) = self.read(file)?;
            catalogue.extend(spec::components::parse(&source, &text)?.0);
        }
        Ok(catalogue)
    }

    /// Reads and validates a flow.
    pub fn graph(&mut self, path: &Path, catalogue: &Catalogue) -> Result<FlowGraph, Diagnostics> {
        let (flow, map) = self.flow(path)?;
        validate(&flow, &map, catalogue)
    }
}

fn is_flow(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "fbp" || extension == "json")
}

/// The components that this program can run.
pub fn compiled_in(observations: Arc<http::Observations>) -> Registry {
    let mut registry = Registry::default();
    http::register(&mut registry, observations);
    registry
}

fn unreadable(source: &str, error: &io::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::P06,
        message: format!("`{source}` cannot be read"),
        places: Vec::new(),
        expected: "a text file".into(),
        found: error.to_string(),
        hint: "check the path and its permissions".into(),
    }])
}

fn unwritable(path: &Path, error: &io::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::P06,
        message: format!("`{}` cannot be written", path.display()),
        places: Vec::new(),
        expected: "a file that may be written, in a folder that exists".into(),
        found: error.to_string(),
        hint: "check the path and its permissions".into(),
    }])
}
