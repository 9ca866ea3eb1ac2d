//! What a check says: what was checked, within which bounds, how much was seen, and the verdict.

use super::Subject;
use crate::cli::planned::Planned;
use crate::cli::{Exit, SCHEMA_VERSION, words};
use neurath_model::diagnostic::Diagnostic;
use neurath_model::plan::Scheduler;
use neurath_model::update::Update;
use neurath_sim::check::{Checked, Search};
use neurath_sim::explore::{Exploration, Verdict};
use neurath_sim::instance::Bounds;
use neurath_sim::ledger::PROPERTIES;
use neurath_sim::narrate::{narrate_as_judged, narrate_round};
use neurath_sim::properties::About;
use neurath_sim::properties::named::{NAMED, named};
use neurath_sim::schedule::lines;
use serde_json::{Value, json};

type Explored = Exploration<neurath_model::choice::Choice>;

/// What to answer to the shell.
pub(super) fn exit(checked: &Checked, findings: &[Diagnostic]) -> Exit {
    match (&checked.exploration.verdict, findings) {
        (Verdict::Breached { .. }, _) | (_, [_, ..]) => Exit::Negative,
        (Verdict::Holds, []) => Exit::Done,
        (Verdict::Undecided { .. }, []) => Exit::Undecided,
    }
}

/// The report for people.
pub(super) fn text(subject: &Subject, checked: &Checked) -> String {
    let exploration = &checked.exploration;
    let mut text = String::new();
    let mut line = |name: &str, value: String| words::field(&mut text, name, &value);
    line("flow", flow(subject));
    for planned in &subject.planned {
        line("update", update(subject, planned));
    }
    if let Some(planned) = subject.planned.first() {
        let scheduler = planned.plan.scheduler;
        line("scheduler", format!("{scheduler}. {}", scheduler.promise()));
    }
    if let Some(fault) = subject.instance.fault {
        line("fault", format!("{fault}, put in on purpose"));
    }
    line("properties", properties(subject));
    line("bounds", bounds(subject.instance.bounds));
    line("search", search(checked));
    line("states", states(exploration));
    if checked.goes_round {
        line("liveness", liveness(exploration));
    }
    line("choices", choices(exploration));
    // A search that a breach cut short has not seen what it might have.
    if !matches!(exploration.verdict, Verdict::Breached { .. }) {
        for (kind, why) in never_taken(subject, exploration) {
            line("", format!("{kind} never taken: {why}"));
        }
        for about in untested(subject, exploration) {
            line("untested", format!("{} ({}): it never happened that {}", about.code, about.name, about.witness));
        }
    }
    line("hashing", hashing(exploration));
    line("time", format!("{:.3} s", exploration.elapsed.as_secs_f64()));
    text.push('\n');
    text.push_str(&verdict(subject, checked));
    text
}

fn flow(subject: &Subject) -> String {
    let graph = &subject.graph;
    let name = graph.name().map(|name| format!(" ({name})")).unwrap_or_default();
    let feedback = graph.arcs().filter(|(_, arc)| arc.feedback).count();
    let arcs = match feedback {
        0 => words::count(graph.arcs().count(), "arc"),
        feedback => format!("{}, {feedback} of them feedback", words::count(graph.arcs().count(), "arc")),
    };
    format!("{}{name}: {}, {arcs}", subject.flow, words::count(graph.len(), "operator"))
}

fn update(subject: &Subject, planned: &Planned) -> String {
    let plan = &planned.plan;
    let names: Vec<&str> = plan.actions.keys().map(|id| subject.graph.operator(*id).name.as_str()).collect();
    format!("{} ({}): changes {}; asks for {}", planned.source, plan.update, words::list(&names), plan.guarantee)
}

fn properties(subject: &Subject) -> String {
    let built_in = subject.properties.len() - subject.instance.clients.len();
    let (built_in, stated) = subject.properties.split_at(built_in);
    let built_in_text = match built_in.iter().eq(PROPERTIES.iter().map(|about| &about.code)) {
        true => format!("all {}: {}", PROPERTIES.len(), built_in.join(" ")),
        false => format!("only {}", words::list(built_in)),
    };
    let sentence = |text: String| text.trim_end_matches('.').to_owned();
    let sentences = subject.instance.clients.iter().map(|client| sentence(client.predicate.sentence()));
    let stated = stated.iter().zip(sentences).map(|(name, sentence)| format!("; `{name}`: {sentence}"));
    built_in_text + &stated.collect::<String>()
}

fn bounds(bounds: Bounds) -> String {
    let Bounds { packets, capacity, ends, hangups } = bounds;
    format!(
        "each source begins at most {}; an arc holds {}, markers not counted, and a feedback arc any number; \
         the flow {}; {}",
        words::count(packets as usize, "lineage"),
        words::count(capacity, "packet"),
        if ends { "may be ended at any moment" } else { "is not ended" },
        if hangups { "clients may hang up" } else { "no client hangs up" },
    )
}

fn search(checked: &Checked) -> String {
    let text = match checked.search {
        Search::Reduced => {
            "reduced: of steps that commute, one order is looked at; every run ends as one of these does"
        }
        Search::Full if checked.goes_round => {
            "full: every interleaving, for something may go round for ever; states that differ only in how often are one"
        }
        Search::Full => "full: every interleaving",
    };
    text.into()
}

/// Of a flow in which something may go round for ever.
fn liveness(exploration: &Explored) -> String {
    match (&exploration.verdict, exploration.rounds) {
        (Verdict::Breached { round: Some(_), .. }, _) => "a fair round owes something for ever".into(),
        (_, None) => "rounds are looked at when all states are known; it did not come to that".into(),
        (_, Some(0)) => "no run goes round for ever within these bounds".into(),
        (_, Some(rounds)) => {
            let rounds = words::count(rounds as usize, "set");
            format!(
                "runs go round for ever: {rounds} of states that lead to each other looked at, and no fair round in them owes anything for ever"
            )
        }
    }
}

fn states(exploration: &Explored) -> String {
    let Explored { generated, distinct, depth, ended, .. } = exploration;
    format!("{generated} generated, {distinct} distinct, depth {depth}; in {ended} nothing more can happen")
}

fn choices(exploration: &Explored) -> String {
    let taken = exploration.coverage.iter().filter(|(_, count)| *count > 0);
    taken.map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}

fn hashing(exploration: &Explored) -> String {
    format!(
        "two states were taken for one with probability below {:.1e}, as fingerprints have {} bits",
        exploration.collision_bound, exploration.fingerprint_bits
    )
}

/// The kinds of choice that were never taken, each with the reason if there is one.
fn never_taken<'a>(
    subject: &'a Subject,
    exploration: &'a Explored,
) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    exploration.never_taken().map(|kind| (kind, why_never(subject, kind)))
}

fn why_never(subject: &Subject, kind: &str) -> &'static str {
    let scheduler = subject.planned.first().map(|p| p.plan.scheduler);
    let joins = subject.instance.program.operators().any(|(_, o)| is_join(o));
    match (kind, scheduler) {
        ("submit" | "mark" | "deliver", None) => "no update was given",
        ("deliver", Some(Scheduler::Epoch)) => "updates travel by markers",
        ("mark", Some(Scheduler::Direct)) => "updates travel by messages",
        ("end" | "ended", _) if !subject.instance.bounds.ends => "the flow is not ended (see --ends)",
        ("join", _) if !joins => "no operator takes a packet from every input",
        ("wake", _) if subject.instance.bounds.packets == 0 => "no source begins a lineage",
        _ => "no run led there",
    }
}

fn is_join(operator: &neurath_model::program::ProgramOperator) -> bool {
    operator.interface.firing == neurath_model::component::Firing::All
}

/// The properties asked for whose witness never held.
fn untested<'a>(subject: &'a Subject, exploration: &'a Explored) -> impl Iterator<Item = &'static About> + 'a {
    let met = exploration.witnesses.iter().map(|(_, held)| *held);
    let unmet = all_properties().zip(met).filter(|(_, held)| !held);
    unmet.map(|(about, _)| about).filter(|about| subject.properties.contains(&about.code))
}

fn verdict(subject: &Subject, checked: &Checked) -> String {
    let codes = codes_found(subject);
    match &checked.exploration.verdict {
        Verdict::Holds if codes.is_empty() => "holds within these bounds\n".into(),
        Verdict::Holds => format!("REFUSED: {}; no run within these bounds shows it\n", words::list(&codes)),
        Verdict::Undecided { why } if codes.is_empty() => format!("undecided: {why}\n"),
        Verdict::Undecided { why } => format!("REFUSED: {}; and undecided: {why}\n", words::list(&codes)),
        Verdict::Breached { breach, run, round, .. } => {
            let name = name(breach.property);
            let as_well = match codes.as_slice() {
                [] => String::new(),
                codes => format!("; {} forbid it as well", words::list(codes)),
            };
            let a_run = a_run(run.len(), *round, checked.is_shortest);
            let story = match round {
                Some(round) => narrate_round(&subject.instance, run, *round, breach),
                None => narrate_as_judged(&subject.instance, run, |code| subject.properties.contains(&code)),
            };
            format!("REFUSED: {}{name} is broken by {a_run}{as_well}\n\n{story}\n", breach.property)
        }
    }
}

fn a_run(steps: usize, round: Option<usize>, is_shortest: bool) -> String {
    match (round, is_shortest) {
        (Some(round), _) => {
            let again = words::count(steps - round, "step");
            format!("a run that goes round for ever: {}, then {again} again and again", words::count(round, "step"))
        }
        (None, true) => format!("a shortest run, of {}", words::count(steps, "step")),
        (None, false) => format!("a run that may not be a shortest, of {}", words::count(steps, "step")),
    }
}

fn codes_found(subject: &Subject) -> Vec<&'static str> {
    let mut codes: Vec<&str> = subject.planned.iter().flat_map(|p| &p.findings).map(|d| d.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// Those that are judged by default, and those that have to be asked for, in the order of witnesses.
fn all_properties() -> impl Iterator<Item = &'static About> {
    PROPERTIES.iter().chain(NAMED.iter().map(|named| &named.about))
}

/// What is said of a built-in property.
fn about(code: &str) -> Option<&'static About> {
    all_properties().find(|about| about.code == code)
}

/// The name of a built-in property, behind its code; what a user states has only a name.
fn name(code: &str) -> String {
    about(code).map(|about| format!(" ({})", about.name)).unwrap_or_default()
}

/// The report for programs.
pub(super) fn json(subject: &Subject, checked: &Checked, exit: Exit) -> Value {
    let exploration = &checked.exploration;
    let never_taken: Vec<&str> = exploration.never_taken().collect();
    let coverage: serde_json::Map<String, Value> =
        exploration.coverage.iter().map(|(kind, count)| ((*kind).to_owned(), json!(count))).collect();
    let is_told = |about: &&About| named(about.code).is_none() || subject.properties.contains(&about.code);
    let witnesses = all_properties().zip(&exploration.witnesses).filter(|(about, _)| is_told(about));
    let scheduler = subject.planned.first().map(|p| p.plan.scheduler);
    let Bounds { packets, capacity, ends, hangups } = subject.instance.bounds;
    json!({
        "schema_version": SCHEMA_VERSION,
        "flow": {
            "source": subject.flow,
            "name": subject.graph.name(),
            "operators": subject.graph.len(),
            "arcs": subject.graph.arcs().count(),
        },
        "updates": subject.planned.iter().map(|p| update_json(subject, p)).collect::<Vec<_>>(),
        "scheduler": scheduler,
        "promise": scheduler.map(Scheduler::promise),
        "fault": subject.instance.fault.map(|fault| fault.to_string()),
        "properties": subject.properties,
        "bounds": { "packets": packets, "capacity": capacity, "ends": ends, "hangups": hangups },
        "search": checked.search.to_string(),
        "states": {
            "generated": exploration.generated,
            "distinct": exploration.distinct,
            "depth": exploration.depth,
            "ended": exploration.ended,
        },
        "goes_round": checked.goes_round,
        "rounds": exploration.rounds,
        "choices": coverage,
        "never_taken": never_taken,
        "witnesses": witnesses
            .map(|(about, (witness, met))| json!({ "property": about.code, "witness": witness, "met": met }))
            .collect::<Vec<_>>(),
        "collision_bound": exploration.collision_bound,
        "fingerprint_bits": exploration.fingerprint_bits,
        "seconds": exploration.elapsed.as_secs_f64(),
        "verdict": match exit {
            Exit::Done => "holds",
            Exit::Negative => "refused",
            Exit::Undecided | Exit::Unreachable => "undecided",
        },
        "breach": breach_json(subject, checked),
        "undecided": match &exploration.verdict {
            Verdict::Undecided { why } => json!(why.to_string()),
            Verdict::Holds | Verdict::Breached { .. } => Value::Null,
        },
    })
}

fn update_json(subject: &Subject, planned: &Planned) -> Value {
    let plan = &planned.plan;
    let names: Vec<&str> = plan.actions.keys().map(|id| subject.graph.operator(*id).name.as_str()).collect();
    json!({
        "source": planned.source,
        "name": plan.update,
        "guarantee": plan.guarantee,
        "changes": names,
        "findings": planned.findings,
    })
}

fn breach_json(subject: &Subject, checked: &Checked) -> Value {
    let updates: Vec<Update> = subject.planned.iter().map(|p| p.update.clone()).collect();
    match &checked.exploration.verdict {
        Verdict::Breached { breach, run, round, .. } => json!({
            "shortest": checked.is_shortest,
            "property": breach.property,
            "name": about(breach.property).map(|about| about.name),
            "story": breach.story,
            "round": round,
            "run": lines(&subject.instance, &updates, run),
        }),
        Verdict::Holds | Verdict::Undecided { .. } => Value::Null,
    }
}
