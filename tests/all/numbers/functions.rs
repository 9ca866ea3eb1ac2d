//! The functions of flows of numbers.

use super::{Number, Numbers};
use crate::support::until;
use neurath_model::id::PortIndex;
use neurath_runtime::function::{Context, Function, Readiness};
use neurath_runtime::packet::{Packet, State};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// Emits a number in each wake if there is room, and asks for another wake.
pub(super) struct Count {
    next: u64,
    numbers: Numbers,
}

impl Count {
    pub(super) fn new(numbers: Numbers) -> Self {
        Self { next: 0, numbers }
    }
}

impl Function for Count {
    fn start(&mut self, cx: &mut Context<'_>) {
        cx.again();
    }

    fn wake(&mut self, _: &[Readiness], cx: &mut Context<'_>) {
        if cx.room() > 0 {
            cx.emit(PortIndex(0), Packet::new(Number { value: self.next, tags: Vec::new() }));
            self.next += 1;
        } else {
            self.numbers.in_vain.fetch_add(1, Ordering::Relaxed);
        }
        cx.again();
    }
}

/// Emits for as long as there is room, and notes how much that was.
pub(super) struct Pour {
    next: u64,
    numbers: Numbers,
}

impl Pour {
    pub(super) fn new(numbers: Numbers) -> Self {
        Self { next: 0, numbers }
    }
}

impl Function for Pour {
    fn start(&mut self, cx: &mut Context<'_>) {
        cx.again();
    }

    fn wake(&mut self, _: &[Readiness], cx: &mut Context<'_>) {
        let first = self.next;
        while cx.room() > 0 {
            cx.emit(PortIndex(0), Packet::new(Number { value: self.next, tags: Vec::new() }));
            self.next += 1;
        }
        self.numbers.at_once.fetch_max(self.next - first, Ordering::Relaxed);
        cx.again();
    }
}

/// Emits so many numbers when it starts, and none after that.
pub(super) struct Begin(pub(super) Numbers);

impl Function for Begin {
    fn start(&mut self, cx: &mut Context<'_>) {
        for value in 0..self.0.begins {
            cx.emit(PortIndex(0), Packet::new(Number { value, tags: Vec::new() }));
        }
    }
}

/// Is done with the first number when the sink has seen the one after it.
pub(super) struct Awaits(pub(super) Numbers);

impl Function for Awaits {
    fn fire(&mut self, _: PortIndex, packet: Packet, _: &mut Context<'_>) {
        let number: Number = packet.take();
        let after = || self.0.seen().iter().any(|other| other.value > 0);
        assert!(number.value > 0 || until(after), "the number after the first has not come to the sink");
    }
}

/// Emits what comes on both outputs.
pub(super) struct Fork;

impl Function for Fork {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let number: Number = packet.take();
        cx.emit(PortIndex(0), Packet::new(number.clone()));
        cx.emit(PortIndex(1), Packet::new(number));
    }
}

/// Tags, and counts how many it tagged over all its versions.
#[derive(Default)]
pub(super) struct Tag {
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
pub(super) struct Waits(pub(super) Numbers);

impl Function for Waits {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        let number: Number = packet.take();
        let before = || self.0.count() as u64 >= number.value;
        assert!(until(before), "what was let go before {} has come to nobody", number.value);
        cx.emit(PortIndex(0), Packet::new(number));
    }
}

/// Passes on what comes.
pub(super) struct Merge;

impl Function for Merge {
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        cx.emit(PortIndex(0), packet);
    }
}

/// Makes one of two that belong together, with the tags of both.
pub(super) struct Join;

impl Function for Join {
    fn fire_all(&mut self, packets: Vec<Packet>, cx: &mut Context<'_>) {
        let [a, b]: [Number; 2] =
            packets.into_iter().map(Packet::take).collect::<Vec<_>>().try_into().ok().expect("two ports");
        assert_eq!(a.value, b.value, "a join takes what belongs together");
        let tags = a.tags.into_iter().chain(b.tags).collect();
        cx.emit(PortIndex(0), Packet::new(Number { value: a.value, tags }));
    }
}

/// The sink.
pub(super) struct Collect(pub(super) Numbers);

impl Function for Collect {
    fn fire(&mut self, _: PortIndex, packet: Packet, _: &mut Context<'_>) {
        self.0.seen().push(packet.take());
    }
}

/// A sink that takes its time.
pub(super) struct Dawdle(pub(super) Numbers);

impl Function for Dawdle {
    fn fire(&mut self, _: PortIndex, packet: Packet, _: &mut Context<'_>) {
        thread::sleep(Duration::from_millis(2));
        self.0.seen().push(packet.take());
    }
}

/// Panics.
pub(super) struct Explode;

impl Function for Explode {
    fn fire(&mut self, _: PortIndex, _: Packet, _: &mut Context<'_>) {
        panic!("as told");
    }
}
