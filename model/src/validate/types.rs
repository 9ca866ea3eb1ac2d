//! F07: what a producer can emit, its consumer accepts, with type variables followed through the operators between.
//!
//! Types go forward from the sources. On each arc stands the set of concrete types that can come along, each with its
//! cause: the type on an input arc that decided a variable. So a misfit far downstream is traced to who declared it.
//!
//! ```text
//!   load ------ http.Loaded(file) ---> compose ------ http.Response(file) ---> reply
//!   emits http.Loaded(file)            $body = file                            accepts http.Response(bytes): no
//! ```
//!
//! An operator may have several *versions* at once here. Then each of them takes whatever comes, and every
//! combination along a path is found in one pass, without going through them all: that is how the update check asks
//! which old and new versions can meet.

use super::{Wire, Wiring, diagnostic};
use crate::component::Component;
use crate::diagnostic::{Code, Diagnostic, Thing};
use crate::id::OperatorId;
use crate::packet_type::{PacketType, Term};
use std::collections::BTreeMap;

/// What can travel on each arc, and what is not accepted at its end.
pub(crate) struct Types {
    pub(crate) arcs: Vec<Flowing>,
    pub(crate) misfits: Vec<Misfit>,
}

/// What can travel on one arc.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flowing {
    /// Whether nothing else can: false behind unknown components.
    pub(crate) complete: bool,
    pub(crate) kinds: Vec<Kind>,
}

/// One concrete type on an arc.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub(crate) term: Term,
    /// Which version of the producer emits it.
    pub(crate) version: usize,
    /// Whether it does not come along any more, but may still be held by the operator at the end of the arc.
    pub(crate) held: bool,
    /// The kind on another arc from which it got its variable: arc and index there.
    because: Option<(usize, usize)>,
}

/// A type that comes along an arc and is not accepted there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Misfit {
    pub(crate) arc: usize,
    pub(crate) kind: usize,
    /// Which version of the consumer refuses it.
    pub(crate) version: usize,
}

/// Follows types forward through operators that run any of the given versions; an operator without versions is unknown.
pub(crate) fn propagate(order: &[OperatorId], versions: &[Vec<&Component>], wires: &[Wire]) -> Types {
    propagate_held(order, versions, wires, &BTreeMap::new())
}

/// The same where operators may hold packets that came along an arc earlier: `held` is their types, by arc.
pub(crate) fn propagate_held(
    order: &[OperatorId],
    versions: &[Vec<&Component>],
    wires: &[Wire],
    held: &BTreeMap<usize, &PacketType>,
) -> Types {
    let mut types = Types { arcs: vec![Flowing::default(); wires.len()], misfits: Vec::new() };
    let mut entering = BTreeMap::<(OperatorId, usize), usize>::new();
    let mut leaving = BTreeMap::<(OperatorId, usize), Vec<usize>>::new();
    for (i, wire) in wires.iter().enumerate() {
        if let Some(at) = wire.to.at() {
            entering.entry(at).or_insert(i);
        }
        if let Some(at) = wire.from.at() {
            leaving.entry(at).or_default().push(i);
        }
    }
    for &id in order {
        // Producers went before, so all that comes along the arcs into this operator is known by now.
        for &arc in entering.range((id, 0)..=(id, usize::MAX)).map(|(_, arc)| arc) {
            types.arcs[arc].hold(held.get(&arc).copied());
        }
        for (version, component) in versions[id.0 as usize].iter().enumerate() {
            let bound = types.bind(component, |input| entering.get(&(id, input)).copied());
            for (i, output) in component.outputs.iter().enumerate() {
                for &arc in leaving.get(&(id, i)).map_or(&[][..], Vec::as_slice) {
                    types.arcs[arc].emit(&output.emits, version, &bound);
                }
            }
        }
    }
    types.misfits = types.misfits(versions, wires);
    types
}

/// What each variable of a component can stand for, and whether that is all.
type Bound<'a> = BTreeMap<&'a str, (bool, Vec<(Term, (usize, usize))>)>;

impl Types {
    fn bind<'a>(&self, component: &'a Component, arc_into: impl Fn(usize) -> Option<usize>) -> Bound<'a> {
        let mut bound = Bound::new();
        for (i, input) in component.inputs.iter().enumerate().filter(|(_, input)| !input.feedback) {
            let arc = arc_into(i);
            for variable in input.accepts.variables() {
                let known = arc.is_some_and(|arc| self.arcs[arc].complete);
                let entry = bound.entry(variable).or_insert((true, Vec::new()));
                entry.0 &= known;
                entry.1.extend(arc.into_iter().flat_map(|arc| self.values(arc, &input.accepts, variable)));
            }
        }
        bound
    }

    /// What a variable of `pattern` is bound to by the types on an arc.
    fn values(&self, arc: usize, pattern: &PacketType, variable: &str) -> Vec<(Term, (usize, usize))> {
        let kinds = self.arcs[arc].kinds.iter().enumerate();
        kinds.filter_map(|(i, kind)| Some((pattern.accepts(&kind.term)?.remove(variable)?, (arc, i)))).collect()
    }

    fn misfits(&self, versions: &[Vec<&Component>], wires: &[Wire]) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        for (arc, flowing) in self.arcs.iter().enumerate() {
            let Some((to, port)) = wires[arc].to.at() else { continue };
            for (version, component) in versions[to.0 as usize].iter().enumerate() {
                let refused = |kind: &Kind| !kind.held && component.inputs[port].accepts.accepts(&kind.term).is_none();
                let kinds = flowing.kinds.iter().enumerate().filter(|(_, kind)| refused(kind));
                misfits.extend(kinds.map(|(kind, _)| Misfit { arc, kind, version }));
            }
        }
        misfits
    }

    /// How a kind came to be on an arc: first the arc behind the operator that declares it, last the arc given.
    pub(crate) fn history(&self, arc: usize, kind: usize) -> Vec<(usize, &Kind)> {
        let mut history = Vec::new();
        let mut next = Some((arc, kind));
        while let Some((arc, kind)) = next {
            let kind = &self.arcs[arc].kinds[kind];
            history.push((arc, kind));
            next = kind.because;
        }
        history.reverse();
        history
    }
}

impl Flowing {
    fn emit(&mut self, emits: &PacketType, version: usize, bound: &Bound<'_>) {
        self.complete = version == 0 || self.complete;
        for term in emits.terms() {
            let one = PacketType::of([term.clone()]);
            let Some(variable) = one.variables().next() else {
                self.add(term.clone(), version, None);
                continue;
            };
            let Some((known, values)) = bound.get(variable) else {
                self.complete = false;
                continue;
            };
            self.complete &= known;
            for (value, because) in values {
                let concrete = one.substitute(&[(variable.to_string(), value.clone())].into());
                self.add(concrete.terms()[0].clone(), version, Some(*because));
            }
        }
    }

    fn add(&mut self, term: Term, version: usize, because: Option<(usize, usize)>) {
        if !self.kinds.iter().any(|kind| kind.term == term && kind.version == version) {
            self.kinds.push(Kind { term, version, held: false, because });
        }
    }

    fn hold(&mut self, held: Option<&PacketType>) {
        let gone = |term: &&Term| self.kinds.iter().all(|kind| kind.term != **term);
        let terms: Vec<Term> = held.into_iter().flat_map(PacketType::terms).filter(gone).cloned().collect();
        self.kinds.extend(terms.into_iter().map(|term| Kind { term, version: 0, held: true, because: None }));
    }

    /// All that comes along, as one type.
    pub(crate) fn packet_type(&self) -> PacketType {
        PacketType::of(self.kinds.iter().filter(|kind| !kind.held).map(|kind| kind.term.clone()))
    }
}

/// The violations, arc by arc.
pub(super) fn check(wiring: &Wiring<'_>, types: &Types) -> Vec<Diagnostic> {
    let mut by_arc = BTreeMap::<usize, Vec<usize>>::new();
    for misfit in &types.misfits {
        by_arc.entry(misfit.arc).or_default().push(misfit.kind);
    }
    by_arc.into_iter().filter_map(|(arc, kinds)| refused(wiring, types, arc, &kinds)).collect()
}

fn refused(wiring: &Wiring<'_>, types: &Types, arc: usize, kinds: &[usize]) -> Option<Diagnostic> {
    let (to, port) = wiring.wires[arc].to.at()?;
    let consumer = wiring.component(to)?;
    let terms = PacketType::of(kinds.iter().map(|&kind| types.arcs[arc].kinds[kind].term.clone()));
    let places = [
        wiring.place_end(Thing::ArcFrom(arc), arc, "emits what is not accepted"),
        wiring.place_end(Thing::ArcTo(arc), arc, &format!("accepts `{}`", consumer.inputs[port].accepts)),
    ];
    let causes: Vec<String> = kinds.iter().map(|&kind| cause(wiring, types, arc, kind)).collect();
    Some(diagnostic(
        Code::F07,
        format!("`{}` does not accept `{terms}`, which can come along `{}`", wiring.name(to), wiring.arc_name(arc)),
        places.into_iter().flatten(),
        format!(
            "`{}`, as `{}` declares its port `{}`",
            consumer.inputs[port].accepts, consumer.id, consumer.inputs[port].name
        ),
        causes.join("; "),
        "connect an operator that accepts it, or put one between that converts",
    ))
}

fn cause(wiring: &Wiring<'_>, types: &Types, arc: usize, kind: usize) -> String {
    let emitted = |(arc, kind): &(usize, &Kind)| {
        let component = wiring.wires[*arc].from.operator.and_then(|id| wiring.component(id));
        let id = component.map_or_else(String::new, |c| format!(" (`{}`)", c.id));
        format!("`{}`{id} emits `{}`", wiring.flow.arcs[*arc].from, kind.term)
    };
    let mut history: Vec<String> = types.history(arc, kind).iter().map(emitted).collect();
    history.reverse();
    history.join(" because ")
}

#[cfg(test)]
mod tests {
    use super::{Misfit, Types, propagate};
    use crate::component::Component;
    use crate::example::component;
    use crate::graph::operator_id;
    use crate::packet_type::Term;
    use crate::validate::{End, Wire};
    use proptest::prelude::{Strategy, proptest};
    use proptest::sample::select;
    use std::collections::BTreeSet;

    /// Two versions of an operator, each with some input and output type.
    fn versions() -> impl Strategy<Value = [(&'static str, &'static str); 2]> {
        let ports = select(vec![
            ("a", "a"),
            ("a", "b"),
            ("b", "a"),
            ("a | b", "b"),
            ("$x", "$x"),
            ("$x", "w($x)"),
            ("w($x)", "$x"),
        ]);
        [ports.clone(), ports]
    }

    fn line(length: usize) -> Vec<Wire> {
        let end = |i| End { operator: Some(operator_id(i)), port: Some(0) };
        (1..length).map(|i| Wire { from: end(i - 1), to: end(i), feedback: false }).collect()
    }

    /// Arc, type, and the version that refuses it, as an index into the versions of `chosen`.
    fn refused(types: &Types, chosen: impl Fn(&Misfit) -> usize) -> BTreeSet<(usize, Term, usize)> {
        types.misfits.iter().map(|m| (m.arc, types.arcs[m.arc].kinds[m.kind].term.clone(), chosen(m))).collect()
    }

    proptest! {
        #[test]
        fn one_pass_finds_what_every_combination_of_versions_shows(line_of in proptest::collection::vec(versions(), 1..6)) {
            let source = component("source", "none each source", "", "OUT a | b");
            let pairs: Vec<[Component; 2]> = line_of.iter().map(|pair| {
                pair.map(|(accepts, emits)| component("c", "any each", &format!("IN {accepts}"), &format!("OUT {emits}")))
            }).collect();
            let wires = line(pairs.len() + 1);
            let order: Vec<_> = (0..=pairs.len()).map(operator_id).collect();

            let both: Vec<Vec<&Component>> =
                [vec![&source]].into_iter().chain(pairs.iter().map(|pair| pair.iter().collect())).collect();
            let at_once = refused(&propagate(&order, &both, &wires), |misfit| misfit.version);

            let mut one_by_one = BTreeSet::new();
            for combination in 0..1usize << pairs.len() {
                let version = |operator: usize| combination >> operator & 1;
                let one = pairs.iter().enumerate().map(|(i, pair)| vec![&pair[version(i)]]);
                let one: Vec<Vec<&Component>> = [vec![&source]].into_iter().chain(one).collect();
                // Arc n leads to operator n + 1, whose versions are pair n.
                one_by_one.extend(refused(&propagate(&order, &one, &wires), |misfit| version(misfit.arc)));
            }
            assert_eq!(at_once, one_by_one);
        }
    }
}
