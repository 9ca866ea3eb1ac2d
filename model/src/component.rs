//! What a component declares about itself: ports and packet types, when it fires, what it emits, what it remembers.
//!
//! The checker and the validator know operators only through these declarations; a component's code is held to
//! them when a trace of a real run is replayed. They are declared by the component, never by a flow, because a
//! wrong one silently voids every guarantee.
//!
//! ```text
//!   firing                        emission (per firing)
//!   any   one packet, any port    each    exactly one packet on every output (one output: one-to-one; more: fork)
//!   all   one packet, every port  filter  one packet on every output, or none at all
//!   none  never on a packet       route   exactly one packet on exactly one output
//!                                 many    0, 1, 2, ... packets, on any outputs
//!                                 buffer  nothing yet: the packet is held as open work, released by a wake
//! ```
//!
//! A firing on a packet from an input that *absorbs* is the exception: it emits nothing.
//!
//! `wake` says whether the function also fires without a packet: never; as a *source*, where each such firing
//! begins a lineage (a new connection, a new request on an idle connection); or to *resume* open work in the
//! lineage of what it holds (a response half sent).

use crate::flow::ComponentRef;
use crate::packet_type::PacketType;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// When a component's function fires on packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firing {
    /// Never: the component has no input for packets.
    None,
    /// On one packet from any port (a merge, when there are several).
    Any,
    /// On one packet from every port together (a join, when there are several).
    All,
}

/// What one firing emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Emission {
    /// Exactly one packet on every output.
    Each,
    /// One packet on every output, or none.
    Filter,
    /// Exactly one packet on one of the outputs.
    Route,
    /// Any number of packets.
    Many,
    /// Nothing at once: the packet is held, and later released by a wake, on one output or nowhere.
    Buffer,
}

/// Whether a component's function fires without a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// Never.
    #[default]
    None,
    /// When the world outside has something: each such firing begins a lineage. With inputs, it uses up one held packet.
    Source,
    /// To go on with open work, in the lineage of the packet it holds.
    Resume,
}

/// A declared input port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The port's name, for example `IN`.
    pub name: String,
    /// The packets it accepts.
    pub accepts: PacketType,
    /// Whether it ends a feedback arc: markers are neither sent there nor awaited, and a lineage ends there.
    #[serde(default)]
    pub feedback: bool,
    /// Whether a packet taken there is used up: that firing emits nothing, whatever the emission says of the others. What
    /// a cache is filled with is like that.
    #[serde(default)]
    pub absorbs: bool,
}

/// A declared output port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The port's name, for example `OUT`.
    pub name: String,
    /// The packets it emits; may use the variables of its inputs.
    pub emits: PacketType,
}

/// A value that can be set on an operator, by an initial packet or by an update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// The property's name, for example `PORT`.
    pub name: String,
    /// Which values it takes.
    pub kind: PropertyKind,
    /// Its value where none is given; without a default, a value is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// Which values a property takes. A string that reads as a number is accepted for [`PropertyKind::Integer`], because
/// FBP text has only strings between quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PropertyKind {
    /// Any text.
    Text,
    /// A whole number, 0 or more.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl Property {
    /// Whether it need not have a value: no component declares it.
    pub fn is_reserved(&self) -> bool {
        self.name == PLACE && self.default.is_none()
    }
}

impl PropertyKind {
    /// The value in this kind, or `None` when it is of another.
    pub fn accept(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Text, Value::String(_)) | (Self::Boolean, Value::Bool(_)) => Some(value.clone()),
            (Self::Integer, Value::Number(n)) if n.is_u64() => Some(value.clone()),
            (Self::Integer, Value::String(s)) => s.parse::<u64>().ok().map(Value::from),
            (Self::Boolean, Value::String(s)) => s.parse::<bool>().ok().map(Value::from),
            (Self::Text | Self::Integer | Self::Boolean, _) => None,
        }
    }

    /// The kind in words, for messages.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Integer => "a whole number, 0 or more",
            Self::Boolean => "true or false",
        }
    }
}

/// A component's declaration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its name and version.
    pub id: ComponentRef,
    /// What it does, in one line.
    #[serde(default)]
    pub summary: String,
    /// Its input ports, in order.
    pub inputs: Vec<Input>,
    /// Its output ports, in order.
    pub outputs: Vec<Output>,
    /// When it fires on packets.
    pub firing: Firing,
    /// What a firing emits.
    pub emission: Emission,
    /// Whether it fires without packets.
    pub wake: Wake,
    /// The type of what it remembers between firings; `None` for a stateless component.
    pub state: Option<String>,
    /// What can be set on it.
    pub properties: Vec<Property>,
    /// Whether a firing may wait for something outside, a disk or a slow peer: then it is best placed on a thread of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blocking: bool,
}

/// The property that every operator has without declaring it: the name of the thread that it is placed on, with all others that name the
/// same; a flow that says nothing of it, or nothing in it, leaves the placement to who starts it. It is a property so that a
/// placement can be changed by an update as anything else can.
pub const PLACE: &str = "PLACE";

static PLACED: LazyLock<Property> =
    LazyLock::new(|| Property { name: PLACE.into(), kind: PropertyKind::Text, default: None });

impl Component {
    /// The property of that name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.settable().find(|p| p.name == name)
    }

    /// Every property that can be set: those declared, and [`PLACE`].
    pub fn settable(&self) -> impl Iterator<Item = &Property> {
        let placed = self.properties.iter().all(|p| p.name != PLACE).then(|| &*PLACED);
        self.properties.iter().chain(placed)
    }

    /// Whether it looks the same from outside: ports and packet types, firing and emission. Its function, its state and its
    /// properties may be others.
    pub fn looks_like(&self, other: &Self) -> bool {
        let Self { id: _, summary: _, inputs, outputs, firing, emission, wake, state: _, properties: _, blocking: _ } =
            self;
        (inputs, outputs, firing, emission, wake)
            == (&other.inputs, &other.outputs, &other.firing, &other.emission, &other.wake)
    }

    /// Whether it holds packets between firings.
    pub fn holds_open_work(&self) -> bool {
        self.emission == Emission::Buffer
    }
}

/// A declared state transfer: from one state type to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its name, as updates give it.
    pub name: String,
    /// The state type it reads.
    pub from: String,
    /// The state type it makes.
    pub to: String,
}

/// All components and transfers that a flow or an update may name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Declared", into = "Declared")]
pub struct Catalogue {
    /// In the order in which they were added; flows share them.
    components: Vec<Arc<Component>>,
    /// Where each is.
    places: BTreeMap<ComponentRef, usize>,
    transfers: BTreeMap<String, Transfer>,
}

/// A catalogue as it is written.
#[derive(Serialize, Deserialize)]
struct Declared {
    components: Vec<Arc<Component>>,
    transfers: BTreeMap<String, Transfer>,
}

impl From<Declared> for Catalogue {
    fn from(Declared { components, transfers }: Declared) -> Self {
        let mut catalogue = Self { transfers, ..Self::default() };
        for component in components {
            catalogue.add(component);
        }
        catalogue
    }
}

impl From<Catalogue> for Declared {
    fn from(Catalogue { components, transfers, .. }: Catalogue) -> Self {
        Self { components, transfers }
    }
}

impl Catalogue {
    /// The component of that name and version.
    pub fn component(&self, id: &ComponentRef) -> Option<&Component> {
        self.shared(id).map(|component| &**component)
    }

    /// The same, to be shared.
    pub fn shared(&self, id: &ComponentRef) -> Option<&Arc<Component>> {
        self.places.get(id).map(|at| &self.components[*at])
    }

    /// Every component, in the order in which they were added.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.iter().map(|component| &**component)
    }

    /// The transfer of that name.
    pub fn transfer(&self, name: &str) -> Option<&Transfer> {
        self.transfers.get(name)
    }

    /// Every transfer, by name.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.values()
    }

    /// Adds a component; a later one of the same name and version takes its place and the former is returned.
    pub fn add(&mut self, component: impl Into<Arc<Component>>) -> Option<Arc<Component>> {
        let component = component.into();
        if let Some(at) = self.places.get(&component.id) {
            return Some(std::mem::replace(&mut self.components[*at], component));
        }
        self.places.insert(component.id.clone(), self.components.len());
        self.components.push(component);
        None
    }

    /// Adds a transfer; a later one of the same name takes its place and the former is returned.
    pub fn add_transfer(&mut self, transfer: Transfer) -> Option<Transfer> {
        self.transfers.insert(transfer.name.clone(), transfer)
    }

    /// Everything in `other` is added.
    pub fn extend(&mut self, other: Self) {
        for component in other.components {
            self.add(component);
        }
        self.transfers.extend(other.transfers);
    }
}
