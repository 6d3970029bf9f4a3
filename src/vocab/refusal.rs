//! Why a number can not be given.

/// Why there is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalReason {
    /// The optimiser did not reach an optimum.
    NotConverged,
    /// A covariate separates the outcome completely.
    Separated,
    /// Nobody, or everybody, had the outcome.
    NoVariation,
    /// No pupil of this school is in the analysis set.
    NoPupils,
    /// Fewer than two schools: school effects can't be told from pupils.
    OneSchool,
    /// The dose does not vary.
    NoDose,
    /// In this model the dose hangs together with the outcome equally in all schools: there is no school's own number.
    NoOwnSlope,
    /// Columns of the model are exact combinations of others, or there are fewer rows than terms.
    RankDeficient,
    /// The model needs rows of pupils, and there are only cells.
    NeedsPupils,
}

impl RefusalReason {
    /// Stable code in files (`status` and `reason` columns).
    pub fn code(self) -> &'static str {
        match self {
            RefusalReason::NotConverged => "not_converged",
            RefusalReason::Separated => "separated",
            RefusalReason::NoVariation => "no_variation",
            RefusalReason::NoPupils => "no_pupils",
            RefusalReason::OneSchool => "one_school",
            RefusalReason::NoDose => "no_dose",
            RefusalReason::NoOwnSlope => "no_own_slope",
            RefusalReason::RankDeficient => "rank_deficient",
            RefusalReason::NeedsPupils => "needs_pupils",
        }
    }
}
