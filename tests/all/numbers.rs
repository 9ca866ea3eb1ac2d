//! Flows of numbers: their components and functions, what they are told and what they show, and updates of them.
//!
//! Every number that a source counts is tagged by the operators it passes with the version they are on. A sink sees
//! whether one was tagged by two versions, lost, doubled or overtaken.

mod functions;

use crate::written::Written;
use functions::{Awaits, Begin, Collect, Count, Dawdle, Explode, Fork, Join, Merge, Pour, Tag, Waits};
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::ComponentRef;
use neurath_model::id::UpdateId;
use neurath_model::spec;
use neurath_model::trace::Trace;
use neurath_model::update::Update;
use neurath_model::validate::validate;
use neurath_runtime::engine::{Options, Placement, Running};
use neurath_runtime::function::{Function, Registry};
use neurath_sim::conformance::verify;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};

const COMPONENTS: &str = include_str!("numbers/components.toml");

/// A number, and the versions of the operators that tagged it, in the order in which they did.
#[derive(Clone)]
pub(crate) struct Number {
    pub(crate) value: u64,
    pub(crate) tags: Vec<UpdateId>,
}

/// What functions are told, and what they show.
#[derive(Clone, Default)]
pub(crate) struct Numbers {
    /// How many numbers `begin` emits when it starts.
    begins: u64,
    /// What came to a sink, in order.
    seen: Arc<Mutex<Vec<Number>>>,
    /// How often `count` was woken where there was no room.
    pub(crate) in_vain: Arc<AtomicU64>,
    /// The most that `pour` emitted in one wake.
    pub(crate) at_once: Arc<AtomicU64>,
}

impl Numbers {
    /// Where `begin` emits so many.
    pub(crate) fn beginning_with(begins: u64) -> Self {
        Self { begins, ..Self::default() }
    }

    /// All components, with functions that share this.
    pub(crate) fn registry(&self) -> Registry {
        let catalogue = spec::components::parse("components.toml", COMPONENTS).expect("valid").0;
        let mut registry = Registry::default();
        self.add(&mut registry, &catalogue, "count@1", Count::new);
        self.add(&mut registry, &catalogue, "pour@1", Pour::new);
        self.add(&mut registry, &catalogue, "begin@1", Begin);
        self.add(&mut registry, &catalogue, "fork@1", |_| Fork);
        self.add(&mut registry, &catalogue, "tag@1", |_| Tag::default());
        self.add(&mut registry, &catalogue, "tag@2", |_| Tag::default());
        self.add(&mut registry, &catalogue, "tag@slow", |_| Tag::default());
        self.add(&mut registry, &catalogue, "waits@1", Waits);
        self.add(&mut registry, &catalogue, "awaits@1", Awaits);
        self.add(&mut registry, &catalogue, "round@1", |_| Merge);
        self.add(&mut registry, &catalogue, "turn@1", |_| Merge);
        self.add(&mut registry, &catalogue, "merge@1", |_| Merge);
        self.add(&mut registry, &catalogue, "join@1", |_| Join);
        self.add(&mut registry, &catalogue, "collect@1", Collect);
        self.add(&mut registry, &catalogue, "dawdle@1", Dawdle);
        self.add(&mut registry, &catalogue, "explode@1", |_| Explode);
        for transfer in catalogue.transfers() {
            registry.transfer(transfer.clone(), |tagged: u64| tagged);
        }
        registry
    }

    fn add<F: Function + 'static>(
        &self,
        registry: &mut Registry,
        catalogue: &Catalogue,
        id: &str,
        build: fn(Self) -> F,
    ) {
        let declaration = catalogue.component(&ComponentRef::parse(id)).expect("declared beside this");
        let shared = self.clone();
        registry.component(declaration.clone(), move |_| Ok(build(shared.clone())));
    }

    /// Runs a flow of them.
    pub(crate) fn run(&self, flow: &str, options: Options) -> Running {
        let registry = self.registry();
        let (flow, map) = spec::fbp::parse("flow.fbp", flow).expect("valid");
        let graph = validate(&flow, &map, registry.catalogue()).expect("valid");
        Running::start(&graph, Arc::new(registry), options).expect("it starts")
    }

    /// What has come to a sink.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Vec<Number>> {
        self.seen.lock().expect("not poisoned")
    }

    /// How many that is.
    pub(crate) fn count(&self) -> usize {
        self.seen().len()
    }

    /// All of it, to have.
    pub(crate) fn take(&self) -> Vec<Number> {
        std::mem::take(&mut *self.seen())
    }
}

/// All came, in order, and none twice.
pub(crate) fn all_in_order(numbers: &[Number]) -> bool {
    numbers.iter().enumerate().all(|(i, n)| n.value == i as u64)
}

/// An update that gives operators another version, with their state.
pub(crate) fn update(component: &str, transfer: &str, operators: &[&str]) -> (Update, SourceMap) {
    let change =
        |o: &&str| format!("[operator.{o}]\ncomponent = \"{component}\"\nstate = {{ transfer = \"{transfer}\" }}\n");
    let text = format!("[update]\nname = \"{component}\"\n{}", operators.iter().map(change).collect::<String>());
    spec::update::parse("update.toml", &text).expect("valid")
}

/// An update that gives operators a place, and with it another version, or none.
pub(crate) fn moved(operators: &[&str], place: &str, to: Option<(&str, &str)>) -> (Update, SourceMap) {
    let function = to.map_or("state = \"keep\"\n".into(), |(component, transfer)| {
        format!("component = \"{component}\"\nstate = {{ transfer = \"{transfer}\" }}\n")
    });
    let change = |o: &&str| format!("[operator.{o}]\n{function}[operator.{o}.properties]\nPLACE = \"{place}\"\n");
    let text = format!("[update]\nname = \"move\"\n{}", operators.iter().map(change).collect::<String>());
    spec::update::parse("update.toml", &text).expect("valid")
}

/// A trace is a run of the model.
pub(crate) fn verified(trace: &Written) {
    verify(&Trace::parse("run.trace", &trace.text()).expect("readable")).expect("a behaviour of the model");
}

/// Submits, and waits for the answer.
pub(crate) fn applied(running: &Running, (update, map): (Update, SourceMap)) {
    running.submit(&update, &map).expect("accepted").wait().expect("answered");
}

/// Where operators run, how many packets an arc holds, and whether the run is traced: what goes out in runs is sent on another path.
pub(crate) type Mode = (Placement, usize, bool);

pub(crate) const MODES: [Mode; 4] = [
    (Placement::ThreadEach, 1, true),
    (Placement::OneThread, 1, true),
    (Placement::ThreadEach, 64, false),
    (Placement::Fused, 64, false),
];
