//! One step in words: what was chosen, and what followed from it.

use crate::instance::Instance;
use crate::observation::Observation;
use crate::world::World;
use neurath_model::choice::{Choice, Emits};
use neurath_model::id::{Lineage, OperatorId, PortIndex, PortSet, UpdateId};
use neurath_model::plan::Scheduler;

/// A step that was taken, the world after it, and what the properties saw of it.
struct Step<'a> {
    instance: &'a Instance,
    world: &'a World,
    seen: &'a [Observation],
}

/// What the operator (or the environment) did, without its name.
pub(super) fn tell(instance: &Instance, world: &World, choice: &Choice, seen: &[Observation]) -> String {
    let step = Step { instance, world, seen };
    let mut text = match choice {
        Choice::Submit { update } => step.submit(*update),
        Choice::End => "ends the flow".to_owned(),
        Choice::Deliver { at, update } => step.changed(*at).unwrap_or_else(|| {
            format!("gets the message of `{}`, and has nothing to do", instance.update(*update).name)
        }),
        Choice::Fire { at, port, emits } => {
            let (version, taken) = (step.version(*at), step.taken());
            format!("{version}takes {taken} from {}, {}", step.input(*at, *port), step.outcome(*at, emits))
        }
        Choice::Join { at, emits } => {
            format!("{}takes {}, {}", step.version(*at), step.tuple(), step.outcome(*at, emits))
        }
        Choice::Mark { at, port } => step.mark(*at, *port),
        Choice::Ended { at, port } => format!("finds that {} has ended{}", step.input(*at, *port), step.passed(*at)),
        Choice::Wake { at, releases, emits } => step.wake(*at, *releases, emits),
    };
    text += &step.answers();
    if let Some(at) = choice.at() {
        text += &step.waits(at);
    }
    text
}

impl Step<'_> {
    fn submit(&self, update: UpdateId) -> String {
        let Self { instance, .. } = self;
        let to: Vec<&str> = match instance.scheduler {
            Scheduler::Epoch => {
                let arcs = &instance.program.operator(instance.program.entrance).outputs;
                arcs.iter().map(|arc| instance.name(instance.program.arc(*arc).to.operator)).collect()
            }
            Scheduler::Direct => instance.update(update).actions.iter().map(|(at, _)| instance.name(*at)).collect(),
        };
        let how = match instance.scheduler {
            Scheduler::Epoch => "its marker goes to",
            Scheduler::Direct => "a message goes to",
        };
        format!("submits update `{}`: {how} {}", instance.update(update).name, list(&to))
    }

    fn mark(&self, at: OperatorId, port: PortIndex) -> String {
        let operator = &self.instance.program.operator(at);
        let from = self.input(at, port);
        let waiting = self.world.net.cell(at).operator.joining().last();
        match (self.seen.iter().find(|o| is_passed(o)), waiting) {
            (None, Some(update)) => {
                let cell = &self.world.net.cell(at).operator;
                let missing: PortSet = operator.interface.awaited.minus(cell.blocked());
                let missing: Vec<&str> =
                    missing.iter().map(|p| operator.input_names[usize::from(p.0)].as_str()).collect();
                let name = &self.instance.update(update).name;
                format!("takes the marker of `{name}` from {from}, and waits for it on {}", list(&missing))
            }
            (Some(_), _) | (None, None) => format!("takes a marker from {from}{}", self.passed(at)),
        }
    }

    /// What a marker join that is complete brings about.
    fn passed(&self, at: OperatorId) -> String {
        let mut text = self.changed(at).map_or_else(String::new, |changed| format!(", {changed}"));
        for observation in self.seen {
            if let Observation::Passed { update, .. } = observation {
                text += &format!(", passes the marker of `{}` on", self.instance.update(*update).name);
            }
        }
        text
    }

    /// The changes made at an operator.
    fn changed(&self, at: OperatorId) -> Option<String> {
        let mut updates: Vec<UpdateId> = self.seen.iter().filter_map(applied).collect();
        updates.dedup();
        let told: Vec<String> = updates.into_iter().map(|update| self.change(at, update)).collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    fn change(&self, at: OperatorId, update: UpdateId) -> String {
        let Self { instance, .. } = self;
        let before =
            instance.update_ids().take_while(|u| *u < update).filter(|u| instance.update(*u).changes(at)).last();
        let before = &instance.behaviour(at, before.unwrap_or(UpdateId::NONE)).component;
        let after = &instance.behaviour(at, update).component;
        let name = &instance.update(update).name;
        let properties = instance.update(update).actions_at(at).iter().any(Option::is_none);
        match (before == after, properties) {
            (true, _) => format!("is changed by `{name}`: {after} with other properties"),
            (false, true) => format!("is changed by `{name}`: {before} -> {after}, with other properties"),
            (false, false) => format!("is changed by `{name}`: {before} -> {after}"),
        }
    }

    /// The answer to a submitter, which comes from the exit, or with the last direct message.
    fn answers(&self) -> String {
        let mut text = String::new();
        for observation in self.seen {
            if let Observation::Answered { update, outcome } = observation {
                let outcome = format!("{outcome:?}").to_lowercase();
                text += &format!(", `{}` is answered: {outcome}", self.instance.update(*update).name);
            }
        }
        text
    }

    fn wake(&self, at: OperatorId, releases: Option<Lineage>, emits: &Emits) -> String {
        let version = self.version(at);
        let began = self.seen.iter().find_map(|o| match o {
            Observation::Began { lineage, .. } => Some(self.name(*lineage)),
            _ => None,
        });
        let emits = self.emits(at, emits);
        match (releases.map(|l| self.name(l)), began) {
            (None, Some(new)) => format!("{version}begins {new}, {emits}"),
            (Some(held), Some(new)) => format!("{version}lets {held} go, and begins {new} with it, {emits}"),
            (Some(held), None) => format!("{version}lets {held} go, {emits}"),
            (None, None) => format!("{version}wakes, {emits}"),
        }
    }

    /// What became of packets taken.
    fn outcome(&self, at: OperatorId, emits: &Emits) -> String {
        let is = |wanted: fn(&Observation) -> bool| self.seen.iter().any(wanted);
        if is(|o| matches!(o, Observation::Discarded { .. })) {
            "and discards it, for it has ended".to_owned()
        } else if is(|o| matches!(o, Observation::Held { .. })) {
            "holds it".to_owned()
        } else {
            self.emits(at, emits)
        }
    }

    fn emits(&self, at: OperatorId, emits: &Emits) -> String {
        let names = &self.instance.program.operator(at).output_names;
        let names: Vec<&str> = emits.iter().map(|p| names[usize::from(p.0)].as_str()).collect();
        if names.is_empty() { "emits nothing".to_owned() } else { format!("emits {}", list(&names)) }
    }

    /// Whether the step leaves the operator with output that finds no room.
    fn waits(&self, at: OperatorId) -> String {
        let pending = &self.world.net.cell(at).pending;
        match pending.first() {
            Some((port, _)) => {
                let name = &self.instance.program.operator(at).output_names[usize::from(port.0)];
                format!(", waits for room on {name}")
            }
            None if self.world.net.cell(at).operator.is_closed() && !self.was_closed() => ", and ends".to_owned(),
            None => String::new(),
        }
    }

    /// An operator that had ended before only discards.
    fn was_closed(&self) -> bool {
        self.seen.iter().any(|o| matches!(o, Observation::Discarded { .. }))
    }

    /// `(http/load@nio) ` for an operator that some update changes: the version that fired.
    fn version(&self, at: OperatorId) -> String {
        let changes = self.instance.update_ids().any(|u| self.instance.update(u).changes(at));
        let version = self.world.net.cell(at).operator.version();
        if changes { format!("({}) ", self.instance.behaviour(at, version).component) } else { String::new() }
    }

    fn taken(&self) -> String {
        let taken = self.seen.iter().filter_map(|o| match o {
            Observation::Taken { lineage, .. } => Some(self.name(*lineage)),
            _ => None,
        });
        taken.collect::<Vec<_>>().join(", ")
    }

    fn tuple(&self) -> String {
        let taken = self.seen.iter().filter_map(|o| match o {
            Observation::Taken { arc, lineage, .. } => {
                let to = self.instance.program.arc(*arc).to;
                Some(format!("{} from {}", self.name(*lineage), self.input(to.operator, to.port)))
            }
            _ => None,
        });
        taken.collect::<Vec<_>>().join(" and ")
    }

    fn input(&self, at: OperatorId, port: PortIndex) -> &str {
        &self.instance.program.operator(at).input_names[usize::from(port.0)]
    }

    fn name(&self, lineage: Lineage) -> String {
        self.instance.lineage_name(lineage)
    }
}

fn is_passed(observation: &Observation) -> bool {
    matches!(observation, Observation::Passed { .. })
}

fn applied(observation: &Observation) -> Option<UpdateId> {
    match observation {
        Observation::Applied { update, .. } => Some(*update),
        _ => None,
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[&str]) -> String {
    match names.split_last() {
        None => "nobody".to_owned(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
