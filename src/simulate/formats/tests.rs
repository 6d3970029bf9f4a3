//! The files against the region they were written from.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, Form, Writer};
use crate::simulate::RegionSpec;
use crate::simulate::region::Plan;

fn spec() -> RegionSpec {
    RegionSpec { schools: 14, pupils: 900, cohorts: 2, ..RegionSpec::default() }
}

fn files(spec: &RegionSpec, forms: &[Form]) -> BTreeMap<String, File> {
    let plan = Plan::new(spec);
    let mut writer = Writer::new(forms, plan.cohorts());
    let mut files: Vec<File> = plan.regions().flat_map(|schools| writer.region(&schools)).collect();
    files.extend(writer.finish());
    let n = files.len();
    let by_name: BTreeMap<String, File> = files.into_iter().map(|f| (f.name.clone(), f)).collect();
    assert_eq!(by_name.len(), n, "names are unique");
    by_name
}

fn lines(file: &File) -> Vec<Vec<String>> {
    let (text, _, lost) = match file.bytes.starts_with(b"\xef\xbb\xbf") || std::str::from_utf8(&file.bytes).is_ok() {
        true => encoding_rs::UTF_8.decode(&file.bytes),
        false => encoding_rs::WINDOWS_1252.decode(&file.bytes),
    };
    assert!(!lost && text.ends_with("\r\n"), "{}", file.name);
    let separator = if file.name.contains("/RO_") { '|' } else { ';' };
    let fields = |line: &str| line.split(separator).map(|f| f.trim_matches('"').to_string()).collect();
    text.lines().map(fields).collect()
}

fn of_kind<'a>(files: &'a BTreeMap<String, File>, kind: &'a str) -> impl Iterator<Item = &'a File> {
    files.values().filter(move |f| f.name.contains(kind))
}

#[test]
fn an_ro_has_the_order_the_fields_and_the_control_totals_of_the_specification() {
    let files = files(&spec(), &[Form::Duo]);
    let (mut diplomas, mut without_bsn, mut split) = (0, 0, 0);
    for file in of_kind(&files, "/RO_") {
        let lines = lines(file);
        assert_eq!((lines[0][0].as_str(), lines[lines.len() - 1][0].as_str()), ("VLP", "SLR"));
        let count = |kind: &str| lines.iter().filter(|l| l[0] == kind).count().to_string();
        let totals = ["PER", "ISG", "ISP", "ISE", "BPV", "DIP", "AMO", "GEO", "KZD"].map(count);
        assert_eq!(lines[lines.len() - 1][1..], totals, "{}", file.name);
        for line in &lines {
            let fields = match line[0].as_str() {
                "PER" | "VLP" => 5,
                "ISG" => 8,
                "ISP" => 14,
                "DIP" | "SLR" => 10,
                other => panic!("record {other}"),
            };
            assert_eq!(line.len(), fields, "{line:?}");
            assert!(line[0] == "VLP" || line[0] == "SLR" || line[1].is_empty() != line[2].is_empty());
        }
        let isg: BTreeMap<(String, String), &Vec<String>> = of(&lines, "ISG");
        for dip in lines.iter().filter(|l| l[0] == "DIP") {
            let own = isg[&(dip[1].clone() + &dip[2], dip[8].clone())];
            assert_eq!((&own[6], own[7].as_str()), (&dip[5], "08"), "an enrolment ends on the diploma's day");
            diplomas += 1;
        }
        without_bsn += lines.iter().filter(|l| l[0] == "PER" && l[1].is_empty()).count();
        split += lines.iter().filter(|l| l[0] == "ISP" && l[8] == "N").count();
    }
    assert!(diplomas > 0 && without_bsn > 0 && split > 0, "{diplomas} {without_bsn} {split}");
}

/// Lines of one record type by person and enrolment number; each pair once.
fn of<'a>(lines: &'a [Vec<String>], kind: &str) -> BTreeMap<(String, String), &'a Vec<String>> {
    let own: Vec<_> =
        lines.iter().filter(|l| l[0] == kind).map(|l| ((l[1].clone() + &l[2], l[3].clone()), l)).collect();
    let n = own.len();
    let by_key: BTreeMap<_, _> = own.into_iter().collect();
    assert_eq!(by_key.len(), n, "person and number are unique in an institution");
    by_key
}

#[test]
fn dropouts_are_in_the_start_population_and_definitive_lists_inside_provisional_ones() {
    let files = files(&spec(), &[Form::Duo]);
    let persons = |name: &str| -> BTreeSet<String> {
        let number = |l: &Vec<String>| if l[0] == "0" { l[1].clone() } else { l[0].clone() };
        lines(&files[name]).iter().skip(1).map(number).collect()
    };
    let (mut out, mut returned, mut vmbo) = (0, 0, 0);
    for file in of_kind(&files, "/NenR") {
        if !file.name.contains("DI") {
            continue;
        }
        let start = persons(&file.name.replace("NenR", "NRSP"));
        let (definitive, provisional) = (persons(&file.name), persons(&file.name.replace("DI", "VI")));
        assert!(definitive.is_subset(&start) && definitive.is_subset(&provisional), "{}", file.name);
        out += definitive.len();
        returned += provisional.difference(&definitive).count();
        vmbo += if file.name.contains("I90") { definitive.len() } else { 0 };
    }
    assert!(out > 20 && returned > 5 && vmbo > 5, "{out} {returned} {vmbo}");
}

#[test]
fn monthly_reports_are_cumulative_and_end_with_the_definitive_list() {
    let files = files(&spec(), &[Form::Duo]);
    let a04: Vec<&File> = of_kind(&files, "A04I").collect();
    assert!(!a04.is_empty() && a04.len().is_multiple_of(12));
    let brin = &a04[0].name[a04[0].name.len() - 8..a04[0].name.len() - 4];
    let own: Vec<BTreeSet<String>> = a04
        .iter()
        .filter(|f| f.name.ends_with(&format!("{brin}.csv")))
        .map(|f| lines(f).iter().skip(1).map(|l| l[3].clone()).collect())
        .collect();
    assert!(own.len() == 12 && own.windows(2).all(|w| w[0].is_subset(&w[1])));
    let year = &a04[a04.len() - 1].name[4..8];
    let nenr = &files[&format!("duo/NenR{year}DI{brin}.csv")];
    assert_eq!(own[11].len() as u64, nenr.rows, "who left in the year and is nowhere on 1 October");
}

#[test]
fn dossier_files_hold_every_registration_and_a_total() {
    let spec = spec();
    let files = files(&spec, &[Form::DossierCsv, Form::DossierXlsx]);
    let region = crate::simulate::simulate(&spec);
    let rows: u64 = of_kind(&files, "/dossier_").filter(|f| f.name.ends_with("csv")).map(|f| f.rows).sum();
    assert_eq!(rows, region.activiteit.num_rows() as u64);
    for file in of_kind(&files, "/dossier_") {
        if file.name.ends_with("xlsx") {
            let csv = &files[&file.name.replace("xlsx", "csv")];
            assert_eq!(csv.rows, file.rows);
            assert!(file.bytes.starts_with(b"PK"));
            continue;
        }
        assert!(std::str::from_utf8(&file.bytes).is_err(), "Windows-1252 with letters that UTF-8 writes otherwise");
        let lines = lines(file);
        assert_eq!(lines[lines.len() - 1][0], "Totaal");
        assert_eq!(lines.len() as u64, file.rows + 2);
        assert!(lines[1..lines.len() - 1].iter().all(|l| l[4].as_bytes()[2] == b'-' && l[0].len() == 6));
    }
}

#[test]
fn pupil_numbers_repeat_across_schools_and_person_numbers_do_not() {
    let files = files(&spec(), &[Form::Las]);
    let crosswalk = lines(&files["las/koppeltabel.csv"]);
    let column = |k: usize| crosswalk.iter().skip(1).map(|l| l[k].clone()).collect::<Vec<_>>();
    let unique = |values: &[String]| values.iter().collect::<BTreeSet<_>>().len();
    let (numbers, persons) = (column(0), column(1));
    assert!(unique(&numbers) < numbers.len() / 5);
    assert_eq!(unique(&persons), persons.len());
    let listed: u64 = of_kind(&files, "magister").chain(of_kind(&files, "somtoday")).map(|f| f.rows).sum();
    let share = persons.len() as f64 / listed as f64;
    assert!((0.95..1.0).contains(&share), "{share}: some pupils have no known person number");
    assert!(files["las/magister_90AA00.csv"].bytes.starts_with(b"\xef\xbb\xbf\"Stamnr_str\";"));
}

#[test]
fn small_counts_are_masked_and_the_others_add_up_to_the_pupils() {
    let files = files(&spec(), &[Form::Counts]);
    let lines = lines(&files["open/uitkomsten_per_leerweg.csv"]);
    let cells: Vec<&String> = lines.iter().skip(1).flat_map(|l| &l[3..]).collect();
    assert!(cells.iter().any(|c| *c == "<5") && cells.iter().any(|c| *c == "0"));
    assert!(cells.iter().filter(|c| **c != "<5").all(|c| c.parse::<u64>().is_ok_and(|n| !(1..5).contains(&n))));
}

#[test]
fn the_same_region_gives_the_same_bytes_on_any_number_of_threads() {
    let forms = Form::ALL.map(|(_, form)| form);
    let with_threads = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a small pool");
        pool.install(|| files(&spec(), &forms))
    };
    assert_eq!(with_threads(1), with_threads(3));
}
