//! One replica of a flow that runs: started from a valid graph, changed by updates, ended in order.
//!
//! ```text
//!   prepare: plan (validate, type-check) -> build functions, berths
//!            <------ rejected with diagnostics, flow untouched ----|
//!   commit:  under the ledger, operators join, the marker goes to its heads -> applied, at every operator
//! ```
//!
//! Everything that can fail happens before the marker enters. Any number of updates may be under way: each is planned for the flow
//! as those before it leave it, and if another was committed while this one was prepared, it is prepared again for the
//! flow that it now finds, so no plan is ever carried out that was made for another flow.
//!
//! [`prepare`] and [`commit`] are files of their own, and so is what was applied, in [`past`].

mod commit;
mod past;
mod prepare;

use crate::engine::control::{Control, Ledger};
use crate::engine::crew::{Crew, Recruit};
use crate::engine::gate::Gate;
use crate::engine::mailbox::Letter;
use crate::engine::passage::Hold;
use crate::engine::placement::Placement;
use crate::engine::status::Status;
use crate::engine::tracer::{Doors, Known, TraceFile};
use crate::function::Registry;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use neurath_model::graph::FlowGraph;
use neurath_model::id::{InPort, OperatorId};
use neurath_model::marker::Mail;
use neurath_model::program::Program;
use neurath_model::trace::Header;
use std::io::{self, Write};
use std::sync::Arc;

pub(crate) use commit::{Ticket, Turn};
pub(crate) use prepare::Prepared;

/// How a flow is run, or one shard of it.
pub struct Options {
    /// How many packets an arc holds.
    pub capacity: usize,
    /// Which operators share a thread.
    pub placement: Placement,
    /// Where a trace goes, if one is wanted.
    pub trace: Option<Box<dyn Write + Send>>,
    /// What says when each operator takes which step; without, they are free.
    pub gate: Option<Arc<Gate>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { capacity: 64, placement: Placement::default(), trace: None, gate: None }
    }
}

/// One replica of a flow.
pub(crate) struct Shard {
    control: Arc<Control>,
    registry: Arc<Registry>,
    crew: Crew,
    trace: Option<TraceFile>,
}

impl Shard {
    /// Starts a flow: builds its functions, then its arcs and threads.
    pub(crate) fn start(graph: &FlowGraph, registry: Arc<Registry>, options: Options) -> Result<Self, Diagnostics> {
        let nodes = || graph.operators().map(|(_, node)| node);
        let functions = prepare::build_all(nodes(), &registry, |_| None)?;
        let header = || Header::new(graph.to_flow(), registry.catalogue().clone(), options.capacity);
        let trace = options.trace.map(|out| TraceFile::begin(out, &header()));
        let trace = trace.transpose().map_err(|e| cannot_run(&e))?;
        let program = Program::of(graph);
        let known = Known::new(program.clone());
        let doors = trace.clone().map(Doors::new);
        let control = Arc::new(Control::new(graph.clone(), program, doors, known.clone()));
        let traced = (trace.clone(), known);
        let crew =
            Crew::new(options.placement, control.clone(), registry.clone(), traced, (options.capacity, options.gate));
        let berths = prepare::berths(&crew, nodes())?;
        let recruits = graph.operators().zip(functions).zip(berths).map(|(((at, node), function), berth)| Recruit {
            at,
            function,
            component: node.component.clone(),
            berth,
        });
        crew.launch(&mut control.lock(), recruits.collect());
        Ok(Self { control, registry, crew, trace })
    }

    /// Whether updates are taken: if not, why.
    pub(crate) fn still_runs(&self) -> Result<(), Diagnostics> {
        self.control.lock().still_runs()
    }

    /// Why the flow runs no more, if a function panicked.
    pub(crate) fn failure(&self) -> Option<String> {
        self.control.lock().failure.clone()
    }

    /// The graph as the updates submitted so far leave it.
    pub(crate) fn graph(&self) -> FlowGraph {
        self.control.lock().graph.clone()
    }

    /// What was held, by name: `load.IN`, or `load`.
    pub(crate) fn name_of(&self, hold: &Hold) -> String {
        let ledger = self.control.lock();
        match hold.port {
            Some(port) => ledger.program.input_name(InPort { operator: hold.operator, port }),
            None => ledger.program.operator(hold.operator).name.clone(),
        }
    }

    /// The declarations of the components that are compiled in.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What the flow says of itself.
    pub(crate) fn status(&self) -> Status {
        let threads = self.crew.threads();
        self.control.lock().status(self.crew.placement(), threads)
    }

    /// Ends the flow: sources take nothing new, what is under way is finished, threads end.
    pub(crate) fn stop(&self) -> Result<(), Diagnostics> {
        self.end();
        self.crew.join();
        let mut ledger = self.control.lock();
        if let Some(failure) = ledger.failure.clone() {
            return Err(failed(failure));
        }
        if let Some(doors) = &mut ledger.doors {
            doors.finish();
        }
        self.trace.as_ref().map_or(Ok(()), TraceFile::finish).map_err(|e| cannot_run(&e))
    }

    /// Sources take nothing new. [`stop`](Self::stop) does this first, unless it was done.
    pub(crate) fn end(&self) {
        let mut ledger = self.control.lock();
        if std::mem::replace(&mut ledger.stopped, true) {
            return;
        }
        let Ledger { program, doors, .. } = &mut *ledger;
        if let Some(doors) = doors {
            doors.end(program);
        }
        let sources: Vec<OperatorId> = ledger.program.sources().collect();
        for at in sources {
            ledger.send(at, Letter::Mail(Mail::End, None));
        }
    }
}

fn cannot_run(error: &io::Error) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: "the flow cannot be started or ended in order".into(),
        places: Vec::new(),
        expected: "threads, polls and the trace file at hand".into(),
        found: error.to_string(),
        hint: "check limits on open files and threads, and space on the disk".into(),
    }])
}

fn failed(failure: String) -> Diagnostics {
    Diagnostics(vec![Diagnostic {
        code: Code::R05,
        message: "the flow does not run any more".into(),
        places: Vec::new(),
        expected: "functions that do what their components declare".into(),
        found: failure,
        hint: "restart the program; the message above it on standard error says where".into(),
    }])
}
