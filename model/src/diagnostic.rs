//! What is said about a bad input: a code, the places in the source, what was expected and found, and a hint.
//!
//! Every rule of the validator, the readers and the update check has a [`Code`]; `neurath explain CODE` prints its
//! text. A diagnostic is data: the command line renders it, `--format json` prints it, tests snapshot it.

use crate::flow::PortRef;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// A place in a named source text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file's name as the user gave it, or what the text is (`admin request`).
    pub source: String,
    /// The bytes concerned; an empty range marks a point.
    pub span: Range<usize>,
    /// What stands there, in a few words.
    pub label: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The rule that was broken.
    pub code: Code,
    /// What is wrong, in lower case, naming operators and ports.
    pub message: String,
    /// Where; empty when the value was not read from a text.
    pub places: Vec<Place>,
    /// What the rule asks for.
    pub expected: String,
    /// What is there instead.
    pub found: String,
    /// What to try.
    pub hint: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (expected {}, found {})", self.code, self.message, self.expected, self.found)
    }
}

/// What in a flow or update a span belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// The whole text.
    Whole,
    /// An operator, by name: where its component is given, or else where it is first named.
    Operator(String),
    /// The n-th arc.
    Arc(usize),
    /// The source end of the n-th arc.
    ArcFrom(usize),
    /// The target end of the n-th arc.
    ArcTo(usize),
    /// The n-th initial packet.
    Initial(usize),
    /// An exported port, by public name.
    Export(String),
    /// A component declaration, as `name@version`.
    Component(String),
    /// A transfer declaration, by name.
    Transfer(String),
    /// The name of an update.
    UpdateName,
    /// The change of an operator in an update.
    Change(String),
    /// The component given in a change.
    ChangeComponent(String),
    /// The state policy given in a change.
    ChangeState(String),
    /// The state policy for the way back given in a change.
    ChangeBack(String),
    /// A property given in a change: operator, property.
    ChangeProperty(String, String),
}

/// Where the things of one source text stand. A value made by hand has an empty map, and its diagnostics no places.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceMap {
    /// The file's name.
    pub source: String,
    spans: BTreeMap<Thing, Range<usize>>,
    /// Where the things of the flow stand that an update changes to: that is another file.
    flow: Option<Box<SourceMap>>,
}

impl SourceMap {
    /// An empty map for a text of that name.
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), spans: BTreeMap::new(), flow: None }
    }

    /// The same with the map of the flow that an update changes to.
    #[must_use]
    pub fn with_flow(mut self, flow: SourceMap) -> Self {
        self.flow = Some(Box::new(flow));
        self
    }

    /// The map of the flow that an update changes to; empty where there is none.
    pub fn flow(&self) -> SourceMap {
        self.flow.as_deref().cloned().unwrap_or_default()
    }

    /// Notes where a thing stands; the first note stays.
    pub fn note(&mut self, thing: Thing, span: Range<usize>) {
        self.spans.entry(thing).or_insert(span);
    }

    /// Notes where a thing stands, in place of an earlier note.
    pub fn replace(&mut self, thing: Thing, span: Range<usize>) {
        self.spans.insert(thing, span);
    }

    /// The place of a thing, labelled, if it is known.
    pub fn place(&self, thing: &Thing, label: impl Into<String>) -> Option<Place> {
        let span = self.spans.get(thing)?.clone();
        Some(Place { source: self.source.clone(), span, label: label.into() })
    }

    /// The place of the change of an operator: in the update, or else in the flow that it changes to.
    pub fn place_change(&self, operator: &str, label: &str) -> Option<Place> {
        let in_flow = || self.flow.as_ref()?.place(&Thing::Operator(operator.into()), label);
        self.place(&Thing::Change(operator.into()), label).or_else(in_flow)
    }
}

/// Says `operator.PORT` for messages.
pub fn port(operator: &str, port: &str) -> String {
    PortRef::new(operator, port).to_string()
}

/// The error a reader gives: everything that is wrong with the text, at least one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Diagnostics(pub Vec<Diagnostic>);

macro_rules! codes {
    ($($name:ident $text:literal $title:literal $explain:literal)*) => {
        /// The code of a rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as users see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The rule in one line.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// The rule, its reason and what to do, in a paragraph.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$name => $explain,)* }
            }
        }
    };
}

codes! {
    P01 "P01" "the text cannot be read"
        "The file does not follow the grammar of its format. The place shown is where reading stopped; a file that was cut off stops at its end. FBP text follows the grammar of the npm package `fbp`; components and updates are TOML."
    P02 "P02" "a key is missing"
        "A table lacks a key that has no default. Keys that decide behaviour (a port's type, `emission`, `state` of a change) are never guessed."
    P03 "P03" "a key or value is not known"
        "A table has a key, or a key a value, that the format does not define. Unknown keys are refused because a misspelt one would otherwise be ignored."
    P04 "P04" "a name is declared twice"
        "Two declarations in one file claim the same name, and they do not agree."
    P05 "P05" "the format cannot hold this"
        "The flow holds something that the format asked for cannot express: groups and arc notes exist only in FBP JSON. Convert to JSON, or take it out."
    P06 "P06" "the file cannot be opened"
        "The file named on the command line does not exist or may not be read."
    F01 "F01" "operator names are unique"
        "Two operators of one flow have the same name, so arcs and updates that name it are ambiguous."
    F02 "F02" "components exist"
        "An operator runs a component that is neither compiled in nor declared in a component file, or a version of it that does not exist."
    F03 "F03" "operators named by an arc exist"
        "An arc, an initial packet or an export names an operator that the flow does not have: an arc with a loose end."
    F04 "F04" "ports named by an arc exist"
        "An arc, an initial packet or an export names a port (or property) that the operator's component does not declare."
    F05 "F05" "each input port is fed by exactly one arc"
        "An input port that no arc enters is orphaned: its operator waits for ever, and a marker join on declared ports with it. Two arcs into one port have no order between them; put a merge operator in front."
    F06 "F06" "each output port drives exactly one arc"
        "An output port that drives no arc is orphaned: its packets would be lost. Two arcs from one port need a declared fork operator."
    F07 "F07" "packet types agree along every arc"
        "What the producer can emit must be accepted by the consumer, with type variables followed through the operators in between."
    F08 "F08" "the flow is acyclic but for feedback arcs"
        "A cycle of bounded arcs can fill up and hang, and a marker sent round it would wait for itself. Declare the input port that closes the loop as a feedback port in its component: it then ends a lineage, and markers do not cross it."
    F09 "F09" "every operator is reachable from a source"
        "An operator that no source reaches never fires, and no marker reaches it, so it could never be updated. A source is a component with `wake = \"source\"` and no input, or only feedback inputs."
    F10 "F10" "the inputs of a join are balanced"
        "A component with `firing = \"all\"` takes one packet from every port. That works only if one operator dominates all branches and every branch gives exactly one packet for each; two independent sources into a join hang every marker, whatever the capacity. Merge with `firing = \"any\"`, or fork from one operator through one-to-one branches."
    F11 "F11" "a feedback arc closes a loop"
        "An arc into a feedback port must lead back to an operator from which its producer can be reached. Otherwise it is an ordinary arc, and taking it out of marker joins would break cut consistency."
    F12 "F12" "properties have values of their kind"
        "A property without default is not set, or is set to a value of another kind, or is set twice."
    F13 "F13" "operators have at most 64 ports each way"
        "Marker joins keep a set of ports in one machine word."
    F14 "F14" "a component's declaration is consistent"
        "Ports, firing, emission and wake of a component contradict each other: for instance a source with `firing = \"any\"` and no inputs, a `buffer` that never wakes, a `route` with fewer than two outputs, an input that absorbs in a join, or an output type with a variable that no input binds."
    F15 "F15" "the flow has a source"
        "A flow without any source does nothing, and has no operator at which a marker could enter."
    F16 "F16" "exported ports are connected by the enclosing flow"
        "A flow that is run or checked must be complete. An exported port stands for an arc that only an enclosing flow could supply."
    C01 "C01" "a reconnection takes an arc from where it is to a port that will be there"
        "A reconnection names the arc by its output port, the input port that it leaves and the one that it comes to. The arc must exist, stand at the port named, and come to a port of an operator that stays or comes. An operator takes away arcs from its own input ports only."
    C02 "C02" "no port is left twice"
        "A reconnection set is bijective: each input port has one arc, so only one can leave it."
    C03 "C03" "no port gets two arcs"
        "A reconnection set is bijective: two arcs into one input port have no order between them."
    C04 "C04" "no arc moves twice"
        "Each arc moves once in an update, at one computation time."
    C05 "C05" "the arc that is there goes before another comes"
        "Reconnections are order-sensitive: where an arc comes to a port before the one that is there was taken away, that one is lost."
    C06 "C06" "each input port has one arc afterwards"
        "After all reconnections, no input port of an operator that stays or comes is orphaned, and none is fed twice."
    C07 "C07" "no arc has a loose end afterwards"
        "After all reconnections, every output port drives an arc that ends at an input port, and no arc is attached to an operator that goes."
    U01 "U01" "operators named by an update exist"
        "The update changes an operator that the flow does not have. Check the spelling against `neurath graph`."
    U02 "U02" "components named by an update exist"
        "The update installs a component, or a version of it, that is neither compiled in nor declared."
    U03 "U03" "a changed operator keeps its ports"
        "An update of an operator changes its function, not its arcs: the new component must declare the ports that are connected now, and no others. To replace an operator by one with other ports, change the flow: give the new operator another name, and take the state over with `from`."
    U04 "U04" "every change says what becomes of the state"
        "`state` is mandatory for every changed operator: \"keep\", \"reset\" or { transfer = \"name\" }. There is no default, because a forgotten one would lose or misread state under load."
    U05 "U05" "the state policy fits both state types"
        "`keep` needs the same state type before and after; a transfer must read the old type and make the new one. For `back` it is the other way round."
    U06 "U06" "open work is not dropped"
        "`reset` on an operator that may hold packets between firings would lose them. Use `keep` or a transfer that carries them."
    U07 "U07" "packet types agree across versions"
        "With this scheduler, a producer of one version can meet a consumer of another on an arc, and the consumer does not accept what the producer emits. The run shown leads there. Change both operators in one update, or let the consumer accept both types."
    U08 "U08" "an update changes something"
        "The update names no operator, or a change neither sets a component nor a property, or the component and properties are those the operator has already."
    U09 "U09" "properties named by an update exist and fit"
        "The update sets a property that the operator's (new) component does not declare, or to a value of another kind, or leaves one without default unset."
    U10 "U10" "a changed operator keeps its rules of firing"
        "The new component differs in firing, or in which ports are feedback. A feedback arc is outside marker joins, so it cannot become an ordinary arc by changing a function."
    U11 "U11" "the scheduler promises the guarantee"
        "The scheduler asked for does not promise the guarantee that the update requires. `neurath plan` names those that do."
    U12 "U12" "an update and its flow file agree"
        "With a flow to change to, components and properties are the flow's; `[operator.NAME]` says what becomes of the state of an operator that stays with another function, or that comes in with the state of one that goes. It must name an operator of that flow, and not say otherwise."
    U13 "U13" "`from` names an operator that goes, in the change of one that comes"
        "`from` names the operator whose state is taken over. That one must leave the flow in the same update, and its state can be taken over once; the one that takes it over must come in."
    U14 "U14" "an update can be taken back"
        "A rollback is the inverse update. It needs to know what becomes of each state on the way back: `back` in the update, or the same state type on both sides."
    R01 "R01" "an update is planned for the flow that it changes"
        "The plan was made for a flow that another update has changed since, and for the flow as it is now it is not valid any more. Look at the flow, and submit an update for it."
    R02 "R02" "the runtime answers"
        "No runtime answers at the admin endpoint: it has stopped, or runs elsewhere. Check the path that `neurath serve` printed."
    R03 "R03" "the request is understood"
        "The admin endpoint got a request that it cannot read, or one made for another schema version."
    R04 "R04" "functions can be built"
        "A component's function could not be built with the properties given, for instance because a folder does not exist or a port is in use. The running flow is as before."
    R05 "R05" "the program runs"
        "The flow could not be started, or a resource it needs could not be had."
    R06 "R06" "an update is checked before it is committed"
        "The model checker found a run in which the update breaks a property, so the running flow refuses it. `neurath check` on the same flow and update prints that run. An update whose check does not end within the budget is let through and said to be undecided."
    R07 "R07" "an update can be aborted until it is committed"
        "Once the marker has entered the flow nothing can stop it, and nothing needs to: it takes effect behind the packets that are there. Take it back with `neurath update rollback`."
    R08 "R08" "an update that was aborted is not applied"
        "The submitter, or somebody else at the admin endpoint, asked for the update to be aborted before it was committed. The flow is as before."
    R09 "R09" "what is asked about is known"
        "The name or number given belongs to no update that this runtime knows of. `neurath update history` lists them."
    T01 "T01" "a trace can be read"
        "The file is not a trace, was cut off, or was written by another schema version."
    T02 "T02" "a trace is a behaviour of the model"
        "Replaying the trace through the protocol, one operator's next event could not have happened: the run is not a behaviour of the model, or the trace was altered."
    T03 "T03" "a trace is complete"
        "An operator's part of the trace does not end with its `stop` line, or packets that were sent were never taken."
    X01 "X01" "a schedule fits its system"
        "A saved run names a choice that the flow, update and bounds at hand do not allow at that step: they are not those it was saved with."
    X02 "X02" "a seed draws what it drew"
        "`--drawn` says what a seed drew where it was printed. Here it draws something else: the flow, the updates, the options or the version of the program are not the same, so that the run would be another one."
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
