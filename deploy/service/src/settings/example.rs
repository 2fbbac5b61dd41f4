//! A configuration file that says everything there is to say.
//!
//! It decides the order: what an operator has to say first, each section's own settings before the sections below it,
//! since TOML wants it so. It must never write a default as if it had been chosen: those are comments.

use super::{Field, Shape, below};

/// The file of a role. `chosen` are the settings that an operator always chooses, with values that can be read.
#[must_use]
pub fn example(shape: &Shape, chosen: &[(&str, &str)]) -> String {
    let mut text = String::new();
    section(&mut text, "", shape.fields().unwrap_or_default(), (chosen, ""));
    text
}

fn section(text: &mut String, name: &str, fields: &[Field], marks: (&[(&str, &str)], &str)) {
    let (chosen, comment) = marks;
    for field in fields.iter().filter(|field| field.shape.fields().is_none()) {
        let key = below(name, field.name);
        let value = chosen.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        setting(text, field, value, comment);
    }
    for field in fields {
        let Some(inner) = field.shape.fields() else { continue };
        let (key, is_list) = (below(name, field.name), matches!(field.shape, Shape::List(_)));
        // One that is there only if it is written is a comment as a whole.
        let comment = if matches!(field.shape, Shape::Section(_)) { comment } else { "#" };
        about(text, field.doc);
        text.push_str(&match is_list {
            true => format!("{comment}[[{key}]]\n\n"),
            false => format!("{comment}[{key}]\n\n"),
        });
        section(text, &key, inner, (chosen, comment));
    }
}

fn setting(text: &mut String, field: &Field, chosen: Option<&str>, comment: &str) {
    about(text, field.doc);
    about(text, &format!("({})", form(field)));
    let (comment, value) = match chosen {
        Some(value) => ("", value.to_owned()),
        None if field.is_required => (comment, sample(&field.shape)),
        None => ("#", field.default.clone().unwrap_or_else(|| sample(&field.shape))),
    };
    text.push_str(&format!("{comment}{} = {value}\n\n", field.name));
}

fn about(text: &mut String, words: &str) {
    words.lines().for_each(|line| text.push_str(&format!("# {line}\n")));
}

/// The form, and what holds without the setting.
fn form(field: &Field) -> String {
    let words = field.shape.words();
    match (&field.default, field.is_required) {
        (_, true) => format!("{words}; required"),
        (Some(_), _) => words,
        (None, _) => format!("{words}; unset by default"),
    }
}

fn sample(shape: &Shape) -> String {
    match shape {
        Shape::Value { sample, .. } => (*sample).to_owned(),
        Shape::List(_) => "[]".to_owned(),
        Shape::Optional(inner) => sample(inner),
        Shape::Section(_) => "{}".to_owned(),
    }
}
