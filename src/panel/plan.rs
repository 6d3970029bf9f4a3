//! The panel as a value: what is read, joined, counted and followed. The executor and the SQL printer both
//! read this and nothing else, so that the SQL documents exactly what was done.

use std::collections::BTreeSet;

use crate::ingest::Memory;
use crate::study::Study;
use crate::study::file::{Activities, Covariate, Enrolments, Exposure, Measure, Names, Outcome, Pupils, Triple};
use crate::vocab::{ACTIVITIES, ActivityType, ExitKind, Need, OutcomeDef, OutcomeRule, PeriodLength, TriplePart};

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
    /// How much memory its execution may take, and that of the models after it.
    pub memory: Memory,
}

/// One exposure: what is added up, and what is done with the sum, in this order: per school year, cap, logarithm.
#[derive(Clone, Debug)]
pub struct ExposurePlan<'s> {
    /// As declared.
    pub entry: &'s Exposure,
    /// Where its dose comes from.
    pub from: DoseFrom<'s>,
    /// Divided by the school years of enrolment so far.
    pub per_year: bool,
}

/// Where a dose comes from.
#[derive(Clone, Debug)]
pub enum DoseFrom<'s> {
    /// Activities of these types (`None`: all).
    Activities {
        /// Types after recoding.
        types: Option<Vec<String>>,
        /// What of them is counted.
        measure: Counted,
    },
    /// Completed triples. Each experience takes the first conversation on or after its day, and the first reflection on or
    /// after that one; it completes a triple on the day of the reflection when that lies within so many days of the
    /// experience. Experiences that end in the same reflection complete one triple.
    Triples {
        /// Types of the experience, the conversation and the reflection.
        parts: [Vec<String>; 3],
        /// Days from the experience to the reflection.
        within: i32,
    },
    /// A column of the pupils.
    Column(&'s str),
}

/// What is counted of activities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Registrations.
    Registrations,
    /// Their amounts.
    Amount,
    /// Days with a registration.
    Days,
}

impl<'s> ExposurePlan<'s> {
    fn of(entry: &'s Exposure) -> Self {
        let measure = match entry.measure {
            Measure::Amount => Counted::Amount,
            Measure::Days => Counted::Days,
            Measure::Count | Measure::Intensity | Measure::Triples => Counted::Registrations,
        };
        let from = match (&entry.column, entry.measure) {
            (Some(column), _) => DoseFrom::Column(column),
            (None, Measure::Triples) => triples(&entry.triple.clone().unwrap_or_default()),
            (None, _) => DoseFrom::Activities { types: types(entry), measure },
        };
        Self { entry, from, per_year: entry.is_per_year() }
    }

    /// Whether it counts activities, in one way or another.
    pub fn counts_activities(&self) -> bool {
        !matches!(self.from, DoseFrom::Column(_))
    }
}

/// The types that count: named, or of named competences.
fn types(entry: &Exposure) -> Option<Vec<String>> {
    let of_competence = |names: &Names| {
        let serves = |a: &&ActivityType| names.0.iter().any(|n| n == a.competence.code());
        ACTIVITIES.iter().filter(serves).map(|a| a.code.to_string()).collect()
    };
    let named = entry.types.as_ref().map(|names| names.0.clone());
    named.or_else(|| entry.competence.as_ref().map(of_competence))
}

fn triples<'s>(triple: &Triple) -> DoseFrom<'s> {
    let of = |part: TriplePart| {
        let own = match part {
            TriplePart::Experience => &triple.experience,
            TriplePart::Conversation => &triple.conversation,
            TriplePart::Reflection => &triple.reflection,
        };
        let ours = || ACTIVITIES.iter().filter(|a| a.part() == Some(part)).map(|a| a.code.to_string()).collect();
        own.as_ref().map_or_else(ours, |names| names.0.clone())
    };
    DoseFrom::Triples { parts: TriplePart::ALL.map(of), within: i32::from(triple.within_days) }
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
        self.def.rule.within_years(self.entry.years)
    }

    /// Whether the outcome has one row per pupil, at the landmark.
    pub fn has_landmark(&self) -> bool {
        !matches!(self.rule(), OutcomeRule::Event | OutcomeRule::Score)
    }

    /// The ways out that the study tells apart, in their order; none for an event without causes.
    pub fn exits(&self) -> Vec<ExitKind> {
        let causes = self.entry.causes.as_ref();
        ExitKind::ALL.into_iter().filter(|exit| causes.is_some_and(|c| !c.texts(*exit).is_empty())).collect()
    }
}

impl<'s> Plan<'s> {
    /// The plan of a checked study.
    pub fn of(study: &'s Study) -> Self {
        Plan {
            study,
            pupils: &study.pupils,
            activities: study.activities.as_ref(),
            enrolments: study.enrolments.as_ref(),
            period: study.time.period,
            periods: study.time.periods,
            exposures: study.exposures.iter().map(ExposurePlan::of).collect(),
            covariates: &study.covariates,
            outcomes: study.outcomes.iter().map(|entry| OutcomePlan { entry, def: study.definition(entry) }).collect(),
            memory: Memory::unlimited(),
        }
    }

    /// The same plan within some memory.
    #[must_use]
    pub fn within(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// What the outcomes need of the tables besides pupils and enrolments.
    pub fn needs(&self) -> BTreeSet<Need> {
        self.outcomes.iter().flat_map(|o| o.rule().needs()).collect()
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
