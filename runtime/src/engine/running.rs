//! A flow that runs, in one shard or several: what users hold, and what updates are submitted to.
//!
//! A shard is a replica of the flow with threads, arcs and a ledger of its own. Shards share nothing, not a packet and not a lock; what
//! they serve is spread over them from outside (connections by the kernel, where listening sockets share an address). An
//! update concerns all of them:
//!
//! ```text
//!             prepare                   commit, in one order              wait
//!   submit -> plan and build, each -+-> marker into shard 0 -> answer -+-> applied, when all have answered
//!             (one fails: none is   +-> marker into shard 1 -> answer -+
//!              changed)             +-> ...
//! ```
//!
//! Since every shard gets the same updates in the same order, an update and an operator have the same number in each. Within a
//! shard the protocol holds; between shards there is nothing that could be mixed. So what is checked of one replica
//! is checked of all.

use crate::engine::applied::Applied;
use crate::engine::passage::Hold;
use crate::engine::shard::{self, Options, Shard, Turn};
use crate::engine::status::{PastStatus, Status};
use crate::function::Registry;
use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::graph::FlowGraph;
use neurath_model::id::UpdateId;
use neurath_model::plan::{Plan, Scheduler};
use neurath_model::update::Update;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A flow that runs.
pub struct Running {
    /// At least one.
    shards: Vec<Shard>,
    /// Held while an update is prepared: what shards share while they are built (see the acceptors of HTTP) meets one update at a time.
    preparing: Mutex<()>,
    /// Held while an update is committed: the order of updates is the same in all shards.
    order: Mutex<()>,
}

/// An update that is ready to be committed, for the flow as it was when it was prepared.
pub struct Prepared(Vec<shard::Prepared>);

impl Prepared {
    /// How it will be carried out, in every shard.
    pub fn plan(&self) -> &Plan {
        self.0[0].plan()
    }

    /// The flow that it was planned for.
    pub fn before(&self) -> &FlowGraph {
        self.0[0].before()
    }
}

/// An update under way.
pub struct Ticket {
    /// Its number.
    pub update: UpdateId,
    tickets: Vec<shard::Ticket>,
}

impl Ticket {
    /// Waits until every shard has answered. `Err` if the flow failed (a function panicked) before that.
    pub fn wait(self) -> Result<Applied, Diagnostics> {
        let answers: Result<Vec<Applied>, Diagnostics> = self.tickets.into_iter().map(shard::Ticket::wait).collect();
        Ok(answers?.into_iter().reduce(Applied::and_in).expect("there is at least one shard"))
    }
}

impl Running {
    /// Starts a flow in one shard: builds its functions, then its arcs and threads.
    pub fn start(graph: &FlowGraph, registry: Arc<Registry>, options: Options) -> Result<Self, Diagnostics> {
        Self::start_sharded(graph, vec![(registry, options)])
    }

    /// Starts a flow in as many shards as there are registries, in order; if one cannot be started, those before it are stopped.
    ///
    /// # Panics
    /// Without any.
    pub fn start_sharded(graph: &FlowGraph, shards: Vec<(Arc<Registry>, Options)>) -> Result<Self, Diagnostics> {
        assert!(!shards.is_empty(), "a flow runs in at least one shard");
        let mut running = Self { shards: Vec::new(), preparing: Mutex::default(), order: Mutex::default() };
        for (registry, options) in shards {
            match Shard::start(graph, registry, options) {
                Ok(shard) => running.shards.push(shard),
                Err(diagnostics) => {
                    running.stop()?;
                    return Err(diagnostics);
                }
            }
        }
        Ok(running)
    }

    /// Submits an update; places in diagnostics refer to `map`. On `Err` nothing has changed.
    pub fn submit(&self, update: &Update, map: &SourceMap) -> Result<Ticket, Diagnostics> {
        self.submit_by(update, map, None)
    }

    /// Submits an update that travels by a scheduler; without one, by the default for it.
    pub fn submit_by(
        &self,
        update: &Update,
        map: &SourceMap,
        scheduler: Option<Scheduler>,
    ) -> Result<Ticket, Diagnostics> {
        loop {
            let prepared = self.prepare(update, map, scheduler)?;
            if let Some(ticket) = self.commit(prepared)? {
                return Ok(ticket);
            }
        }
    }

    /// Plans an update for the flow as the updates submitted so far leave it, and builds what it installs, in each shard. Nothing is
    /// changed; what was built goes when the value does.
    pub fn prepare(
        &self,
        update: &Update,
        map: &SourceMap,
        scheduler: Option<Scheduler>,
    ) -> Result<Prepared, Diagnostics> {
        let _alone = held(&self.preparing);
        self.shards.iter().try_for_each(Shard::still_runs)?;
        let prepared = self.shards.iter().map(|shard| shard.prepare(update, map, scheduler));
        Ok(Prepared(prepared.collect::<Result<_, _>>()?))
    }

    /// Commits what was prepared, in every shard, once the updates are answered that it must wait for. `Ok(None)` if another update was
    /// committed since, so that this one must be prepared again, for the flow as it is now. `Err` if the flow has failed or was told to end.
    pub fn commit(&self, prepared: Prepared) -> Result<Option<Ticket>, Diagnostics> {
        let submitted = Instant::now();
        loop {
            self.pairs(&prepared).try_for_each(|(shard, prepared)| shard.await_turn(prepared))?;
            let _in_order = held(&self.order);
            let turns: Result<Vec<Turn>, _> = self.pairs(&prepared).map(|(shard, p)| shard.turn(p)).collect();
            let turns = turns?;
            // The shards may have been prepared one before a commit and one after it.
            if turns.contains(&Turn::Missed) {
                return Ok(None);
            }
            if turns.iter().all(|turn| *turn == Turn::Now) {
                return self.commit_in_turn(prepared, submitted).map(Some);
            }
        }
    }

    /// Each shard, and what is prepared for it.
    fn pairs<'a>(&'a self, prepared: &'a Prepared) -> impl Iterator<Item = (&'a Shard, &'a shard::Prepared)> {
        self.shards.iter().zip(&prepared.0)
    }

    /// A panic of a function between two shards leaves an update committed in the first alone, of a flow that has failed as a whole.
    fn commit_in_turn(&self, prepared: Prepared, submitted: Instant) -> Result<Ticket, Diagnostics> {
        let pairs = self.shards.iter().zip(prepared.0);
        let tickets: Result<Vec<_>, _> = pairs.map(|(shard, prepared)| shard.commit(prepared, submitted)).collect();
        let tickets = tickets?;
        let update = tickets[0].update;
        assert!(tickets.iter().all(|ticket| ticket.update == update), "an update has one number in all shards");
        Ok(Ticket { update, tickets })
    }

    /// The update that takes back the last one that was applied.
    pub fn rollback(&self) -> Result<Update, Diagnostics> {
        let updates: Result<Vec<Update>, Diagnostics> = self.shards.iter().map(Shard::rollback).collect();
        Ok(updates?.swap_remove(0))
    }

    /// An update that was applied, to be applied again.
    pub fn past_update(&self, number: u32) -> Result<(Update, Scheduler), Diagnostics> {
        let past: Result<Vec<_>, Diagnostics> = self.shards.iter().map(|shard| shard.past_update(number)).collect();
        Ok(past?.swap_remove(0))
    }

    /// What was applied in all shards, the latest last; each took as long as in the shard that took longest.
    pub fn history(&self) -> Vec<PastStatus> {
        let histories = self.shards.iter().map(Shard::history);
        histories.reduce(PastStatus::in_both).expect("there is at least one shard")
    }

    /// Why the flow runs no more, if a function panicked.
    pub fn failure(&self) -> Option<String> {
        self.shards.iter().find_map(Shard::failure)
    }

    /// The graph as the updates submitted so far leave it.
    pub fn graph(&self) -> FlowGraph {
        self.shards[0].graph()
    }

    /// What was held, by name: `load.IN`, or `load`.
    pub fn name_of(&self, hold: &Hold) -> String {
        self.shards[0].name_of(hold)
    }

    /// The declarations of the components that are compiled in.
    pub fn registry(&self) -> &Registry {
        self.shards[0].registry()
    }

    /// What the flow says of itself.
    pub fn status(&self) -> Status {
        let _in_order = held(&self.order);
        let all = self.shards.iter().map(Shard::status).enumerate().map(|(shard, status)| status.in_shard(shard));
        all.reduce(Status::and_of).expect("there is at least one shard")
    }

    /// Ends the flow: sources take nothing new, what is under way is finished, threads end.
    pub fn stop(&self) -> Result<(), Diagnostics> {
        {
            let _in_order = held(&self.order);
            self.shards.iter().for_each(Shard::end);
        }
        let ends: Vec<Result<(), Diagnostics>> = self.shards.iter().map(Shard::stop).collect();
        ends.into_iter().collect()
    }
}

/// Nothing that could be half done is behind these locks.
fn held(lock: &Mutex<()>) -> MutexGuard<'_, ()> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
