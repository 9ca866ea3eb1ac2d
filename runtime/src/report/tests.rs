//! The page as a reader gets it: complete, safe, and true to its data.

use super::*;

fn summary(p50_us: u64, max_us: u64) -> Summary {
    Summary { count: 400, p50_us, p99_us: p50_us * 4, p999_us: p50_us * 6, max_us }
}

fn update(number: u64, direction: &str) -> Update {
    let took_us = Some(1500 + number * 100);
    Update { name: format!("switch {number}"), direction: direction.into(), submitted_us: number * 1_000_000, took_us }
}

fn count(name: &str, value: u64, is_fault: bool) -> Count {
    Count { name: name.into(), value, is_fault }
}

fn report() -> Report {
    let bucket = |n: u64| Bucket { at_us: n * 100_000, latency: summary(190 + n % 7, 4000 + n), ended: 400 };
    Report {
        title: "Blocking to NIO and back".into(),
        verdict: Verdict { passed: true, sentence: "no request failed".into() },
        counts: vec![count("requests", 20_000, false), count("failed", 0, true)],
        latencies: ["control", "around switches"]
            .map(|phase| Latency { phase: phase.into(), summary: summary(200, 9000) })
            .to_vec(),
        timeline: Timeline {
            bucket_us: 100_000,
            buckets: (0..50).map(bucket).collect(),
            control: Some(Window { from_us: 3_500_000, to_us: 5_000_000 }),
        },
        updates: vec![update(1, "nio"), update(2, "blocking"), update(3, "nio")],
        checks: vec!["no deadlock in 400 states".into()],
        facts: vec![("kernel".into(), "6.1".into())],
    }
}

fn occurrences(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn no_text_of_a_report_can_become_markup() {
    let evil = "</script><script>alert('1')</script>\"&";
    let text = || evil.to_string();
    let mut report = report();
    report.title = text();
    report.verdict.sentence = text();
    report.counts[0].name = text();
    report.latencies[0].phase = text();
    report.updates[0].name = text();
    report.updates[0].direction = text();
    report.checks = vec![text()];
    report.facts = vec![(text(), text())];
    let page = report.html();
    assert_eq!(occurrences(&page, "<script"), 2, "the data and the readout");
    assert_eq!(occurrences(&page, "</script>"), 2);
    assert_eq!(occurrences(&page, "alert(&#39;1&#39;)"), 12, "every place shows the text");
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = report().html();
    for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn every_element_that_is_opened_is_closed() {
    let page = report().html();
    let body = &page[page.find("<body>").unwrap()..page.find("<script").unwrap()];
    let mut open = Vec::new();
    for tag in body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "at </{name}>");
        } else if !tag.ends_with('/') && name != "br" {
            open.push(name);
        }
    }
    assert_eq!(open, ["body"]);
}

#[test]
fn each_update_has_a_mark_and_directions_look_different() {
    let page = report().html();
    assert_eq!(occurrences(&page, "class=\"mark look0\""), 2);
    assert_eq!(occurrences(&page, "class=\"mark look1\""), 1);
    assert!(page.contains("<title>switch 2, at 2.00 s</title>"));
    assert_eq!(occurrences(&page, "submitted: to "), 2, "one legend entry per direction");
    assert!(page.contains("3 submitted, 3 carried out."));
    assert!(page.contains("median 1.70 ms, at most 1.80 ms"));
}

#[test]
fn marks_are_where_their_moment_is() {
    let marks = |report: &Report| -> Vec<f64> {
        let page = report.html();
        let starts = page.match_indices("class=\"mark ").map(|(at, _)| &page[at..]);
        starts.map(|rest| rest.split('"').nth(3).unwrap().parse().unwrap()).collect()
    };
    let places = marks(&report());
    // 5 seconds over the plot's 1016 units, from 72 on.
    assert_eq!(places, [275.2, 478.4, 681.6]);
}

#[test]
fn only_a_fault_that_happened_is_red() {
    let mut report = report();
    assert_eq!(occurrences(&report.html(), "class=\"fault\""), 0);
    report.counts[1].value = 3;
    report.updates[0].took_us = None;
    let page = report.html();
    assert!(page.contains("<th scope=\"row\">failed</th><td class=\"fault\">3</td>"));
    assert_eq!(occurrences(&page, "class=\"fault\""), 1);
    assert_eq!(occurrences(&page, "not finished"), 1);
    assert!(page.contains("3 submitted, 2 carried out."));
}

#[test]
fn the_verdict_is_said_in_words() {
    let mut report = report();
    assert!(report.html().contains("✓ passed"));
    report.verdict.passed = false;
    assert!(report.html().contains("✗ failed"));
}

#[test]
fn the_data_are_in_the_page() {
    let report = report();
    let page = report.html();
    let (_, data) = page.split_once("id=\"data\">").unwrap();
    let data: Value = serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap();
    assert_eq!(data, report.json());
    assert_eq!(data["schema_version"], SCHEMA_VERSION);
    assert_eq!(data["timeline"]["buckets"][7]["latency"]["max_us"], 4007);
}

#[test]
fn a_run_in_which_nothing_was_measured_has_a_page_too() {
    let mut report = report();
    report.timeline.buckets.clear();
    report.latencies[0].summary = Summary::default();
    report.updates.clear();
    let page = report.html();
    assert!(!page.contains("class=\"chart\""));
    assert!(page.contains("0 submitted, none carried out."));
}

#[test]
fn a_single_measurement_can_be_drawn() {
    let mut report = report();
    report.timeline.buckets = vec![Bucket { at_us: 0, latency: summary(0, 0), ended: 1 }];
    assert!(report.html().contains("class=\"chart\""));
    assert!(!report.html().contains("NaN"));
}
