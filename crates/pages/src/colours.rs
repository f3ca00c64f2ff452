//! The organisation's colours on a page of ours. They are taken as far as they
//! can be read.

use doorward_model::colour::Colour;
use doorward_model::organization::LoginDesign;

/// What text needs against its ground (WCAG 2.2, 1.4.3), and what marks a control.
const TEXT: f64 = 4.5;
const CONTROL: f64 = 3.0;

/// A ground, and a text that can be read on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colours {
    ground: Colour,
    text: Colour,
}

impl Colours {
    /// None where the organisation names no colour.
    #[must_use]
    pub fn of(design: &LoginDesign) -> Option<Self> {
        let (ground, text) = match (design.background_color, design.text_color) {
            (None, None) => return None,
            (Some(ground), text) => (ground, text.unwrap_or_else(|| plain(ground))),
            (None, Some(text)) if text.contrast(Colour::WHITE) < TEXT => (Colour::BLACK, text),
            (None, Some(text)) => (Colour::WHITE, text),
        };
        Some(Self { ground, text: text.readable_on(ground, TEXT) })
    }

    /// Put behind the stylesheet: every colour of the page out of these two,
    /// whichever scheme the reader prefers.
    pub(crate) fn style(&self) -> String {
        let Self { ground, text } = *self;
        let tint = tint(ground, text);
        let muted = text.towards(ground, 0.2).readable_on(ground, TEXT);
        let line = ground.towards(text, 0.2);
        let edge = ground.towards(text, 0.5).readable_on(ground, CONTROL);
        let scheme = if ground.contrast(Colour::WHITE) > ground.contrast(Colour::BLACK) { "dark" } else { "light" };
        let on_text = ground.readable_on(text, TEXT);
        format!(
            ":root{{color-scheme:{scheme};--ground:{ground};--card:{ground};--text:{text};--muted:{muted};--line:{line};\
             --edge:{edge};--accent:{text};--accent-deep:{text};--on-accent:{on_text};--tint:{tint};--shadow:none}}"
        )
    }
}

/// The bar above the page, in a colour of its own.
pub(crate) fn header(ground: Colour) -> String {
    let text = plain(ground);
    format!(".bar{{background:{ground};color:{text};border-color:{ground}}}")
}

/// The text that is easiest to read on this ground.
fn plain(ground: Colour) -> Colour {
    let is_dark = Colour::WHITE.contrast(ground) > Colour::BLACK.contrast(ground);
    if is_dark { Colour::WHITE } else { Colour::BLACK }
}

/// The page's one button. Where only its text has a colour, so has it.
pub(crate) fn button(ground: Option<Colour>, text: Option<Colour>) -> Option<String> {
    let (ground, text) = match (ground, text) {
        (None, None) => return None,
        (Some(ground), text) => (ground, text.unwrap_or(Colour::WHITE)),
        (None, Some(text)) if text.contrast(Colour::WHITE) < TEXT => (Colour::BLACK, text),
        (None, Some(text)) => (Colour::WHITE, text),
    };
    let text = text.readable_on(ground, TEXT);
    Some(format!(".primary,.primary:hover{{background:{ground};border-color:{ground};color:{text}}}"))
}

/// Of what is pointed at: away from the text, which is read there, too.
fn tint(ground: Colour, text: Colour) -> Colour {
    let is_lighter = text.contrast(Colour::BLACK) > ground.contrast(Colour::BLACK);
    ground.towards(if is_lighter { Colour::BLACK } else { Colour::WHITE }, 0.12)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(background: Option<&str>, text: Option<&str>) -> LoginDesign {
        let colour = |text: &str| Colour::try_from(text.to_owned()).unwrap();
        LoginDesign { background_color: background.map(colour), text_color: text.map(colour), ..LoginDesign::default() }
    }

    #[test]
    fn whatever_colours_are_named_every_text_can_be_read() {
        let shades = ["#000000", "#ffffff", "#777777", "#ff0000", "#ffff00", "#0000ff", "#808000", "#14523f"];
        let named = || shades.iter().map(|shade| Some(*shade)).chain([None]);
        for (background, text) in named().flat_map(|background| named().map(move |text| (background, text))) {
            let Some(Colours { ground, text: read }) = Colours::of(&design(background, text)) else { continue };
            for (on, what) in [(ground, "ground"), (tint(ground, read), "tint")] {
                assert!(read.contrast(on) >= TEXT, "{background:?} {text:?}: {read} on the {what} {on}");
            }
            assert!(ground.readable_on(read, TEXT).contrast(read) >= TEXT);
        }
        assert_eq!(Colours::of(&design(None, None)), None);
    }

    #[test]
    fn a_button_and_a_header_can_be_read_whatever_their_colours() {
        let colour = |text: &str| Some(Colour::try_from(text.to_owned()).unwrap());
        let yellow = button(colour("#ffcc00"), colour("#ffee88")).unwrap();
        assert!(yellow.contains("background:#ffcc00") && !yellow.contains("color:#ffee88"), "{yellow}");
        assert!(button(colour("#0055cc"), None).unwrap().contains(";color:#ffffff"));
        assert!(button(None, colour("#ffffff")).unwrap().contains("background:#000000"));
        assert_eq!(button(None, None), None);
        assert!(header(Colour::BLACK).contains(";color:#ffffff"));
        assert!(header(Colour::WHITE).contains(";color:#000000"));
    }

    #[test]
    fn colours_that_can_be_read_are_taken_as_they_are() {
        let style = Colours::of(&design(Some("#102030"), Some("#ffffff"))).unwrap().style();
        assert!(style.contains("--ground:#102030") && style.contains("--text:#ffffff"), "{style}");
        assert!(style.starts_with(":root{color-scheme:dark;"), "{style}");
    }
}
