//! A part of a graph, and the strongly connected parts that it falls into.

use crate::explore::Number;
use std::mem;

/// A step of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// The place in the part of the state that it leads to.
    pub(crate) to: u32,
    /// What is known of it, by the number of its label.
    pub(crate) label: u32,
}

/// Some states of a graph, and steps among them. A state has a *place* in the part, and a *number* in the graph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    /// By place: the number. In order.
    numbers: Vec<Number>,
    /// By place: the label.
    labels: Vec<u32>,
    /// By place: where its steps begin, and behind the last where they end.
    first: Vec<usize>,
    steps: Vec<Step>,
}

impl Part {
    /// A part without states.
    pub(crate) fn new() -> Self {
        Self { first: vec![0], ..Self::default() }
    }

    /// Adds a state, with no steps yet.
    pub(crate) fn push_state(&mut self, number: Number, label: u32) {
        self.numbers.push(number);
        self.labels.push(label);
        self.first.push(self.steps.len());
    }

    /// Adds a step to the last state.
    pub(crate) fn push_step(&mut self, step: Step) {
        self.steps.push(step);
        *self.first.last_mut().expect("a part has at least a beginning") = self.steps.len();
    }

    /// How many states there are.
    pub(crate) fn count(&self) -> u32 {
        self.numbers.len() as u32
    }

    /// The number of the state at a place.
    pub(crate) fn number(&self, place: u32) -> Number {
        self.numbers[place as usize]
    }

    /// The label of the state at a place.
    pub(crate) fn label(&self, place: u32) -> u32 {
        self.labels[place as usize]
    }

    /// The steps from a place.
    pub(crate) fn steps(&self, place: u32) -> &[Step] {
        let place = place as usize;
        &self.steps[self.first[place]..self.first[place + 1]]
    }

    /// The labels of each state and each step from it.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let of = move |place: u32| self.steps(place).iter().map(move |step| (self.label(place), step.label));
        (0..self.count()).flat_map(of)
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> usize {
        mem::size_of_val(self.numbers.as_slice())
            + mem::size_of_val(self.labels.as_slice())
            + mem::size_of_val(self.first.as_slice())
            + mem::size_of_val(self.steps.as_slice())
    }

    /// The strongly connected parts that have a step in them, of the states and steps that are kept, by labels. The part with the
    /// state of the lowest number is first.
    pub(crate) fn rounds(&self, keeps: impl Fn(u32) -> bool, keeps_step: impl Fn(u32) -> bool) -> Vec<Part> {
        let kept = |place: u32| keeps(self.label(place));
        let is_kept = |step: &Step| keeps_step(step.label) && kept(step.to);
        let components = Tarjan::of(self, &kept, &is_kept);
        self.divided(&components, is_kept)
    }

    /// The parts of which each place says to which it belongs, if to any; those without a step are left out.
    fn divided(&self, components: &[Option<u32>], is_kept: impl Fn(&Step) -> bool) -> Vec<Part> {
        let count = components.iter().flatten().max().map_or(0, |last| *last as usize + 1);
        let (mut parts, mut sizes, mut places) = (vec![Part::new(); count], vec![0; count], vec![0; components.len()]);
        for (place, component) in components.iter().enumerate() {
            if let Some(component) = component {
                places[place] = sizes[*component as usize];
                sizes[*component as usize] += 1;
            }
        }
        for place in 0..self.count() {
            let Some(component) = components[place as usize] else { continue };
            let part = &mut parts[component as usize];
            part.push_state(self.number(place), self.label(place));
            let inner = |step: &&Step| components[step.to as usize] == Some(component) && is_kept(step);
            for step in self.steps(place).iter().filter(inner) {
                part.push_step(Step { to: places[step.to as usize], ..*step });
            }
        }
        parts.retain(|part| !part.steps.is_empty());
        parts.sort_by_key(|part| part.number(0));
        parts
    }
}

/// Strongly connected components, after Tarjan (*Depth-first search and linear graph algorithms*, 1972), with a stack of its own: a path
/// may be as long as there are states.
struct Tarjan<'a> {
    part: &'a Part,
    kept: &'a dyn Fn(u32) -> bool,
    is_kept: &'a dyn Fn(&Step) -> bool,
    /// By place: when it was found, counting from 1; 0 if it was not.
    found: Vec<u32>,
    /// By place: the earliest of those found that it is known to lead back to.
    low: Vec<u32>,
    /// By place: the component, when it is known.
    components: Vec<Option<u32>>,
    /// Those found whose component is not known.
    open: Vec<u32>,
    /// The path being followed: places, and how many steps of each were looked at.
    path: Vec<(u32, usize)>,
    last_found: u32,
    next_component: u32,
}

impl<'a> Tarjan<'a> {
    fn of(part: &'a Part, kept: &'a dyn Fn(u32) -> bool, is_kept: &'a dyn Fn(&Step) -> bool) -> Vec<Option<u32>> {
        let count = part.count() as usize;
        let mut search = Self {
            part,
            kept,
            is_kept,
            found: vec![0; count],
            low: vec![0; count],
            components: vec![None; count],
            open: Vec::new(),
            path: Vec::new(),
            last_found: 0,
            next_component: 0,
        };
        for place in 0..part.count() {
            if search.found[place as usize] == 0 && (search.kept)(place) {
                search.follow(place);
            }
        }
        search.components
    }

    fn find(&mut self, place: u32) {
        self.last_found += 1;
        self.found[place as usize] = self.last_found;
        self.low[place as usize] = self.last_found;
        self.open.push(place);
        self.path.push((place, 0));
    }

    fn follow(&mut self, root: u32) {
        self.find(root);
        while let Some((place, looked_at)) = self.path.last_mut() {
            let place = *place;
            match self.part.steps(place).get(*looked_at) {
                Some(step) => {
                    *looked_at += 1;
                    if (self.is_kept)(step) {
                        self.look_at(place, step.to);
                    }
                }
                None => self.leave(place),
            }
        }
    }

    fn look_at(&mut self, place: u32, to: u32) {
        if self.found[to as usize] == 0 {
            self.find(to);
        } else if self.components[to as usize].is_none() {
            self.lower(place, self.found[to as usize]);
        }
    }

    fn lower(&mut self, place: u32, low: u32) {
        let known = &mut self.low[place as usize];
        *known = (*known).min(low);
    }

    fn leave(&mut self, place: u32) {
        self.path.pop();
        let low = self.low[place as usize];
        if let Some((before, _)) = self.path.last() {
            self.lower(*before, low);
        }
        if low == self.found[place as usize] {
            while let Some(member) = self.open.pop() {
                self.components[member as usize] = Some(self.next_component);
                if member == place {
                    break;
                }
            }
            self.next_component += 1;
        }
    }
}
