//! Files of DUO, school administrations and career tools in their real layouts: each is read with its values, or
//! refused with every reason and no value. Own copies of layouts are written here; the samples of `data/duo` are read
//! from the shared folder (`LOB_SHARED`) and the comparison is skipped, and says so, where it is missing.

#[allow(dead_code, reason = "only the folder is asked for")]
mod common;
mod opened;

use std::collections::BTreeSet;
use std::path::PathBuf;

use lob_effect::study::file::{Format, Names};
use opened::{Opened, read, read_bytes, refusal, says, source};

fn samples() -> Option<PathBuf> {
    let folder = common::reference_dir()?.parent()?.join("data/duo");
    if !folder.is_dir() {
        println!("skipped: no samples of DUO (set LOB_SHARED to the folder that holds data/duo/)");
        return None;
    }
    Some(folder)
}

/// One sample, found out by its content; `table` where it has several.
fn sample(path: &str, table: Option<&str>) -> Option<Opened> {
    let folder = samples()?;
    let read = read(&folder, &source(path, |s| s.table = table.map(String::from)));
    Some(read.unwrap_or_else(|e| panic!("{path}: {e}")))
}

// --- Registratieoverzicht ----------------------------------------------------------------------------------

/// A small delivery of one person; `{…}` are places that a test changes.
fn ro(lines: &[&str]) -> Vec<u8> {
    lines.join("\r\n").into_bytes()
}

const VLP: &str = "VLP|99ZA|2024-08-01|2025-07-31|2025-08-04";
const PER: &str = "PER|999990019||2007-03-14|V";
const ISG: &str = "ISG|999990019||C1|2023-08-01|2025-07-31|2025-06-20|8";
const ISP: &str = "ISP|999990019||C1|2023-08-01|25167|BOL||J||999A001|999X001||";
const ISP2: &str = "ISP|999990019||C1|2024-02-01|23076|BBL|MBO-4|N||999A001|999X001||MBO";
const DIP: &str = "DIP|999990019||700001|25167|2025-06-20||J|C1|999A001";

fn read_ro(lines: &[&str], table: &str) -> Result<Opened, lob_effect::ingest::InputError> {
    read_bytes("RO_99ZA_20240801_20250731.csv", &ro(lines), |s| s.table = Some(table.into()))
}

#[test]
fn ro_periods_end_before_the_next_and_at_the_end_of_the_enrolment() {
    let lines = [VLP, PER, ISG, ISP2, ISP, DIP, "SLR|1|1|2|0|0|1|0|0|0"];
    let all = read_ro(&lines, "enrolment").expect("a right file");
    assert_eq!(all.dialect.format, Some(Format::DuoRo));
    assert_eq!(all.column("period_start"), ["2023-08-01", "2024-02-01"]);
    assert_eq!(all.column("period_end"), ["2024-01-31", "2025-06-20"]);
    assert_eq!(all.column("level"), ["", "4"]);
    assert_eq!(all.column("crebo"), ["25167", "23076"]);
    assert_eq!(all.column("funded"), ["J", "N"]);
    assert_eq!(all.column("end_reason"), ["08", "08"], "a lost zero is put back");
    assert_eq!(all.column("enrol_no"), ["C1", "C1"], "letters belong to the number");
    assert_eq!(all.column("provider"), ["999A001", "999A001"]);
    assert_eq!(all.places, [5, 4], "rows are lines of the file");
    assert_eq!(all.ids, ["pupil_key"]);
    let diploma = read_ro(&lines, "diploma").expect("a right file");
    assert_eq!(diploma.rows.len(), 1);
    assert_eq!((&*diploma.rows[0]["date"], &*diploma.rows[0]["enrol_no"]), ("2025-06-20", "C1"));
    // One table has to be named.
    let said = refusal(read_bytes("RO_99ZA_20240801_20250731.csv", &ro(&lines), |_| {}));
    says(&said, &["LOB-E0124", "pupil, enrolment, diploma"]);
}

#[test]
fn ro_persons_with_an_onderwijsnummer_keep_their_records() {
    let onr = |line: &str| line.replace("|999990019||", "||999990081|");
    let lines = [VLP.to_string(), onr(PER), onr(ISG), onr(ISP), "SLR|1|1|1|0|0|0|0|0|0".to_string()];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let all = read_ro(&lines, "enrolment").expect("a right file");
    assert_eq!(all.column("pupil_key"), ["999990081"]);
}

#[test]
fn ro_faults_are_all_said_without_a_value() {
    let lines = [
        VLP,
        "PER|999990019||2007-13-14|X",
        "PER|999990019|999990081|2007-03-14|V",
        "ISG|999990019||C1|2023-08-01|2025-07-31|2023-06-20|08",
        "ISG|999990020||C1|2023-08-01|2025-07-31||",
        "ISP|999990019||C9|2023-08-01|25167|BOL||J||||",
        "ISP|999990019||C1|99991231|25167|BOL|hbo|Q||||",
        "XYZ|1",
        "SLR|9|2|2|0|0|0|0|0|0",
    ];
    let said = refusal(read_ro(&lines, "pupil"));
    says(
        &said,
        &[
            "LOB-E0203 RO_99ZA_20240801_20250731.csv row 2, column `PER birth date`: found the form `9999-99-99`",
            "LOB-E0206 RO_99ZA_20240801_20250731.csv row 2, column `PER sex`",
            "LOB-E0212 RO_99ZA_20240801_20250731.csv row 3",
            "LOB-E0211 RO_99ZA_20240801_20250731.csv row 4",
            "LOB-E0207 RO_99ZA_20240801_20250731.csv row 5, column `ISG`",
            "LOB-E0207 RO_99ZA_20240801_20250731.csv row 6, column `ISP`",
            "row 7, column `ISP start`: found the form `99999999`",
            "row 7, column `ISP level`",
            "row 7, column `ISP funded`",
            "LOB-E0210 RO_99ZA_20240801_20250731.csv row 8",
            "LOB-E0209 RO_99ZA_20240801_20250731.csv: SLR counts 9 PER, the file has 2",
        ],
    );
    assert!(!said.contains("99999001") && !said.contains("2007-"), "a value was printed: {said}");
}

#[test]
fn ro_samples_are_read_or_refused() {
    let Some(pupils) = sample("invented/RO_99ZA_20240801_20250731.csv", Some("pupil")) else { return };
    assert_eq!(pupils.column("birth_ym"), ["2007-03", "2006-11", "2007", "2008-05"]);
    assert_eq!(pupils.column("sex"), ["V", "M", "M", "V"]);
    assert!(!pupils.header.iter().any(|h| h.contains("date")), "no full birth date");
    let a = sample("invented/RO_99ZA_20240801_20250731.csv", Some("enrolment")).expect("there");
    let b = sample("invented/RO_99ZB_20240801_20250731.csv", Some("enrolment")).expect("there");
    // The same persons after a round trip through a spreadsheet: everything but the institution is equal.
    assert_eq!(a.rows.len(), 5);
    for (one, other) in a.rows.iter().zip(&b.rows) {
        let differing: Vec<&String> = one.keys().filter(|k| one[*k] != other[*k]).collect();
        assert_eq!(differing, ["brin"]);
    }
    assert_eq!(a.column("end_reason"), ["08", "04", "08", "", "06"]);
    assert_eq!((a.dialect.delimiter, b.dialect.delimiter), (Some('|'), Some(';')));
    assert!(a.dialect.control.values().all(|c| c.stated == c.found) && a.dialect.control.len() == 9);
    let diplomas = sample("invented/RO_99ZA_20240801_20250731.csv", Some("diploma")).expect("there");
    assert_eq!(diplomas.column("result_no"), ["700001"]);

    let folder = samples().expect("there");
    let file = "invented/RO_99ZC_20240801_20250731.csv";
    let said = refusal(read(&folder, &source(file, |s| s.table = Some("enrolment".into()))));
    says(&said, &["SLR counts 4 PER, the file has 3", "row 9, column `ISG`: no record PER has its person"]);
    // A partial delivery may be accepted; a missing person may not.
    let partial = |s: &mut lob_effect::study::file::Source| {
        (s.table, s.incomplete) = (Some("enrolment".into()), true);
    };
    let said = refusal(read(&folder, &source(file, partial)));
    assert!(!said.contains("SLR") && said.contains("no record PER"), "{said}");
}

#[test]
fn ro_enrolments_belong_to_their_person_and_dates_are_read_one_by_one() {
    // Two persons with the enrolment number C1; the first date does not decide how the others are written.
    let lines = [
        "VLP|99ZA|1-8-2024|2025-07-31|20250804",
        "PER|999990019||14-3-2007|V",
        "PER|999990020||20061102|M",
        "ISG|999990019||C1|1-8-2023|31-07-2025||",
        "ISG|999990020||C1|2024-08-01|20270731|29-11-2024|04",
        "ISP|999990019||C1|1-8-2023|25167|BOL||J||||",
        "ISP|999990020||C1|20240801|25163|BBL||J||||",
        "KZD|999990020||||700005|K0998|2024-11-22|Niet behaald|N|C1|999A001",
        "SLR|2|2|2|0|0|0|0|0|1",
    ];
    let all = read_ro(&lines, "enrolment").expect("a right file");
    assert_eq!(all.column("pupil_key"), ["999990019", "999990020"]);
    assert_eq!((all.column("crebo"), all.column("track")), (vec!["25167", "25163"], vec!["BOL", "BBL"]));
    assert_eq!(all.column("enrol_end"), ["", "2024-11-29"]);
    assert_eq!(all.column("snapshot"), ["2025-08-04"; 2]);
    assert_eq!(all.dialect.left_out["records KZD"], 1, "results are counted, never passed on as passed");
    assert!(read_ro(&lines, "diploma").expect("a right file").rows.is_empty());
}

#[test]
fn masked_numbers_meet_no_other_source() {
    let lines = [VLP, "PER|BSN1||2007-03-14|V", "SLR|1|0|0|0|0|0|0|0|0"];
    let pupils = read_ro(&lines, "pupil").expect("a right file");
    assert_eq!((pupils.column("id_kind"), pupils.column("pupil_key")), (vec!["pseudo"], vec!["masked:BSN1"]));
    says(&pupils.dialect.notes.join("\n"), &["1 persons have a masked number"]);
}

#[test]
fn obo_is_read_by_its_specification() {
    let lines = [
        "VLP|2024-2025|99ZA|2025-08-01|2025-08-04",
        "PER|999990020||2006-11-02|M",
        "NAT|999990020||0001",
        "ISG|999990020||C1|2024-08-01|2024-11-29|J|N",
        "ISP|999990020||C1|2024-08-01|25163|BOL|MBO-3|DLP|MBO|J|J|N",
        "DIP|999990020||700009|25163|2024-11-29|J|C1",
        "CTR|1|1|50326|50330|2",
    ];
    let read = |lines: &[&str], table: &str| {
        read_bytes("OBO_99ZA_2024_20250804.CSV", lines.join("\r\n").as_bytes(), |s| s.table = Some(table.into()))
    };
    let all = read(&lines, "enrolment").expect("a right file");
    assert_eq!(all.dialect.format, Some(Format::DuoObo));
    let row = &all.rows[0];
    assert_eq!((&*row["brin"], &*row["level"], &*row["enrol_end"]), ("99ZA", "3", "2024-11-29"));
    assert_eq!((&*row["route_phase"], &*row["funded"], &*row["end_reason"]), ("MBO", "J", ""));
    assert_eq!(read(&lines, "diploma").expect("a right file").column("result_no"), ["700009"]);
    says(&refusal(read(&lines[..6], "diploma")), &["LOB-E0209", "no record CTR"]);
    let with = |closing: &'static str| [&lines[..6], &[closing]].concat();
    let said = refusal(read(&with("CTR|1|1|50327|50331|1"), "diploma"));
    says(&said, &["CTR counts 50327 as the sum of crebo's, the file has 50326"]);
    says(&said, &["CTR counts 50331 as the grand total, the file has 50330"]);
    says(&said, &["CTR counts 1 funded ISP and DIP, the file has 2"]);
}

/// One record type of CEDA's prepared Parquet.
fn ceda(name: &str, columns: &[(&str, &str)]) -> Result<Opened, lob_effect::ingest::InputError> {
    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    let column = |(name, value): &(&'static str, &str)| -> (&'static str, ArrayRef) {
        (*name, std::sync::Arc::new(StringArray::from(vec![Some(*value).filter(|v| !v.is_empty())])))
    };
    let columns: Vec<(&'static str, &str)> =
        columns.iter().map(|(n, v)| (&*Box::leak(n.to_string().into_boxed_str()), *v)).collect();
    let batch = RecordBatch::try_from_iter(columns.iter().map(column)).expect("columns of one length");
    let bytes = lob_effect::run::write_table(&batch).expect("writes");
    read_bytes(name, &bytes, |s| s.format = Some(Format::Ceda))
}

#[test]
fn ceda_parquet_has_one_person_column_and_no_details() {
    let isg = ceda(
        "ISG.parquet",
        &[
            ("Recordsoort", "ISG"),
            ("Burgerservicenummer", ""),
            ("Onderwijsnummer", "999990081"),
            ("Inschrijvingvolgnummer", "C1"),
        ],
    );
    let isg = isg.expect("a right file");
    assert_eq!(isg.header, ["pupil_key", "Recordsoort", "Inschrijvingvolgnummer"]);
    assert_eq!(
        (isg.column("pupil_key"), isg.ids.as_slice()),
        (vec!["999990081"], ["pupil_key".to_string()].as_slice())
    );
    let per = ceda(
        "PER.parquet",
        &[
            ("Recordsoort", "PER"),
            ("Burgerservicenummer", "999990020"),
            ("Geboortedatum", "2006-11-02"),
            ("Geslacht", "M"),
            ("Nationaliteit1", "0001"),
        ],
    );
    let per = per.expect("a right file");
    assert_eq!(per.header, ["pupil_key", "Recordsoort", "birth_ym", "Geslacht"]);
    assert_eq!(per.column("birth_ym"), ["2006-11"]);
    let ise = ceda("ISE.parquet", &[("Recordsoort", "ISE"), ("Burgerservicenummer", "999990020")]);
    says(&refusal(ise), &["LOB-E0126", "extra support"]);
    says(&refusal(ceda("x.parquet", &[("id", "1")])), &["LOB-E0121", "CEDA"]);
}

#[test]
fn ro_partial_deliveries_are_marked_incomplete() {
    let lines = [VLP, PER, ISG, ISP, "SLR|7|1|1|0|0|0|0|0|0"];
    let read = read_bytes("RO_99ZA_20240801_20250731.csv", &ro(&lines), |s| {
        (s.table, s.incomplete) = (Some("enrolment".into()), true);
    });
    assert!(read.expect("accepted").dialect.is_incomplete());
}

// --- GRONDSLAG, TBGI ---------------------------------------------------------------------------------------

#[test]
fn grondslag_sample_has_its_own_persons_and_levels_from_bid() {
    let file = "invented/GRONDSLAG_IP_MBO_99ZA_20251119_2025.csv";
    let Some(pupils) = sample(file, Some("pupil")) else { return };
    assert_eq!(pupils.column("id_kind"), ["pgn_ip"; 3]);
    assert_eq!(pupils.column("age_1aug"), ["18.0", "18.0", "18.0"]);
    assert_eq!(pupils.column("pc4"), ["7411", "0010", "7412"]);
    let enrolments = sample(file, Some("enrolment")).expect("there");
    assert_eq!(enrolments.column("track"), ["BOL", "BOL", "BBL"]);
    assert_eq!(enrolments.column("route_phase"), ["", "", "MBO"]);
    assert_eq!(enrolments.column("funded"), ["J"; 3]);
    assert_eq!(enrolments.column("level"), [""; 3], "funded `1` is no level");
    let diploma = sample(file, Some("diploma")).expect("there");
    assert_eq!((diploma.column("level"), diploma.column("date")), (vec!["2"], vec!["2025-06-20"]));
}

#[test]
fn tbgi_sample_gives_levels() {
    let file = "invented/TBGI_99ZA_2027_20251124.XML";
    let Some(counts) = sample(file, Some("enrolment")) else { return };
    let row = counts.only("enrol_no", "C2");
    assert_eq!((&*row["level"], &*row["crebo"], &*row["count_date"]), ("3", "25486", "2025-10-01"));
    assert_eq!((&*row["enrol_end"], &*row["funded"]), ("", "J"));
    let diploma = sample(file, Some("diploma")).expect("there");
    assert_eq!((diploma.column("level"), diploma.column("pupil_key")), (vec!["2"], vec!["999990019"]));
}

#[test]
fn xml_with_a_document_type_or_cut_off_is_refused() {
    let text = "<Bekostigingsgrondslagen><Diploma><BRIN>99ZA</BRIN><Burgerservicenummer>999990019</Burgerservicenummer>\
        <Resultaatvolgnummer>1</Resultaatvolgnummer><Opleidingcode>25167</Opleidingcode><Datumbehaald>2025-06-20</Datumbehaald>\
        <Niveau>MBO-2</Niveau></Diploma></Bekostigingsgrondslagen>";
    let read = |text: &str| read_bytes("TBGI_99ZA_2027_1.XML", text.as_bytes(), |s| s.table = Some("diploma".into()));
    assert_eq!(read(text).expect("a right file").rows.len(), 1, "names are compared in small letters");
    let bomb = format!("<!DOCTYPE x [<!ENTITY a \"aaaa\">]>{text}");
    says(&refusal(read(&bomb)), &["LOB-E0126", "document type"]);
    says(&refusal(read(&text.replace("99ZA", "&a;"))), &["LOB-E0126", "entity"]);
    for cut in (30..text.len()).step_by(7) {
        let said = refusal(read(&text[..cut]));
        assert!(said.contains("LOB-E0103") && !said.contains("999990019"), "cut at {cut}: {said}");
    }
}

// --- NenR, NRSP, A04, A05, A14 -----------------------------------------------------------------------------

#[test]
fn nenr_and_nrsp_samples_have_one_column_map() {
    let Some(synthetic) = sample("vsv/NenR2023DI27GZ.csv", None) else { return };
    let levels = synthetic.counts("level");
    assert_eq!(synthetic.rows.len(), 1000);
    assert_eq!((levels["4"], levels["1"], levels["vmbo-bovenbouw"], levels["havo-vwo-bovenbouw"]), (596, 32, 9, 65));
    assert_eq!(synthetic.counts("school_year"), [("2022-2023", 1000)].into());
    assert_eq!(synthetic.counts("status"), [("definitive", 1000)].into());
    assert_eq!(synthetic.column("pc4").iter().filter(|c| c.is_empty()).count(), 33);
    assert!(synthetic.column("birth_ym").iter().all(|b| b.len() == 7));
    assert!(synthetic.dialect.unquoted);
    let names = ["ACHTERNAAM", "VOORNAMEN", "STRAAT"];
    assert!(!synthetic.header.iter().any(|h| names.iter().any(|n| h.to_uppercase().contains(n))));
    let start = sample("vsv/NRSP2023DI27GZ.csv", None).expect("there");
    assert_eq!((start.rows.len(), start.counts("level")["4"]), (15_458, 9_308));
    assert!(start.column("birth_ym").iter().all(|b| b.len() == 7), "dates of this file are not null");
    let persons = |o: &Opened| o.column("pupil_key").into_iter().map(String::from).collect::<BTreeSet<String>>();
    assert_eq!(persons(&synthetic).difference(&persons(&start)).count(), 4);
    let provisional = sample("vsv/NenR2023VI27GZ.csv", None).expect("there");
    assert!(persons(&synthetic).is_subset(&persons(&provisional)));
    assert_eq!(provisional.counts("status"), [("provisional", 1100)].into());
    assert_eq!(sample("vsv/NRSP2023VI27GZ.csv", None).expect("there").rows.len(), 15_558);

    let real = sample("invented/NenR2025DI99ZA.csv", None).expect("there");
    assert_eq!(real.column("pupil_key"), ["999990020", "999990081"], "`0` is no number");
    assert_eq!((real.column("level"), real.column("track")), (vec!["3", "1"], vec!["BOL", "BOL"]));
    assert_eq!((real.column("crebo"), real.column("vestiging")), (vec!["25163", "25257"], vec!["", ""]));
    assert_eq!((real.column("birth_ym"), real.column("rmc")), (vec!["2006-11", "2008-05"], vec!["28", "28"]));
    assert_eq!(real.column("school_year"), ["2024-2025"; 2]);
}

#[test]
fn monthly_samples_take_their_year_from_the_name() {
    let Some(first) = sample("vsv/202211A04I27GZ.csv", None) else { return };
    assert_eq!((first.rows.len(), first.dialect.format), (30, Some(Format::DuoA04)));
    let last = sample("vsv/202310A04I27GZ.csv", None).expect("there");
    let correction = sample("vsv/202311A14I27GZ.csv", None).expect("there");
    assert_eq!((last.rows.len(), correction.rows.len()), (1245, 1255));
    assert_eq!(correction.dialect.format, Some(Format::DuoA14), "only the name tells A14 from A04");
    for list in [&first, &last, &correction] {
        assert_eq!(list.counts("school_year").keys().collect::<Vec<_>>(), [&"2022-2023"]);
        assert_eq!(list.counts("status").keys().collect::<Vec<_>>(), [&"monthly"]);
    }
    let real = sample("invented/202501A04I99ZA.csv", None).expect("there");
    let row = &real.rows[0];
    assert_eq!((&*row["reason"], &*row["leave_date"], &*row["since_month"]), ("04", "2024-11-29", "202411"));
    assert_eq!((&*row["truancy_legal"], &*row["truancy_other"], &*row["level"]), ("J", "N", "3"));
    assert_eq!(real.dialect.encoding, Some(lob_effect::study::file::Encoding::Windows1252));
    let start = sample("invented/202411A05I99ZA.csv", None).expect("there");
    assert_eq!(start.column("level"), ["2", "3", "4", "1"]);
    assert_eq!(start.column("startkwalificatie"), ["N"; 4]);
    assert_eq!(start.counts("school_year"), [("2024-2025", 4)].into());
}

#[test]
fn lists_refuse_what_contradicts_itself() {
    let header = "BURGERSERVICENUMMER;ONDERWIJSNUMMER;GEBOORTEDATUM;BRIN;BRIN_NR;CREBO;EXAMEN;NIVEAU;ONDERWIJSSOORT";
    let good = "999990020;0;20061102;99ZA;99ZA;25163;;Mbo niveau 3;Bol3";
    let read = |rows: &[&str]| {
        let text = [&[header], rows].concat().join("\r\n");
        read_bytes("NenR2025DI99ZA.csv", text.as_bytes(), |_| {})
    };
    assert_eq!(read(&[good]).expect("a right file").rows.len(), 1);
    let said = refusal(read(&[
        good,
        "0;;20061102;99ZA;99ZA;25163;;Mbo niveau 3;Bol3",
        "999990020;0;2006-02-30;99ZA;99ZB;25163;;Mbo niveau 3;Bol4",
        "999990020;0;20061102;ROC;;25163;;hoog;BOL",
        "999990020;0",
    ]));
    says(&said, &["row 3, column `BURGERSERVICENUMMER`", "row 4, column `GEBOORTEDATUM`: found the form `9999-99-99`"]);
    says(
        &said,
        &[
            "row 4, column `BRIN_NR`",
            "row 4, column `ONDERWIJSSOORT`",
            "row 5, column `BRIN`",
            "row 5, column `NIVEAU`",
        ],
    );
    says(&said, &["LOB-E0201 NenR2025DI99ZA.csv row 6"]);
    assert!(!said.contains("999990020"), "a value was printed");
    // Without its name nobody knows the year.
    let text = format!("{header}\r\n{good}\r\n");
    let said = refusal(read_bytes("lijst.csv", text.as_bytes(), |_| {}));
    says(&said, &["LOB-E0121", "school year"]);
    // A name that promises another format than the content has.
    let said = refusal(read_bytes("202501A04I99ZA.csv", text.as_bytes(), |_| {}));
    says(&said, &["LOB-E0121", "promises duo-a04"]);
    let said = refusal(read_bytes("NenR2025DI99ZA.csv", text.as_bytes(), |s| s.format = Some(Format::DuoExamens)));
    says(&said, &["LOB-E0121", "the study says it is duo-examens"]);
}

// --- Open data ---------------------------------------------------------------------------------------------

#[test]
fn the_real_exam_file_has_its_published_totals_and_hidden_counts_stay_intervals() {
    let Some(exams) = sample("open/examenkandidaten_geslaagden_2019-2024_vmbo.csv", None) else { return };
    assert_eq!(exams.rows.len(), 6_092 * 15);
    let schools: BTreeSet<&str> = exams.column("school_key").into_iter().collect();
    assert_eq!(schools.len(), 997);
    let keys: BTreeSet<(&str, &str)> =
        exams.column("school_key").into_iter().zip(exams.column("inspectiecode")).collect();
    assert_eq!(keys.len(), 6_092, "location and programme are a key");
    let hidden = |lo: &str, hi: &str| exams.rows.iter().filter(|r| r[lo] == "1.0" && r[hi] == "4.0").count();
    assert_eq!((hidden("count_lo", "count_hi"), hidden("passed_lo", "passed_hi")), (20_780, 21_175));
    let total = |lo: &str, hi: &str| {
        let rows = exams.rows.iter().filter(|r| r["school_year"] == "2022-2023" && r["sex"] == "T");
        let known = rows.filter(|r| !r[lo].is_empty() && r[lo] == r[hi]);
        known.map(|r| r[lo].parse::<f64>().expect("a number")).sum::<f64>()
    };
    assert_eq!((total("count_lo", "count_hi"), total("passed_lo", "passed_hi")), (84_644.0, 78_286.0));
    // Nobody took the exam: no pass rate.
    let nobody: Vec<_> = exams.rows.iter().filter(|r| r["count_hi"] == "0.0").collect();
    assert_eq!(nobody.len(), 22_604);
    assert!(nobody.iter().all(|r| r["passed_lo"].is_empty()));
    let leerwegen: BTreeSet<&str> = exams.column("leerweg").into_iter().collect();
    assert_eq!(leerwegen, ["BB", "GL", "KB", "TL"].into());
    assert!(!exams.header.iter().any(|h| h.contains("perc")), "printed rates can reveal hidden counts");
}

#[test]
fn other_open_data_samples() {
    let Some(pupils) = sample("invented/01voins_2024.csv", None) else { return };
    assert_eq!(pupils.rows.len(), 24);
    let row = pupils.rows.iter().find(|r| r["school_key"] == "98VA00" && r["leerjaar"] == "4" && r["sex"] == "V");
    let row = row.expect("a row");
    assert_eq!((&*row["count_lo"], &*row["count_hi"], &*row["year"]), ("1.0", "4.0", "2024"), "4 stands for 1 to 4");
    let vsv = sample("invented/vsv_vo_2012_oude_indeling.csv", None).expect("there");
    let row = &vsv.rows[0];
    assert_eq!((&*row["count"], &*row["dropouts"], &*row["dropouts_none"]), ("1204.0", "23.0", "14.0"));
    assert_eq!(&*row["profile"], "", "NVT is no profile");
    let schools = sample("invented/alle_vestigingen_vo.csv", None).expect("there");
    assert_eq!(schools.column("name"), ["Verzonnen vmbo", "Verzonnen vmbo d\u{e9}pendance"]);
    assert_eq!((schools.column("gemeente"), schools.column("pc4")), (vec!["0099"; 2], vec!["9999"; 2]));
    let successors = sample("invented/OVERGANGEN_20250804.csv", None).expect("there");
    let row = &successors.rows[0];
    assert_eq!((&*row["from"], &*row["to"], &*row["date"], &*row["whole"]), ("97VB", "98VA", "2023-08-01", "J"));
    assert!(successors.dialect.byte_order_mark && successors.dialect.delimiter == Some(','));
}

#[test]
fn code_lists_and_norms_are_plain_tables() {
    let Some(norms) = sample("vsv/VSV_normen.csv", None) else { return };
    assert_eq!((norms.rows.len(), &*norms.header[0], norms.dialect.format), (44, "Teljaar", Some(Format::Csv)));
    for (file, rows) in [
        ("codes/crebo_2015.csv", 470),
        ("codes/rmc_regios_2016.csv", 413),
        ("codes/reden_uitstroom.csv", 9),
        ("codes/hoogste_vooropleiding.csv", 16),
        ("codes/leertraject.csv", 6),
        ("codes/duo_examen_inspectiecode_vmbo.csv", 21),
        ("invented/koppeltabel_las_pgn.csv", 4),
    ] {
        assert_eq!(sample(file, None).expect("there").rows.len(), rows, "{file}");
    }
    let reasons = sample("codes/reden_uitstroom.csv", None).expect("there");
    assert!(reasons.rows.iter().all(|r| r.values().any(|v| v.len() == 2 && v.starts_with('0'))), "zeros are kept");
}

// --- Schools' own programs ---------------------------------------------------------------------------------

#[test]
fn pupil_lists_hand_on_no_names() {
    let Some(list) = sample("invented/leerlingen_las_magister.csv", None) else { return };
    assert_eq!(list.header, ["Stamnr_str", "Klas", "Studie", "profiel.code"]);
    assert_eq!((list.dialect.format, list.ids.as_slice()), (Some(Format::Las), ["Stamnr_str".to_string()].as_slice()));
    assert_eq!(list.column("Studie"), ["vmbo-kb 4", "vmbo-bb 4", "vmbo-kb 4"]);
    let somtoday = "UUID,leerlingnummer,roepnaam,achternaam,geboortedatum,geslacht,email,mobielNummer\n\
        a-1,12001,X,X,14-03-2007,V,x@example.org,0612345678\n";
    let list = read_bytes("somtoday.csv", somtoday.as_bytes(), |_| {}).expect("a right file");
    assert_eq!(list.header, ["leerlingnummer", "geboortedatum", "geslacht"]);
    assert_eq!(list.column("geboortedatum"), ["2007-03"]);
}

#[test]
fn xapi_sample_loses_what_was_voided() {
    let Some(folder) = samples() else { return };
    let all = |pages: &[&str]| {
        let pages = Names(pages.iter().map(|p| p.to_string()).collect());
        read(&folder, &source("invented/xapi_statements.jsonl", |s| s.homepages = pages))
    };
    let events = all(&["https://lob.voorbeeld.example/"]).expect("a right file");
    assert_eq!(events.column("pupil_key"), ["12001", "12001", "12002"]);
    assert_eq!(events.column("at"), ["2022-10-11", "2022-11-25", "2023-03-13"]);
    assert_eq!((events.column("minutes"), events.column("days")), (vec!["25.0", "", "0.0"], vec!["0.0", "", "5.0"]));
    assert_eq!(events.column("done"), ["J", "J", "N"]);
    assert_eq!(events.dialect.left_out["statements that were voided"], 1);
    assert_eq!(all(&["https://elders.example"]).expect("a right file").rows.len(), 0);
    says(&refusal(all(&[])), &["LOB-E0124", "homepages"]);
}

#[test]
fn xapi_copies_conflicts_and_persons_by_mail_are_counted() {
    let statement = |id: &str, actor: &str, verb: &str| {
        format!(
            "{{\"id\":\"{id}\",\"actor\":{actor},\"verb\":{{\"id\":\"{verb}\"}},\"object\":{{\"id\":\"a\"}},\
             \"timestamp\":\"2022-10-11T10:30:00+02:00\"}}"
        )
    };
    let account = "{\"account\":{\"homePage\":\"https://h.example\",\"name\":\"1\"}}";
    let one = statement("1", account, "did");
    let all = [
        one.clone(),
        one,
        statement("2", account, "did"),
        statement("2", account, "did not"),
        statement("3", "{\"mbox\":\"mailto:x@example.org\"}", "did"),
        statement("4", account, "did").replace("+02:00", ""),
    ];
    let read =
        |text: String| read_bytes("a.json", text.as_bytes(), |s| s.homepages = Names(vec!["https://h.example".into()]));
    for text in [format!("[{}]", all.join(",")), format!("{{\"statements\":[{}]}}", all.join(",")), all.join("\n")] {
        let events = read(text).expect("a right file");
        assert_eq!(events.column("event_id"), ["1"]);
        let left: Vec<(&str, u64)> = events.dialect.left_out.iter().map(|(k, n)| (k.as_str(), *n)).collect();
        assert_eq!(
            left,
            [
                ("copies of a statement", 1),
                ("statements of a person by e-mail or OpenID", 1),
                ("statements with the id of another and other content", 2),
                ("statements without a time with its offset", 1),
            ]
        );
    }
    let said = refusal(read(format!("[{}", all.join(","))));
    says(&said, &["LOB-E0103", "a.json", "line 1"]);
}

#[test]
fn edexml_sample_gives_keys_and_groups() {
    let Some(pupils) = sample("invented/edexml_uwlr_minimaal.xml", None) else { return };
    let row = &pupils.rows[0];
    assert_eq!((&*row["las_key"], &*row["eckid"]), ("12003", "https://ketenid.nl/pilot/verzonnen0003"));
    assert_eq!((&*row["school_key"], &*row["jaargroep"], &*row["group_key"]), ("98VA01", "4", "G4kb1"));
    assert_eq!(pupils.ids, ["eckid", "las_key"]);
}
