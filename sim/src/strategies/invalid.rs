//! One thing wrong with an update, and what must be said of it.

use crate::generate::{Edit, Kind, Parts, accepts, edited, pick, same_ports};
use neurath_model::component::{Catalogue, Component};
use neurath_model::diagnostic::{Code, SourceMap};
use neurath_model::flow::{Arc, ComponentRef, Flow, Operator, PortRef};
use neurath_model::graph::{FlowGraph, Node};
use neurath_model::plan::plan;
use neurath_model::update::{Change, StatePolicy, Update};

/// What is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wrong {
    UnknownOperator,
    UnknownComponent,
    Nothing,
    NoStatePolicy,
    UnknownTransfer,
    DropsOpenWork,
    OtherPorts,
    NameOfOtherPorts,
    LooseArc,
    OrphanedPort,
    DoubledArc,
    UnknownPort,
    Type,
    UnbalancedJoin,
    Cycle,
    StateOfOneThatStays,
    StateOfNobody,
    SpeaksOfNobody,
}

impl Wrong {
    pub(super) const ALL: &'static [Self] = &[
        Self::UnknownOperator,
        Self::UnknownComponent,
        Self::Nothing,
        Self::NoStatePolicy,
        Self::UnknownTransfer,
        Self::DropsOpenWork,
        Self::OtherPorts,
        Self::NameOfOtherPorts,
        Self::LooseArc,
        Self::OrphanedPort,
        Self::DoubledArc,
        Self::UnknownPort,
        Self::Type,
        Self::UnbalancedJoin,
        Self::Cycle,
        Self::StateOfOneThatStays,
        Self::StateOfNobody,
        Self::SpeaksOfNobody,
    ];

    /// An update of the flow that has this wrong, if flow and components allow for it, and the codes to be reported.
    pub(super) fn of(self, graph: &FlowGraph, catalogue: &Catalogue, at: u32, by: u32) -> Option<(Update, Vec<Code>)> {
        let place = Place { graph, catalogue, parts: Parts::of(catalogue), at, by };
        match self {
            Self::UnknownOperator => Some((of("nobody", Change::of_state(StatePolicy::Keep)), vec![Code::U01])),
            Self::UnknownComponent => {
                let none = ComponentRef { version: "none".into(), ..place.node().component.id.clone() };
                Some((of(&place.node().name, Change::to(none, StatePolicy::Keep)), vec![Code::U02]))
            }
            Self::Nothing => Some((of(&place.node().name, Change::of_state(StatePolicy::Keep)), vec![Code::U08])),
            Self::NoStatePolicy => place.no_state_policy(),
            Self::UnknownTransfer => place.replaced(StatePolicy::Transfer("none".into()), Code::U05, |_| true),
            Self::DropsOpenWork => place.replaced(StatePolicy::Reset, Code::U06, Component::holds_open_work),
            Self::OtherPorts => place.other_ports(),
            Self::NameOfOtherPorts => place.name_of_other_ports(),
            Self::LooseArc => place.rewired(vec![Code::F03, Code::F05], |arc, _| arc.to.operator = "nobody".into()),
            Self::UnknownPort => place.rewired(vec![Code::F04], |arc, _| arc.to.port = "NONE".into()),
            Self::OrphanedPort => place.with_flow(vec![Code::F05, Code::F06], |flow| {
                flow.arcs.remove(at as usize % flow.arcs.len().max(1));
                Some(())
            }),
            Self::DoubledArc => place.with_flow(vec![Code::F05, Code::F06], |flow| {
                flow.arcs.push(pick(&flow.arcs, at)?.clone());
                Some(())
            }),
            Self::Type => place.misfit(),
            Self::UnbalancedJoin => place.unbalanced(),
            Self::Cycle => place.cycle(),
            Self::StateOfOneThatStays => place.heir(|place| place.node().name.clone()),
            Self::StateOfNobody => place.heir(|_| "nobody".into()),
            Self::SpeaksOfNobody => {
                let (mut update, _) = place.with_comer()?;
                update.changes.insert("nobody".into(), Change::of_state(StatePolicy::Keep));
                Some((update, vec![Code::U12]))
            }
        }
    }
}

fn of(operator: &str, change: Change) -> Update {
    Update { changes: [(operator.to_owned(), change)].into(), flow: None, ..Update::to_flow("wrong", Flow::default()) }
}

struct Place<'a> {
    graph: &'a FlowGraph,
    catalogue: &'a Catalogue,
    parts: Parts<'a>,
    at: u32,
    by: u32,
}

impl<'a> Place<'a> {
    fn node(&self) -> &'a Node {
        let nodes: Vec<&Node> = self.graph.operators().map(|(_, node)| node).collect();
        pick(&nodes, self.at).expect("a valid flow has a source")
    }

    /// Operators that can run something else between the same ports.
    fn replaceable(&self) -> Option<(&'a Node, &'a Component)> {
        let nodes = self.graph.operators().map(|(_, node)| node);
        let pairs = nodes.flat_map(|node| {
            let others = self.catalogue.components().filter(|new| new.id != node.component.id);
            others.filter(|new| is_plain_replacement(&node.component, new)).map(move |new| (node, new))
        });
        pick(&pairs.collect::<Vec<_>>(), self.at).copied()
    }

    fn no_state_policy(&self) -> Option<(Update, Vec<Code>)> {
        let (node, new) = self.replaceable()?;
        (node.component.state.is_some() || new.state.is_some()).then_some(())?;
        same_packets(&node.component, new).then_some(())?;
        self.with_flow(vec![Code::U04], |flow| {
            let operator = flow.operators.iter_mut().find(|o| o.name == node.name)?;
            operator.component = new.id.clone();
            flow.initial.retain(|packet| packet.to.operator != node.name);
            Some(())
        })
    }

    fn replaced(
        &self,
        state: StatePolicy,
        code: Code,
        fits: impl Fn(&Component) -> bool,
    ) -> Option<(Update, Vec<Code>)> {
        let (node, new) = self.replaceable()?;
        let change = Change::to(new.id.clone(), state);
        (same_packets(&node.component, new) && fits(&node.component)).then(|| (of(&node.name, change), vec![code]))
    }

    fn other_ports(&self) -> Option<(Update, Vec<Code>)> {
        let stateless = |c: &Component| c.state.is_none() && c.properties.iter().all(|p| p.default.is_some());
        let nodes = self.graph.operators().map(|(_, node)| node).filter(|node| node.component.state.is_none());
        let pairs = nodes.flat_map(|node| {
            let old = &node.component;
            let has_feedback = |c: &Component| c.inputs.iter().any(|input| input.feedback);
            let others = self.catalogue.components().filter(move |new| {
                stateless(new)
                    && !same_ports(old, new)
                    && new.firing == old.firing
                    && !has_feedback(new)
                    && !has_feedback(old)
            });
            others.map(move |new| (node, new))
        });
        let (node, new) = *pick(&pairs.collect::<Vec<_>>(), self.at)?;
        Some((of(&node.name, Change::to(new.id.clone(), StatePolicy::Keep)), vec![Code::U03]))
    }

    /// A part with a split comes in, under the name of an operator that goes.
    fn name_of_other_ports(&self) -> Option<(Update, Vec<Code>)> {
        let deleted = self.edited(Kind::Delete)?;
        let goes = self.graph.operators().find(|(_, node)| deleted.operator(&node.name).is_none())?.1;
        let known = self.edited_from(&deleted, Kind::AddSink)?;
        let split = known.operators.iter().find(|o| deleted.operator(&o.name).is_none())?;
        let split_component = self.catalogue.component(&split.component)?;
        let (old, new) = (&goes.component, split_component);
        (old.firing == new.firing && old.state.is_none() && new.state.is_none()).then_some(())?;
        let (from, to) = (split.name.clone(), goes.name.clone());
        let mut flow = known.clone();
        flow.operators.iter_mut().filter(|o| o.name == from).for_each(|o| o.name.clone_from(&to));
        let ends = flow.arcs.iter_mut().flat_map(|arc| [&mut arc.from, &mut arc.to]);
        let ends = ends.chain(flow.initial.iter_mut().map(|packet| &mut packet.to));
        ends.filter(|end| end.operator == from).for_each(|end| end.operator.clone_from(&to));
        Some((Update::to_flow("wrong", flow), vec![Code::U03]))
    }

    fn rewired(&self, codes: Vec<Code>, change: impl Fn(&mut Arc, usize)) -> Option<(Update, Vec<Code>)> {
        self.with_flow(codes, |flow| {
            let i = self.at as usize % flow.arcs.len().max(1);
            change(flow.arcs.get_mut(i)?, i);
            Some(())
        })
    }

    fn with_flow(&self, codes: Vec<Code>, change: impl FnOnce(&mut Flow) -> Option<()>) -> Option<(Update, Vec<Code>)> {
        let mut flow = self.graph.to_flow();
        change(&mut flow)?;
        Some((Update::to_flow("wrong", flow), codes))
    }

    /// An operator that does not accept what comes along an arc.
    fn misfit(&self) -> Option<(Update, Vec<Code>)> {
        let arcs = self.graph.arcs().filter(|(_, arc)| !arc.feedback);
        let pairs = arcs.flat_map(|(id, arc)| {
            let refusing = self.parts.steps.iter().filter(|step| {
                let leaves =
                    self.graph.operator(arc.to.operator).component.inputs[usize::from(arc.to.port.0)].accepts.clone();
                !accepts(&step.inputs[0].accepts, &arc.carries)
                    && step.outputs[0].emits.variables().next().is_none()
                    && accepts(&leaves, &step.outputs[0].emits)
                    && leaves.variables().next().is_none()
            });
            refusing.map(move |step| (id.0 as usize, *step))
        });
        let (arc, step) = *pick(&pairs.collect::<Vec<_>>(), self.at)?;
        self.with_flow(vec![Code::F07], |flow| {
            let name = comer(flow, step)?;
            let to = std::mem::replace(&mut flow.arcs[arc].to, PortRef::new(&name, &step.inputs[0].name));
            flow.arcs.push(arc_of(PortRef::new(name, &step.outputs[0].name), to));
            Some(())
        })
    }

    /// Two sources into a join.
    fn unbalanced(&self) -> Option<(Update, Vec<Code>)> {
        let parts = &self.parts;
        let source = *pick(&parts.sources, self.by)?;
        let sink = *pick(&parts.sinks, self.by)?;
        let emits = &source.outputs[0].emits;
        let fits = |join: &&&Component| {
            join.outputs.len() == 1
                && join.inputs.iter().all(|input| accepts(&input.accepts, emits))
                && accepts(&sink.inputs[0].accepts, emits)
        };
        let joins: Vec<&&Component> = parts.joins.iter().filter(fits).collect();
        let join = **pick(&joins, self.at)?;
        (source.outputs.len() == 1).then_some(())?;
        self.with_flow(vec![Code::F10], |flow| {
            let (join_name, sink_name) = (comer(flow, join)?, comer(flow, sink)?);
            for input in &join.inputs {
                let name = comer(flow, source)?;
                flow.arcs
                    .push(arc_of(PortRef::new(name, &source.outputs[0].name), PortRef::new(&join_name, &input.name)));
            }
            let from = PortRef::new(join_name, &join.outputs[0].name);
            flow.arcs.push(arc_of(from, PortRef::new(sink_name, &sink.inputs[0].name)));
            Some(())
        })
    }

    /// A merge whose second input comes from behind itself.
    fn cycle(&self) -> Option<(Update, Vec<Code>)> {
        let two =
            |c: &&&Component, inputs: usize, outputs: usize| c.inputs.len() == inputs && c.outputs.len() == outputs;
        let merges: Vec<&&Component> = self.parts.merges.iter().filter(|c| two(c, 2, 1)).collect();
        let splits: Vec<&&Component> = self.parts.splits.iter().filter(|c| two(c, 1, 2)).collect();
        let (merge, split) = (**pick(&merges, self.by)?, **pick(&splits, self.by)?);
        let arcs: Vec<_> = self.graph.arcs().filter(|(_, arc)| !arc.feedback).collect();
        let (id, arc) = *pick(&arcs, self.at)?;
        let takes = |c: &Component| c.inputs.iter().all(|input| accepts(&input.accepts, &arc.carries));
        (takes(merge) && takes(split)).then_some(())?;
        self.with_flow(vec![Code::F08], |flow| {
            let (merge_name, split_name) = (comer(flow, merge)?, comer(flow, split)?);
            let port = |name: &String, port: &String| PortRef::new(name, port);
            let first = port(&merge_name, &merge.inputs[0].name);
            let to = std::mem::replace(&mut flow.arcs[id.0 as usize].to, first);
            let [a, b] = [0, 1].map(|i| port(&split_name, &split.outputs[i].name));
            flow.arcs.push(arc_of(port(&merge_name, &merge.outputs[0].name), port(&split_name, &split.inputs[0].name)));
            flow.arcs.push(arc_of(a, port(&merge_name, &merge.inputs[1].name)));
            flow.arcs.push(arc_of(b, to));
            Some(())
        })
    }

    /// An operator that comes in is to have the state of one that does not go.
    fn heir(&self, from: impl Fn(&Self) -> String) -> Option<(Update, Vec<Code>)> {
        let (mut update, name) = self.with_comer()?;
        let from = from(self);
        update.flow.as_ref()?.operator(&from).is_some().then_some(()).or((from == "nobody").then_some(()))?;
        update.changes.insert(name, Change { from: Some(from), ..Change::of_state(StatePolicy::Keep) });
        Some((update, vec![Code::U13]))
    }

    /// A valid update by which an operator comes in, and its name.
    fn with_comer(&self) -> Option<(Update, String)> {
        let flow = self.edited(Kind::Insert)?;
        let comes = flow.operators.iter().find(|o| self.graph.find(&o.name).is_none())?.name.clone();
        Some((Update::to_flow("wrong", flow), comes))
    }

    fn edited(&self, kind: Kind) -> Option<Flow> {
        self.edited_from(&self.graph.to_flow(), kind)
    }

    /// The flow of an edit that is valid by itself.
    fn edited_from(&self, flow: &Flow, kind: Kind) -> Option<Flow> {
        let map = SourceMap::default();
        let graph = neurath_model::validate::validate(flow, &map, self.catalogue).ok()?;
        let accept = |update: &Update| plan(&graph, update, &map, self.catalogue, None).is_ok();
        let edit = Edit { kind, at: self.at, by: self.by, with: 1 };
        edited(&graph, self.catalogue, "wrong", &[edit], accept).0?.flow
    }
}

/// A component with the same ports and the same rules, for which nothing must be set.
fn is_plain_replacement(old: &Component, new: &Component) -> bool {
    let same_rules = old.emission == new.emission && old.wake == new.wake;
    same_ports(old, new) && same_rules && new.properties.iter().all(|property| property.default.is_some())
}

/// With another type of packet there would be more to say.
fn same_packets(old: &Component, new: &Component) -> bool {
    old.inputs == new.inputs && old.outputs == new.outputs
}

fn arc_of(from: PortRef, to: PortRef) -> Arc {
    Arc { from, to, metadata: [].into() }
}

/// Adds an operator under a free name; only of components for which nothing must be set.
fn comer(flow: &mut Flow, component: &Component) -> Option<String> {
    component.properties.iter().all(|property| property.default.is_some()).then_some(())?;
    let name = (1..).map(|k| format!("wrong{k}")).find(|name| flow.operator(name).is_none())?;
    flow.operators.push(Operator { name: name.clone(), component: component.id.clone(), metadata: [].into() });
    Some(name)
}
