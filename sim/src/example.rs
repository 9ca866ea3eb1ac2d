//! Flows for tests: the HTTP server of the paper, and a diamond whose two ways meet again.

use crate::generate::Subject;
use crate::scenario;
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::Flow;
use neurath_model::graph::FlowGraph;
use neurath_model::plan::Scheduler;
use neurath_model::spec::{components, fbp, update};
use neurath_model::update::Update;
use neurath_model::validate::validate;

/// The flow of the HTTP server, and what it may run.
pub(crate) fn http_texts() -> (Flow, Catalogue) {
    texts(include_str!("example/http.fbp"), include_str!("example/http-components.toml"))
}

/// The update to non-blocking input and output.
pub(crate) fn nio() -> Update {
    update::parse("nio.toml", include_str!("example/nio.toml")).expect("an update").0
}

/// The HTTP server, to be simulated.
pub(crate) fn http(scheduler: impl Into<Option<Scheduler>>) -> Subject {
    subject(http_texts(), scheduler)
}

/// The diamond, to be simulated.
pub(crate) fn diamond(scheduler: impl Into<Option<Scheduler>>) -> Subject {
    let texts = texts(include_str!("example/diamond.fbp"), include_str!("example/diamond-components.toml"));
    subject(texts, scheduler)
}

/// A flow in which a packet that has come in goes round for ever. The validator does not rule it out.
pub(crate) fn endless() -> Subject {
    let flow = "in(source) OUT -> IN again(again) OUT -> IN fork(fork) ON -> IN out(sink)\nfork ROUND -> BACK again";
    let declarations = r#"
        [[component]]
        name = "again"
        inputs = { IN = "packet", BACK = { type = "packet", feedback = true } }
        outputs = { OUT = "packet" }
        firing = "any"
        emission = "each"

        [[component]]
        name = "fork"
        inputs = { IN = "packet" }
        outputs = { ON = "packet", ROUND = "packet" }
        emission = "each"
    "#;
    let declarations = [include_str!("example/diamond-components.toml"), declarations].join("\n");
    subject(texts(flow, &declarations), Scheduler::Epoch)
}

/// A flow of the ready-made components that is changed to other flows, one after the other; then one of its operators changes.
pub(crate) fn evolving(scheduler: impl Into<Option<Scheduler>>, flows: &[&str], then: &[(&str, &str)]) -> Subject {
    let subject = subject(texts(flows[0], &scenario::library()), scheduler);
    let mut updates: Vec<Update> = flows[1..].iter().map(|flow| update_to(flow)).collect();
    if !then.is_empty() {
        updates.push(update::parse("then.toml", &scenario::replacing("then", then)).expect("an update").0);
    }
    subject.with_updates(&updates).expect("planned")
}

fn update_to(flow: &str) -> Update {
    let open = &mut |_: &str| Ok(("flow.fbp".to_owned(), flow.to_owned()));
    let text = "[update]\nname = 'evolve'\nflow = 'flow.fbp'";
    update::parse_with("evolve.toml", text, open).expect("an update").0
}

fn texts(flow: &str, declarations: &str) -> (Flow, Catalogue) {
    let flow = fbp::parse("flow.fbp", flow).expect("a flow").0;
    (flow, components::parse("components.toml", declarations).expect("components").0)
}

/// A flow that is at hand, to be simulated with components in TOML.
pub(crate) fn of(graph: FlowGraph, declarations: &str, scheduler: impl Into<Option<Scheduler>>) -> Subject {
    Subject::new(graph, &components::parse("components.toml", declarations).expect("components").0, scheduler)
}

fn subject((flow, catalogue): (Flow, Catalogue), scheduler: impl Into<Option<Scheduler>>) -> Subject {
    let graph = validate(&flow, &SourceMap::default(), &catalogue).expect("valid");
    Subject::new(graph, &catalogue, scheduler)
}
