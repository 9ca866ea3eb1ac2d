//! Calls of the function, and what it did in them: emissions, open work held and let go.

use super::{Activation, Body, Progress, Rules};
use crate::function::{Begins, Context, Done, Function, Out};
use mio::Registry as Poll;
use neurath_model::choice::{Choice, Emits};
use neurath_model::component::{Emission, Wake};
use neurath_model::id::Lineage;
use smallvec::smallvec;

impl Activation {
    pub(super) fn call(
        &mut self,
        poll: &Poll,
        lineage: Option<Lineage>,
        f: impl FnOnce(&mut dyn Function, &mut Context<'_>),
    ) {
        self.with_context(poll, lineage, |body, cx| {
            let Body::Function(function, _) = body else { unreachable!("what has left is not called") };
            f(&mut **function, cx);
        });
    }

    /// Calls the function without a packet. What it emits goes onto the arcs at once, if each emission begins a lineage of its own and
    /// nobody writes that down.
    pub(super) fn call_awake(&mut self, poll: &Poll, f: impl FnOnce(&mut dyn Function, &mut Context<'_>)) {
        if !self.begins_one_by_one() {
            self.call(poll, None, f);
            return self.begin_lineages();
        }
        self.outlet.make_ready();
        let Self { at, outlet, body, progress, token_base, .. } = self;
        let Body::Function(function, _) = body else { unreachable!("what has left is not called") };
        let Progress { operator, again, begun, .. } = progress;
        let first = Lineage::new(*at, *begun);
        let out = Out::Direct { outlet, lineage: first, step: 1 };
        let mut cx = Context { out, again, version: operator.version(), poll, token_base: *token_base };
        f(&mut **function, &mut cx);
        *begun += cx.begun_since(first);
    }

    fn begins_one_by_one(&self) -> bool {
        let rules = self.rules();
        let is_one = match rules.emission {
            Emission::Each => rules.outputs <= 1,
            Emission::Filter | Emission::Route | Emission::Many => true,
            Emission::Buffer => false,
        };
        is_one && self.tracer.is_none()
    }

    pub(super) fn with_context(
        &mut self,
        poll: &Poll,
        lineage: Option<Lineage>,
        f: impl FnOnce(&mut Body, &mut Context<'_>),
    ) {
        let room = self.outlet.room();
        let mut cx = Context {
            out: Out::Noted { done: &mut self.progress.done, room, lineage },
            again: &mut self.progress.again,
            version: self.progress.operator.version(),
            poll,
            token_base: self.token_base,
        };
        f(&mut self.body, &mut cx);
    }

    pub(super) fn rules(&self) -> Rules {
        match &self.body {
            Body::Function(_, rules) | Body::Gone(rules) => *rules,
        }
    }

    /// After a firing on packets: a buffer holds what it took; what was emitted goes out in the trigger's lineage.
    pub(super) fn hold_and_emit(&mut self, lineage: Lineage) -> Emits {
        if self.rules().emission == Emission::Buffer {
            self.progress.held += 1;
            return Emits::new();
        }
        let mut emits = Emits::new();
        for done in self.progress.done.drain(..) {
            let Done::Emit(port, packet) = done else { panic!("only a component that buffers releases open work") };
            emits.push(port);
            self.outlet.emit(port, lineage, packet);
        }
        emits
    }

    /// After a wake: each emission of a source without inputs begins a lineage. One with several outputs that emits on
    /// each gives a packet to every output in turn, and a full turn is one firing.
    pub(super) fn begin_lineages(&mut self) {
        let rules = self.rules();
        if rules.emission == Emission::Buffer {
            return;
        }
        let turn = if rules.emission == Emission::Each { rules.outputs.max(1) } else { 1 };
        let mut emissions = std::mem::take(&mut self.progress.done);
        let is_traced = self.tracer.is_some();
        let (mut left, mut lineage, mut emits) = (0, Lineage::new(self.at, 0), Emits::new());
        for done in emissions.drain(..) {
            let Done::Emit(port, packet) = done else { panic!("only a component that buffers releases open work") };
            if left == 0 {
                lineage = self.begin();
                left = turn;
            }
            left -= 1;
            self.outlet.emit(port, lineage, packet);
            if is_traced {
                emits.push(port);
                if left == 0 {
                    let emits = std::mem::take(&mut emits);
                    self.note(&Choice::Wake { at: self.at, releases: None, emits }, &[]);
                }
            }
        }
        if !emits.is_empty() {
            self.note(&Choice::Wake { at: self.at, releases: None, emits }, &[]);
        }
        self.progress.done = emissions;
    }

    pub(super) fn begin(&mut self) -> Lineage {
        Begins { at: self.at, begun: &mut self.progress.begun }.next()
    }

    /// Open work that the function let go: each is a firing of its own.
    pub(super) fn let_go(&mut self) {
        if self.progress.done.is_empty() {
            return;
        }
        let begins = self.rules().wake == Wake::Source;
        let mut released = std::mem::take(&mut self.progress.done);
        for done in released.drain(..) {
            let Done::Release(held, emission) = done else { panic!("a component that buffers emits by releasing") };
            self.progress.held = self.progress.held.checked_sub(1).expect("only what is held can be released");
            let mut emits = Emits::new();
            if let Some((port, packet)) = emission {
                let lineage = if begins { self.begin() } else { held };
                emits = smallvec![port];
                self.outlet.emit(port, lineage, packet);
            }
            self.note(&Choice::Wake { at: self.at, releases: Some(held), emits }, &[]);
        }
        self.progress.done = released;
    }
}
