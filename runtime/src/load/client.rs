//! The client's thread: one epoll over all connections, paced by the schedule.
//!
//! ```text
//! loop { arrivals now due -> send, or leave waiting at their connection
//!        wait for sockets, at most until the next arrival
//!        sockets ready    -> read, judge, sample, send what waited }
//! ```
//!
//! The wait is `ppoll` on the epoll descriptor, since epoll's own timeout is in milliseconds and would bunch the
//! arrivals of a rate of thousands per second.
//!
//! A run ends by its length or when told; what is due by then is still served for a bounded grace time.

use super::connection::{Connection, Event, Request};
use super::corpus::Corpus;
use super::outcome::{Counts, Ledger, Outcome, Verdict, judge};
use super::reply::Finished;
use super::schedule::Schedule;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How much is read at once: a body of 50 kB with its head, and room to see that no more follows.
const SCRATCH_BYTES: usize = 128 * 1024;

/// The longest wait: how late a stop, a timeout or a connection to be opened again may be noticed.
const TICK: Duration = Duration::from_millis(5);

/// How long the first opening of a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// A run to be started. [`Load::new`] gives usual values for everything but the server and its files.
#[derive(Debug, Clone)]
pub struct Load {
    /// The server.
    pub address: SocketAddr,
    /// What it serves.
    pub corpus: Arc<Corpus>,
    /// Into how many parts the files are divided, of which each connection asks for one (see [`Corpus::beside`]).
    pub parts: usize,
    /// How many connections are kept open.
    pub connections: usize,
    /// Arrivals per second over all connections.
    pub rate_per_second: u32,
    /// Whether each connection asks again as soon as it is answered, whatever the rate says. Such a load is not open: it says
    /// how much a server can do, and little of how long anybody would have waited while it did nothing.
    pub without_pause: bool,
    /// How many of 1000 requests are HEAD.
    pub heads_per_thousand: u32,
    /// Of how many responses one is compared as a whole. Comparing costs the client more than all else it does; of the others, status and
    /// length are compared.
    pub compare_one_in: u32,
    /// Decides which file is asked for when.
    pub seed: u64,
    /// When the arrivals end by themselves.
    pub length: Option<Duration>,
    /// How long a request may be under way before it counts as failed.
    pub response_timeout: Duration,
    /// How long after the end to wait for what is under way or waiting.
    pub grace: Duration,
}

/// A run under way. Dropped without being stopped, it goes on to its own end.
#[derive(Debug)]
pub struct Running {
    thread: JoinHandle<Outcome>,
    progress: Arc<Progress>,
    stop: StopHandle,
    start: Instant,
}

/// Ends a run from anywhere, a signal handler's thread for example.
#[derive(Debug, Clone, Default)]
pub struct StopHandle(Arc<AtomicBool>);

/// Live counts, a few milliseconds old at most.
#[derive(Debug, Default)]
pub struct Progress {
    requests: AtomicU64,
    ok: AtomicU64,
    wrong: AtomicU64,
    closed: AtomicU64,
    waiting: AtomicU64,
}

impl Load {
    /// GET over 30 connections, 2000 requests per second, until stopped.
    pub fn new(address: SocketAddr, corpus: Arc<Corpus>) -> Self {
        Self {
            address,
            corpus,
            parts: 1,
            connections: 30,
            rate_per_second: 2000,
            without_pause: false,
            heads_per_thousand: 0,
            compare_one_in: 1,
            seed: 1,
            length: None,
            response_timeout: Duration::from_secs(10),
            grace: Duration::from_secs(2),
        }
    }

    /// Opens all connections and starts the thread; the first request is due at once. An error means that the server
    /// could not be reached, or the system gave no more descriptors.
    ///
    /// # Panics
    /// Without a connection, a file, or a positive rate there is no load.
    pub fn start(self) -> io::Result<Running> {
        assert!(self.connections > 0 && self.rate_per_second > 0, "a load has connections and a rate");
        assert!(self.corpus.files().len() >= self.parts && self.parts > 0, "a load asks for files");
        let (progress, stop) = (Arc::new(Progress::default()), StopHandle::default());
        let client = Client::open(self, Arc::clone(&progress), stop.clone())?;
        let start = client.start;
        let thread = thread::Builder::new().name("load".into()).spawn(|| client.run())?;
        Ok(Running { thread, progress, stop, start })
    }

    fn schedule(&self) -> Schedule {
        Schedule {
            rate_per_second: self.rate_per_second,
            connections: self.connections,
            files: self.corpus.files().len(),
            parts: self.parts,
            heads_per_thousand: self.heads_per_thousand,
            compare_one_in: self.compare_one_in,
            seed: self.seed,
        }
    }
}

impl Running {
    /// When the first request was due; see [`Outcome::offset_us`].
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Live counts.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Something to end this run with from elsewhere.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Ends the arrivals, and waits for the outcome (no longer than the grace time).
    pub fn stop(self) -> Outcome {
        self.stop.stop();
        self.wait()
    }

    /// Waits until the run has come to its own end, or somebody else has stopped it.
    ///
    /// # Panics
    /// If the client's thread did.
    pub fn wait(self) -> Outcome {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl StopHandle {
    /// Ends the arrivals.
    pub fn stop(&self) {
        self.0.store(true, Relaxed);
    }
}

impl Progress {
    /// Requests sent so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// Of these, answered as they should be.
    pub fn ok(&self) -> u64 {
        self.ok.load(Relaxed)
    }

    /// Requests that ended in any other way.
    pub fn wrong(&self) -> u64 {
        self.wrong.load(Relaxed)
    }

    /// Kept-alive connections that the server gave up.
    pub fn closed(&self) -> u64 {
        self.closed.load(Relaxed)
    }

    /// Arrivals that are due, but wait for their connection: large when the server does not keep up.
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Relaxed)
    }

    fn publish(&self, counts: &Counts, arrivals: u64) {
        self.requests.store(counts.requests, Relaxed);
        self.ok.store(counts.ok, Relaxed);
        self.wrong.store(counts.ended() - counts.ok, Relaxed);
        self.closed.store(counts.closed, Relaxed);
        self.waiting.store(arrivals - counts.requests, Relaxed);
    }
}

/// What the thread owns. Times are since `start`.
struct Client {
    load: Load,
    schedule: Schedule,
    /// What every request says after its path.
    tail: String,
    poll: OwnedFd,
    connections: Vec<Connection>,
    scratch: Vec<u8>,
    ledger: Ledger,
    /// The next arrival.
    next: u64,
    /// When the arrivals end.
    end: Duration,
    /// When to look at timeouts and lost connections again.
    tick: Duration,
    start: Instant,
    progress: Arc<Progress>,
    stop: StopHandle,
}

impl Client {
    fn open(load: Load, progress: Arc<Progress>, stop: StopHandle) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections: Vec<Connection> = (0..load.connections).map(|_| Connection::new()).collect();
        for (token, connection) in connections.iter_mut().enumerate() {
            connection.adopt(TcpStream::connect_timeout(&load.address, CONNECT)?, poll.as_fd(), token as u64)?;
        }
        let end = load.length.unwrap_or(Duration::MAX);
        Ok(Self {
            schedule: load.schedule(),
            tail: format!(" HTTP/1.1\r\nHost: {}\r\n\r\n", load.address),
            poll,
            connections,
            scratch: vec![0; SCRATCH_BYTES],
            ledger: Ledger::new(expected(&load)),
            next: 0,
            end,
            tick: Duration::ZERO,
            start: Instant::now(),
            progress,
            stop,
            load,
        })
    }

    fn run(mut self) -> Outcome {
        let mut ready = Vec::with_capacity(64);
        loop {
            let now = self.start.elapsed();
            self.admit(now);
            if now >= self.tick {
                self.tick = now + TICK;
                self.maintain(now);
            }
            if self.is_done(now) {
                return self.finish(now);
            }
            self.wait(now, &mut ready);
            for event in ready.drain(..) {
                let (token, flags) = (event.data.u64() as usize, event.flags);
                self.attend(token, flags);
            }
            self.progress.publish(&self.ledger.counts, self.next);
        }
    }

    /// Takes in the arrivals that are due.
    fn admit(&mut self, now: Duration) {
        if self.stop.0.load(Relaxed) {
            self.end = self.end.min(now);
        }
        if self.load.without_pause {
            // Those that have just been opened; the others go on when they are answered.
            (0..self.connections.len()).for_each(|token| self.send_waiting(token));
            return;
        }
        loop {
            let due = self.schedule.due(self.next);
            if due > now || due >= self.end {
                return;
            }
            let token = self.schedule.connection(self.next);
            self.next += 1;
            self.connections[token].due += 1;
            self.send_waiting(token);
        }
    }

    /// Sends the oldest arrival that waits at a connection, if the connection is free for it.
    fn send_waiting(&mut self, token: usize) {
        let connection = &mut self.connections[token];
        if !connection.free() {
            return;
        }
        let now = self.start.elapsed();
        if self.load.without_pause && now < self.end {
            connection.due += 1;
            self.next += 1;
        }
        if connection.sent == connection.due {
            return;
        }
        let mut arrival = self.schedule.arrival(self.schedule.number(token, connection.sent));
        if self.load.without_pause {
            arrival.at = now;
        }
        let request = Request { arrival, sent_at: now };
        let (path, tail) = (&self.load.corpus.files()[arrival.file].path, &self.tail);
        self.ledger.counts.requests += 1;
        let written = connection.send(request, |buffer| {
            write!(buffer, "{} /{path}{tail}", arrival.method.name()).expect("writing to memory cannot fail");
        });
        if written.and_then(|()| connection.update_interest(self.poll.as_fd(), token as u64)).is_err() {
            self.lose(token, Verdict::Reset);
        }
    }

    /// When something arrives by itself; without a pause, only what ends makes room for more.
    fn next_due(&self) -> Duration {
        if self.load.without_pause { Duration::MAX } else { self.schedule.due(self.next) }
    }

    /// Waits for sockets, at most until something is to be done without them.
    fn wait(&self, now: Duration, ready: &mut Vec<epoll::Event>) {
        let due = self.next_due();
        let until = if due < self.end { due.min(self.tick) } else { self.tick };
        let timeout = Timespec::try_from(until.saturating_sub(now)).expect("a tick fits");
        let mut interest = [PollFd::new(&self.poll, PollFlags::IN)];
        match poll(&mut interest, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return,
            Ok(_) => {}
            Err(error) => panic!("waiting for our own descriptor cannot fail: {error}"),
        }
        match epoll::wait(&self.poll, spare_capacity(ready), Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("reading our own descriptor cannot fail: {error}"),
        }
    }

    /// Does all that a socket's readiness allows.
    fn attend(&mut self, token: usize, flags: EventFlags) {
        let connection = &mut self.connections[token];
        match connection.ready(flags, &mut self.scratch) {
            Event::Wait => {
                if connection.update_interest(self.poll.as_fd(), token as u64).is_err() {
                    self.lose(token, Verdict::Reset);
                }
            }
            Event::Opened => match connection.update_interest(self.poll.as_fd(), token as u64) {
                Ok(()) => self.send_waiting(token),
                Err(_) => self.lose(token, Verdict::Reset),
            },
            Event::Refused => self.refused(token),
            Event::Response(response) => self.answered(token, response),
            Event::Malformed => self.lose(token, Verdict::Malformed),
            Event::Stray => {
                self.ledger.counts.stray += 1;
                self.reopen(token);
            }
            Event::Lost => self.lose(token, Verdict::Reset),
        }
    }

    fn answered(&mut self, token: usize, response: Finished) {
        let request = self.connections[token].request.take().expect("a response answers the request under way");
        let arrival = request.arrival;
        let verdict = judge(&response, arrival.method, &self.load.corpus.files()[arrival.file]);
        self.ledger.ended(arrival.at, self.start.elapsed(), verdict);
        self.ledger.counts.stray += u64::from(response.stray);
        self.ledger.counts.closed += u64::from(response.close);
        if response.stray || response.close {
            self.reopen(token);
        } else {
            self.send_waiting(token);
        }
    }

    /// A connection is no good any more: what was under way ends with that verdict, and if nothing was, the server has
    /// ended a kept-alive connection.
    fn lose(&mut self, token: usize, verdict: Verdict) {
        match self.connections[token].request.take() {
            Some(request) => self.ledger.ended(request.arrival.at, self.start.elapsed(), verdict),
            None => self.ledger.counts.closed += 1,
        }
        self.reopen(token);
    }

    fn reopen(&mut self, token: usize) {
        if self.connections[token].open(self.load.address, self.poll.as_fd(), token as u64).is_err() {
            self.refused(token);
        }
    }

    fn refused(&mut self, token: usize) {
        self.ledger.counts.refused += 1;
        self.connections[token].back_off(self.start.elapsed());
    }

    /// Ends requests that are under way for too long, and opens what is to be opened again.
    fn maintain(&mut self, now: Duration) {
        for token in 0..self.connections.len() {
            let connection = &self.connections[token];
            if connection
                .request
                .is_some_and(|request| now.saturating_sub(request.sent_at) > self.load.response_timeout)
            {
                self.lose(token, Verdict::TimedOut);
            } else if connection.wants_opening(now) {
                self.reopen(token);
            }
        }
    }

    fn is_done(&self, now: Duration) -> bool {
        let over = self.next_due() >= self.end && now >= self.end;
        over && (now >= self.end.saturating_add(self.load.grace) || !self.connections.iter().any(Connection::has_work))
    }

    fn finish(mut self, now: Duration) -> Outcome {
        for (token, connection) in self.connections.iter_mut().enumerate() {
            if let Some(request) = connection.request.take() {
                self.ledger.ended(request.arrival.at, now, Verdict::TimedOut);
            }
            for nth in connection.sent..connection.due {
                self.ledger.unsent(self.schedule.due(self.schedule.number(token, nth)), now);
            }
        }
        self.progress.publish(&self.ledger.counts, self.next);
        self.ledger.close(self.start, now, processor_time())
    }
}

/// How many samples to make room for.
fn expected(load: &Load) -> usize {
    let length = load.length.unwrap_or(Duration::from_secs(60)).min(Duration::from_secs(600));
    (f64::from(load.rate_per_second) * length.as_secs_f64()) as usize + load.connections
}

/// What this thread has used so far; the scheduler's figure, in nanoseconds.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
