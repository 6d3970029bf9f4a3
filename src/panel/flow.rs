//! Who fell out where and why, per school. Every row read ends in exactly one step.

use std::collections::BTreeMap;

use crate::vocab::SchoolIx;
use crate::vocab::ids::Ix;

/// A step or reason of the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Rows read (after filters and rejects).
    Read,
    /// An exact copy of another row.
    Duplicate,
    /// No pupil key.
    NoKey,
    /// No school.
    NoSchool,
    /// The key belongs to no pupil of the pupil table.
    UnknownPupil,
    /// No date.
    NoDate,
    /// A negative amount.
    NegativeAmount,
    /// Dated outside the pupil's enrolment.
    OutsideEnrolment,
    /// Rows that count.
    Used,
    /// A text that is neither among the `levels` nor in the `recode` of a covariate: it counts as missing.
    UnlistedValue,
    /// No day on which the pupil's clock starts.
    NoOrigin,
    /// The event came on or before the first day.
    LeftBeforeStart,
    /// No last day of observation, or one before the first day.
    NoEnd,
    /// At a school that the pupil table does not have.
    OtherSchool,
    /// No landmark date.
    NoLandmark,
    /// Not enrolled any more on the day before the landmark.
    LeftBeforeLandmark,
    /// Not linked to later education: the outcome is unknown.
    NotLinked,
    /// The landmark lies after the day on which the outcome is counted.
    LandmarkAfterOutcome,
    /// The outcome is counted after the day up to which enrolments are known.
    NotKnownYet,
    /// The outcome is counted on a day on which its definition does not hold.
    OtherDefinition,
    /// Had the outcome before the landmark.
    HadBefore,
    /// Did not start in mbo, or was not enrolled, and the outcome is counted among those who did.
    NotStarted,
    /// Not of the age for which the outcome is defined.
    OutsideAge,
    /// Of a sector that can't be compared with mbo.
    NotComparable,
    /// No activity was registered by anyone of this school and cohort: not measured.
    NoRegistration,
    /// No value of the outcome, or no score.
    NoOutcome,
    /// A covariate or the dose is missing.
    MissingCovariate,
    /// Of a level of a category in which nobody, or everybody, has the outcome: there is nothing to compare it with.
    RareLevel,
    /// Outside the periods that are followed.
    OutsidePeriods,
    /// A later score of the same period took its place.
    EarlierInPeriod,
    /// Not in the analysis set that another engine made, which does not say why.
    OutsideSet,
    /// In the analysis.
    Analysed,
}

impl Step {
    /// All steps, in their order.
    pub const ALL: [Step; 32] = [
        Step::Read,
        Step::Duplicate,
        Step::NoKey,
        Step::NoSchool,
        Step::UnknownPupil,
        Step::NoDate,
        Step::NegativeAmount,
        Step::OutsideEnrolment,
        Step::Used,
        Step::UnlistedValue,
        Step::NoOrigin,
        Step::LeftBeforeStart,
        Step::NoEnd,
        Step::OtherSchool,
        Step::NoLandmark,
        Step::LeftBeforeLandmark,
        Step::NotLinked,
        Step::LandmarkAfterOutcome,
        Step::NotKnownYet,
        Step::OtherDefinition,
        Step::HadBefore,
        Step::NotStarted,
        Step::OutsideAge,
        Step::NotComparable,
        Step::NoRegistration,
        Step::NoOutcome,
        Step::MissingCovariate,
        Step::RareLevel,
        Step::OutsidePeriods,
        Step::EarlierInPeriod,
        Step::OutsideSet,
        Step::Analysed,
    ];

    /// The step with this name.
    pub fn of_code(code: &str) -> Option<Step> {
        Step::ALL.into_iter().find(|step| step.code() == code)
    }

    /// Name in `flow.parquet`.
    pub fn code(self) -> &'static str {
        match self {
            Step::Read => "read",
            Step::Duplicate => "duplicate",
            Step::NoKey => "no_key",
            Step::NoSchool => "no_school",
            Step::UnknownPupil => "unknown_pupil",
            Step::NoDate => "no_date",
            Step::NegativeAmount => "negative_amount",
            Step::OutsideEnrolment => "outside_enrolment",
            Step::Used => "used",
            Step::UnlistedValue => "unlisted_value",
            Step::NoOrigin => "no_origin",
            Step::LeftBeforeStart => "left_before_start",
            Step::NoEnd => "no_end",
            Step::OtherSchool => "other_school",
            Step::NoLandmark => "no_landmark",
            Step::LeftBeforeLandmark => "left_before_landmark",
            Step::NotLinked => "not_linked",
            Step::LandmarkAfterOutcome => "landmark_after_outcome",
            Step::NotKnownYet => "not_known_yet",
            Step::OtherDefinition => "other_definition",
            Step::HadBefore => "had_before",
            Step::NotStarted => "not_started",
            Step::OutsideAge => "outside_age",
            Step::NotComparable => "not_comparable",
            Step::NoRegistration => "no_registration",
            Step::NoOutcome => "no_outcome",
            Step::MissingCovariate => "missing_covariate",
            Step::RareLevel => "rare_level",
            Step::OutsidePeriods => "outside_periods",
            Step::EarlierInPeriod => "earlier_in_period",
            Step::OutsideSet => "outside_set",
            Step::Analysed => "analysed",
        }
    }

    /// The step in words: (Dutch, English).
    pub fn label(self) -> (&'static str, &'static str) {
        match self {
            Step::Read => ("gelezen", "read"),
            Step::Duplicate => ("dubbele rij", "duplicate row"),
            Step::NoKey => ("geen leerlingsleutel", "no pupil key"),
            Step::NoSchool => ("geen school", "no school"),
            Step::UnknownPupil => ("leerling niet in de leerlingtabel", "pupil not in the pupil table"),
            Step::NoDate => ("geen datum", "no date"),
            Step::NegativeAmount => ("negatieve hoeveelheid", "negative amount"),
            Step::OutsideEnrolment => ("buiten de inschrijving", "outside the enrolment"),
            Step::Used => ("gebruikt", "used"),
            Step::UnlistedValue => ("waarde die de studie niet noemt", "value that the study does not list"),
            Step::NoOrigin => ("geen begindatum", "no start date"),
            Step::LeftBeforeStart => ("vertrokken voor het begin", "left before the start"),
            Step::NoEnd => ("geen geldige einddatum", "no valid end date"),
            Step::OtherSchool => ("op een school buiten het onderzoek", "at a school outside the study"),
            Step::NoLandmark => ("geen peildatum", "no landmark date"),
            Step::LeftBeforeLandmark => ("vertrokken voor de peildatum", "left before the landmark"),
            Step::NotLinked => ("niet gekoppeld: vervolg onbekend", "not linked: later education unknown"),
            Step::LandmarkAfterOutcome => ("peildatum na de teldatum", "landmark after the count date"),
            Step::NotKnownYet => ("uitkomst nog niet bekend", "outcome not known yet"),
            Step::OtherDefinition => ("teldatum onder een andere definitie", "count date under another definition"),
            Step::HadBefore => ("uitkomst al voor de peildatum", "had the outcome before the landmark"),
            Step::NotStarted => ("niet gestart", "did not start"),
            Step::OutsideAge => ("buiten de leeftijd van de definitie", "outside the age of the definition"),
            Step::NotComparable => ("sector niet te vergelijken met mbo", "sector not comparable with mbo"),
            Step::NoRegistration => ("school en cohort zonder registraties", "school and cohort without registrations"),
            Step::NoOutcome => ("geen uitkomst bekend", "no outcome known"),
            Step::MissingCovariate => ("ontbrekend kenmerk", "missing characteristic"),
            // Not a word of nobody and everybody: that would tell the outcome of those few.
            Step::RareLevel => ("kenmerk te zeldzaam om te vergelijken", "characteristic too rare to compare"),
            Step::OutsidePeriods => ("buiten de gevolgde perioden", "outside the followed periods"),
            Step::EarlierInPeriod => {
                ("vervangen door latere score in dezelfde periode", "replaced by a later score of the period")
            }
            Step::OutsideSet => {
                ("niet in de analyse; de reden is niet meegegeven", "not in the analysis; no reason was handed on")
            }
            Step::Analysed => ("geanalyseerd", "analysed"),
        }
    }

    /// True for subtotals, false for reasons to fall out.
    pub fn is_total(self) -> bool {
        matches!(self, Step::Read | Step::Used | Step::Analysed)
    }
}

/// Counts per table or model, school (`None`: before a school was known) and step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    counts: BTreeMap<(String, Option<SchoolIx>, Step), u64>,
}

/// The step in which each row of a table ended, by school: for rows that come by the million.
#[derive(Clone)]
pub(super) struct Ended {
    /// Rows of no known school first, then those of each school.
    rows: Vec<[u64; Step::ALL.len()]>,
}

impl Ended {
    pub(super) fn new(schools: usize) -> Self {
        Self { rows: vec![[0; Step::ALL.len()]; schools + 1] }
    }

    /// A row has ended in `step`.
    pub(super) fn add(&mut self, school: Option<SchoolIx>, step: Step) {
        self.add_all(school, step, 1);
    }

    /// `n` rows have ended in `step`.
    pub(super) fn add_all(&mut self, school: Option<SchoolIx>, step: Step, n: u64) {
        self.rows[school.map_or(0, |s| s.at() + 1)][step as usize] += n;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.rows.iter_mut().flatten().zip(other.rows.iter().flatten()) {
            *mine += theirs;
        }
    }

    /// Adds the counts to a flow, and how many were read: every row ends in one step.
    pub(super) fn hand_over(&self, flow: &mut Flow, set: &str) {
        for (i, steps) in self.rows.iter().enumerate() {
            let school = i.checked_sub(1).map(SchoolIx::from_position);
            flow.add(set, school, Step::Read, steps.iter().sum());
            for step in Step::ALL {
                flow.add(set, school, step, steps[step as usize]);
            }
        }
    }
}

impl Flow {
    /// Adds `n` to a count; nothing is noted for 0.
    pub fn add(&mut self, set: &str, school: Option<SchoolIx>, step: Step, n: u64) {
        if n > 0 {
            *self.counts.entry((set.to_string(), school, step)).or_default() += n;
        }
    }

    /// All counts in order of set, school and step.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<SchoolIx>, Step, u64)> {
        self.counts.iter().map(|((set, school, step), n)| (set.as_str(), *school, *step, *n))
    }

    /// A count over all schools.
    pub fn total(&self, set: &str, step: Step) -> u64 {
        self.iter().filter(|(s, _, t, _)| *s == set && *t == step).map(|(_, _, _, n)| n).sum()
    }

    /// Adds the counts of another flow.
    pub fn extend(&mut self, other: Flow) {
        for ((set, school, step), n) in other.counts {
            self.add(&set, school, step, n);
        }
    }
}
