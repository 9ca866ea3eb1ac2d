//! The text formats: what a user writes, as values that know where they stand in the text.
//!
//! ```text
//!   .fbp   FBP DSL         <-> fbp          \
//!   .json  FBP graph JSON  <-> fbp_json     /  Flow
//!   .toml  components      <-> components      Catalogue
//!   .toml  update          <-> update          Update
//! ```
//!
//! Every reader answers with the value and a [`SourceMap`](crate::diagnostic::SourceMap), or with *all* that is wrong
//! with the text; every printer writes what its reader gives back unchanged, and one whose format is poorer than the
//! value refuses (P05) instead of leaving something out. Readers judge the text only: whether operators, ports and
//! components exist and fit is asked later, by rules `F..` and `U..`, with the places kept in the map.
//!
//! How the readers share work: JSON and TOML become one `tree` of values with places, `table` reads such a tree
//! key by key, `report` collects faults. The DSL has a grammar of its own in `fbp`.

pub mod components;
pub mod fbp;
pub mod fbp_json;
pub mod properties;
pub mod text;
pub mod update;

mod report;
mod table;
mod tree;

#[cfg(test)]
mod bad_inputs;
#[cfg(test)]
mod places;
#[cfg(test)]
mod round_trip;
