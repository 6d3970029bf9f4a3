//! Columns of the canonical tables (names of `formats.md`), put together per format.

use super::{ColumnSpec, Kind};
use crate::study::file::IdKind;

/// A column that may be empty.
pub(super) const fn may(name: &'static str, kind: Kind, label_nl: &'static str, label_en: &'static str) -> ColumnSpec {
    ColumnSpec { name, kind, required: false, label_nl, label_en }
}

/// A column that every row has.
pub(super) const fn must(name: &'static str, kind: Kind, label_nl: &'static str, label_en: &'static str) -> ColumnSpec {
    ColumnSpec { name, kind, required: true, label_nl, label_en }
}

/// The person.
pub(super) const fn key(kind: IdKind) -> ColumnSpec {
    must("pupil_key", Kind::Id(kind), "leerling (pseudoniem)", "pupil (pseudonym)")
}

/// `pgn`, or `pseudo` for numbers that were masked by others.
pub(super) const ID_KIND: ColumnSpec = must("id_kind", Kind::Text, "soort persoonsnummer", "kind of person number");
/// Year and month of birth.
pub(super) const BIRTH: ColumnSpec = may("birth_ym", Kind::Text, "geboortejaar en -maand", "year and month of birth");
/// Age on 1 August.
pub(super) const AGE: ColumnSpec = may("age_1aug", Kind::Number, "leeftijd op 1 augustus", "age on 1 August");
/// `M`, `V`, `O`.
pub(super) const SEX: ColumnSpec = may("sex", Kind::Text, "geslacht", "sex");
/// Digits of the postcode.
pub(super) const PC4: ColumnSpec = may("pc4", Kind::Text, "postcodecijfers", "digits of the postcode");
/// Municipality.
pub(super) const GEMEENTE: ColumnSpec = may("gemeente", Kind::Text, "gemeentecode", "code of the municipality");
/// Region.
pub(super) const RMC: ColumnSpec = may("rmc", Kind::Text, "Doorstroompuntregio", "RMC region");
/// Institution.
pub(super) const BRIN: ColumnSpec = must("brin", Kind::Text, "instelling (BRIN)", "institution (BRIN)");
/// Location of a vo school.
pub(super) const VESTIGING: ColumnSpec = may("vestiging", Kind::Text, "vestiging", "location number");
/// BRIN and location.
pub(super) const SCHOOL: ColumnSpec =
    must("school_key", Kind::Text, "school (BRIN en vestiging)", "school (BRIN and location)");
/// Number of an enrolment; unique per person only.
pub(super) const ENROL_NO: ColumnSpec = may("enrol_no", Kind::Text, "inschrijvingsnummer", "number of the enrolment");
/// Programme.
pub(super) const CREBO: ColumnSpec = may("crebo", Kind::Text, "opleiding (crebo)", "programme (crebo)");
/// Level.
pub(super) const LEVEL: ColumnSpec = may("level", Kind::Text, "niveau", "level");
/// Track.
pub(super) const TRACK: ColumnSpec = may("track", Kind::Text, "leertraject", "track");
/// `J` or `N`.
pub(super) const FUNDED: ColumnSpec = may("funded", Kind::Text, "bekostigd (J/N)", "funded (J/N)");
/// RIO code of the provider.
pub(super) const PROVIDER: ColumnSpec = may("provider", Kind::Text, "onderwijsaanbieder (RIO)", "provider (RIO)");
/// RIO code of the location.
pub(super) const LOCATION: ColumnSpec = may("location", Kind::Text, "onderwijslocatie (RIO)", "location (RIO)");
/// Format that a row comes from.
pub(super) const SOURCE: ColumnSpec = must("source", Kind::Text, "herkomst", "source");
/// School year, `2022-2023`.
pub(super) const SCHOOL_YEAR: ColumnSpec = must("school_year", Kind::Text, "schooljaar", "school year");
/// Day on which the delivery was made.
pub(super) const SNAPSHOT: ColumnSpec =
    may("snapshot", Kind::Date, "aanmaakdatum van de levering", "day the delivery was made");

/// Columns of `pupil`.
pub(super) const fn pupil(kind: IdKind) -> [ColumnSpec; 8] {
    [key(kind), ID_KIND, BIRTH, AGE, SEX, PC4, SOURCE, SNAPSHOT]
}

/// Columns of `enrolment`: one row per period.
pub(super) const fn enrolment(kind: IdKind) -> [ColumnSpec; 20] {
    [
        key(kind),
        ID_KIND,
        BRIN,
        must("enrol_no", Kind::Text, "inschrijvingsnummer", "number of the enrolment"),
        must("period_start", Kind::Date, "begin van de periode", "start of the period"),
        may("period_end", Kind::Date, "einde van de periode", "end of the period"),
        must("enrol_start", Kind::Date, "begin van de inschrijving", "start of the enrolment"),
        may("enrol_planned_end", Kind::Date, "gepland einde", "planned end"),
        may("enrol_end", Kind::Date, "werkelijk einde", "actual end"),
        may("end_reason", Kind::Text, "reden van uitschrijving", "reason of the end"),
        CREBO,
        LEVEL,
        TRACK,
        may("route_phase", Kind::Text, "fase van de leerroute", "phase of the route"),
        PROVIDER,
        LOCATION,
        FUNDED,
        SOURCE,
        SNAPSHOT,
        may("snapshot_until", Kind::Date, "einde van de geleverde periode", "end of the delivered period"),
    ]
}

/// Columns of `diploma`.
pub(super) const fn diploma(kind: IdKind) -> [ColumnSpec; 11] {
    [
        key(kind),
        ID_KIND,
        BRIN,
        must("result_no", Kind::Text, "resultaatnummer", "number of the result"),
        ENROL_NO,
        CREBO,
        LEVEL,
        must("date", Kind::Date, "datum", "date"),
        FUNDED,
        SOURCE,
        SNAPSHOT,
    ]
}
