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

/// Under an umask that forbids nothing, every file of a run has the mode of its zone and no folder is open to all.
#[cfg(unix)]
#[test]
fn f46_f65_modes_do_not_depend_on_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with(&Study::small());
    let program = env!("CARGO_BIN_EXE_lob");
    let script = format!(
        "umask 0; {program} -q key new p.key --project klein && {program} -q run study.toml --out out && \
         {program} -q check study.toml && {program} -q report study.toml --to reports && \
         {program} -q panel study.toml --outcome uitval_jr1 --out panel.parquet"
    );
    let done =
        std::process::Command::new("sh").current_dir(folder.path()).args(["-c", &script]).output().expect("runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    for private in ["p.key", "panel.parquet", "check/validation.json", "check/validatie.html"] {
        assert_eq!(mode(&folder.path().join(private)), 0o600, "{private}");
    }
    for private in ["check", "reports"] {
        assert_eq!(mode(&folder.path().join(private)), 0o700, "{private}");
    }
    for path in small::files(&folder.path().join("reports")) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    for path in small::files(&folder.path().join("out")) {
        assert_eq!(mode(&path) & 0o022, 0, "{} may be changed by others", path.display());
        for parent in path.ancestors().skip(1).take_while(|p| *p != folder.path()) {
            assert_eq!(mode(parent) & 0o022, 0, "{} may be changed by others", parent.display());
        }
    }
}

/// The footer of a table with pseudonyms says nothing about them but the id of their key.
#[test]
fn f64_parquet_footers_hold_no_pseudonym() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let text = Study::small().text + "\n[privacy]\nkey_file = \"p.key\"\n";
    let folder = Folder::with(&Study { text, ..Study::small() });
    assert_eq!(folder.lob(&["key", "new", "p.key", "--project", "klein"]).code, 0);
    let ran = folder.lob(&["panel", "study.toml", "--outcome", "uitval_jr1", "--out", "panel.parquet"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    folder.run_well();
    let id = folder.lob(&["key", "id", "p.key"]).out.trim().to_string();
    let mut tables = small::files(&folder.current().join("research"));
    tables.push(folder.path().join("panel.parquet"));
    for path in tables {
        let file = fs::File::open(&path).expect("a table");
        let reader = SerializedFileReader::new(file).expect("Parquet");
        let meta = reader.metadata();
        for pair in meta.file_metadata().key_value_metadata().into_iter().flatten() {
            let is_allowed =
                pair.key == "ARROW:schema" || (pair.key == "lob_key_id" && pair.value.as_ref() == Some(&id));
            assert!(is_allowed, "{}: {}", path.display(), pair.key);
        }
        for column in meta.row_groups().iter().flat_map(|g| g.columns()) {
            if column.column_path().string() == "pupil" {
                let stats = column.statistics();
                assert!(stats.is_none_or(|s| s.min_bytes_opt().is_none() && s.max_bytes_opt().is_none()));
                assert!(column.bloom_filter_offset().is_none());
            }
        }
    }
    // Read again as a source, the table knows its key.
    let panel = small::Rows(small::read_parquet(&folder.path().join("panel.parquet")));
    assert!(panel.names().contains(&"pupil".to_string()));
}

/// What the hook says is tested beside it, in a child that panics.
#[test]
fn f61_the_program_sets_its_hook_before_it_reads_anything() {
    let main = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).expect("main.rs");
    let body = main.split("fn main()").nth(1).expect("a main");
    assert_eq!(body.split_once('{').expect("a body").1.trim().lines().next(), Some("say_only_the_place();"));
}

#[test]
fn f67_a_key_at_an_address_is_refused() {
    let text = Study::small().text + "\n[privacy]\nkey_file = \"https://example.org/p.key\"\n";
    let ran = Folder::with(&Study { text, ..Study::small() }).run();
    refused(&ran, 2, &["privacy.key_file", "only a file on this machine"]);
}

#[test]
fn f60_control_characters_of_a_header_do_not_reach_check() {
    let mut study = Study::small();
    study.leerling.header.push("x\u{1b}[31m::set-output name=a::b");
    study.leerling.rows.iter_mut().for_each(|r| r.push("a@b.nl".into()));
    let folder = Folder::with(&study);
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    for name in ["validation.json", "validatie.html"] {
        let bytes = fs::read(folder.path().join("check").join(name)).expect("written");
        assert!(!bytes.contains(&0x1b), "{name}");
    }
}

#[test]
fn f59_hostile_names_stay_text_on_the_page_of_a_check() {
    let mut study = Study::small();
    study.leerling.header.push("<script>alert(1)</script>");
    study.leerling.rows.iter_mut().for_each(|r| r.push("a@b.nl".into()));
    study.leerling.rows.iter_mut().for_each(|r| r[1] = r[1].replace("90AA00", "<img src=x onerror=alert(1)>"));
    study.school.set(0, "school", "<img src=x onerror=alert(1)>");
    let folder = Folder::with(&study);
    let ran = folder.lob(&["check", "study.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let page = fs::read_to_string(folder.path().join("check/validatie.html")).expect("a page");
    assert!(!page.contains("<script") && !page.contains("<img"), "an element of the data");
    assert!(page.contains("&lt;img src=x"));
}

/// Words that a spreadsheet would take for a formula: a run writes no file of a spreadsheet, its pages show them as text, and the
/// workbooks of the simulator hold no formula.
#[test]
fn f58_words_that_look_like_formulas_stay_words() {
    let names = ["=HYPERLINK(1)", "+31", "-2+3", "@SUM(A1)", "\t=1"];
    let mut study = Study::small();
    names.iter().enumerate().for_each(|(row, name)| study.school.set(row, "naam", name));
    let folder = Folder::with(&study);
    folder.run_well();
    for path in small::files(&folder.current()) {
        let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_string();
        assert!(["html", "json", "parquet", "toml", "jsonl"].contains(&kind.as_str()), "{}", path.display());
    }
    for (school, name) in small::SCHOOLS.iter().zip(names) {
        assert!(folder.page(school).contains(name.trim()), "{name}");
    }
    let made = folder.lob(&["simulate", "--schools", "2", "--as", "dossier-xlsx", "--to", "region"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let books: Vec<_> = small::files(&folder.path().join("region"))
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "xlsx"))
        .collect();
    assert!(!books.is_empty(), "no workbook was written");
    for book in books {
        let mut zip = zip::ZipArchive::new(fs::File::open(&book).expect("a workbook")).expect("a zip");
        for i in 0..zip.len() {
            let mut member = zip.by_index(i).expect("a member");
            let mut text = String::new();
            std::io::Read::read_to_string(&mut member, &mut text).expect("XML");
            assert!(!text.contains("<f>") && !text.contains("<f "), "{}: a formula", book.display());
        }
    }
}

/// The program asks its system for no connection: it names none of the functions that make one, and runs where there is no network.
#[cfg(target_os = "linux")]
#[test]
fn f66_the_program_opens_no_connection() {
    let program = fs::read(env!("CARGO_BIN_EXE_lob")).expect("the program");
    let names = |function: &str| {
        let word = [b"\0", function.as_bytes(), b"\0"].concat();
        program.windows(word.len()).any(|w| w == word)
    };
    assert!(names("write") && names("mmap64"), "the search is blind");
    for function in ["connect", "getaddrinfo", "gethostbyname", "bind", "listen", "accept4", "sendto"] {
        assert!(!names(function), "the program names `{function}`");
    }
    let folder = Folder::with(&Study::small());
    folder.run_well();
    let alone = |args: &[&str]| std::process::Command::new("unshare").args(args).output();
    // Only who may make a name space of its own can look from inside one.
    if !alone(&["--net", "true"]).is_ok_and(|done| done.status.success()) {
        println!("skipped: no network name space may be made here");
        return;
    }
    let study = folder.path().join("study.toml");
    let (study, out) = (study.to_str().expect("a path"), folder.path().join("alone"));
    let done = alone(&["--net", env!("CARGO_BIN_EXE_lob"), "run", study, "--out", out.to_str().expect("a path")]);
    let done = done.expect("runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let tables = |base: &Path| {
        let id = fs::read_to_string(base.join("CURRENT")).expect("CURRENT");
        small::tree(&base.join("runs").join(id.trim()).join("research"))
    };
    assert!(tables(&out) == tables(&folder.path().join("out")), "without a network the numbers are others");
}
