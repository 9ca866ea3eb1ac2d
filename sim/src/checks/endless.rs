//! Flows in which something goes round for ever.

use crate::instance::Instance;
use crate::scenario;
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::component::Catalogue;
use neurath_model::spec::components;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What the library lacks: operators that take what comes back and let it go at once, so that nobody counts how often.
pub(super) const LOOPS: &str = "
[[component]]
name = 'again'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'each'

[[component]]
name = 'again'
version = '2'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'each'

[[component]]
name = 'again-or-on'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't', ON = 't' }
firing = 'any'
emission = 'route'
state = 'Count'

[[component]]
name = 'again-later'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'buffer'
wake = 'resume'
state = 'Held'
";

/// The library, with these.
pub(super) fn library() -> String {
    scenario::library() + LOOPS
}

/// Theirs are the only loops.
pub(super) fn catalogue() -> Catalogue {
    components::parse("library", &library()).expect("readable").0
}

/// The first steps of a run, any choice as likely as the others.
pub(super) fn steps(instance: &Instance, rng: &mut ChaCha8Rng) -> Vec<Choice> {
    let (mut world, mut taken) = (World::new(instance), Vec::new());
    for _ in 0..120 {
        let mut open = Vec::new();
        world.choices(instance, &mut open);
        if open.is_empty() {
            break;
        }
        let choice = open.swap_remove(rng.random_range(0..open.len()));
        world.step(instance, &choice, &mut |_| {});
        taken.push(choice);
    }
    taken
}

#[test]
fn try_it() {
    use crate::explore::*;
    use crate::fold::Folded;
    use crate::properties::teeth::*;
    use crate::scenario::Scenario;
    use neurath_model::plan::Scheduler;
    for sched in [Scheduler::Epoch, Scheduler::Scoped, Scheduler::Dependent] {
    let flow = "in(source) OUT -> IN x(again) OUT -> IN y(step) OUT -> IN split(route) A -> IN sink(sink)\nsplit B -> BACK x";
    let sc = Scenario::read(flow, &library()).expect("valid").scheduled(sched);
    let sc = with_updates(sc, &[&[("x", "again@2"), ("y","step@2")]]);
    for p in 1..4 {
    let instance = sc.instance(bounds(p, 1));
    let seen = Explorer::new(&Folded::new(&instance)).budget(Budget{states_max: 1_000_000, time_max:None}).run();
    println!("{sched} {p} {:?} {} {} {:?} {}", seen.verdict, seen.distinct, seen.depth, seen.elapsed, seen.bytes_per_state);
    let seen = Explorer::new(&Folded::new(&instance)).budget(Budget{states_max: 1_000_000, time_max:None}).run_for_lassos();
    println!("{sched} {p} {:?} {} {} {:?} {:?} {}", seen.verdict, seen.distinct, seen.depth, seen.elapsed, seen.rounds, seen.bytes_per_state);
    }}
}
