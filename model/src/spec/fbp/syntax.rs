//! What the grammar of the FBP DSL finds in a text, before it means anything.
//!
//! `'x' -> IN a(A) OUT -> IN b` is a chain of packet, target, source and target, with one declaration at `a(A)`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A line's worth of text, or less.
pub(super) enum Statement {
    /// `INPORT=a.IN:PUBLIC`
    Inport(Export),
    /// `OUTPORT=a.OUT:PUBLIC`
    Outport(Export),
    /// `# @name value`
    Annotation { key: String, value: String, span: Range<usize> },
    /// `'x' -> IN a OUT -> IN b`; the links between two arrows stand next to each other.
    Chain(Vec<Link>),
}

/// An exported port.
pub(super) struct Export {
    pub(super) operator: Name,
    pub(super) port: String,
    pub(super) public: String,
    pub(super) span: Range<usize>,
}

/// One end of an arrow.
pub(super) enum Link {
    /// The arrow before it enters here.
    Target(End),
    /// The arrow after it leaves here.
    Source(End),
    /// The arrow after it brings this value.
    Packet(Value, Range<usize>),
}

/// A port of an operator.
pub(super) struct End {
    pub(super) operator: Name,
    pub(super) port: String,
    pub(super) index: Option<u32>,
    pub(super) span: Range<usize>,
}

/// An operator's name and where it is given.
#[derive(Clone)]
pub(super) struct Name {
    pub(super) name: String,
    pub(super) span: Range<usize>,
}

/// `name(component:metadata)`, in either part empty or absent.
pub(super) struct Declaration {
    pub(super) operator: String,
    pub(super) component: String,
    pub(super) metadata: Option<String>,
    pub(super) span: Range<usize>,
}

/// What a text says, as far as it could be read.
#[derive(Default)]
pub(super) struct Syntax {
    pub(super) statements: Vec<Statement>,
    /// By place. Those in unreadable statements too, so that other statements can name them.
    pub(super) declarations: BTreeMap<usize, Declaration>,
    /// Names that an unreadable part of the text may have declared.
    pub(super) perhaps_declared: BTreeSet<String>,
    pub(super) failures: Vec<Failure>,
    /// Port indices that are too large.
    pub(super) large_indices: BTreeSet<(usize, usize)>,
}

/// A place where no rule fits.
#[derive(Default)]
pub(super) struct Failure {
    /// The beginning of the line on which the statement stands that could not be read.
    pub(super) line: usize,
    pub(super) at: usize,
    pub(super) expected: Vec<String>,
    /// The quote, parenthesis or bracket that is still open there, or was closed where it hardly was meant to be.
    pub(super) opened: Option<usize>,
}
