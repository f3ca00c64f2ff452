//! A colour as the API writes it: `#rgb` or `#rrggbb`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(pub [u8; 3]);

/// The text is not a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a colour is written like #1c1c1a")]
pub struct InvalidColour;

impl Colour {
    pub const BLACK: Self = Self([0; 3]);
    pub const WHITE: Self = Self([255; 3]);

    /// How much two colours differ for a reader, from 1 to 21 (WCAG 2.2, "contrast ratio").
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// This far on the way to another colour, from 0 to 1.
    #[must_use]
    pub fn towards(self, other: Self, part: f64) -> Self {
        let mut mixed = self.0;
        for (mine, theirs) in mixed.iter_mut().zip(other.0) {
            let (from, to) = (f64::from(*mine), f64::from(theirs));
            *mine = channel(from + (to - from) * part);
        }
        Self(mixed)
    }

    /// The nearest colour, towards black or white, that can be read on this ground.
    #[must_use]
    pub fn readable_on(self, ground: Self, ratio: f64) -> Self {
        const STEPS: u8 = 20;
        let far = if Self::WHITE.contrast(ground) > Self::BLACK.contrast(ground) { Self::WHITE } else { Self::BLACK };
        let mut steps = (0..=STEPS).map(|step| self.towards(far, f64::from(step) / f64::from(STEPS)));
        steps.find(|colour| colour.contrast(ground) >= ratio).unwrap_or(far)
    }

    fn luminance(self) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was brought into the range of a byte")]
fn channel(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

impl TryFrom<String> for Colour {
    type Error = InvalidColour;

    fn try_from(text: String) -> Result<Self, InvalidColour> {
        let digits = text.strip_prefix('#').ok_or(InvalidColour)?;
        let long = match digits.len() {
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => digits.to_owned(),
        };
        let mut channels = [0; 3];
        hex::decode_to_slice(long, &mut channels).map_err(|_| InvalidColour)?;
        Ok(Self(channels))
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn colour(text: &str) -> Colour {
        Colour::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn a_colour_is_three_or_six_hex_digits_after_a_hash() {
        assert_eq!(colour("#fa0").to_string(), "#ffaa00");
        for text in ["fa0", "#fa", "#ffaa000", "#ggg", "red", "#fff;x", ""] {
            assert_eq!(Colour::try_from(text.to_owned()), Err(InvalidColour), "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        assert!((colour("#767676").contrast(Colour::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn what_can_be_read_stays_as_it_is() {
        assert_eq!(colour("#123456").readable_on(Colour::WHITE, 4.5), colour("#123456"));
    }

    proptest! {
        #[test]
        fn whatever_the_colours_the_text_can_be_read(text in any::<[u8; 3]>(), ground in any::<[u8; 3]>()) {
            let ground = Colour(ground);
            prop_assert!(Colour(text).readable_on(ground, 4.5).contrast(ground) >= 4.5);
        }
    }
}
