//! The ready-made flows, as texts.
//!
//! All but the HTTP server use one [`library`] of components, which all have versions 1 to 4 so that anything in a flow
//! can be updated more than once. Packets have one type: what may meet what is the planner's subject, not the checker's.

use super::Scenario;
use neurath_model::component::Catalogue;
use neurath_model::spec::components;
use std::fmt::Write;

/// How many versions each component of the [`library`] has.
const VERSIONS: u32 = 4;

/// Each component: its name, and the rest of its declaration.
const COMPONENTS: &[(&str, &str)] = &[
    ("source", "outputs = { OUT = 't' }\nfiring = 'none'\nemission = 'each'\nwake = 'source'"),
    ("step", "inputs = { IN = 't' }\noutputs = { OUT = 't' }\nemission = 'each'"),
    ("count", "inputs = { IN = 't' }\noutputs = { OUT = 't' }\nemission = 'each'\nstate = 'Count'"),
    ("filter", "inputs = { IN = 't' }\noutputs = { OUT = 't' }\nemission = 'filter'"),
    ("fork", "inputs = { IN = 't' }\noutputs = { A = 't', B = 't' }\nemission = 'each'"),
    ("route", "inputs = { IN = 't' }\noutputs = { A = 't', B = 't' }\nemission = 'route'"),
    ("merge", "inputs = { A = 't', B = 't' }\noutputs = { OUT = 't' }\nfiring = 'any'\nemission = 'each'"),
    ("join", "inputs = { A = 't', B = 't' }\noutputs = { OUT = 't' }\nfiring = 'all'\nemission = 'each'"),
    ("buffer", "inputs = { IN = 't' }\noutputs = { OUT = 't' }\nemission = 'buffer'\nwake = 'resume'\nstate = 'Held'"),
    ("sink", "inputs = { IN = 't' }\nemission = 'each'"),
];

/// What every component of the library may be set to.
const LEVEL: &str = "properties = { LEVEL = { kind = 'integer', default = 0 } }";

const TRANSFERS: &str = "
[[transfer]]
name = 'recount'
from = 'Count'
to = 'Count'
";

/// The components of the ready-made flows: `source`, `step`, `count` (a step that remembers), `filter`, `fork`, `route`,
/// `merge` (any input), `join` (all inputs), `buffer` and `sink`, each in versions 1 to 4 and with a property `LEVEL`, and the
/// transfer `recount` for `count`.
pub fn library() -> String {
    let mut text = String::new();
    for (name, rest) in COMPONENTS {
        for version in 1..=VERSIONS {
            let head = format!("[[component]]\nname = '{name}'\nversion = '{version}'");
            writeln!(text, "{head}\n{rest}\n{LEVEL}\n").expect("a string takes any text");
        }
    }
    text + TRANSFERS
}

/// What the [`library`] lacks: a loop, packets of another type, and one-to-one operators for any type.
pub(crate) const MORE: &str = "
[[component]]
name = 'read'
inputs = { IN = 't', BACK = { type = 't', feedback = true } }
outputs = { OUT = 't' }
firing = 'any'
emission = 'buffer'
wake = 'source'
state = 'Idle'

[[component]]
name = 'turn'
inputs = { IN = 't' }
outputs = { OUT = 'u' }
emission = 'each'

[[component]]
name = 'turn'
version = '2'
inputs = { IN = 't' }
outputs = { OUT = 't' }
emission = 'each'

[[component]]
name = 'turn-back'
inputs = { IN = 'u | t' }
outputs = { OUT = 't' }
emission = 'each'

[[component]]
name = 'pass'
inputs = { IN = '$x' }
outputs = { OUT = '$x' }
emission = 'each'

[[component]]
name = 'hold'
inputs = { IN = '$x' }
outputs = { OUT = '$x' }
emission = 'buffer'
wake = 'resume'
state = 'Held'

[[component]]
name = 'several'
inputs = { IN = 't' }
outputs = { OUT = 't' }
emission = 'many'
";

/// The declarations of components of every shape there is, of which flows can be [grown](crate::generate::grow()): the [`library`],
/// a source that takes back what went round a loop, components that change the type of packets or take any, and some that emit
/// several for one.
pub fn shapes() -> Catalogue {
    components::parse("shapes", &(library() + MORE)).expect("the declarations are readable").0
}

/// The text of an update that gives operators other components and keeps their states.
pub fn replacing(name: &str, changes: &[(&str, &str)]) -> String {
    let mut text = format!("[update]\nname = '{name}'\n");
    for (operator, component) in changes {
        write!(text, "[operator.{operator}]\ncomponent = '{component}'\nstate = 'keep'\n")
            .expect("a string takes any text");
    }
    text
}

fn ready(flow: &str, components: &str) -> Scenario {
    Scenario::read(flow, components).unwrap_or_else(|wrong| panic!("the ready-made flows are valid: {wrong}"))
}

/// `source`, then one-to-one operators `x1` to `xk`, then `sink`.
pub fn chain(k: usize) -> Scenario {
    let steps: String = (1..=k).map(|i| format!("IN x{i}(step) OUT -> ")).collect();
    ready(&format!("source(source) OUT -> {steps}IN sink(sink)"), &library())
}

fn split_and_rejoined(split: &str, rejoined: &str) -> Scenario {
    let flow = format!(
        "source(source) OUT -> IN split({split}) A -> IN a(step) OUT -> A rejoin({rejoined}) OUT -> IN sink(sink)\n\
         split B -> IN b(step) OUT -> B rejoin"
    );
    ready(&flow, &library())
}

/// `source`, a fork `split` to `a` and `b`, a merge `rejoin` of any input, `sink`: each packet arrives twice.
pub fn diamond() -> Scenario {
    split_and_rejoined("fork", "merge")
}

/// The same, but `rejoin` takes one packet from both branches together.
pub fn balanced() -> Scenario {
    split_and_rejoined("fork", "join")
}

/// The same, but `split` sends each packet one way or the other, and `rejoin` takes any.
pub fn routed() -> Scenario {
    split_and_rejoined("route", "merge")
}

/// `source`, a filter `x`, `sink`.
pub fn filtered() -> Scenario {
    ready("source(source) OUT -> IN x(filter) OUT -> IN sink(sink)", &library())
}

/// `source`, an operator `x` that holds packets and lets them go in any order, `sink`.
pub fn buffered() -> Scenario {
    ready("source(source) OUT -> IN x(buffer) OUT -> IN sink(sink)", &library())
}

/// Two sources `left` and `right` into a merge `x` of any input, `sink`.
pub fn two_sources() -> Scenario {
    ready("left(source) OUT -> A x(merge) OUT -> IN sink(sink)\nright(source) OUT -> B x", &library())
}

/// Figure 5.12 on [`chain`]`(3)`: the part `x2` goes.
pub const CHAIN_DELETED: &str = "source(source) OUT -> IN x1(step) OUT -> IN x3(step) OUT -> IN sink(sink)";

/// A part `y1`, `y2` comes between `x1` and `x2` of [`chain`]`(3)`.
pub const CHAIN_INSERTED: &str = "source(source) OUT -> IN x1(step) OUT -> IN y1(step) OUT -> IN y2(step) OUT -> IN x2(step) OUT -> IN x3(step) OUT -> IN sink(sink)";

/// A part `y1`, `y2` takes the place of `x2` in [`chain`]`(3)`.
pub const CHAIN_REPLACED: &str =
    "source(source) OUT -> IN x1(step) OUT -> IN y1(step) OUT -> IN y2(step) OUT -> IN x3(step) OUT -> IN sink(sink)";

/// A part with two ways in and two ways out: `split` (a router) leads to `a` and `b`, these cross over in `p` and `q`, which
/// lead to `rejoin`. The text of what is between `split` and `rejoin` is given by `part`.
pub fn two_in_two_out(part: &str) -> String {
    format!("source(source) OUT -> IN split(route)\nrejoin(merge) OUT -> IN sink(sink)\n{part}")
}

/// Two controllers' operators `h1`, `h2` lead to `x` and `y`, which lead to `j` (protocol rule 11).
pub fn contended() -> Scenario {
    ready(
        "s1(source) OUT -> IN h1(route)\ns2(source) OUT -> IN h2(route)\n\
         h1 A -> A x(merge)\nh1 B -> A y(merge)\nh2 A -> B x\nh2 B -> B y\n\
         x OUT -> A j(merge)\ny OUT -> B j\nj OUT -> IN sink(sink)",
        &library(),
    )
}

/// The HTTP server of the paper: `accept`, `read`, `parse`, `load`, `compose`, `reply`, and the feedback arc from `reply` to
/// `read`.
pub fn http() -> Scenario {
    ready(HTTP, HTTP_COMPONENTS)
}

/// The update of the HTTP server to non-blocking I/O.
pub const NIO: &str = "
[update]
name = 'nio'
[operator.load]
component = 'http/load@nio'
state = 'keep'
[operator.reply]
component = 'http/reply@nio'
state = { transfer = 'reply-to-nio' }
";

/// The update back from [`NIO`].
pub const BLOCKING: &str = "
[update]
name = 'blocking'
[operator.load]
component = 'http/load@1'
state = 'keep'
[operator.reply]
component = 'http/reply@1'
state = { transfer = 'reply-to-blocking' }
";

/// The HTTP server with an operator `tally` on the way back from `reply` to `read`.
pub const HTTP_TALLIED: &str =
    "accept(http/accept) OUT -> CONN read(http/read) OUT -> IN parse(http/parse) OUT -> IN load(http/load)
load OUT -> IN compose(http/compose) OUT -> IN reply(http/reply) BACK -> IN tally(http/tally) OUT -> BACK read";

/// The HTTP server as it is at first.
pub const HTTP: &str =
    "accept(http/accept) OUT -> CONN read(http/read) OUT -> IN parse(http/parse) OUT -> IN load(http/load)
load OUT -> IN compose(http/compose) OUT -> IN reply(http/reply) BACK -> BACK read";

/// Properties are left out: no choice depends on them.
const HTTP_COMPONENTS: &str = "
[[component]]
name = 'http/accept'
outputs = { OUT = 'http.Connection' }
firing = 'none'
emission = 'each'
wake = 'source'
state = 'http.Listener'

[[component]]
name = 'http/read'
inputs = { CONN = 'http.Connection', BACK = { type = 'http.Connection', feedback = true } }
outputs = { OUT = 'http.Exchange' }
firing = 'any'
emission = 'buffer'
wake = 'source'
state = 'http.Idle'

[[component]]
name = 'http/parse'
inputs = { IN = 'http.Exchange' }
outputs = { OUT = 'http.Request' }
emission = 'each'

[[component]]
name = 'http/load'
inputs = { IN = 'http.Request' }
outputs = { OUT = 'http.Loaded(bytes)' }
emission = 'each'

[[component]]
name = 'http/load'
version = 'nio'
inputs = { IN = 'http.Request' }
outputs = { OUT = 'http.Loaded(file)' }
emission = 'each'

[[component]]
name = 'http/compose'
inputs = { IN = 'http.Loaded($body)' }
outputs = { OUT = 'http.Response($body)' }
emission = 'each'

[[component]]
name = 'http/reply'
inputs = { IN = 'http.Response(bytes)' }
outputs = { BACK = 'http.Connection' }
emission = 'buffer'
wake = 'resume'
state = 'http.ReplyBlocking'

[[component]]
name = 'http/reply'
version = 'nio'
inputs = { IN = 'http.Response(file)' }
outputs = { BACK = 'http.Connection' }
emission = 'buffer'
wake = 'resume'
state = 'http.ReplyNio'

[[component]]
name = 'http/tally'
inputs = { IN = 'http.Connection' }
outputs = { OUT = 'http.Connection' }
emission = 'each'

[[transfer]]
name = 'reply-to-nio'
from = 'http.ReplyBlocking'
to = 'http.ReplyNio'

[[transfer]]
name = 'reply-to-blocking'
from = 'http.ReplyNio'
to = 'http.ReplyBlocking'
";
