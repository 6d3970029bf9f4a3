//! DUO's monthly reports of one mbo institution and school year (`formats.md` §8): A05, the start set, and A04, who left and is
//! not back. A04 is cumulative; both carry the month after the newest one in their name.

use super::File;
use super::text::{Lines, dutch, parts};
use super::vsv::Counted;
use crate::simulate::calendar::day;
use crate::vocab::Day;

const A04: [&str; 39] = [
    "#BRIN_NR",
    "NAAM_INST",
    "RAPPORTAGEMAAND",
    "PERSOONSGEBONDENNUMMER",
    "ACHTERNAAM",
    "VOORVOEGSEL",
    "ALLE_VOORNAMEN",
    "WOONGEMEENTE",
    "GEBOORTEDATUM",
    "ONDERWIJSCODE",
    "ONDERWIJSNAAM",
    "LEERWEG",
    "DATUM_UITSCHRIJVING",
    "MELDING_VERZUIM_WETTELIJK",
    "REDEN",
    "BRIN",
    "NAAM_INSTELLING",
    "ONDERWIJSAANBIEDERCODE",
    "NAAM_ONDERWIJSAANBIEDER",
    "MELDING_VERZUIM_NIET_WETTELIJK",
    "GEMEENTECODE",
    "RMC_REGIO",
    "REDEN_UITSTROOM",
    "LOCATIECODE",
    "ONDERWIJSLOCATIECODE",
    "POSTCODE_ONDERWIJSLOCATIE",
    "HUISNUMMER_ONDERWIJSLOCATIE",
    "BRIN_VOLGNUMMER",
    "NIVEAU",
    "INSCHRIJVINGSVOLGNUMMER",
    "STRAAT",
    "HUISNUMMER",
    "HUISLETTER",
    "HUISNUMMER_TOEVOEGING",
    "HUISNUMMER_AANDUIDING",
    "ADRES_LOCATIE",
    "POSTCODE",
    "WOONPLAATS",
    "VANAF_WANNEER",
];

const A05: [&str; 34] = [
    "#BRIN",
    "NAAM_INSTELLING",
    "RAPPORTAGE_MAAND",
    "BSN_ONDERWIJSNR",
    "VOORNAMEN",
    "VOORVOEGSEL",
    "ACHTERNAAM",
    "WOONGEMEENTE",
    "GEBOORTEDATUM",
    "ILT/CREBO",
    "ILT/CREBO_OMS",
    "LEERWEG",
    "BRIN_NR",
    "NAAM_INST",
    "ONDERWIJSAANBIEDERCODE",
    "ONDERWIJSAANBIEDER_NAAM",
    "GEMCODE",
    "RMC_REGIO",
    "LOCATIECODE",
    "ONDERWIJSLOCATIECODE",
    "ONDERWIJSLOCATIE_POSTCODE",
    "ONDERWIJSLOCATIE_HUISNUMMER",
    "BRIN_VOLGNR",
    "NIVEAU",
    "INSCHR_VLGNR",
    "STRAAT",
    "HUISNUMMER",
    "HUISLETTER",
    "HUISNR_AAND",
    "HUISNR_TOEV",
    "ADRES_LOCATIE",
    "POSTCODE",
    "WOONPLAATS",
    "INDICATIE_STARTKWALIFICATIE",
];

/// Twelve A04 and twelve A05 of the school year that ends in `year`, in Windows-1252.
pub(super) fn reports(brin: &str, year: i16, counted: &[Counted<'_>]) -> Vec<File> {
    let first = day(year - 1, 10, 1);
    let months = (0..12).map(|k| Day(first).plus_months(k).zip(Day(first).plus_months(k + 1)));
    months
        .flatten()
        .flat_map(|(month, next)| [a04(brin, month.0, next.0, counted), a05(brin, month.0, next.0, counted)])
        .collect()
}

/// `ccyymm` of a day.
fn month_of(day: i32) -> String {
    let (y, m, _) = parts(day);
    format!("{y:04}{m:02}")
}

/// Level as the A reports print it, cut at 15 characters.
fn level(niveau: i32) -> String {
    format!("Mbo{niveau} opleidinge")
}

fn a04(brin: &str, month: i32, next: i32, counted: &[Counted<'_>]) -> File {
    let mut lines = Lines::default();
    lines.plain(';', &A04);
    for c in counted.iter().filter(|c| c.dropped_out) {
        let Some(stay) = c.stay else { continue };
        let Some(left) = stay.end().filter(|end| *end < next) else { continue };
        let crebo = stay.programme.crebo();
        let reason = ["01", "04", "05"][c.person.at % 3];
        lines.plain(
            ';',
            &[
                brin,
                "X",
                &month_of(month),
                &c.person.pgn,
                "X",
                "",
                "X",
                "STAD",
                &dutch(c.person.birth()),
                &crebo,
                "Verzonnen opleiding café",
                if stay.programme.bbl { "BBL" } else { "BOL" },
                &dutch(left),
                if c.person.at % 2 == 0 { "J" } else { "N" },
                "GEEN INSCHRIJVING",
                brin,
                "X",
                "999A001",
                "X",
                "N",
                "9999",
                "REGIO 28",
                reason,
                "",
                "999X001",
                "9999ZZ",
                "1",
                "",
                &level(stay.programme.niveau),
                "C1",
                "X",
                "1",
                "",
                "",
                "",
                "",
                "9999ZZ",
                "STAD",
                &month_of(left),
            ],
        );
    }
    report("A04", brin, next, lines)
}

fn a05(brin: &str, month: i32, next: i32, counted: &[Counted<'_>]) -> File {
    let mut lines = Lines::default();
    lines.plain(';', &A05);
    for c in counted {
        let Some(stay) = c.stay else { continue };
        let crebo = stay.programme.crebo();
        lines.plain(
            ';',
            &[
                brin,
                "X",
                &month_of(month),
                &c.person.pgn,
                "X",
                "",
                "X",
                "STAD",
                &dutch(c.person.birth()),
                &crebo,
                "Verzonnen opleiding café",
                if stay.programme.bbl { "BBL" } else { "BOL" },
                brin,
                "X",
                "999A001",
                "X",
                "9999",
                "REGIO 28",
                "",
                "999X001",
                "9999ZZ",
                "1",
                "",
                &level(stay.programme.niveau),
                "C1",
                "X",
                "1",
                "",
                "",
                "",
                "",
                "9999ZZ",
                "STAD",
                "N",
            ],
        );
    }
    report("A05", brin, next, lines)
}

fn report(kind: &str, brin: &str, next: i32, lines: Lines) -> File {
    let rows = lines.rows() - 1;
    File { name: format!("duo/{}{kind}I{brin}.csv", month_of(next)), rows, bytes: lines.windows_1252() }
}
