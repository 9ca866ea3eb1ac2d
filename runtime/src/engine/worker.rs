//! A worker: a thread that runs the operators seated at it, and sleeps when none of them has anything to do.
//!
//! ```text
//!   bells ---> board --gather--> ready: seats in turn --> Activation::run --> goes on: back to the end of the line
//!   sockets -> poll  --look----> ^                                      \--> over, or placed elsewhere: the seat is left
//! ```
//!
//! Only operators that something has happened to have a turn: what a worker does depends on how much there is to do, not on how many operators
//! it has. It sleeps in the same poll that watches the sockets of its operators, so that a source waits on I/O and on markers
//! together (protocol rule 7).

use crate::engine::activation::Activation;
use crate::engine::control::Control;
use crate::engine::signal::Signal;
use crate::function::Readiness;
use mio::{Events, Poll, event::Event};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// A thread's operators, and what it sleeps on.
pub(crate) struct Worker {
    seats: Vec<Seat>,
    /// How many seats are taken.
    seated: usize,
    /// Whose turn it is.
    ready: VecDeque<usize>,
    /// Operators that come.
    newcomers: mpsc::Receiver<Box<Activation>>,
    poll: Poll,
    signal: Arc<Signal>,
    control: Arc<Control>,
}

#[derive(Default)]
struct Seat {
    activation: Option<Box<Activation>>,
    /// Whether it stands in line already.
    is_ready: bool,
}

impl Worker {
    /// How many steps one operator takes before the next has its turn.
    const QUANTUM: usize = 64;
    /// How many steps pass at most between two looks at the sockets, and one round more.
    pub(crate) const STEPS_PER_LOOK: usize = 512;
    /// Which bits of a token name the operator's seat.
    pub(crate) const TOKEN_SHIFT: u32 = 32;

    pub(crate) fn new(
        poll: Poll,
        signal: Arc<Signal>,
        newcomers: mpsc::Receiver<Box<Activation>>,
        control: Arc<Control>,
    ) -> Self {
        Self { seats: Vec::new(), seated: 0, ready: VecDeque::new(), newcomers, poll, signal, control }
    }

    /// Runs until every operator has left and none can come any more, or until the flow has failed.
    pub(crate) fn run(mut self) -> io::Result<()> {
        self.signal.settle_here();
        let mut events = Events::with_capacity(1024);
        let mut steps = 0;
        while self.is_staffed() && !self.control.has_failed() {
            self.welcome();
            self.gather();
            if self.ready.is_empty() {
                self.sleep(&mut events)?;
                steps = 0;
                continue;
            }
            steps += self.round();
            if steps >= Self::STEPS_PER_LOOK {
                self.look(&mut events, Some(Duration::ZERO))?;
                steps = 0;
            }
        }
        Ok(())
    }

    /// Whether there is an operator; if not, it waits for one as long as one can come.
    fn is_staffed(&mut self) -> bool {
        if self.seated == 0 {
            // Without a first operator, the update that it was to come with was refused.
            let Ok(newcomer) = self.newcomers.recv() else { return false };
            self.take_in(newcomer);
        }
        true
    }

    /// Takes in operators that have come; says whether any has.
    fn welcome(&mut self) -> bool {
        let before = self.seated;
        while let Ok(activation) = self.newcomers.try_recv() {
            self.take_in(activation);
        }
        self.seated > before
    }

    fn take_in(&mut self, activation: Box<Activation>) {
        activation.arrives();
        let seat = activation.bell.seat();
        if self.seats.len() <= seat {
            self.seats.resize_with(seat + 1, Seat::default);
        }
        self.seats[seat].activation = Some(activation);
        self.seated += 1;
        self.line_up(seat);
    }

    fn line_up(&mut self, seat: usize) {
        line_up(&mut self.seats, &mut self.ready, seat);
    }

    fn gather(&mut self) {
        let Self { seats, ready, signal, .. } = self;
        signal.gather(|seat| line_up(seats, ready, seat));
    }

    /// Gives everyone in line a turn; says how many steps they took.
    fn round(&mut self) -> usize {
        let mut steps = 0;
        for _ in 0..self.ready.len() {
            let seat = self.ready.pop_front().expect("counted");
            steps += self.turn(seat);
        }
        steps
    }

    fn turn(&mut self, number: usize) -> usize {
        let seat = &mut self.seats[number];
        seat.is_ready = false;
        let Some(activation) = &mut seat.activation else { return 0 };
        let turned = activation.run(self.poll.registry(), Self::QUANTUM);
        if activation.is_over() {
            self.leave(number);
        } else if let Some(berth) = activation.moves_to.take() {
            self.leave(number).move_to(berth);
        } else if turned.goes_on {
            self.line_up(number);
        }
        turned.steps.max(1)
    }

    fn leave(&mut self, number: usize) -> Box<Activation> {
        self.seated -= 1;
        self.signal.leave(number);
        self.seats[number].activation.take().expect("it sat there")
    }

    /// Sleeps until something happens, unless something has.
    fn sleep(&mut self, events: &mut Events) -> io::Result<()> {
        let may_sleep = self.signal.announce_sleep() && !self.welcome() && !self.control.has_failed();
        let result = if may_sleep { self.look(events, None) } else { Ok(()) };
        self.signal.awake();
        result
    }

    fn look(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in events.iter().filter(|e| e.token() != Signal::TOKEN) {
            let seat = event.token().0 >> Self::TOKEN_SHIFT;
            // What has left may have been ready a moment ago.
            if let Some(activation) = self.seats.get_mut(seat).and_then(|seat| seat.activation.as_mut()) {
                activation.became_ready(readiness(event));
                self.line_up(seat);
            }
        }
        Ok(())
    }
}

fn line_up(seats: &mut [Seat], ready: &mut VecDeque<usize>, number: usize) {
    // A bell may be rung before its operator has come; whoever comes has a turn anyway.
    let Some(seat) = seats.get_mut(number) else { return };
    if !std::mem::replace(&mut seat.is_ready, true) {
        ready.push_back(number);
    }
}

/// A closed or failed descriptor is reported as ready for both: the operation tells what is wrong.
fn readiness(event: &Event) -> Readiness {
    let broken = event.is_error();
    Readiness {
        key: event.token().0 as u32,
        readable: event.is_readable() || event.is_read_closed() || broken,
        writable: event.is_writable() || event.is_write_closed() || broken,
        ended: event.is_read_closed() || broken,
    }
}
