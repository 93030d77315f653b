//! Safety numbers: what two people compare to know that nobody stands between them.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::{
    hash::{derive_bytes, hash},
    identity::AccountId,
};

/// Sixty digits that both sides of a pair see, and nobody else's pair.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct SafetyNumber {
    digits: [u8; DIGITS],
}

/// Gives the number of a pair; the order of the two does not matter.
pub fn safety_number(one: &AccountId, other: &AccountId) -> SafetyNumber {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    let pair = hash("M1/fp/1", &[low.as_bytes(), high.as_bytes()]);
    let bytes = derive_bytes::<DIGITS>("M1/fp/digits/1", &pair, &[]);
    let mut digits = [0u8; DIGITS];
    for (group, bytes) in digits.chunks_mut(GROUP).zip(bytes.chunks(GROUP)) {
        let mut number = bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        for digit in group.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).expect("a digit is below ten");
            number /= 10;
        }
    }
    SafetyNumber { digits }
}

/// What a text says, compared with a safety number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// The same number.
    Same,
    /// Another number: somebody may stand between the two.
    Differs,
    /// No safety number: it has so many digits, and not sixty.
    NoNumber {
        /// Digits in the text.
        digits: usize,
    },
}

impl SafetyNumber {
    /// The twelve groups of five digits, in the order in which they are read.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.digits.chunks(GROUP).map(|group| std::str::from_utf8(group).expect("digits are text"))
    }

    /// What a QR code of this number says: `madang-safety:` and the sixty digits.
    pub fn to_qr_text(&self) -> String {
        let mut text = String::with_capacity(QR_PREFIX.len() + DIGITS);
        text.push_str(QR_PREFIX);
        self.groups().for_each(|group| text.push_str(group));
        text
    }

    /// Compares a text, typed or scanned, by its digits. What is mistyped or cut off is no sign of an attack, and not
    /// to be told as one.
    pub fn compare(&self, text: &str) -> Comparison {
        let said: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
        match said.len() {
            DIGITS if said.ct_eq(&self.digits).into() => Comparison::Same,
            DIGITS => Comparison::Differs,
            digits => Comparison::NoNumber { digits },
        }
    }

    /// Whether a text, typed or scanned, says the same number. Spaces, line ends and hyphens do not count.
    pub fn matches(&self, text: &str) -> bool {
        let text = text.trim();
        let text = text.strip_prefix(QR_PREFIX).unwrap_or(text);
        let mut said = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let mut digits = [0u8; DIGITS];
        for digit in &mut digits {
            match said.next().and_then(|c| c.to_digit(10)) {
                Some(value) => *digit = b'0' + u8::try_from(value).expect("a digit is below ten"),
                None => return false,
            }
        }
        said.next().is_none() && digits.ct_eq(&self.digits).into()
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, group) in self.groups().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(group)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SafetyNumber")
    }
}

const DIGITS: usize = 60;
const GROUP: usize = 5;
const QR_PREFIX: &str = "madang-safety:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mistyped_is_told_by_its_digits_and_not_as_another_number() {
        let [one, other, third] = [[1; 32], [2; 32], [3; 32]].map(AccountId::new);
        let (number, another) = (safety_number(&one, &other), safety_number(&one, &third));
        for same in [number.to_string(), number.to_qr_text(), number.to_string().replace(' ', "-")] {
            assert_eq!(number.compare(&same), Comparison::Same);
        }
        assert_eq!(number.compare(&another.to_string()), Comparison::Differs);
        let (whole, cut) = (number.to_qr_text(), another.to_string());
        let long = format!("{whole}1");
        for (text, digits) in [("", 0), ("123", 3), (&cut[..cut.len() - 2], 58), (&long, 61)] {
            assert_eq!(number.compare(text), Comparison::NoNumber { digits });
        }
    }
}
