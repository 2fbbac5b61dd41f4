//! The reference of a role's settings, in Markdown.
//!
//! It decides the layout only: a table for each section.

use super::{Field, Shape, below};

/// The settings of `role`, from its outermost section down.
#[must_use]
pub fn reference(role: &str, shape: &Shape) -> String {
    let mut text = format!("## {role}\n\n");
    table(&mut text, "", shape.fields().unwrap_or_default());
    text
}

fn table(text: &mut String, name: &str, fields: &[Field]) {
    text.push_str("| setting | form | default | meaning |\n|---|---|---|---|\n");
    for field in fields {
        let form = match field.shape.fields() {
            None => field.shape.words(),
            Some(_) => section_form(&field.shape, &below(name, field.name)),
        };
        let cells = [format!("`{}`", field.name), form, default(field), flat(field.doc)];
        text.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
    text.push('\n');
    for field in fields {
        if let Some(inner) = field.shape.fields() {
            let key = below(name, field.name);
            text.push_str(&format!("### `{key}`\n\n{}\n\n", flat(field.doc)));
            table(text, &key, inner);
        }
    }
}

fn section_form(shape: &Shape, key: &str) -> String {
    match shape {
        Shape::List(_) => format!("sections `[[{key}]]`"),
        _ => format!("section `[{key}]`"),
    }
}

fn default(field: &Field) -> String {
    match (&field.default, &field.shape) {
        _ if field.is_required => "required".to_owned(),
        (Some(default), _) => format!("`{default}`"),
        (None, Shape::Section(_)) => String::new(),
        (None, _) => "unset".to_owned(),
    }
}

fn flat(doc: &str) -> String {
    doc.lines().collect::<Vec<_>>().join(" ")
}
