//! Just enough of HTML to press a button on our own pages: forms with their
//! fields, and links. Not a parser; the pages are ours and regular.

/// A form and what it would send.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    /// Named inputs and buttons, in order, as name and value.
    pub(crate) fields: Vec<(String, String)>,
}

impl Form {
    /// The names and values of the fields that are carried along unseen.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// One start tag.
struct Tag<'a> {
    name: &'a str,
    attributes: &'a str,
}

pub(crate) fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut inside = false;
    for tag in tags(page) {
        match tag.name {
            "form" => {
                inside = true;
                forms.push(Form { action: tag.attribute("action").unwrap_or_default(), fields: Vec::new() });
            }
            "/form" => inside = false,
            "input" | "button" | "textarea" if inside => {
                if let (Some(form), Some(name)) = (forms.last_mut(), tag.attribute("name")) {
                    form.fields.push((name, tag.attribute("value").unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    forms
}

/// Where the links of a page lead.
pub(crate) fn links(page: &str) -> Vec<String> {
    tags(page).filter(|tag| tag.name == "a").filter_map(|tag| tag.attribute("href")).collect()
}

pub(crate) fn title(page: &str) -> &str {
    let rest = page.split_once("<title>").map_or("", |(_, rest)| rest);
    rest.split_once("</title>").map_or("", |(title, _)| title.trim())
}

fn tags(page: &str) -> impl Iterator<Item = Tag<'_>> {
    page.split('<').skip(1).filter_map(|piece| {
        let inside = &piece[..end_of_tag(piece)?];
        let (name, attributes) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        Some(Tag { name, attributes })
    })
}

/// Where the tag closes: the first `>` outside quotes.
fn end_of_tag(piece: &str) -> Option<usize> {
    let mut quoted = false;
    piece.char_indices().find_map(|(at, c)| match c {
        '"' => {
            quoted = !quoted;
            None
        }
        '>' if !quoted => Some(at),
        _ => None,
    })
}

impl Tag<'_> {
    fn attribute(&self, name: &str) -> Option<String> {
        let start = self.attributes.match_indices(name).find_map(|(at, _)| {
            let starts_word = at == 0 || self.attributes[..at].ends_with(char::is_whitespace);
            let after = self.attributes[at + name.len()..].strip_prefix("=\"")?;
            starts_word.then_some(after)
        })?;
        Some(unescape(start.split('"').next().unwrap_or_default()))
    }
}

fn unescape(text: &str) -> String {
    text.replace("&#38;", "&")
        .replace("&#x2F;", "/")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}
