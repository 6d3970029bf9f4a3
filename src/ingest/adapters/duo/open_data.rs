//! Open data of DUO beside exams: pupils and dropouts per school, locations, and the register of successors.

use super::super::canonical::{BRIN, SCHOOL, SOURCE, may, must};
use super::super::faults::Faults;
use super::super::{Adapter, ColumnSpec, Head, Kind, Options, Reader, TableSpec};
use super::counts::{Bounds, count, count_from_four};
use super::exams::location;
use super::table::{Line, Lines, Rows, open};
use super::values::{day, is_brin, padded, pc4};
use crate::ingest::files::InputFile;
use crate::ingest::{Fault, InputError};
use crate::study::file::Format;

static PUPILS: [ColumnSpec; 11] = [
    SCHOOL,
    BRIN,
    may("year", Kind::Text, "jaar van de telling (uit de naam)", "year of the count (from the name)"),
    must("group", Kind::Text, "onderwijstype en leerjaar", "type of education and year"),
    may("lwoo", Kind::Text, "leerwegondersteuning (J/N)", "learning support (J/N)"),
    may("elementcode", Kind::Text, "elementcode", "code of the programme"),
    must("leerjaar", Kind::Text, "leer- of verblijfsjaar", "year of study or stay"),
    must("sex", Kind::Text, "geslacht (M, V)", "sex (M, V)"),
    may("count_lo", Kind::Number, "leerlingen, ten minste", "pupils, at least"),
    may("count_hi", Kind::Number, "leerlingen, ten hoogste", "pupils, at most"),
    SOURCE,
];
static DROPOUTS: [ColumnSpec; 10] = [
    BRIN,
    must("year", Kind::Text, "jaar", "year"),
    must("group", Kind::Text, "onderwijsstructuur en leerjaar", "type of education and year"),
    may("profile", Kind::Text, "profiel", "profile"),
    may("count", Kind::Number, "deelnemers", "pupils"),
    may("dropouts", Kind::Number, "vsv'ers", "dropouts"),
    may("dropouts_vmbo", Kind::Number, "vsv'ers met vmbo-diploma", "dropouts with a vmbo diploma"),
    may("dropouts_mbo1", Kind::Number, "vsv'ers met mbo1-diploma", "dropouts with an mbo1 diploma"),
    may("dropouts_none", Kind::Number, "vsv'ers zonder diploma", "dropouts without a diploma"),
    SOURCE,
];
static SCHOOLS: [ColumnSpec; 12] = [
    SCHOOL,
    BRIN,
    must("name", Kind::Text, "naam van de vestiging", "name of the location"),
    may("board", Kind::Text, "nummer van het bevoegd gezag", "number of the school board"),
    may("province", Kind::Text, "provincie", "province"),
    may("gemeente", Kind::Text, "gemeentenummer", "number of the municipality"),
    may("gemeente_name", Kind::Text, "gemeente", "municipality"),
    may("pc4", Kind::Text, "postcodecijfers", "digits of the postcode"),
    may("denomination", Kind::Text, "denominatie", "denomination"),
    may("structure", Kind::Text, "onderwijsstructuur", "types of education"),
    may("rmc", Kind::Text, "Doorstroompuntregio", "RMC region"),
    SOURCE,
];
static SUCCESSORS: [ColumnSpec; 8] = [
    must("from", Kind::Text, "van (BRIN of vestiging)", "from (BRIN or location)"),
    must("to", Kind::Text, "naar (BRIN of vestiging)", "to (BRIN or location)"),
    must("date", Kind::Date, "datum van de overgang", "date of the transition"),
    may("code", Kind::Text, "code van de overgang", "code of the transition"),
    may("kind", Kind::Text, "soort overgang", "kind of transition"),
    may("whole", Kind::Text, "de hele organisatie (J/N)", "the whole organisation (J/N)"),
    may("current", Kind::Text, "stand van het record (A = actueel)", "state of the record (A = current)"),
    SOURCE,
];

static PUPIL_TABLES: [TableSpec; 1] = [TableSpec { name: "outcome", columns: &PUPILS }];
static DROPOUT_TABLES: [TableSpec; 1] = [TableSpec { name: "outcome", columns: &DROPOUTS }];
static SCHOOL_TABLES: [TableSpec; 1] = [TableSpec { name: "school", columns: &SCHOOLS }];
static SUCCESSOR_TABLES: [TableSpec; 1] = [TableSpec { name: "successor", columns: &SUCCESSORS }];

/// Notes a cell that is no count.
fn number(
    read: Result<Option<Bounds>, ()>,
    what: &str,
    line: &Line<'_>,
    cell: &str,
    faults: &mut Faults,
) -> Option<Bounds> {
    read.unwrap_or_else(|()| {
        faults.add(Fault::BadNumber, line.row(), what, cell, "it must be a whole number");
        None
    })
}

struct PupilLines {
    year: String,
    /// Place, year of study, sex.
    groups: Vec<(usize, String, &'static str)>,
}

impl Lines for PupilLines {
    const FORMAT: Format = Format::Duo01voins;
    const NEEDS: &'static [&'static [&'static str]] = &[
        &["BRIN NUMMER", "INSTELLINGSCODE"],
        &["VESTIGINGSNUMMER", "VESTIGINGSCODE"],
        &["ONDERWIJSTYPE VO EN LEER- OF VERBLIJFSJAAR"],
    ];

    fn of(file: &InputFile, header: &[String]) -> Result<Self, InputError> {
        let group = |(at, name): (usize, &String)| {
            let (year, sex) = name.strip_prefix("LEER- OF VERBLIJFSJAAR ")?.split_once(" - ")?;
            let sex = match sex {
                "MAN" => "M",
                "VROUW" => "V",
                _ => return None,
            };
            Some((at, year.to_string(), sex))
        };
        let is_year =
            |part: &&str| part.len() == 4 && part.starts_with("20") && part.bytes().all(|b| b.is_ascii_digit());
        let own = file.name.rsplit('/').next().unwrap_or_default();
        let year = own.split(|c: char| !c.is_ascii_digit()).find(is_year).unwrap_or_default().to_string();
        Ok(Self { year, groups: header.iter().enumerate().filter_map(group).collect() })
    }

    fn rows(&self, line: &Line<'_>, faults: &mut Faults, to: &mut Rows<'_>) {
        let brin = line.cell(&["BRIN NUMMER", "INSTELLINGSCODE"]);
        let Some(school) = location(brin, line.cell(&["VESTIGINGSNUMMER", "VESTIGINGSCODE"])) else {
            faults.add(
                Fault::UnknownCode,
                line.row(),
                "VESTIGINGSNUMMER",
                brin,
                "it must be a BRIN and two digits: 98VA00",
            );
            return;
        };
        let element = padded(line.cell(&["ELEMENTCODE"]), 4);
        let lwoo = line.cell(&["LWOO INDICATIE", "LWOO INDICATIE (J/N)"]);
        let source = Format::Duo01voins.word();
        for (at, leerjaar, sex) in &self.groups {
            let cell = line.at(*at);
            let n = number(count_from_four(cell), "LEER- OF VERBLIJFSJAAR", line, cell, faults);
            to.push(&[
                (&school).into(),
                brin.into(),
                (&self.year).into(),
                line.cell(&["ONDERWIJSTYPE VO EN LEER- OF VERBLIJFSJAAR"]).into(),
                lwoo.into(),
                (&element).into(),
                leerjaar.into(),
                (*sex).into(),
                n.map(Bounds::lo).into(),
                n.map(Bounds::hi).into(),
                (&source).into(),
            ]);
        }
    }
}

struct DropoutLines;

impl Lines for DropoutLines {
    const FORMAT: Format = Format::DuoVsv;
    const NEEDS: &'static [&'static [&'static str]] = &[
        &["JAAR"],
        &["BRIN NUMMER"],
        &["ONDERWIJSSTRUCTUUR EN LEERJAAR"],
        &["AANTAL DEELNEMERS"],
        &["AANTAL VSV ERS", "AANTAL VSV'ERS"],
    ];

    fn of(_: &InputFile, _: &[String]) -> Result<Self, InputError> {
        Ok(Self)
    }

    fn rows(&self, line: &Line<'_>, faults: &mut Faults, to: &mut Rows<'_>) {
        let brin = line.cell(&["BRIN NUMMER"]);
        if !is_brin(brin) {
            faults.add(Fault::UnknownCode, line.row(), "BRIN NUMMER", brin, "it must be a BRIN like 98VA");
            return;
        }
        let mut n = |names: &[&str]| {
            let cell = line.cell(names);
            number(count(cell), names[0], line, cell, faults).map(Bounds::lo)
        };
        let counts = [
            n(&["AANTAL DEELNEMERS"]),
            n(&["AANTAL VSV ERS", "AANTAL VSV'ERS"]),
            n(&["AANTAL VSV ERS MET VMBO DIPLOMA", "AANTAL VSV'ERS MET VMBO DIPLOMA"]),
            n(&["AANTAL VSV ERS MET MBO1 DIPLOMA", "AANTAL VSV'ERS MET MBO1 DIPLOMA"]),
            n(&["AANTAL VSV ERS ZONDER DIPLOMA", "AANTAL VSV'ERS ZONDER DIPLOMA"]),
        ];
        let profile = Some(line.cell(&["PROFIEL"])).filter(|p| !matches!(p.to_lowercase().as_str(), "nvt" | "n.v.t."));
        let source = Format::DuoVsv.word();
        to.push(&[
            brin.into(),
            line.cell(&["JAAR"]).into(),
            line.cell(&["ONDERWIJSSTRUCTUUR EN LEERJAAR"]).into(),
            profile.into(),
            counts[0].into(),
            counts[1].into(),
            counts[2].into(),
            counts[3].into(),
            counts[4].into(),
            (&source).into(),
        ]);
    }
}

struct SchoolLines;

impl Lines for SchoolLines {
    const FORMAT: Format = Format::DuoVestigingen;
    const NEEDS: &'static [&'static [&'static str]] = &[
        &["INSTELLINGSCODE", "BRIN NUMMER"],
        &["VESTIGINGSCODE", "VESTIGINGSNUMMER"],
        &["VESTIGINGSNAAM"],
        &["ONDERWIJSSTRUCTUUR"],
    ];

    fn of(_: &InputFile, _: &[String]) -> Result<Self, InputError> {
        Ok(Self)
    }

    fn rows(&self, line: &Line<'_>, faults: &mut Faults, to: &mut Rows<'_>) {
        let brin = line.cell(&["INSTELLINGSCODE", "BRIN NUMMER"]);
        let Some(school) = location(brin, line.cell(&["VESTIGINGSCODE", "VESTIGINGSNUMMER"])) else {
            faults.add(
                Fault::UnknownCode,
                line.row(),
                "VESTIGINGSCODE",
                brin,
                "it must be a BRIN and two digits: 98VA00",
            );
            return;
        };
        let source = Format::DuoVestigingen.word();
        to.push(&[
            (&school).into(),
            brin.into(),
            line.cell(&["VESTIGINGSNAAM"]).into(),
            line.cell(&["BEVOEGD GEZAG NUMMER"]).into(),
            line.cell(&["PROVINCIE"]).into(),
            line.cell(&["GEMEENTENUMMER"]).into(),
            line.cell(&["GEMEENTENAAM"]).into(),
            pc4(line.cell(&["POSTCODE"])).into(),
            line.cell(&["DENOMINATIE"]).into(),
            line.cell(&["ONDERWIJSSTRUCTUUR"]).into(),
            line.cell(&["RMC-REGIO CODE"]).into(),
            (&source).into(),
        ]);
    }
}

struct SuccessorLines;

impl Lines for SuccessorLines {
    const FORMAT: Format = Format::DuoOvergangen;
    const NEEDS: &'static [&'static [&'static str]] =
        &[&["NR_ADMIN_VAN"], &["NR_ADMIN_NAAR"], &["DT_OVERGANG"], &["IND_VOLLEDIG"]];

    fn of(_: &InputFile, _: &[String]) -> Result<Self, InputError> {
        Ok(Self)
    }

    fn rows(&self, line: &Line<'_>, faults: &mut Faults, to: &mut Rows<'_>) {
        let (from, goal) = (line.cell(&["NR_ADMIN_VAN"]), line.cell(&["NR_ADMIN_NAAR"]));
        for (name, cell) in [("NR_ADMIN_VAN", from), ("NR_ADMIN_NAAR", goal)] {
            if cell.is_empty() {
                faults.add(Fault::Required, line.row(), name, "", "it must not be empty");
            }
        }
        let cell = line.cell(&["DT_OVERGANG"]);
        let Ok(Some(date)) = day(cell) else {
            faults.add(Fault::BadDate, line.row(), "DT_OVERGANG", cell, "it must be a date like 01-08-2023");
            return;
        };
        let source = Format::DuoOvergangen.word();
        to.push(&[
            from.into(),
            goal.into(),
            date.into(),
            line.cell(&["CODE_OVERGANG"]).into(),
            line.cell(&["NAAM_OVERGANG"]).into(),
            line.cell(&["IND_VOLLEDIG"]).into(),
            line.cell(&["CODE_STAND_RECORD"]).into(),
            (&source).into(),
        ]);
    }
}

macro_rules! open_data {
    ($($(#[doc = $doc:literal])* $name:ident: $lines:ident, $tables:ident, $claims:literal;)*) => {$(
        $(#[doc = $doc])*
        pub(in super::super) struct $name;

        impl Adapter for $name {
            fn format(&self) -> Format {
                $lines::FORMAT
            }

            fn tables(&self) -> &'static [TableSpec] {
                &$tables
            }

            fn detect(&self, head: &Head) -> bool {
                $lines::NEEDS.iter().all(|group| group.iter().any(|name| head.header.iter().any(|h| h == name)))
            }

            fn claims_name(&self, name: &str) -> bool {
                name.starts_with($claims)
            }

            fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
                open::<$lines>(&$tables, file, options)
            }
        }
    )*};
}

open_data! {
    /// Pupils per location.
    Voins: PupilLines, PUPIL_TABLES, "01voins";
    /// Dropouts per vo institution, until about 2014.
    Vsv: DropoutLines, DROPOUT_TABLES, "vsv_vo_";
    /// Locations of vo schools.
    Vestigingen: SchoolLines, SCHOOL_TABLES, "02.-alle-vestigingen-vo";
    /// Transitions between institutions.
    Overgangen: SuccessorLines, SUCCESSOR_TABLES, "overgangen_";
}
