//! Faults F: privacy and security. A test that begins with `f` and a number is about that fault of the list.

mod small;

use std::fs;
use std::path::Path;

use small::{Folder, Ran, Study, lob};

/// The small study with a key file that `spoil` changes before the run; what the run said.
fn with_spoilt_key(spoil: impl FnOnce(&Path)) -> Ran {
    let text = Study::small().text + "\n[privacy]\nkey_file = \"p.key\"\n";
    let folder = Folder::with(&Study { text, ..Study::small() });
    assert_eq!(lob(folder.path(), &["key", "new", "p.key", "--project", "klein"]).code, 0);
    spoil(&folder.path().join("p.key"));
    let ran = folder.run();
    assert!(
        !folder.path().join("out/runs").exists()
            || fs::read_dir(folder.path().join("out/runs")).expect("runs").count() == 0
    );
    ran
}

#[track_caller]
fn refused(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    for word in words {
        assert!(ran.err.contains(word), "no `{word}` in: {}", ran.err);
    }
}

fn secret(text: &str) -> &str {
    text.lines().find_map(|l| l.strip_prefix("key: ")).expect("a key")
}

#[cfg(unix)]
#[test]
fn f56_a_key_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let ran = with_spoilt_key(|key| fs::set_permissions(key, PermissionsExt::from_mode(0o644)).expect("sets"));
    refused(&ran, 2, &["LOB-E0703", "p.key", "mode 644", "chmod 600"]);
}

#[test]
fn f56_a_key_that_is_too_short_is_refused() {
    let ran = with_spoilt_key(|key| {
        let text = fs::read_to_string(key).expect("a key file");
        fs::write(key, text.replace(secret(&text), &secret(&text)[..32])).expect("writes");
    });
    refused(&ran, 2, &["LOB-E0704", "p.key", "256 bits"]);
}

#[test]
fn f56_a_password_in_the_place_of_a_key_is_refused_and_not_printed() {
    for password in ["Welkom2024!", "lob-key-v1\nproject: klein\nkey: Welkom2024!"] {
        let ran = with_spoilt_key(|key| fs::write(key, password).expect("writes"));
        refused(&ran, 2, &["LOB-E0704", "p.key", "lob key new"]);
        assert!(!ran.err.contains("Welkom"), "{}", ran.err);
    }
}

#[test]
fn f56_the_key_of_another_project_is_refused() {
    let ran = with_spoilt_key(|key| {
        fs::remove_file(key).expect("removes");
        let dir = key.parent().expect("a folder");
        assert_eq!(lob(dir, &["key", "new", "p.key", "--project", "ander"]).code, 0);
    });
    refused(&ran, 2, &["LOB-E0705", "`ander`", "`klein`"]);
}

#[test]
fn f56_a_key_file_that_is_not_there_is_refused() {
    let ran = with_spoilt_key(|key| fs::remove_file(key).expect("removes"));
    refused(&ran, 2, &["LOB-E0702", "p.key"]);
}

#[test]
fn f55_a_person_number_in_a_page_stops_publication() {
    let mut study = Study::small();
    study.school.set(2, "naam", "School 123456782");
    let folder = Folder::with(&study);
    let ran = folder.run();
    refused(&ran, 6, &["LOB-E0601", "rapport.html", "nothing was published"]);
    assert!(!ran.err.contains("123456782"));
    assert!(!folder.path().join("out/CURRENT").exists());
    assert_eq!(fs::read_dir(folder.path().join("out/runs")).expect("runs").count(), 0);
}
