//! Runs as data: as the lines of a trace, and saved with all that is needed to take them again.
//!
//! ```text
//!   {"neurath": "run", "schema_version": 3, "flow": ..., "catalogue": ..., "updates": [...], "schedulers": ["direct"],
//!    "bounds": {"packets": 2, ...}, "fault": null, "property": "S4",
//!    "run": [{"at": "entrance", "do": "submit", "update": 1, ...}, {"at": "accept", "do": "wake", ...}, ...]}
//! ```
//!
//! A trace says what happened, so that it can be held against the model. A saved run is a run *of* the model: flow,
//! updates and bounds are in it, so it repeats on any machine. Nothing in it is believed: the flow is validated, the
//! updates are planned, and each step must be open where it is taken and lead where the file says it led (the lineages
//! taken, the version afterwards). A file that was saved with another version of the protocol is found out this way.

use crate::check;
use crate::fold::Folded;
use crate::instance::{Bounds, Fault, Instance};
use crate::observation::Observation;
use crate::system::{Breach, System};
use crate::world::World;
use neurath_model::choice::Choice;
use neurath_model::component::Catalogue;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, Place, SourceMap};
use neurath_model::flow::Flow;
use neurath_model::id::{OperatorId, UpdateId};
use neurath_model::plan::{Plan, Scheduler, plan_unpromised};
use neurath_model::property::Property;
use neurath_model::trace::{Header, Line};
use neurath_model::update::Update;
use neurath_model::validate::validate;
use serde::{Deserialize, Serialize};

/// What the key `neurath` of a saved run says.
const KIND: &str = "run";

/// The version of the format of saved runs. It counts on from that of traces, whose lines it holds: a change of either is a
/// change of it.
pub const SCHEMA_VERSION: u32 = 3;

/// A saved run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Always `run`.
    pub neurath: String,
    /// The version of its format: [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The flow.
    pub flow: Flow,
    /// The declarations that the flow and its updates use.
    pub catalogue: Catalogue,
    /// The updates, in order of submission.
    pub updates: Vec<Update>,
    /// How each of them travels.
    pub schedulers: Vec<Scheduler>,
    /// The bounds.
    pub bounds: Bounds,
    /// The fault put in, by name.
    pub fault: Option<String>,
    /// The property that the run breaks, by code, as far as who saved it knew.
    pub property: Option<String>,
    /// Properties that a user stated, judged beside the built-in ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stated: Vec<Property>,
    /// Of a run that goes round for ever, how many steps lie before the round, which is there once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round: Option<usize>,
    /// The steps, as the lines of a trace.
    pub run: Vec<Line>,
}

/// What every version of a saved run has.
#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    neurath: String,
    #[serde(default)]
    schema_version: u32,
}

/// The steps of a run as lines of a trace, in the order in which they were taken.
///
/// # Panics
/// If a choice is not open where it is to be taken.
pub fn lines(instance: &Instance, updates: &[Update], choices: &[Choice]) -> Vec<Line> {
    let mut world = World::new(instance);
    choices.iter().map(|choice| step(instance, updates, &mut world, choice, &mut Vec::new())).collect()
}

/// A run as a whole trace: the header, a line for each step, and the last line of each operator. What the environment
/// does is the entrance's.
///
/// # Panics
/// If a choice is not open where it is to be taken.
pub fn to_trace(
    instance: &Instance,
    flow: Flow,
    catalogue: Catalogue,
    updates: &[Update],
    choices: &[Choice],
) -> String {
    let header = Header::new(flow, catalogue, instance.bounds.capacity);
    let program = &instance.program;
    let mut world = World::new(instance);
    let mut answers = Vec::new();
    let told = choices.iter().map(|choice| step(instance, updates, &mut world, choice, &mut answers));
    let told: Vec<Line> = told.collect();
    let count = |at: Option<OperatorId>| choices.iter().filter(|choice| choice.at() == at).count() as u64;
    let stops = world.net.operators().map(|at| Line::stop(program, at, count(Some(at))));
    let lines = told.into_iter().chain(stops).chain([Line::last_of_entrance(count(None))]).chain(answers);
    let mut text = json(&header);
    for line in lines {
        text.push('\n');
        text += &json(&line);
    }
    text.push('\n');
    text
}

/// Takes a step, and says it as a line: the choice, and what it led to; with answers that it leads to.
fn step(instance: &Instance, updates: &[Update], world: &mut World, choice: &Choice, answers: &mut Vec<Line>) -> Line {
    let mut taken = Vec::new();
    world.step(instance, choice, &mut |observation| match observation {
        Observation::Taken { lineage, .. } => taken.push(*lineage),
        Observation::Answered { update, outcome } => answers.push(Line::answer(*update, *outcome)),
        _ => {}
    });
    let version = choice.at().map_or(UpdateId::NONE, |at| world.net.cell(at).operator.version());
    let line = Line::step(&instance.program, choice, &taken, version);
    match choice {
        Choice::Submit { update } => {
            let beside = (1..update.0).map(UpdateId).collect();
            match updates.get(update.0 as usize - 1) {
                Some(change) => line.submitting(change.clone(), instance.update(*update).scheduler, &beside),
                None => line,
            }
        }
        Choice::End
        | Choice::Deliver { .. }
        | Choice::Fire { .. }
        | Choice::Join { .. }
        | Choice::Mark { .. }
        | Choice::Attach { .. }
        | Choice::Ended { .. }
        | Choice::Wake { .. } => line,
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .expect("flows, updates and lines have text for keys, and no other numbers than JSON has")
}

impl Saved {
    /// Saves a run of the flow under test: `catalogue` is that of the [`Subject`](crate::generate::Subject) if updates were drawn.
    ///
    /// # Panics
    /// If a choice is not open where it is to be taken.
    pub fn new(
        instance: &Instance,
        flow: Flow,
        catalogue: Catalogue,
        updates: &[Update],
        choices: &[Choice],
        breach: Option<&Breach>,
    ) -> Self {
        Self {
            neurath: KIND.into(),
            schema_version: SCHEMA_VERSION,
            flow,
            catalogue,
            updates: updates.to_vec(),
            schedulers: instance.updates.iter().map(|update| update.scheduler).collect(),
            bounds: instance.bounds,
            fault: instance.fault.map(|fault| fault.to_string()),
            property: breach.map(|breach| breach.property.to_owned()),
            stated: instance.clients.iter().filter_map(|client| client.predicate.stated().cloned()).collect(),
            round: None,
            run: lines(instance, updates, choices),
        }
    }

    /// The same as a run that goes round for ever, after that many steps, if any.
    #[must_use]
    pub fn going_round(self, round: Option<usize>) -> Self {
        Self { round, ..self }
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("as for a line");
        text.push('\n');
        text
    }

    /// Reads a saved run. Only its form is checked.
    pub fn parse(source: &str, text: &str) -> Result<Self, Diagnostics> {
        // The version first: what another version wrote need not look like a run to this one.
        let form: Form = serde_json::from_str(text).map_err(|error| unreadable(source, text, &error))?;
        if form.neurath != KIND || form.schema_version != SCHEMA_VERSION {
            return Err(other_version(source, text, &form));
        }
        let saved: Self = serde_json::from_str(text).map_err(|error| unreadable(source, text, &error))?;
        Ok(saved)
    }

    /// Takes the run again: the instance it is a run of, its choices, and what it breaks, if anything.
    ///
    /// # Errors
    /// What is wrong with the flow or an update, a fault that is not known (T01), and a step that cannot be taken, or
    /// that leads elsewhere (X01).
    pub fn replay(&self) -> Result<(Instance, Vec<Choice>, Option<Breach>), Diagnostics> {
        // A property that has to be asked for was, when the run was saved.
        let asked: Vec<&str> = self.property.iter().map(String::as_str).collect();
        let instance = self.instance()?.asking(&asked);
        let mut world = World::new(&instance);
        let (mut choices, mut open) = (Vec::new(), Vec::new());
        let mut breach = None;
        for (i, line) in self.run.iter().enumerate() {
            open.clear();
            world.choices(&instance, &mut open);
            let choice = self.choice(&instance, i, line, &open)?;
            let again = step(&instance, &self.updates, &mut world, &choice, &mut Vec::new());
            if again != *line {
                return Err(misfit(i, line, "leads elsewhere", &json(line), &json(&again)));
            }
            choices.push(choice);
            breach = breach.or_else(|| instance.breach(&world, false));
        }
        open.clear();
        world.choices(&instance, &mut open);
        let breach = breach.or_else(|| instance.breach(&world, open.is_empty()));
        let breach = breach.or_else(|| self.breach_for_ever(&instance, &choices));
        Ok((instance, choices, breach))
    }

    /// What it breaks by going round for ever, if it does. Of several properties the one that the file names counts.
    fn breach_for_ever(&self, instance: &Instance, choices: &[Choice]) -> Option<Breach> {
        let is_named = |property: &str| self.property.as_deref().is_none_or(|named| named == property);
        check::judge(&Folded::new(instance), choices, self.round?, is_named).ok()
    }

    fn instance(&self) -> Result<Instance, Diagnostics> {
        let graph = validate(&self.flow, &SourceMap::default(), &self.catalogue)?;
        let mut plans: Vec<Plan> = Vec::new();
        if self.schedulers.len() != self.updates.len() {
            return Err(without_schedulers(self));
        }
        for (update, scheduler) in self.updates.iter().zip(&self.schedulers) {
            let before = plans.last().map_or(&graph, |plan| &plan.after);
            // A saved run may well show what the scheduler does not promise.
            let scheduler = Some(*scheduler);
            plans.push(plan_unpromised(before, update, &SourceMap::default(), &self.catalogue, scheduler)?.0);
        }
        let instance = Instance::new(&graph, &plans, self.bounds);
        let instance = match &self.fault {
            None => instance,
            Some(name) => instance.with_fault(Fault::named(name).ok_or_else(|| unknown_fault(name))?),
        };
        Ok(instance.with_properties(&self.stated))
    }

    /// The choice of a line, if it is open.
    fn choice(&self, instance: &Instance, i: usize, line: &Line, open: &[Choice]) -> Result<Choice, Diagnostics> {
        let read =
            line.choice(&instance.program).and_then(|choice| choice.ok_or("a saved run has no such lines".into()));
        let choice = read.map_err(|why| misfit(i, line, "cannot be read", "a step of this flow", &why))?;
        if open.contains(&choice) {
            return Ok(choice);
        }
        let brief: Vec<String> = open.iter().map(|choice| brief(instance, choice)).collect();
        let open = if brief.is_empty() { "no step: the run has ended".into() } else { brief.join(", ") };
        Err(misfit(i, line, "is not open", &open, &self::brief(instance, &choice)))
    }
}

/// A choice in a few words: `load fire IN`.
fn brief(instance: &Instance, choice: &Choice) -> String {
    let line = Line::step(&instance.program, choice, &[], UpdateId::NONE);
    let parts = [Some(line.at), Some(line.kind), line.port, line.releases];
    let mut text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !line.emits.is_empty() {
        text += &format!(" emitting {}", line.emits.join(" "));
    }
    text
}

/// X01.
fn misfit(i: usize, line: &Line, what: &str, expected: &str, found: &str) -> Diagnostics {
    refused(
        Code::X01,
        format!("step {} of the saved run, `{}` at `{}`, {what}", i + 1, line.kind, line.at),
        vec![],
        [expected, found, "the run was edited, or saved by another version of neurath: find it again by its seed"],
    )
}

fn unknown_fault(name: &str) -> Diagnostics {
    let known: Vec<&str> = Fault::ALL.iter().map(|(name, _)| *name).collect();
    let expected = format!("one of {}", known.join(", "));
    let found = format!("`{name}`");
    refused(
        Code::T01,
        format!("the saved run has fault `{name}`, which is not known"),
        vec![],
        [&expected, &found, "replay the run with the version of neurath that saved it"],
    )
}

/// T01.
fn other_version(source: &str, text: &str, form: &Form) -> Diagnostics {
    let found = match form.neurath.as_str() {
        "" => "something that does not say what it is".to_owned(),
        kind => format!("`{kind}` with schema_version {}", form.schema_version),
    };
    let place = Place { source: source.into(), span: 0..text.len().min(1), label: "here".into() };
    refused(
        Code::T01,
        "this is not a saved run that this program can read".into(),
        vec![place],
        [
            &format!("`{KIND}` with schema_version {SCHEMA_VERSION}"),
            &found,
            "replay a run with the version of neurath that saved it",
        ],
    )
}

fn without_schedulers(saved: &Saved) -> Diagnostics {
    let (updates, schedulers) = (saved.updates.len(), saved.schedulers.len());
    refused(
        Code::T01,
        "the saved run does not say how each of its updates travels".into(),
        vec![],
        [
            &format!("{updates} schedulers, one for each update"),
            &schedulers.to_string(),
            "the run was edited: find it again by its seed",
        ],
    )
}

fn unreadable(source: &str, text: &str, error: &serde_json::Error) -> Diagnostics {
    // serde_json counts lines and columns from 1, the columns in bytes.
    let start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (start + error.column().saturating_sub(1)).min(text.len());
    let place = Place { source: source.into(), span: at..at, label: "reading stopped here".into() };
    let found = if error.is_eof() { "the end of the file" } else { "something else" };
    refused(
        Code::T01,
        format!("the saved run cannot be read: {error}"),
        vec![place],
        ["a run as JSON, as neurath saves it", found, "save the run again, by its seed"],
    )
}

fn refused(code: Code, message: String, places: Vec<Place>, texts: [&str; 3]) -> Diagnostics {
    let [expected, found, hint] = texts.map(str::to_owned);
    Diagnostics(vec![Diagnostic { code, message, places, expected, found, hint }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;
    use crate::generate::Subject;
    use crate::simulate::{Options, Outcome, simulate, simulate_many};
    use neurath_model::trace::Trace;

    fn failing() -> (Subject, Outcome) {
        let subject = example::http(Scheduler::Direct);
        let failure = simulate_many(&subject.clone().into(), 0..200, &Options::default(), |_| {}).failure;
        (subject, failure.expect("direct promises nothing"))
    }

    fn saved(subject: &Subject, outcome: &Outcome, fault: Option<Fault>) -> Saved {
        let instance = outcome.swarm.instance(fault);
        let (updates, breach) = (outcome.swarm.updates(), outcome.breach.as_ref());
        Saved::new(&instance, subject.graph.to_flow(), subject.catalogue.clone(), updates, &outcome.choices, breach)
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T, Diagnostics>) -> Diagnostic {
        result.expect_err("refused").0.remove(0)
    }

    #[test]
    fn a_saved_run_is_read_back_and_fails_again() {
        let (subject, failure) = failing();
        let saved = saved(&subject, &failure, None);
        let read = Saved::parse("run.json", &saved.to_json()).expect("readable");
        assert_eq!(read, saved);
        let (instance, choices, breach) = read.replay().expect("fits");
        assert_eq!((choices, breach), (failure.choices, failure.breach));
        assert_eq!(instance.updates, failure.swarm.instance(None).updates);
    }

    #[test]
    fn seeds_of_every_kind_are_saved_and_replayed() {
        for (subject, fault) in [
            (example::http(Scheduler::Epoch), None),
            (example::diamond(Scheduler::Epoch), None),
            (example::http(Scheduler::Direct), None),
            (example::http(None), None),
            (example::http(Scheduler::Epoch), Fault::named("apply-mid-firing")),
        ] {
            for seed in 0..20 {
                let outcome = simulate(&subject, seed, &Options { fault, ..Options::default() });
                let (_, choices, breach) = saved(&subject, &outcome, fault).replay().expect("fits");
                assert_eq!((choices, breach), (outcome.choices, outcome.breach), "seed {seed}");
            }
        }
    }

    #[test]
    fn a_step_that_is_not_open_is_refused_with_what_is() {
        let (subject, failure) = failing();
        let mut saved = saved(&subject, &failure, None);
        saved
            .run
            .insert(0, Line { at: "load".into(), kind: "fire".into(), port: Some("IN".into()), ..Line::default() });
        let refusal = refusal(saved.replay());
        assert_eq!(refusal.code, Code::X01);
        assert!(refusal.message.starts_with("step 1 of the saved run, `fire` at `load`, is not open"), "{refusal}");
        assert!(refusal.expected.contains("accept wake emitting OUT"), "{refusal}");
    }

    #[test]
    fn a_step_that_leads_elsewhere_is_refused() {
        let (subject, failure) = failing();
        let mut saved = saved(&subject, &failure, None);
        let fired = saved.run.iter_mut().find(|line| !line.of.is_empty()).expect("something was taken");
        fired.of = vec!["accept#5".into()];
        let refusal = refusal(saved.replay());
        assert_eq!(refusal.code, Code::X01);
        assert!(refusal.message.contains("leads elsewhere") && refusal.expected.contains("accept#5"), "{refusal}");
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        let (subject, failure) = failing();
        let text = saved(&subject, &failure, None).to_json();
        let cut = refusal(Saved::parse("run.json", &text[..100]));
        assert_eq!((cut.code, cut.found.as_str()), (Code::T01, "the end of the file"));
        assert!(cut.places[0].span.start >= 99, "{:?}", cut.places);
        let other = refusal(Saved::parse("run.json", &text.replace("\"schema_version\": 3", "\"schema_version\": 9")));
        assert_eq!(other.found, "`run` with schema_version 9");
        let earlier = text.replace("\"schema_version\": 3", "\"schema_version\": 2").replace("schedulers", "scheduler");
        let earlier = refusal(Saved::parse("run.json", &earlier));
        assert_eq!((earlier.code, earlier.found.as_str()), (Code::T01, "`run` with schema_version 2"));
        assert_eq!(refusal(Saved::parse("run.json", "{}")).found, "something that does not say what it is");
        let mut short = saved(&subject, &failure, None);
        short.schedulers.clear();
        assert_eq!(refusal(short.replay()).code, Code::T01);
        let mut unknown = saved(&subject, &failure, None);
        unknown.fault = Some("gremlins".into());
        assert_eq!(refusal(unknown.replay()).code, Code::T01);
    }

    #[test]
    fn a_trace_of_a_run_is_a_trace_whose_lines_are_its_choices() {
        let subject = example::http(Scheduler::Epoch).with_updates(&[example::nio()]).expect("planned");
        let outcome = simulate(&subject, 3, &Options::default());
        let instance = outcome.swarm.instance(None);
        let flow = subject.graph.to_flow();
        let text = to_trace(&instance, flow, subject.catalogue.clone(), outcome.swarm.updates(), &outcome.choices);
        let trace = Trace::parse("trace", &text).expect("readable");
        let read: Vec<Option<Choice>> =
            trace.lines.iter().map(|(line, _)| line.choice(&instance.program).expect("a choice")).collect();
        let (stops, choices): (Vec<_>, Vec<_>) = read.into_iter().partition(Option::is_none);
        assert_eq!(choices.into_iter().flatten().collect::<Vec<_>>(), outcome.choices);
        let answers = trace.lines.iter().filter(|(line, _)| line.kind == "answer").count();
        assert_eq!(answers, 1);
        assert_eq!(stops.len(), instance.program.operators().len() + 1 + answers, "the entrance stops too");
        let steps: u64 = trace.lines.iter().filter_map(|(line, _)| line.steps).sum();
        assert_eq!(steps, outcome.counts.steps);
        let submitted: Vec<&Update> = trace.lines.iter().filter_map(|(line, _)| line.change.as_ref()).collect();
        assert_eq!(submitted, [&example::nio()]);
    }
}
