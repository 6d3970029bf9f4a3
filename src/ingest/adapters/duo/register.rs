//! Register deliveries with several kinds of records in one file: RO, GRONDSLAG and OBO (`formats.md` §3–5).
//!
//! A file is parsed whole when it is opened, as its records refer to each other in any order: enrolments to persons,
//! periods to enrolments, control totals to all. Memory is proportional to one institution's delivery.

use super::super::canonical::{diploma, enrolment, pupil};
use super::super::{Adapter, ColumnSpec, Head, Options, Reader, TableSpec, table_of};
use super::parse_register::parse;
use crate::ingest::InputError;
use crate::ingest::files::InputFile;
use crate::study::file::{Format, IdKind};

static PUPIL: [ColumnSpec; 8] = pupil(IdKind::Pgn);
static ENROLMENT: [ColumnSpec; 20] = enrolment(IdKind::Pgn);
static DIPLOMA: [ColumnSpec; 11] = diploma(IdKind::Pgn);
static TABLES: [TableSpec; 3] = [
    TableSpec { name: "pupil", columns: &PUPIL },
    TableSpec { name: "enrolment", columns: &ENROLMENT },
    TableSpec { name: "diploma", columns: &DIPLOMA },
];

static PUPIL_IP: [ColumnSpec; 8] = pupil(IdKind::PgnIp);
static ENROLMENT_IP: [ColumnSpec; 20] = enrolment(IdKind::PgnIp);
static DIPLOMA_IP: [ColumnSpec; 11] = diploma(IdKind::PgnIp);
static TABLES_IP: [TableSpec; 3] = [
    TableSpec { name: "pupil", columns: &PUPIL_IP },
    TableSpec { name: "enrolment", columns: &ENROLMENT_IP },
    TableSpec { name: "diploma", columns: &DIPLOMA_IP },
];

/// Positions of fields, counted from 1 as the specification does; 0 where a format lacks the field.
pub(super) struct Layout {
    pub(super) format: Format,
    /// Kind of the person number.
    pub(super) id: IdKind,
    /// BSN and onderwijsnummer stand in fields 2 and 3; else one number in 2 and BRIN in 3.
    pub(super) two_numbers: bool,
    /// VLP: BRIN, created, last day of the period.
    pub(super) vlp: [usize; 3],
    /// PER: birth date, age, sex, postcode.
    pub(super) per: [usize; 4],
    /// ISG: number, start, planned end, end, reason.
    pub(super) isg: [usize; 5],
    /// ISP: number, start, end, crebo, track, level, funded, provider, location, phase.
    pub(super) isp: [usize; 10],
    /// DIP: result, crebo, date, funded, enrolment.
    pub(super) dip: [usize; 5],
    /// BID: result, level.
    pub(super) bid: [usize; 2],
    /// Record with the control totals.
    pub(super) closing: &'static str,
    /// Kinds of records and the field of the closing record that counts them.
    pub(super) totals: &'static [(&'static str, usize)],
    /// What else the closing record adds up, with its field.
    pub(super) sums: &'static [(&'static str, usize)],
    /// BPV: crebo.
    pub(super) bpv: usize,
    /// Other kinds of records that are read past.
    pub(super) ignored: &'static [&'static str],
}

/// Sum of the programmes of ISP, BPV and DIP.
pub(super) const CREBOS: &str = "as the sum of crebo's";
/// Records ISP and DIP that are funded.
pub(super) const FUNDED: &str = "funded ISP and DIP";
/// Sum of the other totals.
pub(super) const GRAND_TOTAL: &str = "as the grand total";

pub(super) static RO: Layout = Layout {
    format: Format::DuoRo,
    id: IdKind::Pgn,
    two_numbers: true,
    vlp: [2, 5, 4],
    per: [4, 0, 5, 0],
    isg: [4, 5, 6, 7, 8],
    isp: [4, 5, 0, 6, 7, 8, 9, 11, 12, 14],
    dip: [4, 5, 6, 8, 9],
    bid: [0, 0],
    closing: "SLR",
    totals: &[
        ("PER", 2),
        ("ISG", 3),
        ("ISP", 4),
        ("ISE", 5),
        ("BPV", 6),
        ("DIP", 7),
        ("AMO", 8),
        ("GEO", 9),
        ("KZD", 10),
    ],
    sums: &[],
    bpv: 0,
    ignored: &[],
};

pub(super) static GRONDSLAG: Layout = Layout {
    format: Format::DuoGrondslag,
    id: IdKind::PgnIp,
    two_numbers: false,
    vlp: [2, 4, 0],
    per: [0, 3, 7, 8],
    isg: [4, 5, 6, 7, 8],
    isp: [4, 5, 6, 7, 9, 8, 11, 12, 13, 15],
    dip: [4, 5, 6, 7, 8],
    bid: [4, 5],
    closing: "SLR",
    totals: &[
        ("PER", 2),
        ("ISG", 3),
        ("ISP", 4),
        ("ISE", 5),
        ("BPV", 6),
        ("BII", 7),
        ("DIP", 8),
        ("BID", 9),
        ("AMO", 10),
        ("GEO", 11),
        ("KZD", 12),
    ],
    sums: &[],
    bpv: 0,
    ignored: &[],
};

pub(super) static OBO: Layout = Layout {
    format: Format::DuoObo,
    id: IdKind::Pgn,
    two_numbers: true,
    vlp: [3, 5, 0],
    per: [4, 0, 5, 0],
    isg: [4, 5, 0, 6, 0],
    isp: [4, 5, 0, 6, 7, 8, 11, 0, 0, 10],
    dip: [4, 5, 6, 7, 8],
    bid: [0, 0],
    closing: "CTR",
    totals: &[("ISG", 2), ("DIP", 3)],
    sums: &[(CREBOS, 4), (GRAND_TOTAL, 5), (FUNDED, 6)],
    bpv: 9,
    ignored: &["PER", "ISP", "BPV", "VBT", "NAT"],
};

/// Cells of the first line that begins with `record`.
fn first<'h>(head: &'h Head, record: &str) -> Option<Vec<&'h str>> {
    let starts = |line: &&str| line.strip_prefix(record).is_some_and(|rest| rest.starts_with([';', '|', ',', '\t']));
    head.text.lines().find(starts).map(|line| line.split([';', '|', ',', '\t']).map(str::trim).collect())
}

fn is_register(head: &Head) -> bool {
    let first = head.text.lines().find(|l| !l.trim().is_empty()).unwrap_or_default();
    ["VLP", "SLR", "PER", "CTR"]
        .iter()
        .any(|r| first.strip_prefix(r).is_some_and(|rest| rest.starts_with([';', '|', ',', '\t'])))
}

/// Field 3 of VLP is a study year in GRONDSLAG, field 2 in OBO; where the head has no VLP, PER tells.
fn kind(head: &Head) -> Option<Format> {
    if !is_register(head) {
        return None;
    }
    let is_year = |cell: &str| cell.len() == 4 && cell.bytes().all(|b| b.is_ascii_digit());
    if let Some(vlp) = first(head, "VLP") {
        let field = |i: usize| vlp.get(i - 1).copied().unwrap_or_default();
        return Some(match () {
            () if field(2).len() == 9 && field(2).as_bytes()[4] == b'-' => Format::DuoObo,
            () if is_year(field(3)) => Format::DuoGrondslag,
            () => Format::DuoRo,
        });
    }
    let per = first(head, "PER")?;
    let is_age = per.get(2).is_some_and(|c| c.len() == 2 && c.bytes().all(|b| b.is_ascii_digit()));
    Some(if is_age { Format::DuoGrondslag } else { Format::DuoRo })
}

macro_rules! registers {
    ($($(#[doc = $doc:literal])* $name:ident: $layout:ident, $tables:ident, $claims:expr;)*) => {$(
        $(#[doc = $doc])*
        pub(in super::super) struct $name;

        impl Adapter for $name {
            fn format(&self) -> Format {
                $layout.format
            }

            fn tables(&self) -> &'static [TableSpec] {
                &$tables
            }

            fn detect(&self, head: &Head) -> bool {
                kind(head) == Some($layout.format)
            }

            fn claims_name(&self, name: &str) -> bool {
                let claims: fn(&str) -> bool = $claims;
                claims(name)
            }

            fn open(&self, file: &InputFile, options: &Options) -> Result<Box<dyn Reader>, InputError> {
                let spec = table_of(&$tables, file, options)?;
                Ok(Box::new(parse(&$layout, spec, file, options)?))
            }
        }
    )*};
}

registers! {
    /// Registratieoverzicht.
    Ro: RO, TABLES, |name| name.strip_prefix("ro_").is_some_and(|rest| rest.len() > 5 && rest.as_bytes()[4] == b'_');
    /// Bekostigingsgrondslag.
    Grondslag: GRONDSLAG, TABLES_IP, |name| name.starts_with("grondslag_ip_mbo_");
    /// Onderwijsbekostigingsoverzicht.
    Obo: OBO, TABLES, |name| name.starts_with("obo_");
}
