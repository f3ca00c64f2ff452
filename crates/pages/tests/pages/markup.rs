//! Just enough reading of HTML and CSS to hold our own pages to their promises.

/// An opening tag with its attributes, values as written.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(crate) fn attribute(&self, wanted: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

/// The texts of all elements of this name, which must be one whose text is raw.
pub(crate) fn inlined<'a>(html: &'a str, element: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    html.split(&open).skip(1).map(|rest| rest.split_once(&close).expect("it is closed").0).collect()
}

/// Every opening tag, in order. Everything that is not markup is escaped in our
/// pages, so each `<` outside of styles and scripts starts a tag.
pub(crate) fn tags(html: &str) -> Vec<Tag> {
    let mut rest = html;
    let mut tags = Vec::new();
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = tag(after);
        rest = after;
        if tag.name == "style" || tag.name == "script" {
            rest = after.split_once(&format!("</{}>", tag.name)).expect("it is closed").1;
        }
        if !tag.name.starts_with(['/', '!']) {
            tags.push(tag);
        }
    }
    tags
}

fn tag(text: &str) -> (Tag, &str) {
    let end = text.find([' ', '>', '\n']).expect("a tag ends");
    let (name, mut rest) = (text[..end].to_owned(), &text[end..]);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\n', '/']);
        if let Some(after) = rest.strip_prefix('>') {
            return (Tag { name, attributes }, after);
        }
        let end = rest.find(['=', ' ', '>', '\n']).expect("an attribute ends");
        let attribute = rest[..end].to_owned();
        let after = &rest[end..];
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').expect("a quote is closed"),
            None => ("", after),
        };
        attributes.push((attribute, value.to_owned()));
        rest = after;
    }
}

/// The first value of a custom property, as red, green and blue.
pub(crate) fn colour(css: &str, name: &str) -> [u8; 3] {
    let hex = css.split_once(&format!("--{name}: #")).expect("the palette has it").1;
    [0, 2, 4].map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("six hex digits"))
}

/// WCAG 2.2, "contrast ratio".
pub(crate) fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.040_45 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}
