//! The book says what the code says: every property, code and fault is in its tables, and its links lead somewhere.

use neurath_model::diagnostic::{Code, SourceMap};
use neurath_model::plan::{Scheduler, plan_unpromised};
use neurath_model::spec::{components, fbp, update};
use neurath_model::validate::validate;
use neurath_runtime::cli::input::compiled_in;
use neurath_runtime::{demo, http};
use neurath_sim::check::{Check, Checked};
use neurath_sim::explore::{Exploration, Verdict};
use neurath_sim::instance::{Bounds, Fault, Instance};
use neurath_sim::ledger::PROPERTIES;
use neurath_sim::properties::About;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn chapter(name: &str) -> String {
    text(&root().join("docs/src").join(name))
}

/// The cells of the rows of a page's tables whose first cell is in backquotes, in order.
fn rows(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Names the rows that are missing or different as they should stand in the page.
fn assert_same_rows(page: &str, told: &[Vec<String>], expected: &[Vec<String>]) {
    let missing: Vec<_> = expected.iter().filter(|row| !told.contains(row)).map(|row| row.join(" | ")).collect();
    assert!(missing.is_empty(), "docs/src/{page} lacks these rows:\n{}", missing.join("\n"));
    assert_eq!(told, expected, "docs/src/{page} has rows that the code does not have, or another order");
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of the table with that many columns.
fn properties_told(columns: usize) -> Vec<Vec<String>> {
    rows(&chapter("properties.md")).into_iter().filter(|row| row.len() == columns).collect()
}

#[test]
fn every_property_is_in_the_tables_word_for_word() {
    let sentences: Vec<Vec<String>> = properties_told(4).into_iter().map(|row| row[..3].to_vec()).collect();
    let of = |cells: fn(&About) -> [&str; 2]| {
        let row = |p: &About| [&[format!("`{}`", p.code)], &cells(p).map(str::to_owned)[..]].concat();
        PROPERTIES.iter().map(row).collect::<Vec<_>>()
    };
    assert_same_rows("properties.md", &sentences, &of(|p| [p.name, p.sentence]));
    assert_same_rows("properties.md", &properties_told(3), &of(|p| [p.source, p.witness]));
}

#[test]
fn every_fault_is_in_the_table_where_it_belongs() {
    let written = properties_told(4);
    let named: BTreeSet<&str> = written.iter().flat_map(|row| quoted(&row[3])).collect();
    let mut known: BTreeSet<&str> = Fault::ALL.iter().map(|(name, _)| *name).collect();
    known.insert("--scheduler direct");
    assert_eq!(named, known);
    assert!(written.iter().all(|row| quoted(&row[3]).next().is_some()), "each property is broken by something");
    for (name, fault) in Fault::ALL {
        let code = format!("`{}`", fault.breaks());
        let row = written.iter().find(|row| row[0] == code).expect("a fault breaks a property");
        assert!(quoted(&row[3]).any(|n| n == *name), "{name} breaks {code} first, and its row does not say so");
    }
}

#[test]
fn every_code_is_in_the_table_word_for_word() {
    let page = chapter("diagnostics.md");
    let told: Vec<Vec<String>> = rows(&page);
    let expected: Vec<Vec<String>> =
        Code::ALL.iter().map(|c| vec![format!("`{c}`"), c.title().into(), c.explanation().into()]).collect();
    assert_same_rows("diagnostics.md", &told, &expected);
}

/// What `neurath check` explores for a flow and an update of components that are compiled in or declared in `more`.
fn explored(flow: &str, change: &str, more: &str, scheduler: Option<Scheduler>) -> Checked {
    let mut catalogue = compiled_in(Default::default()).catalogue().clone();
    catalogue.extend(components::parse("components", more).expect("declarations").0);
    let graph = validate(&fbp::parse("flow", flow).expect("a flow").0, &SourceMap::default(), &catalogue);
    let graph = graph.expect("a valid flow");
    let (change, places) = update::parse("update", change).expect("an update");
    let (plan, _) = plan_unpromised(&graph, &change, &places, &catalogue, scheduler).expect("planned");
    Check::new(&Instance::new(&graph, &[plan], Bounds::default())).run()
}

fn states(seen: &Checked) -> String {
    let Exploration { generated, distinct, depth, ended, .. } = &seen.exploration;
    format!(
        "states     {generated} generated, {distinct} distinct, depth {depth}; in {ended} nothing more can happen\n"
    )
}

#[test]
fn the_checks_shown_are_what_the_checker_says() {
    let readme = text(&root().join("README.md"));
    let (tutorial, checker, operators) = (chapter("first-update.md"), chapter("checker.md"), chapter("operators.md"));

    let switch = explored(http::FLOW, http::NIO, "", None);
    assert_eq!(switch.exploration.verdict, Verdict::Holds);
    let line = states(&switch);
    assert!(readme.contains(&line) && checker.contains(&line), "README.md and checker.md are to say: {line}");
    let line = format!("checked: holds ({} states in ", switch.exploration.distinct);
    assert!(tutorial.contains(&line), "first-update.md is to say: {line}");

    let direct = explored(http::FLOW, http::NIO, "", Some(Scheduler::Direct));
    let Verdict::Breached { breach, run, .. } = &direct.exploration.verdict else {
        panic!("{:?}", direct.exploration.verdict)
    };
    let line = format!(
        "REFUSED: {} (serializability) is broken by a shortest run, of {} steps; U07 and U11 forbid it as well\n",
        breach.property,
        run.len()
    );
    assert!(readme.contains(&line) && checker.contains(&line), "README.md and checker.md are to say: {line}");
    let line = format!("{} is broken by step {}: {}\n", breach.property, run.len(), breach.story);
    assert!(readme.contains(&line), "README.md is to say: {line}");

    for checked in demo::check().expect("the demo's updates are planned") {
        let line = checked.sentence.split(" steps").next().expect("a part").to_owned();
        assert!(chapter("measurements.md").contains(&line), "measurements.md is to say: {line}");
        assert!(readme.contains(&line), "README.md is to say: {line}");
        // The tutorial takes the cache in and out, too.
        if line.contains("`cache-in`") || line.contains("`cache-out`") {
            let states = line.split(": ").nth(1).and_then(|rest| rest.split(',').next()).expect("a number of states");
            assert!(tutorial.contains(&format!("checked: holds ({states} in ")), "first-update.md is to say: {states}");
        }
    }

    let example = |name: &str| text(&root().join("docs/src/examples").join(name));
    let padded = explored(&example("numbered.fbp"), &example("padded.toml"), &example("components.toml"), None);
    let line = states(&padded);
    assert!(operators.contains(&line), "operators.md is to say: {line}");
}

/// A forge shows pages without what mdBook would include in them, so those read first hold the texts themselves.
#[test]
fn the_files_shown_are_what_they_are() {
    let example = text(&root().join("docs/src/examples/components.toml"));
    let shown = [
        (text(&root().join("README.md")), http::NIO),
        (chapter("first-update.md"), http::NIO),
        (chapter("files.md"), http::FLOW),
        (chapter("files.md"), &example),
    ];
    for (page, file) in shown {
        assert!(page.contains(file), "a page is to show this file as it is:\n{file}");
    }
}

/// Every markdown page of the book, and the front page of the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the book's folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// Targets of links and pictures in markdown and in the HTML that a page may hold, code blocks left out.
fn targets(page: &str) -> Vec<String> {
    let prose: Vec<&str> = page.split("\n```").step_by(2).collect();
    let prose = prose.join("\n");
    let after = |open: &'static str, close: char| {
        let prose = prose.clone();
        let found: Vec<String> =
            prose.split(open).skip(1).filter_map(|rest| Some(rest.split_once(close)?.0.to_owned())).collect();
        found
    };
    [after("](", ')'), after("src=\"", '"'), after("srcset=\"", '"'), after("href=\"", '"')].concat()
}

/// The anchor that mdBook and forges give a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn has_anchor(page: &str, wanted: &str) -> bool {
    page.lines().filter_map(|line| line.strip_prefix('#')).any(|h| anchor(h.trim_start_matches('#')) == wanted)
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for path in pages() {
        let page = text(&path);
        for target in targets(&page) {
            if target.contains("://") {
                continue;
            }
            let (file, fragment) = target.split_once('#').unwrap_or((&target, ""));
            let to = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            let fine = to.exists() && (fragment.is_empty() || has_anchor(&text(&to), fragment));
            if !fine {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn what_the_book_includes_is_there() {
    let mut includes = 0;
    for path in pages() {
        for include in text(&path).split("{{#include ").skip(1) {
            let target = include.split_once("}}").expect("an include is closed").0;
            let (file, part) = target.split_once(':').unwrap_or((target, ""));
            let included = text(&path.parent().expect("a folder").join(file));
            assert!(included.contains(&format!("ANCHOR: {part}")) || part.is_empty(), "{}: {target}", path.display());
            includes += 1;
        }
    }
    assert!(includes > 5, "the chapter on operators shows code that is run");
}

#[test]
fn every_chapter_is_in_the_summary() {
    let summary = chapter("SUMMARY.md");
    for path in pages() {
        let Ok(name) = path.strip_prefix(root().join("docs/src")) else { continue };
        let name = name.to_str().expect("text");
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is not in SUMMARY.md");
    }
}
