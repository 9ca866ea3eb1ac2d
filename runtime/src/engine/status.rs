//! What a running flow says of itself: its operators, where each marker stands and who holds it up, and what was applied.

use crate::engine::control::{InFlight, Ledger};
use crate::engine::passage::Stage;
use crate::engine::placement::{Home, Placement};
use neurath_model::id::{OperatorId, PortSet, Version};
use neurath_model::plan::Scheduler;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a running flow says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The flow's name.
    pub flow: String,
    /// Each operator of the flow as the updates submitted so far leave it.
    pub operators: Vec<OperatorStatus>,
    /// Operators that have retired and still finish what they hold.
    pub leaving: Vec<String>,
    /// The updates that are under way, in their order.
    pub in_flight: Vec<UpdateStatus>,
    /// How many updates were applied.
    pub applied: u32,
    /// In how many shards it runs; whatever is said is of all of them.
    pub shards: usize,
    /// How many threads run operators.
    pub threads: usize,
    /// Why it runs no more, if a function panicked.
    pub failure: Option<String>,
}

/// What is said of one operator.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperatorStatus {
    /// Its name.
    pub name: String,
    /// The component it runs, `name@version`.
    pub component: String,
    /// The last update applied to it, in all shards; 0 for none.
    pub version: Version,
    /// Where it runs, in each shard.
    pub home: Home,
}

/// What is said of an update under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateStatus {
    /// Its number.
    pub update: u32,
    /// What it is called.
    pub name: String,
    /// How it travels.
    pub scheduler: Scheduler,
    /// How many of the operators in its scope its marker has passed, of how many.
    pub passed: (usize, usize),
    /// Microseconds since it was submitted.
    pub for_us: u64,
    /// The operators that hold it up: its marker stands before them, or they wait for it elsewhere too.
    pub held_up_by: Vec<HeldUp>,
}

/// An operator that holds an update up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HeldUp {
    /// Its name.
    pub operator: String,
    /// In which shard, counted from 0.
    pub shard: usize,
    /// Why, in words.
    pub why: String,
}

/// What was applied, for the history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PastStatus {
    /// Its number.
    pub update: u32,
    /// What it is called.
    pub name: String,
    /// How it travelled.
    pub scheduler: Scheduler,
    /// Operators that changed and stayed.
    pub changed: Vec<String>,
    /// Operators that came.
    pub came: Vec<String>,
    /// Operators that went.
    pub went: Vec<String>,
    /// Microseconds from submission to answer.
    pub took_us: u64,
}

impl Status {
    /// The same, of the shard of that number.
    pub(crate) fn in_shard(mut self, shard: usize) -> Self {
        let held_up = self.in_flight.iter_mut().flat_map(|update| &mut update.held_up_by);
        held_up.for_each(|held_up| held_up.shard = shard);
        self
    }

    /// What is true of both, where the other is of more shards of the same flow.
    pub(crate) fn and_of(mut self, other: Self) -> Self {
        for (operator, there) in self.operators.iter_mut().zip(other.operators) {
            operator.version = operator.version.min(there.version);
        }
        self.leaving.extend(other.leaving);
        self.leaving.sort_unstable();
        self.leaving.dedup();
        for update in other.in_flight {
            match self.in_flight.iter_mut().find(|own| own.update == update.update) {
                Some(own) => own.take_in(update),
                None => self.in_flight.push(update),
            }
        }
        self.in_flight.sort_by_key(|update| update.update);
        self.applied = self.applied.min(other.applied);
        self.shards += other.shards;
        self.threads += other.threads;
        self.failure = self.failure.or(other.failure);
        self
    }
}

impl UpdateStatus {
    fn take_in(&mut self, other: Self) {
        self.passed.0 += other.passed.0;
        self.passed.1 += other.passed.1;
        self.held_up_by.extend(other.held_up_by);
    }
}

impl PastStatus {
    /// What two shards have applied.
    pub(crate) fn in_both(one: Vec<Self>, other: Vec<Self>) -> Vec<Self> {
        let mut other: BTreeMap<u32, u64> = other.into_iter().map(|past| (past.update, past.took_us)).collect();
        let both = one.into_iter().filter_map(|past| {
            let took_us = other.remove(&past.update)?.max(past.took_us);
            Some(Self { took_us, ..past })
        });
        both.collect()
    }
}

impl Ledger {
    /// What the flow says of itself.
    pub(crate) fn status(&self, placement: Placement, threads: usize) -> Status {
        let version = |name: &str| {
            let id = self.program.current(name);
            id.and_then(|at| self.versions.get(&at).copied().or(Some(self.program.operator(at).born)))
        };
        let operators = self.graph.operators().map(|(_, node)| OperatorStatus {
            name: node.name.clone(),
            component: node.component.id.to_string(),
            version: version(&node.name).unwrap_or_default(),
            home: placement.home(node),
        });
        let name = |at: &OperatorId| self.program.operator(*at).name.clone();
        Status {
            flow: self.graph.name().unwrap_or("flow").to_owned(),
            operators: operators.collect(),
            leaving: self.leaving.iter().map(name).collect(),
            in_flight: self.in_flight.values().map(|in_flight| self.update_status(in_flight)).collect(),
            applied: self.applied,
            shards: 1,
            threads,
            failure: self.failure.clone(),
        }
    }

    fn update_status(&self, in_flight: &InFlight) -> UpdateStatus {
        let stages = in_flight.carried.stages();
        let scope = &in_flight.carried.deployment.scope;
        let passed: BTreeSet<OperatorId> =
            scope.iter().copied().filter(|at| stages.get(at) == Some(&Stage::Passed)).collect();
        let numbers = &in_flight.carried.deployment.before;
        let places: BTreeMap<OperatorId, OperatorId> =
            numbers.iter().enumerate().map(|(place, at)| (*at, OperatorId(place as u32))).collect();
        let held_up_by = scope.iter().filter(|at| !passed.contains(at));
        let held_up_by = held_up_by.filter_map(|at| {
            let why = match stages.get(at) {
                Some(Stage::Waits(ports)) if ports.is_empty() => "waits for an update before this one".to_owned(),
                Some(Stage::Waits(ports)) => format!("waits for the marker at {}", self.ports(*at, *ports)),
                Some(Stage::Finishes) => "finishes open work".to_owned(),
                Some(Stage::Passed) => return None,
                None if has_come_to(in_flight, places.get(at).copied(), &passed) => "has not read it yet".to_owned(),
                None => return None,
            };
            Some(HeldUp { operator: self.program.operator(*at).name.clone(), shard: 0, why })
        });
        UpdateStatus {
            update: in_flight.carried.marker.update.0,
            name: in_flight.carried.update.name.clone(),
            scheduler: in_flight.plan.scheduler,
            passed: (passed.len(), scope.len()),
            for_us: in_flight.submitted.elapsed().as_micros() as u64,
            held_up_by: held_up_by.collect(),
        }
    }

    fn ports(&self, at: OperatorId, ports: PortSet) -> String {
        let names = &self.program.operator(at).input_names;
        ports.iter().map(|port| names[usize::from(port.0)].as_str()).collect::<Vec<_>>().join(" and ")
    }

    /// What was applied, the latest last.
    pub(crate) fn past(&self) -> Vec<PastStatus> {
        let tell = |past: &super::applied::Past| PastStatus {
            update: past.number.0,
            name: past.update.name.clone(),
            scheduler: past.scheduler,
            changed: past.changed.clone(),
            came: past.came.clone(),
            went: past.went.clone(),
            took_us: past.took.as_micros() as u64,
        };
        self.history.iter().map(tell).collect()
    }
}

/// Whether the marker lies before an operator, by its number in the graph before: it was sent there by mail, or by all that send it there.
fn has_come_to(in_flight: &InFlight, place: Option<OperatorId>, passed: &BTreeSet<OperatorId>) -> bool {
    let numbers = &in_flight.carried.deployment.before;
    let Some(before) = place else { return false };
    let Some(pass) = in_flight.plan.route.passes.get(&before) else { return false };
    pass.awaited.iter().all(|port| {
        let arc = in_flight.before.operator(before).inputs[usize::from(port.0)];
        passed.contains(&numbers[in_flight.before.arc(arc).from.operator.0 as usize])
    })
}
