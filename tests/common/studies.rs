//! Studies that use what the template leaves out, with their files made from a simulated region.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use lob_effect::simulate::{RegionSpec, simulate_to};

use crate::tables::{Sheet, day_number};

/// CSV with `;`, Dutch dates, renamed columns, words for no value, filters, look-ups, composite keys,
/// amounts, recoded types, an event after the end that counts, and a dose that is a column.
pub const CSV: &str = r#"
[study]
id = "csv"
title = "Dossiers uit een leerlingvolgsysteem"

[sources.leerling]
files = "leerling.csv"
delimiter = ";"
null = ["onbekend", "NA"]
rename = { id = "Leerling nr", "jaar" = "Cohort" }
filter = [{ column = "status", is = ["actief", "oud"] }]
lookup = [{ table = "school", on = "school", take = ["regio", "brin"] }]

[sources.school]
files = "school.csv"
delimiter = ";"
lookup = [{ table = "brin", on = ["naam", "regio"], take = "brin" }]

[sources.brin]
files = "brin.parquet"
rename = { brin = "school" }

[sources.dossier]
files = ["dossier-*.csv"]
delimiter = ";"
null = ["onbekend"]
filter = [{ column = "bron_systeem", is_not = ["SOMtoday"] }]
lookup = [{ table = "leerling", on = "id", take = "school" }]
rename = { id = "Leerling nr" }

[sources.score]
files = "score.csv"
lookup = [{ table = "leerling", on = "id", take = "school" }]

[sources.inschrijving]
files = "inschrijving.csv"
lookup = [{ table = "leerling", on = "id", take = "school" }]

[time]
axis = "calendar"
period = { days = 120 }
periods = 5
date_format = "%d-%m-%Y"

[pupils]
source = "leerling"
key = ["school", "id"]
school = ["brin", "leerweg"]
cohort = ["jaar", "regio"]
origin = "begin_lj3"
end = "einde"
landmark = "landmark"
enrolled_from = "ingeschreven_van"
enrolled_to = "ingeschreven_tot"
linked = { column = "koppelstatus", is = ["gekoppeld", "deels"] }

[activities]
source = "dossier"
key = ["school", "id"]
date = "datum"
type = "soort"
recode = { "Gesprek; mentor" = "GESPR", "" = "LEEG" }
amount = "duur_min"
unit = "minutes"

[[exposures]]
id = "minuten"
measure = "amount"

[[exposures]]
id = "gesprekken"
types = ["GESPR", "LEEG"]

[[exposures]]
id = "gespreksminuten"
types = "GESPR"
measure = "amount"

[[exposures]]
id = "verzuim"
column = "verzuim_lj2"

[[covariates]]
id = "ses-woa"
column = "ses_woa"
min = -0.25
max = 0.75

[[covariates]]
id = "leerweg"
levels = ["TL", "KB"]

[[covariates]]
id = "vrouw"
column = "geslacht"
recode = { V = 0.1, M = -2.5 }

[[covariates]]
id = "jaar"

[enrolments]
known_until = "2030-12-31"
source = "inschrijving"
key = ["school", "id"]
from = "begin"
to = "eind"
sector = "sector"
programme = "crebo"

[[outcomes]]
id = "vertrek"
definition = "event"
date = "vertrokken"
after_end = "at_end"

[[outcomes]]
id = "vertrek_tot_einde"
definition = "event"
date = "vertrokken"

[[outcomes]]
id = "gestart_en_gebleven"

[[outcomes]]
id = "uitval_jr1"

[[outcomes]]
id = "reflectie"
definition = "score"
source = "score"
key = ["school", "id"]
date = "datum"
column = "score"

[[outcomes]]
id = "leeftijd"
definition = "value"
column = "leeftijd"

[[models]]
id = "vertrek"
kind = "hazard"
outcome = "vertrek"
exposure = "minuten"
"#;

/// Whole days from each pupil's own start, an event table, amounts, silence that counts as zero.
pub const DAYS: &str = r#"
[study]
id = "days"
title = "Dagen vanaf de start"

[sources.leerling]
files = "days-leerling.csv"

[sources.klik]
files = "days-klik.csv"

[sources.uitval]
files = "days-uitval.csv"

[time]
axis = "days"
period = { days = 45 }
periods = 9

[pupils]
source = "leerling"
key = "pseudo_id"
school = "school"
end = "einde"
landmark = "landmark"
enrolled_to = "ingeschreven_tot"

[activities]
source = "klik"
key = "pseudo_id"
date = "dag"
type = "code"
amount = "uren"
unit = "hours"
silent = "zero"

[[exposures]]
id = "uren"
measure = "amount"
types = ["STAGE", "GESPR", "LES"]

[[exposures]]
id = "alles"

[[covariates]]
id = "leeftijd"

[[outcomes]]
id = "uitval"
definition = "event"
source = "uitval"
key = "pseudo_id"
date = "dag"

[[outcomes]]
id = "verzuim"
definition = "value"
column = "verzuim_lj2"

[[models]]
id = "uitval"
kind = "hazard"
outcome = "uitval"
exposure = "uren"
"#;

/// Every row is a pupil.
#[allow(dead_code, reason = "not every test file has use for it")]
pub const KEYLESS: &str = r#"
[study]
id = "keyless"
title = "Zonder sleutel"

[sources.leerling]
files = "leerling.parquet"
filter = [{ column = "leerweg", is_not = "BB" }]

[time]
axis = "calendar"
period = { months = 12 }
periods = 1

[pupils]
source = "leerling"
school = "school"
cohort = "cohort"

[[exposures]]
id = "verzuim"
column = "verzuim_lj2"

[[covariates]]
id = "ses"
column = "ses_woa"

[[outcomes]]
id = "leeftijd"
definition = "value"
column = "leeftijd"

[[models]]
id = "leeftijd"
kind = "linear"
outcome = "leeftijd"
exposure = "verzuim"
"#;

fn dutch(date: Option<String>) -> Option<String> {
    let date = date?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{day}-{month}-{year}"))
}

fn every(n: usize, word: &str) -> impl Fn(usize, &[Option<String>]) -> Option<String> + '_ {
    move |i, _| (i % n != 0).then(|| word.to_string())
}

/// Days of dropout by pupil.
fn first_events(dir: &Path) -> HashMap<String, String> {
    let sheet = Sheet::read(&dir.join("uitval.parquet"));
    sheet.rows.into_iter().filter_map(|r| Some((r[0].clone()?, r[1].clone()?))).collect()
}

/// Writes the files of [`CSV`].
pub fn write_csv_study(dir: &Path) {
    let spec = RegionSpec { schools: 6, cohorts: 2, pupils: 800, seed: 14, missing_ses: 0.1, ..RegionSpec::default() };
    simulate_to(&spec, dir).unwrap();
    let events = first_events(dir);

    let mut pupils = Sheet::read(&dir.join("leerling.parquet"));
    let (id, link) = (pupils.at("pseudo_id"), pupils.at("koppelstatus"));
    pupils.add("vertrokken", |_, row| dutch(events.get(row[id].as_ref()?).cloned()));
    pupils.add("status", |i, _| Some(["actief", "oud", "concept", "actief", "actief"][i % 5].into()));
    for date in ["begin_lj3", "landmark", "einde", "ingeschreven_van", "ingeschreven_tot"] {
        pupils.map(date, dutch);
    }
    for (i, row) in pupils.rows.iter_mut().enumerate() {
        if i % 50 == 7 {
            row[link] = Some("deels".into());
        }
    }
    let origin = pupils.at("begin_lj3");
    let until = pupils.at("einde");
    for (i, row) in pupils.rows.iter_mut().enumerate() {
        if i % 31 == 0 {
            row[origin] = None;
        }
        if i % 23 == 0 {
            row[until] = Some(" ".into());
        }
        if i % 37 == 0 {
            row[until] = row[origin].clone();
        }
    }
    pupils.map("ses_woa", |v| Some(v.unwrap_or_else(|| "onbekend".into())));
    pupils.map("verzuim_lj2", |v| v.map(|v| format!(" {v}")).filter(|v| v != " 3"));
    pupils.rename("pseudo_id", "Leerling nr");
    pupils.rename("cohort", "Cohort");
    // The activities look pupils up here, so that no row may stand here twice.
    pupils.write(&dir.join("leerling.csv"), ';');

    let mut schools = Sheet::read(&dir.join("school.parquet"));
    schools.rename("school", "brin");
    let brin = schools.at("brin");
    schools.add("school", |_, row| row[brin].clone());
    schools.header[brin] = "oud".into();
    schools.write(&dir.join("school.csv"), ';');
    std::fs::copy(dir.join("school.parquet"), dir.join("brin.parquet")).unwrap();

    let mut activities = Sheet::read(&dir.join("activiteit.parquet"));
    activities.map("datum", dutch);
    activities.map("code", |c| c.map(|c| if c == "GESPR" { "Gesprek; mentor".into() } else { c }));
    let (code, minutes, day) = (activities.at("code"), activities.at("duur_min"), activities.at("datum"));
    for (i, row) in activities.rows.iter_mut().enumerate() {
        match i % 40 {
            0 => row[code] = None,
            1 => row[minutes] = Some("-5".into()),
            2 => row[minutes] = Some("12.3456".into()),
            3 => row[minutes] = Some(" 0.0005 ".into()),
            4 => row[minutes] = Some("onbekend".into()),
            5 => row[day] = None,
            6 => row[0] = None,
            _ => {}
        }
    }
    activities.rename("pseudo_id", "Leerling nr");
    activities.rename("code", "soort");
    let half = activities.rows.len() / 2;
    let second = Sheet { header: activities.header.clone(), rows: activities.rows.split_off(half) };
    activities.write(&dir.join("dossier-1.csv"), ';');
    second.write(&dir.join("dossier-2.csv"), ';');

    let mut scores = Sheet::read(&dir.join("competentie.parquet"));
    scores.map("datum", dutch);
    scores.rename("pseudo_id", "id");
    // Two scores on one day, one missing.
    let value = scores.at("score");
    let mut more: Vec<_> = scores.rows.iter().step_by(3).cloned().collect();
    for (i, row) in more.iter_mut().enumerate() {
        row[value] = (i % 4 != 0).then(|| format!("{}", i % 7));
    }
    scores.rows.extend(more);
    scores.write(&dir.join("score.csv"), ',');

    let mut enrolments = Sheet::read(&dir.join("inschrijving.parquet"));
    enrolments.map("begin", dutch);
    enrolments.map("eind", dutch);
    enrolments.rename("pseudo_id", "id");
    // Some pupils have a second programme at the same time.
    let crebo = enrolments.at("crebo");
    let mut more: Vec<_> = enrolments.rows.iter().step_by(4).cloned().collect();
    for (i, row) in more.iter_mut().enumerate() {
        row[crebo] = (i % 5 != 0).then(|| format!("{}", 25_000 + (i % 900)));
    }
    enrolments.rows.extend(more);
    enrolments.write(&dir.join("inschrijving.csv"), ',');
}

/// Writes the files of [`DAYS`].
pub fn write_days_study(dir: &Path) {
    let spec = RegionSpec { schools: 10, cohorts: 2, pupils: 700, seed: 16, ..RegionSpec::default() };
    simulate_to(&spec, dir).unwrap();
    let mut pupils = Sheet::read(&dir.join("leerling.parquet"));
    let (id, begin) = (pupils.at("pseudo_id"), pupils.at("begin_lj3"));
    let origin: HashMap<String, i32> =
        pupils.rows.iter().map(|r| (r[id].clone().unwrap(), day_number(r[begin].as_ref().unwrap()))).collect();
    let from_origin = |key: &Option<String>, date: &Option<String>| -> Option<String> {
        let start = origin.get(key.as_ref()?)?;
        Some((day_number(date.as_ref()?) - start).to_string())
    };
    for date in ["landmark", "einde", "ingeschreven_tot"] {
        let at = pupils.at(date);
        for row in &mut pupils.rows {
            row[at] = from_origin(&row[id], &row[at]);
        }
    }
    let landmark = pupils.at("landmark");
    for row in pupils.rows.iter_mut().step_by(19) {
        row[landmark] = None;
    }
    // Exact copies, and rows without a key or a school.
    let school = pupils.at("school");
    let copies: Vec<_> = pupils.rows.iter().step_by(5).cloned().collect();
    pupils.rows.extend(copies);
    let mut keyless = pupils.rows[0].clone();
    keyless[id] = None;
    let mut schoolless = pupils.rows[1].clone();
    schoolless[id] = Some("zonder school".into());
    schoolless[school] = None;
    pupils.rows.extend([keyless, schoolless]);
    pupils.write(&dir.join("days-leerling.csv"), ',');

    let mut clicks = Sheet::read(&dir.join("activiteit.parquet"));
    let (key, date, minutes) = (clicks.at("pseudo_id"), clicks.at("datum"), clicks.at("duur_min"));
    clicks.add("dag", |_, row| from_origin(&row[key], &row[date]));
    clicks.add("uren", |i, row| {
        let minutes: f64 = row[minutes].as_ref()?.parse().ok()?;
        Some(format!("{}", minutes / 60.0 + i as f64 / 7.0))
    });
    clicks.write(&dir.join("days-klik.csv"), ',');

    let mut events = Sheet::read(&dir.join("uitval.parquet"));
    let (key, date) = (events.at("pseudo_id"), events.at("datum"));
    events.add("dag", |_, row| from_origin(&row[key], &row[date]));
    events.add("bron", every(2, "DUO"));
    events.write(&dir.join("days-uitval.csv"), ',');
}

/// Every outcome that rests on enrolments.
pub const OUTCOMES: &str = include_str!("../../fixtures/studies/uitkomsten.toml");

/// Writes the files of [`OUTCOMES`], with what makes outcomes unknown: double enrolments, enrolments without a trait, pupils
/// who are too old, of no leerweg, of no sector, or who had their diploma before.
pub fn write_outcomes_study(dir: &Path) {
    let spec = RegionSpec { schools: 7, cohorts: 3, pupils: 1500, seed: 17, ..RegionSpec::default() };
    simulate_to(&spec, dir).unwrap();
    let mut pupils = Sheet::read(&dir.join("leerling.parquet"));
    let sectors = ["techniek", "economie", "zorg en welzijn", "groen", "intersectoraal"];
    pupils.add("sector", |i, _| (i % 13 != 0).then(|| sectors[i % sectors.len()].to_string()));
    pupils.add("geboren", |i, _| {
        // Around the twenty-third birthday on 1 October of the cohorts' years, and one leap day.
        let (year, month) = (1997 + i % 9, 9 + i % 3);
        (i % 17 != 0).then(|| if i % 40 == 1 { "2000-02-29".into() } else { format!("{year}-{month:02}-01") })
    });
    // Days up to which single pupils are known, around the count dates of the years after their landmark.
    let landmark = pupils.at("landmark");
    pupils.add("bekend_tot", |i, row| {
        let year: usize = row[landmark].as_ref()?.get(..4)?.parse().ok()?;
        let rest = ["09-30", "10-01", "10-02"][i % 3];
        (i % 4 == 0).then(|| format!("{}-{rest}", year + i / 4 % 4))
    });
    let (leerweg, age) = (pupils.at("leerweg"), pupils.at("leeftijd"));
    for (i, row) in pupils.rows.iter_mut().enumerate() {
        match i % 30 {
            0 => row[leerweg] = Some("BB/KB".into()),
            1 => row[leerweg] = None,
            2 => row[age] = None,
            3 => row[age] = Some("21.15".into()),
            4 => row[age] = Some("24".into()),
            _ => {}
        }
    }
    pupils.write(&dir.join("leerling.csv"), ',');

    let mut rows = Sheet::read(&dir.join("inschrijving.parquet"));
    let at = |name: &str| rows.at(name);
    let (begin, end, sector, crebo) = (at("begin"), at("eind"), at("sector"), at("crebo"));
    let (domain, level, track) = (at("domein"), at("niveau"), at("leerweg_mbo"));
    let (place, diploma) = (at("instelling"), at("diploma_datum"));
    let mut more: Vec<_> = rows.rows.iter().step_by(3).cloned().collect();
    for (i, row) in more.iter_mut().enumerate() {
        match i % 10 {
            0 => row[sector] = Some("ho".into()),
            1 => row[track] = Some("EX".into()),
            2 => (row[sector], row[level]) = (Some("vavo".into()), None),
            3 => row[place] = Some("99ZZ".into()),
            4 => row[domain] = Some("Uiterlijke verzorging".into()),
            5 => row[level] = Some("1".into()),
            6 => row[end] = row[begin].clone(),
            7 => row[diploma] = Some("2018-06-30".into()),
            8 => row[sector] = None,
            _ => row[begin] = None,
        }
    }
    for (i, row) in rows.rows.iter_mut().enumerate() {
        match i % 20 {
            0 => row[domain] = None,
            1 => row[level] = None,
            2 => row[track] = None,
            3 => row[crebo] = None,
            4 => row[place] = None,
            5 => row[level] = Some("7".into()),
            6 => row[domain] = Some("Onbekend domein".into()),
            7 | 8 => {
                row[diploma] = row[begin].as_ref().map(|day| format!("{}-07-10", day[..4].parse::<i32>().unwrap() + 1))
            }
            _ => {}
        }
    }
    rows.rows.extend(more);
    rows.write(&dir.join("inschrijving.csv"), ',');
}

/// Doses of every kind, to be put into a study whose activities have types.
const DOSES: &str = r#"
[[exposures]]
id = "we"
competence = ["WE", "NW"]

[[exposures]]
id = "praktijkdagen"
types = ["STAGE", "STAGE_B", "INTSTG"]
measure = "days"
cap = 0.9

[[exposures]]
id = "cycli"
measure = "triples"
transform = "log1p"
unit_sd = true

[[exposures]]
id = "korte_cycli"
measure = "triples"
triple = { experience = ["STAGE", "BEDR", "LES"], conversation = "GESPR", reflection = ["REFL", "TEST"], within_days = 21 }
cap = 0.75

[[exposures]]
id = "laatste_tijd"
window = { days = 200 }
cap = 0.9

[[exposures]]
id = "laatste_dagen"
types = ["STAGE", "STAGE_B", "INTSTG", "GESPR"]
measure = "days"
window = { days = 45 }

[[exposures]]
id = "laatste_cycli"
measure = "triples"
window = { days = 300 }
transform = "log1p"
unit_sd = true

[[exposures]]
id = "verzuim_laag"
column = "verzuim_lj2"
cap = 0.5
transform = "log1p"
unit_sd = true
"#;

/// Doses per school year, for studies with dates.
const PER_YEAR: &str = r#"
[[exposures]]
id = "intensiteit"
measure = "intensity"
cap = 0.95

[[exposures]]
id = "laatste_jaar"
types = ["STAGE", "GESPR", "REFL", "LES"]
window = { months = 12 }

[[exposures]]
id = "laatste_kwartaal"
measure = "days"
window = { months = 3 }

[[exposures]]
id = "cycli_per_jaar"
measure = "triples"
per_year = true
transform = "log1p"
unit_sd = true
"#;

/// A study with doses of every kind besides its own.
pub fn with_doses(text: &str) -> String {
    let per_year = if text.contains("enrolled_from") { PER_YEAR } else { "" };
    text.replacen("[[covariates]]", &format!("{DOSES}{per_year}\n[[covariates]]"), 1)
}

/// The template's study with exits that compete: in a table of their own, and in the table of pupils.
pub fn with_causes(template: &str) -> String {
    let causes = "causes = { uitval = [\"03\", \"05\"], overstap = \"04\", diploma = \"06\" }";
    let event = "source = \"uitval\"\nkey = \"pseudo_id\"\ndate = \"datum\"";
    let of_pupils = format!(
        "[[outcomes]]\nid = \"overstap\"\ndefinition = \"event\"\ndate = \"weg_op\"\ncause = \"weg_reden\"\n{causes}\n\
         event = \"overstap\"\nafter_end = \"at_end\"\n\n[[models]]"
    );
    template
        .replace("uitval.parquet", "uitval.csv")
        .replace("leerling.parquet", "leerling.csv")
        .replace(event, &format!("{event}\ncause = \"reden\"\n{causes}"))
        .replacen("[[models]]", &of_pupils, 1)
}

/// Writes the files of [`with_causes`] beside those of a region.
pub fn write_causes(dir: &Path) {
    let reason =
        |i: usize| Some(["03", "04", "06", "99", "05", "04"][i % 6].to_string()).filter(|_| !i.is_multiple_of(11));
    let mut events = Sheet::read(&dir.join("uitval.parquet"));
    events.add("reden", |i, _| reason(i));
    // Some leave twice, some of them on one day in two ways.
    let (date, why) = (events.at("datum"), events.at("reden"));
    let mut more: Vec<_> = events.rows.iter().step_by(2).cloned().collect();
    for (i, row) in more.iter_mut().enumerate() {
        row[why] = reason(i + 3);
        match i % 4 {
            0 => row[date] = Some("2019-01-15".into()),
            1 => row[date] = None,
            _ => {}
        }
    }
    events.rows.extend(more);
    events.write(&dir.join("uitval.csv"), ',');

    let mut pupils = Sheet::read(&dir.join("leerling.parquet"));
    let origin = pupils.at("begin_lj3");
    pupils.add("weg_op", |i, row| {
        let year = row[origin].as_ref()?[..4].parse::<i32>().unwrap();
        (i % 3 == 0).then(|| format!("{}-{:02}-11", year + 1 + (i % 2) as i32, 1 + i % 12))
    });
    pupils.add("weg_reden", |i, _| reason(i / 3));
    pupils.write(&dir.join("leerling.csv"), ',');
}

/// A study whose pupils move, with the files of [`write_stays`].
pub fn with_stays(text: &str) -> String {
    let line = |start: &str| {
        let pupils = text.split("[pupils]").nth(1).expect("pupils");
        let line = pupils.lines().find(|l| l.starts_with(start)).expect("a line of the pupils");
        line.split('#').next().expect("what stands before a comment").trim().to_string()
    };
    let stays =
        format!("[stays]\nsource = \"verblijf\"\n{}\n{}\nfrom = \"vanaf\"\n\n", line("key ="), line("school ="));
    text.replacen("[time]", "[sources.verblijf]\nfiles = \"verblijf.csv\"\n\n[time]", 1)
        .replacen("[activities]", &format!("{stays}[activities]"), 1)
        .replace("activiteit.parquet", "activiteit.csv")
}

/// Writes the stays of [`with_stays`], for the template, [`CSV`] or [`DAYS`] (of which the study's text is a change): pupils who
/// move before the start, on it, once, several times, on the first day of a period, around the landmark, from and to schools outside
/// the study, and rows that say nothing. One of the schools registers nothing.
pub fn write_stays(text: &str, dir: &Path) {
    let pupils = Sheet::read(&dir.join("leerling.parquet"));
    let is_csv = text.contains("key = [\"school\", \"id\"]");
    let is_days = text.contains("axis = \"days\"");
    let (id, school, leerweg) = (pupils.at("pseudo_id"), pupils.at("school"), pupils.at("leerweg"));
    let (origin, landmark) = (pupils.at("begin_lj3"), pupils.at("landmark"));
    let schools: Vec<_> =
        pupils.rows.iter().step_by(17).map(|row| (row[school].clone(), row[leerweg].clone())).collect();
    let header: &[&str] =
        if is_csv { &["school", "id", "brin", "leerweg", "vanaf"] } else { &["pseudo_id", "school", "vanaf"] };
    let outside = || (Some("99XX00".to_string()), Some("TL".to_string()));
    let mut rows = Vec::new();
    for (i, row) in pupils.rows.iter().enumerate() {
        let own = || (row[school].clone(), row[leerweg].clone());
        let other = |n: usize| schools[(i * 7 + n) % schools.len()].clone();
        let start = day_number(row[origin].as_ref().expect("every simulated pupil starts"));
        let (until, some) = (day_number(row[landmark].as_ref().expect("a landmark")) - start, i as i32 % 600);
        let moves = match i % 16 {
            0..=3 => vec![],
            4 => vec![(-400, own())],
            5 => vec![(-30, other(0))],
            6 => vec![(-400, own()), (some, other(0))],
            7 => vec![(0, other(0)), (200, own())],
            8 => vec![(-400, own()), (some, outside())],
            9 => vec![(-500, outside()), (-100, own())],
            10 => vec![(-10, own()), (150, other(0)), (151 + some / 4, other(1)), (400, own())],
            11 => vec![(182 + some % 2, other(0))],
            12 => vec![(300 + some, other(1))],
            13 => vec![(until - 1 + some % 3, other(0))],
            14 => vec![(until - 1 + some % 3, outside())],
            _ => vec![(45 * (i as i32 % 9), other(2))],
        };
        for (n, (after, (brin, leerweg))) in moves.into_iter().enumerate() {
            let date = || lob_effect::vocab::Day(start + after).date().expect("a date").to_string();
            let day = if is_days { Some(after.to_string()) } else { Some(date()) };
            let day = if is_csv { dutch(day) } else { day };
            let key = row[id].clone();
            let one = if is_csv { vec![row[school].clone(), key, brin, leerweg, day] } else { vec![key, brin, day] };
            let last = one.len() - 1;
            // Twice the same, and rows without a day, a school or a pupil.
            match (i + n) % 5 {
                0 => rows.push(one.clone()),
                1 => rows.push([&one[..last], &[None]].concat()),
                2 => rows.push([&one[..last - 1], &[None, one[last].clone()]].concat()),
                3 => rows.push([&[Some("niemand".into())], &one[1..]].concat()),
                _ => {}
            }
            rows.push(one);
        }
    }
    let (key, at) = if is_csv { (1, 2) } else { (0, 1) };
    let silent = &schools[0];
    let is_silent =
        |label: &Option<String>, leerweg: &Option<String>| *label == silent.0 && (!is_csv || *leerweg == silent.1);
    let began = pupils.rows.iter().filter(|row| is_silent(&row[school], &row[leerweg])).map(|row| row[id].clone());
    let came =
        rows.iter().filter(|row| is_silent(&row[at], &row[at + usize::from(is_csv)])).map(|row| row[key].clone());
    let quiet: HashSet<String> = began.chain(came).flatten().collect();
    assert!(quiet.len() > 20, "pupils of a school that registers nothing");
    let header = header.iter().map(|name| name.to_string()).collect();
    Sheet { header, rows }.write(&dir.join("verblijf.csv"), ',');

    if is_csv || is_days {
        let (files, name, delimiter) = if is_csv {
            (vec!["dossier-1.csv", "dossier-2.csv"], "Leerling nr", ';')
        } else {
            (vec!["days-klik.csv"], "pseudo_id", ',')
        };
        for file in files {
            let text = std::fs::read_to_string(dir.join(file)).expect("a file");
            let place = text.lines().next().and_then(|l| l.split(delimiter).position(|n| n == name)).expect("a key");
            let kept = text.lines().filter(|l| !l.split(delimiter).nth(place).is_some_and(|key| quiet.contains(key)));
            std::fs::write(dir.join(file), kept.map(|l| format!("{l}\n")).collect::<String>()).expect("a file");
        }
    } else {
        let mut activities = Sheet::read(&dir.join("activiteit.parquet"));
        let place = activities.at("pseudo_id");
        activities.rows.retain(|row| row[place].as_ref().is_none_or(|key| !quiet.contains(key)));
        activities.write(&dir.join("activiteit.csv"), ',');
    }
}
