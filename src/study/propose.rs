//! A study file proposed from the columns of files that nobody here has seen. Every line says whether it was found or must
//! be filled in; `lob check` then says what is still wrong.

mod counts;
mod deliveries;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::guess::{Role, activity, date_format, role};

/// A column of a stranger's file, without values.
#[derive(Clone, Debug, Default)]
pub struct SeenColumn {
    /// Its name.
    pub name: String,
    /// Masked shape of most cells.
    pub shape: Option<String>,
    /// It holds citizen service numbers.
    pub is_bsn: bool,
    /// Words that stand in many rows, with the number of rows.
    pub words: BTreeMap<String, u64>,
}

/// A stranger's file.
#[derive(Clone, Debug, Default)]
pub struct SeenFile {
    /// Path as it goes into the study.
    pub path: String,
    /// Format, where it is not told by the name.
    pub format: Option<String>,
    /// Table of a fixed format: such a file is proposed by itself and was not read.
    pub table: Option<String>,
    /// A workbook whose sheets lie under each other.
    pub all_sheets: bool,
    /// Columns in file order.
    pub columns: Vec<SeenColumn>,
    /// Rows.
    pub rows: u64,
}

/// What a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// One row per pupil.
    Pupils,
    /// One row per pupil with two of its numbers.
    Crosswalk,
    /// One row per activity.
    Activities,
    /// One row per enrolment after vmbo.
    Enrolments,
    /// One row per school, leerweg and cohort, with numbers of pupils.
    Counts,
    /// Schools with their names.
    Schools,
    /// None of these.
    Unknown,
}

impl Part {
    fn source(self) -> &'static str {
        match self {
            Part::Pupils => "leerling",
            Part::Crosswalk => "koppeltabel",
            Part::Activities => "activiteit",
            Part::Enrolments => "inschrijving",
            Part::Counts => "aantallen",
            Part::Schools => "scholen",
            Part::Unknown => "bestand",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Part::Pupils => "one row per pupil",
            Part::Crosswalk => "two numbers of each pupil",
            Part::Activities => "one row per activity",
            Part::Enrolments => "one row per enrolment after vmbo",
            Part::Counts => "numbers per school, with an outcome",
            Part::Schools => "names of schools",
            Part::Unknown => "not recognised",
        }
    }
}

impl SeenFile {
    fn column(&self, wanted: Role) -> Option<&SeenColumn> {
        self.columns.iter().find(|c| role(&c.name) == Some(wanted))
    }

    fn has(&self, wanted: Role) -> bool {
        self.column(wanted).is_some()
    }

    /// Columns that name a pupil.
    fn numbers(&self) -> usize {
        self.columns.iter().filter(|c| c.is_bsn || role(&c.name) == Some(Role::Pupil)).count()
    }

    /// What the file may be, by the roles of its columns.
    pub fn part(&self) -> Part {
        if !self.has(Role::Pupil) {
            // Numbers without an outcome are not of use.
            let has_names_alone = self.has(Role::School) && !self.has(Role::Number);
            return match () {
                () if counts::is_counts(self) => Part::Counts,
                () if has_names_alone => Part::Schools,
                () => Part::Unknown,
            };
        }
        if self.has(Role::From) && (self.has(Role::Sector) || self.has(Role::Programme)) && !self.has(Role::Cohort) {
            Part::Enrolments
        } else if self.has(Role::Date) && (self.has(Role::Activity) || self.has(Role::Amount)) {
            Part::Activities
        } else if self.numbers() == 2 && !self.has(Role::Cohort) && !self.has(Role::From) {
            Part::Crosswalk
        } else if self.has(Role::School) || self.has(Role::Cohort) || self.has(Role::From) || self.has(Role::Landmark) {
            Part::Pupils
        } else {
            // Numbers of pupils and little else: scores, marks.
            Part::Unknown
        }
    }
}

/// The study file for these files.
pub fn propose(files: &[SeenFile]) -> String {
    let mut parts: BTreeMap<Part, Vec<&SeenFile>> = BTreeMap::new();
    files.iter().filter(|f| f.table.is_none()).for_each(|f| parts.entry(f.part()).or_default().push(f));
    let mut out = String::from(
        "# Proposed by `lob init --from`. Lines with GUESS were guessed from the names of columns: read them.\n\
         # Lines with FILL IN could not be guessed. Then run `lob check` on this file and follow what it says.\n\n\
         [study]\nid = \"studie\"                # FILL IN: letters, digits, - and _\ntitle = \"Onze studie\"        # FILL IN: as reports print it\n\n",
    );
    let together: BTreeMap<Part, SeenFile> = parts.iter().map(|(part, files)| (*part, together(files))).collect();
    let first = |part: Part| together.get(&part);
    let has_fixed = fixed(&mut out, files);
    let of_deliveries = deliveries::are_deliveries(first(Part::Pupils));
    let needs_key = if of_deliveries {
        let needs_key = deliveries::sources(&mut out, &parts, files);
        time(&mut out, files);
        deliveries::tables(&mut out, &first);
        needs_key
    } else {
        let one =
            |any, (part, files): (&Part, &Vec<&SeenFile>)| source(&mut out, *part, part.source(), files, None) || any;
        let needs_key = parts.iter().fold(false, one);
        time(&mut out, files);
        pupils(&mut out, first(Part::Pupils), first(Part::Schools));
        activities(&mut out, first(Part::Activities));
        enrolments(&mut out, first(Part::Enrolments));
        needs_key
    };
    let needs_key = needs_key || has_fixed;
    if let Some(file) = first(Part::Counts) {
        counts::counts(&mut out, file, of_deliveries);
    }
    outcomes(&mut out, &|part| first(part).is_some());
    if needs_key {
        out += "[privacy]\n# Make it once with: lob key new project.key --project studie\nkey_file = \"project.key\"\n";
    }
    out
}

/// The first of these files with the words of all.
fn together(files: &[&SeenFile]) -> SeenFile {
    let mut all = files[0].clone();
    for column in files[1..].iter().flat_map(|f| &f.columns) {
        if let Some(own) = all.columns.iter_mut().find(|c| c.name == column.name) {
            column.words.iter().for_each(|(word, n)| *own.words.entry(word.clone()).or_default() += n);
        }
    }
    all
}

/// A text as a TOML string on one line, also where it stands in a comment.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// Writes a source for each table of a fixed format; true when there is one.
fn fixed(out: &mut String, files: &[SeenFile]) -> bool {
    let mut tables: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for file in files {
        if let Some(table) = &file.table {
            tables.entry((file.format.as_deref().unwrap_or_default(), table)).or_default().push(quoted(&file.path));
        }
    }
    if tables.is_empty() {
        return false;
    }
    *out += "# Files of a fixed format hold these tables; leave out what you do not need. `lob schema` shows their columns,\n\
             # and [ingest] makes pupils, activities and enrolments of them.\n";
    for ((format, table), paths) in &tables {
        let _ = writeln!(out, "[sources.{}]", quoted(&format!("{format}_{table}")));
        let _ = writeln!(out, "files = [{}]   # GUESS", paths.join(", "));
        let _ = writeln!(out, "format = {}   # GUESS, from the content\ntable = {}", quoted(format), quoted(table));
        if *format == "xapi" {
            *out += "homepages = [\"https://…\"]   # FILL IN: the home pages whose accounts are pupils\n";
        }
        out.push('\n');
    }
    true
}

/// Writes a source with the names that its columns get; true when ids must be replaced.
fn source(out: &mut String, part: Part, name: &str, files: &[&SeenFile], rename: Option<&[(String, String)]>) -> bool {
    let paths: Vec<String> = files.iter().map(|f| quoted(&f.path)).collect();
    let list = if paths.len() == 1 { paths[0].clone() } else { format!("[{}]", paths.join(", ")) };
    let rows: u64 = files.iter().map(|f| f.rows).sum();
    let _ = writeln!(out, "[sources.{}]\nfiles = {list}   # GUESS: {}; {rows} rows", quoted(name), part.words());
    if let Some(format) = &files[0].format {
        let _ = writeln!(out, "format = {}   # GUESS, from the content", quoted(format));
    } else if rename.is_some() && part == Part::Activities && !files[0].path.ends_with(".parquet") {
        *out += "format = \"dossier\"   # totals rows are taken off, names and free text are not read\n";
    }
    if part == Part::Counts {
        *out += counts::keep(files[0]);
    }
    if files.iter().any(|f| f.all_sheets) {
        *out += "sheets = \"*\"   # GUESS: all visible sheets under each other; or name those that you need\n";
    }
    let ids: BTreeMap<&str, &str> =
        files.iter().flat_map(|f| &f.columns).filter_map(|c| Some((c.name.as_str(), id_kind(c)?))).collect();
    if !ids.is_empty() {
        let list: Vec<String> = ids.iter().map(|(name, kind)| format!("{} = {kind:?}", quoted(name))).collect();
        let _ = writeln!(out, "ids = {{ {} }}   # GUESS: replaced by pseudonyms while reading", list.join(", "));
        if ids.values().any(|kind| *kind == "leerlingnummer") {
            match files[0].column(Role::School) {
                Some(school) => {
                    let _ =
                        writeln!(out, "id_school = {}   # GUESS: schools give the same numbers", quoted(&school.name));
                }
                None => {
                    *out +=
                        "# id_school_is = \"12AB00\"   # FILL IN, when the numbers of several schools come together\n"
                }
            }
        }
    }
    if let Some(pairs) = rename.filter(|pairs| !pairs.is_empty()) {
        let pairs: Vec<String> = pairs.iter().map(|(to, from)| format!("{to} = {}", quoted(from))).collect();
        let _ = writeln!(out, "rename = {{ {} }}   # GUESS: the table's column = the file's", pairs.join(", "));
    }
    let unused: BTreeSet<String> = files
        .iter()
        .flat_map(|f| &f.columns)
        .filter(|c| role(&c.name) == Some(Role::Personal))
        .map(|c| quoted(&c.name))
        .collect();
    if !unused.is_empty() {
        let unused: Vec<String> = unused.into_iter().collect();
        let _ = writeln!(out, "# not read, and better left out of the export: {}", unused.join(", "));
    }
    out.push('\n');
    !ids.is_empty()
}

/// The kind of id of a column, where it must be replaced.
fn id_kind(c: &SeenColumn) -> Option<&'static str> {
    if c.is_bsn {
        return Some("pgn");
    }
    if role(&c.name) != Some(Role::Pupil) {
        return None;
    }
    let name = c.name.to_lowercase();
    if ["bsn", "burgerservice", "pgn", "persoonsgebonden", "onderwijsnummer"].iter().any(|w| name.contains(w)) {
        Some("pgn")
    } else if name.contains("eck") {
        Some("eckid")
    } else if name.contains("pseudo") {
        None
    } else {
        Some("leerlingnummer")
    }
}

fn time(out: &mut String, files: &[SeenFile]) {
    let mut formats: BTreeMap<&str, usize> = BTreeMap::new();
    let dates = files
        .iter()
        .flat_map(|f| &f.columns)
        .filter(|c| matches!(role(&c.name), Some(Role::Date | Role::From | Role::To | Role::Events) | None));
    for format in dates.filter_map(|c| date_format(c.shape.as_deref()?)) {
        *formats.entry(format).or_default() += 1;
    }
    *out += "[time]\naxis = \"calendar\"\nperiod = { months = 6 }\nperiods = 4\n";
    match formats.iter().max_by_key(|(_, n)| **n) {
        Some((format, _)) => {
            let _ = writeln!(out, "date_format = {}   # GUESS, from the form of the dates", quoted(format));
        }
        None => *out += "# date_format = \"%d-%m-%Y\"   # FILL IN, if dates are text and not like 2024-10-07\n",
    }
    if formats.len() > 1 {
        let _ =
            writeln!(out, "# dates are written in {} ways; a source can have a date_format of its own", formats.len());
    }
    out.push('\n');
}

fn pupils(out: &mut String, file: Option<&SeenFile>, schools: Option<&SeenFile>) {
    *out += "[pupils]\nsource = \"leerling\"\n";
    let Some(file) = file else {
        *out += "# FILL IN: no file with one row per pupil was recognised; it needs at least a key and a school\n\
                 key = \"leerlingnummer\"\nschool = \"school\"\n\n";
        return;
    };
    line(out, "key", file.column(Role::Pupil), "the column that names the pupil");
    line(out, "school", file.column(Role::School), "the column with BRIN and vestiging");
    optional(out, "school_name", file.column(Role::SchoolName));
    optional(out, "cohort", file.column(Role::Cohort));
    line(out, "origin", file.column(Role::From), "the day on which the pupil's clock starts (1 October of leerjaar 3)");
    optional(out, "end", file.column(Role::To));
    match file.column(Role::Landmark) {
        Some(c) => optional(out, "landmark", Some(c)),
        None => {
            *out +=
                "# landmark = \"…\"   # FILL IN: column with the day on which the dose is frozen, such as the exam\n"
        }
    }
    *out += "# linked = { column = \"…\", is = \"gekoppeld\" }   # FILL IN: who was found in later education\n";
    if schools.is_some() {
        *out += "# names of schools: add to [sources.leerling] lookup = [{ table = \"scholen\", on = \"…\", take = \"…\" }]\n";
    }
    out.push('\n');
}

fn line(out: &mut String, key: &str, column: Option<&SeenColumn>, what: &str) {
    let _ = match column {
        Some(c) => writeln!(out, "{key} = {}   # GUESS", quoted(&c.name)),
        None => writeln!(out, "{key} = \"…\"   # FILL IN: {what}"),
    };
}

fn optional(out: &mut String, key: &str, column: Option<&SeenColumn>) {
    if let Some(c) = column {
        let _ = writeln!(out, "{key} = {}   # GUESS", quoted(&c.name));
    }
}

fn activities(out: &mut String, file: Option<&SeenFile>) {
    let Some(file) = file else {
        *out += "# FILL IN: no file with one row per activity was recognised ([activities] needs a key and a date)\n\n";
        return;
    };
    *out += "[activities]\nsource = \"activiteit\"\n";
    line(out, "key", file.column(Role::Pupil), "the column that names the pupil, as in [pupils]");
    line(out, "date", file.column(Role::Date), "the column with the day of the activity");
    optional(out, "type", file.column(Role::Activity));
    if let Some(amount) = file.column(Role::Amount) {
        let name = amount.name.to_lowercase().replace("duur", "");
        let unit = if ["uur", "uren"].iter().any(|word| name.contains(word)) { "hours" } else { "minutes" };
        let _ = writeln!(out, "amount = {}   # GUESS\nunit = {unit:?}   # GUESS", quoted(&amount.name));
    }
    recode(out, file);
    exposure(out);
}

/// The words of the activity types.
fn recode(out: &mut String, file: &SeenFile) {
    if let Some(kind) = file.column(Role::Activity).filter(|k| !k.words.is_empty()) {
        *out += "\n[activities.recode]   # GUESS: the words of the file, and the activity types that they may mean\n";
        for (word, n) in &kind.words {
            let (found, word) = (word, quoted(word));
            let _ = match activity(found) {
                Some(a) => writeln!(out, "{word} = {:?}   # {}; {n} rows", a.code, a.nl),
                None => writeln!(out, "# {word} = \"…\"   # FILL IN or leave out; {n} rows"),
            };
        }
    }
}

fn exposure(out: &mut String) {
    *out += "\n[[exposures]]\nid = \"lob\"\nlabel = \"LOB-activiteiten\"\nlabel_en = \"career guidance activities\"\nstep = 5\n\n";
}

fn enrolments(out: &mut String, file: Option<&SeenFile>) {
    let Some(file) = file else {
        *out += "# FILL IN: no file of enrolments after vmbo was recognised; without it outcomes must come from elsewhere\n\n";
        return;
    };
    *out += "[enrolments]\nsource = \"inschrijving\"\n";
    line(out, "key", file.column(Role::Pupil), "the column that names the pupil, as in [pupils]");
    line(out, "from", file.column(Role::From), "the first day");
    line(out, "to", file.column(Role::To), "the last day; empty means still enrolled");
    line(out, "sector", file.column(Role::Sector), "the column with mbo, havo, vavo, …");
    optional(out, "programme", file.column(Role::Programme));
    *out += "known_until = \"2024-12-31\"   # FILL IN: the day up to which the file is complete\n\n";
}

fn outcomes(out: &mut String, has: &dyn Fn(Part) -> bool) {
    *out += "# `lob schema --list` shows all outcomes and kinds of models.\n";
    if has(Part::Activities) && has(Part::Enrolments) {
        *out += "[[outcomes]]\nid = \"uitval_jr1\"\n\n[[models]]\nid = \"uitval_jr1\"\nkind = \"landmark\"\noutcome = \"uitval_jr1\"\n\
                 exposure = \"lob\"\n\n";
    } else if has(Part::Counts) {
        *out += "# Beside [counts] no [[outcomes]] and [[models]] are needed.\n\n";
    } else {
        *out += "# [[outcomes]] and [[models]]: FILL IN\n\n";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, columns: &[(&str, &str)]) -> SeenFile {
        let column = |(name, shape): &(&str, &str)| SeenColumn {
            name: name.to_string(),
            shape: Some(shape.to_string()),
            ..SeenColumn::default()
        };
        SeenFile { path: path.into(), columns: columns.iter().map(column).collect(), rows: 9, ..SeenFile::default() }
    }

    fn seen() -> Vec<SeenFile> {
        let mut dossier = file("dossier.csv", &[("Stamnr", "99999"), ("Wanneer", "99-99-9999"), ("Onderdeel", "aaa")]);
        dossier.columns[2].words = [("Gesprek mentor".to_string(), 40), ("Kampvuur".to_string(), 12)].into();
        vec![
            file(
                "llg.csv",
                &[
                    ("Stamnr", "99999"),
                    ("Achternaam", "aaa"),
                    ("BRIN", "99AA"),
                    ("Cohort", "9999"),
                    ("van", "99-99-9999"),
                    ("Peildatum", "99-99-9999"),
                ],
            ),
            dossier,
            file(
                "mbo.csv",
                &[("BSN", "999999999"), ("DatumBegin", "99-99-9999"), ("DatumEind", "99-99-9999"), ("Crebo", "99999")],
            ),
        ]
    }

    #[test]
    fn parts_are_recognised_by_their_columns() {
        let parts: Vec<Part> = seen().iter().map(SeenFile::part).collect();
        assert_eq!(parts, [Part::Pupils, Part::Activities, Part::Enrolments]);
        let crosswalk = file("k.csv", &[("brin", "99AA"), ("leerlingnummer", "99999"), ("pgn", "999999999")]);
        let scan = file("scan.csv", &[("leerlingnummer", "99999"), ("Afnamedatum", "99-99-9999"), ("Score", "9")]);
        let list = file("l.csv", &[("leerlingnummer", "99999"), ("pgn", "999999999"), ("schooljaar", "9999-9999")]);
        assert_eq!([crosswalk.part(), scan.part(), list.part()], [Part::Crosswalk, Part::Unknown, Part::Pupils]);
    }

    #[test]
    fn the_proposal_is_toml_with_what_was_found() {
        let text = propose(&seen());
        let table: toml::Table = text.parse().expect("TOML");
        assert_eq!(table["pupils"]["key"].as_str(), Some("Stamnr"));
        assert_eq!(table["time"]["date_format"].as_str(), Some("%d-%m-%Y"));
        assert_eq!(table["activities"]["recode"]["Gesprek mentor"].as_str(), Some("GESPR"));
        assert_eq!(table["sources"]["inschrijving"]["ids"]["BSN"].as_str(), Some("pgn"));
        assert_eq!(table["sources"]["leerling"]["id_school"].as_str(), Some("BRIN"));
        assert_eq!(table["privacy"]["key_file"].as_str(), Some("project.key"));
        for word in ["\"Achternaam\"", "# \"Kampvuur\"", "FILL IN"] {
            assert!(text.contains(word), "{word} in {text}");
        }
    }

    #[test]
    fn without_files_that_are_understood_everything_is_left_to_fill_in() {
        let text = propose(&[file("x.csv", &[("kleur", "aaa")])]);
        assert!(text.parse::<toml::Table>().is_ok(), "{text}");
        assert!(text.contains("no file with one row per pupil"));
    }

    #[test]
    fn numbers_per_school_are_proposed_as_counts() {
        let columns =
            ["VESTIGINGSCODE", "LEERWEG", "SCHOOLJAAR", "LEERLINGEN", "IN MBO", "NIET IN ONDERWIJS"].map(|n| (n, "aa"));
        let mut free = file("aantallen.csv", &columns);
        free.columns[1].words = [("VMBO BB".to_string(), 40), ("anders".to_string(), 12)].into();
        assert_eq!(free.part(), Part::Counts);
        let mut list = seen().remove(0);
        list.columns.retain(|c| c.name != "Peildatum");
        let text = propose(&[list, seen().remove(1), free]);
        let toml: toml::Table = text.parse().expect("TOML");
        assert_eq!(toml["ingest"]["pupil"].as_array().map(Vec::len), Some(1), "a cohort and no landmark: tables first");
        let found = &toml["counts"];
        let of = |key: &str| found[key].as_str();
        assert_eq!((of("school"), of("leerweg")), (Some("VESTIGINGSCODE"), Some("LEERWEG")));
        assert_eq!((of("n"), of("events")), (Some("LEERLINGEN"), Some("NIET IN ONDERWIJS")));
        assert_eq!(found["recode"]["VMBO BB"].as_str(), Some("BB"));
        let exams = SeenFile { format: Some("duo-examens".into()), ..SeenFile::default() };
        let toml: toml::Table = propose(&[exams]).parse().expect("TOML");
        assert_eq!(toml["counts"]["events_hi"].as_str(), Some("passed_hi"));
        let pupils_alone = file("01voins.csv", &[("brin", "99AA"), ("count_lo", "9")]);
        assert_eq!(pupils_alone.part(), Part::Unknown, "no outcome is among them");
    }

    #[test]
    fn a_fixed_format_is_proposed_by_table_and_sheets_together() {
        let table = |format: &str, table: &str| SeenFile {
            path: "levering".into(),
            format: Some(format.into()),
            table: Some(table.into()),
            ..SeenFile::default()
        };
        let sheets = SeenFile { all_sheets: true, ..seen().remove(0) };
        let text = propose(&[table("ro", "enrolment"), table("ro", "result"), table("xapi", "lob_event"), sheets]);
        let toml: toml::Table = text.parse().expect("TOML");
        let sources = &toml["sources"];
        assert_eq!(sources["ro_enrolment"]["table"].as_str(), Some("enrolment"));
        assert_eq!(sources["ro_result"]["format"].as_str(), Some("ro"));
        assert!(sources["xapi_lob_event"]["homepages"].is_array());
        assert_eq!(sources["leerling"]["sheets"].as_str(), Some("*"));
    }

    proptest::proptest! {
        /// Whatever files, columns and words are called.
        #[test]
        fn every_proposal_is_toml(names in proptest::collection::vec("\\PC*|[\"'\\\\\n\r\t\u{7f}\u{2028}#=\\[\\]{}]{1,9}", 12)) {
            let column = |role: &str, k: usize| SeenColumn {
                name: format!("{role}{}", names[k]),
                shape: Some("99-99-9999".into()),
                is_bsn: k == 3,
                words: [(names[k].clone(), 12), (format!("gesprek {}", names[k]), 11)].into(),
            };
            let roles = [("stamnr", 0), ("datum", 1), ("activiteit", 2), ("anders", 3), ("achternaam", 4), ("minuten", 5), ("brin", 6)];
            let numbers = [("brin", 0), ("leerweg", 1), ("cohort", 2), ("leerlingen", 4), ("uitval", 5)];
            let free = SeenFile {
                path: names[7].clone(),
                format: Some(names[8].clone()),
                columns: roles.iter().map(|(role, k)| column(role, *k)).collect(),
                ..SeenFile::default()
            };
            let pupils = SeenFile { columns: vec![column("leerlingnummer", 9), column("cohort", 10)], ..free.clone() };
            let fixed = SeenFile { table: Some(names[11].clone()), ..free.clone() };
            let counts = SeenFile { columns: numbers.iter().map(|(role, k)| column(role, *k)).collect(), ..free.clone() };
            let text = propose(&[free, pupils, counts, fixed]);
            let parsed = text.parse::<toml::Table>();
            proptest::prop_assert!(parsed.is_ok(), "{:?} in {}", parsed, text);
        }
    }
}
