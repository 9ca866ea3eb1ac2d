//! Values of arguments that several verbs take: read by clap, so that a misspelt one is a usage error with the choices.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use neurath_sim::instance::Fault;
use neurath_sim::ledger::PROPERTIES;
use neurath_sim::properties::named::NAMED;
use std::time::Duration;

/// The codes of the properties that are judged unless others are asked for, in order.
pub fn property_codes() -> impl Iterator<Item = &'static str> {
    PROPERTIES.iter().map(|about| about.code)
}

/// The codes and names of all that can be asked for, in order.
pub fn all_property_codes() -> impl Iterator<Item = &'static str> {
    property_codes().chain(NAMED.iter().map(|named| named.about.code))
}

/// A fault by name.
pub fn fault() -> impl TypedValueParser<Value = Fault> {
    let names = Fault::ALL.iter().map(|(name, _)| *name);
    PossibleValuesParser::new(names).map(|name| Fault::named(&name).expect("only names of faults are possible"))
}

/// A number from one up.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed: an arc that holds nothing passes nothing on".into()),
        Ok(count) => Ok(count),
        Err(error) => Err(error.to_string()),
    }
}

/// A time in seconds, with a fraction if need be.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds is needed, for example 0.5 or 60".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// Seeds from the first up to, not including, the last: `0..100`; a single number is that seed alone.
pub fn seeds(text: &str) -> Result<std::ops::Range<u64>, String> {
    let expected = || format!("`{text}` is not a range of seeds, for example 0..100 or 7");
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| expected());
    let range = match text.split_once("..") {
        Some((first, end)) => number(first)?..number(end)?,
        None => {
            let seed = number(text)?;
            seed..seed.checked_add(1).ok_or_else(expected)?
        }
    };
    if range.is_empty() { Err(format!("`{text}` holds no seed: the last one is not included")) } else { Ok(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_or_one() {
        assert_eq!(seeds("3..5"), Ok(3..5));
        assert_eq!(seeds("7"), Ok(7..8));
        for wrong in ["", "a..b", "5..5", "6..5", "1..", "18446744073709551615"] {
            assert!(seeds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_positive_and_finite() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["-1", "NaN", "inf", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_arc_that_holds_nothing_is_refused() {
        assert_eq!(at_least_one("1"), Ok(1));
        assert!(at_least_one("0").is_err());
        assert!(at_least_one("-1").is_err());
    }
}
