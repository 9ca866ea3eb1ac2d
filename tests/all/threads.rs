//! Flows of other shapes on real threads: fork and merge, fork and join, arcs that hold one packet, functions that fail.
//!
//! Every number that a source counts is tagged by the operators it passes with the version they are on. A sink sees
//! whether one was tagged by two versions, lost, doubled or overtaken.

use crate::support::until;
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::ComponentRef;
use neurath_model::graph::FlowGraph;
use neurath_model::id::{PortIndex, UpdateId};
use neurath_model::spec;
use neurath_model::trace::Trace;
use neurath_model::update::Update;
use neurath_model::validate::validate;
use neurath_runtime::engine::{Options, Placement, Running};
use neurath_runtime::function::{BuildError, Context, Function, Properties, Registry};
use neurath_runtime::packet::{Packet, State};
use neurath_sim::conformance::verify;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const COMPONENTS: &str = r#"
[[component]]
name = "count"
outputs = { OUT = "number" }
emission = "each"
wake = "source"
state = "Next"

[[component]]
name = "pour"
outputs = { OUT = "number" }
emission = "each"
wake = "source"

[[component]]
name = "begin"
outputs = { OUT = "number" }
emission = "each"
wake = "source"

[[component]]
name = "round"
inputs = { IN = "number", BACK = { type = "number", feedback = true } }
outputs = { OUT = "number" }
firing = "any"
emission = "each"

[[component]]
name = "turn"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"

[[component]]
name = "awaits"
inputs = { IN = "number" }
blocking = true

[[component]]
name = "fork"
inputs = { IN = "number" }
outputs = { A = "number", B = "number" }
emission = "each"

[[component]]
name = "tag"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"
state = "Tagged"

[[component]]
name = "tag"
version = "2"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"
state = "TaggedAgain"

[[component]]
name = "tag"
version = "slow"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"
state = "Tagged"
blocking = true

[[component]]
name = "waits"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"
blocking = true

[[component]]
name = "merge"
inputs = { A = "number", B = "number" }
outputs = { OUT = "number" }
firing = "any"
emission = "each"

[[component]]
name = "join"
inputs = { A = "number", B = "number" }
outputs = { OUT = "number" }
firing = "all"
emission = "each"

[[component]]
name = "collect"
inputs = { IN = "number" }
firing = "any"

[[component]]
name = "explode"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"

[[transfer]]
name = "on"
from = "Tagged"
to = "TaggedAgain"

[[transfer]]
name = "back"
from = "TaggedAgain"
to = "Tagged"
"#;

/// A number, and the versions of the operators that tagged it, in the order in which they did.
#[derive(Clone)]
struct Number {
    value: u64,
    tags: Vec<UpdateId>,
}

type Seen = Arc<Mutex<Vec<Number>>>;

struct Count {
    next: u64,
}

impl Function for Count {
    fn start(&mut self, cx: &mut Context<'_>) {
        cx.again();
    }

    fn wake(&mut self, _: &[neurath_runtime::function::Readiness], cx: &mut Context<'_>) {
        if cx.room() > 0 {
            cx.emit(PortIndex(0), Packet::new(Number { value: self.next, tags: Vec::new() }));
            self.next += 1;
        }
        cx.again();
    }
}

/// Emits for as long as there is room, and notes how much that was.
struct Pour {
    next: u64,
    at_once: Arc<AtomicU64>,
}

impl Function for Pour {
    fn start(&mut self, cx: &mut Context<'_>) {
        cx.again();
    }

    fn wake(&mut self, _: &[neurath_runtime::function::Readiness], cx: &mut Context<'_>) {
        let first = self.next;
        while cx.room() > 0 {
            cx.emit(PortIndex(0), Packet::new(Number { value: self.next, tags: Vec::new() }));
            self.next += 1;
        }
        self.at_once.fetch_max(self.next - first, Ordering::Relaxed);
        cx.again();
    }
}

/// Emits so many numbers when it starts, and none after that.
struct Begin(u64);

impl Function for Begin {
    fn start(&mut self, cx: &mut Context<'_>) {
        for value in 0..self.0 {
            cx.emit(PortIndex(0), Packet::new(Number { value, tags: Vec::new() }));
        }
    }
}

/// Is done with the first number when the sink has seen the one after it.
struct Awaits {
    seen: Seen,
}

impl Function for Awaits {
    fn fire(&mut self, _: PortIndex, packet: Packet, _: &mut Context<'_>) {
        let number: Number = packet.take();
        let after = || self.seen.lock().expect("not poisoned").iter().any(|other| other.value > 0);
        assert!(number.value > 0 || until(after), "the number after the first has not come to the sink");
    }
}

struct Fork;

impl Function for Fork {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let number: Number = packet.take();
        cx.emit(PortIndex(0), Packet::new(number.clone()));
        cx.emit(PortIndex(1), Packet::new(number));
    }
}

/// Tags, and counts how many it tagged over all its versions.
#[derive(Default)]
struct Tag {
    tagged: u64,
}

impl Function for Tag {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let mut number: Number = packet.take();
        number.tags.push(cx.version());
        assert_eq!(number.value, self.tagged, "state is carried over: all before this one were tagged here");
        self.tagged += 1;
        cx.emit(PortIndex(0), Packet::new(number));
    }

    fn export(self: Box<Self>, _: &mut Context<'_>) -> State {
        State::new(self.tagged)
    }

    fn import(&mut self, state: State, _: &mut Context<'_>) {
        self.tagged = state.take();
    }
}

/// Lets a number go when all before it have come to the sink: it waits for that, as others wait for a disk.
struct Waits {
    seen: Seen,
}

impl Function for Waits {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let number: Number = packet.take();
        let before = || self.seen.lock().expect("not poisoned").len() as u64 >= number.value;
        assert!(until(before), "what was let go before {} has come to nobody", number.value);
        cx.emit(PortIndex(0), Packet::new(number));
    }
}

struct Merge;

impl Function for Merge {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        cx.emit(PortIndex(0), packet);
    }
}

struct Join;

impl Function for Join {
    fn fire_all(&mut self, packets: Vec<Packet>, cx: &mut Context<'_>) {
        let [a, b]: [Number; 2] =
            packets.into_iter().map(Packet::take).collect::<Vec<_>>().try_into().ok().expect("two ports");
        assert_eq!(a.value, b.value, "a join takes what belongs together");
        let tags = a.tags.into_iter().chain(b.tags).collect();
        cx.emit(PortIndex(0), Packet::new(Number { value: a.value, tags }));
    }
}

struct Collect {
    seen: Seen,
}

impl Function for Collect {
    fn fire(&mut self, _: PortIndex, packet: Packet, _: &mut Context<'_>) {
        self.seen.lock().expect("not poisoned").push(packet.take());
    }
}

struct Explode;

impl Function for Explode {
    fn fire(&mut self, _: PortIndex, _: Packet, _: &mut Context<'_>) {
        panic!("as told");
    }
}

fn registry(seen: &Seen) -> Registry {
    let catalogue = spec::components::parse("components.toml", COMPONENTS).expect("valid").0;
    let mut registry = Registry::default();
    let [seen, awaited] = [seen.clone(), seen.clone()];
    add(&mut registry, &catalogue, "waits@1", move |_| Ok(Waits { seen: awaited.clone() }));
    add(&mut registry, &catalogue, "count@1", |_| Ok(Count { next: 0 }));
    add(&mut registry, &catalogue, "fork@1", |_| Ok(Fork));
    add(&mut registry, &catalogue, "tag@1", |_| Ok(Tag::default()));
    add(&mut registry, &catalogue, "tag@2", |_| Ok(Tag::default()));
    add(&mut registry, &catalogue, "tag@slow", |_| Ok(Tag::default()));
    add(&mut registry, &catalogue, "merge@1", |_| Ok(Merge));
    add(&mut registry, &catalogue, "join@1", |_| Ok(Join));
    add(&mut registry, &catalogue, "collect@1", move |_| Ok(Collect { seen: seen.clone() }));
    add(&mut registry, &catalogue, "explode@1", |_| Ok(Explode));
    for transfer in catalogue.transfers() {
        registry.transfer(transfer.clone(), |tagged: u64| tagged);
    }
    registry
}

fn add<F: Function + 'static>(
    registry: &mut Registry,
    catalogue: &Catalogue,
    id: &str,
    build: impl Fn(&Properties) -> Result<F, BuildError> + Send + Sync + 'static,
) {
    let declaration = catalogue.component(&ComponentRef::parse(id)).expect("declared above");
    registry.component(declaration.clone(), build);
}

fn graph(flow: &str, registry: &Registry) -> FlowGraph {
    let (flow, map) = spec::fbp::parse("flow.fbp", flow).expect("valid");
    validate(&flow, &map, registry.catalogue()).expect("valid")
}

fn update(component: &str, transfer: &str, operators: &[&str]) -> (Update, SourceMap) {
    let change =
        |o: &&str| format!("[operator.{o}]\ncomponent = \"{component}\"\nstate = {{ transfer = \"{transfer}\" }}\n");
    let text = format!("[update]\nname = \"{component}\"\n{}", operators.iter().map(change).collect::<String>());
    spec::update::parse("update.toml", &text).expect("valid")
}

/// An update that gives operators a place, and with it another version, or none.
fn moved(operators: &[&str], place: &str, to: Option<(&str, &str)>) -> (Update, SourceMap) {
    let function = to.map_or("state = \"keep\"\n".into(), |(component, transfer)| {
        format!("component = \"{component}\"\nstate = {{ transfer = \"{transfer}\" }}\n")
    });
    let change = |o: &&str| format!("[operator.{o}]\n{function}[operator.{o}.properties]\nPLACE = \"{place}\"\n");
    let text = format!("[update]\nname = \"move\"\n{}", operators.iter().map(change).collect::<String>());
    spec::update::parse("update.toml", &text).expect("valid")
}

/// Shared with the trace writer, so that a test can read what was written.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where operators run, how many packets an arc holds, and whether the run is traced: what goes out in runs is sent on another path.
type Mode = (Placement, usize, bool);

/// Runs a flow, updates its taggers six times while numbers pass, ends it; what the sink saw.
fn updated_under_load(flow: &str, taggers: &[&str], mode: Mode) -> Vec<Number> {
    changed_under_load(flow, mode, |k| {
        if k % 2 == 0 { update("tag@2", "on", taggers) } else { update("tag@1", "back", taggers) }
    })
}

fn changed_under_load(
    flow: &str,
    (placement, capacity, is_traced): Mode,
    change: impl Fn(usize) -> (Update, SourceMap),
) -> Vec<Number> {
    let seen = Seen::default();
    let registry = registry(&seen);
    let graph = graph(flow, &registry);
    let trace = Buffer::default();
    let writer = is_traced.then(|| Box::new(trace.clone()) as Box<dyn Write + Send>);
    let options = Options { capacity, placement, trace: writer, gate: None };
    let running = Running::start(&graph, Arc::new(registry), options).expect("it starts");
    for k in 0..6 {
        let so_far = seen.lock().expect("not poisoned").len();
        while seen.lock().expect("not poisoned").len() < so_far + 30 {
            std::thread::yield_now();
        }
        let (change, map) = change(k);
        running.submit(&change, &map).expect("accepted").wait().expect("answered");
    }
    running.stop().expect("it ends in order");
    if is_traced {
        let text = String::from_utf8(trace.0.lock().expect("not poisoned").clone()).expect("text");
        verify(&Trace::parse("run.trace", &text).expect("readable")).expect("a behaviour of the model");
    }
    std::mem::take(&mut *seen.lock().expect("not poisoned"))
}

fn never_mixed(numbers: &[Number]) {
    for number in numbers {
        assert!(number.tags.windows(2).all(|w| w[0] == w[1]), "{} was tagged by {:?}", number.value, number.tags);
    }
    let versions: std::collections::BTreeSet<_> = numbers.iter().map(|n| n.tags[0]).collect();
    assert!(versions.len() > 3, "updates took effect while numbers passed: {versions:?}");
}

const MODES: [Mode; 4] = [
    (Placement::ThreadEach, 1, true),
    (Placement::OneThread, 1, true),
    (Placement::ThreadEach, 64, false),
    (Placement::Fused, 64, false),
];

#[test]
fn on_a_chain_each_number_meets_one_version_in_order() {
    let flow = "count(count) -> a(tag) -> b(tag) -> c(tag) -> sink(collect)";
    for mode in MODES {
        let numbers = updated_under_load(flow, &["a", "b", "c"], mode);
        assert!(numbers.iter().enumerate().all(|(i, n)| n.value == i as u64), "all, in order");
        never_mixed(&numbers);
    }
}

/// Each update gives two operators another place, and another version with it or not; `b` is also moved by itself, from the thread of
/// `a` to one of its own.
#[test]
fn operators_move_from_thread_to_thread_with_what_they_hold() {
    let flow = "count(count) -> a(tag) -> b(tag) -> c(tag) -> sink(collect)";
    let to = |k: usize| {
        let place = ["left", "right", ""][k % 3];
        match k {
            0 => moved(&["b"], place, None),
            _ if k % 2 == 1 => moved(&["a", "c"], place, Some(("tag@2", "on"))),
            _ => moved(&["a", "c"], place, Some(("tag@1", "back"))),
        }
    };
    for mode in MODES {
        let numbers = changed_under_load(flow, mode, to);
        assert!(numbers.iter().enumerate().all(|(i, n)| n.value == i as u64), "all, in order: {mode:?}");
        for number in &numbers {
            assert_eq!(number.tags[0], number.tags[2], "{} was tagged by {:?}", number.value, number.tags);
        }
    }
}

/// An operator that blocks has a thread of its own where others share one, and loses it when it blocks no more.
#[test]
fn what_blocks_has_a_thread_of_its_own_until_it_is_changed() {
    let seen = Seen::default();
    let registry = registry(&seen);
    let graph = graph("count(count) -> a(tag:version=slow) -> b(tag) -> sink(collect)", &registry);
    let running = Running::start(&graph, Arc::new(registry), Options::default()).expect("it starts");
    assert_eq!(running.status().threads, 2);
    let (change, map) = update("tag@2", "on", &["a"]);
    running.submit(&change, &map).expect("accepted").wait().expect("answered");
    while running.status().threads > 1 {
        std::thread::yield_now();
    }
    let (change, map) = moved(&["a", "sink"], "aside", None);
    running.submit(&change, &map).expect("accepted").wait().expect("answered");
    assert_eq!(running.status().threads, 2);
    running.stop().expect("it ends in order");
    let numbers = std::mem::take(&mut *seen.lock().expect("not poisoned"));
    assert!(numbers.iter().enumerate().all(|(i, n)| n.value == i as u64), "all, in order");
}

/// Trophy. An operator that blocks had its turn for up to 64 packets as any other, and what it let go was told when the turn was over: of
/// thirty-two clients of a blocking server that asked for 30 MB each, none got a byte before 2.4 s. Found by someone who tried to
/// break the batches, which were not the cause. Its turn is one firing now; the first client waits 7 ms, and the last 0.22 s.
#[test]
fn what_an_operator_that_blocks_lets_go_of_goes_at_once() {
    let seen = Seen::default();
    let registry = registry(&seen);
    let graph = graph("count(count) -> a(waits) -> sink(collect)", &registry);
    for placement in [Placement::Fused, Placement::ThreadEach] {
        seen.lock().expect("not poisoned").clear();
        let options = Options { placement, ..Options::default() };
        let running = Running::start(&graph, Arc::new(crate::threads::registry(&seen)), options).expect("it starts");
        assert!(until(|| seen.lock().expect("not poisoned").len() > 200 || running.failure().is_some()));
        running.stop().expect("it ends in order");
    }
}

/// A thread with a name is there as long as an operator is, or one is to come.
#[test]
fn a_place_that_nobody_is_at_any_more_is_given_up() {
    let seen = Seen::default();
    let registry = registry(&seen);
    let graph = graph("count(count) -> a(tag) -> b(tag) -> sink(collect)", &registry);
    let running = Running::start(&graph, Arc::new(registry), Options::default()).expect("it starts");
    for k in 0..20 {
        let (change, map) = moved(&["a"], &format!("place-{k}"), None);
        running.submit(&change, &map).expect("accepted").wait().expect("answered");
    }
    assert!(until(|| running.status().threads == 2), "{:?}", running.status());
    let (change, map) = moved(&["a"], "", None);
    drop(running.prepare(&moved(&["b"], "never", None).0, &map, None).expect("it could be committed"));
    running.submit(&change, &map).expect("accepted").wait().expect("answered");
    assert!(until(|| running.status().threads == 1), "{:?}", running.status());
    running.stop().expect("it ends in order");
}

/// Trophy. Since what a source emits goes onto the arc at once, the room that its function is told of was looked for anew with every question;
/// a reader on another thread that keeps up made some all the time, and one that asks "while there is room" never came back from its wake,
/// with markers waiting behind it. Found by reading; room that a function is told of only falls within a call now.
#[test]
fn a_wake_ends_even_if_its_reader_keeps_up() {
    let (seen, at_once) = (Seen::default(), Arc::<AtomicU64>::default());
    let mut registry = registry(&seen);
    let catalogue = spec::components::parse("components.toml", COMPONENTS).expect("valid").0;
    let noted = at_once.clone();
    add(&mut registry, &catalogue, "pour@1", move |_| Ok(Pour { next: 0, at_once: noted.clone() }));
    let graph = graph("pour(pour) -> a(tag) -> sink(collect)", &registry);
    let options = Options { capacity: 16, placement: Placement::ThreadEach, ..Options::default() };
    let running = Running::start(&graph, Arc::new(registry), options).expect("it starts");
    let (change, map) = update("tag@2", "on", &["a"]);
    running.submit(&change, &map).expect("accepted").wait().expect("answered");
    assert!(until(|| seen.lock().expect("not poisoned").len() > 50_000));
    running.stop().expect("it ends in order");
    let numbers = std::mem::take(&mut *seen.lock().expect("not poisoned"));
    assert!(numbers.iter().enumerate().all(|(i, n)| n.value == i as u64), "all, in order");
    assert_eq!(at_once.load(Ordering::Relaxed), 16);
}

/// Trophy. A turn that ended where an output was full left behind it what had come to wait for another output, which had room: it went out
/// only when the full one had some, too, and here that would be never. Found by a test written against this change before it was
/// a day old; what waits is moved as far as it goes at the end of every turn.
#[test]
fn one_full_arc_does_not_hold_up_another() {
    for (placement, _, is_traced) in MODES {
        let seen = Seen::default();
        let mut registry = registry(&seen);
        let catalogue = spec::components::parse("components.toml", COMPONENTS).expect("valid").0;
        let noted = seen.clone();
        add(&mut registry, &catalogue, "begin@1", |_| Ok(Begin(2)));
        add(&mut registry, &catalogue, "awaits@1", move |_| Ok(Awaits { seen: noted.clone() }));
        let graph = graph("begin(begin) -> fork(fork) A -> awaits(awaits)\nfork B -> sink(collect)", &registry);
        let trace = is_traced.then(|| Box::new(Buffer::default()) as Box<dyn Write + Send>);
        // Where one thread runs all, the function that waits would wait for itself.
        let placement = if placement == Placement::OneThread { Placement::Fused } else { placement };
        let options = Options { capacity: 1, placement, trace, gate: None };
        let running = Running::start(&graph, Arc::new(registry), options).expect("it starts");
        assert!(until(|| seen.lock().expect("not poisoned").len() == 2), "{placement}");
        running.stop().expect("it ends in order");
    }
}

/// Trophy. Where a marker stood at one port, packets at the next were fired on first: from a feedback arc more came round than one turn takes, so
/// it was never empty, no marker comes over it, and the update was never applied. Found by a test written to find such a thing;
/// what stands at a port is read in the port's turn, whatever it is.
#[test]
fn packets_that_go_round_do_not_keep_a_marker_waiting() {
    for placement in [Placement::OneThread, Placement::ThreadEach, Placement::Fused] {
        let seen = Seen::default();
        let mut registry = registry(&seen);
        let catalogue = spec::components::parse("components.toml", COMPONENTS).expect("valid").0;
        add(&mut registry, &catalogue, "begin@1", |_| Ok(Begin(400)));
        add(&mut registry, &catalogue, "round@1", |_| Ok(Merge));
        add(&mut registry, &catalogue, "turn@1", |_| Ok(Merge));
        let graph = graph(
            "begin(begin) -> a(fork) B -> sink(collect)\na A -> IN round(round) -> b(turn) -> BACK round",
            &registry,
        );
        let options = Options { placement, ..Options::default() };
        let running = Running::start(&graph, Arc::new(registry), options).expect("it starts");
        assert!(until(|| seen.lock().expect("not poisoned").len() == 400), "{placement}");
        for k in 0..3 {
            let (change, map) = moved(&["a", "b"], &format!("place-{k}"), None);
            let ticket = running.submit(&change, &map).expect("accepted");
            assert!(until(|| running.status().in_flight.is_empty()), "{placement}: {:?}", running.status());
            ticket.wait().expect("answered");
        }
        running.stop().expect("it ends in order");
    }
}

#[test]
fn where_branches_join_each_number_meets_one_version_on_both() {
    let flow =
        "count(count) -> fork(fork) A -> a(tag) -> A join(join) -> z(tag) -> sink(collect)\nfork B -> b(tag) -> B join";
    for mode in MODES {
        let numbers = updated_under_load(flow, &["a", "b", "z"], mode);
        assert!(numbers.iter().enumerate().all(|(i, n)| n.value == i as u64), "all, in order");
        never_mixed(&numbers);
    }
}

#[test]
fn where_branches_merge_nothing_is_lost_or_doubled() {
    let flow = "count(count) -> fork(fork) A -> a(tag) -> A merge(merge) -> sink(collect)\nfork B -> b(tag) -> B merge";
    for mode in MODES {
        let mut numbers = updated_under_load(flow, &["a", "b"], mode);
        numbers.sort_by_key(|n| (n.value, n.tags.clone()));
        assert!(numbers.iter().enumerate().all(|(i, n)| n.value == i as u64 / 2), "each twice");
        never_mixed(&numbers);
        let both: Vec<_> = numbers.chunks(2).map(|pair| (&pair[0].tags, &pair[1].tags)).collect();
        assert!(both.iter().all(|(a, b)| a == b), "both copies of a number met the same version");
    }
}

#[test]
fn a_function_that_panics_ends_the_flow_with_a_reason_and_no_thread_hangs() {
    let seen = Seen::default();
    let registry = registry(&seen);
    let graph = graph("count(count) -> a(tag) -> bad(explode) -> sink(collect)", &registry);
    let running = Running::start(&graph, Arc::new(registry), Options::default()).expect("it starts");
    while running.failure().is_none() {
        std::thread::yield_now();
    }
    let (change, map) = update("tag@2", "on", &["a"]);
    assert!(running.submit(&change, &map).is_err(), "nothing is accepted any more");
    let refused = running.stop().expect_err("it did not end in order");
    assert!(refused.to_string().contains("as told"), "{refused}");
}

/// Trophy. `count` asks for another wake in every wake. Wakes once came before ports, so neither a marker nor the end of
/// its entrance arc was ever read: updates were never answered (L1) and the flow never ended. Found by this file's
/// first run; wakes and ports now take turns.
#[test]
fn a_source_that_never_rests_hears_the_end_and_after_it_nothing_is_accepted() {
    let seen = Seen::default();
    let registry = registry(&seen);
    let graph = graph("count(count) -> a(tag) -> sink(collect)", &registry);
    let running = Running::start(&graph, Arc::new(registry), Options::default()).expect("it starts");
    running.stop().expect("it ends in order");
    let (change, map) = update("tag@2", "on", &["a"]);
    assert!(running.submit(&change, &map).is_err());
}
