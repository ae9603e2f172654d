//! Text as HTML. Nothing reaches the page but through here.

use std::fmt;

/// Text with every character that HTML gives a meaning escaped.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'t>(pub &'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(position) = rest.find(['&', '<', '>', '"', '\'']) {
            f.write_str(&rest[..position])?;
            f.write_str(match rest.as_bytes()[position] {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                _ => "&#39;",
            })?;
            rest = &rest[position + 1..];
        }
        f.write_str(rest)
    }
}

/// Sentences in which backticks mark code.
pub fn inline(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in text.split('`').enumerate() {
        match index % 2 {
            0 => html += &Escaped(part).to_string(),
            _ => html += &format!("<code>{}</code>", Escaped(part)),
        }
    }
    html
}

/// Paragraphs of such sentences.
pub fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>\n", inline(paragraph))).collect()
}

/// A name as a fragment of a URL.
pub fn anchor(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_for_markup() {
        assert_eq!(Escaped("<a href=\"x\" b='y'>&é").to_string(), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;é");
        assert_eq!(inline("a `<b>` c"), "a <code>&lt;b&gt;</code> c");
        assert_eq!(prose("a\nb\n\nc"), "<p>a\nb</p>\n<p>c</p>\n");
        assert_eq!(anchor("entry point"), "entry-point");
    }
}
