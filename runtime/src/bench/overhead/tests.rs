use super::*;

const TINY: Size = Size { rounds: 1, counted: Counted { warm_up: 10, measured: 1000 } };

/// All packets pass through each of the pipelines, in order: the sink looks at that.
#[test]
fn every_pipeline_is_measured_with_every_function() {
    let mut told = 0;
    let report = measure(TINY, &mut |_| told += 1);
    assert_eq!(told, 1);
    let json = report.json();
    let rows = json["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row["cpu_ns_per_packet"].as_f64().expect("a number") > 0.0), "{rows:?}");
    assert!(report.html().contains("by hand") && report.to_string().contains("updatable"));
}

/// The figures of a report follow from its rounds, whatever those are.
#[test]
fn ratios_are_of_the_same_round_and_targets_are_held_against_them() {
    let rounds = |updatable: f64| {
        let one = move |kind: Kind| match kind {
            Kind::Updatable => updatable,
            Kind::Fixed => 100.0,
            Kind::ByHand => 50.0,
        };
        let round = move |kind, work, drift: f64| {
            let per_packet = one(kind) * drift;
            Round { kind, work, per_packet, per_hop: per_packet / 10.0 }
        };
        // The machine is three times slower in the second round: no ratio changes by that.
        let each = move |drift| Work::ALL.into_iter().flat_map(move |w| Kind::ALL.map(|kind| round(kind, w, drift)));
        [1.0, 3.0, 1.0].into_iter().flat_map(each).collect::<Vec<Round>>()
    };
    let met = |updatable| Report::new(&rounds(updatable)).targets().map(|(_, _, met)| met);
    assert_eq!(met(64.0), [true, true, true]);
    assert_eq!(met(101.0), [true, true, false]);
    assert_eq!(met(110.0), [false, false, false]);
    let short = Report::new(&rounds(200.0));
    let shown = short.to_string();
    assert!(shown.contains("0.50, not met") && shown.contains("4.00, not met"), "{shown}");
    assert!(short.html().contains("not all targets met") && !short.html().contains("✗"));
}
