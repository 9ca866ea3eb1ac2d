//! The pipeline as one would write it by hand: stages in a loop over rings of the same kind, in runs as long as ours, on one thread.
//!
//! The stages are boxed closures, for which ones there are is known when the program runs, as it is in a flow.

use super::functions::{BATCH, Counted, Take, Work};
use super::{CAPACITY, Pipeline};
use crate::packet::Packet;
use rtrb::{Consumer, Producer, RingBuffer};
use std::hint::black_box;
use std::sync::mpsc;

/// What is done with a packet, and where it goes then.
type Do = Box<dyn FnMut(Packet, &mut Producer<Packet>)>;

struct Stage {
    input: Consumer<Packet>,
    output: Producer<Packet>,
    does: Do,
}

/// Nanoseconds of CPU time per packet.
pub(super) fn run(pipeline: Pipeline, counted: Counted) -> f64 {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || pass(pipeline, Take::new(counted, tell)));
    let spent = told.recv().expect("the sink tells");
    thread.join().expect("no stage panics");
    spent
}

fn pass(pipeline: Pipeline, mut sink: Take) {
    let (mut first, input) = RingBuffer::new(CAPACITY);
    let (mut stages, mut last) = stages(pipeline, input);
    let mut next = 0_u64;
    while !sink.is_done() {
        for _ in 0..BATCH.min(first.slots()) {
            first.push(Packet::new(next)).expect("there is room");
            next += 1;
        }
        for Stage { input, output, does } in &mut stages {
            for _ in 0..BATCH.min(input.slots()).min(output.slots()) {
                does(input.pop().expect("there is a packet"), output);
            }
        }
        for _ in 0..BATCH.min(last.slots()) {
            sink.take(last.pop().expect("there is a packet"));
        }
    }
}

fn stages(Pipeline { length, work }: Pipeline, mut input: Consumer<Packet>) -> (Vec<Stage>, Consumer<Packet>) {
    let mut stages = Vec::new();
    for _ in 0..length {
        let (output, next) = RingBuffer::new(CAPACITY);
        let input = std::mem::replace(&mut input, next);
        stages.push(Stage {
            input,
            output,
            does: black_box(Box::new(move |packet, output| one(work, packet, output))),
        });
    }
    (stages, input)
}

fn one(work: Work, packet: Packet, output: &mut Producer<Packet>) {
    work.do_it();
    output.push(packet).expect("there is room");
}
