//! Faults of text and spreadsheets (list A): each is read rightly or refused in words, with its place and no value.
//! Those that need a whole run stand in `faults.rs`.

mod opened;
mod small;
mod tabled;

use std::fs;
use std::io::{Cursor, Read, Write};

use lob_effect::ingest::{As, InputError};
use lob_effect::study::file::{Decimal, Encoding, Format, Names};
use opened::{Opened, read, read_bytes, refusal, says, source};
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Formula, Workbook};

fn csv(text: &str) -> Result<Opened, InputError> {
    read_bytes("a.csv", text.as_bytes(), |_| {})
}

#[test]
fn f01_the_encoding_is_recorded_and_bytes_of_none_are_refused() {
    let read = read_bytes("a.csv", b"naam;n\nCaf\xe9 Ma\xebl;1\n", |_| {}).expect("Windows-1252");
    assert_eq!(read.column("naam"), ["Caf\u{e9} Ma\u{eb}l"]);
    assert_eq!(read.dialect.encoding, Some(Encoding::Windows1252));
    let mixed = b"naam;n\nCaf\xe9;1\nMa\xc3\xabl;2\n";
    says(&refusal(read_bytes("a.csv", mixed, |_| {})), &["LOB-E0123 a.csv", "a mixture", "byte 10"]);
    // Whoever knows better may say so.
    let read = read_bytes("a.csv", mixed, |s| s.encoding = Some(Encoding::Windows1252)).expect("declared");
    assert_eq!(read.column("naam")[1], "Ma\u{c3}\u{ab}l");
    says(&refusal(read_bytes("a.csv", b"naam;n\n\x81;1\n", |_| {})), &["LOB-E0123", "neither", "byte 7"]);
    let said = refusal(read_bytes("a.csv", b"naam;n\n\xe9;1\n", |s| s.encoding = Some(Encoding::Utf8)));
    says(&said, &["LOB-E0123", "byte 7 is not UTF-8"]);
    let lost = refusal(csv("naam;n\nCaf\u{fffd};1\n"));
    says(&lost, &["LOB-E0218 a.csv row 2, column `naam`", "aaa"]);
}

#[test]
fn f02_marks_never_pollute_the_first_name() {
    for marks in [&b"\xef\xbb\xbf"[..], b"\xef\xbb\xbf\xef\xbb\xbf"] {
        let read = read_bytes("a.csv", &[marks, b"id;n\n1;2\n"].concat(), |_| {}).expect("reads");
        assert!(read.header == ["id", "n"] && read.dialect.byte_order_mark);
    }
    let wide: Vec<u8> = "\u{feff}id;n\r\n\u{e9};2\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let read = read_bytes("a.csv", &wide, |_| {}).expect("reads");
    assert_eq!((read.column("id"), read.dialect.encoding), (vec!["\u{e9}"], Some(Encoding::Utf16le)));
}

#[test]
fn f03_letters_that_were_decoded_wrongly_are_counted() {
    let read = csv("naam;n\nCaf\u{c3}\u{a9};1\nMa\u{c3}\u{ab}l;2\n\u{c3}lleen;3\n").expect("reads");
    says(&read.dialect.notes.join("\n"), &["2 letters look like UTF-8 that an earlier program read as Windows-1252"]);
    assert!(csv("naam;n\nCaf\u{e9};1\n").expect("reads").dialect.notes.is_empty());
}

#[test]
fn f04_files_of_one_delivery_may_have_other_delimiters() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, delimiter) in [("a1.csv", ";"), ("a2.csv", ","), ("a3.csv", "\t"), ("a4.csv", "|")] {
        let text = format!("id{delimiter}\"x;y,z|\"\n{name}{delimiter}1\n");
        fs::write(folder.path().join(name), text).expect("writes");
        let one = read(folder.path(), &source(name, |_| {})).expect("reads");
        assert_eq!(one.dialect.delimiter.map(String::from).as_deref(), Some(delimiter));
    }
    let all = read(folder.path(), &source("a*.csv", |_| {})).expect("reads");
    assert_eq!(all.column("id"), ["a1.csv", "a2.csv", "a3.csv", "a4.csv"]);
}

#[test]
fn f05_excels_line_with_the_separator_is_no_header() {
    let read = csv("sep=|\nid|n\n1|2\n").expect("reads");
    assert_eq!((read.header, read.places), (vec!["id".to_string(), "n".to_string()], vec![3]));
    let titled = read_bytes("a.csv", b"Overzicht LOB\nid;n\n1;2\n", |s| s.skip_rows = 1).expect("reads");
    assert_eq!((titled.header, titled.places), (vec!["id".to_string(), "n".to_string()], vec![3]));
}

fn numbers(cells: &[&str], keys: &str) -> Result<tabled::Tabled, InputError> {
    let text = format!("id;n\n{}\n", cells.iter().map(|c| format!("a;{c}")).collect::<Vec<_>>().join("\n"));
    tabled::read_bytes("a.csv", text.as_bytes(), keys, &[("n", As::Number)])
}

#[test]
fn f06_the_decimal_sign_is_proven_or_asked_for() {
    let comma = numbers(&["1.234,5", "1.234", "7"], "").expect("reads");
    assert_eq!(comma.numbers(0), [Some(1234.5), Some(1234.0), Some(7.0)]);
    assert_eq!(comma.dialects[0].1.decimals["n"], Decimal::Comma);
    let point = numbers(&["1,234.5", "1.234", "7"], "").expect("reads");
    assert_eq!(point.numbers(0), [Some(1234.5), Some(1.234), Some(7.0)]);
    let unclear = numbers(&["1.234", "7", "2.500"], "").expect("reads");
    assert_eq!((unclear.rejects.count(), unclear.rows()), (2, 1));
    says(&unclear.rejects.to_string(), &["row 2: found the form `9.999`", "thousands or as decimals", "`decimal`"]);
    let told = numbers(&["1.234", "7"], "decimal = \",\"").expect("reads");
    assert_eq!(told.numbers(0), [Some(1234.0), Some(7.0)]);
    // A column has one sign: what does not fit it is rejected.
    let mixed = numbers(&["1,5", "2,5", "3.5"], "").expect("reads");
    assert_eq!((mixed.rejects.count(), mixed.numbers(0)), (1, vec![Some(1.5), Some(2.5)]));
}

fn dates(cells: &[&str], keys: &str) -> Result<tabled::Tabled, InputError> {
    let text = format!("id;d\n{}\n", cells.iter().map(|c| format!("a;{c}")).collect::<Vec<_>>().join("\n"));
    tabled::read_bytes("a.csv", text.as_bytes(), keys, &[("d", As::Day)])
}

#[test]
fn f07_a_column_has_one_form_of_dates_and_every_cell_proves_it() {
    for (cells, form) in [
        (["01-02-2023", "7-10-2024"], "%d-%m-%Y"),
        (["2023-02-01", "2024-10-07"], "%Y-%m-%d"),
        (["20230201", "20241007"], "%Y%m%d"),
        (["01/02/2023", "07/10/2024"], ""),
        (["01-02-2023 10:30", "07-10-2024 09:15"], "%d-%m-%Y %H:%M"),
    ] {
        match dates(&cells, "") {
            Ok(read) => {
                assert_eq!(read.dates(0), ["2023-02-01", "2024-10-07"], "{form}");
                assert_eq!(read.dialects[0].1.dates["d"], form);
            }
            Err(e) => {
                assert_eq!(form, "", "{e}");
                says(&e.to_string(), &["LOB-E0129 a.csv", "`d`", "date_format"]);
            }
        }
    }
    // One cell far down tells day from month.
    let mut cells = vec!["01/02/2023"; 30_000];
    cells.push("25/02/2023");
    assert_eq!(dates(&cells, "").expect("reads").dates(0)[0], "2023-02-01");
    let told = dates(&["01/02/2023"], "date_format = \"%m/%d/%Y\"").expect("reads");
    assert_eq!(told.dates(0), ["2023-01-02"]);
    // The first cell does not decide; what differs from most is rejected, as is what does not exist.
    let mixed = dates(&["2023-02-01", "01-02-2023", "02-02-2023", "31-02-2023"], "").expect("reads");
    assert_eq!((mixed.dates(0), mixed.rejects.count()), (vec!["2023-02-01".to_string(), "2023-02-02".into()], 2));
    says(
        &mixed.rejects.to_string(),
        &["a.csv row 2: found the form `9999-99-99`", "row 5: found the form `99-99-9999`"],
    );
}

#[test]
fn f08_a_serial_number_of_excel_is_named_and_a_workbook_keeps_its_epoch() {
    let read = dates(&["45291", "45292"], "").expect("reads");
    assert_eq!(read.rejects.count(), 2);
    says(&read.rejects.to_string(), &["`99999`", "Excel-datumgetal"]);
    let bytes = workbook(|book| {
        let sheet = book.add_worksheet();
        let date = CellFormat::new().set_num_format("dd-mm-yyyy");
        sheet.write_row(0, 0, ["id", "d"]).expect("writes");
        sheet.write(1, 0, "a").expect("writes");
        let day = ExcelDateTime::from_ymd(2023, 12, 31).expect("a date");
        sheet.write_datetime_with_format(1, 1, &day, &date).expect("writes");
    });
    let wants = [("d", As::Day)];
    let read = tabled::read_bytes("a.xlsx", &bytes, "", &wants).expect("reads");
    assert_eq!(read.dates(0), ["2023-12-31"]);
    // The same number counts from 1904 in a workbook that says so.
    let old = rewritten(&bytes, "xl/workbook.xml", |xml| xml.replace("<workbookPr", "<workbookPr date1904=\"1\""));
    let read = tabled::read_bytes("a.xlsx", &old, "", &wants).expect("reads");
    assert_eq!(read.dates(0), ["2028-01-01"], "1462 days later");
}

#[test]
fn f09_codes_that_a_spreadsheet_changed_are_rejected() {
    let text = "id;n\n1,23E+08;1\n3-mei;2\n00AB00;3\n";
    let read = tabled::read_bytes("a.csv", text.as_bytes(), "", &[("id", As::Text)]).expect("reads");
    assert_eq!((read.rejects.count(), read.texts(0)), (2, vec![Some("00AB00".into())]));
    says(&read.rejects.to_string(), &["row 2: found the form `9,99a+99`", "row 3", "importeer als tekst"]);
}

#[test]
fn f10_rows_are_lines_of_the_file() {
    let said = refusal(csv("id;n\n1;\"a\nb\nc\"\n\n2;x;y;z\n"));
    says(&said, &["LOB-E0202 a.csv row 6", "4 cells, the header 2"]);
    assert_eq!(csv("id;n\n1;\"a\nb\"\n2;5\" plank\n").expect("reads").places, [2, 4]);
    says(&refusal(csv("id;n\n1;a\n2;\"b\n3;c\n")), &["LOB-E0103 a.csv", "line 3", "never closed"]);
}

#[test]
fn f11_all_faulty_rows_are_counted_and_a_hundred_are_shown() {
    let mut text = String::from("id;n;m\n");
    (0..150).for_each(|i| text.push_str(&format!("{i};1\n")));
    let said = refusal(csv(&text));
    says(&said, &["150 faults", "LOB-E0201 a.csv row 2, column `m`", "row 101,", "and 50 more"]);
    assert!(!said.contains("row 102,"), "only a hundred are shown");
    let trailing = csv("id;n\n1;2;\n3;4;\n").expect("empty cells behind the last column of every row are no fault");
    assert_eq!(trailing.column("n"), ["2", "4"]);
    // In one row they are: a separator in a cell has shifted the others.
    says(&refusal(csv("id;n;m\n1;2;3\n1;2,5;\n1;2;5;\n")), &["LOB-E0202 a.csv row 4", "1 of 3 rows"]);
    says(&refusal(csv("id;n\n1;\u{0}\n")), &["LOB-E0123", "NUL", "byte 7"]);
    let mixed = csv("id;n\r1;2\r\n3;4\n5;6").expect("line ends may be mixed");
    assert_eq!((mixed.column("id"), mixed.places.as_slice()), (vec!["1", "3", "5"], [2, 3, 4].as_slice()));
    // Names that are blank or stand twice are a fault only where they are asked for.
    let read = csv("id;;id\n1;2;3\n").expect("reads");
    assert_eq!(read.header, ["id", "", "id"]);
    let error = tabled::read_bytes("a.csv", b"id;;id\n1;2;3\n", "", &[("id", As::Text)]).expect_err("twice");
    says(&error.to_string(), &["LOB-E0115 a.csv", "`id`"]);
}

#[test]
fn f12_totals_of_a_dossier_are_taken_off_and_counted() {
    let text = "Leerlingnummer;Activiteit;Minuten\n12001;Gesprek;20\nTotaal;;20\n12002;Stage;60\nEindtotaal;;80\n";
    let dossier = read_bytes("a.csv", text.as_bytes(), |s| s.format = Some(Format::Dossier)).expect("reads");
    assert_eq!((dossier.column("Minuten"), dossier.dialect.footers), (vec!["20", "60"], 2));
    assert_eq!(dossier.ids, ["Leerlingnummer"]);
    // In a plain table nobody knows what the row is.
    let plain = csv(text).expect("reads");
    assert_eq!(plain.rows.len(), 4);
    says(&plain.dialect.notes.join("\n"), &["row 3 looks like a total"]);
}

#[test]
fn f13_a_delivery_cut_off_at_any_line_is_noticed() {
    let lines = [
        "VLP|99ZA|2024-08-01|2025-07-31|2025-08-04",
        "PER|999990019||2007-03-14|V",
        "ISG|999990019||C1|2023-08-01|2025-07-31|2025-06-20|08",
        "ISP|999990019||C1|2023-08-01|25167|BOL||J||999A001|999X001||",
        "SLR|1|1|1|0|0|0|0|0|0",
    ];
    let read = |lines: &[&str]| {
        read_bytes("RO_99ZA_20240801_20250731.csv", lines.join("\r\n").as_bytes(), |s| s.table = Some("pupil".into()))
    };
    assert_eq!(read(&lines).expect("a whole file").rows.len(), 1);
    for n in 1..lines.len() {
        says(&refusal(read(&lines[..n])), &["LOB-E0209", "no record SLR", "cut off"]);
    }
    let less: Vec<&str> = lines.iter().copied().filter(|l| !l.starts_with("ISP")).collect();
    says(&refusal(read(&less)), &["SLR counts 1 ISP, the file has 0"]);
}

/// A zip archive with these members.
fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("starts");
        zip.write_all(bytes).expect("writes");
    }
    zip.finish().expect("ends").into_inner()
}

#[test]
fn f13_archives_are_read_member_by_member_and_damage_at_every_byte_is_an_error() {
    let bytes = zipped(&[("b.csv", b"id;n\n3;4\n"), ("map/a.csv", b"id;n\n1;2\n")]);
    let read = |bytes: &[u8]| read_bytes("a.zip", bytes, |_| {});
    let whole = read(&bytes).expect("reads");
    assert_eq!((whole.column("id"), whole.dialect.packed), (vec!["1", "3"], Some("zip")));
    for cut in 1..bytes.len() {
        let error = read(&bytes[..cut]).expect_err("a cut-off archive is not read");
        assert!(error.to_string().contains("a.zip"), "cut at {cut}: {error}");
    }
    let bomb = zipped(&[("a.csv", &vec![b'1'; 300 << 20])]);
    says(&refusal(read(&bomb)), &["LOB-E0122 a.zip", "200 times its size"]);
}

// --- F14: workbooks ----------------------------------------------------------------------------------------

fn workbook(write: impl FnOnce(&mut Workbook)) -> Vec<u8> {
    let mut book = Workbook::new();
    write(&mut book);
    book.save_to_buffer().expect("a workbook")
}

/// The workbook with one of its members rewritten.
fn rewritten(bytes: &[u8], name: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut members = Vec::new();
    for i in 0..zip.len() {
        let mut member = zip.by_index(i).expect("a member");
        let own = member.name().expect("a name").into_owned();
        let mut content = Vec::new();
        member.read_to_end(&mut content).expect("reads");
        if own == name {
            let text = String::from_utf8(content).expect("text");
            let changed = change(&text);
            assert_ne!(changed, text, "{name} did not change");
            content = changed.into_bytes();
        }
        members.push((own, content));
    }
    zipped(&members.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect::<Vec<_>>())
}

fn two_classes() -> Vec<u8> {
    workbook(|book| {
        for (class, pupil) in [("4kb1", "12001"), ("4bb2", "12002")] {
            let sheet = book.add_worksheet().set_name(class).expect("a name");
            sheet.write(0, 0, "Overzicht").expect("writes");
            sheet.write_row(2, 0, ["Leerlingnummer", "Activiteit", "Minuten"]).expect("writes");
            sheet.write_row(3, 0, [pupil, "Gesprek"]).expect("writes");
            sheet.write(3, 2, 20).expect("writes");
            sheet.write(5, 0, "Totaal").expect("writes");
            sheet.write(5, 2, 20).expect("writes");
        }
        let hidden = book.add_worksheet().set_name("lijst").expect("a name");
        hidden.write_row(0, 0, ["x", "y"]).expect("writes").set_hidden(true);
    })
}

#[test]
fn f14_one_sheet_per_class_lies_under_each_other() {
    let read = |change: fn(&mut lob_effect::study::file::Source)| read_bytes("a.xlsx", &two_classes(), change);
    says(&refusal(read(|_| {})), &["LOB-E0124 a.xlsx", "2 visible sheets", "sheets = \"*\""]);
    let all = read(|s| (s.sheets, s.format) = (Names(vec!["*".into()]), Some(Format::Dossier))).expect("reads");
    assert_eq!(all.column("Leerlingnummer"), ["12001", "12002"]);
    assert_eq!((all.column("Minuten"), all.column("blad")), (vec!["20", "20"], vec!["4kb1", "4bb2"]));
    assert_eq!((all.places.clone(), all.dialect.footers), (vec![4, 4], 2));
    says(&all.dialect.notes.join("\n"), &["1 hidden sheets were not read"]);
    let one = read(|s| s.sheets = Names(vec!["4bb2".into()])).expect("reads");
    assert_eq!(one.column("Leerlingnummer"), ["12002", "Totaal"], "a plain workbook keeps its rows");
}

#[test]
fn f14_workbooks_that_are_unsafe_or_unclear_are_refused() {
    let xlsx = |bytes: &[u8]| refusal(read_bytes("a.xlsx", bytes, |_| {}));
    let far = workbook(|book| {
        let sheet = book.add_worksheet();
        sheet.write_row(0, 0, ["id", "n"]).expect("writes");
        sheet.write(1_048_575, 16_383, "x").expect("writes");
    });
    says(&xlsx(&far), &["LOB-E0125 a.xlsx", "column 16384"]);
    let merged = workbook(|book| {
        let sheet = book.add_worksheet();
        sheet.write_row(0, 0, ["id", "n"]).expect("writes");
        sheet.merge_range(1, 0, 2, 0, "12001", &CellFormat::new()).expect("merges");
        sheet.write(1, 1, 1).expect("writes");
    });
    says(&xlsx(&merged), &["LOB-E0217 a.xlsx row 3", "merged cells"]);
    let formula = workbook(|book| {
        let sheet = book.add_worksheet();
        sheet.write_row(0, 0, ["id", "n"]).expect("writes");
        sheet.write(1, 0, "a").expect("writes");
        sheet.write_formula(1, 1, Formula::new("1+1").set_result("2")).expect("writes");
    });
    assert_eq!(read_bytes("a.xlsx", &formula, |_| {}).expect("reads").column("n"), ["2"]);
    let empty = rewritten(&formula, "xl/worksheets/sheet1.xml", |xml| xml.replace("<v>2</v>", ""));
    says(&xlsx(&empty), &["LOB-E0214 a.xlsx row 2, column `sheet 1, column 2`", "no stored result"]);
    says(&xlsx(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 secret"), &["LOB-E0128 a.xlsx", "password"]);
    let macros = zipped(&[("xl/vbaProject.bin", b"x"), ("[Content_Types].xml", b"x")]);
    says(&xlsx(&macros), &["LOB-E0128 a.xlsx", "macros"]);
    let bomb = zipped(&[("xl/worksheets/sheet1.xml", &vec![b' '; 64 << 20])]);
    says(&xlsx(&bomb), &["LOB-E0125 a.xlsx", "claims to unpack to 64 MB"]);
}

#[test]
fn f14_a_workbook_cut_off_or_changed_anywhere_never_panics() {
    let bytes = two_classes();
    let read = |bytes: &[u8]| read_bytes("a.xlsx", bytes, |s| s.sheets = Names(vec!["*".into()]));
    assert_eq!(read(&bytes).expect("a sound workbook").rows.len(), 4);
    for cut in (1..bytes.len()).step_by(11) {
        let said = refusal(read(&bytes[..cut]));
        assert!(said.contains("a.xlsx") && !said.contains("12001"), "cut at {cut}: {said}");
    }
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        if let Err(error) = read(&damaged) {
            refused += 1;
            assert!(error.to_string().contains("a.xlsx"), "byte {at}: {error}");
        }
    }
    assert!(refused > 0, "no damage was noticed");
}

#[cfg(unix)]
#[test]
fn f15_what_is_no_regular_file_is_not_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink("/dev/zero", at("zero.csv")).expect("links");
    std::os::unix::fs::symlink(at("loop.csv"), at("loop.csv")).expect("links");
    let made = std::process::Command::new("mkfifo").arg(at("pipe.csv")).status().expect("mkfifo");
    assert!(made.success());
    for name in ["zero.csv", "pipe.csv"] {
        says(&refusal(read(folder.path(), &source(name, |_| {}))), &["LOB-E0102", name, "not a regular file"]);
    }
    let error = read(folder.path(), &source("loop.csv", |_| {})).expect_err("a loop");
    assert!(["LOB-E0101", "LOB-E0102"].iter().any(|code| error.to_string().contains(code)), "{error}");
}
