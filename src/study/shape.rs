//! Shape of a study file against the JSON Schema of its types: all unknown keys, wrong types and missing
//! keys at once, each with its place. serde alone stops at the first.

use std::ops::Range;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Place, StudyError, nearest};

/// Checks `table` against `schema` and returns every difference.
pub(super) fn check(table: &Spanned<DeTable<'_>>, schema: &Json, text: &str) -> Vec<StudyError> {
    let mut walk = Walk { root: schema, text, errors: Vec::new() };
    walk.table(table.get_ref(), table.span(), schema, "");
    walk.errors
}

struct Walk<'a> {
    root: &'a Json,
    text: &'a str,
    errors: Vec<StudyError>,
}

impl Walk<'_> {
    fn error(&mut self, at: Range<usize>, path: &str, message: String, help: Option<String>) {
        let place = Place::of(self.text, at.start);
        self.errors.push(StudyError { place, path: path.to_string(), message, help });
    }

    /// Follows `$ref` and the non-null branch of an optional type.
    fn resolve<'s>(&'s self, mut schema: &'s Json) -> &'s Json {
        loop {
            if let Some(Json::String(name)) = schema.get("$ref") {
                let key = name.rsplit('/').next().unwrap_or_default();
                schema = &self.root["$defs"][key];
            } else if let Some([one, other]) = branches(schema)
                && (is_null(one) || is_null(other))
            {
                schema = if is_null(one) { other } else { one };
            } else {
                return schema;
            }
        }
    }

    fn table(&mut self, table: &DeTable<'_>, span: Range<usize>, schema: &Json, path: &str) {
        let schema = self.resolve(schema).clone();
        let properties = schema.get("properties").and_then(Json::as_object);
        let open = schema.get("additionalProperties").filter(|a| a.is_object());
        for (key, value) in table {
            let name = key.get_ref().to_string();
            let at = join(path, &name);
            match (properties.and_then(|p| p.get(&name)), open) {
                (Some(sub), _) | (None, Some(sub)) => self.value(value, sub, &at),
                (None, None) => {
                    let known = properties.map_or_else(Vec::new, |p| p.keys().cloned().collect());
                    self.error(key.span(), &at, format!("unknown key `{name}`"), nearest(&name, &known));
                }
            }
        }
        for key in schema.get("required").and_then(Json::as_array).into_iter().flatten() {
            let key = key.as_str().unwrap_or_default();
            if !table.iter().any(|(k, _)| k.get_ref() == key) {
                let place = if path.is_empty() { "the file".into() } else { format!("[{path}]") };
                self.error(span.clone(), path, format!("{place} needs the key `{key}`"), None);
            }
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &Json, path: &str) {
        let schema = self.resolve(schema).clone();
        let known = words(&schema);
        if !known.is_empty() {
            match value.get_ref() {
                DeValue::String(text) if known.iter().any(|w| w == text.as_ref()) => {}
                DeValue::String(text) => {
                    let message = format!("`{text}` is not one of {}", known.join(", "));
                    self.error(value.span(), path, message, nearest(text, &known));
                }
                _ => self.mismatch(value, path, &self.wanted(&schema)),
            }
            return;
        }
        if let Some(options) = branches(&schema) {
            if !options.iter().any(|s| self.fits(value, s)) {
                let wanted: Vec<_> = options.iter().map(|s| self.wanted(s)).collect();
                self.mismatch(value, path, &wanted.join(" or "));
            }
            return;
        }
        match value.get_ref() {
            DeValue::Table(table) if is(&schema, "object") => {
                self.table(table, value.span(), &schema, path);
            }
            DeValue::Array(items) if is(&schema, "array") => {
                for (i, item) in items.iter().enumerate() {
                    self.value(item, &schema["items"], &format!("{path}[{i}]"));
                }
            }
            _ if self.fits(value, &schema) => {}
            _ => {
                let wanted = self.wanted(&schema);
                self.mismatch(value, path, &wanted);
            }
        }
    }

    fn mismatch(&mut self, value: &Spanned<DeValue<'_>>, path: &str, wanted: &str) {
        let message = format!("expected {wanted}, found {}", found(value.get_ref()));
        self.error(value.span(), path, message, None);
    }

    fn fits(&self, value: &Spanned<DeValue<'_>>, schema: &Json) -> bool {
        let schema = self.resolve(schema);
        match value.get_ref() {
            DeValue::String(s) => match words(schema) {
                known if known.is_empty() => is(schema, "string"),
                known => known.iter().any(|w| w == s.as_ref()),
            },
            DeValue::Integer(i) => {
                let unsigned = schema.get("minimum").and_then(Json::as_f64) == Some(0.0);
                (is(schema, "integer") || is(schema, "number")) && !(unsigned && i.as_str().starts_with('-'))
            }
            DeValue::Float(_) => is(schema, "number"),
            DeValue::Boolean(_) => is(schema, "boolean"),
            DeValue::Array(items) => is(schema, "array") && items.iter().all(|item| self.fits(item, &schema["items"])),
            DeValue::Table(table) => {
                // An enum with a payload, such as `{ months = 6 }`.
                is(schema, "object")
                    && table
                        .iter()
                        .all(|(k, v)| schema["properties"].get(k.get_ref().as_ref()).is_some_and(|s| self.fits(v, s)))
                    && words_of(schema, "required").iter().all(|r| table.iter().any(|(k, _)| k.get_ref() == r))
            }
            DeValue::Datetime(_) => false,
        }
    }

    fn wanted(&self, schema: &Json) -> String {
        let schema = self.resolve(schema);
        let known = words(schema);
        if !known.is_empty() {
            return format!("one of {}", known.join(", "));
        }
        if let Some(options) = branches(schema) {
            return options.iter().map(|s| self.wanted(s)).collect::<Vec<_>>().join(" or ");
        }
        if let (true, Some(p)) = (is(schema, "object"), schema.get("properties").and_then(Json::as_object)) {
            return format!("a table with {}", p.keys().cloned().collect::<Vec<_>>().join(", "));
        }
        let name = match kinds(schema).into_iter().find(|k| k != "null").as_deref() {
            Some("string") => "a text in quotes",
            Some("integer") => "a whole number, 0 or more",
            Some("number") => "a number",
            Some("boolean") => "true or false",
            Some("array") => "a list",
            _ => "a table",
        };
        name.to_string()
    }
}

fn branches(schema: &Json) -> Option<&[Json]> {
    ["anyOf", "oneOf"].iter().find_map(|k| schema.get(k)).and_then(Json::as_array).map(Vec::as_slice)
}

fn is_null(schema: &Json) -> bool {
    schema.get("type").and_then(Json::as_str) == Some("null")
}

fn kinds(schema: &Json) -> Vec<String> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one.clone()],
        Some(Json::Array(many)) => many.iter().filter_map(|k| k.as_str().map(String::from)).collect(),
        _ => Vec::new(),
    }
}

fn is(schema: &Json, kind: &str) -> bool {
    kinds(schema).iter().any(|k| k == kind)
}

/// The words of a type that is one of a few words; none for any other type. A word with documentation is a
/// `const` in a branch of its own, words without are an `enum`.
fn words(schema: &Json) -> Vec<String> {
    let mut known = words_of(schema, "enum");
    known.extend(schema.get("const").and_then(Json::as_str).map(String::from));
    if known.is_empty() {
        let of_branches: Vec<_> = branches(schema).into_iter().flatten().map(words).collect();
        if of_branches.iter().all(|words| !words.is_empty()) {
            known = of_branches.concat();
        }
    }
    known
}

fn words_of(schema: &Json, key: &str) -> Vec<String> {
    schema
        .get(key)
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(|w| w.as_str().map(String::from))
        .collect()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_string() } else { format!("{path}.{name}") }
}

fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a decimal point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
