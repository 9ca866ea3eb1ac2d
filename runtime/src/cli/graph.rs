//! `neurath graph`: a flow as a picture, and what an update changes in it.
//!
//! ```text
//!   FlowGraph (+ Plan) --Picture--> layers --> text | dot | mermaid | svg | JSON
//! ```
//!
//! Layers follow the arcs, feedback arcs left out: an operator stands one layer behind the last of its producers. Every shape
//! says the same: what an update leaves, takes out, brings in and moves, and where its marker goes.

mod languages;
mod layers;
mod layout;
mod picture;
mod svg;
mod text;

#[cfg(test)]
mod tests;

use crate::cli::input::Session;
use crate::cli::{Answer, Exit, SCHEMA_VERSION};
use neurath_model::diagnostic::Diagnostics;
use neurath_model::graph::FlowGraph;
use neurath_model::plan::{Plan, Scheduler, plan};
use picture::Picture;
use serde_json::json;
use std::path::PathBuf;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The flow: `.fbp`, or FBP JSON if the name ends in `.json`.
    flow: PathBuf,
    /// An update, or the flow to change to: what stays, goes, comes and moves is shown in one picture.
    update: Option<PathBuf>,
    /// A file of component declarations, for components that are not compiled in.
    #[arg(long, value_name = "FILE")]
    components: Vec<PathBuf>,
    /// How the update travels: `stop-the-world`, `direct`, `dependent`, `epoch` or `scoped`.
    #[arg(long, value_name = "NAME", requires = "update")]
    scheduler: Option<Scheduler>,
    #[command(flatten)]
    shape: Shape,
}

/// What to draw; text without any of these.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Shape {
    /// A listing, layer by layer; this is the default.
    #[arg(long)]
    text: bool,
    /// Graphviz.
    #[arg(long)]
    dot: bool,
    /// Mermaid.
    #[arg(long)]
    mermaid: bool,
    /// A drawing that stands by itself.
    #[arg(long)]
    svg: bool,
}

/// Runs the verb.
pub fn run(args: Args, session: &mut Session) -> Answer {
    let picture = picture(&args, session)?;
    match args.shape {
        Shape { dot: true, .. } => session.say(languages::dot(&picture)),
        Shape { mermaid: true, .. } => session.say(languages::mermaid(&picture)),
        Shape { svg: true, .. } => session.say(svg::draw(&picture)),
        Shape { text, .. } if text || !session.json() => session.say(text::list(&picture)),
        Shape { .. } => session.value(&json!({ "schema_version": SCHEMA_VERSION, "graph": picture })),
    }
    Ok(Exit::Done)
}

/// A flow, and what a plan changes in it, as a drawing that stands by itself.
pub(crate) fn drawn(graph: &FlowGraph, plan: Option<&Plan>) -> String {
    svg::draw(&Picture::of(graph, plan))
}

fn picture(args: &Args, session: &mut Session) -> Result<Picture, Diagnostics> {
    let catalogue = session.catalogue(&args.components)?;
    let graph = session.graph(&args.flow, &catalogue)?;
    let Some(file) = &args.update else { return Ok(Picture::of(&graph, None)) };
    let (update, map) = session.update(file)?;
    let plan = plan(&graph, &update, &map, &catalogue, args.scheduler)?;
    Ok(Picture::of(&graph, Some(&plan)))
}
