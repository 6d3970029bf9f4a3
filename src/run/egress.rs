//! The last gate before publishing (`conventions.md` §4 step 4, §6 "output gate"): every file is searched for what may
//! never leave, and one find stops the whole run. It fails closed: better no report than a leak.

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use serde_json::Value;

use super::RunError;
use crate::ingest::{BsnWatch, ProjectKey, holds_bsn};

/// What is searched for, beside person numbers.
#[derive(Debug, Default)]
pub(super) struct Gate {
    key: Option<ProjectKey>,
    /// Folders of this machine, as text.
    folders: Vec<String>,
}

impl Gate {
    /// A gate that knows the project key and the folders whose names tell about this machine and its user.
    pub(super) fn new(key: Option<ProjectKey>, folders: &[&Path]) -> Self {
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from);
        let absolute = |p: &Path| std::fs::canonicalize(p).unwrap_or_else(|_| p.to_path_buf());
        let all = folders.iter().map(|p| absolute(p)).chain(home);
        // A root such as `/` or `C:\` stands in every text and tells nothing.
        let folders = all.filter(|p| p.is_absolute() && p.components().count() > 2);
        Self { key, folders: folders.map(|p| p.to_string_lossy().into_owned()).collect() }
    }

    /// The key's id, for the manifest.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key.as_ref().map(ProjectKey::id)
    }

    /// Lets the bytes of output `name` pass, or says what is in them.
    ///
    /// # Errors
    /// [`RunError::Egress`].
    pub(super) fn pass(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        let refuse = |what: &'static str| Err(RunError::Egress { file: name.to_string(), what: what.into() });
        if self.key.as_ref().is_some_and(|key| key.is_in(bytes)) {
            return refuse("the project key");
        }
        if self.folders.iter().any(|folder| holds(bytes, folder.as_bytes())) {
            return refuse("the path of a folder of this machine");
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(()) };
        let is_json = name.ends_with(".json");
        let person = match serde_json::from_str::<Value>(text) {
            // Numbers of JSON are sizes and counts; a person number is a text there.
            Ok(value) if is_json => any_text(&value, &holds_bsn),
            _ => holds_bsn(text),
        };
        if person { refuse("a number that passes the 11-test of citizen service numbers") } else { Ok(()) }
    }

    /// Lets the text columns of table `name` pass, or says which one holds person numbers.
    ///
    /// # Errors
    /// [`RunError::Egress`].
    pub(super) fn pass_table(&self, name: &str, batch: &RecordBatch) -> Result<(), RunError> {
        for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
            if *column.data_type() != DataType::Utf8 {
                continue;
            }
            let mut watch = BsnWatch::default();
            column.as_string::<i32>().iter().flatten().for_each(|cell| watch.see(cell.as_bytes()));
            if watch.real().is_some() {
                let what = format!("citizen service numbers in column `{}`", field.name());
                return Err(RunError::Egress { file: name.to_string(), what });
            }
        }
        Ok(())
    }
}

fn any_text(value: &Value, is_bad: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_bad(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, is_bad)),
        Value::Object(fields) => fields.iter().any(|(key, item)| is_bad(key) || any_text(item, is_bad)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};

    fn refused(gate: &Gate, name: &str, text: &str) -> String {
        match gate.pass(name, text.as_bytes()) {
            Ok(()) => String::new(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn person_numbers_in_texts_are_stopped_and_sizes_are_not() {
        let gate = Gate::default();
        let said = refused(&gate, "school/x/rapport.html", "<p>Leerling 123456782</p>");
        assert!(said.contains("LOB-E0601") && said.contains("11-test") && !said.contains("123456782"), "{said}");
        assert!(!refused(&gate, "run_results.json", r#"{"a": ["123456782"]}"#).is_empty());
        assert!(!refused(&gate, "run_results.json", r#"{"123456782": 1}"#).is_empty());
        assert_eq!(refused(&gate, "manifest.json", r#"{"bytes": 123456782}"#), "");
        assert_eq!(refused(&gate, "a.html", "<p>123456783 0.123456782 c123456782</p>"), "");
    }

    #[test]
    fn the_key_and_folders_are_stopped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("p.key");
        let key = ProjectKey::create(&path, "p").expect("a key");
        let written = std::fs::read_to_string(&path).expect("a key file");
        let gate = Gate::new(Some(key), &[folder.path()]);
        assert!(refused(&gate, "a.html", &written).contains("project key"));
        let inside = std::fs::canonicalize(folder.path()).expect("a folder").join("x.csv");
        assert!(refused(&gate, "a.json", &format!("{:?}", inside.display())).contains("folder of this machine"));
        assert_eq!(refused(&gate, "a.html", "niets bijzonders in runs/x"), "");
        assert_eq!(gate.key_id().map(str::len), Some(16));
    }

    #[test]
    fn person_numbers_in_a_table_are_stopped() {
        let numbers: Vec<String> =
            (100_000_000..).filter(|n: &u32| holds_bsn(&n.to_string())).take(9).map(|n| n.to_string()).collect();
        let table = |cells: Vec<String>| {
            let array: ArrayRef = Arc::new(StringArray::from(cells));
            RecordBatch::try_from_iter([("school_id", array)]).expect("a table")
        };
        let said = Gate::default().pass_table("tidy", &table(numbers)).expect_err("refused").to_string();
        assert!(said.contains("tidy") && said.contains("`school_id`"), "{said}");
        assert!(Gate::default().pass_table("tidy", &table(vec!["90AA00".into(), "123456782".into()])).is_ok());
    }
}
