//! A drawing is well-formed, keeps its parts apart, and names the kinds that it has.

use super::super::tests::{IN_ORDER, OTHER_ORDER, change};
use super::geometry::{Drawing, Spot};
use super::{Picture, draw};

const WIDE: &str =
    "a(source) OUT -> IN x(work) OUT -> A m(cross) C -> IN b(sink)\nc(source) OUT -> B m D -> IN d(sink)";
const NARROW: &str = "a(source) OUT -> IN b(sink)\nc(source) OUT -> IN y(work) OUT -> IN d(sink)";

fn pictures() -> Vec<Picture> {
    [(IN_ORDER, OTHER_ORDER), (WIDE, NARROW), (NARROW, WIDE)].map(|(a, b)| change(a, b, None)).into()
}

/// Reads just enough XML to see that every element ends where it should, and that nothing else has a `<` or a bare `&`.
fn assert_well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('<') {
        assert_escaped(before);
        let (tag, after) = from.split_once('>').expect("a tag ends");
        rest = after;
        let name = tag.trim_start_matches('/').split([' ', '/']).next().expect("a name");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "an open quote in <{tag}>");
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "still open: {open:?}");
}

fn assert_escaped(text: &str) {
    for entity in text.split('&').skip(1) {
        let (name, _) = entity.split_once(';').expect("an entity ends");
        assert!(["amp", "lt", "gt", "quot", "#39"].contains(&name), "&{name};");
    }
}

#[test]
fn a_drawing_is_well_formed() {
    for picture in pictures() {
        let svg = draw(&picture);
        assert_well_formed(&svg);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}

#[test]
#[should_panic(expected = "left: Some(\"a\")")]
fn the_reader_sees_what_is_not_well_formed() {
    assert_well_formed("<a><b></b><c/></d>");
}

#[test]
fn no_box_covers_another() {
    for picture in pictures() {
        let drawing = Drawing::of(&picture, 0.0);
        let (width, height) = drawing.size();
        let spots: Vec<Spot> = (0..picture.operators.len()).map(|operator| drawing.spot(operator)).collect();
        for (i, a) in spots.iter().enumerate() {
            assert!(a.left >= 0.0 && a.left + a.width <= width && a.middle + a.height / 2.0 <= height);
            let apart = |b: &Spot| {
                a.left + a.width < b.left
                    || b.left + b.width < a.left
                    || (a.middle - b.middle).abs() >= (a.height + b.height) / 2.0
            };
            assert!(spots[i + 1..].iter().all(apart));
        }
    }
}

#[test]
fn a_legend_names_what_there_is() {
    let legend = |before, after| draw(&change(before, after, None));
    let swapped = legend(IN_ORDER, OTHER_ORDER);
    assert!(swapped.contains("arc that moves: as it was") && swapped.contains("the marker enters here"));
    for absent in ["operator that comes", "operator that goes", "arc that ends", "feedback arc", "state handed over"] {
        assert!(!swapped.contains(absent), "{absent}");
    }
    let both = legend(WIDE, NARROW);
    for there in ["operator that comes", "operator that goes", "arc that ends", "arc that comes"] {
        assert!(both.contains(there), "{there}");
    }
}
