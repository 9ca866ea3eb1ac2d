//! Packet types: names, with one optional parameter, alternatives, and variables that carry a type through an operator.
//!
//! `http.Loaded(bytes)` is a type; `http.Loaded(bytes) | http.Loaded(file)` accepts either; `http.Loaded($body)`
//! accepts any `http.Loaded(..)` and remembers what `$body` stood for, so that an operator that passes a body on
//! untouched can declare `http.Loaded($body)` in and `http.Response($body)` out, and the type check sees through it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// One alternative of a packet type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// A named type, with or without a parameter.
    Named(String, Option<Box<Term>>),
    /// A variable, written `$name`: any type.
    Variable(String),
}

/// A packet type: one or more alternatives, sorted, without repetition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketType(Vec<Term>);

/// What each variable stands for.
pub type Binding = BTreeMap<String, Term>;

impl PacketType {
    /// Reads `a.Name(param) | $x`; `Err` says what is wrong, in lower case, without a place.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split('|').map(|t| Term::parse(t.trim())).collect::<Result<Vec<_>, _>>().map(Self::of)
    }

    /// The type with these alternatives.
    pub fn of(terms: impl IntoIterator<Item = Term>) -> Self {
        let mut terms: Vec<Term> = terms.into_iter().collect();
        terms.sort();
        terms.dedup();
        Self(terms)
    }

    /// The alternatives, sorted.
    pub fn terms(&self) -> &[Term] {
        &self.0
    }

    /// Whether a packet of the concrete type `actual` may arrive; on yes, what the variables then stand for.
    pub fn accepts(&self, actual: &Term) -> Option<Binding> {
        self.0.iter().find_map(|pattern| {
            let mut binding = Binding::new();
            pattern.matches(actual, &mut binding).then_some(binding)
        })
    }

    /// The type with its variables replaced; a variable that is not bound stays.
    #[must_use]
    pub fn substitute(&self, binding: &Binding) -> Self {
        Self::of(self.0.iter().map(|t| t.substitute(binding)))
    }

    /// Names of the variables that occur in it.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(Term::variable)
    }
}

impl Term {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix('$') {
            return if is_name(name) { Ok(Self::Variable(name.into())) } else { Err(not_a_type(text)) };
        }
        match text.split_once('(') {
            None if is_name(text) => Ok(Self::Named(text.into(), None)),
            Some((name, rest)) if is_name(name) => {
                let inner = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks a closing parenthesis"))?;
                Ok(Self::Named(name.into(), Some(Box::new(Self::parse(inner.trim())?))))
            }
            None | Some(_) => Err(not_a_type(text)),
        }
    }

    fn matches(&self, actual: &Self, binding: &mut Binding) -> bool {
        match (self, actual) {
            (Self::Variable(name), _) => match binding.get(name) {
                Some(bound) => bound == actual,
                None => {
                    binding.insert(name.clone(), actual.clone());
                    true
                }
            },
            (Self::Named(a, None), Self::Named(b, None)) => a == b,
            (Self::Named(a, Some(x)), Self::Named(b, Some(y))) => a == b && x.matches(y, binding),
            (Self::Named(..), Self::Named(..) | Self::Variable(_)) => false,
        }
    }

    fn substitute(&self, binding: &Binding) -> Self {
        match self {
            Self::Variable(name) => binding.get(name).unwrap_or(self).clone(),
            Self::Named(name, inner) => {
                Self::Named(name.clone(), inner.as_ref().map(|t| Box::new(t.substitute(binding))))
            }
        }
    }

    fn variable(&self) -> Option<&str> {
        match self {
            Self::Variable(name) => Some(name),
            Self::Named(_, inner) => inner.as_deref().and_then(Self::variable),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

fn not_a_type(text: &str) -> String {
    format!("`{text}` is not a packet type")
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name, None) => f.write_str(name),
            Self::Named(name, Some(inner)) => write!(f, "{name}({inner})"),
            Self::Variable(name) => write!(f, "${name}"),
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.0.iter().enumerate() {
            write!(f, "{}{term}", if i == 0 { "" } else { " | " })?;
        }
        Ok(())
    }
}

impl Serialize for PacketType {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PacketType {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(text: &str) -> PacketType {
        PacketType::parse(text).expect(text)
    }

    #[test]
    fn a_variable_carries_a_type_through_an_operator() {
        let file = ty("http.Loaded(file)");
        let binding = ty("http.Loaded($body)").accepts(&file.terms()[0]).expect("accepted");
        assert_eq!(ty("http.Response($body)").substitute(&binding), ty("http.Response(file)"));
    }

    #[test]
    fn another_parameter_is_another_type() {
        assert!(ty("http.Response(bytes)").accepts(&ty("http.Response(file)").terms()[0]).is_none());
        assert!(ty("a | http.Response(file)").accepts(&ty("http.Response(file)").terms()[0]).is_some());
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["", "a(", "a(b", "a b", "$", "a|", "a(b))"] {
            assert!(PacketType::parse(bad).is_err(), "{bad}");
        }
    }
}
