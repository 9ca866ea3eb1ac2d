//! A run as a space-time diagram: operators as lanes, steps one below the other, packets and markers as lines between them.
//!
//! ```text
//!            environment   accept      read       load
//!     1          o                                          submits update `nio`
//!     2           `. . . . . o                              gets the marker of `nio`
//!     3                      o                              begins accept#0, emits OUT
//!     4                       `-------- o                   takes accept#0 from CONN, holds it
//! ```
//!
//! The data of the diagram are taken from the run itself, executed once more, as the story is. [`svg`] draws them, [`page`] makes a
//! page of it through which one can step, [`shiviz`] writes the same for another tool.

mod escaped;
pub mod page;
pub mod shiviz;
pub mod svg;

pub use escaped::Escaped;

use crate::instance::Instance;
use crate::narrate::{Story, narrate};
use crate::net::Item;
use crate::observation::Observation;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::id::{ArcId, Lineage, OperatorId, UpdateId};
use neurath_model::marker::Mail;
use neurath_model::program::Feed;
use std::collections::BTreeMap;

/// A lane: the environment, or an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// What it runs, from which step on (0 is the start), and which update that is, if any.
    pub versions: Vec<(usize, String, UpdateId)>,
    /// The step by which it is there, and the one in which it is released.
    pub life: (usize, Option<usize>),
    /// Steps from and to which some of its ports wait in a marker join.
    pub joining: Vec<(usize, usize)>,
    /// Steps from and to which it holds open work.
    pub holding: Vec<(usize, usize)>,
}

/// What goes from one step to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// A packet of a lineage.
    Packet(Lineage),
    /// The marker of an update, on an arc.
    Marker(UpdateId),
    /// Mail from the entrance about an update, or about the end.
    Mail(Option<UpdateId>),
    /// An arc that moves, by an update's marker.
    Arc(ArcId),
}

/// A line of the diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// What it carries.
    pub carries: Carries,
    /// Where it comes from: lane and step.
    pub from: (usize, usize),
    /// Where it comes to; none for what is still on its way at the end.
    pub to: Option<(usize, usize)>,
}

/// A diagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagram {
    /// The lanes: the environment first, then the operators by number.
    pub lanes: Vec<Lane>,
    /// The lane of each step.
    pub steps: Vec<usize>,
    /// The lines.
    pub edges: Vec<Edge>,
    /// The run in words.
    pub story: Story,
    /// What is where before the first step, and after each.
    pub places: Vec<Vec<String>>,
}

/// The lane of an operator, or of the environment.
fn lane(at: Option<OperatorId>) -> usize {
    at.map_or(0, |at| at.0 as usize + 1)
}

/// The diagram of a run.
///
/// # Panics
/// If a choice is not open where it is to be taken, as [`narrate`].
pub fn diagram(instance: &Instance, choices: &[Choice]) -> Diagram {
    let mut drawing = Drawing::new(instance);
    for choice in choices {
        drawing.step(choice);
    }
    drawing.finish(narrate(instance, choices))
}

/// A diagram under way.
struct Drawing<'a> {
    instance: &'a Instance,
    world: World,
    lanes: Vec<Lane>,
    steps: Vec<usize>,
    edges: Vec<Edge>,
    places: Vec<Vec<String>>,
    /// By arc: the edges of the packets sent on it, in order.
    sent: BTreeMap<ArcId, Vec<usize>>,
    /// By update and operator: the step in which its marker went on.
    passed: BTreeMap<(UpdateId, OperatorId), usize>,
    /// The step in which mail was sent.
    mailed: BTreeMap<Mail, (usize, usize)>,
    /// Where an arc was taken away.
    taken: BTreeMap<ArcId, (usize, usize)>,
}

impl<'a> Drawing<'a> {
    fn new(instance: &'a Instance) -> Self {
        let world = World::new(instance);
        let environment = Lane {
            name: "environment".into(),
            versions: Vec::new(),
            life: (0, None),
            joining: Vec::new(),
            holding: Vec::new(),
        };
        let mut drawing = Self {
            instance,
            places: vec![places(instance, &world)],
            world,
            lanes: vec![environment],
            steps: Vec::new(),
            edges: Vec::new(),
            sent: BTreeMap::new(),
            passed: BTreeMap::new(),
            mailed: BTreeMap::new(),
            taken: BTreeMap::new(),
        };
        drawing.add_lanes(0);
        drawing
    }

    /// Lanes for operators that are there and have none.
    fn add_lanes(&mut self, step: usize) {
        for at in self.world.net.operators().skip(self.lanes.len() - 1) {
            let version = self.world.net.cell(at).operator.version();
            self.lanes.push(Lane {
                name: self.instance.name(at).into(),
                versions: vec![(step, self.instance.behaviour(at, version).component.clone(), version)],
                life: (step, None),
                joining: Vec::new(),
                holding: Vec::new(),
            });
        }
    }

    fn step(&mut self, choice: &Choice) {
        let (number, from) = (self.steps.len() + 1, lane(choice.at()));
        let marker_from = self.marker_to_be_taken(choice);
        let mut seen = Vec::new();
        self.world.step(self.instance, choice, &mut |observation| seen.push(observation.clone()));
        self.steps.push(from);
        self.add_lanes(number);
        if let Some((update, producer)) = marker_from {
            let sent = self.passed.get(&(update, producer)).copied().unwrap_or(0);
            let edge =
                Edge { carries: Carries::Marker(update), from: (lane(Some(producer)), sent), to: Some((from, number)) };
            self.edges.push(edge);
        }
        self.mail(choice, (from, number));
        seen.iter().for_each(|observation| self.observe(observation, (from, number)));
        self.look_at_operators(number);
        self.places.push(places(self.instance, &self.world));
    }

    /// The update whose marker a step takes from an arc, and whose arc that is.
    fn marker_to_be_taken(&self, choice: &Choice) -> Option<(UpdateId, OperatorId)> {
        let Choice::Mark { at, port } = choice else { return None };
        let Some(Item::Marker(marker)) = self.world.net.first(*at, *port) else { return None };
        let arc = self.world.net.feeding(*at, *port)?;
        Some((marker.update, self.instance.program.arc(arc).from.operator))
    }

    /// What the environment or the exit sends comes out of the step that made it do so.
    fn mail(&mut self, choice: &Choice, here: (usize, usize)) {
        match choice {
            Choice::Submit { update } => drop(self.mailed.insert(Mail::Marker(*update), here)),
            Choice::End => drop(self.mailed.insert(Mail::End, here)),
            Choice::Deliver { mail, .. } => {
                let from = self.mailed.get(mail).copied().unwrap_or((0, 0));
                self.edges.push(Edge { carries: Carries::Mail(mail.update()), from, to: Some(here) });
            }
            _ => {}
        }
        // The word to apply or to go on is sent at the last report, whoever makes it.
        let words = self.world.net.cells.iter().flat_map(|cell| cell.mail.iter().copied());
        for mail in words.collect::<Vec<_>>() {
            self.mailed.entry(mail).or_insert((0, here.1));
        }
    }

    fn observe(&mut self, observation: &Observation, here: (usize, usize)) {
        match *observation {
            Observation::Sent { arc, lineage } => {
                let producer = self.instance.program.arc(arc).from.operator;
                let from = (lane(Some(producer)), here.1);
                self.sent.entry(arc).or_default().push(self.edges.len());
                self.edges.push(Edge { carries: Carries::Packet(lineage), from, to: None });
            }
            Observation::Taken { arc, serial, .. } => {
                let edge = self.sent.get(&arc).and_then(|sent| sent.get(serial as usize));
                if let Some(edge) = edge {
                    self.edges[*edge].to = Some(here);
                }
            }
            Observation::Passed { at, update } => drop(self.passed.insert((update, at), here.1)),
            Observation::Disconnected { at, arc, .. } => drop(self.taken.insert(arc, (lane(Some(at)), here.1))),
            Observation::Attached { to, arc, .. } => {
                if let Some(from) = self.taken.remove(&arc) {
                    let to = Some((lane(Some(to.operator)), here.1));
                    self.edges.push(Edge { carries: Carries::Arc(arc), from, to });
                }
            }
            Observation::Gone { at } => self.lanes[lane(Some(at))].life.1 = Some(here.1),
            _ => {}
        }
    }

    /// Versions, joins and open work, as they are after a step.
    fn look_at_operators(&mut self, step: usize) {
        for at in self.world.net.operators() {
            let (cell, lane) = (self.world.net.cell(at), &mut self.lanes[lane(Some(at))]);
            let version = cell.operator.version();
            if lane.versions.last().is_none_or(|(_, _, last)| *last != version) {
                let component = self.instance.behaviour(at, version).component.clone();
                lane.versions.push((step, component, version));
            }
            extend(&mut lane.joining, cell.operator.joining().next().is_some(), step);
            extend(&mut lane.holding, !cell.held.is_empty(), step);
        }
    }

    fn finish(self, story: Story) -> Diagram {
        let Self { lanes, steps, edges, places, .. } = self;
        Diagram { lanes, steps, edges, story, places }
    }
}

/// Notes that something is so after a step: the last span goes on, or another begins.
fn extend(spans: &mut Vec<(usize, usize)>, is_so: bool, step: usize) {
    match spans.last_mut() {
        Some((_, to)) if *to == step - 1 && is_so => *to = step,
        _ if is_so => spans.push((step, step)),
        _ => {}
    }
}

/// What is on arcs and in operators, in words.
fn places(instance: &Instance, world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for (arc, queue) in world.net.arcs.iter().enumerate() {
        let items: Vec<String> = queue.items.iter().map(|item| told(instance, item)).collect();
        if !items.is_empty() {
            let from = instance.program.output_name(instance.program.arc(ArcId(arc as u32)).from);
            let to = queue.to.map_or("nowhere".to_owned(), |port| instance.program.input_name(port));
            lines.push(format!("on {from} -> {to}: {}", items.join(", ")));
        }
    }
    for at in world.net.operators() {
        let (cell, name) = (world.net.cell(at), instance.name(at));
        let held: Vec<String> = cell.held.iter().map(|lineage| instance.lineage_name(*lineage)).collect();
        if !held.is_empty() {
            lines.push(format!("{name} holds {}", held.join(", ")));
        }
        let pending: Vec<String> = cell.pending.iter().map(|(_, item)| told(instance, item)).collect();
        if !pending.is_empty() {
            lines.push(format!("{name} waits for room for {}", pending.join(", ")));
        }
        for update in cell.operator.joining() {
            lines.push(format!("{name} waits for the marker of `{}` at other ports", instance.update(update).name));
        }
        for mail in &cell.mail {
            lines.push(format!("mail for {name}: {}", mail_told(instance, *mail)));
        }
        let expected = cell.inputs.iter().filter(|feed| matches!(feed, Feed::Expects(_))).count();
        if expected > 0 && !cell.operator.is_released() {
            lines.push(format!("{name} waits for {expected} of its arcs"));
        }
    }
    lines
}

fn told(instance: &Instance, item: &Item) -> String {
    match item {
        Item::Packet(parcel) => instance.lineage_name(parcel.lineage),
        Item::Marker(marker) => format!("marker of `{}`", instance.update(marker.update).name),
        Item::End => "end".into(),
    }
}

fn mail_told(instance: &Instance, mail: Mail) -> String {
    let name = |update| &instance.update(update).name;
    match mail {
        Mail::Marker(update) => format!("the marker of `{}`", name(update)),
        Mail::Apply(update) => format!("apply `{}`", name(update)),
        Mail::Resume(update) => format!("go on, `{}` is applied", name(update)),
        Mail::End => "the flow ends".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Explorer, Verdict};
    use crate::properties::teeth;
    use neurath_model::plan::Scheduler;

    pub(super) fn mixed() -> (Instance, Vec<Choice>) {
        let instance = teeth::two_change(Scheduler::Direct);
        let Verdict::Breached { run, .. } = Explorer::new(&instance).run().verdict else { panic!("direct mixes") };
        (instance, run)
    }

    #[test]
    fn what_is_sent_comes_to_the_step_that_takes_it() {
        let (instance, run) = mixed();
        let diagram = diagram(&instance, &run);
        assert_eq!(
            diagram.lanes.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(),
            ["environment", "source", "x1", "x2", "sink"]
        );
        assert_eq!(diagram.steps.len(), run.len());
        for edge in &diagram.edges {
            let Some((lane, step)) = edge.to else { continue };
            assert!(edge.from.1 < step, "{edge:?}");
            assert_eq!(diagram.steps[step - 1], lane, "{edge:?}");
        }
        let packets = diagram.edges.iter().filter(|e| matches!(e.carries, Carries::Packet(_)));
        let mail = diagram.edges.iter().filter(|e| matches!(e.carries, Carries::Mail(Some(_))));
        assert_eq!((packets.count(), mail.count()), (3, 1), "{:#?}", diagram.edges);
        // x1 has changed when the packet comes; x2 has not.
        assert_eq!((diagram.lanes[2].versions.len(), diagram.lanes[3].versions.len()), (2, 1));
    }

    #[test]
    fn operators_come_and_go_and_arcs_move() {
        let instance = teeth::deletion();
        let run = crate::check::tests::some_run(&instance);
        let diagram = diagram(&instance, &run);
        let gone = diagram.lanes.iter().find(|lane| lane.name == "x2").expect("a lane");
        assert!(gone.life.1.is_some());
        assert!(diagram.edges.iter().any(|edge| matches!(edge.carries, Carries::Arc(_)) && edge.to.is_some()));
        assert!(diagram.edges.iter().all(|edge| edge.to.is_some()), "a complete run takes everything");
        assert!(diagram.places.last().is_some_and(Vec::is_empty), "{:?}", diagram.places.last());
    }
}
