//! Fingerprint of the source: part of every run id, so that a run can't be mistaken for one of another build.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    let mut files = Vec::new();
    collect(Path::new("src"), &mut files);
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.to_string_lossy().replace('\\', "/").hash(&mut hasher);
        // Line ends differ between systems; the source is the same.
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.lines().for_each(|line| line.hash(&mut hasher));
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=LOB_SOURCE={:016x}", hasher.finish());
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
