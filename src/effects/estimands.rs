//! The estimands of a study by their numbers (`docs/estimands`), and all findings of a model as rows.

use serde::Serialize;

/// Number of an estimand (`statistics.md` §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum EstimandId {
    /// All schools: the risk with one step more of a part of the dose, less the risk as it is.
    E1,
    /// All schools: the risk at the third quartile of the dose less that at the first.
    E2,
    /// One school: the risk at its pupils' doses less that with the school's gap to the median dose of comparable schools
    /// taken off, along the curve of all schools.
    E3,
    /// One school: how far its own slope lies from that of all schools.
    E4,
    /// One school: the association of one step more along its own line, deviation included.
    #[serde(rename = "E4_own")]
    E4Own,
    /// One school: the risk of reference pupils there less their risk at any school.
    E5,
    /// All schools: cumulative incidence by period at multiples of the median dose.
    E6,
    /// One school: E3 as a number of pupils.
    E8,
}

impl EstimandId {
    /// Name in files.
    pub fn code(self) -> &'static str {
        match self {
            EstimandId::E1 => "E1",
            EstimandId::E2 => "E2",
            EstimandId::E3 => "E3",
            EstimandId::E4 => "E4",
            EstimandId::E4Own => "E4_own",
            EstimandId::E5 => "E5",
            EstimandId::E6 => "E6",
            EstimandId::E8 => "E8",
        }
    }
}
