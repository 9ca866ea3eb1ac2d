//! Numbers, lists and runs in words.

use neurath_model::choice::Choice;
use neurath_model::id::{Lineage, Version};
use neurath_model::trace::Line;
use neurath_sim::instance::Instance;
use neurath_sim::observation::Observation;
use neurath_sim::world::World;

/// `1 arc`, `2 arcs`.
pub fn count(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(names: &[impl AsRef<str>]) -> String {
    match names {
        [] => "nothing".into(),
        [only] => only.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

/// A run for people.
pub fn run(instance: &Instance, run: &[Choice]) -> String {
    lines(instance, run).iter().map(|line| format!("{}\n", serde_json::to_string(line).expect("a line"))).collect()
}

/// A run as lines of a trace. Its choices must be open one after the other.
pub fn lines(instance: &Instance, run: &[Choice]) -> Vec<Line> {
    let mut world = World::new(instance);
    run.iter()
        .map(|choice| {
            let mut taken: Vec<Lineage> = Vec::new();
            world.step(instance, choice, &mut |o| {
                if let Observation::Taken { lineage, .. } = o {
                    taken.push(*lineage);
                }
            });
            let version = choice.at().map_or(Version::NONE, |at| world.net.cell(at).operator.version());
            Line::step(&instance.program, choice, &taken, version)
        })
        .collect()
}
