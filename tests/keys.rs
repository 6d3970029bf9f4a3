//! `lob key` and `lob explain` as people meet them: files, permissions, exit codes, and what is never printed.

mod small;

use std::fs;
use std::path::Path;

use small::{Folder, Study, lob};
use tempfile::TempDir;

fn new_key(dir: &Path, file: &str, project: &str) -> String {
    let ran = lob(dir, &["key", "new", file, "--project", project]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    lob(dir, &["key", "id", file]).out.trim().to_string()
}

/// The secret of a key file, as it is written.
fn secret(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a key file");
    text.lines().find_map(|l| l.strip_prefix("key: ")).expect("a key").to_string()
}

#[test]
fn a_key_is_made_once_and_only_its_id_is_printed() {
    let dir = TempDir::new().expect("a folder");
    let ran = lob(dir.path(), &["key", "new", "p.key", "--project", "regio"]);
    let secret = secret(&dir.path().join("p.key"));
    assert_eq!((ran.code, secret.len()), (0, 64));
    let id = lob(dir.path(), &["key", "id", "p.key"]).out;
    assert_eq!(id.trim().len(), 16);
    assert!(ran.out.contains(id.trim()));
    let again = lob(dir.path(), &["key", "new", "p.key", "--project", "regio"]);
    assert!(again.code == 2 && again.err.contains("LOB-E0707"), "{}", again.err);
    let bad = lob(dir.path(), &["key", "new", "q.key", "--project", "a/b"]);
    assert!(bad.code == 2 && !dir.path().join("q.key").exists());
    for ran in [&ran, &again] {
        assert!(!ran.out.contains(&secret) && !ran.err.contains(&secret), "the key was printed");
    }
}

#[test]
fn a_key_is_rotated_and_destroyed_with_the_words_that_belong_to_it() {
    let dir = TempDir::new().expect("a folder");
    let first = new_key(dir.path(), "p.key", "regio");
    let rotated = lob(dir.path(), &["key", "rotate", "p.key"]);
    let second = lob(dir.path(), &["key", "id", "p.key"]).out.trim().to_string();
    assert_eq!(rotated.code, 0, "{}", rotated.err);
    assert!(first != second && rotated.out.contains(&first) && rotated.out.contains(&second), "{}", rotated.out);
    let kept = format!("p.key.{first}.old");
    assert_eq!(lob(dir.path(), &["key", "id", &kept]).out.trim(), first);
    let asked = lob(dir.path(), &["key", "destroy", "p.key"]);
    assert!(asked.code == 2 && asked.err.contains("--yes") && dir.path().join("p.key").exists(), "{}", asked.err);
    let gone = lob(dir.path(), &["key", "destroy", "p.key", "--yes"]);
    assert!(gone.code == 0 && !dir.path().join("p.key").exists(), "{}", gone.err);
    for word in [second.as_str(), "not anonymous", "backups", kept.as_str()] {
        assert!(gone.out.contains(word), "no `{word}` in {}", gone.out);
    }
}

#[test]
fn every_code_is_explained_in_both_languages() {
    let dir = TempDir::new().expect("a folder");
    let ran = lob(dir.path(), &["explain", "lob-e0108"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for word in ["LOB-E0108", "exit code 3", "Waarom:", "Wat te doen:", "Why:", "What to do:"] {
        assert!(ran.out.contains(word), "no `{word}` in {}", ran.out);
    }
    let dutch = lob(dir.path(), &["explain", "0108", "--lang", "nl"]).out;
    assert!(dutch.contains("Waarom:") && !dutch.contains("Why:"));
    let list = lob(dir.path(), &["explain", "--list", "--lang", "en"]).out;
    assert_eq!(list.lines().count(), lob_effect::vocab::codes::CODES.len());
    let unknown = lob(dir.path(), &["explain", "LOB-E9999"]);
    assert!(unknown.code == 2 && unknown.err.contains("no code"), "{}", unknown.err);
}

#[test]
fn a_run_notes_the_id_of_its_key_and_refuses_another_one() {
    let folder = Folder::with(&Study { text: with_key("p.key"), ..Study::small() });
    let id = new_key(folder.path(), "p.key", "klein");
    folder.run_well();
    let manifest = fs::read_to_string(folder.current().join("manifest.json")).expect("a manifest");
    assert!(manifest.contains(&format!("\"key_id\": \"{id}\"")), "{manifest}");
    fs::remove_file(folder.path().join("p.key")).expect("removes");
    let other = new_key(folder.path(), "p.key", "klein");
    let ran = folder.run();
    assert_eq!(ran.code, 2, "{}", ran.err);
    for word in ["LOB-E0706", "output folder", id.as_str(), other.as_str()] {
        assert!(ran.err.contains(word), "no `{word}` in {}", ran.err);
    }
    fs::write(
        folder.path().join("study.toml"),
        with_key("p.key").replace("key_file", "key_id = \"0123456789abcdef\"\nkey_file"),
    )
    .expect("writes");
    let ran = folder.lob(&["run", "study.toml", "--out", "fresh"]);
    assert!(ran.code == 2 && ran.err.contains("privacy.key_id"), "{}", ran.err);
}

fn with_key(file: &str) -> String {
    Study::small().text + &format!("\n[privacy]\nkey_file = \"{file}\"\n")
}
