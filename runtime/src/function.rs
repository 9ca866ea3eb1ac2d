//! What an author of operators writes: a [`Function`], and how it is built and registered.
//!
//! A function is sequential code that knows nothing of threads, arcs, markers or updates. The runtime calls it with
//! packets, carries what it emits, and between two firings may take its state and go on with another version of it.
//!
//! ```
//! use neurath_runtime::function::{Context, Function};
//! use neurath_runtime::packet::{Packet, State};
//! use neurath_model::id::PortIndex;
//!
//! /// Numbers the texts that pass through.
//! struct Number { next: u64 }
//!
//! impl Function for Number {
//!     fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
//!         let text: String = packet.take();
//!         cx.emit(PortIndex(0), Packet::new(format!("{} {text}", self.next)));
//!         self.next += 1;
//!     }
//!
//!     fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State { State::new(self.next) }
//!     fn import(&mut self, state: State, _cx: &mut Context<'_>) { self.next = state.take(); }
//! }
//! ```

use crate::engine::arc::Receiver;
use crate::engine::outlet::Outlet;
use crate::packet::{Packet, State};
use mio::unix::SourceFd;
use mio::{Interest, Registry as Poll, Token};
use neurath_model::component::{Catalogue, Component, Transfer};
use neurath_model::flow::ComponentRef;
use neurath_model::id::{Lineage, OperatorId, PortIndex, Version};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What an operator runs. It must do what its component declares: see [`Component`].
pub trait Function: Send {
    /// Fires on one packet (`firing = "any"`).
    fn fire(&mut self, port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let _ = (packet, cx);
        unreachable!("this component does not fire on single packets, yet one came in on port {}", port.0);
    }

    /// Fires on one packet from every input port, in port order (`firing = "all"`).
    fn fire_all(&mut self, packets: Vec<Packet>, cx: &mut Context<'_>) {
        let _ = cx;
        unreachable!("this component does not join, yet {} packets came in together", packets.len());
    }

    /// Fires without a packet: something it registered is ready, or it asked for it with [`Context::again`]. Readiness
    /// may be reported that is stale; an operation that would block is then simply tried later.
    fn wake(&mut self, ready: &[Readiness], cx: &mut Context<'_>) {
        let _ = (ready, cx);
    }

    /// Called once before the first firing of this function, after any [`import`](Self::import): the moment to
    /// register sockets.
    fn start(&mut self, cx: &mut Context<'_>) {
        let _ = cx;
    }

    /// Takes new values of its properties; they are complete and of the declared kinds. Called between firings.
    fn configure(&mut self, properties: &Properties) {
        let _ = properties;
    }

    /// Gives its state away, at the end of its life; open work included. What it registered it must deregister.
    fn export(self: Box<Self>, cx: &mut Context<'_>) -> State {
        let _ = cx;
        State::new(())
    }

    /// Takes the state of the version before it, already of its declared state type.
    fn import(&mut self, state: State, cx: &mut Context<'_>) {
        let _ = (state, cx);
    }

    /// No more packets will come. Whatever open work it holds it must now release, at once or in later wakes.
    fn close(&mut self, cx: &mut Context<'_>) {
        let _ = cx;
    }
}

/// A function together with the loop that fires it on one packet after another: compiled as one, so that what a function does with a packet is
/// called through a table once for a run, and not for each of them.
pub(crate) trait Runnable: Function {
    /// Fires on packets that stand together; says on how many.
    fn fire_run(&mut self, run: Run<'_>, cx: &mut Context<'_>) -> usize;
}

/// Packets that stand together on an arc.
pub(crate) struct Run<'a> {
    pub(crate) port: PortIndex,
    pub(crate) from: &'a mut Receiver,
    /// How many of them are fired on at most.
    pub(crate) most: usize,
    /// Whether the outputs have room for what these firings emit; if not, the run ends where they are full.
    pub(crate) has_room: bool,
    /// Where each of them begins a lineage, and does not go on in its own.
    pub(crate) begins: Option<Begins<'a>>,
}

impl<F: Function> Runnable for F {
    fn fire_run(&mut self, run: Run<'_>, cx: &mut Context<'_>) -> usize {
        let Run { port, from, most, has_room, mut begins } = run;
        from.take_run(most, |(taken, packet)| {
            cx.goes_on_in(begins.as_mut().map_or(taken, Begins::next));
            self.fire(port, packet, cx);
            has_room || cx.is_clear()
        })
    }
}

/// Who begins lineages, and how many it has begun.
#[derive(Debug)]
pub(crate) struct Begins<'a> {
    pub(crate) at: OperatorId,
    pub(crate) begun: &'a mut u64,
}

impl Begins<'_> {
    /// Another one.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Lineage {
        *self.begun += 1;
        Lineage::new(self.at, *self.begun - 1)
    }
}

/// Something registered became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// The key it was registered with.
    pub key: u32,
    /// Reading may make progress (or the peer closed).
    pub readable: bool,
    /// Writing may make progress.
    pub writable: bool,
    /// The peer sends no more, or the descriptor has failed; both are told once, perhaps together with the last bytes.
    pub ended: bool,
}

/// What a call did, for the runtime to carry out and to trace.
#[derive(Debug)]
pub(crate) enum Done {
    /// A packet for an output, in the lineage of the trigger (or a new one, from a source).
    Emit(PortIndex, Packet),
    /// Open work that ends, with the packet that it gives, if any.
    Release(Lineage, Option<(PortIndex, Packet)>),
}

/// Where what a function emits goes.
pub(crate) enum Out<'a> {
    /// It is noted, to be carried out after the call; there was so much room before.
    Noted { done: &'a mut Vec<Done>, room: usize, lineage: Option<Lineage> },
    /// Onto the arcs at once. In a firing on packets all is of one lineage, and `step` is 0; in a wake each emission begins another, and
    /// it is 1.
    Direct { outlet: &'a mut Outlet, lineage: Lineage, step: u64 },
}

/// A firing's view of the world: where it emits, and what it may ask for.
pub struct Context<'a> {
    pub(crate) out: Out<'a>,
    pub(crate) again: &'a mut bool,
    pub(crate) version: Version,
    pub(crate) poll: &'a Poll,
    /// The bits of a token that name the operator within its worker.
    pub(crate) token_base: usize,
}

impl Context<'_> {
    /// Emits a packet. In a firing on packets it belongs to their lineage; in a wake of a source without inputs each
    /// emission is a firing of its own and begins a lineage.
    #[inline(always)]
    pub fn emit(&mut self, port: PortIndex, packet: Packet) {
        if let Out::Direct { outlet, lineage, step } = &mut self.out
            && let Some(batch) = outlet.batch_with_room(port)
        {
            batch.push((*lineage, packet));
            *lineage = lineage.later(*step);
            return;
        }
        self.emit_otherwise(port, packet);
    }

    /// Apart, so that the code above stays small where it is used.
    #[cold]
    #[inline(never)]
    fn emit_otherwise(&mut self, port: PortIndex, packet: Packet) {
        match &mut self.out {
            Out::Noted { done, .. } => done.push(Done::Emit(port, packet)),
            Out::Direct { outlet, lineage, step } => {
                outlet.emit(port, *lineage, packet);
                *lineage = lineage.later(*step);
            }
        }
    }

    /// Ends the hold on a packet that this `buffer` operator took in with that [`lineage`](Self::lineage), and emits
    /// what became of it, if anything. May be called in a firing (even for the packet just taken), a wake or a start.
    pub fn release(&mut self, held: Lineage, emission: Option<(PortIndex, Packet)>) {
        let Out::Noted { done, .. } = &mut self.out else { panic!("only a component that buffers releases open work") };
        done.push(Done::Release(held, emission));
    }

    /// The lineage of the packet that triggered this firing.
    ///
    /// # Panics
    /// Outside a firing on packets, where there is no such packet.
    pub fn lineage(&self) -> Lineage {
        let lineage = match self.out {
            Out::Noted { lineage, .. } => lineage,
            Out::Direct { lineage, step, .. } => Some(lineage).filter(|_| step == 0),
        };
        lineage.expect("only a firing on packets has a lineage")
    }

    /// The last update applied to this operator.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many more packets fit before the operator's outputs are full. Emitting more is allowed; the operator then
    /// waits until they are in. What others take meanwhile is not counted, so it only falls within a call.
    pub fn room(&self) -> usize {
        match &self.out {
            Out::Noted { done, room, .. } => room.saturating_sub(done.len()),
            Out::Direct { outlet, .. } => outlet.known_room(),
        }
    }

    /// From here on, what is emitted belongs to another lineage.
    #[inline(always)]
    pub(crate) fn goes_on_in(&mut self, next: Lineage) {
        if let Out::Direct { lineage, .. } = &mut self.out {
            *lineage = next;
        }
    }

    /// How many lineages were begun since this one was the next.
    pub(crate) fn begun_since(&self, first: Lineage) -> u64 {
        match self.out {
            Out::Noted { .. } => 0,
            Out::Direct { lineage, .. } => lineage.number() - first.number(),
        }
    }

    /// Whether there was room for all that was emitted at once.
    #[inline(always)]
    pub(crate) fn is_clear(&self) -> bool {
        match &self.out {
            Out::Noted { .. } => true,
            Out::Direct { outlet, .. } => outlet.is_clear(),
        }
    }

    /// Asks for another wake, without readiness: for work cut into fair pieces. It comes soon, or when there is room on an output again if
    /// there is none on any.
    pub fn again(&mut self) {
        *self.again = true;
    }

    /// Watches a descriptor, edge-triggered; [`Function::wake`] gets the key. The same descriptor may be watched by
    /// other operators too.
    pub fn watch(&self, fd: BorrowedFd<'_>, key: u32, interest: Interest) -> io::Result<()> {
        self.poll.register(&mut SourceFd(&fd.as_raw_fd()), Token(self.token_base | key as usize), interest)
    }

    /// Ends the watch of a descriptor. Closing the last descriptor of a file does so too.
    pub fn unwatch(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.poll.deregister(&mut SourceFd(&fd.as_raw_fd()))
    }
}

/// The values of an operator's properties: complete, and of the declared kinds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Properties(BTreeMap<String, Value>);

impl Properties {
    /// These values.
    pub fn new(values: BTreeMap<String, Value>) -> Self {
        Self(values)
    }

    /// A text; empty where the component declares none of that name.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A whole number; 0 where the component declares none of that name.
    pub fn integer(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// A truth value; false where the component declares none of that name.
    pub fn boolean(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or_default()
    }
}

/// Why a function could not be built; the text is shown to the user behind the operator's name.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BuildError(pub String);

type Check = Box<dyn Fn(&Properties, &Properties) -> Result<(), BuildError> + Send + Sync>;
type Builder = Box<dyn Fn(&Properties) -> Result<Box<dyn Runnable>, BuildError> + Send + Sync>;
type TransferFn = Box<dyn Fn(State) -> State + Send + Sync>;

/// The components that are compiled in: their declarations, and how to build their functions.
#[derive(Default)]
pub struct Registry {
    catalogue: Catalogue,
    builders: BTreeMap<ComponentRef, Builder>,
    checks: BTreeMap<ComponentRef, Check>,
    transfers: BTreeMap<String, TransferFn>,
}

impl Registry {
    /// Registers a component and how to build it. Building may fail (a port in use, a folder that is not there), but
    /// must leave no trace of the attempt.
    pub fn component<F, B>(&mut self, declaration: Component, build: B)
    where
        F: Function + 'static,
        B: Fn(&Properties) -> Result<F, BuildError> + Send + Sync + 'static,
    {
        let id = declaration.id.clone();
        assert!(self.catalogue.add(declaration).is_none(), "component {id} is registered twice");
        self.builders.insert(id, Box::new(move |p| Ok(Box::new(build(p)?))));
    }

    /// Registers what must hold for new values of a component's properties (the old ones are given first), beyond their
    /// kinds. It is asked before an update is committed; [`Function::configure`] cannot fail.
    pub fn check_properties(
        &mut self,
        id: &ComponentRef,
        check: impl Fn(&Properties, &Properties) -> Result<(), BuildError> + Send + Sync + 'static,
    ) {
        self.checks.insert(id.clone(), Box::new(check));
    }

    /// Whether a running function of the component can take these properties in place of the old ones.
    pub fn accepts_properties(&self, id: &ComponentRef, old: &Properties, new: &Properties) -> Result<(), BuildError> {
        self.checks.get(id).map_or(Ok(()), |check| check(old, new))
    }

    /// Registers a state transfer: total, since it runs after the update is committed.
    pub fn transfer<A, B>(&mut self, declaration: Transfer, apply: impl Fn(A) -> B + Send + Sync + 'static)
    where
        A: std::any::Any + Send,
        B: std::any::Any + Send,
    {
        let name = declaration.name.clone();
        assert!(self.catalogue.add_transfer(declaration).is_none(), "transfer {name} is registered twice");
        self.transfers.insert(name, Box::new(move |state| State::new(apply(state.take()))));
    }

    /// The declarations, for validation and planning.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Builds a component's function. A component that is declared in a file but not compiled in cannot be built.
    pub fn build(&self, id: &ComponentRef, properties: &Properties) -> Result<Box<dyn Function>, BuildError> {
        Ok(self.build_runnable(id, properties)?)
    }

    /// The same, as it is run.
    pub(crate) fn build_runnable(
        &self,
        id: &ComponentRef,
        properties: &Properties,
    ) -> Result<Box<dyn Runnable>, BuildError> {
        let builder = self.builders.get(id).ok_or_else(|| BuildError(format!("component {id} is not compiled in")))?;
        builder(properties)
    }

    /// Whether a transfer of that name is compiled in.
    pub fn has_transfer(&self, name: &str) -> bool {
        self.transfers.contains_key(name)
    }

    /// Runs a transfer.
    ///
    /// # Panics
    /// If it is not compiled in; [`has_transfer`](Self::has_transfer) is asked before an update is committed.
    pub fn run_transfer(&self, name: &str, state: State) -> State {
        self.transfers[name](state)
    }
}
