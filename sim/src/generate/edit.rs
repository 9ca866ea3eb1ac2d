//! Edits of a flow: what a person would do to a running program, drawn at random.
//!
//! ```text
//!   flow --edit--> flow --edit--> flow     each edit stays only if the update to what it leads to is accepted
//!     '------------- Update ------------'
//! ```
//!
//! An edit is a few numbers, taken modulo whatever there is to choose from, like a [`Step`]. Where it does not fit, the
//! numbers next to it are tried; where none fits, it changes nothing. So a list of edits that is shortened is still a
//! list of edits, and a failing update shrinks to a small one.

use super::grow::{Block, Step, add, grow};
use super::operators::{another_value, policy, same_ports};
use super::parts::{Parts, pick, required};
use neurath_model::component::{Catalogue, Component};
use neurath_model::diagnostic::SourceMap;
use neurath_model::flow::{Arc, Flow, InitialPacket, PortRef};
use neurath_model::graph::FlowGraph;
use neurath_model::update::{Change, StatePolicy, Update};
use neurath_model::validate::validate;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, BTreeSet};

/// How many neighbours of an edit are tried where it does not fit.
const TRIES: u32 = 6;

/// The most operators of a part that goes in one edit.
const PART_MAX: usize = 4;

/// What is done to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An operator runs another version of its component.
    Version,
    /// A property gets another value.
    Property,
    /// An operator, or a split with its rejoin, comes in on an arc.
    Insert,
    /// An operator with one arc in and one out goes.
    Delete,
    /// An operator goes, and another comes in its place; it takes over the state if there is one and `with` is even.
    Replace,
    /// A connected part goes: its arcs in are led to its arcs out, through a new operator each if `with` is odd; to new sinks
    /// where there are too many of the one, and from new sources where too many of the other.
    Region,
    /// Two operators with one arc in and one out change places.
    Swap,
    /// Two arcs exchange their ends; one of them may be feedback.
    Cross,
    /// One more source, merged in on an arc.
    AddSource,
    /// One more sink, split off from an arc.
    AddSink,
    /// Another flow altogether, with operators of the same names in it.
    Regrow,
}

impl Kind {
    /// Every kind, the simplest first.
    pub const ALL: &'static [Self] = &[
        Self::Version,
        Self::Property,
        Self::Insert,
        Self::Delete,
        Self::Replace,
        Self::Swap,
        Self::Cross,
        Self::Region,
        Self::AddSource,
        Self::AddSink,
        Self::Regrow,
    ];
}

/// One edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// What is done.
    pub kind: Kind,
    /// Where.
    pub at: u32,
    /// By which component, or with which other place.
    pub by: u32,
    /// What is left to choose.
    pub with: u32,
}

impl Edit {
    /// Draws one.
    pub fn draw(rng: &mut impl Rng) -> Self {
        let kind = *Kind::ALL.choose(rng).expect("there are kinds");
        let mut number = || rng.random_range(0..1000);
        Self { kind, at: number(), by: number(), with: number() }
    }
}

/// The update of a flow that these edits come to, of those that `accept` takes; and how many it refused. `None` if
/// none of the edits fits.
pub fn edited(
    graph: &FlowGraph,
    catalogue: &Catalogue,
    name: &str,
    edits: &[Edit],
    mut accept: impl FnMut(&Update) -> bool,
) -> (Option<Update>, u32) {
    let mut known = catalogue.clone();
    for (_, node) in graph.operators() {
        known.add(node.component.clone());
    }
    let editor = Editor { before: graph, known: &known, parts: Parts::of(&known) };
    let mut draft = Draft { flow: graph.to_flow(), heirs: BTreeMap::new() };
    let (mut update, mut refused) = (None, 0);
    for edit in edits {
        for neighbour in 0..TRIES {
            let Some((next, found)) = editor.tried(&draft, *edit, neighbour, name) else { continue };
            if accept(&found) {
                (draft, update) = (next, Some(found));
                break;
            }
            refused += 1;
        }
    }
    (update, refused)
}

/// A flow being edited.
#[derive(Debug, Clone)]
struct Draft {
    flow: Flow,
    /// Operators that come in, with whose state they take over.
    heirs: BTreeMap<String, (String, StatePolicy)>,
}

struct Editor<'a> {
    before: &'a FlowGraph,
    known: &'a Catalogue,
    parts: Parts<'a>,
}

impl<'a> Editor<'a> {
    /// The draft after an edit, or one next to it, with the update that it comes to: if it is a valid flow, and another.
    fn tried(&self, draft: &Draft, edit: Edit, neighbour: u32, name: &str) -> Option<(Draft, Update)> {
        let mut next = draft.clone();
        let at = edit.at.wrapping_add(neighbour);
        self.edit(&mut next, Edit { at, by: edit.by.wrapping_add(neighbour / 2), ..edit })?;
        let after = validate(&next.flow, &SourceMap::default(), self.known).ok()?;
        let names: BTreeSet<&str> = next.flow.operators.iter().map(|o| o.name.as_str()).collect();
        next.heirs.retain(|heir, (from, _)| names.contains(heir.as_str()) && !names.contains(from.as_str()));
        // Written out as a graph would: every property said.
        next.flow = after.to_flow();
        let update = self.update(&next, &after, name)?;
        Some((next, update))
    }

    fn update(&self, draft: &Draft, after: &FlowGraph, name: &str) -> Option<Update> {
        let mut update = Update::to_flow(name, draft.flow.clone());
        if draft.flow == self.before.to_flow() {
            return None;
        }
        for (_, new) in after.operators() {
            let Some(old) = self.before.find(&new.name).map(|at| self.before.operator(at)) else { continue };
            if old.component.id != new.component.id {
                let state = policy(&old.component, &new.component, self.known)?;
                update.changes.insert(new.name.clone(), Change::of_state(state));
            }
        }
        for (heir, (from, state)) in &draft.heirs {
            let change = Change { from: Some(from.clone()), ..Change::of_state(state.clone()) };
            update.changes.insert(heir.clone(), change);
        }
        Some(if same_shape(self.before, after) { self.of_operators(update, after) } else { update })
    }

    /// The same update, if nothing but operators changes, without the flow.
    fn of_operators(&self, mut update: Update, after: &FlowGraph) -> Update {
        update.flow = None;
        for (_, new) in after.operators() {
            let old = self.before.operator(self.before.find(&new.name).expect("of the same shape"));
            let replaced = old.component.id != new.component.id;
            let values = new.properties.iter().filter(|(name, value)| old.properties.get(*name) != Some(value));
            let properties: BTreeMap<_, _> = values.map(|(name, value)| (name.clone(), value.clone())).collect();
            if replaced || !properties.is_empty() {
                let change = update.changes.entry(new.name.clone());
                let change = change.or_insert_with(|| Change::of_state(StatePolicy::Keep));
                change.component = replaced.then(|| new.component.id.clone());
                change.properties = properties;
            }
        }
        update
    }

    fn edit(&self, draft: &mut Draft, edit: Edit) -> Option<()> {
        let Edit { kind, at, by, with } = edit;
        match kind {
            Kind::Version => self.version(draft, at, by),
            Kind::Property => self.property(draft, at, by),
            Kind::Insert => self.insert(draft, at, by),
            Kind::Delete => self.delete(draft, at),
            Kind::Replace => self.replace(draft, edit),
            Kind::Region => self.region(draft, edit),
            Kind::Swap => self.swap(draft, at, by),
            Kind::Cross => cross(draft, at, by.wrapping_add(with)),
            Kind::AddSource => self.add_source(draft, at, by),
            Kind::AddSink => self.add_sink(draft, at, by),
            Kind::Regrow => self.regrow(draft, edit),
        }
    }

    fn component(&self, draft: &Draft, operator: &str) -> Option<&'a Component> {
        self.known.component(&draft.flow.operator(operator)?.component)
    }

    /// A new operator, under a name that neither flow has.
    fn add(&self, draft: &mut Draft, component: &Component) -> String {
        add(&mut draft.flow, component, |name| self.before.find(name).is_some())
    }

    fn version(&self, draft: &mut Draft, at: u32, by: u32) -> Option<()> {
        let operators = draft.flow.operators.len();
        let index = at as usize % operators.max(1);
        let old = self.component(draft, &draft.flow.operators.get(index)?.name)?;
        let others = self.known.components().filter(|new| new.id.name == old.id.name && new.id != old.id);
        let others: Vec<&Component> = others.filter(|new| same_ports(old, new)).collect();
        let new = *pick(&others, by)?;
        draft.flow.operators[index].component = new.id.clone();
        let name = draft.flow.operators[index].name.clone();
        draft.flow.initial.retain(|packet| packet.to.operator != name || new.property(&packet.to.port).is_some());
        self.set_required(draft, &name, new);
        Some(())
    }

    fn set_required(&self, draft: &mut Draft, name: &str, component: &Component) {
        for (property, value) in required(component) {
            let to = PortRef::new(name, property);
            if draft.flow.initial.iter().all(|packet| packet.to != to) {
                draft.flow.initial.push(InitialPacket { value, to });
            }
        }
    }

    fn property(&self, draft: &mut Draft, at: u32, by: u32) -> Option<()> {
        let name = pick(&draft.flow.operators, at)?.name.clone();
        let component = self.component(draft, &name)?;
        let mut rng = ChaCha8Rng::seed_from_u64(by.into());
        for (property, value) in another_value(&component.properties, &mut rng) {
            let to = PortRef::new(&name, property);
            draft.flow.initial.retain(|packet| packet.to != to);
            draft.flow.initial.push(InitialPacket { value, to });
        }
        Some(())
    }

    fn insert(&self, draft: &mut Draft, at: u32, by: u32) -> Option<()> {
        let arc = at as usize % draft.flow.arcs.len().max(1);
        let (steps, diamonds) = (&self.parts.steps, self.parts.diamonds());
        let choice = by as usize % (steps.len() + diamonds.len()).max(1);
        if let Some(step) = steps.get(choice) {
            let to = draft.flow.arcs[arc].to.clone();
            let name = self.add(draft, step);
            draft.flow.arcs[arc].to = PortRef::new(&name, &step.inputs[0].name);
            connect(draft, PortRef::new(&name, &step.outputs[0].name), to);
            return Some(());
        }
        let (split, end) = *diamonds.get(choice - steps.len())?;
        let to = draft.flow.arcs[arc].to.clone();
        let (first, last) = (self.add(draft, split), self.add(draft, end));
        draft.flow.arcs[arc].to = PortRef::new(&first, &split.inputs[0].name);
        for (output, input) in split.outputs.iter().zip(&end.inputs) {
            connect(draft, PortRef::new(&first, &output.name), PortRef::new(&last, &input.name));
        }
        connect(draft, PortRef::new(&last, &end.outputs[0].name), to);
        Some(())
    }

    /// Operators with one arc in and one out, which are not one arc.
    fn through(&self, draft: &Draft) -> Vec<String> {
        let count = |name: &str, end: fn(&Arc) -> &PortRef| {
            draft.flow.arcs.iter().filter(|arc| end(arc).operator == name).count()
        };
        let names = draft.flow.operators.iter().map(|o| o.name.clone());
        let single = names.filter(|name| count(name, |a| &a.from) == 1 && count(name, |a| &a.to) == 1);
        let looped = |name: &str| draft.flow.arcs.iter().any(|a| a.from.operator == name && a.to.operator == name);
        single.filter(|name| !looped(name)).collect()
    }

    fn delete(&self, draft: &mut Draft, at: u32) -> Option<()> {
        let name = pick(&self.through(draft), at)?.clone();
        let goes = BTreeSet::from([name]);
        let (ins, outs) = cut_out(draft, &goes);
        connect(draft, ins.into_iter().next()?, outs.into_iter().next()?);
        Some(())
    }

    fn replace(&self, draft: &mut Draft, edit: Edit) -> Option<()> {
        let index = edit.at as usize % draft.flow.operators.len().max(1);
        let old_name = draft.flow.operators.get(index)?.name.clone();
        let old = self.component(draft, &old_name)?;
        let others: Vec<&Component> = self.known.components().filter(|new| same_ports(old, new)).collect();
        let new = *pick(&others, edit.by)?;
        let new_name = self.add(draft, new);
        for arc in &mut draft.flow.arcs {
            for end in [&mut arc.from, &mut arc.to] {
                if end.operator == old_name {
                    end.operator.clone_from(&new_name);
                }
            }
        }
        draft.flow.operators.remove(index);
        draft.flow.initial.retain(|packet| packet.to.operator != old_name);
        let state = policy(old, new, self.known).filter(|state| *state != StatePolicy::Reset);
        if let Some(state) = state.filter(|_| edit.with.is_multiple_of(2) && old.state.is_some()) {
            let from = self.before.find(&old_name).map(|_| old_name);
            draft.heirs.extend(from.map(|from| (new_name, (from, state))));
        }
        Some(())
    }

    fn region(&self, draft: &mut Draft, edit: Edit) -> Option<()> {
        let goes = region(draft, edit.at, edit.by)?;
        let (mut ins, mut outs) = cut_out(draft, &goes);
        let turn = edit.with as usize / 2 % outs.len().max(1);
        outs.rotate_left(turn);
        while outs.len() > ins.len() {
            let source = *pick(&self.parts.sources, edit.by)?;
            let name = self.add(draft, source);
            connect(draft, PortRef::new(&name, &source.outputs[0].name), outs.pop()?);
        }
        while ins.len() > outs.len() {
            let sink = *pick(&self.parts.sinks, edit.by)?;
            let name = self.add(draft, sink);
            connect(draft, ins.pop()?, PortRef::new(&name, &sink.inputs[0].name));
        }
        for (i, (from, to)) in ins.into_iter().zip(outs).enumerate() {
            match pick(&self.parts.steps, edit.by + i as u32).filter(|_| edit.with % 2 == 1) {
                None => connect(draft, from, to),
                Some(step) => {
                    let name = self.add(draft, step);
                    connect(draft, from, PortRef::new(&name, &step.inputs[0].name));
                    connect(draft, PortRef::new(&name, &step.outputs[0].name), to);
                }
            }
        }
        Some(())
    }

    fn swap(&self, draft: &mut Draft, at: u32, by: u32) -> Option<()> {
        let mut names = self.through(draft);
        if names.len() < 2 {
            return None;
        }
        let a = names.remove(at as usize % names.len());
        let b = names.remove(by as usize % names.len());
        let (of_a, of_b) = (self.component(draft, &a)?, self.component(draft, &b)?);
        for arc in &mut draft.flow.arcs {
            let (from_a, to_a) = (PortRef::new(&a, &of_a.outputs[0].name), PortRef::new(&a, &of_a.inputs[0].name));
            let (from_b, to_b) = (PortRef::new(&b, &of_b.outputs[0].name), PortRef::new(&b, &of_b.inputs[0].name));
            arc.from = exchanged(&arc.from, from_a, from_b);
            arc.to = exchanged(&arc.to, to_a, to_b);
        }
        Some(())
    }

    fn add_source(&self, draft: &mut Draft, at: u32, by: u32) -> Option<()> {
        let merges: Vec<&&Component> =
            self.parts.merges.iter().filter(|m| m.inputs.len() == 2 && m.outputs.len() == 1).collect();
        let (source, merge) = (*pick(&self.parts.sources, by)?, **pick(&merges, by / 2)?);
        let arc = at as usize % draft.flow.arcs.len().max(1);
        let to = draft.flow.arcs.get(arc)?.to.clone();
        let (source_name, merge_name) = (self.add(draft, source), self.add(draft, merge));
        draft.flow.arcs[arc].to = PortRef::new(&merge_name, &merge.inputs[0].name);
        let second = PortRef::new(&merge_name, &merge.inputs[1].name);
        connect(draft, PortRef::new(source_name, &source.outputs[0].name), second);
        connect(draft, PortRef::new(merge_name, &merge.outputs[0].name), to);
        Some(())
    }

    fn add_sink(&self, draft: &mut Draft, at: u32, by: u32) -> Option<()> {
        let splits: Vec<&&Component> = self.parts.splits.iter().filter(|s| s.outputs.len() == 2).collect();
        let (sink, split) = (*pick(&self.parts.sinks, by)?, **pick(&splits, by / 2)?);
        let arc = at as usize % draft.flow.arcs.len().max(1);
        let to = draft.flow.arcs.get(arc)?.to.clone();
        let (split_name, sink_name) = (self.add(draft, split), self.add(draft, sink));
        draft.flow.arcs[arc].to = PortRef::new(&split_name, &split.inputs[0].name);
        connect(draft, PortRef::new(&split_name, &split.outputs[0].name), to);
        let second = PortRef::new(split_name, &split.outputs[1].name);
        connect(draft, second, PortRef::new(sink_name, &sink.inputs[0].name));
        Some(())
    }

    fn regrow(&self, draft: &mut Draft, edit: Edit) -> Option<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(edit.at) << 32 | u64::from(edit.by));
        let steps: Vec<Step> = (0..rng.random_range(0..=draft.flow.operators.len().min(6)))
            .map(|_| Step { block: *Block::ALL.choose(&mut rng).expect("some"), ..Step::draw(&mut rng) })
            .collect();
        let flow = grow(self.known, edit.with, &steps)?.to_flow();
        // Where a name stands for other ports in the two flows, it is another operator's.
        let is_other = |name: &str| {
            let old = self.before.find(name).map(|at| &self.before.operator(at).component);
            let new = flow.operator(name).and_then(|o| self.known.component(&o.component));
            old.zip(new).is_some_and(|(old, new)| !same_ports(old, new))
        };
        if flow.operators.iter().any(|o| is_other(&o.name)) {
            return None;
        }
        draft.flow = flow;
        draft.heirs.clear();
        Some(())
    }
}

fn exchanged(port: &PortRef, a: PortRef, b: PortRef) -> PortRef {
    match port {
        port if *port == a => b,
        port if *port == b => a,
        port => port.clone(),
    }
}

/// Some operators that hang together: from one, over arcs in either direction.
fn region(draft: &Draft, at: u32, by: u32) -> Option<BTreeSet<String>> {
    let mut goes = BTreeSet::from([pick(&draft.flow.operators, at)?.name.clone()]);
    for turn in 0..by as usize % PART_MAX {
        let next = draft.flow.arcs.iter().filter_map(|arc| {
            let (from, to) = (&arc.from.operator, &arc.to.operator);
            match (goes.contains(from), goes.contains(to)) {
                (true, false) => Some(to.clone()),
                (false, true) => Some(from.clone()),
                _ => None,
            }
        });
        let next: Vec<String> = next.collect();
        goes.extend(pick(&next, (by as usize / PART_MAX + turn) as u32).cloned());
    }
    (goes.len() < draft.flow.operators.len()).then_some(goes)
}

/// Takes operators out: where the arcs came from that led in, and where those led that came out.
fn cut_out(draft: &mut Draft, goes: &BTreeSet<String>) -> (Vec<PortRef>, Vec<PortRef>) {
    let (mut ins, mut outs) = (Vec::new(), Vec::new());
    draft.flow.arcs.retain(|arc| {
        let (from, to) = (goes.contains(&arc.from.operator), goes.contains(&arc.to.operator));
        if to && !from {
            ins.push(arc.from.clone());
        }
        if from && !to {
            outs.push(arc.to.clone());
        }
        !from && !to
    });
    draft.flow.operators.retain(|operator| !goes.contains(&operator.name));
    draft.flow.initial.retain(|packet| !goes.contains(&packet.to.operator));
    (ins, outs)
}

fn cross(draft: &mut Draft, at: u32, by: u32) -> Option<()> {
    let arcs = draft.flow.arcs.len();
    let (a, b) = (at as usize % arcs.max(1), by as usize % arcs.max(1));
    if a == b {
        return None;
    }
    let to = draft.flow.arcs.get(a)?.to.clone();
    draft.flow.arcs[a].to = std::mem::replace(&mut draft.flow.arcs[b].to, to);
    Some(())
}

fn connect(draft: &mut Draft, from: PortRef, to: PortRef) {
    draft.flow.arcs.push(Arc { from, to, metadata: [].into() });
}

/// Whether two flows have the same operators, by name, and the same arcs.
fn same_shape(before: &FlowGraph, after: &FlowGraph) -> bool {
    let names = |graph: &FlowGraph| graph.operators().map(|(_, node)| node.name.clone()).collect::<BTreeSet<_>>();
    let arcs = |graph: &FlowGraph| {
        graph.arcs().map(|(_, arc)| (graph.output(arc.from), graph.input(arc.to))).collect::<BTreeSet<_>>()
    };
    names(before) == names(after) && arcs(before) == arcs(after)
}
