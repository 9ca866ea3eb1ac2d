//! A worker: a thread that runs the operators placed on it, and sleeps when none of them can take a step.
//!
//! It sleeps in the same poll that watches the sockets of its operators, so that a source waits on I/O and on markers
//! together (protocol rule 7).

use crate::engine::activation::Activation;
use crate::engine::control::Control;
use crate::engine::signal::Signal;
use crate::function::Readiness;
use mio::{Events, Poll, event::Event};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// A thread's operators, and what it sleeps on.
pub(crate) struct Worker {
    /// By the number that tokens of the poll have for each.
    activations: BTreeMap<usize, Activation>,
    /// Operators that updates bring in.
    newcomers: mpsc::Receiver<Activation>,
    poll: Poll,
    signal: Arc<Signal>,
    control: Arc<Control>,
}

impl Worker {
    /// How many steps one operator takes before the next has its turn.
    const QUANTUM: usize = 64;
    /// How many busy rounds pass between two looks at the sockets.
    const ROUNDS_PER_POLL: u32 = 4;
    /// Which bits of a token name the operator.
    pub(crate) const TOKEN_SHIFT: u32 = 32;

    pub(crate) fn new(
        poll: Poll,
        signal: Arc<Signal>,
        newcomers: mpsc::Receiver<Activation>,
        control: Arc<Control>,
    ) -> Self {
        Self { activations: BTreeMap::new(), newcomers, poll, signal, control }
    }

    /// Runs until every operator has ended and every arc into them is read to its end, or until the flow has failed.
    pub(crate) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut busy_rounds = 0;
        // Without a first operator, the update that it was to come with was refused.
        let Ok(first) = self.newcomers.recv() else { return Ok(()) };
        self.take_in(first);
        while !self.activations.is_empty() && !self.control.has_failed() {
            if self.round() {
                busy_rounds += 1;
                if busy_rounds % Self::ROUNDS_PER_POLL == 0 {
                    self.look(&mut events, Some(Duration::ZERO))?;
                }
                continue;
            }
            self.signal.announce_sleep();
            if !self.welcome() && !self.activations.values_mut().any(Activation::can_step) && !self.control.has_failed()
            {
                self.look(&mut events, None)?;
            }
            self.signal.awake();
        }
        Ok(())
    }

    /// Takes in operators that have come; says whether any has.
    fn welcome(&mut self) -> bool {
        let mut any = false;
        while let Ok(activation) = self.newcomers.try_recv() {
            self.take_in(activation);
            any = true;
        }
        any
    }

    fn take_in(&mut self, activation: Activation) {
        self.activations.insert(activation.token_base >> Self::TOKEN_SHIFT, activation);
    }

    /// Gives each operator its turn, and lets go of those that are over; says whether any took a step.
    fn round(&mut self) -> bool {
        let registry = self.poll.registry();
        let (mut any, mut over) = (false, false);
        for activation in self.activations.values_mut() {
            any |= activation.run(registry, Self::QUANTUM);
            over |= activation.is_over();
        }
        any |= self.welcome();
        if over {
            self.activations.retain(|_, activation| !activation.is_over());
        }
        any
    }

    fn look(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in events.iter().filter(|e| e.token() != Signal::TOKEN) {
            // What has left may have been ready a moment ago.
            if let Some(activation) = self.activations.get_mut(&(event.token().0 >> Self::TOKEN_SHIFT)) {
                activation.became_ready(readiness(event));
            }
        }
        Ok(())
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
