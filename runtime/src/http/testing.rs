//! A driver for tests: runs the functions of a flow as one loop on one thread, and holds them to their declarations.
//!
//! It stands in for the engine: arcs are one queue, all operators share one poll, and after each firing it checks that
//! an operator that emits `each` did so once on every output, that one that `route`s did so once, that nothing came of what
//! an input absorbs, and that a `buffer` operator released only what it holds. The flow is any of those in
//! `runtime/flows/http`. A client is
//! either a blocking one on a thread of its own ([`Server::serve`]) or driven in turns ([`Turns`](client::Turns)), where
//! a test has to say what has arrived when.

pub(crate) mod client;

use super::components::register;
use super::observations::Observations;
use crate::function::{Context, Done, Function, Out, Properties, Readiness, Registry};
use crate::packet::Packet;
use mio::{Events, Poll, Token};
use neurath_model::component::{Component, Emission, Firing, Wake};
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::{ComponentRef, Flow};
use neurath_model::graph::FlowGraph;
use neurath_model::id::{InPort, Lineage, OperatorId, OutPort, PortIndex, UpdateId, Version};
use neurath_model::spec;
use neurath_model::validate::validate;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const ACCEPT: &str = "accept";
pub(crate) const READ: &str = "read";
pub(crate) const LOAD: &str = "load";
pub(crate) const REPLY: &str = "reply";
const ROOM: usize = 4;
const OPERATOR_SHIFT: u32 = 32;
const GENERATION_SHIFT: u32 = 40;

/// The version of `load` and `reply` that a server starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Blocking,
    Nio,
    /// `Nio` with a `load` that keeps a few files open, and does not look their names up again.
    Open,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Blocking, Self::Nio, Self::Open];
    const OPEN: [(&str, u64); 2] = [("OPEN_FILES", 3), ("VALID_MS", 1 << 40)];

    fn flow(self) -> &'static str {
        match self {
            Self::Blocking => "flow",
            Self::Nio | Self::Open => "nio",
        }
    }
}

struct Operator {
    name: String,
    component: Component,
    function: Box<dyn Function>,
    version: Version,
    held: BTreeSet<Lineage>,
    ready: Vec<Readiness>,
    again: bool,
    lineages: u64,
    /// How often its function has been changed: what an earlier one left watched is not reported to a later one.
    generation: usize,
}

struct Arrival {
    operator: usize,
    port: PortIndex,
    lineage: Lineage,
    packet: Packet,
}

/// The flow, running in turns.
pub(crate) struct Server {
    pub(crate) observations: Arc<Observations>,
    registry: Registry,
    settings: BTreeMap<String, Value>,
    operators: Vec<Operator>,
    arcs: BTreeMap<OutPort, InPort>,
    queue: VecDeque<Arrival>,
    poll: Poll,
    events: Events,
}

impl Server {
    /// Serves a folder with the plain flow of that kind, on a port of the loopback interface.
    pub(crate) fn new(kind: Kind, root: &Path, settings: &[(&str, Value)]) -> Self {
        let open = Kind::OPEN.iter().filter(|_| kind == Kind::Open).map(|(name, value)| (*name, Value::from(*value)));
        let settings: Vec<(&str, Value)> = open.chain(settings.iter().cloned()).collect();
        Self::with_flow(kind.flow(), root, &settings)
    }

    /// Serves with the flow in the file of that name. A setting counts for every operator that has such a property.
    pub(crate) fn with_flow(flow: &str, root: &Path, settings: &[(&str, Value)]) -> Self {
        let observations = Arc::new(Observations::default());
        let mut registry = Registry::default();
        register(&mut registry, Arc::clone(&observations));
        let mut all: BTreeMap<String, Value> = settings.iter().map(|(k, v)| ((*k).into(), v.clone())).collect();
        all.insert("LISTEN".into(), Value::from("127.0.0.1:0"));
        all.insert("ROOT".into(), Value::from(root.to_str().expect("the folders of tests have plain names")));
        let graph = graph(flow, &registry);
        let mut server = Self {
            observations,
            registry,
            settings: all,
            operators: Vec::new(),
            arcs: graph.arcs().map(|(_, arc)| (arc.from, arc.to)).collect(),
            queue: VecDeque::new(),
            poll: Poll::new().expect("a poll"),
            events: Events::with_capacity(64),
        };
        server.begin(&graph);
        server
    }

    fn begin(&mut self, graph: &FlowGraph) {
        for (_, node) in graph.operators() {
            let operator = self.build(&node.name, &node.component.id);
            self.operators.push(operator);
        }
        for operator in 0..self.operators.len() {
            self.call(operator, None, |function, cx| function.start(cx));
        }
    }

    fn find(&self, name: &str) -> usize {
        self.operators.iter().position(|operator| operator.name == name).expect(name)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.observations.listening().expect("accept is built")
    }

    /// How many packets an operator holds.
    pub(crate) fn held(&self, operator: &str) -> usize {
        self.operators[self.find(operator)].held.len()
    }

    /// Changes the version of an operator between two firings, as an update of that number does.
    pub(crate) fn update(&mut self, operator: &str, version: &str, transfers: &[&str], update: UpdateId) {
        let name = self.operators[self.find(operator)].component.id.name.clone();
        self.replace(operator, &format!("{name}@{version}"), transfers, update);
    }

    /// Puts another component in the place of an operator's, which keeps its name here.
    pub(crate) fn replace(&mut self, operator: &str, component: &str, transfers: &[&str], update: UpdateId) {
        let new = self.build(operator, &ComponentRef::parse(component));
        let operator = self.find(operator);
        let old = &mut self.operators[operator];
        let old_function = std::mem::replace(&mut old.function, Box::new(Gone));
        old.component = new.component;
        old.version = update;
        let mut state = None;
        self.call(operator, None, |_, cx| state = Some(old_function.export(cx)));
        let mut state = state.expect("it was just exported");
        for name in transfers {
            state = self.registry.run_transfer(name, state);
        }
        self.operators[operator].function = new.function;
        self.operators[operator].generation += 1;
        self.call(operator, None, |function, cx| {
            function.import(state, cx);
            function.start(cx);
        });
    }

    /// Tells an operator that no more packets come.
    pub(crate) fn close(&mut self, operator: &str) {
        self.call(self.find(operator), None, |function, cx| function.close(cx));
    }

    /// Gives values of properties to the functions that are built from now on.
    pub(crate) fn set(&mut self, settings: &[(&str, Value)]) {
        self.settings.extend(settings.iter().map(|(k, v)| ((*k).into(), v.clone())));
    }

    /// Gives an operator new values of its properties.
    pub(crate) fn configure(&mut self, operator: &str, settings: &[(&str, Value)]) {
        let operator = self.find(operator);
        self.set(settings);
        let properties = self.properties(&self.operators[operator].component);
        self.operators[operator].function.configure(&properties);
    }

    /// Runs until nothing can go on before the world outside has moved.
    pub(crate) fn turn(&mut self) {
        while self.step() {}
    }

    /// One wake of each operator that asked for one or has something ready, and all firings that come of it. Says
    /// whether there was any.
    pub(crate) fn step(&mut self) -> bool {
        self.look(Duration::ZERO);
        let mut any = false;
        for index in 0..self.operators.len() {
            let operator = &mut self.operators[index];
            let ready = std::mem::take(&mut operator.ready);
            if std::mem::take(&mut operator.again) || !ready.is_empty() {
                self.call(index, None, |function, cx| function.wake(&ready, cx));
                any = true;
            }
        }
        while let Some(arrival) = self.queue.pop_front() {
            self.deliver(arrival);
            any = true;
        }
        any
    }

    /// Serves a client that runs on a thread of its own, until it has ended.
    pub(crate) fn serve<T: Send>(&mut self, client: impl FnOnce(SocketAddr) -> T + Send) -> T {
        let address = self.address();
        std::thread::scope(|scope| {
            let client = scope.spawn(move || client(address));
            while !client.is_finished() {
                self.turn();
                self.look(Duration::from_millis(1));
            }
            client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Takes note of what is ready, and waits for it at most so long.
    pub(crate) fn look(&mut self, timeout: Duration) {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return,
            result => result.expect("the poll works"),
        }
        for event in &self.events {
            let Token(token) = event.token();
            let readiness = Readiness {
                key: token as u32,
                readable: event.is_readable(),
                writable: event.is_writable(),
                ended: event.is_read_closed(),
            };
            let operator = &mut self.operators[token >> OPERATOR_SHIFT & 0xff];
            if operator.generation == token >> GENERATION_SHIFT {
                operator.ready.push(readiness);
            }
        }
    }

    fn deliver(&mut self, Arrival { operator, port, lineage, packet }: Arrival) {
        let Operator { name, component, held, .. } = &mut self.operators[operator];
        if component.holds_open_work() {
            assert!(held.insert(lineage), "{lineage:?} came in twice at {name}");
        }
        let mut emitted = self.call(operator, Some(lineage), |function, cx| function.fire(port, packet, cx));
        let Operator { name, component, .. } = &self.operators[operator];
        emitted.sort();
        match component.emission {
            _ if component.inputs[usize::from(port.0)].absorbs => assert_eq!(emitted, [], "{name} absorbs this"),
            Emission::Each => {
                let outputs = 0..component.outputs.len() as u8;
                assert_eq!(emitted, outputs.map(PortIndex).collect::<Vec<_>>(), "{name} emits once on each output");
            }
            Emission::Route => assert_eq!(emitted.len(), 1, "{name} emits once"),
            Emission::Filter | Emission::Many | Emission::Buffer => {}
        }
    }

    /// Calls a function and carries out what it did; says on which ports it emitted.
    fn call(
        &mut self,
        index: usize,
        lineage: Option<Lineage>,
        call: impl FnOnce(&mut dyn Function, &mut Context<'_>),
    ) -> Vec<PortIndex> {
        let mut done = Vec::new();
        let operator = &mut self.operators[index];
        let mut cx = Context {
            out: Out::Noted { done: &mut done, room: ROOM, lineage },
            again: &mut operator.again,
            version: operator.version,
            poll: self.poll.registry(),
            token_base: operator.generation << GENERATION_SHIFT | index << OPERATOR_SHIFT,
        };
        call(operator.function.as_mut(), &mut cx);
        done.into_iter().filter_map(|one| self.carry_out(index, lineage, one)).collect()
    }

    /// Says on which port a packet went out, if one did.
    fn carry_out(&mut self, index: usize, trigger: Option<Lineage>, done: Done) -> Option<PortIndex> {
        let operator = &mut self.operators[index];
        let begins = operator.component.firing == Firing::None || operator.component.wake == Wake::Source;
        let mut begin = || {
            operator.lineages += 1;
            Lineage::new(OperatorId(index as u32), operator.lineages)
        };
        let (port, packet, lineage) = match done {
            Done::Emit(port, packet) if begins => (port, packet, begin()),
            Done::Emit(port, packet) => (port, packet, trigger.expect("only a source emits without a trigger")),
            Done::Release(held, emission) => {
                let lineage = if begins { begin() } else { held };
                assert!(operator.held.remove(&held), "{} holds {held:?}", operator.name);
                let (port, packet) = emission?;
                (port, packet, lineage)
            }
        };
        let to = self.arcs[&OutPort { operator: OperatorId(index as u32), port }];
        self.queue.push_back(Arrival { operator: to.operator.0 as usize, port: to.port, lineage, packet });
        Some(port)
    }

    fn build(&self, name: &str, id: &ComponentRef) -> Operator {
        let component = self.registry.catalogue().component(id).expect("it is registered").clone();
        let function = self.registry.build(id, &self.properties(&component)).expect("it can be built");
        Operator {
            name: name.into(),
            component,
            function,
            version: UpdateId::NONE,
            held: BTreeSet::new(),
            ready: Vec::new(),
            again: false,
            lineages: 0,
            generation: 0,
        }
    }

    fn properties(&self, component: &Component) -> Properties {
        let value = |name: &str, default: &Option<Value>| self.settings.get(name).or(default.as_ref()).cloned();
        let values = component.properties.iter();
        Properties::new(values.filter_map(|p| Some((p.name.clone(), value(&p.name, &p.default)?))).collect())
    }
}

/// Where the flow files are.
pub(crate) fn flows() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/http")
}

/// The flow in the file of that name, without its ending.
pub(crate) fn flow(name: &str) -> (Flow, SourceMap) {
    let text = std::fs::read_to_string(flows().join(name).with_extension("fbp")).expect(name);
    spec::fbp::parse(name, &text).unwrap_or_else(|found| panic!("{name}: {found:?}"))
}

/// The same, validated.
pub(crate) fn graph(name: &str, registry: &Registry) -> FlowGraph {
    let (flow, map) = flow(name);
    validate(&flow, &map, registry.catalogue()).unwrap_or_else(|found| panic!("{name}: {found:?}"))
}

/// Stands where a function was that has been exported.
struct Gone;

impl Function for Gone {
    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> crate::packet::State {
        unreachable!("it is replaced before anything is asked of it")
    }
}
