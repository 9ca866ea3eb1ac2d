//! Properties that are judged only when asked for by name: what the literature asks of updates, in our terms, and L5.
//!
//! The protocol does not promise them all. They say where it stands among other notions of a safe update, and whoever needs one of
//! them asks for it: `neurath check --property quiescence`. What they remember is a part of the world that is empty unless asked for.
//!
//! ```text
//!   quiescence ---> freeness ---> version-consistency <--- fries <--- freeze
//!                      |                    ^                ^
//!                      v                    '--- per-packet -'        (the chapter on the literature has all pairs, with examples)
//!                 tranquillity
//! ```
//!
//! Most of these depend on the order of steps of different operators, where the default properties do not. A search that judges
//! one of those is full; the others say that they [commute](Named::COMMUTES), and the induction step of the reduction is tested
//! with them.

mod freeness;
mod freeze;
mod fries;
mod l5_idle;
mod per_packet;
mod quiescence;
mod tokens;
mod tranquillity;
mod version_consistency;

pub use freeness::Freeness;
pub use freeze::Freeze;
pub use fries::Fries;
pub use l5_idle::Idle;
pub use per_packet::PerPacket;
pub use quiescence::Quiescence;
pub use tranquillity::Tranquillity;
pub use version_consistency::VersionConsistency;

use super::{About, Property, View};
use crate::instance::Instance;
use crate::net::Net;
use crate::observation::Observation;
use crate::system::Breach;
use neurath_model::id::Lineage;

/// A property that has to be asked for.
pub trait Named: Property {
    /// What it asks, as a formula.
    const FORMULA: &'static str;

    /// Whether what it remembers is the same in whichever order steps of different operators are taken that commute otherwise.
    const COMMUTES: bool;
}

/// What is said about a property that has to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AboutNamed {
    /// What is said about any property; the code is the name by which it is asked for.
    pub about: About,
    /// See [`Named::FORMULA`].
    pub formula: &'static str,
    /// See [`Named::COMMUTES`].
    pub commutes: bool,
}

macro_rules! named {
    ($($field:ident: $property:ident,)*) => {
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        struct Ghosts {
            $($field: Option<$property>,)*
        }

        /// What is said about each of them, in order.
        pub const NAMED: &[AboutNamed] = &[$(AboutNamed {
            about: $property::ABOUT,
            formula: $property::FORMULA,
            commutes: $property::COMMUTES,
        },)*];

        impl Ghosts {
            fn new(instance: &Instance) -> Self {
                Self { $($field: instance.asks($property::ABOUT.code).then(|| $property::new(instance)),)* }
            }

            fn observe(&mut self, view: View<'_>, event: &Observation, breaches: &mut Vec<Breach>) {
                $(if let Some(asked) = &mut self.$field {
                    let property = $property::ABOUT.code;
                    let broken = breaches.iter().any(|breach| breach.property == property);
                    if !broken && let Err(story) = asked.observe(view, event) {
                        breaches.push(Breach { property, story });
                    }
                })*
            }

            fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
                $(if let Some(asked) = &mut self.$field {
                    asked.rename(name);
                })*
            }

            fn forget(&mut self, instance: &Instance, breaches: &[Breach]) {
                $(if self.$field.is_some() && breaches.iter().any(|breach| breach.property == $property::ABOUT.code) {
                    self.$field = Some($property::new(instance));
                })*
            }

            fn witnessed(&self, view: View<'_>, witness: usize) -> bool {
                let holds: &[fn(&Self, View<'_>) -> bool] =
                    &[$(|l, v| l.$field.as_ref().is_some_and(|asked| asked.witnessed(v)),)*];
                holds[witness](self, view)
            }
        }
    };
}

named! {
    idle: Idle,
    quiescence: Quiescence,
    tranquillity: Tranquillity,
    version_consistency: VersionConsistency,
    freeness: Freeness,
    fries: Fries,
    per_packet: PerPacket,
    freeze: Freeze,
}

/// The properties that were asked for, with what they remember. Empty, as a rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked(Option<Box<Ghosts>>);

impl Asked {
    /// Nothing has happened.
    pub fn new(instance: &Instance) -> Self {
        Self(instance.asks_any().then(|| Box::new(Ghosts::new(instance))))
    }

    /// Shows an event to each that is not broken yet, and adds those that it breaks.
    pub fn observe(&mut self, instance: &Instance, net: &Net, event: &Observation, breaches: &mut Vec<Breach>) {
        if let Some(ghosts) = &mut self.0 {
            ghosts.observe(View { instance, net }, event, breaches);
        }
    }

    /// Shows each lineage that is remembered, to be given another name.
    pub fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        if let Some(ghosts) = &mut self.0 {
            ghosts.rename(name);
        }
    }

    /// Forgets what broken properties remember: they see nothing more.
    pub fn forget(&mut self, instance: &Instance, breaches: &[Breach]) {
        if let Some(ghosts) = &mut self.0 {
            ghosts.forget(instance, breaches);
        }
    }

    /// Judges a world in which only the environment can go on: L5 asks that nothing depends on it.
    pub fn at_rest(&self, instance: &Instance, net: &Net) -> Option<Breach> {
        let idle = self.0.as_ref().and_then(|ghosts| ghosts.idle.as_ref())?;
        let broken = idle.at_end(View { instance, net }).err();
        broken.map(|story| Breach { property: Idle::ABOUT.code, story })
    }

    /// Whether a world in which only the environment can go on is judged at all.
    pub fn minds_rest(&self) -> bool {
        self.0.as_ref().is_some_and(|ghosts| ghosts.idle.is_some())
    }

    /// Whether the witness of that index in [`NAMED`] holds.
    pub fn witnessed(&self, instance: &Instance, net: &Net, witness: usize) -> bool {
        self.0.as_ref().is_some_and(|ghosts| ghosts.witnessed(View { instance, net }, witness))
    }
}

/// What is said about the property of that code or name.
pub fn named(code: &str) -> Option<&'static AboutNamed> {
    NAMED.iter().find(|named| named.about.code == code)
}
