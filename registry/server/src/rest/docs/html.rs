//! A page under construction.
//!
//! It decides what is escaped: everything but literals of ours. It must never let a text end an
//! element or an attribute.

use serde_json::Value;

/// HTML so far.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// A literal of ours.
    pub(super) fn raw(&mut self, html: &'static str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// Any text, also as an attribute's value.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Text in which what stands between backticks is code.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        for (at, part) in text.split('`').enumerate() {
            match at % 2 {
                0 => self.text(part),
                _ => self.raw("<code>").text(part).raw("</code>"),
            };
        }
        self
    }

    /// The page.
    pub(super) fn done(self) -> String {
        self.0
    }
}

/// The text of a value; nothing if it is none.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut html = Html::default();
        html.raw("<p>").text("<b>\"'&").prose(" `a<b` c").raw("</p>");
        assert_eq!(html.done(), "<p>&lt;b&gt;&quot;&#39;&amp; <code>a&lt;b</code> c</p>");
    }
}
