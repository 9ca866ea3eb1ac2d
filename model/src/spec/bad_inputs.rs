//! What the readers say about bad texts: one snapshot per format, with the text, and every message as a user gets it.

use super::text::position;
use super::{components, fbp, fbp_json, update};
use crate::diagnostic::{Diagnostic, Diagnostics};
use std::fmt::Write as _;

type Read<T> = fn(&str, &str) -> Result<T, Diagnostics>;

/// Every case as its text and what is said about it.
fn said<T>(read: Read<T>, cases: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, text) in cases {
        let Err(Diagnostics(all)) = read("file", text) else { panic!("`{name}` is read without complaint") };
        writeln!(out, "== {name}").expect("a String takes any text");
        text.lines().for_each(|line| writeln!(out, "    | {line}").expect("a String takes any text"));
        all.iter().for_each(|diagnostic| out.push_str(&render(text, diagnostic)));
        out.push('\n');
    }
    out
}

fn render(text: &str, diagnostic: &Diagnostic) -> String {
    let Diagnostic { code, message, places, expected, found, hint } = diagnostic;
    assert!(!places.is_empty() && !expected.is_empty() && !found.is_empty() && !hint.is_empty(), "{diagnostic:?}");
    let mut out = format!("{code} {message}\n");
    for place in places {
        let there = &text[place.span.clone()];
        writeln!(out, "  at {} {there:?}: {}", position(text, place.span.start), place.label)
            .expect("a String takes any text");
    }
    out + &format!("  expected {expected}\n  found    {found}\n  hint     {hint}\n")
}

#[test]
fn fbp_text() {
    let cases = [
        ("truncated: quote", "a(A) OUT -> IN b(B)\n'/srv -> ROOT a\n"),
        ("truncated: parenthesis", "a(A) OUT -> IN b(http/lo"),
        ("truncated: arrow", "a(A) OUT ->"),
        ("truncated: JSON", "{\"a\": [1, 2"),
        ("truncated: export", "INPORT=a."),
        (
            "faults in several lines, each reported",
            "a(A) --> b(B)\nb OUT -> IN c(C)\nc OUT => IN d(D)\nd OUT -> IN e(E)\n",
        ),
        ("a quote that closes where another opens", "'one -> IN a(A)\nb(B)\n'two' -> IN b\n"),
        ("no blank before the arrow", "a(A) OUT -> IN b(B)\nb->a"),
        ("tabs", "a(A)\tOUT -> IN b(B)"),
        ("version with an @", "load(http/load@nio)"),
        ("a dot in metadata", "load(http/load:version=1.2)"),
        ("an update", "# Switches.\n\n[update]\nname = \"nio\"\n\n[operator.load]\nstate = \"keep\"\n"),
        ("components", "[[component]]\nname = \"a\"\n"),
        ("JSON that is no header", "[1, 2]\n"),
        ("old exports", "EXPORT=a.IN:X\na(A)"),
        ("JSON in single quotes", "{'a': 1} -> IN a(A)"),
        ("an index that is no number", "a(A) OUT[x] -> IN b(B)"),
        ("an index that is too large", "a(A) OUT[4294967296] -> IN b(B)"),
        ("no component anywhere", "a(A) OUT -> IN b\nOUTPORT=c.OUT:X\n"),
        ("an arrow is missing", "a(A) OUT -> IN b(B) OUT\n"),
        ("a chain whose middle is a source only", "a(A), b(B), c(C)\na OUT -> b OUT -> IN c\n"),
        ("a packet in the middle", "a(A) OUT -> 'x' -> IN b(B)"),
        ("two components of one name", "a(A) OUT -> IN b(B)\na(http/load) X -> Y b\n"),
        ("two versions of one name", "a(A:version=nio)\na(:x=1)\n"),
        ("one public name for two ports", "INPORT=a.IN:X\nINPORT=a.BACK:X\na(A)\n"),
        ("two names of the flow", "# @name one\n# @name two\na(A)\n"),
        ("metadata without value", "a(A:x=left,k=a=b)"),
        ("a sign that no rule knows", "a(A)\nb(B) & c(C)\n"),
    ];
    insta::assert_snapshot!(said(fbp::parse, &cases));
}

#[test]
fn fbp_json() {
    let cases = [
        ("truncated", "{\"processes\": {\"a\": "),
        ("not JSON", "{\"processes\": {\"a\": {component: \"A\"}}}"),
        ("comma after the last", "{\"connections\": [],}"),
        ("of another kind", "{\"processes\": [], \"connections\": {}, \"caseSensitive\": 1}"),
        ("a list", "[]"),
        ("misspelt key", "{\"proceses\": {\"a\": {\"component\": \"A\"}}}"),
        ("old exports", "{\"exports\": []}"),
        ("key given twice", "{\"processes\": {\n  \"a\": {\"component\": \"A\"},\n  \"a\": {\"component\": \"B\"}\n}}"),
        (
            "no target, no source",
            "{\"connections\": [{\"src\": {\"process\": \"a\", \"port\": \"OUT\"}}, {\"tgt\": {\"process\": \"a\"}}]}",
        ),
        (
            "arc and packet at once",
            "{\"connections\": [{\"data\": 1, \"src\": {\"process\": \"a\", \"port\": \"X\"}, \"tgt\": {\"process\": \"a\", \"port\": \"X\"}}]}",
        ),
        ("an index below 0", "{\"inports\": {\"X\": {\"process\": \"a\", \"port\": \"IN\", \"index\": -1}}}"),
        (
            "notes that a flow does not keep",
            "{\"inports\": {\"X\": {\"process\": \"a\", \"port\": \"IN\", \"metadata\": {\"x\": 1}}}}",
        ),
        (
            "a version that is a number",
            "{\"processes\": {\"a\": {\"component\": \"A\", \"metadata\": {\"version\": 2}}}}",
        ),
        ("a group without name", "{\"groups\": [{\"nodes\": [1]}]}"),
    ];
    insta::assert_snapshot!(said(fbp_json::parse, &cases));
}

#[test]
fn components() {
    let cases = [
        ("truncated", "[[component]]\nname = \"http/lo"),
        ("not TOML", "[[component]]\nname: \"a\"\n"),
        ("two faults of syntax", "[[component]]\nname =\nversion = nio\n"),
        ("key given twice", "[[component]]\nname = \"a\"\nname = \"b\"\n"),
        (
            "misspelt keys",
            "[[component]]\nname = \"a\"\nemision = \"each\"\nsumary = \"\"\ncolour = \"red\"\n\n[[transfers]]\n",
        ),
        (
            "missing keys",
            "[[component]]\ninputs = { A = \"x\", B = \"y\" }\noutputs = { OUT = \"x\" }\n[[transfer]]\nname = \"t\"\n",
        ),
        ("a source must say what it emits", "[[component]]\nname = \"a\"\nwake = \"source\"\n"),
        (
            "words that are not known",
            "[[component]]\nname = \"a\"\nfiring = \"every\"\nemission = \"rout\"\nwake = \"Source\"\n",
        ),
        (
            "wrong kinds",
            "[[component]]\nname = 3\nsummary = true\ninputs = [\"IN\"]\noutputs = { OUT = 1 }\nstate = 1979-05-27\nproperties = { A = \"text\" }\n",
        ),
        (
            "bad packet types",
            "[[component]]\nname = \"a\"\nemission = \"each\"\ninputs = { IN = \"http.Request(\" }\noutputs.OUT = { type = \"a b\", feedback = true }\n",
        ),
        ("a port without type", "[[component]]\nname = \"a\"\ninputs.IN = { feedback = \"yes\" }\n"),
        (
            "flags of ports",
            "[[component]]\nname = \"a\"\nemission = \"each\"\ninputs.IN = { type = \"a\", absorbs = 1 }\noutputs.OUT = { type = \"a\", absorbs = true }\n",
        ),
        (
            "defaults of another kind",
            "[[component]]\nname = \"a\"\n[component.properties]\nA = { kind = \"integer\", default = \"5\" }\nB = { kind = \"number\" }\nC = { default = 1 }\nD = { kind = \"integer\", default = -1 }\n",
        ),
        (
            "declared twice",
            "[[component]]\nname = \"a\"\n[[component]]\nname = \"a\"\nversion = \"1\"\n[[transfer]]\nname = \"t\"\nfrom = \"a\"\nto = \"b\"\n[[transfer]]\nname = \"t\"\nfrom = \"b\"\nto = \"a\"\n",
        ),
        ("a single table", "[component]\nname = \"a\"\n"),
    ];
    insta::assert_snapshot!(said(components::parse, &cases));
}

#[test]
fn update() {
    let cases = [
        ("empty", ""),
        ("truncated", "[update]\nname = \"u\"\n\n[operator.load"),
        ("no operator", "[update]\nname = \"u\"\n"),
        ("no header", "[operator.load]\nstate = \"keep\"\n"),
        (
            "state forgotten",
            "[update]\nname = \"u\"\n\n[operator.load]\ncomponent = \"http/load@nio\"\n\n[operator.reply]\ncomponent = \"http/reply@nio\"\n",
        ),
        (
            "states that are not known",
            "[update]\nname = \"u\"\n[operator.a]\nstate = \"kept\"\n[operator.b]\nstate = \"reply-to-nio\"\n[operator.c]\nstate = { transfr = \"t\" }\n[operator.d]\nstate = 1\n",
        ),
        (
            "misspelt keys",
            "[update]\nname = \"u\"\ngarantee = \"serializability\"\n[operator.a]\nstate = \"keep\"\ncomponnent = \"a@2\"\n[operators.b]\nstate = \"keep\"\n",
        ),
        (
            "unknown guarantee",
            "[update]\nname = \"u\"\nguarantee = \"cut consistency\"\n[operator.a]\nstate = \"keep\"\n",
        ),
        ("wrong kinds", "operator = []\n[update]\nname = 1\n"),
        ("a change that is no table", "[update]\nname = \"u\"\n[operator]\na = \"http/load@nio\"\n"),
        ("changed twice", "[update]\nname = \"u\"\n[operator.a]\nstate = \"keep\"\n[operator.a]\nstate = \"reset\"\n"),
        (
            "a property that is a date",
            "[update]\nname = \"u\"\n[operator.a]\nstate = \"keep\"\nproperties = { SINCE = 1979-05-27, X = nan }\n",
        ),
    ];
    insta::assert_snapshot!(said(update::parse, &cases));
}

#[test]
fn a_text_nested_without_end_is_refused() {
    let deep = "[".repeat(200_000);
    assert!(fbp::parse("file", &format!("{deep} -> IN a(A)")).is_err());
    assert!(fbp_json::parse("file", &format!("{{\"properties\": {{\"a\": {deep}")).is_err());
    assert!(fbp_json::parse("file", &format!("{{\"properties\": {{\"a\": {deep}{}}}}}", "]".repeat(200_000))).is_err());
    assert!(update::parse("file", &format!("a = {deep}{}", "]".repeat(200_000))).is_err());
    let deep_type = format!("{}x{}", "a(".repeat(200_000), ")".repeat(200_000));
    assert!(components::parse("file", &format!("[[component]]\nname = \"a\"\ninputs.IN = \"{deep_type}\"\n")).is_err());
}
