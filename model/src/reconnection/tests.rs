use super::*;

fn port(text: &str) -> PortRef {
    let (operator, port) = text.split_once('.').expect(text);
    PortRef::new(operator, port)
}

/// `arc: from -> to`, with `-` for none.
fn reconnection(text: &str) -> Reconnection {
    let (arc, rest) = text.split_once(": ").expect(text);
    let (from, to) = rest.split_once(" -> ").expect(text);
    let end = |text: &str| (text != "-").then(|| port(text));
    Reconnection { arc: port(arc), from: end(from), to: end(to) }
}

/// `p -> x -> s`, and `c` with an output to come; what goes is said.
struct Texts {
    arcs: Vec<(PortRef, PortRef)>,
    extension: Vec<(PortRef, PortRef)>,
    inputs: Vec<PortRef>,
    outputs: Vec<PortRef>,
    retired: Vec<&'static str>,
}

impl Texts {
    fn rewrite(&self) -> Rewrite<'_> {
        Rewrite {
            arcs: self.arcs.iter().map(|(a, b)| (a, b)).collect(),
            extension: self.extension.iter().map(|(a, b)| (a, b)).collect(),
            inputs: self.inputs.iter().collect(),
            outputs: self.outputs.iter().collect(),
            retired: self.retired.iter().copied().collect(),
        }
    }
}

fn ports(texts: &[&str]) -> Vec<PortRef> {
    texts.iter().map(|text| port(text)).collect()
}

/// A cache comes in front of `load`.
fn insertion() -> Texts {
    Texts {
        arcs: vec![(port("parse.OUT"), port("load.IN")), (port("load.OUT"), port("compose.IN"))],
        extension: Vec::new(),
        inputs: ports(&["load.IN", "compose.IN", "cache.IN"]),
        outputs: ports(&["parse.OUT", "load.OUT", "cache.MISS"]),
        retired: Vec::new(),
    }
}

/// `x` goes.
fn deletion() -> Texts {
    Texts {
        arcs: vec![(port("p.OUT"), port("x.IN")), (port("x.OUT"), port("s.IN"))],
        extension: Vec::new(),
        inputs: ports(&["s.IN"]),
        outputs: ports(&["p.OUT"]),
        retired: vec!["x"],
    }
}

fn codes(texts: &Texts, set: &[&str]) -> Vec<Code> {
    match check(set.iter().map(|text| reconnection(text)).collect(), &texts.rewrite()) {
        Ok(_) => Vec::new(),
        Err(found) => found.0.into_iter().map(|d| d.code).collect(),
    }
}

#[test]
fn the_insertion_and_the_deletion_of_the_paper_are_sound() {
    assert_eq!(codes(&insertion(), &["parse.OUT: load.IN -> cache.IN", "cache.MISS: - -> load.IN"]), []);
    assert_eq!(codes(&deletion(), &["x.OUT: s.IN -> -", "p.OUT: x.IN -> s.IN"]), []);
}

#[test]
fn an_arc_that_is_not_there_or_goes_nowhere_is_found() {
    let cache = "cache.MISS: - -> load.IN";
    let set = ["parse.OUT: load.IN -> cache.IN", cache, "read.OUT: parse.IN -> load.IN"];
    assert!(codes(&insertion(), &set).contains(&Code::C01));
    assert!(codes(&insertion(), &["parse.OUT: compose.IN -> cache.IN", cache]).contains(&Code::C01), "not from there");
    assert!(codes(&deletion(), &["p.OUT: x.IN -> x.IN", "x.OUT: s.IN -> -"]).contains(&Code::C01), "to what goes");
}

#[test]
fn what_is_not_bijective_is_found() {
    let twice = ["parse.OUT: load.IN -> cache.IN", "cache.MISS: - -> load.IN", "load.OUT: compose.IN -> load.IN"];
    assert_eq!(codes(&insertion(), &twice), [Code::C03, Code::C06, Code::C06]);
    let left = ["parse.OUT: load.IN -> cache.IN", "parse.OUT: load.IN -> compose.IN", "cache.MISS: - -> load.IN"];
    assert!(codes(&insertion(), &left).starts_with(&[Code::C02, Code::C04]));
}

#[test]
fn an_arc_that_comes_too_early_is_found() {
    assert_eq!(codes(&insertion(), &["cache.MISS: - -> load.IN", "parse.OUT: load.IN -> cache.IN"]), [Code::C05]);
    assert_eq!(codes(&deletion(), &["p.OUT: x.IN -> s.IN", "x.OUT: s.IN -> -"]), [Code::C05]);
}

#[test]
fn orphans_and_loose_ends_are_found() {
    assert_eq!(codes(&insertion(), &["parse.OUT: load.IN -> cache.IN"]), [Code::C06, Code::C07]);
    assert_eq!(codes(&deletion(), &["x.OUT: s.IN -> -"]), [Code::C06, Code::C07]);
    assert_eq!(codes(&deletion(), &[]), [Code::C07, Code::C07]);
}

#[test]
fn everything_wrong_is_said_with_ports_and_arcs() {
    let set = ["cache.MISS: - -> load.IN", "parse.OUT: load.IN -> compose.IN"];
    let found = check(set.map(reconnection).into(), &insertion().rewrite()).expect_err("refused");
    let text: String = found.0.iter().map(|d| format!("{d}\n  {}\n", d.hint)).collect();
    insta::assert_snapshot!(text);
}
