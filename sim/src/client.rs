//! Properties that users state, beside those of the protocol: what they see, and what they remember.
//!
//! ```
//! use neurath_sim::client::{Memory, Predicate};
//! use neurath_sim::observation::Observation;
//! use neurath_sim::properties::View;
//! use neurath_sim::{check::Check, instance::Bounds, scenario};
//! use std::sync::Arc;
//!
//! /// The server is never asked more than once.
//! #[derive(Debug)]
//! struct Single;
//!
//! impl Predicate for Single {
//!     fn name(&self) -> &str { "single" }
//!     fn sentence(&self) -> String { "No more than one request is read.".into() }
//!     fn observe(&self, view: View<'_>, event: &Observation, memory: &mut Memory) -> Result<(), String> {
//!         match event {
//!             Observation::Fired { at, .. } if view.instance.name(*at) == "parse" => memory.word += 1,
//!             _ => {}
//!         }
//!         if memory.word > 1 { Err("a second request was read".into()) } else { Ok(()) }
//!     }
//! }
//!
//! let instance = scenario::http().instance(Bounds::default()).with_clients(vec![Arc::new(Single)]);
//! let checked = Check::new(&instance).run();
//! assert!(format!("{:?}", checked.exploration.verdict).contains("a second request was read"));
//! ```
//!
//! A predicate remembers something for each lineage under way, and a number. That is part of the state that is explored, so it should be
//! as little as the sentence allows. It should not depend on how many lineages there were or on how often something has happened: where
//! something goes round for ever, worlds that differ only in that are taken for one ([`fold`](mod@crate::fold)). What is stated in a file ([`neurath_model::property`]) is such a predicate, too.

mod declared;

pub use declared::Declared;

use crate::few::Few;
use crate::observation::Observation;
use crate::properties::View;
use neurath_model::id::Lineage;
use neurath_model::property::Property;
use std::fmt::Debug;
use std::sync::Arc;

/// What a predicate remembers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Memory {
    /// Of lineages, in any order that the predicate likes.
    pub lineages: Few<(Lineage, u64), 4>,
    /// Of all else.
    pub word: u64,
}

impl Memory {
    /// What is remembered of a lineage; 0 if nothing is.
    pub fn of(&self, lineage: Lineage) -> u64 {
        self.lineages.iter().find(|known| known.0 == lineage).map_or(0, |known| known.1)
    }

    /// Remembers bits of a lineage, beside those that are there. One that was not known is added at the end.
    pub fn add(&mut self, lineage: Lineage, bits: u64) {
        match self.lineages.iter_mut().find(|known| known.0 == lineage) {
            Some(known) => known.1 |= bits,
            None => self.lineages.push((lineage, bits)),
        }
    }

    /// Shows each lineage, to be given another name.
    pub fn rename(&mut self, name: &mut dyn FnMut(&mut Lineage)) {
        self.lineages.iter_mut().for_each(|known| name(&mut known.0));
    }

    /// Forgets a lineage.
    pub fn forget(&mut self, lineage: Lineage) {
        self.lineages.retain(|known| known.0 != lineage);
    }
}

/// A property of runs that a user states. It judges events one after the other, from what it remembers.
pub trait Predicate: Debug + Send + Sync {
    /// What it is called in messages.
    fn name(&self) -> &str;

    /// What must be so, in a sentence.
    fn sentence(&self) -> String;

    /// Sees an event; `Err` tells how the event breaks it.
    fn observe(&self, view: View<'_>, event: &Observation, memory: &mut Memory) -> Result<(), String>;

    /// Judges a world in which nothing can happen any more.
    fn at_end(&self, view: View<'_>, memory: &Memory) -> Result<(), String> {
        let _ = (view, memory);
        Ok(())
    }

    /// Adds the lineages for each of which something must still come: where a run can go on for ever, it must come there, too. In the order
    /// of lineages.
    fn owed(&self, memory: &Memory, lineages: &mut Vec<Lineage>) {
        let _ = (memory, lineages);
    }

    /// Tells of something that never comes for a lineage that is [`owed`](Self::owed) it.
    fn tell(&self, view: View<'_>, lineage: Lineage) -> String {
        format!("what {} is owed never comes", view.instance.lineage_name(lineage))
    }

    /// The property as data, if it was stated in a file: saved runs carry it along.
    fn stated(&self) -> Option<&Property> {
        None
    }

    /// Whether the order of steps of different operators, where these commute, makes no difference to what it remembers and says. Where it
    /// does, or if in doubt, every interleaving is looked at.
    fn is_insensitive(&self) -> bool {
        false
    }
}

/// A predicate that an instance has, with its name as breaches carry it.
#[derive(Debug, Clone)]
pub struct Client {
    /// The name, for as long as the process runs.
    pub name: &'static str,
    /// The predicate.
    pub predicate: Arc<dyn Predicate>,
}

impl Client {
    /// A predicate to be judged. Its name is kept for as long as the process runs.
    pub fn new(predicate: Arc<dyn Predicate>) -> Self {
        Self { name: Box::leak(predicate.name().to_owned().into_boxed_str()), predicate }
    }
}
