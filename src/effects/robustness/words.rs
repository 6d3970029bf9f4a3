//! Why a check can't be done, in words; and the checks that no data of this kind allow yet.

use super::{Check, Specification, Subject};
use crate::vocab::{Lang, RefusalReason};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The check is for outcomes after the landmark.
    NotLandmark,
    /// The main model gave no national number.
    NoPrimary,
    /// Fewer schools than the check needs.
    FewSchools(u32),
    /// Fewer cohorts than the check needs.
    FewCohorts(u32),
    /// The study names no outcome that is fixed before the exposure.
    NoControl,
    /// The panel keeps no history of what changes while the dose is received.
    NoHistory,
    /// Fewer schools that changed their programme, or that did not, than the check needs.
    FewChanges(u32),
    /// No school has a year from before its change to look at.
    NoYearsBefore,
    /// No characteristic has gaps.
    NothingMissing,
    /// The study has no other dose.
    NoOtherDose,
    /// Everybody was linked.
    AllLinked,
    /// Nothing was measured that could serve as a yardstick.
    NoCovariate,
    /// The number lies outside what the method can express.
    OutOfRange,
    /// The model of the check could not be fitted.
    Fit(RefusalReason),
}

impl Obstacle {
    /// Stable code in files.
    pub fn code(self) -> &'static str {
        match self {
            Obstacle::NotLandmark => "not_landmark",
            Obstacle::NoPrimary => "no_primary",
            Obstacle::FewSchools(_) => "few_schools",
            Obstacle::FewCohorts(_) => "few_cohorts",
            Obstacle::NoControl => "no_control",
            Obstacle::NoHistory => "no_history",
            Obstacle::FewChanges(_) => "few_changes",
            Obstacle::NoYearsBefore => "no_years_before",
            Obstacle::NothingMissing => "nothing_missing",
            Obstacle::NoOtherDose => "no_other_dose",
            Obstacle::AllLinked => "all_linked",
            Obstacle::NoCovariate => "no_covariate",
            Obstacle::OutOfRange => "out_of_range",
            Obstacle::Fit(reason) => reason.code(),
        }
    }

    /// In words.
    pub fn words(self, lang: Lang) -> String {
        match self {
            Obstacle::FewSchools(n) => match lang {
                Lang::Nl => format!("Hiervoor zijn minstens {n} scholen nodig."),
                Lang::En => format!("This needs at least {n} schools."),
            },
            Obstacle::FewCohorts(n) => match lang {
                Lang::Nl => format!("Hiervoor zijn minstens {n} schooljaren nodig."),
                Lang::En => format!("This needs at least {n} school years."),
            },
            Obstacle::FewChanges(n) => match lang {
                Lang::Nl => {
                    format!("Hiervoor moeten minstens {n} scholen hun LOB hebben uitgebreid, en minstens {n} niet.")
                }
                Lang::En => {
                    format!("This needs at least {n} schools that extended their guidance, and {n} that did not.")
                }
            },
            other => {
                let (nl, en) = other.plain();
                lang.pick(nl, en).into()
            }
        }
    }

    fn plain(self) -> (&'static str, &'static str) {
        match self {
            Obstacle::NotLandmark => {
                ("Deze controle is er voor uitkomsten na het vmbo.", "This check is for outcomes after vmbo.")
            }
            Obstacle::NoPrimary => {
                ("Er is geen landelijke schatting om te controleren.", "There is no national estimate to check.")
            }
            Obstacle::NoControl => (
                "Het onderzoek noemt geen uitkomst die al vooraf vaststond.",
                "The study names no outcome that was fixed beforehand.",
            ),
            Obstacle::NoHistory => (
                "Hiervoor is per half jaar nodig wat er veranderde. Dat houdt het onderzoek niet bij.",
                "This needs what changed in each half-year. The study does not record that.",
            ),
            Obstacle::NoYearsBefore => (
                "Van vóór de uitbreidingen zijn er te weinig schooljaren.",
                "There are too few school years from before the extensions.",
            ),
            Obstacle::NothingMissing => ("Er ontbreken geen kenmerken.", "No characteristic is missing."),
            Obstacle::NoOtherDose => {
                ("Het onderzoek telt geen andere activiteiten.", "The study counts no other activities.")
            }
            Obstacle::AllLinked => ("Alle leerlingen zijn gekoppeld.", "All pupils were linked."),
            Obstacle::NoCovariate => {
                ("Er is geen kenmerk om mee te vergelijken.", "There is no characteristic to compare with.")
            }
            Obstacle::OutOfRange => {
                ("De schatting past niet bij deze rekenwijze.", "The estimate does not fit this way of computing.")
            }
            Obstacle::Fit(_) | Obstacle::FewSchools(_) | Obstacle::FewCohorts(_) | Obstacle::FewChanges(_) => {
                ("De berekening gaf geen uitkomst.", "The computation gave no result.")
            }
        }
    }
}

/// R3.
pub(super) const MARGINAL_STRUCTURAL: Check = Check {
    id: "R3",
    nl: "Weegt mee wat tijdens leerjaar 3 en 4 verandert?",
    en: "Does it account for what changes during years 3 and 4?",
    rule_nl: "Zelfde richting.",
    rule_en: "Same sign.",
    run: |_: &Subject<'_>| {
        let (nl, en) = (
            "Gewogen per half jaar (marginal structural model).",
            "Weighted by half-year (marginal structural model).",
        );
        vec![Specification::new("R3", "weights", nl, en).impossible(Obstacle::NoHistory)]
    },
};
