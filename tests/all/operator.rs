//! The worked example of the book's chapter on operators: three functions, registered, run, and one of them updated.
//!
//! The chapter includes the parts between the anchors, so what it shows is what is compiled and run here.

use mio::Interest;
use neurath_model::component::Catalogue;
use neurath_model::flow::ComponentRef;
use neurath_model::id::PortIndex;
use neurath_model::spec::{components, fbp, update};
use neurath_model::validate::validate;
use neurath_runtime::admission::admit;
use neurath_runtime::engine::{Options, Running};
use neurath_runtime::function::{Context, Function, Readiness, Registry};
use neurath_runtime::packet::{Packet, State};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};

const FLOW: &str = include_str!("../../docs/src/examples/numbered.fbp");
const COMPONENTS: &str = include_str!("../../docs/src/examples/components.toml");
const UPDATE: &str = include_str!("../../docs/src/examples/padded.toml");

// ANCHOR: number
/// `text/number@1`: its state is the next number.
struct Number {
    next: u64,
}

impl Function for Number {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let line: String = packet.take();
        cx.emit(PortIndex(0), Packet::new(format!("{} {line}", self.next)));
        self.next += 1;
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(self.next)
    }

    fn import(&mut self, state: State, _cx: &mut Context<'_>) {
        self.next = state.take();
    }
}
// ANCHOR_END: number

// ANCHOR: padded
/// What `text/number@padded` remembers.
struct PaddedCount {
    next: u64,
    width: usize,
}

/// `text/number@padded`: numbers of one width.
struct Padded(PaddedCount);

impl Function for Padded {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let PaddedCount { next, width } = self.0;
        let line: String = packet.take();
        cx.emit(PortIndex(0), Packet::new(format!("{next:0width$} {line}")));
        self.0.next += 1;
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(self.0)
    }

    fn import(&mut self, state: State, _cx: &mut Context<'_>) {
        self.0 = state.take();
    }
}

/// The transfer `count-to-padded`.
fn count_to_padded(next: u64) -> PaddedCount {
    PaddedCount { next, width: 4 }
}
// ANCHOR_END: padded

// ANCHOR: lines
/// `text/lines@1`: a source. Its wakes come from a socket.
struct Lines {
    socket: UnixStream,
    unread: Vec<u8>,
    open: bool,
}

impl Function for Lines {
    fn start(&mut self, cx: &mut Context<'_>) {
        cx.watch(self.socket.as_fd(), 0, Interest::READABLE).expect("a socket can be watched");
        cx.again();
    }

    fn wake(&mut self, _ready: &[Readiness], cx: &mut Context<'_>) {
        if !self.open {
            return;
        }
        let mut chunk = [0; 4096];
        while let Ok(n @ 1..) = self.socket.read(&mut chunk) {
            self.unread.extend_from_slice(&chunk[..n]);
        }
        while cx.room() > 0
            && let Some(end) = self.unread.iter().position(|byte| *byte == b'\n')
        {
            let line: Vec<u8> = self.unread.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]).into_owned();
            cx.emit(PortIndex(0), Packet::new(line));
        }
        if self.unread.contains(&b'\n') {
            cx.again();
        }
    }

    fn close(&mut self, cx: &mut Context<'_>) {
        self.open = false;
        cx.unwatch(self.socket.as_fd()).expect("it was watched");
    }
}
// ANCHOR_END: lines

// ANCHOR: keep
/// `text/keep@1`: a sink.
struct Keep(mpsc::Sender<String>);

impl Function for Keep {
    fn fire(&mut self, _port: PortIndex, packet: Packet, _cx: &mut Context<'_>) {
        // Whoever listens may have gone; the flow goes on.
        let _ = self.0.send(packet.take());
    }
}
// ANCHOR_END: keep

// ANCHOR: registry
fn registry(declared: &Catalogue, socket: UnixStream, kept: mpsc::Sender<String>) -> Registry {
    let component = |id: &str| declared.component(&ComponentRef::parse(id)).expect(id).clone();
    let mut registry = Registry::default();
    registry.component(component("text/lines"), move |_| {
        let socket = socket.try_clone().map_err(|e| neurath_runtime::function::BuildError(e.to_string()))?;
        Ok(Lines { socket, unread: Vec::new(), open: true })
    });
    registry.component(component("text/number"), |_| Ok(Number { next: 1 }));
    registry.component(component("text/number@padded"), |_| Ok(Padded(count_to_padded(1))));
    registry.component(component("text/keep"), move |_| Ok(Keep(kept.clone())));
    registry.transfer(declared.transfer("count-to-padded").expect("declared").clone(), count_to_padded);
    registry
}
// ANCHOR_END: registry

// ANCHOR: run
#[test]
fn numbers_go_on_across_an_update() -> Result<(), Box<dyn std::error::Error>> {
    let (mut outside, inside) = UnixStream::pair()?;
    inside.set_nonblocking(true)?;
    let (keep, kept) = mpsc::channel();

    // Read, register, validate, start.
    let (declared, _) = components::parse("components.toml", COMPONENTS)?;
    let registry = Arc::new(registry(&declared, inside, keep));
    let (flow, places) = fbp::parse("numbered.fbp", FLOW)?;
    let graph = validate(&flow, &places, registry.catalogue())?;
    let running = Running::start(&graph, registry.clone(), Options::default())?;

    outside.write_all(b"one\ntwo\n")?;
    assert_eq!([kept.recv()?, kept.recv()?], ["1 one", "2 two"]);

    // Check the update against the flow that runs, apply it, and wait for the answer.
    let (update, places) = update::parse("padded.toml", UPDATE)?;
    let prepared = running.prepare(&update, &places, None)?;
    let admission = admit(prepared.before(), prepared.plan(), &places)?;
    assert_eq!(admission.verdict, "holds");
    let ticket = running.commit(prepared)?.expect("no other update was first");
    let applied = ticket.wait()?;
    assert_eq!(applied.operators.len(), 1, "`number` alone was changed");

    outside.write_all(b"three\n")?;
    assert_eq!(kept.recv()?, "0003 three");

    running.stop()?;
    Ok(())
}
// ANCHOR_END: run
