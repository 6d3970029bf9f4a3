//! The panel as a value: what is read, joined, counted and followed. The executor and the SQL printer both
//! read this and nothing else, so that the SQL documents exactly what was done.

use crate::study::Study;
use crate::study::file::{Activities, Covariate, Enrolments, Exposure, Measure, Outcome, Pupils};
use crate::vocab::{OutcomeDef, OutcomeRule, PeriodLength};

/// The whole plan of a study's panel.
#[derive(Clone, Debug)]
pub struct Plan<'s> {
    /// The study, for its sources and time axis.
    pub study: &'s Study,
    /// The pupil table.
    pub pupils: &'s Pupils,
    /// The activity table.
    pub activities: Option<&'s Activities>,
    /// The enrolment table.
    pub enrolments: Option<&'s Enrolments>,
    /// Length of a period.
    pub period: PeriodLength,
    /// Number of periods.
    pub periods: u16,
    /// Exposures, in the study's order.
    pub exposures: Vec<ExposurePlan<'s>>,
    /// Covariates, in the study's order.
    pub covariates: &'s [Covariate],
    /// Outcomes, in the study's order.
    pub outcomes: Vec<OutcomePlan<'s>>,
}

/// One exposure.
#[derive(Clone, Debug)]
pub struct ExposurePlan<'s> {
    /// As declared.
    pub entry: &'s Exposure,
    /// Where its dose comes from.
    pub from: DoseFrom<'s>,
}

/// Where a dose comes from.
#[derive(Clone, Debug)]
pub enum DoseFrom<'s> {
    /// Activities of these types (`None`: all), counted or with their amounts added up.
    Activities {
        /// Types after recoding.
        types: Option<&'s [String]>,
        /// Count or amount.
        measure: Measure,
    },
    /// A column of the pupils.
    Column(&'s str),
}

/// One outcome with its definition.
#[derive(Clone, Debug)]
pub struct OutcomePlan<'s> {
    /// As declared.
    pub entry: &'s Outcome,
    /// Its definition.
    pub def: &'static OutcomeDef,
}

impl OutcomePlan<'_> {
    /// The rule by which it is read off the tables.
    pub fn rule(&self) -> OutcomeRule {
        self.def.rule
    }
}

impl<'s> Plan<'s> {
    /// The plan of a checked study.
    pub fn of(study: &'s Study) -> Self {
        let exposure = |entry: &'s Exposure| {
            let from = match &entry.column {
                Some(column) => DoseFrom::Column(column),
                None => {
                    DoseFrom::Activities { types: entry.types.as_ref().map(|t| t.0.as_slice()), measure: entry.measure }
                }
            };
            ExposurePlan { entry, from }
        };
        Plan {
            study,
            pupils: &study.pupils,
            activities: study.activities.as_ref(),
            enrolments: study.enrolments.as_ref(),
            period: study.time.period,
            periods: study.time.periods,
            exposures: study.exposures.iter().map(exposure).collect(),
            covariates: &study.covariates,
            outcomes: study.outcomes.iter().map(|entry| OutcomePlan { entry, def: study.definition(entry) }).collect(),
        }
    }

    /// Position of an exposure; the study has been checked, so it is there.
    pub fn exposure(&self, id: &str) -> usize {
        self.exposures.iter().position(|e| e.entry.id == id).expect("a checked study knows its exposures")
    }

    /// Position of an outcome; the study has been checked, so it is there.
    pub fn outcome(&self, id: &str) -> usize {
        self.outcomes.iter().position(|o| o.entry.id == id).expect("a checked study knows its outcomes")
    }

    /// Position of a covariate; the study has been checked, so it is there.
    pub fn covariate(&self, id: &str) -> usize {
        self.covariates.iter().position(|c| c.id == id).expect("a checked study knows its covariates")
    }
}
