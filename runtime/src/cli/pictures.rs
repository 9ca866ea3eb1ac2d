//! Pictures of a run: options that several verbs have.

use crate::cli::graph::drawn;
use crate::cli::input::Session;
use neurath_model::choice::Choice;
use neurath_model::diagnostic::Diagnostics;
use neurath_sim::instance::Instance;
use neurath_sim::picture::page::{Beside, page};
use neurath_sim::picture::{diagram, shiviz};
use std::path::PathBuf;

/// Which pictures are wanted.
#[derive(Debug, Default, clap::Args)]
pub struct Pictures {
    /// Write the run as a page: a space-time diagram through which one steps, the flow before and after.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the run as a log for ShiViz, with vector clocks.
    #[arg(long, value_name = "FILE")]
    shiviz: Option<PathBuf>,
}

impl Pictures {
    /// Whether any is wanted.
    pub fn any(&self) -> bool {
        self.report.is_some() || self.shiviz.is_some()
    }

    /// Writes those that are wanted of a run.
    pub fn write(
        &self,
        title: &str,
        instance: &Instance,
        run: &[Choice],
        session: &mut Session,
    ) -> Result<(), Diagnostics> {
        if let Some(file) = &self.report {
            let beside = Beside { title: title.into(), flows: flows(instance) };
            session.write(file, &page(instance, run, &beside))?;
            session.tell(format_args!("the run as a page: {}", file.display()));
        }
        if let Some(file) = &self.shiviz {
            session.write(file, &shiviz::log(&diagram(instance, run)))?;
            let parser = shiviz::PARSER;
            session.tell(format_args!("the run for ShiViz: {}; its parsing expression is {parser}", file.display()));
        }
        Ok(())
    }
}

/// The flow, and what each update changes in it.
fn flows(instance: &Instance) -> Vec<(String, String)> {
    let changed = instance
        .plans()
        .iter()
        .map(|(before, plan)| (format!("what update `{}` changes", plan.update), drawn(before, Some(plan))));
    std::iter::once(("the flow before".to_owned(), drawn(instance.graph(), None))).chain(changed).collect()
}
