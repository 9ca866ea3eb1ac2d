//! Transcripts: commands with their exit status and every line they print. Times and temporary folders are masked.
//!
//! The commands are run in this process, through the entry that the binary has. Regenerate with `INSTA_UPDATE=always`, and
//! read what changed: it is what a person will see.

use crate::written::Written;
use neurath_runtime::cli::run_with;

const FLOW: &str = "../runtime/flows/http/flow.fbp";
const NIO: &str = "../runtime/flows/http/nio.toml";
const BLOCKING: &str = "../runtime/flows/http/blocking.toml";
const DIAMOND: &str = "all/transcripts/diamond.fbp";
const COMPONENTS: &str = "--components=all/transcripts/components.toml";
const BOTH_BRANCHES: &str = "all/transcripts/both_branches.toml";

/// What a command did.
struct Ran {
    status: u8,
    out: String,
    err: String,
}

fn neurath(args: &[&str]) -> Ran {
    let (out, err) = (Written::default(), Written::default());
    let all = std::iter::once("neurath").chain(args.iter().copied());
    let status = run_with(all, out.writer(), err.writer());
    Ran { status, out: out.text(), err: err.text() }
}

/// The command, its exit status and all it printed.
fn transcript(args: &[&str]) -> String {
    let Ran { status, out, err } = neurath(args);
    let part = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!("--- {name}\n{text}") };
    masked(&format!("$ neurath {}\nexit {status}\n{}{}", args.join(" "), part("stderr", &err), part("stdout", &out)))
}

fn masked(text: &str) -> String {
    let line = |line: &str| match line.trim_start() {
        trimmed if trimmed.starts_with("time ") => "time       (masked)\n".to_owned(),
        trimmed if trimmed.starts_with("\"seconds\":") => "  \"seconds\": 0,\n".to_owned(),
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

fn bad(name: &str) -> String {
    format!("all/transcripts/{name}")
}

// --- check -----------------------------------------------------------------------------------------------------------

#[test]
fn the_switch_to_nio_is_proved() {
    insta::assert_snapshot!(transcript(&["check", FLOW, NIO]));
}

/// Properties of a user's own, one of which a cache does not keep: hits overtake misses.
#[test]
fn stated_properties_are_judged_saved_and_replayed() {
    const STATED: &str = "--properties=../runtime/flows/http/properties.toml";
    insta::assert_snapshot!("stated_properties_hold", transcript(&["check", FLOW, NIO, STATED]));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("saved.run").display().to_string();
    let (flow, update) = ("../runtime/flows/http/cached-nio.fbp", "../runtime/flows/http/cache-replaced.toml");
    let checked = neurath(&["check", flow, update, STATED, "--save", &file]);
    assert_eq!(checked.status, 1, "{}", checked.err);
    let broken =
        "answers come in order is broken by step 17: read#0 comes to reply after read#1, and was at parse before it";
    assert!(checked.out.contains(broken), "{}", checked.out);
    let replayed = neurath(&["replay", &file]);
    assert_eq!(replayed.status, 0, "{}", replayed.err);
    assert!(replayed.out.contains(broken), "{}", replayed.out);
}

#[test]
fn a_wrong_property_file_is_refused() {
    insta::assert_snapshot!(transcript(&["check", FLOW, NIO, "--properties=all/transcripts/bad_properties.toml"]));
}

/// A task may be tried again for ever. What its flow owes is judged along fair rounds; one that owes something is saved and replayed.
#[test]
fn a_flow_that_goes_round_for_ever_is_judged() {
    const COMPONENTS: &str = "--components=../docs/src/examples/retries-components.toml";
    const RETRIES: &str = "../docs/src/examples/retries.fbp";
    const CAREFUL: &str = "../docs/src/examples/retries.toml";
    let check = ["check", RETRIES, CAREFUL, COMPONENTS, "--packets=1"];
    insta::assert_snapshot!("rounds_owe_nothing", transcript(&check));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("saved.run").display().to_string();
    // Here no run ends, so that only a lasso can show it.
    const POLLING: &str = "../docs/src/examples/polling.fbp";
    let broken = ["check", POLLING, CAREFUL, COMPONENTS, "--packets=1", "--fault=silent-exit"];
    insta::assert_snapshot!("a_round_owes_an_answer", transcript(&broken));
    assert_eq!(neurath(&[&broken[..], &["--save", &file]].concat()).status, 1);
    let replayed = neurath(&["replay", &file]);
    assert_eq!(replayed.status, 0, "{}", replayed.err);
    assert!(replayed.out.contains("and from here round and round:\n"), "{}", replayed.out);
    assert!(replayed.out.contains("can be taken for ever: `careful` is never answered"), "{}", replayed.out);
}

/// A folder of checks, with what test reporters and annotators read.
#[test]
fn a_folder_is_checked() {
    let folder = tempfile::tempdir().expect("a folder");
    let [junit, sarif] = ["checks.xml", "checks.sarif"].map(|name| folder.path().join(name).display().to_string());
    let both = ["--junit", junit.as_str(), "--sarif", sarif.as_str()];
    let run = |checks: &str| neurath(&[&["check", checks], both.as_slice()].concat());
    let read = |path: &str| std::fs::read_to_string(path).expect("written");
    let seen = run("../runtime/flows/http");
    assert_eq!(seen.status, 0, "{}", seen.err);
    assert!(seen.out.ends_with("9 checks: 8 hold, 1 refused, 0 undecided; all as expected\n"), "{}", seen.out);
    assert!(read(&junit).contains("tests=\"9\" skipped=\"0\" failures=\"0\" errors=\"0\""), "{}", read(&junit));

    let unexpected = run("all/transcripts/checks");
    assert_eq!(unexpected.status, 1, "{}", unexpected.err);
    assert!(
        unexpected.out.contains("3 checks: 1 hold, 1 refused, 1 undecided; 2 not as expected"),
        "{}",
        unexpected.out
    );
    let xml = read(&junit);
    assert!(xml.contains("failures=\"1\" errors=\"1\"") && xml.contains("<failure message=\"refused: S4"), "{xml}");
    let log: serde_json::Value = serde_json::from_str(&read(&sarif)).expect("JSON");
    let results = log["runs"][0]["results"].as_array().expect("results");
    let rules: Vec<_> = results.iter().map(|result| result["ruleId"].as_str().expect("a rule")).collect();
    assert_eq!((log["version"].as_str(), rules), (Some("2.1.0"), vec!["undecided", "U07", "U07", "U11", "S4"]));
    assert_eq!(results[1]["locations"][0]["physicalLocation"]["region"]["startLine"], 9);
    assert!(results.iter().all(|result| result["message"]["text"].is_string() && result["level"].is_string()));

    let wrong = neurath(&["check", "all/transcripts"]);
    assert!(wrong.status == 1 && wrong.err.contains("checks.toml` cannot be read"), "{}", wrong.err);
}

/// The page and the log of a run that breaks a property; of one that does not, there is none.
#[test]
fn a_run_is_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let [page, log] = ["run.html", "run.log"].map(|name| folder.path().join(name));
    let [at_page, at_log] = [&page, &log].map(|path| path.display().to_string());
    let drawn = ["check", FLOW, NIO, "--scheduler", "direct", "--report", &at_page, "--shiviz", &at_log];
    assert_eq!(neurath(&drawn).status, 1);
    let read = |path| std::fs::read_to_string(path).expect("written");
    assert!(read(&page).contains("<b>S4 (serializability)</b> is broken by step 9"));
    assert_eq!(read(&log).lines().count(), 18);
    let nothing = neurath(&["check", FLOW, NIO, "--report", "/nowhere/run.html"]);
    assert!(nothing.status == 0 && nothing.err.contains("nothing is drawn"), "{}", nothing.err);
    let unwritable = neurath(&["check", FLOW, NIO, "--scheduler", "direct", "--report", "/nowhere/run.html"]);
    assert!(unwritable.status == 1 && unwritable.err.contains("/nowhere/run.html"), "{}", unwritable.err);
}

#[test]
fn direct_messages_are_refused_with_the_run_that_mixes_versions() {
    insta::assert_snapshot!(transcript(&["check", FLOW, NIO, "--scheduler", "direct"]));
}

#[test]
fn a_flow_alone_is_explored() {
    insta::assert_snapshot!(transcript(&["check", FLOW, "--packets", "1", "--ends", "--hangups"]));
}

#[test]
fn declared_components_and_a_join_are_explored() {
    insta::assert_snapshot!(transcript(&["check", DIAMOND, BOTH_BRANCHES, COMPONENTS]));
}

#[test]
fn two_updates_follow_each_other() {
    let Ran { status, out, .. } = neurath(&["check", FLOW, NIO, BLOCKING]);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("blocking.toml (blocking): changes load and reply"), "{out}");
    assert!(!out.contains("untested   S7"), "two updates at one operator put S7 to the test: {out}");
}

#[test]
fn a_budget_that_is_too_small_leaves_it_undecided() {
    insta::assert_snapshot!(transcript(&["check", FLOW, NIO, "--states", "100"]));
}

#[test]
fn no_time_leaves_it_undecided() {
    let Ran { status, out, .. } = neurath(&["check", FLOW, NIO, "--seconds", "0"]);
    assert_eq!(status, 3, "{out}");
    assert!(out.ends_with("undecided: 0 seconds were not enough\n"), "{out}");
}

#[test]
fn a_check_is_json_for_programs() {
    let args = ["check", FLOW, NIO, "--scheduler", "direct", "--format", "json"];
    insta::assert_snapshot!(transcript(&args));
    let value: serde_json::Value = serde_json::from_str(&neurath(&args).out).expect("one JSON value");
    assert_eq!(value["schema_version"], 1);
    assert_eq!(value["breach"]["run"].as_array().map(Vec::len), Some(9));
}

#[test]
fn a_property_alone_can_be_asked_for() {
    let Ran { status, out, .. } = neurath(&["check", FLOW, NIO, "--property", "s1", "--fault", "marker-at-head"]);
    assert_eq!(status, 0, "this fault does not break S1: {out}");
    let Ran { status, out, .. } =
        neurath(&["check", FLOW, NIO, "--property", "S1", "--property", "S6", "--fault", "lossy-arc"]);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("only S1 and S6") && out.contains("REFUSED: S1"), "{out}");
}

// --- what users get wrong --------------------------------------------------------------------------------------------

#[test]
fn a_bad_flow_is_refused() {
    insta::assert_snapshot!(transcript(&["check", &bad("bad.fbp")]));
}

#[test]
fn a_bad_flow_is_refused_in_json() {
    insta::assert_snapshot!(transcript(&["check", &bad("bad.fbp"), "--format", "json"]));
}

#[test]
fn a_truncated_flow_is_refused() {
    insta::assert_snapshot!(transcript(&["check", &bad("truncated.fbp")]));
}

#[test]
fn a_file_that_does_not_exist_is_refused() {
    insta::assert_snapshot!(transcript(&["check", "all/transcripts/none.fbp"]));
}

#[test]
fn an_update_of_an_unknown_operator_is_refused() {
    insta::assert_snapshot!(transcript(&["check", FLOW, &bad("unknown_operator.toml")]));
}

#[test]
fn an_update_that_breaks_types_is_refused() {
    insta::assert_snapshot!(transcript(&["check", FLOW, &bad("wrong_type.toml")]));
}

#[test]
fn an_update_that_forgets_the_state_is_refused() {
    insta::assert_snapshot!(transcript(&["check", FLOW, &bad("missing_state.toml")]));
}

#[test]
fn an_update_that_orphans_a_port_is_refused() {
    insta::assert_snapshot!(transcript(&["check", FLOW, &bad("orphaned_port.toml")]));
}

#[test]
fn usage_errors_name_the_choices() {
    let commands: [&[&str]; 14] = [
        &["chekc"],
        &["check"],
        &["check", FLOW, "--property", "S99"],
        &["check", FLOW, "--fault", "gremlin"],
        &["check", FLOW, "--scheduler", "Epoch"],
        &["check", FLOW, "--capacity", "0"],
        &["check", FLOW, "--seconds", "soon"],
        &["check", "../runtime/flows/http", "--packets", "3"],
        &["sim", FLOW, "--seeds", "5..5"],
        &["sim"],
        &["sim", FLOW, "--seeds", "17", "--drawn", "0badcafe"],
        &["sim", FLOW, "--seeds", "0..9", "--drawn", "0badcafe"],
        &["graph", FLOW, "--dot", "--svg"],
        &["convert", FLOW],
    ];
    insta::assert_snapshot!(commands.map(transcript).join("\n"));
}

// --- plan, graph, convert, explain -----------------------------------------------------------------------------------

#[test]
fn a_plan_is_explained() {
    insta::assert_snapshot!(transcript(&["plan", FLOW, NIO]));
}

#[test]
fn a_plan_is_json_for_programs() {
    insta::assert_snapshot!(transcript(&["plan", FLOW, NIO, "--format", "json"]));
}

#[test]
fn a_plan_that_promises_too_little_is_refused() {
    let Ran { status, err, out } = neurath(&["plan", FLOW, NIO, "--scheduler", "direct"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(err.contains("U07") && err.contains("U11"), "{err}");
}

#[test]
fn a_flow_is_listed_with_what_an_update_changes() {
    insta::assert_snapshot!(transcript(&["graph", FLOW, NIO]));
}

#[test]
fn branches_stand_in_layers() {
    insta::assert_snapshot!(transcript(&["graph", DIAMOND, COMPONENTS]));
}

#[test]
fn a_flow_is_drawn_by_other_programs() {
    let dot = transcript(&["graph", DIAMOND, BOTH_BRANCHES, COMPONENTS, "--dot"]);
    let mermaid = transcript(&["graph", FLOW, NIO, "--mermaid"]);
    insta::assert_snapshot!(format!("{dot}\n{mermaid}"));
}

#[test]
fn a_drawing_stands_by_itself() {
    insta::assert_snapshot!(transcript(&["graph", DIAMOND, BOTH_BRANCHES, COMPONENTS, "--svg"]));
}

#[test]
fn no_name_is_taken_for_markup() {
    let drawn = |shape| transcript(&["graph", &bad("odd_names.json"), COMPONENTS, shape]);
    let (svg, dot, mermaid) = (drawn("--svg"), drawn("--dot"), drawn("--mermaid"));
    assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;&quot;&amp;&#39;"), "{svg}");
    assert!(dot.contains(r#"[label="<script>\"&'"#), "{dot}");
    assert!(mermaid.contains(r##"(["#60;script#62;#34;#38;#39;"##), "{mermaid}");
}

#[test]
fn a_graph_is_json_for_programs() {
    let Ran { status, out, .. } = neurath(&["graph", FLOW, NIO, "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).expect("one JSON value");
    assert_eq!((status, &value["schema_version"]), (0, &1.into()));
    assert_eq!(value["graph"]["operators"][3]["change"]["component"], "http/load@nio");
    assert_eq!(value["graph"]["layers"].as_array().map(Vec::len), Some(6));
}

#[test]
fn a_flow_is_converted_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("flow.json").display().to_string();
    let there = neurath(&["convert", FLOW, &json]);
    assert_eq!((there.status, there.out.as_str()), (0, ""), "{}", there.err);
    let back = transcript(&["convert", &json, "-", "--to", "fbp"]);
    insta::assert_snapshot!(back.replace(&json, "(a temporary file)"));
}

#[test]
fn what_fbp_text_cannot_hold_is_refused() {
    insta::assert_snapshot!(transcript(&["convert", &bad("groups.json"), "--to", "fbp"]));
}

#[test]
fn codes_are_explained() {
    let all = ["F05", "s4", "f5", "F99"].map(|code| transcript(&["explain", code]));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn all_codes_are_listed() {
    let Ran { status, out, .. } = neurath(&["explain"]);
    assert_eq!(status, 0);
    for code in neurath_model::diagnostic::Code::ALL {
        assert!(out.contains(&format!("  {:<5}{}\n", code.as_str(), code.title())), "{code}");
    }
}

// --- sim, replay, trace ----------------------------------------------------------------------------------------------

#[test]
fn some_seeds_are_simulated() {
    insta::assert_snapshot!(transcript(&["sim", FLOW, "--seeds", "0..40"]));
}

#[test]
fn a_seed_is_told() {
    insta::assert_snapshot!(transcript(&["sim", FLOW, NIO, "--seeds", "7..8", "-v"]));
}

/// The fault stands in for an error of the protocol: it is found whatever the flow.
#[test]
fn a_failing_seed_of_a_grown_flow_is_shrunk_saved_and_replayed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json").display().to_string();
    let found = transcript(&["sim", "--grown", "--seeds", "0..20", "--fault", "lossy-arc", "--save", &file]);
    let again = transcript(&["replay", &file]);
    let blamed = transcript(&["bisect", &file]);
    insta::assert_snapshot!(format!("{found}\n{again}\n{blamed}").replace(&file, "(a temporary file)"));
}

#[test]
fn a_failing_seed_is_shrunk_saved_and_replayed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json").display().to_string();
    let found = transcript(&["sim", FLOW, NIO, "--seeds", "0..20", "--scheduler", "direct", "--save", &file]);
    let again = transcript(&["replay", &file]);
    let blamed = transcript(&["bisect", &file]);
    insta::assert_snapshot!(format!("{found}\n{again}\n{blamed}").replace(&file, "(a temporary file)"));
    let saved = std::fs::read_to_string(&file).expect("saved");
    std::fs::write(&file, saved.replace("\"property\": \"", "\"property\": \"S2 not ")).expect("written");
    let other = neurath(&["replay", &file]);
    assert_eq!(other.status, 1, "a run that breaks something else than its file says: {}", other.out);
}

#[test]
fn the_command_that_is_printed_repeats_the_failure() {
    let args = ["sim", FLOW, NIO, "--seeds", "0..20", "--fault", "lossy-arc", "--format", "json"];
    let first: serde_json::Value = serde_json::from_str(&neurath(&args).out).expect("JSON");
    let command = first["failure"]["command"].as_str().expect("a failure").to_owned();
    let words: Vec<&str> = command.split(' ').skip(1).chain(["--format", "json"]).collect();
    let Ran { status, out, .. } = neurath(&words);
    let again: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((status, &again["failure"]), (1, &first["failure"]));
}

#[test]
fn a_counterexample_is_saved_and_replayed_as_a_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json").display().to_string();
    let checked = neurath(&["check", FLOW, NIO, "--scheduler", "direct", "--save", &file]);
    assert_eq!(checked.status, 1);
    assert!(checked.err.contains(&format!("neurath replay {file}")), "{}", checked.err);
    let Ran { status, out, .. } = neurath(&["replay", &file, "--trace"]);
    assert_eq!(status, 0);
    assert_eq!(
        out.lines().count(),
        1 + 9 + 7,
        "a header, nine steps, and the ends of six operators and the entrance: {out}"
    );
}

#[test]
fn a_simulated_run_is_verified_and_an_altered_one_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.trace").display().to_string();
    assert_eq!(neurath(&["sim", FLOW, NIO, "--seeds", "5", "--trace", &file]).status, 0);
    let right = neurath(&["trace", "verify", &file]);
    assert_eq!(right.status, 0, "{}", right.err);
    assert!(right.out.contains("is a behaviour of the model"), "{}", right.out);
    let json = neurath(&["trace", "verify", &file, "--format", "json"]).out;
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(value["verified"]["updates"], 1);
    let text = std::fs::read_to_string(&file).expect("written");
    let without = text.lines().filter(|line| !line.contains("\"at\":\"parse\",\"do\":\"mark\""));
    std::fs::write(&file, without.collect::<Vec<_>>().join("\n")).expect("written");
    let wrong = neurath(&["trace", "verify", &file]);
    assert_eq!((wrong.status, wrong.out.as_str()), (1, ""));
    assert!(wrong.err.starts_with("T0"), "{}", wrong.err);
}
