//! The rooms of `src/` import each other as the picture in the crate's documentation says, and only the
//! doors touch files, the environment, clocks or chance.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms in the order in which data walks, each with what it may import. Data's source stands first, so a
/// room may only name rooms above it.
const ROOMS: &[(&str, &[&str])] = &[
    ("vocab", &[]),
    ("stats", &[]),
    ("study", &["vocab"]),
    ("simulate", &["vocab"]),
    ("ingest", &["vocab", "study"]),
    ("panel", &["vocab", "study", "ingest"]),
    ("design", &["vocab", "stats", "study", "ingest", "panel"]),
    ("models", &["vocab", "stats", "study", "panel", "design"]),
    ("effects", &["vocab", "stats", "panel", "design", "models"]),
    ("disclosure", &["vocab", "effects"]),
    ("report", &["vocab", "disclosure"]),
    (
        "run",
        &[
            "vocab",
            "stats",
            "study",
            "simulate",
            "ingest",
            "panel",
            "design",
            "models",
            "effects",
            "disclosure",
            "report",
        ],
    ),
    ("cli", &["vocab", "study", "simulate", "ingest", "panel", "models", "effects", "run"]),
];

/// Files and folders under `src/` that may touch files, the environment, clocks and chance.
const DOORS: &[&str] = &["ingest/", "simulate/emit.rs", "run/", "cli/"];

/// What only doors may name. `rand_chacha` with a seed that is an argument is not among them.
const OUTSIDE_WORLD: &[&str] = &[
    "std::fs",
    "std::env::",
    "std::net",
    "std::process",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "rand::rng",
    "thread_rng",
    "from_os_rng",
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every `.rs` file below `dir`.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The file's code without its comments: what a comment names is no import.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The rooms that `code` names by `crate::room`.
fn named_rooms(code: &str, file: &Path) -> BTreeSet<String> {
    let after_crate = code.match_indices("crate::").filter(|(at, _)| !code[..*at].ends_with('$'));
    after_crate
        .map(|(at, path)| {
            let rest = &code[at + path.len()..];
            let room: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(
                !room.is_empty(),
                "{}: write one `use crate::room` per room, so that it can be read here",
                file.display()
            );
            room
        })
        .collect()
}

/// What each room imports of the others.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(src()).expect("src/") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            let room = path.file_name().expect("a name").to_string_lossy().into_owned();
            let mut of_room: BTreeSet<String> = sources(&path).iter().flat_map(|f| named_rooms(&code(f), f)).collect();
            of_room.remove(&room);
            found.insert(room, of_room);
        }
    }
    found
}

#[test]
fn rooms_import_what_the_table_allows() {
    let imports = imports();
    let tabled: BTreeSet<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    assert_eq!(imports.keys().map(String::as_str).collect::<BTreeSet<_>>(), tabled, "rooms of src/ and of the table");
    for (room, allowed) in ROOMS {
        let outside: Vec<&String> = imports[*room].iter().filter(|i| !allowed.contains(&i.as_str())).collect();
        assert!(outside.is_empty(), "`{room}` imports {outside:?}; allowed are {allowed:?}");
    }
}

#[test]
fn the_table_points_to_the_source_of_data_only() {
    for (position, (room, allowed)) in ROOMS.iter().enumerate() {
        for import in *allowed {
            let at = ROOMS.iter().position(|(r, _)| r == import).expect("a room of the table");
            assert!(at < position, "`{room}` may not import `{import}`, which stands after it");
        }
    }
    // So no two rooms import each other; and the pages know only words and what may be shown.
    let of = |room: &str| ROOMS.iter().find(|(r, _)| *r == room).expect("a room").1;
    assert_eq!(of("report"), ["vocab", "disclosure"]);
    assert!(of("vocab").is_empty() && of("stats").is_empty(), "foundations import nothing of ours");
}

#[test]
fn no_room_is_left_by_super() {
    for path in sources(&src()) {
        let depth = path.strip_prefix(src()).expect("below src").components().count();
        let is_mod = path.file_name().is_some_and(|n| n == "mod.rs");
        let code = code(&path);
        // Names from the crate's root to this module; an inline `mod tests` is one deeper.
        let modules = depth - usize::from(is_mod) + usize::from(code.contains("mod tests {"));
        for climbs in 1..10 {
            let climb = "super::".repeat(climbs);
            assert!(climbs < modules || !code.contains(&climb), "{}: `{climb}` leaves the room", path.display());
        }
    }
}

#[test]
fn only_doors_touch_the_outside_world() {
    for path in sources(&src()) {
        let relative = path.strip_prefix(src()).expect("below src").to_string_lossy().replace('\\', "/");
        let is_root = !relative.contains('/');
        let is_test = relative.contains("/tests");
        if is_root || is_test || DOORS.iter().any(|door| relative.starts_with(door)) {
            continue;
        }
        let code = code(&path);
        for word in OUTSIDE_WORLD {
            assert!(
                !code.contains(word),
                "{relative} names `{word}`: only {DOORS:?} may; pass the value as an argument"
            );
        }
    }
}

#[test]
fn nothing_of_ours_is_unsafe() {
    for path in sources(&src()) {
        let code = code(&path);
        for word in ["unsafe {", "unsafe fn", "unsafe impl", "unsafe trait", "allow(unsafe_code"] {
            assert!(!code.contains(word), "{} says `{word}`", path.display());
        }
    }
}

#[test]
fn no_forbidden_crate_is_in_the_tree() {
    let read = |name: &str| -> toml::Table {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        fs::read_to_string(path).expect("a file of the repository").parse().expect("TOML")
    };
    let names = |list: &toml::Value, key: &str| -> BTreeSet<String> {
        let entries = list.as_array().expect("a list").iter();
        entries.map(|entry| entry[key].as_str().expect("a name").to_string()).collect()
    };
    let locked = names(&read("Cargo.lock")["package"], "name");
    let forbidden = names(&read("deny.toml")["bans"]["deny"], "crate");
    assert!(locked.contains("arrow") && forbidden.contains("tokio"));
    let found: Vec<&String> = locked.intersection(&forbidden).collect();
    assert!(found.is_empty(), "forbidden crates (deny.toml) in Cargo.lock: {found:?}");
}
