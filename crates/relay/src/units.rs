//! Sizes and spans of time as an operator writes them: `20 GiB`, `30 days`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// A number of bytes, written with a unit: `512 MiB`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size(pub u64);

/// A span of time, written with a unit: `30 days`, `10 min`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span(pub Duration);

/// Why a quantity cannot be read. The text says what would be understood.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnitError {
    /// There is no number in front.
    #[error("`{0}` does not begin with a whole number; write it like \"{1}\"")]
    NoNumber(String, &'static str),
    /// A number with no unit can mean anything.
    #[error("`{0}` has no unit; write it like \"{1}\"")]
    NoUnit(String, &'static str),
    /// The unit is not one of ours.
    #[error("`{0}` has an unknown unit `{1}`; the units are {2}")]
    UnknownUnit(String, String, &'static str),
    /// The quantity is beyond 64 bits.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

/// Units of size, smallest first.
const SIZES: [(&str, u64); 5] =
    [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Units of time, smallest first; a plural `s` is understood too.
const SPANS: [(&str, u64); 5] = [("s", 1), ("min", 60), ("hour", 3_600), ("day", 86_400), ("week", 604_800)];

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text, "20 GiB")?;
        let factor = SIZES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|(_, factor)| *factor)
            .ok_or_else(|| UnitError::UnknownUnit(text.into(), unit.into(), "B, KiB, MiB, GiB and TiB"))?;
        number.checked_mul(factor).map(Self).ok_or_else(|| UnitError::TooLarge(text.into()))
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text, "30 days")?;
        let singular = match unit.strip_suffix('s') {
            Some(stem) if !stem.is_empty() => stem,
            _ => unit,
        };
        let factor =
            SPANS.iter().find(|(name, _)| *name == singular).map(|(_, factor)| *factor).ok_or_else(|| {
                UnitError::UnknownUnit(text.into(), unit.into(), "s, min, hours, days and weeks")
            })?;
        number
            .checked_mul(factor)
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| UnitError::TooLarge(text.into()))
    }
}

impl fmt::Display for Size {
    /// Writes the largest unit that divides the number, so that nothing is rounded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, factor) = SIZES
            .iter()
            .rev()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(&SIZES[0]);
        write!(f, "{} {name}", self.0 / factor)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        quantity(from, "20 GiB")
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        quantity(from, "30 days")
    }
}

/// Reads a quantity from text, and turns a bare number down with a sentence.
fn quantity<'de, D, Q>(from: D, example: &'static str) -> Result<Q, D::Error>
where
    D: Deserializer<'de>,
    Q: FromStr<Err = UnitError>,
{
    struct Reader<Q>(&'static str, std::marker::PhantomData<Q>);
    impl<Q: FromStr<Err = UnitError>> de::Visitor<'_> for Reader<Q> {
        type Value = Q;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "text with a unit such as \"{}\"", self.0)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Q, E> {
            text.parse().map_err(E::custom)
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Q, E> {
            Err(E::custom(UnitError::NoUnit(number.to_string(), self.0)))
        }
    }
    from.deserialize_any(Reader(example, std::marker::PhantomData))
}

fn split<'a>(text: &'a str, example: &'static str) -> Result<(u64, &'a str), UnitError> {
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (digits, unit) = trimmed.split_at(end);
    if digits.is_empty() {
        return Err(UnitError::NoNumber(text.into(), example));
    }
    let number = digits.parse().map_err(|_| UnitError::TooLarge(text.into()))?;
    match unit.trim() {
        "" => Err(UnitError::NoUnit(text.into(), example)),
        unit => Ok((number, unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_without_rounding() {
        for (text, bytes) in [("20 GiB", 20 << 30), ("1536KiB", 1_536 << 10), ("7 b", 7), ("2 TiB", 2 << 40)]
        {
            let size: Size = text.parse().expect(text);
            assert_eq!(size.0, bytes);
            assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }
    }

    #[test]
    fn spans_are_read_in_singular_and_plural() {
        for (text, seconds) in
            [("90 s", 90), ("10 min", 600), ("1 hour", 3_600), ("30 days", 2_592_000), ("2 weeks", 1_209_600)]
        {
            assert_eq!(text.parse(), Ok(Span(Duration::from_secs(seconds))), "{text}");
        }
    }

    #[test]
    fn a_quantity_that_cannot_be_read_says_what_would_be_understood() {
        let said = |text: &str| text.parse::<Size>().expect_err(text).to_string();
        assert_eq!(said("20"), "`20` has no unit; write it like \"20 GiB\"");
        assert_eq!(said("20 GX"), "`20 GX` has an unknown unit `GX`; the units are B, KiB, MiB, GiB and TiB");
        assert_eq!(said("many"), "`many` does not begin with a whole number; write it like \"20 GiB\"");
        assert_eq!(said("99999999 TiB"), "`99999999 TiB` is too large");
    }
}
