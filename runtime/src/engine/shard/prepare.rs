//! What an update installs, built before anything is changed: everything that can fail does so here.

use super::{Shard, cannot_run};
use crate::engine::carried::{PreparedAction, Replacement};
use crate::engine::crew::{Berth, Crew};
use crate::function::{Properties, Registry, Runnable};
use neurath_model::component::Component;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceMap, Thing};
use neurath_model::graph::{FlowGraph, Node};
use neurath_model::id::{OperatorId, UpdateId};
use neurath_model::plan::{Action, Plan, Scheduler, plan};
use neurath_model::update::{StatePolicy, Update};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// The function of an operator that comes, what it runs, and where it will.
pub(super) type Built = (Box<dyn Runnable>, Arc<Component>, Berth);

/// An update that is ready to be committed, for the flow as it was when it was prepared.
pub(crate) struct Prepared {
    pub(super) update: Update,
    pub(super) plan: Plan,
    pub(super) before: FlowGraph,
    /// The last update that was committed when this one was planned.
    pub(super) base: UpdateId,
    pub(super) actions: BTreeMap<OperatorId, Vec<PreparedAction>>,
    pub(super) extension: Vec<Built>,
}

impl Prepared {
    /// How it will be carried out.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The flow that it was planned for.
    pub(crate) fn before(&self) -> &FlowGraph {
        &self.before
    }
}

impl Shard {
    /// Plans an update for the flow as the updates submitted so far leave it, and builds what it installs. Nothing is changed;
    /// what was built goes when the value does.
    pub(crate) fn prepare(
        &self,
        update: &Update,
        map: &SourceMap,
        scheduler: Option<Scheduler>,
    ) -> Result<Prepared, Diagnostics> {
        let (before, base) = {
            let ledger = self.control.lock();
            ledger.still_runs()?;
            (ledger.graph.clone(), UpdateId(ledger.program.updates()))
        };
        let plan = plan(&before, update, map, self.registry.catalogue(), scheduler)?;
        let actions = self.prepare_actions(&before, &plan, map)?;
        let extension = self.prepare_extension(&plan, map)?;
        Ok(Prepared { update: update.clone(), plan, before, base, actions, extension })
    }

    fn prepare_extension(&self, plan: &Plan, map: &SourceMap) -> Result<Vec<Built>, Diagnostics> {
        let nodes = || plan.extension.iter().map(|at| plan.after.operator(*at));
        let flow = map.flow();
        let place = |name: &str| flow.place(&Thing::Operator(name.into()), "comes in");
        let functions = build_all(nodes(), &self.registry, place)?;
        let handed = plan.actions.values().flatten().filter_map(|action| match action {
            Action::HandOver { to, state } => Some((to.as_str(), state)),
            _ => None,
        });
        for (to, state) in handed {
            self.has_transfer(state, to, map).map_err(|d| Diagnostics(vec![d]))?;
        }
        let berths = berths(&self.crew, nodes())?;
        Ok(functions
            .into_iter()
            .zip(nodes())
            .zip(berths)
            .map(|((f, node), b)| (f, node.component.clone(), b))
            .collect())
    }

    fn has_transfer(&self, state: &StatePolicy, operator: &str, map: &SourceMap) -> Result<(), Diagnostic> {
        match state {
            StatePolicy::Transfer(name) if !self.registry.has_transfer(name) => {
                let why = format!("transfer {name} is declared but not compiled in");
                let place = map.place_change(operator, "changed here");
                Err(cannot_build(operator, "the state transfer", why, place))
            }
            StatePolicy::Transfer(_) | StatePolicy::Keep | StatePolicy::Reset => Ok(()),
        }
    }

    /// Builds what the plan installs, before anything is committed.
    fn prepare_actions(
        &self,
        before: &FlowGraph,
        plan: &Plan,
        map: &SourceMap,
    ) -> Result<BTreeMap<OperatorId, Vec<PreparedAction>>, Diagnostics> {
        let mut prepared = BTreeMap::new();
        let mut wrong = Vec::new();
        for (at, actions) in &plan.actions {
            let list: Result<Vec<_>, _> =
                actions.iter().map(|a| self.prepare_action(before, plan, *at, a, map)).collect();
            match list {
                Ok(list) => drop(prepared.insert(*at, list)),
                Err(diagnostic) => wrong.push(diagnostic),
            }
        }
        if wrong.is_empty() { Ok(prepared) } else { Err(Diagnostics(wrong)) }
    }

    fn prepare_action(
        &self,
        before: &FlowGraph,
        plan: &Plan,
        at: OperatorId,
        action: &Action,
        map: &SourceMap,
    ) -> Result<PreparedAction, Diagnostic> {
        let name = &before.operator(at).name;
        let Some(node) = plan.after.find(name).map(|id| plan.after.operator(id)) else {
            return Ok(PreparedAction::Rewire);
        };
        match action {
            Action::Configure { .. } => self.prepare_values(before.operator(at), node, map),
            Action::Replace { state, .. } => self.prepare_function(before.operator(at), node, state, map),
            Action::HandOver { .. } | Action::Disconnect { .. } | Action::Connect { .. } | Action::Retire => {
                Ok(PreparedAction::Rewire)
            }
        }
    }

    /// New values of properties; if one of them is another place, a function that goes on there.
    fn prepare_values(&self, before: &Node, node: &Node, map: &SourceMap) -> Result<PreparedAction, Diagnostic> {
        let id = &node.component.id;
        // A function that is replaced as well was built with the new values, which says more than any check.
        if before.component.id == *id {
            if self.crew.moves(before, node) {
                return self.prepare_function(before, node, &StatePolicy::Keep, map);
            }
            let [old, new] = [before, node].map(|node| Properties::new(node.properties.clone()));
            let checked = self.registry.accepts_properties(id, &old, &new);
            let place = map.place_change(&node.name, "changed here");
            checked.map_err(|e| cannot_build(&node.name, &id.to_string(), e.to_string(), place))?;
        }
        Ok(PreparedAction::Configure(Properties::new(node.properties.clone())))
    }

    fn prepare_function(
        &self,
        before: &Node,
        node: &Node,
        state: &StatePolicy,
        map: &SourceMap,
    ) -> Result<PreparedAction, Diagnostic> {
        self.has_transfer(state, &node.name, map)?;
        let place = map.place_change(&node.name, "changed here");
        let refused = |why: String| cannot_build(&node.name, &node.component.id.to_string(), why, place);
        let built = self.registry.build_runnable(&node.component.id, &Properties::new(node.properties.clone()));
        let berth = || self.crew.berth_of_changed(before, node).map_err(|e| format!("there is no thread for it: {e}"));
        let (function, berth) = built.map_err(|e| e.to_string()).and_then(|f| Ok((f, berth()?))).map_err(refused)?;
        let replacement = Replacement { function, component: node.component.clone(), state: state.clone(), berth };
        Ok(PreparedAction::Replace(Box::new(replacement)))
    }
}

/// A place for each, on the thread where it is to run.
pub(super) fn berths<'a>(crew: &Crew, nodes: impl Iterator<Item = &'a Node>) -> Result<Vec<Berth>, Diagnostics> {
    nodes.map(|node| crew.berth(node)).collect::<io::Result<_>>().map_err(|e| cannot_run(&e))
}

/// The function of each, or what is wrong with all that cannot be built.
pub(super) fn build_all<'a>(
    nodes: impl Iterator<Item = &'a Node>,
    registry: &Registry,
    place: impl Fn(&str) -> Option<Place>,
) -> Result<Vec<Box<dyn Runnable>>, Diagnostics> {
    let mut wrong = Vec::new();
    let mut functions = Vec::new();
    for node in nodes {
        match registry.build_runnable(&node.component.id, &Properties::new(node.properties.clone())) {
            Ok(function) => functions.push(function),
            Err(e) => {
                let component = node.component.id.to_string();
                wrong.push(cannot_build(&node.name, &component, e.to_string(), place(&node.name)));
            }
        }
    }
    if wrong.is_empty() { Ok(functions) } else { Err(Diagnostics(wrong)) }
}

fn cannot_build(operator: &str, component: &str, why: String, place: Option<Place>) -> Diagnostic {
    Diagnostic {
        code: Code::R04,
        message: format!("the function of {operator} cannot be built"),
        places: place.into_iter().collect(),
        expected: format!("{component} with the properties given"),
        found: why,
        hint: "mend the property or resource named, and try again; nothing was changed".into(),
    }
}
