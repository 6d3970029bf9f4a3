//! `lob batch`: many studies, one summary; what one of them does wrong harms no other.

mod small;

use std::fs;

use small::{Folder, Study, lob, read_parquet};
use tempfile::TempDir;

/// Three good studies, one with a mistake, one with a damaged table, one that is not there.
fn studies() -> TempDir {
    let dir = TempDir::new().expect("a temporary folder");
    for name in ["een", "twee", "drie", "stuk", "fout"] {
        let mut study = Study::small();
        study.text = study.text.replace("id = \"klein\"", &format!("id = \"{name}\""));
        match name {
            "stuk" => study.leerling.set(3, "leeftijd", "KANARIE"),
            "fout" => study.text = study.text.replace("random = \"intercept\"", "random = \"interceptor\""),
            _ => {}
        }
        let folder = dir.path().join(name);
        fs::create_dir(&folder).expect("a folder");
        study.write(&folder);
    }
    dir
}

#[test]
fn failures_are_lines_and_the_other_studies_are_what_they_are_alone() {
    let dir = studies();
    let all = [
        "een/study.toml",
        "fout/study.toml",
        "twee/study.toml",
        "stuk/study.toml",
        "niet/study.toml",
        "drie/study.toml",
    ];
    let args: Vec<&str> = ["batch"].into_iter().chain(all).chain(["--out", "uit", "--at-once", "3"]).collect();
    let ran = lob(dir.path(), &args);
    assert_eq!(ran.code, 3, "the worst: {}{}", ran.out, ran.err);
    assert!(ran.out.contains("6 studies: 3 done, 0 done with models that did not converge, 3 failed"), "{}", ran.out);
    let lines: Vec<&str> = ran.out.lines().filter(|l| l.contains("study.toml")).collect();
    assert!(
        lines.len() == 3 && ["een", "twee", "drie"].iter().zip(&lines).all(|(name, l)| l.starts_with(name)),
        "{lines:?}"
    );
    for (place, code) in [("stuk", "LOB-E0108"), ("fout", "LOB-E0001"), ("niet", "can't read the study file")] {
        let told = ran.err.lines().any(|l| l.contains(&format!("{place}/study.toml: ")) && l.contains(code));
        assert!(told, "{place}: {}", ran.err);
    }
    // Alone, and on another number of threads, the same bytes.
    let alone = Folder::with(&{
        let mut study = Study::small();
        study.text = study.text.replace("id = \"klein\"", "id = \"twee\"");
        study
    });
    alone.run_well();
    let out = dir.path().join("uit/twee");
    let id = fs::read_to_string(out.join("CURRENT")).expect("CURRENT");
    assert_eq!(alone.current().file_name().expect("an id").to_string_lossy(), id.trim());
    for name in ["tidy", "school_effect", "flow"] {
        let file = format!("research/{name}.parquet");
        assert_eq!(
            read_parquet(&out.join("runs").join(id.trim()).join(&file)),
            read_parquet(&alone.current().join(&file))
        );
    }
}

#[test]
fn two_studies_do_not_share_an_output_folder() {
    let dir = studies();
    let ran = lob(dir.path(), &["batch", "een/study.toml", "een/study.toml", "--out", "uit"]);
    assert!(ran.code == 2 && ran.err.contains("another study has the same output folder"), "{} {}", ran.code, ran.err);
    let ran = lob(dir.path(), &["batch", "een/study.toml", "twee/study.toml", "--out", "uit"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(dir.path().join("uit/een/CURRENT").exists() && dir.path().join("uit/twee/CURRENT").exists());
}
