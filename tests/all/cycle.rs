//! The updates of the server's evolution, proved with every scheduler that promises them.
//!
//! The story: two clients had contended, and the trace of the run was no behaviour of the model: a cache that was to go processed,
//! after the marker of `stop-the-world` had passed there, what came back to it to be kept. S14 called that stale. But with that
//! scheduler the marker only stops what follows, and nothing is changed before all of it has passed: the answer is the commit. The
//! default scheduler had been checked, this one not.

use neurath_model::plan::{Scheduler, plan};
use neurath_runtime::cli::input::compiled_in;
use neurath_runtime::http::{evolution, server};
use neurath_sim::explore::{Explorer, Verdict};
use neurath_sim::instance::{Bounds, Instance};
use std::fmt::Write;

#[test]
fn each_update_of_the_cycle_holds_with_every_scheduler_that_promises_it() {
    let registry = compiled_in(Default::default());
    let mut graph = server::built_in_graph();
    let mut table = String::from("update          scheduler       distinct\n");
    for (update, map) in evolution::cycle() {
        let mut after = None;
        for scheduler in Scheduler::ALL {
            let Ok(plan) = plan(&graph, &update, &map, registry.catalogue(), Some(*scheduler)) else { continue };
            after = Some(plan.after.clone());
            let seen = Explorer::new(&Instance::new(&graph, &[plan], Bounds { packets: 1, ..Bounds::default() })).run();
            assert_eq!(seen.verdict, Verdict::Holds, "{} by {scheduler}", update.name);
            writeln!(table, "{:<15} {:<15} {:>8}", update.name, scheduler.to_string(), seen.distinct).expect("a text");
        }
        graph = after.expect("some scheduler promises it");
    }
    insta::assert_snapshot!(table);
}
