//! Outcomes that are read off enrolments on count dates and off diplomas: the printed form of a [`Question`].

use super::Query;
use crate::panel::question::{Obtained, Probe, Question, Test};
use crate::panel::traits::DAYS_PER_YEAR;
use crate::study::file::Enrolments;
use crate::vocab::{DiplomaKind, Need, Trait, leerwegen};

/// Columns by which one of two enrolments goes first.
const IN_ORDER: &str = "e.place, e.programme, e.domain, e.institution, e.track, e.level, e.sector";

impl<'p> Query<'p> {
    fn enrolment_table(&self) -> &'p Enrolments {
        self.plan.enrolments.expect("a checked study has enrolments where an outcome rests on them")
    }

    pub(super) fn enrolments(&mut self) {
        let e = self.enrolment_table();
        let mut columns = self.key_columns(&e.source, &e.key.0);
        for (column, name) in
            [(Some(&e.from), "first_day"), (Some(&e.to), "last_day"), (e.diploma.as_ref(), "diploma_on")]
        {
            if let Some(column) = column {
                let cell = self.sources.want(&e.source, column);
                columns.push(format!("{} AS {name}", self.day(&cell)));
            }
        }
        let texts = [
            (Some(&e.sector), "sector"),
            (e.programme.as_ref(), "programme"),
            (e.domain.as_ref(), "domain"),
            (e.institution.as_ref(), "institution"),
            (e.track.as_ref(), "track"),
        ];
        for (column, name) in texts {
            let text = column.map(|column| {
                let cell = self.sources.want(&e.source, column);
                format!("COALESCE({}, '')", self.text(&cell))
            });
            columns.push(format!("{} AS {name}", text.unwrap_or_else(|| "''".into())));
        }
        let level = e.level.as_ref().map(|column| {
            let cell = self.sources.want(&e.source, column);
            self.number(&cell)
        });
        let level = level.map(|l| format!("CASE WHEN {l} IN (1, 2, 3, 4) THEN CAST({l} AS INTEGER) ELSE 0 END"));
        columns.push(format!("{} AS level", level.unwrap_or_else(|| "0".into())));
        let read = format!("SELECT {}\nFROM {} AS s", columns.join(", "), self.sources.table(&e.source));
        let body =
            format!("SELECT x.*, {} AS place\nFROM (\n{read}\n) AS x\nWHERE x.first_day IS NOT NULL", self.place());
        self.cte(
            "enrolments",
            "Enrolments in later education; `place` is the order of CBS at a double enrolment",
            body,
        );
    }

    fn place(&self) -> String {
        let mut cases = format!(
            "WHEN x.sector = {} AND x.track = {} THEN {}",
            self.sql.quoted(leerwegen::MBO),
            self.sql.quoted(leerwegen::EXTRANEUS),
            leerwegen::EXTRANEUS_ORDER
        );
        for (sector, order) in leerwegen::SECTOR_ORDER {
            cases += &format!(" WHEN x.sector = {} THEN {order}", self.sql.quoted(sector));
        }
        format!("CASE {cases} ELSE {} END", leerwegen::OTHER_ORDER)
    }

    /// A yes or no at count dates: 1 October of the landmark's year + k.
    pub(super) fn binary(&mut self, question: &Question) {
        let keys = self.keys_of("p");
        let mut joins = String::new();
        for (i, probe) in question.probes.iter().enumerate() {
            joins += &self.probe(i, *probe);
        }
        for (i, diploma) in question.diplomas.iter().enumerate() {
            joins += &self.diploma(i, *diploma);
        }
        let e = self.enrolment_table();
        let (first, last) = question.years();
        let (first, last) = (count_date(first), count_date(last));
        let mut keep = self.at_landmark();
        keep.push("p.linked".into());
        keep.push(format!("p.landmark <= {first}"));
        keep.push(format!("{last} <= DATE '{}'", e.known_until));
        if self.plan.pupils.known_until.is_some() {
            keep.push(format!("(p.known_until IS NULL OR {last} <= p.known_until)"));
        }
        if let Some((from, to)) = self.outcome.def.valid {
            keep.push(format!("{first} >= DATE '{from}' AND {last} <= DATE '{to}'"));
        }
        keep.extend(self.comparable(question));
        if question.is_new {
            let before = |i: usize| format!("COALESCE(d{i}.obtained_on >= p.landmark, TRUE)");
            keep.extend((0..question.diplomas.len()).map(before));
        }
        keep.extend(question.among.iter().map(|among| self.test(among, question)));
        let holds = self.test(&question.holds, question);
        keep.push(format!("({holds}) IS NOT NULL"));
        let body = format!(
            "SELECT {keys}, 0 AS period, p.landmark AS known_before, CASE WHEN {holds} THEN 1e0 ELSE 0e0 END AS y\n\
             FROM pupils AS p{joins}\nWHERE {}",
            keep.join("\n  AND ")
        );
        self.cte("outcome", "Pupils at the landmark; not linked or not counted yet is unknown, never dropout", body);
    }

    /// One enrolment per pupil on a count date; gives the join.
    fn probe(&mut self, i: usize, probe: Probe) -> String {
        let (keys, using, on) = (self.keys_of("p"), self.using(), count_date(probe.k));
        let in_sector = probe.sector.map_or(String::new(), |s| format!("\n  AND e.sector = {}", self.sql.quoted(s)));
        let ranked = format!(
            "SELECT {keys}, e.programme, e.domain, e.institution, e.track, e.level, e.sector,\n  \
             ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {IN_ORDER}) AS nth\n\
             FROM pupils AS p\nJOIN enrolments AS e {using}\n\
             WHERE e.first_day <= {on}\n  AND (e.last_day IS NULL OR e.last_day >= {on}){in_sector}"
        );
        let body = format!("SELECT *\nFROM (\n{ranked}\n) AS ranked\nWHERE nth = 1");
        let comment = format!(
            "Enrolled{} on 1 October, year {} after the landmark's; of several the one that goes first",
            probe.sector.map_or(String::new(), |s| format!(" in {s}")),
            probe.k
        );
        self.cte(&format!("on_count_date_{i}"), &comment, body);
        self.left_join(&format!("on_count_date_{i}"), &format!("c{i}"))
    }

    /// The first diploma of a kind per pupil; gives the join.
    fn diploma(&mut self, i: usize, diploma: Obtained) -> String {
        let (keys, using) = (self.keys_of("p"), self.using());
        let mbo = self.sql.quoted(leerwegen::MBO);
        let (counts, unclear) = match diploma.of {
            DiplomaKind::Mbo => (format!("e.sector = {mbo}"), "FALSE".to_string()),
            DiplomaKind::Startkwalificatie => (
                format!("(e.sector = {mbo} AND e.level >= 2 OR e.sector IN ({}))", self.above_mbo()),
                format!("e.sector = {mbo} AND e.level = 0"),
            ),
        };
        let first = |when: &str| format!("MIN(CASE WHEN {when} THEN e.diploma_on END)");
        let body = format!(
            "SELECT {keys}, {} AS obtained_on, {} AS unclear_on\nFROM pupils AS p\nJOIN enrolments AS e {using}\n\
             WHERE e.diploma_on IS NOT NULL\nGROUP BY {keys}",
            first(&counts),
            first(&unclear)
        );
        self.cte(&format!("diploma_{i}"), "The first diploma that counts, and one of mbo without a level", body);
        self.left_join(&format!("diploma_{i}"), &format!("d{i}"))
    }

    fn left_join(&self, name: &str, alias: &str) -> String {
        format!("\nLEFT JOIN {name} AS {alias} ON {}", self.same(alias, "p"))
    }

    fn above_mbo(&self) -> String {
        let sectors: Vec<String> = leerwegen::ABOVE_MBO.iter().map(|s| self.sql.quoted(s)).collect();
        sectors.join(", ")
    }

    /// Conditions on the traits that the outcome compares with.
    fn comparable(&self, question: &Question) -> Vec<String> {
        let needs = self.outcome.rule().needs();
        let mut keep = Vec::new();
        if needs.contains(&Need::Leerweg) {
            keep.push("p.expected_level IS NOT NULL".into());
        }
        if needs.contains(&Need::Sector) {
            let sectors = self.enrolment_table().related.values().flat_map(|names| &names.0);
            keep.push(format!("p.vmbo_sector IN ({})", self.sql.list(sectors)));
        }
        if let Some(below) = question.below {
            let on = count_date(0);
            keep.push(if self.plan.pupils.birth.is_some() {
                format!("p.birth + INTERVAL '{}' MONTH > {on}", 12 * u32::from(below))
            } else {
                let days = self.sql.days_between("p.origin", &on);
                format!("p.age + CAST({days} AS DOUBLE) / {DAYS_PER_YEAR}e0 < {below}")
            });
        }
        keep
    }

    fn test(&self, test: &Test, question: &Question) -> String {
        let all = |tests: &[Test], word: &str| {
            let parts: Vec<String> = tests.iter().map(|t| self.test(t, question)).collect();
            format!("({})", parts.join(word))
        };
        match test {
            Test::In(i) => format!("c{i}.nth IS NOT NULL"),
            Test::Same(i, j, by) => {
                let name = column(*by);
                format!("COALESCE(c{i}.{name} = c{j}.{name} AND c{i}.{name} <> '', FALSE)")
            }
            Test::Differs(i, j, by) => {
                let name = column(*by);
                format!("CASE WHEN c{i}.{name} <> '' AND c{j}.{name} <> '' THEN c{i}.{name} <> c{j}.{name} END")
            }
            Test::AtLevel(i) => format!(
                "CASE WHEN c{i}.sector IN ({}) THEN TRUE WHEN c{i}.sector = {} THEN \
                 NULLIF(c{i}.level, 0) >= p.expected_level ELSE FALSE END",
                self.above_mbo(),
                self.sql.quoted(leerwegen::MBO)
            ),
            Test::Related(i) => {
                let whens: Vec<String> = self
                    .enrolment_table()
                    .related
                    .iter()
                    .map(|(domain, sectors)| {
                        let sectors = self.sql.list(&sectors.0);
                        format!("WHEN {} THEN p.vmbo_sector IN ({sectors})", self.sql.quoted(domain))
                    })
                    .collect();
                format!("CASE c{i}.domain {} END", whens.join(" "))
            }
            Test::Bol2(i) => {
                let bol = self.sql.quoted(leerwegen::BOL);
                format!("(NULLIF(c{i}.track, '') = {bol} AND NULLIF(c{i}.level, 0) >= 2)")
            }
            Test::Obtained(d) => {
                let by = count_date(question.diplomas[*d].k);
                format!(
                    "CASE WHEN d{d}.obtained_on <= {by} THEN TRUE WHEN d{d}.unclear_on <= {by} THEN NULL ELSE FALSE END"
                )
            }
            Test::Not(test) => format!("NOT ({})", self.test(test, question)),
            Test::All(tests) => all(tests, " AND "),
            Test::Any(tests) => all(tests, " OR "),
        }
    }

    /// Columns of the pupils that this outcome compares with.
    pub(super) fn traits(&mut self) -> Vec<String> {
        let (p, needs) = (self.plan.pupils, self.outcome.rule().needs());
        let mut columns = Vec::new();
        if let Some(column) = p.leerweg.as_ref().filter(|_| needs.contains(&Need::Leerweg)) {
            let cell = self.sources.want(&p.source, column);
            let levels = leerwegen::EXPECTED_LEVELS.iter();
            let whens: Vec<String> = levels.map(|(c, l)| format!("WHEN {} THEN {l}", self.sql.quoted(c))).collect();
            columns.push(format!("CASE {} {} END AS expected_level", self.text(&cell), whens.join(" ")));
        }
        if let Some(column) = p.sector.as_ref().filter(|_| needs.contains(&Need::Sector)) {
            let cell = self.sources.want(&p.source, column);
            columns.push(format!("{} AS vmbo_sector", self.text(&cell)));
        }
        if needs.contains(&Need::Age) {
            let (column, name) = match (&p.birth, &p.age) {
                (Some(birth), _) => (birth, "birth"),
                (None, Some(age)) => (age, "age"),
                (None, None) => return columns,
            };
            let cell = self.sources.want(&p.source, column);
            let value = if name == "birth" { self.day(&cell) } else { self.number(&cell) };
            columns.push(format!("{value} AS {name}"));
        }
        columns
    }
}

fn column(by: Trait) -> &'static str {
    match by {
        Trait::Programme => "programme",
        Trait::Domain => "domain",
        Trait::Institution => "institution",
    }
}

/// 1 October, `k` years after the landmark's year.
pub(super) fn count_date(k: u8) -> String {
    format!("MAKE_DATE(CAST(EXTRACT(YEAR FROM p.landmark) AS INTEGER) + {k}, 10, 1)")
}
