//! Every fault is found by a search for anything wrong at all, and by the property it is said to break.

use super::{cells, table};
use crate::explore::{Explorer, Verdict};
use crate::instance::Fault;
use crate::properties::teeth::specimens;

#[test]
fn every_fault_is_found() {
    let mut lines = vec![cells(&[&"fault", &"instance", &"property", &"steps", &"distinct"])];
    for (fault, name, instance) in specimens() {
        let seen = Explorer::new(&instance).run();
        let Verdict::Breached { breach, run, .. } = seen.verdict else { panic!("{fault}: {:?}", seen.verdict) };
        assert_eq!(breach.property, fault.breaks(), "{fault}");
        lines.push(cells(&[&fault, &name, &breach.property, &run.len(), &seen.distinct]));
    }
    assert_eq!(lines.len(), Fault::ALL.len() + 1);
    let table = table(&lines);
    insta::assert_snapshot!(table);
}
