//! One step in words: what was chosen, and what followed from it.

use crate::instance::Instance;
use crate::observation::Observation;
use crate::world::World;
use neurath_model::choice::{Choice, Emits};
use neurath_model::id::{ArcId, Lineage, OperatorId, PortIndex, PortSet, UpdateId};
use neurath_model::marker::Mail;
use neurath_model::plan::Scheduler;
use neurath_model::program::Act;

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
        Choice::Deliver { at, mail } => step.deliver(*at, *mail),
        Choice::Attach { at, port } => {
            let arc = world.net.feeding(*at, *port).map(|arc| instance.program.arc(arc).from);
            let arc = arc.map_or_else(String::new, |from| instance.program.output_name(from));
            format!("gets the arc of {arc} at {}{}", step.input(*at, *port), step.passed(*at))
        }
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
        let deployment = instance.update(update);
        let to: Vec<&str> = deployment.heads.iter().map(|at| instance.name(*at)).collect();
        let how = match deployment.scheduler {
            Scheduler::Direct => "a message goes to",
            Scheduler::StopTheWorld | Scheduler::Dependent | Scheduler::Epoch | Scheduler::Scoped => {
                "its marker goes to"
            }
        };
        let come: Vec<&str> = deployment.born.iter().map(|at| instance.name(*at)).collect();
        let come = if come.is_empty() { String::new() } else { format!(", {} started", list(&come)) };
        format!("submits update `{}`: {how} {}{come}", deployment.name, list(&to))
    }

    fn deliver(&self, at: OperatorId, mail: Mail) -> String {
        let name = |update: UpdateId| &self.instance.update(update).name;
        match mail {
            Mail::Marker(update) | Mail::Apply(update) => {
                let passed = self.passed(at);
                let what = if matches!(mail, Mail::Apply(_)) { "the word to apply" } else { "the marker of" };
                match (self.is_direct(update), self.changed(at)) {
                    (true, Some(changed)) => changed,
                    (true, None) => format!("gets the message of `{}`, and has nothing to do", name(update)),
                    (false, _) => format!("gets {what} `{}`{passed}{}", name(update), self.waits_for(at, update)),
                }
            }
            Mail::Resume(update) => format!("is told that `{}` is applied, and goes on", name(update)),
            Mail::End => "is told that the flow ends".into(),
        }
    }

    fn is_direct(&self, update: UpdateId) -> bool {
        self.instance.update(update).scheduler == Scheduler::Direct
    }

    /// What a join that has begun and is not complete waits for.
    fn waits_for(&self, at: OperatorId, update: UpdateId) -> String {
        let cell = &self.world.net.cell(at).operator;
        if cell.joining().all(|u| u != update) {
            return String::new();
        }
        let (program, orders) =
            (&self.instance.program, self.instance.update(update).orders(&self.instance.program, at));
        let names = |ports: PortSet| {
            let names = ports.iter().map(|p| program.operator(at).input_names[usize::from(p.0)].as_str());
            list(&names.collect::<Vec<_>>())
        };
        let late = cell.vacant().intersection(orders.leaves);
        match cell.missing() {
            missing if !missing.is_empty() => format!(", and waits for it on {}", names(missing)),
            _ if cell.passed() < orders.after => ", and waits for an update before it".into(),
            _ if !late.is_empty() => format!(", and waits for the arc that is to come to {}", names(late)),
            // With a fault put in, it waits where nothing was ordered to come.
            _ => {
                let interface = &program.operator(at).interface;
                format!(", and waits for it on {}", names(interface.inputs.minus(cell.blocked())))
            }
        }
    }

    fn mark(&self, at: OperatorId, port: PortIndex) -> String {
        let from = self.input(at, port);
        let waiting = self.world.net.cell(at).operator.joining().last();
        match (self.seen.iter().find(|o| is_passed(o)), waiting) {
            (None, Some(update)) => {
                let name = &self.instance.update(update).name;
                let half = self.changed(at).map_or_else(String::new, |changed| format!(", {changed}"));
                format!("takes the marker of `{name}` from {from}{half}{}", self.waits_for(at, update))
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
        let arcs = self.rewired(at);
        let acts = instance.update(update).acts(at);
        let runs_other = acts.iter().any(|act| matches!(act, Act::Replace(_) | Act::Configure));
        if !runs_other {
            return arcs.unwrap_or_else(|| format!("has a part in `{}`", instance.update(update).name));
        }
        let arcs = arcs.map_or_else(String::new, |arcs| format!(", {arcs}"));
        let before =
            instance.update_ids().take_while(|u| *u < update).filter(|u| instance.update(*u).changes(at)).last();
        let before = &instance.behaviour(at, before.unwrap_or(UpdateId::NONE)).component;
        let after = &instance.behaviour(at, update).component;
        let name = &instance.update(update).name;
        let properties = acts.contains(&Act::Configure);
        match (before == after, properties) {
            (true, _) => format!("is changed by `{name}`: {after} with other properties{arcs}"),
            (false, true) => format!("is changed by `{name}`: {before} -> {after}, with other properties{arcs}"),
            (false, false) => format!("is changed by `{name}`: {before} -> {after}{arcs}"),
        }
    }

    /// What became of arcs and of the operator itself in this step.
    fn rewired(&self, at: OperatorId) -> Option<String> {
        let program = &self.instance.program;
        let arc = |arc: ArcId| program.output_name(program.arc(arc).from);
        let told: Vec<String> = self
            .seen
            .iter()
            .filter_map(|observation| match observation {
                Observation::Disconnected { arc: id, left: None, from, .. } => {
                    let to = self.world.net.arc(*id).to.map(|port| program.input_name(port));
                    let from = &program.operator(from.operator).input_names[usize::from(from.port.0)];
                    Some(format!("hands the arc of {} on from {from} to {}", arc(*id), to.unwrap_or_default()))
                }
                Observation::Disconnected { arc: id, left: Some(_), .. } => {
                    Some(format!("lets the arc of {} go", arc(*id)))
                }
                Observation::Attached { to, arc: id, lost: None } if to.operator == at => {
                    Some(format!("gets the arc of {} at {}", arc(*id), self.input(at, to.port)))
                }
                Observation::HandedOver { to, .. } => Some(format!("gives its state to {}", self.instance.name(*to))),
                Observation::Gone { .. } => Some("is gone".into()),
                _ => None,
            })
            .collect();
        (!told.is_empty()).then(|| told.join(", "))
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
                let to = self.world.net.arc(*arc).to?;
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
