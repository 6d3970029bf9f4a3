//! Bytes that nobody meant: files and study files with random damage give a table or an error in words, never a panic.
//!
//! The damage is the same in every run. `LOB_MUTATIONS=1000000` does more of it; `fuzz/` has the targets that look for
//! damage by what the program does with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use lob_effect::ingest::{Silence, find_files, profile};
use lob_effect::models;
use lob_effect::study::Study;
use lob_effect::study::file::{Format, Names, Source};
use lob_effect::study::template::TEMPLATE;

const CSV: &str =
    "leerling;datum;soort;minuten\n12001;07-10-2024;Gesprek mentor;20,5\n12002;8-10-2024;\"Open dag; mbo\";\n";
const RO: &str = "VLP|99ZC|2023-08-01|2024-07-31|2024-08-15\nPER|999990020||2006-11-02|M\n\
ISG|999990020||A1|2023-08-01|2026-07-31||\nISP|999990020||A1|2023-08-01|25163|BOL|3|J\nSLR|1|1|1|0|0|0|0|0|0\n";
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<EDEX><school><brincode>99ZA</brincode></school><leerlingen>\
<leerling key=\"12003\" eckid=\"https://ketenid.nl/pilot/x\"><jaargroep>4</jaargroep></leerling></leerlingen></EDEX>\n";

/// How often each seed is damaged.
fn rounds(usual: u64) -> u64 {
    std::env::var("LOB_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Bytes that parsers stumble over.
const SPECIAL: &[&[u8]] = &[
    b"\"",
    b"\0",
    b"\r",
    b"\n",
    b";",
    b"|",
    b"<",
    b"&",
    b"[",
    b"=",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc3",
    b"99999999999",
];

/// One to four changes: a byte, a special word, a piece taken out, a piece that stands there twice, an end cut off.
fn damaged(seed: &[u8], state: &mut u64) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=next(state) % 4 {
        let at = |state: &mut u64, n: usize| (next(state) % (n as u64 + 1)) as usize;
        let (a, b) = (at(state, bytes.len()), at(state, bytes.len()));
        let (a, b) = (a.min(b), a.max(b));
        match next(state) % 5 {
            0 if a < bytes.len() => bytes[a] ^= (1 + next(state) % 255) as u8,
            1 => {
                let word = SPECIAL[at(state, SPECIAL.len() - 1)];
                bytes.splice(a..a, word.iter().copied());
            }
            2 => drop(bytes.drain(a..b)),
            3 => {
                let piece = bytes[a..b].to_vec();
                bytes.splice(b..b, piece);
            }
            _ => bytes.truncate(b),
        }
    }
    bytes
}

/// Reads damaged copies of `seed`; the number that could be read.
fn read_all(seed: &[u8], name: &str, format: Format, table: Option<&str>) -> u64 {
    let dir = tempfile::tempdir().expect("a folder");
    let source = Source {
        files: Names(vec![name.to_string()]),
        format: Some(format),
        table: table.map(String::from),
        ..Source::default()
    };
    let read = |bytes: &[u8], dir: &Path| -> Result<u64, String> {
        std::fs::write(dir.join(name), bytes).expect("writes");
        let files = find_files(dir, "x", &source).map_err(|e| e.to_string())?;
        files.iter().map(|f| profile(f, &source, &Silence).map(|p| p.rows).map_err(|e| e.to_string())).sum()
    };
    let (mut state, mut sound) = (7, 0);
    for round in 0..rounds(400) {
        let bytes = damaged(seed, &mut state);
        match catch_unwind(AssertUnwindSafe(|| read(&bytes, dir.path()))) {
            Ok(Ok(_)) => sound += 1,
            Ok(Err(said)) => assert!(said.starts_with("LOB-E"), "round {round}: {said}"),
            Err(_) => panic!("round {round} of {name}: {}", String::from_utf8_lossy(&bytes)),
        }
    }
    sound
}

#[test]
fn damaged_text_files_never_panic() {
    let sound = read_all(CSV.as_bytes(), "x.csv", Format::Csv, None);
    assert!(sound > 0, "nothing could be read: the damage is not damage any more");
}

#[test]
fn damaged_deliveries_never_panic() {
    read_all(RO.as_bytes(), "RO_99ZC_20230801_20240731.csv", Format::DuoRo, Some("enrolment"));
    read_all(XML.as_bytes(), "x.xml", Format::Edexml, None);
}

#[test]
fn damaged_study_files_never_panic() {
    let mut state = 11;
    for round in 0..rounds(400) {
        let bytes = damaged(TEMPLATE.as_bytes(), &mut state);
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let parsed = catch_unwind(|| Study::parse(&text, &models::kinds()).map_err(|errors| errors.len()));
        match parsed {
            Ok(Ok(_)) => {}
            Ok(Err(n)) => assert!(n > 0, "round {round}: refused without a word"),
            Err(_) => panic!("round {round}: {text}"),
        }
    }
}
