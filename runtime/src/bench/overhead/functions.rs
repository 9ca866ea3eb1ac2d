//! The functions of the pipeline, and what they are declared as: numbers counted up, passed on and taken in.
//!
//! Who takes them in runs on the thread that is measured, and so can say what that thread spent between two packets.

use crate::function::{Context, Function, Readiness, Registry};
use crate::packet::Packet;
use neurath_model::component::Catalogue;
use neurath_model::id::PortIndex;
use neurath_model::spec;
use rustix::time::{ClockId, clock_gettime};
use std::fmt;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use xxhash_rust::xxh3::xxh3_64;

const OUT: PortIndex = PortIndex(0);

const COMPONENTS: &str = r#"
[[component]]
name = "count"
outputs = { OUT = "number" }
emission = "each"
wake = "source"

[[component]]
name = "pass"
inputs = { IN = "number" }
outputs = { OUT = "number" }
emission = "each"

[[component]]
name = "take"
inputs = { IN = "number" }
firing = "any"
"#;

/// Which packets are measured: all from the one after `warm_up` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) warm_up: u64,
    pub(super) measured: u64,
}

/// Emits numbers for as long as they are taken.
#[derive(Debug, Default)]
pub(super) struct Count(u64);

impl Function for Count {
    fn start(&mut self, cx: &mut Context<'_>) {
        cx.again();
    }

    fn wake(&mut self, _: &[Readiness], cx: &mut Context<'_>) {
        // Where there is no room, one packet waits for it, and the source with it.
        for _ in 0..cx.room().clamp(1, BATCH) {
            cx.emit(OUT, Packet::new(self.0));
            self.0 += 1;
        }
        cx.again();
    }
}

/// How many packets the source gives at once, at most.
pub(super) const BATCH: usize = 64;

/// What a function does with a packet before it passes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Nothing,
    /// As much as hashing two kilobytes.
    Hash,
}

impl Work {
    pub(super) const ALL: [Self; 2] = [Self::Nothing, Self::Hash];

    #[inline]
    pub(super) fn do_it(self) {
        if self == Self::Hash {
            hash();
        }
    }
}

/// Apart, so that a function that does nothing has nothing of it.
#[inline(never)]
fn hash() {
    static BYTES: [u8; 2048] = [7; 2048];
    black_box(xxh3_64(black_box(&BYTES)));
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nothing => "do nothing",
            Self::Hash => "hash 2 kB",
        })
    }
}

/// Passes on what comes.
#[derive(Debug)]
pub(super) struct Pass(pub(super) Work);

impl Function for Pass {
    #[inline]
    fn fire(&mut self, _: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        self.0.do_it();
        cx.emit(OUT, packet);
    }
}

/// Takes numbers in, and tells what its thread spent on those that are measured, in nanoseconds of CPU time per packet.
#[derive(Debug)]
pub(super) struct Take {
    counted: Counted,
    next: u64,
    began: u64,
    told: Sender<f64>,
}

impl Take {
    pub(super) fn new(counted: Counted, told: Sender<f64>) -> Self {
        Self { counted, next: 0, began: 0, told }
    }

    pub(super) fn take(&mut self, packet: Packet) {
        let number: u64 = packet.take();
        assert_eq!(number, self.next, "packets come in order");
        self.next += 1;
        let Counted { warm_up, measured } = self.counted;
        if self.next == warm_up {
            self.began = thread_time();
        } else if self.next == warm_up + measured {
            // Nobody asks any more when the measurement was given up.
            let _ = self.told.send((thread_time() - self.began) as f64 / measured as f64);
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.next >= self.counted.warm_up + self.counted.measured
    }
}

impl Function for Take {
    fn fire(&mut self, _: PortIndex, packet: Packet, _: &mut Context<'_>) {
        self.take(packet);
    }
}

/// CPU time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// The components, with their functions.
pub(super) fn registry(work: Work, counted: Counted, told: Sender<f64>) -> Arc<Registry> {
    let mut registry = Registry::default();
    for component in declared().components().cloned() {
        match component.id.name.as_str() {
            "count" => registry.component(component, |_| Ok(Count::default())),
            "pass" => registry.component(component, move |_| Ok(Pass(work))),
            _ => {
                let told = told.clone();
                registry.component(component, move |_| Ok(Take::new(counted, told.clone())));
            }
        }
    }
    Arc::new(registry)
}

/// What the components declare.
fn declared() -> Catalogue {
    spec::components::parse("overhead/components.toml", COMPONENTS).expect("they are well declared").0
}

/// A chain: a source, so many operators that pass on, a sink.
pub(super) fn chain(length: usize) -> String {
    let passes: String = (0..length).map(|i| format!("OUT -> IN p{i}(pass) ")).collect();
    format!("source(count) {passes}OUT -> IN sink(take)\n")
}
