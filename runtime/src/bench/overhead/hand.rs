//! The pipeline as one would write it by hand: stages in a loop over rings of the same kind, in runs as long as ours, on one thread.

use super::functions::{BATCH, Counted, Take};
use crate::packet::Packet;
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::mpsc;

/// Nanoseconds of CPU time per packet.
pub(super) fn run(length: usize, capacity: usize, counted: Counted) -> f64 {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || pipeline(length, capacity, Take::new(counted, tell)));
    told.recv().expect("the sink tells")
}

type Stage = Box<dyn FnMut(Packet, &mut Producer<Packet>)>;

fn pipeline(length: usize, capacity: usize, mut sink: Take) {
    let (mut first, mut input) = RingBuffer::new(capacity);
    let mut stages: Vec<(Consumer<Packet>, Producer<Packet>, Stage)> = Vec::new();
    for _ in 0..length {
        let (output, next) = RingBuffer::new(capacity);
        stages.push((
            std::mem::replace(&mut input, next),
            output,
            std::hint::black_box(Box::new(|packet, output: &mut Producer<Packet>| {
                output.push(packet).expect("there is room")
            })),
        ));
    }
    let mut next = 0_u64;
    while !sink.is_done() {
        for _ in 0..BATCH.min(first.slots()) {
            first.push(Packet::new(next)).expect("there is room");
            next += 1;
        }
        for (input, output, stage) in &mut stages {
            for _ in 0..BATCH.min(input.slots()).min(output.slots()) {
                let packet = input.pop().expect("there is a packet");
                stage(packet, output);
            }
        }
        for _ in 0..BATCH.min(input.slots()) {
            sink.take(input.pop().expect("there is a packet"));
        }
    }
}
