//! Bad input is refused in words, or counted where it falls out; nothing is lost silently, no number is made
//! up, and no earlier run changes. A test that begins with `f` and a number is about that fault of the list.

mod small;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray};
use lob_effect::ingest::{As, Batch, InputError, Silence, Table, Want};
use lob_effect::models;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use small::{CANARY, Folder, SCHOOLS, Study, assert_no_canary, tree};

/// A good run stands; after `damage` to the folder the next run must end with `code`, say why, and leave every
/// byte of the good run as it was. Returns what it said.
fn refused_files(code: i32, damage: impl FnOnce(&Path)) -> String {
    let folder = Folder::with(&Study::small());
    folder.run_well();
    let before = tree(&folder.path().join("out"));
    damage(folder.path());
    let ran = folder.run();
    assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
    assert!(ran.err.starts_with("error: "), "{}", ran.err);
    assert!(before == tree(&folder.path().join("out")), "an earlier run changed");
    ran.err
}

/// As [`refused_files`], with a change of the study or of cells.
fn refused(code: i32, damage: impl FnOnce(&mut Study)) -> String {
    refused_files(code, |dir| {
        let mut study = Study::small();
        damage(&mut study);
        study.write(dir);
    })
}

/// A run of a changed study that must end with 0.
fn accepted(change: impl FnOnce(&mut Study)) -> Folder {
    let mut study = Study::small();
    change(&mut study);
    let folder = Folder::with(&study);
    folder.run_well();
    assert_numbers_are_sound(&folder);
    folder
}

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "no `{word}` in: {message}");
    }
}

/// No table holds a number that is not finite, every row has a status, and no page shows `inf` or `NaN`.
fn assert_numbers_are_sound(folder: &Folder) {
    for name in ["tidy", "glance", "ran_vals", "school_effect", "flow"] {
        let table = folder.table(name);
        for (column, field) in table.0.columns().iter().zip(table.0.schema().fields()) {
            if field.data_type().is_floating() {
                let sound = table.numbers(field.name()).iter().flatten().all(|v| v.is_finite() && v.abs() < 1e6);
                assert!(sound, "{name}.{}: {column:?}", field.name());
            }
        }
        if name != "flow" {
            assert!((0..table.len()).all(|i| !table.text("status", i).is_empty()), "{name}: a row without status");
        }
    }
    for school in fs::read_dir(folder.current().join("school")).expect("pages") {
        let page = fs::read_to_string(school.expect("a school").path().join("rapport.html")).expect("a page");
        assert_valid(&page);
    }
}

/// A page that explains: complete, every section there, no raw number that went wrong.
fn assert_valid(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"), "an incomplete page");
    let text = page.to_lowercase();
    for wrong in ["nan", "inf%", ">inf<", "∞", "infinity", "null", "none<"] {
        let found = text.match_indices(wrong).any(|(at, w)| {
            let word = |c: Option<char>| c.is_some_and(char::is_alphabetic);
            !word(text[..at].chars().next_back()) && !word(text[at + w.len()..].chars().next())
        });
        assert!(!found, "a page says `{wrong}`");
    }
}

/// The row of `model` in the glance table.
fn glance_status(folder: &Folder, model: &str) -> String {
    let glance = folder.table("glance");
    let row = glance.rows_with("model_id", model)[0];
    glance.text("status", row)
}

/// All rows of a refused model: no estimate, and the reason.
fn assert_refused(folder: &Folder, model: &str, reason: &str) {
    assert_eq!(glance_status(folder, model), reason);
    let effects = folder.table("school_effect");
    let estimates = effects.numbers("estimate");
    for row in effects.rows_with("model_id", model) {
        assert_eq!(estimates[row], None, "a number in spite of {reason}");
        assert_eq!(effects.text("status", row), "not_estimable");
        assert_eq!(effects.text("reason", row), reason);
    }
    assert!(folder.table("tidy").rows_with("model_id", model).is_empty());
}

// --- The small study itself --------------------------------------------------------------------------------

#[test]
fn the_small_study_is_estimated_and_publishes_no_pseudonym() {
    let folder = accepted(|_| {});
    for model in ["uitval", "vertrek"] {
        assert!(["ok", "singular"].contains(&glance_status(&folder, model).as_str()));
    }
    let effects = folder.table("school_effect");
    let estimates = effects.numbers("estimate");
    for (row, estimate) in estimates.iter().enumerate() {
        // With an intercept per school alone no school has a slope of its own.
        let is_deviation = effects.text("estimand", row) == "E4";
        assert_eq!(estimate.is_none(), is_deviation, "row {row}");
        assert_eq!(effects.text("reason", row), if is_deviation { "no_own_slope" } else { "" });
    }
    assert_eq!(folder.flow("pupils", "used"), 320);
    // The search for pseudonyms finds one where there is one.
    let found = std::panic::catch_unwind(|| assert_no_canary(folder.path()));
    assert!(found.is_err(), "the search is blind");
}

// --- A. Text -----------------------------------------------------------------------------------------------

#[test]
fn f01_windows_1252_is_read_and_a_mixture_is_refused() {
    let with_name = |name: &[u8]| {
        let text = Study::small().school.text();
        let at = text.find("School 90AA00").expect("a name");
        [&text.as_bytes()[..at], name, &text.as_bytes()[at + 6..]].concat()
    };
    let folder = Folder::with(&Study::small());
    fs::write(folder.path().join("school.csv"), with_name(b"Ecol\xe9")).expect("writes");
    folder.run_well();
    let page = fs::read_to_string(folder.current().join("school/90AA00/rapport.html")).expect("a page");
    assert!(page.contains("Ecol\u{e9} 90AA00"), "the name was not decoded");
    let said = refused_files(3, |dir| {
        let bytes = with_name("Ecol\u{e9} \u{eb}".as_bytes());
        let at = bytes.len() - 3;
        fs::write(dir.join("school.csv"), [&bytes[..at], b"\xe9", &bytes[at..]].concat()).expect("writes");
    });
    says(&said, &["LOB-E0123", "school.csv", "2 letters are UTF-8, byte 1", "CSV UTF-8", "windows-1252"]);
}

#[test]
fn f02_a_utf8_byte_order_mark_changes_nothing() {
    let plain = accepted(|_| {});
    let marked = Folder::with(&Study::small());
    let bytes = [&[0xef, 0xbb, 0xbf], Study::small().leerling.text().as_bytes()].concat();
    fs::write(marked.path().join("leerling.csv"), bytes).expect("writes");
    marked.run_well();
    assert_eq!(plain.table("tidy").0, marked.table("tidy").0);
}

#[test]
fn f02_utf16_and_a_double_mark_change_nothing() {
    let plain = accepted(|_| {});
    let text = Study::small().leerling.text();
    let wide = |mark: [u8; 2], unit: fn(u16) -> [u8; 2]| {
        mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect::<Vec<u8>>()
    };
    let double = [&[0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf], text.as_bytes()].concat();
    for bytes in [wide([0xff, 0xfe], u16::to_le_bytes), wide([0xfe, 0xff], u16::to_be_bytes), double] {
        let folder = Folder::with(&Study::small());
        fs::write(folder.path().join("leerling.csv"), bytes).expect("writes");
        folder.run_well();
        assert_eq!(plain.table("tidy").0, folder.table("tidy").0);
    }
    // Without its mark half of UTF-16 is zero bytes.
    let said = refused_files(3, |dir| {
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        fs::write(dir.join("leerling.csv"), utf16).expect("writes");
    });
    says(&said, &["LOB-E0123", "leerling.csv", "NUL", "utf-16le"]);
}

#[test]
fn f04_the_delimiter_is_found_per_file_and_one_that_is_not_there_is_refused() {
    let plain = accepted(|_| {});
    let with = |delimiter: &str| Study::small().activiteit.text().replace(',', delimiter);
    for delimiter in [";", "\t", "|"] {
        let folder = Folder::with(&Study::small());
        fs::write(folder.path().join("activiteit.csv"), with(delimiter)).expect("writes");
        folder.run_well();
        assert_eq!(plain.table("tidy").0, folder.table("tidy").0);
    }
    let said = refused(2, |s| {
        s.text = s.text.replace("files = \"activiteit.csv\"", "files = \"activiteit.csv\"\ndelimiter = \";\"");
    });
    says(&said, &["LOB-E0127", "activiteit.csv", "`;`", "`,`"]);
}

#[test]
fn f05_a_file_without_header_is_refused_without_showing_its_first_pupil() {
    let said = refused_files(3, |dir| {
        let text = Study::small().leerling.text();
        let rows = text.split_once('\n').expect("a header").1;
        fs::write(dir.join("leerling.csv"), rows).expect("writes");
    });
    says(&said, &["LOB-E0105", "leerling.csv", "is the first line the header?"]);
    assert!(!said.contains("90AA00"), "values were printed: {said}");
}

#[test]
fn f07_an_impossible_date_is_rejected_with_its_row_and_shape() {
    let said = refused(3, |s| {
        s.activiteit.set(0, "datum", "2022-02-31");
        s.activiteit.set(5, "datum", "15 maart");
    });
    says(&said, &["LOB-E0108", "2 rows", "activiteit.csv row 2", "9999-99-99", "row 7", "99 aaaaa", "date_format"]);
    assert!(!said.contains("maart"), "a value was printed");
}

#[test]
fn f07_rejected_rows_within_the_tolerance_are_counted() {
    let before = accepted(|_| {});
    let folder = accepted(|s| {
        s.text = s.text.replace("[study]", "[study]\nmax_reject = 2");
        s.activiteit.set(0, "datum", "2022-02-31");
        s.activiteit.set(5, "datum", "15 maart");
    });
    let results = fs::read_to_string(folder.current().join("run_results.json")).expect("results");
    says(&results, &["\"rejected_rows\": 2"]);
    assert_eq!(folder.flow("activities", "read"), before.flow("activities", "read") - 2);
    let said = folder.lob(&["check", "study.toml"]).out;
    says(&said, &["activiteit.csv row 2", "column `datum`"]);
}

#[test]
fn f10_a_quote_that_never_closes_is_refused() {
    let said = refused(3, |s| s.school.set(2, "naam", "\"De Brug"));
    says(&said, &["LOB-E0103", "school.csv", "never closed"]);
    assert!(!said.contains("Brug"), "a value was printed");
    // Quotes that close are no fault, nor is one in the middle of a word.
    accepted(|s| {
        s.school.set(2, "naam", "\"De \"\"Brug\"\", locatie\nNoord\"");
        s.school.set(3, "naam", "5\" school");
    });
}

#[test]
fn f13_gzip_cut_off_at_every_byte_is_an_error() {
    let text = Study::small().text.replace("\"school.csv\"", "\"school.csv.gz\"");
    let study = lob_effect::study::Study::parse(&text, &models::kinds()).expect("a right study");
    let dir = tempfile::tempdir().expect("a folder");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, Study::small().school.text().as_bytes()).expect("packs");
    let bytes = packer.finish().expect("packs");
    let read = |bytes: &[u8]| -> Result<usize, InputError> {
        fs::write(dir.path().join("school.csv.gz"), bytes).expect("writes");
        let wants = [Want::new("school", As::Text), Want::new("naam", As::Text)];
        let mut rows = 0;
        Table::open(&study, dir.path(), "school", &wants)?.for_each(&Silence, |batch: &Batch| rows += batch.rows)?;
        Ok(rows)
    };
    assert_eq!(read(&bytes).expect("a sound file"), SCHOOLS.len());
    for length in 0..bytes.len() {
        let error = read(&bytes[..length]).expect_err("a cut-off file is not read");
        assert!(!error.is_environment() && error.to_string().contains("school.csv.gz"), "cut at {length}: {error}");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xff;
        // The header's time and system fields carry no data; everything else is under the checksum.
        assert!(read(&damaged).is_err() || at < 10, "byte {at} was not missed");
    }
}

#[test]
fn f11_ragged_rows_are_refused() {
    let said = refused(3, |s| s.leerling.rows[7].push("te veel".into()));
    says(&said, &["LOB-E0202", "leerling.csv row 9", "12 cells, the header 11"]);
    assert!(!said.contains("te veel"), "a value was printed");
}

#[test]
fn f11_a_column_name_that_stands_twice_is_refused() {
    let said = refused_files(3, |dir| {
        let text = Study::small().leerling.text().replacen("cohort", "leeftijd", 1);
        fs::write(dir.join("leerling.csv"), text).expect("writes");
        let study = Study::small().text.replace("cohort = \"cohort\"\n", "");
        fs::write(dir.join("study.toml"), study).expect("writes");
    });
    says(&said, &["leerling.csv", "leeftijd", "twice"]);
}

#[test]
fn f15_empty_file() {
    let said = refused_files(3, |dir| fs::write(dir.join("leerling.csv"), "").expect("writes"));
    says(&said, &["LOB-E0104", "leerling.csv", "empty"]);
}

#[test]
fn f15_header_without_rows() {
    let said = refused(3, |s| s.leerling.rows.clear());
    says(&said, &["LOB-E0112", "sources.leerling", "no rows"]);
}

#[test]
fn f15_activities_without_rows_are_not_zero_activities() {
    let folder = accepted(|s| s.activiteit.rows.clear());
    // Nothing registered anywhere is "not measured": nobody is left to compare.
    let glance = folder.table("glance");
    assert!(glance.numbers("n_pupils").iter().all(|n| *n == Some(0.0)));
    assert_eq!(folder.flow("model uitval", "no_registration"), 320);
}

#[test]
fn f15_missing_file() {
    let said = refused_files(3, |dir| fs::remove_file(dir.join("activiteit.csv")).expect("removes"));
    says(&said, &["LOB-E0101", "sources.activiteit", "activiteit.csv", "relative to the study file"]);
}

#[test]
fn f15_a_folder_in_the_place_of_a_file() {
    let said = refused_files(3, |dir| {
        fs::remove_file(dir.join("school.csv")).expect("removes");
        fs::create_dir(dir.join("school.csv")).expect("makes");
    });
    says(&said, &["LOB-E0102", "school.csv", "not a regular file"]);
}

#[test]
fn f21_a_missing_column_is_named_with_the_nearest_one() {
    let said = refused(3, |s| s.activiteit.header[1] = "datums");
    says(&said, &["LOB-E0105", "activiteit.csv", "`datum`", "sources.activiteit", "did you mean `datums`?"]);
}

#[test]
fn f23_text_and_infinity_in_a_number_column_are_rejected() {
    let said = refused(3, |s| {
        s.leerling.set(0, "leeftijd", "veertien");
        s.leerling.set(1, "leeftijd", "inf");
        s.leerling.set(2, "leeftijd", "14,5");
    });
    // The comma makes the row ragged in a comma-separated file: found first, as damage.
    says(&said, &["LOB-E0202", "leerling.csv row 4"]);
    let said = refused(3, |s| {
        s.leerling.set(0, "leeftijd", "veertien");
        s.leerling.set(1, "leeftijd", "inf");
        s.leerling.set(2, "leeftijd", "NaN");
    });
    says(
        &said,
        &["LOB-E0108", "3 rows", "row 2: found the form `aaaaaaaa`", "is not a number", "is not a finite number"],
    );
    assert!(!said.contains("veertien"), "a value was printed");
}

// --- B. Parquet --------------------------------------------------------------------------------------------

/// A small Parquet file of pupils in two row groups, with codes, dates and numbers.
fn parquet_bytes() -> Vec<u8> {
    let n = 24;
    let id: StringArray = (0..n).map(|i| Some(format!("{CANARY}-{i:04}"))).collect();
    let school: StringArray = (0..n).map(|i| Some(SCHOOLS[i % 2])).collect();
    let day: Date32Array = (0..n).map(|i| (i % 5 != 0).then_some(19_000 + i as i32)).collect();
    let number: Float64Array = (0..n).map(|i| Some(i as f64 / 3.0)).collect();
    let columns: [(&str, ArrayRef); 4] =
        [("id", Arc::new(id)), ("school", Arc::new(school)), ("van", Arc::new(day)), ("leeftijd", Arc::new(number))];
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let settings = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(16))
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(settings)).expect("a writer");
    writer.write(&batch).expect("writes");
    writer.into_inner().expect("closes")
}

/// Reads `bytes` as the pupil table the way the panel does; the number of rows, or why not.
fn read_as_pupils(study: &lob_effect::study::Study, dir: &Path, bytes: &[u8]) -> Result<usize, InputError> {
    fs::write(dir.join("leerling.parquet"), bytes).expect("writes");
    let wants = [
        Want::new("id", As::Text),
        Want::new("school", As::Text),
        Want::new("van", As::Day),
        Want::new("leeftijd", As::Number),
    ];
    let table = Table::open(study, dir, "leerling", &wants)?;
    let mut rows = 0;
    table.for_each(&Silence, |batch: &Batch| {
        let mut key = Vec::new();
        rows += (0..batch.rows).filter(|&row| batch.key(0..2, row, &mut key)).count();
    })?;
    Ok(rows)
}

/// The small study with one Parquet file of pupils, checked.
fn parquet_study() -> lob_effect::study::Study {
    let text = Study::small()
        .text
        .replace("leerling.csv", "leerling.parquet")
        .replace("lookup = [{ table = \"school\", on = \"school\", take = \"naam\" }]", "");
    lob_effect::study::Study::parse(&text, &models::kinds()).expect("a right study")
}

#[test]
fn f16_parquet_cut_off_at_every_byte_is_an_error() {
    let (study, dir) = (parquet_study(), tempfile::tempdir().expect("a folder"));
    let bytes = parquet_bytes();
    assert_eq!(read_as_pupils(&study, dir.path(), &bytes).expect("a sound file"), 24);
    for length in 0..bytes.len() {
        let error = read_as_pupils(&study, dir.path(), &bytes[..length]).expect_err("a cut-off file is not read");
        assert!(!error.is_environment(), "{error}");
        let said = error.to_string();
        assert!(said.contains("leerling.parquet") && !said.contains(CANARY), "cut at {length}: {said}");
    }
}

#[test]
fn f16_parquet_with_a_flipped_byte_never_panics() {
    let (study, dir) = (parquet_study(), tempfile::tempdir().expect("a folder"));
    let bytes = parquet_bytes();
    let mut refused = 0;
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            // A changed value can't be told from a right one; anything else must be an error that names the file.
            if let Err(error) = read_as_pupils(&study, dir.path(), &damaged) {
                refused += 1;
                let said = error.to_string();
                assert!(said.contains("leerling") && !said.contains(CANARY), "byte {at}: {said}");
            }
        }
    }
    assert!(refused > bytes.len() / 4, "only {refused} of {} damages were noticed", 3 * bytes.len());
}

#[test]
fn f16_a_damaged_file_ends_the_run_with_its_name() {
    let said = refused_files(3, |dir| {
        let text = Study::small().text.replace("\"leerling.csv\"", "\"leerling.parquet\"");
        fs::write(dir.join("study.toml"), text).expect("writes");
        let bytes = parquet_bytes();
        fs::write(dir.join("leerling.parquet"), &bytes[..bytes.len() - 9]).expect("writes");
    });
    says(&said, &["LOB-E0103", "leerling.parquet", "damaged or not Parquet"]);
}

#[test]
fn f20_a_file_that_changes_while_it_is_read_asks_for_another_try() {
    let (study, dir) = (parquet_study(), tempfile::tempdir().expect("a folder"));
    let file = dir.path().join("leerling.parquet");
    fs::write(&file, parquet_bytes()).expect("writes");
    let table = Table::open(&study, dir.path(), "leerling", &[Want::new("id", As::Text)]).expect("opens");
    fs::write(&file, [parquet_bytes(), vec![0]].concat()).expect("writes");
    let error = table.for_each(&Silence, |_| {}).expect_err("the file grew");
    assert!(error.is_environment(), "{error}");
}

#[test]
fn f21_a_column_of_another_type_is_named_with_both_types() {
    let said = refused_files(3, |dir| {
        let text =
            Study::small().text.replace("\"leerling.csv\"", "\"leerling.parquet\"").replace("\"tot\"", "\"leeftijd\"");
        fs::write(dir.join("study.toml"), text).expect("writes");
        let good = Study::small().leerling;
        let text = |name: &str| -> ArrayRef {
            let c = good.column(name);
            Arc::new(good.rows.iter().map(|r| Some(r[c].clone())).collect::<StringArray>())
        };
        let mut columns: Vec<(&str, ArrayRef)> = good.header.iter().map(|name| (*name, text(name))).collect();
        let age = good.column("leeftijd");
        columns[age].1 = Arc::new(good.rows.iter().map(|r| r[age].parse::<f64>().ok()).collect::<Float64Array>());
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let bytes = lob_effect::run::write_table(&batch).expect("writes");
        fs::write(dir.join("leerling.parquet"), bytes).expect("writes");
    });
    says(&said, &["LOB-E0106", "leerling.parquet", "`leeftijd` is Float64", "dates"]);
}

// --- C. Keys, linkage, meaning -----------------------------------------------------------------------------

#[test]
fn f25_an_exact_copy_of_a_pupil_is_dropped_and_counted() {
    let plain = accepted(|_| {});
    let folder = accepted(|s| s.leerling.rows.push(s.leerling.rows[3].clone()));
    assert_eq!(folder.flow("pupils", "read"), 321);
    assert_eq!(folder.flow("pupils", "duplicate"), 1);
    assert_eq!(folder.flow("pupils", "used"), 320);
    assert_eq!(plain.table("tidy").0, folder.table("tidy").0);
}

#[test]
fn f25_one_pupil_with_two_contents_is_refused() {
    let said = refused(3, |s| {
        let mut other = s.leerling.rows[3].clone();
        other[s.leerling.column("leeftijd")] = "17".into();
        s.leerling.rows.push(other);
    });
    says(&said, &["LOB-E0109", "sources.leerling", "1 rows", "exact duplicates"]);
}

#[test]
fn f26_a_lookup_table_with_repeated_keys_is_refused() {
    let said = refused(3, |s| s.school.rows.push(vec![SCHOOLS[0].into(), "Tweede naam".into()]));
    says(&said, &["LOB-E0107", "sources.school", "1 rows", "`school`"]);
    // A copy says nothing else and is no conflict (F25).
    accepted(|s| s.school.rows.push(s.school.rows[0].clone()));
}

#[test]
fn f27_activities_without_a_pupil_are_counted() {
    let plain = accepted(|_| {});
    let folder = accepted(|s| {
        for _ in 0..3 {
            s.activiteit.rows.push(vec![format!("{CANARY}-9999"), "2021-11-11".into(), "GESPR".into()]);
        }
        s.activiteit.rows.push(vec![String::new(), "2021-11-11".into(), "GESPR".into()]);
    });
    assert_eq!(folder.flow("activities", "unknown_pupil"), 3);
    assert_eq!(folder.flow("activities", "no_key"), 1);
    assert_eq!(folder.flow("activities", "read"), plain.flow("activities", "read") + 4);
    assert_eq!(folder.flow("activities", "used"), plain.flow("activities", "used"));
    assert_eq!(plain.table("tidy").0, folder.table("tidy").0);
}

#[test]
fn f27_dates_outside_the_enrolment_and_missing_dates_are_counted() {
    let plain = accepted(|_| {});
    let folder = accepted(|s| {
        s.activiteit.set(0, "datum", "2011-01-01");
        s.activiteit.set(1, "datum", "2031-01-01");
        s.activiteit.set(2, "datum", "");
    });
    assert_eq!(folder.flow("activities", "outside_enrolment"), 2);
    assert_eq!(folder.flow("activities", "no_date"), 1);
    assert_eq!(folder.flow("activities", "used"), plain.flow("activities", "used") - 3);
}

#[test]
fn f27_every_pupil_read_ends_in_one_step() {
    let folder = accepted(|s| {
        s.leerling.set(0, "peildatum", "");
        s.leerling.set(1, "koppeling", "nee");
        s.leerling.set(2, "leeftijd", "");
        s.leerling.set(3, "school", "");
        s.leerling.set(4, "id", "");
    });
    assert_eq!(folder.flow("pupils", "no_school") + folder.flow("pupils", "no_key"), 2);
    for step in ["no_landmark", "not_linked", "missing_covariate"] {
        assert_eq!(folder.flow("model uitval", step), 1, "{step}");
    }
    let flow = folder.table("flow");
    for table in ["pupils", "activities", "model uitval", "model vertrek"] {
        let rows = flow.rows_with("table", table);
        let reasons = rows.iter().filter(|i| flow.text("is_total", **i) == "false");
        let fell: f64 = reasons.map(|i| flow.numbers("n")[*i].expect("a count")).sum();
        let stayed = folder.flow(table, if table.starts_with("model") { "analysed" } else { "used" });
        assert_eq!(folder.flow(table, "read"), fell as i64 + stayed, "{table}");
    }
}

#[test]
fn f33_a_school_without_any_registration_is_not_measured_instead_of_zero() {
    let folder = accepted(|s| {
        let own = |id: &str| id[CANARY.len() + 1..].parse::<usize>().expect("a number") < 40;
        s.activiteit.rows.retain(|r| !own(&r[0]));
    });
    assert_eq!(folder.flow("model uitval", "no_registration"), 40);
    let effects = folder.table("school_effect");
    let own = effects.rows_with("school_id", SCHOOLS[0]);
    assert!(!own.is_empty() && own.iter().all(|i| effects.text("reason", *i) == "no_pupils"));
}

// --- D. Numbers --------------------------------------------------------------------------------------------

#[test]
fn f35_an_outcome_that_nobody_or_everybody_had_is_no_variation() {
    for until in ["2021-09-01", "2030-07-31"] {
        let folder = accepted(|s| s.inschrijving.set_all("eind", until));
        assert_refused(&folder, "uitval", "no_variation");
        let page = folder.page(SCHOOLS[0]);
        assert!(page.contains("uitval"), "the page leaves the outcome out");
    }
}

#[test]
fn f35_complete_separation_gives_no_number() {
    let folder = accepted(|s| {
        // Dropout exactly where the covariate is above its threshold.
        for row in 0..s.leerling.rows.len() {
            let drops_out = row % 3 == 0;
            s.leerling.set(row, "leeftijd", if drops_out { "16.5" } else { "14.5" });
            s.inschrijving.set(row, "eind", if drops_out { "2022-09-01" } else { "2030-07-31" });
        }
    });
    assert_refused(&folder, "uitval", "separated");
    let glance = folder.table("glance");
    let row = glance.rows_with("model_id", "uitval")[0];
    assert_eq!(glance.text("refused_term", row), "leeftijd", "the refusal names what separates");
    assert_ne!(glance_status(&folder, "vertrek"), "separated", "the other model is not harmed");
}

#[test]
fn f35_a_period_without_events_joins_its_neighbour() {
    let folder = accepted(|s| {
        // Nobody leaves in the second half-year.
        let none: Vec<usize> = (0..s.leerling.rows.len()).collect();
        for row in none {
            let column = s.leerling.column("vertrek");
            if s.leerling.rows[row][column].contains("-05-10") {
                s.leerling.set(row, "vertrek", "");
            }
        }
    });
    assert!(["ok", "singular"].contains(&glance_status(&folder, "vertrek").as_str()));
    let tidy = folder.table("tidy");
    assert_eq!(tidy.rows_with("term", "period1_2").len(), 1, "one level for both");
    assert!(tidy.rows_with("term", "period1").is_empty() && tidy.rows_with("term", "period2").is_empty());
}

#[test]
fn f36_one_school_is_refused_with_a_reason() {
    for random in ["intercept", "slope", "none"] {
        let folder = accepted(|s| {
            s.text = s.text.replace("random = \"intercept\"", &format!("random = \"{random}\""));
            s.leerling.rows.truncate(40);
        });
        assert_refused(&folder, "uitval", "one_school");
        assert_valid(&folder.page(SCHOOLS[0]));
    }
}

#[test]
fn f36_a_dose_and_a_covariate_that_do_not_vary() {
    let folder = accepted(|s| s.leerling.set_all("leeftijd", "15"));
    assert!(["ok", "singular"].contains(&glance_status(&folder, "uitval").as_str()));
    let tidy = folder.table("tidy");
    assert!(tidy.rows_with("term", "leeftijd").is_empty(), "a covariate that does not vary has no coefficient");
    let folder = accepted(|s| {
        s.activiteit.rows.clear();
        for row in &s.leerling.rows {
            s.activiteit.rows.push(vec![row[0].clone(), row[3].clone(), "GESPR".into()]);
        }
    });
    assert_refused(&folder, "uitval", "no_dose");
}

#[test]
fn f32_an_outcome_that_is_counted_after_the_export_is_unknown() {
    let folder = accepted(|s| s.text = s.text.replace("2030-12-31", "2000-01-01"));
    assert_refused(&folder, "uitval", "no_pupils");
    assert!(folder.flow("model uitval", "not_known_yet") > 0);
}

#[test]
fn f23_a_landmark_after_the_count_date_leaves_the_pupil_out() {
    let folder = accepted(|s| {
        s.text = s.text.replace("uitval_jr1", "doorstroom_mbo");
        let late: Vec<String> =
            (0..s.leerling.rows.len()).map(|i| s.leerling.rows[i][s.leerling.column("peildatum")].clone()).collect();
        for (row, landmark) in late.iter().enumerate() {
            let year = &landmark[..4];
            s.leerling.set(row, "peildatum", &format!("{year}-12-31"));
            s.leerling.set(row, "tot", "2030-01-01");
        }
    });
    assert_refused(&folder, "uitval", "no_pupils");
    assert!(folder.flow("model uitval", "landmark_after_outcome") > 0);
}

#[test]
fn f27_outcomes_of_enrolments_need_to_know_who_was_linked() {
    let said = refused(2, |s| s.text = s.text.replace("linked = { column = \"koppeling\", is = \"ja\" }\n", ""));
    says(&said, &["pupils.linked"]);
}

#[test]
fn f28_a_table_whose_keys_match_nobody_stops_the_run() {
    for table in ["activiteit", "inschrijving"] {
        let said = refused(3, |s| {
            let csv = if table == "activiteit" { &mut s.activiteit } else { &mut s.inschrijving };
            for row in &mut csv.rows {
                row[0] = format!("X{}", row[0]);
            }
        });
        says(&said, &["LOB-E0116", &format!("sources.{table}")]);
    }
}

#[test]
fn f28_a_school_whose_keys_match_nobody_stops_the_run() {
    let said = refused(3, |s| {
        let school = s.leerling.column("school");
        let of_school: std::collections::BTreeSet<String> =
            s.leerling.rows.iter().filter(|r| r[school] == SCHOOLS[0]).map(|r| r[0].clone()).collect();
        for row in s.inschrijving.rows.iter_mut().filter(|r| of_school.contains(&r[0])) {
            row[0] = format!("X{}", row[0]);
        }
    });
    says(&said, &["LOB-E0117", SCHOOLS[0]]);
}

#[test]
fn f22_a_category_that_the_study_does_not_list_is_said() {
    let mut study = Study::small();
    study.text += "\n[[covariates]]\nid = \"extra\"\ncolumn = \"koppeling\"\nrecode = { nee = 0 }\n";
    let ran = Folder::with(&study).lob(&["check", "study.toml"]);
    says(&ran.out, &["covariate `extra`: 320 rows hold a value that `recode` does not list"]);
}

#[test]
fn f25_a_file_named_twice_is_read_once() {
    let once = accepted(|_| {}).flow("activities", "read");
    let twice = accepted(|s| {
        s.text = s.text.replace("files = \"activiteit.csv\"", "files = [\"activiteit.csv\", \"activ*.csv\"]");
    });
    assert_eq!(twice.flow("activities", "read"), once);
}

#[test]
fn f07_a_year_of_two_digits_is_no_date() {
    let said = refused(3, |s| {
        for row in 0..s.activiteit.rows.len() {
            let date = s.activiteit.rows[row][s.activiteit.column("datum")].clone();
            s.activiteit.set(row, "datum", &date[2..]);
        }
    });
    says(&said, &["LOB-E0108", "sources.activiteit", "column `datum`", "99-99-99"]);
}

#[test]
fn f36_nobody_in_the_analysis_set() {
    let folder = accepted(|s| s.leerling.set_all("koppeling", "nee"));
    assert_refused(&folder, "uitval", "no_pupils");
    assert_valid(&folder.page(SCHOOLS[0]));
}

// --- F. Privacy and security -------------------------------------------------------------------------------

#[test]
fn f55_citizen_service_numbers_as_key_are_refused() {
    let said = refused(3, |s| {
        let passes = |n: u32| {
            let digits = (0..9).map(|i| n / 10u32.pow(8 - i) % 10);
            let weights = [9, 8, 7, 6, 5, 4, 3, 2, -1];
            digits.zip(weights).map(|(d, w)| d as i32 * w).sum::<i32>() % 11 == 0
        };
        let numbers: Vec<u32> = (100_000_000..).filter(|n| passes(*n)).take(320).collect();
        for (row, n) in numbers.iter().enumerate() {
            s.leerling.set(row, "id", &n.to_string());
        }
    });
    says(&said, &["LOB-E0110", "sources.leerling", "column `id`", "100 %", "pseudonym"]);
    assert!(!said.contains("10000"), "a number was printed");
}

#[test]
fn f57_a_hostile_school_key_and_name_stay_text() {
    let hostile = "../../../etc/x";
    let folder = accepted(|s| {
        for row in 0..40 {
            s.leerling.set(row, "school", hostile);
        }
        s.school.set(0, "school", hostile);
        s.school.set(0, "naam", "<script>alert(1)</script>\u{202e}");
    });
    for path in tree(folder.path()).keys() {
        assert!(path.starts_with("out") || path.components().count() == 1, "{}", path.display());
    }
    for page in tree(&folder.current()).into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "html")) {
        let text = String::from_utf8(page.1).expect("UTF-8");
        assert!(!text.contains("<script") && !text.contains('\u{202e}'), "{}", page.0.display());
    }
    assert!(folder.page("90AB00").len() > 1000);
}

#[test]
fn f60_control_characters_in_a_file_do_not_reach_the_terminal() {
    let said = refused(3, |s| s.activiteit.header[1] = "datum\u{1b}[31m");
    says(&said, &["LOB-E0105", "did you mean `datum"]);
    assert!(!said.contains('\u{1b}'));
}

#[test]
fn f63_a_page_names_no_other_school() {
    let folder = accepted(|_| {});
    for school in SCHOOLS {
        let page = folder.page(school);
        for other in SCHOOLS.iter().filter(|o| **o != school) {
            assert!(!page.contains(*other), "the page of {school} names {other}");
        }
    }
}

#[test]
fn f67_an_address_is_refused() {
    for address in ["http://example.org/leerling.csv", "s3://bucket/leerling.parquet", "file:///etc/passwd"] {
        let said = refused(2, |s| s.text = s.text.replace("\"leerling.csv\"", &format!("\"{address}\"")));
        says(&said, &["study.toml:", "sources.leerling.files", "only files on this machine"]);
    }
}

#[test]
fn f70_a_school_without_pupils_in_the_set_gets_a_page_that_says_why() {
    let folder = accepted(|s| {
        for row in 280..320 {
            s.leerling.set(row, "koppeling", "nee");
        }
    });
    let effects = folder.table("school_effect");
    let rows: Vec<usize> = effects
        .rows_with("school_id", SCHOOLS[7])
        .into_iter()
        .filter(|i| effects.text("model_id", *i) == "uitval")
        .collect();
    assert_eq!(rows.len(), 5, "one row per estimand");
    for row in rows {
        assert_eq!(effects.text("status", row), "not_estimable");
        assert_eq!(effects.text("reason", row), "no_pupils");
        assert_eq!(effects.numbers("estimate")[row], None);
    }
    says(&folder.page(SCHOOLS[7]), &["niet gekoppeld", "uitval in het eerste jaar"]);
    // The others are estimated as if it were not there.
    assert!(effects.rows_with("status", "ok").len() + effects.rows_with("status", "singular").len() >= 14);
}

// --- The study file ----------------------------------------------------------------------------------------

#[test]
fn f11_all_errors_of_a_study_file_are_said_at_once_with_their_places() {
    let text = Study::small()
        .text
        .replace("periods = 4", "periods = \"vier\"")
        .replace("step = 5", "stap = 5")
        .replace("axis = \"calendar\"", "axis = \"calender\"")
        + "[report]\nlang = \"fr\"\n";
    let line = |word: &str| text.lines().position(|l| l.contains(word)).expect("a line") + 1;
    let places: Vec<String> =
        ["vier", "stap", "calender", "\"fr\""].iter().map(|w| format!("study.toml:{}:", line(w))).collect();
    let said = refused(2, |s| s.text = text.clone());
    says(&said, &["4 errors", "did you mean `calendar`?", "did you mean `step`?", "time.periods", "not one of nl, en"]);
    says(&said, &places.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn f11_names_that_do_not_exist_are_all_said_with_the_nearest() {
    let said = refused(2, |s| {
        s.text = s
            .text
            .replace("source = \"activiteit\"", "source = \"activiteiten\"")
            .replace("kind = \"hazard\"", "kind = \"hazzard\"")
            .replace("outcome = \"uitval_jr1\"", "outcome = \"uitval\"");
    });
    says(&said, &["3 errors", "did you mean `activiteit`?", "did you mean `hazard`?", "`uitval_jr1`"]);
}
