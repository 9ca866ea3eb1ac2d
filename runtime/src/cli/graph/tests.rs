//! For each kind of update, what its picture shows; and all shapes hold it.

use super::picture::{Course, Fate, Picture};
use super::{languages, svg, text};
use crate::cli::Format;
use crate::cli::input::Session;
use neurath_model::plan::{Scheduler, plan};
use neurath_model::spec;
use neurath_model::update::Update;
use neurath_model::validate::validate;
use std::io;
use std::path::Path;

const COMPONENTS: &str = r#"
component = [
  { name = "source", summary = "-", inputs = {}, outputs = { OUT = "P" }, emission = "each", wake = "source" },
  { name = "work", summary = "-", inputs = { IN = "P" }, outputs = { OUT = "P" }, emission = "each" },
  { name = "cross", summary = "-", inputs = { A = "P", B = "P" }, outputs = { C = "P", D = "P" }, firing = "any", emission = "route" },
  { name = "sink", summary = "-", inputs = { IN = "P" }, outputs = {}, emission = "each" },
]
"#;

/// The picture of a flow of the HTTP server and an update of it.
fn http(flow: &str, update: Option<&str>) -> Picture {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/http");
    let mut session = Session::new(Format::Text, Box::new(io::sink()), Box::new(io::sink()), false);
    let all = session.catalogue(&[]).expect("components");
    let graph = session.graph(&folder.join(flow), &all).expect("a valid flow");
    let Some(update) = update else { return Picture::of(&graph, None) };
    let (update, map) = session.update(&folder.join(update)).expect("an update");
    Picture::of(&graph, Some(&plan(&graph, &update, &map, &all, None).expect("planned")))
}

/// The picture of a change from one flow to another.
pub(super) fn change(before: &str, after: &str, scheduler: Option<Scheduler>) -> Picture {
    let all = spec::components::parse("components", COMPONENTS).expect("components").0;
    let read = |text: &str| spec::fbp::parse("flow", text).expect("a flow");
    let (flow, map) = read(before);
    let graph = validate(&flow, &map, &all).expect("a valid flow");
    let (after, map) = read(after);
    let plan = plan(&graph, &Update::to_flow("u", after), &map, &all, scheduler).expect("planned");
    Picture::of(&graph, Some(&plan))
}

pub(super) const IN_ORDER: &str = "a(source) OUT -> IN x(work) OUT -> IN y(work) OUT -> IN b(sink)";
pub(super) const OTHER_ORDER: &str = "a(source) OUT -> IN y(work) OUT -> IN x(work) OUT -> IN b(sink)";
const WITH_PART: &str = "s(source) OUT -> A mix(cross) C -> IN left(work) OUT -> A out(cross) C -> IN k(sink)
t(source) OUT -> B mix D -> IN right(work) OUT -> B out D -> IN l(sink)";
const WITHOUT_PART: &str = "s(source) OUT -> IN k(sink)\nt(source) OUT -> IN l(sink)";

fn of_fate(picture: &Picture, fate: Fate) -> Vec<&str> {
    picture.operators.iter().filter(|o| o.fate == fate).map(|o| o.name.as_str()).collect()
}

/// The arcs of a course, by their ports.
fn of_course(picture: &Picture, course: Course) -> Vec<String> {
    let name = |operator: usize| &picture.operators[operator].name;
    let arcs = picture.arcs.iter().filter(|arc| arc.course == course);
    arcs.map(|arc| format!("{}.{} -> {}.{}", name(arc.from), arc.from_port, name(arc.to), arc.to_port)).collect()
}

#[test]
fn a_flow_alone_stays() {
    let picture = http("cached-nio.fbp", None);
    assert!(picture.operators.iter().all(|o| o.fate == Fate::Stays && o.change.is_none() && o.steps.is_empty()));
    assert!(picture.arcs.iter().all(|arc| arc.course == Course::Stays && !arc.marker && arc.backward == arc.feedback));
    assert!(picture.marker.is_none() && !picture.reshapes());
}

#[test]
fn an_operator_changes_where_it_stands() {
    let picture = http("flow.fbp", Some("nio.toml"));
    let changed: Vec<&str> = picture.operators.iter().filter(|o| o.change.is_some()).map(|o| o.name.as_str()).collect();
    assert_eq!(changed, ["load", "reply"]);
    assert_eq!(picture.arcs.iter().filter(|arc| arc.carries_after.is_some()).count(), 2);
    assert!(!picture.reshapes());
    let marker = picture.marker.as_ref().expect("an update is shown");
    assert_eq!(picture.names(&marker.heads), ["load"]);
    assert_eq!(picture.names(&marker.passes), ["load", "compose", "reply"]);
}

#[test]
fn a_cache_comes_in() {
    let picture = http("nio.fbp", Some("cache-in.toml"));
    assert_eq!(of_fate(&picture, Fate::Comes), ["cache", "fill"]);
    assert!(of_fate(&picture, Fate::Goes).is_empty());
    assert_eq!(of_course(&picture, Course::MovesFrom), ["parse.OUT -> load.IN", "load.OUT -> compose.IN"]);
    assert_eq!(of_course(&picture, Course::MovesTo), ["parse.OUT -> cache.IN", "load.OUT -> fill.MISS"]);
    let comes = of_course(&picture, Course::Comes);
    assert_eq!(comes.len(), 4, "{comes:?}");
    assert!(comes.contains(&"fill.FILL -> cache.FILL".to_owned()));
    assert_eq!(picture.name_after.as_deref(), Some("http-server-cached-nio"));
    insta::assert_snapshot!(text::list(&picture));
}

#[test]
fn a_cache_takes_the_place_of_another() {
    let picture = http("cached-nio.fbp", Some("cache-replaced.toml"));
    assert_eq!((of_fate(&picture, Fate::Comes), of_fate(&picture, Fate::Goes)), (vec!["lru"], vec!["cache"]));
    assert_eq!(of_course(&picture, Course::Goes).len(), 2);
    assert_eq!(of_course(&picture, Course::MovesTo), ["parse.OUT -> lru.IN", "fill.FILL -> lru.FILL"]);
    let given: Vec<(&str, &str)> = picture
        .hand_overs
        .iter()
        .map(|h| (picture.operators[h.from].name.as_str(), picture.operators[h.to].name.as_str()))
        .collect();
    assert_eq!(given, [("cache", "lru")]);
    insta::assert_snapshot!(text::list(&picture));
}

#[test]
fn a_source_comes_beside_another() {
    let picture = http("flow.fbp", Some("port-in.toml"));
    assert_eq!(of_fate(&picture, Fate::Comes), ["merge", "accept2"]);
    assert_eq!(of_course(&picture, Course::MovesTo), ["accept.OUT -> merge.A"]);
    assert!(picture.operators.iter().any(|o| o.name == "accept2" && o.source));
}

#[test]
fn a_part_with_two_ways_goes() {
    let picture = change(WITH_PART, WITHOUT_PART, None);
    assert_eq!(of_fate(&picture, Fate::Goes), ["mix", "left", "out", "right"]);
    assert_eq!(of_course(&picture, Course::Goes).len(), 6);
    assert_eq!(of_course(&picture, Course::MovesTo).len(), 2);
    assert!(picture.arcs.iter().all(|arc| !arc.backward));
}

/// The two orders together are a cycle: the flow after leads from left to right, and what was between the two leads back.
#[test]
fn operators_change_places() {
    let picture = change(IN_ORDER, OTHER_ORDER, None);
    let order: Vec<Vec<&str>> = picture.layers.iter().map(|layer| picture.names(layer)).collect();
    assert_eq!(order, [["a"], ["y"], ["x"], ["b"]]);
    assert_eq!(of_course(&picture, Course::MovesFrom), ["a.OUT -> x.IN", "x.OUT -> y.IN", "y.OUT -> b.IN"]);
    let backward: Vec<Course> = picture.arcs.iter().filter(|arc| arc.backward).map(|arc| arc.course).collect();
    assert_eq!(backward, [Course::MovesFrom]);
}

#[test]
fn a_scheduler_can_be_asked_for() {
    let marker = |scheduler| change(IN_ORDER, OTHER_ORDER, Some(scheduler)).marker.expect("an update is shown");
    let whole = marker(Scheduler::Epoch);
    assert_eq!((whole.scheduler, whole.passes.len(), whole.heads), (Scheduler::Epoch, 4, vec![0]));
    assert_eq!(marker(Scheduler::Scoped).passes.len(), 3);
}

#[test]
fn every_shape_says_what_becomes_of_all() {
    let picture = http("cached-nio.fbp", Some("cache-replaced.toml"));
    let shapes = [text::list(&picture), languages::dot(&picture), languages::mermaid(&picture), svg::draw(&picture)];
    for shape in &shapes {
        for word in ["lru", "comes", "cache", "goes", "state"] {
            assert!(shape.contains(word), "no `{word}` in {shape}");
        }
    }
    let json = serde_json::to_value(&picture).expect("json");
    let count = |course: &str| json["arcs"].as_array().expect("arcs").iter().filter(|a| a["course"] == course).count();
    assert_eq!(["stays", "comes", "goes", "moves-from", "moves-to"].map(count), [6, 2, 2, 2, 2]);
    assert_eq!(json["operators"][8]["fate"], "comes");
    assert_eq!(json["marker"]["heads"], serde_json::json!([3]));
}

#[test]
fn the_book_shows_what_is_drawn() {
    let images = [
        ("nio.fbp", "cache-in", include_str!("../../../../docs/src/images/cache-in.svg")),
        ("cached-nio.fbp", "cache-replaced", include_str!("../../../../docs/src/images/cache-replaced.svg")),
    ];
    for (flow, update, shown) in images {
        let drawn = svg::draw(&http(flow, Some(&format!("{update}.toml"))));
        let command = format!("neurath graph {flow} {update}.toml --svg > docs/src/images/{update}.svg");
        assert!(drawn == shown, "the book shows another picture: {command}");
    }
}
