//! Random flows: those built right are accepted, and each single corruption of one is refused for what it is.
//!
//! A flow grows from sources by blocks, each of which takes one or two loose outputs and leaves one or two; what is
//! loose in the end goes to sinks. So it is right by construction, in another way than the validator checks it.

use crate::component::{Catalogue, PropertyKind};
use crate::diagnostic::{Code, SourceMap};
use crate::example::{catalogue, component, render};
use crate::flow::{Arc, ComponentRef, Flow, InitialPacket, Operator, PortRef};
use crate::validate::validate;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::Index;
use std::collections::BTreeSet;

pub(crate) fn parts() -> Catalogue {
    catalogue([
        component("source", "none each source", "", "OUT t").with_property("N", PropertyKind::Integer, Some(1.into())),
        component("source@u", "none many source", "", "OUT u"),
        component("map", "any each", "IN $x", "OUT $x"),
        component("wrap", "any each", "IN $x", "OUT w($x)"),
        component("unwrap", "any each", "IN w($x)", "OUT $x"),
        component("filter", "any filter", "IN $x", "OUT $x"),
        component("hold", "any buffer resume", "IN $x", "OUT $x"),
        component("fork", "any each", "IN $x", "A $x, B $x"),
        component("route", "any route", "IN $x", "A $x, B $x"),
        component("merge", "any each", "A $x, B $y", "OUT $x | $y"),
        component("join", "all each", "A $x, B $y", "OUT $x | $y"),
        component("retry", "any each", "IN $x, ~AGAIN t | u", "OUT $x"),
        component("sink", "any each", "IN t | u", ""),
        component("sink@picky", "any each", "IN v", ""),
        component("sink@contradictory", "any each resume", "IN t | u", ""),
        component("echo", "any each", "~AGAIN t | u", "OUT t"),
    ])
}

/// What a flow grows by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Block {
    Source,
    Map,
    Wrapped,
    Filter,
    Hold,
    Fork,
    Route,
    Merge,
    Diamond,
    Loop,
}

pub(crate) fn block() -> impl Strategy<Value = (Block, Index, Index)> {
    let block = prop_oneof![
        Just(Block::Source),
        Just(Block::Map),
        Just(Block::Wrapped),
        Just(Block::Filter),
        Just(Block::Hold),
        Just(Block::Fork),
        Just(Block::Route),
        Just(Block::Merge),
        Just(Block::Diamond),
        Just(Block::Loop),
    ];
    (block, any::<Index>(), any::<Index>())
}

#[derive(Default)]
pub(crate) struct Growing {
    flow: Flow,
    loose: Vec<PortRef>,
}

impl Growing {
    pub(crate) fn of(blocks: &[(Block, Index, Index)]) -> Flow {
        let mut growing = Self::default();
        growing.source("source");
        for (block, first, second) in blocks {
            growing.grow(*block, *first, *second);
        }
        for loose in std::mem::take(&mut growing.loose) {
            growing.take("sink", &[("IN", loose)]);
        }
        growing.flow
    }

    fn grow(&mut self, block: Block, first: Index, second: Index) {
        if let Block::Source = block {
            return self.source(if first.index(2) == 0 { "source" } else { "source@u" });
        }
        let input = self.loose.remove(first.index(self.loose.len()));
        match block {
            Block::Source => unreachable!("done above"),
            Block::Map => self.through("map", input),
            Block::Filter => self.through("filter", input),
            Block::Hold => self.through("hold", input),
            Block::Wrapped => {
                self.through("wrap", input);
                let wrapped = self.loose.pop().expect("just grown");
                self.through("unwrap", wrapped);
            }
            Block::Fork => self.split("fork", input),
            Block::Route => self.split("route", input),
            Block::Merge if self.loose.is_empty() => self.loose.push(input),
            Block::Merge => {
                let other = self.loose.remove(second.index(self.loose.len()));
                let merge = self.take("merge", &[("A", input), ("B", other)]);
                self.loose.push(PortRef::new(merge, "OUT"));
            }
            Block::Diamond => {
                self.split("fork", input);
                let (b, a) = (self.loose.pop().expect("just split"), self.loose.pop().expect("just split"));
                let map = self.take("map", &[("IN", a)]);
                let join = self.take("join", &[("A", PortRef::new(map, "OUT")), ("B", b)]);
                self.loose.push(PortRef::new(join, "OUT"));
            }
            Block::Loop => {
                let retry = self.take("retry", &[("IN", input)]);
                self.split("route", PortRef::new(&retry, "OUT"));
                let back = self.loose.pop().expect("just split");
                self.connect(back, PortRef::new(retry, "AGAIN"));
            }
        }
    }

    fn source(&mut self, component: &str) {
        let source = self.take(component, &[]);
        self.loose.push(PortRef::new(source, "OUT"));
    }

    fn through(&mut self, component: &str, input: PortRef) {
        let operator = self.take(component, &[("IN", input)]);
        self.loose.push(PortRef::new(operator, "OUT"));
    }

    fn split(&mut self, component: &str, input: PortRef) {
        let operator = self.take(component, &[("IN", input)]);
        self.loose.extend([PortRef::new(&operator, "A"), PortRef::new(&operator, "B")]);
    }

    /// A new operator that takes these; its name.
    fn take(&mut self, component: &str, inputs: &[(&str, PortRef)]) -> String {
        let name = add(&mut self.flow, component);
        for (port, from) in inputs {
            self.connect(from.clone(), PortRef::new(&name, *port));
        }
        name
    }

    fn connect(&mut self, from: PortRef, to: PortRef) {
        self.flow.arcs.push(Arc { from, to, metadata: [].into() });
    }
}

fn add(flow: &mut Flow, component: &str) -> String {
    let name = format!("o{}", flow.operators.len());
    flow.operators.push(Operator {
        name: name.clone(),
        component: ComponentRef::parse(component),
        metadata: [].into(),
    });
    name
}

#[derive(Debug, Clone, Copy)]
enum Corruption {
    RepeatOperator,
    UnknownComponent,
    LooseEnd,
    UnknownPort,
    MissingArc,
    DoubledArc,
    PickySink,
    ArcBack,
    Unreached,
    UnequalJoin,
    OpenFeedback,
    SetTwice,
    Contradiction,
    NoSource,
    Export,
}

fn corruption() -> impl Strategy<Value = Corruption> {
    proptest::sample::select(vec![
        Corruption::RepeatOperator,
        Corruption::UnknownComponent,
        Corruption::LooseEnd,
        Corruption::UnknownPort,
        Corruption::MissingArc,
        Corruption::DoubledArc,
        Corruption::PickySink,
        Corruption::ArcBack,
        Corruption::Unreached,
        Corruption::UnequalJoin,
        Corruption::OpenFeedback,
        Corruption::SetTwice,
        Corruption::Contradiction,
        Corruption::NoSource,
        Corruption::Export,
    ])
}

impl Corruption {
    /// Makes one thing wrong; which codes must be reported, and no others.
    fn apply(self, flow: &mut Flow, which: Index) -> Vec<Code> {
        let (operators, arcs) = (flow.operators.len(), flow.arcs.len());
        match self {
            Self::RepeatOperator => {
                flow.operators.push(flow.operators[which.index(operators)].clone());
                vec![Code::F01]
            }
            Self::UnknownComponent => {
                flow.operators[which.index(operators)].component.version = "none".into();
                vec![Code::F02]
            }
            Self::LooseEnd => {
                flow.arcs[which.index(arcs)].to.operator = "nobody".into();
                // The port it led to has lost its arc.
                vec![Code::F03, Code::F05]
            }
            Self::UnknownPort => {
                flow.arcs[which.index(arcs)].to.port = "NONE".into();
                vec![Code::F04]
            }
            Self::MissingArc => {
                flow.arcs.remove(which.index(arcs));
                vec![Code::F05, Code::F06]
            }
            Self::DoubledArc => {
                flow.arcs.push(flow.arcs[which.index(arcs)].clone());
                vec![Code::F05, Code::F06]
            }
            Self::PickySink => {
                sink(flow, which).component.version = "picky".into();
                vec![Code::F07]
            }
            Self::Contradiction => {
                sink(flow, which).component.version = "contradictory".into();
                vec![Code::F14]
            }
            Self::ArcBack => {
                // A merge whose second input comes from behind itself.
                let (merge, fork) = (add(flow, "merge"), add(flow, "fork"));
                let end = flow.arcs[which.index(arcs)].clone();
                flow.arcs[which.index(arcs)].to = PortRef::new(&merge, "A");
                arc(flow, (&merge, "OUT"), (&fork, "IN"));
                arc(flow, (&fork, "A"), (&merge, "B"));
                arc(flow, (&fork, "B"), (&end.to.operator, &end.to.port));
                vec![Code::F08]
            }
            Self::Unreached => {
                let (echo, map) = (add(flow, "echo"), add(flow, "map"));
                arc(flow, (&echo, "OUT"), (&map, "IN"));
                arc(flow, (&map, "OUT"), (&echo, "AGAIN"));
                vec![Code::F09]
            }
            Self::UnequalJoin => {
                let (a, b, join, sink) =
                    (add(flow, "source"), add(flow, "source"), add(flow, "join"), add(flow, "sink"));
                arc(flow, (&a, "OUT"), (&join, "A"));
                arc(flow, (&b, "OUT"), (&join, "B"));
                arc(flow, (&join, "OUT"), (&sink, "IN"));
                vec![Code::F10]
            }
            Self::OpenFeedback => {
                let (a, b, retry, sink) =
                    (add(flow, "source"), add(flow, "source"), add(flow, "retry"), add(flow, "sink"));
                arc(flow, (&a, "OUT"), (&retry, "IN"));
                arc(flow, (&b, "OUT"), (&retry, "AGAIN"));
                arc(flow, (&retry, "OUT"), (&sink, "IN"));
                vec![Code::F11]
            }
            Self::SetTwice => {
                let packet = InitialPacket { value: 2.into(), to: PortRef::new("o0", "N") };
                flow.initial.extend([packet.clone(), packet]);
                vec![Code::F12]
            }
            Self::NoSource => {
                *flow = Flow::default();
                vec![Code::F15]
            }
            Self::Export => {
                let end = flow.arcs.remove(which.index(arcs));
                flow.inports.insert("OPEN".into(), end.to);
                flow.outports.insert("OPEN".into(), end.from);
                vec![Code::F16]
            }
        }
    }
}

fn sink(flow: &mut Flow, which: Index) -> &mut Operator {
    let mut sinks: Vec<&mut Operator> = flow.operators.iter_mut().filter(|o| o.component.name == "sink").collect();
    let i = which.index(sinks.len());
    sinks.swap_remove(i)
}

fn arc(flow: &mut Flow, from: (&str, &str), to: (&str, &str)) {
    let (from, to) = (PortRef::new(from.0, from.1), PortRef::new(to.0, to.1));
    flow.arcs.push(Arc { from, to, metadata: [].into() });
}

proptest! {
    #[test]
    fn what_is_built_right_is_accepted(blocks in proptest::collection::vec(block(), 0..25)) {
        let (flow, all) = (Growing::of(&blocks), parts());
        match validate(&flow, &SourceMap::default(), &all) {
            Err(found) => panic!("{}", render(&found.0, "")),
            Ok(graph) => {
                assert_eq!(graph.order().len(), flow.operators.len());
                assert!(graph.arcs().all(|(_, arc)| !arc.carries.terms().is_empty()));
                assert_eq!(validate(&graph.to_flow(), &SourceMap::default(), &all), Ok(graph));
            }
        }
    }

    #[test]
    fn one_corruption_is_refused_for_what_it_is(
        blocks in proptest::collection::vec(block(), 0..15),
        corruption in corruption(),
        which in any::<Index>(),
    ) {
        let mut flow = Growing::of(&blocks);
        let expected: BTreeSet<Code> = corruption.apply(&mut flow, which).into_iter().collect();
        let found = validate(&flow, &SourceMap::default(), &parts()).expect_err("corrupted").0;
        let codes: BTreeSet<Code> = found.iter().map(|d| d.code).collect();
        assert_eq!(codes, expected, "{}", render(&found, ""));
    }
}
