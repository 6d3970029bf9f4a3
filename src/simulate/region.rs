//! One school, a chunk of schools, the whole region.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use rayon::prelude::*;

use super::activity::{self, Activities};
use super::after::{self, Enrolment};
use super::calendar::{CohortDates, day};
use super::dropout::Dropout;
use super::landmark::{self, Landmark};
use super::model::{Models, Ranef};
use super::pupil::{self, Pupil};
use super::school::{self, School};
use super::score::{self, Score};
use super::spec::RegionSpec;
use super::stream::{Purpose, normal_pair, stream};
use super::truth::{self, AmeSum, SchoolTruth, TruthRow};
use super::{dropout, scenario, tables};

/// Schools that are in memory together when a region is written school by school.
const CHUNK: usize = 16;

/// A simulated region. Text keys are Utf8, dates Date32; schools are in order, pupils by cohort in a school.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// One row per school location.
    pub school: RecordBatch,
    /// One row per pupil.
    pub leerling: RecordBatch,
    /// One row per registered activity.
    pub activiteit: RecordBatch,
    /// One row per enrolment after vmbo.
    pub inschrijving: RecordBatch,
    /// One row per dropout, from vmbo or from the first year of mbo.
    pub uitval: RecordBatch,
    /// One row per measured score.
    pub competentie: RecordBatch,
    /// What is true: see [`truth::TruthRow`].
    pub truth: RecordBatch,
}

impl Region {
    /// The tables with their names, the truth last.
    pub fn tables(&self) -> [(&'static str, &RecordBatch); 7] {
        let [a, b, c, d, e, f] = tables::NAMES;
        [
            (a, &self.school),
            (b, &self.leerling),
            (c, &self.activiteit),
            (d, &self.inschrijving),
            (e, &self.uitval),
            (f, &self.competentie),
            ("truth", &self.truth),
        ]
    }
}

/// Everything drawn for one school.
pub(super) struct SimulatedSchool {
    pub school: School,
    pub cohorts: Vec<CohortDates>,
    pub pupils: Vec<Pupil>,
    pub activities: Activities,
    /// Day of dropout from vmbo per pupil.
    pub left_vmbo: Vec<Option<i32>>,
    /// Day of dropout from mbo: position of the pupil, day.
    pub left_mbo: Vec<(usize, i32)>,
    pub enrolments: Vec<Enrolment>,
    pub scores: Vec<Score>,
    pub truth: SchoolTruth,
}

/// Simulates a region. Pure: equal specs give equal batches, on any number of threads of the current rayon
/// pool. Holds the region in memory (about 3 kB a pupil); [`super::simulate_to`] doesn't.
///
/// # Panics
/// When an exam year lies outside the calendar (years −9990 to 9990).
///
/// ```
/// use lob_effect::simulate::{RegionSpec, simulate};
/// let region = simulate(&RegionSpec { schools: 3, pupils: 90, ..RegionSpec::default() });
/// assert_eq!(region.school.num_rows(), 3);
/// ```
pub fn simulate(spec: &RegionSpec) -> Region {
    let plan = Plan::new(spec);
    let mut batches: [Vec<RecordBatch>; 6] = Default::default();
    let mut truths = Vec::new();
    for chunk in plan.chunks() {
        for (all, one) in batches.iter_mut().zip(chunk.tables) {
            all.push(one);
        }
        truths.extend(chunk.truths);
    }
    let [school, leerling, activiteit, inschrijving, uitval, competentie] = batches.map(|b| join(&b));
    Region { school, leerling, activiteit, inschrijving, uitval, competentie, truth: plan.truth(&truths) }
}

/// Batches of one table under each other.
fn join(batches: &[RecordBatch]) -> RecordBatch {
    concat_batches(batches[0].schema_ref(), batches).expect("a region has a chunk, and one table has one schema")
}

/// What all schools share.
pub(super) struct Plan {
    spec: RegionSpec,
    models: Models,
    cohorts: Vec<CohortDates>,
    sizes: Vec<u32>,
}

/// A school up to the paths of its pupils.
pub(super) struct UntilLandmark<'p> {
    cohorts: &'p [CohortDates],
    pub school: School,
    pub pupils: Vec<Pupil>,
    /// As registered.
    pub activities: Activities,
    pub ranef: [Ranef; 4],
    left: Dropout,
    pub after: Landmark,
    scores: Vec<Score>,
}

impl UntilLandmark<'_> {
    /// The landmark of a cohort.
    pub fn landmark(&self, cohort: usize) -> i32 {
        self.cohorts[cohort].landmark
    }

    /// What is true of the school.
    pub fn truth(&self) -> SchoolTruth {
        let [uitval, doorstroom, gebleven]: [AmeSum; 3] = self.after.ame;
        let ame = [uitval, doorstroom, gebleven, self.left.ame];
        SchoolTruth { school: self.school.key.clone(), ranef: self.ranef, ame, cut: self.after.cut }
    }
}

/// Some schools' tables, in the order of [`tables::NAMES`], and their truth.
pub(super) struct Chunk {
    pub tables: [RecordBatch; 6],
    pub truths: Vec<SchoolTruth>,
}

impl Plan {
    pub fn new(spec: &RegionSpec) -> Self {
        let years = (0..spec.cohorts.max(1)).zip(spec.first_exam_year..);
        Self {
            spec: spec.clone(),
            models: Models::new(spec),
            cohorts: years.map(|(_, year)| CohortDates::new(year)).collect(),
            sizes: school::sizes(spec),
        }
    }

    /// The region in chunks of schools, in order; each chunk is simulated in parallel when it is asked for.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> + Send {
        let schools: Vec<u32> = (0..).take(self.sizes.len()).collect();
        (0..schools.len()).step_by(CHUNK).map(move |from| {
            let to = schools.len().min(from + CHUNK);
            let simulated: Vec<SimulatedSchool> = schools[from..to].par_iter().map(|&s| self.school(s)).collect();
            let tables = tables::of_schools(&simulated);
            Chunk { tables, truths: simulated.into_iter().map(|s| s.truth).collect() }
        })
    }

    /// The dates of the cohorts.
    pub fn cohorts(&self) -> &[CohortDates] {
        &self.cohorts
    }

    /// Pupils in all schools.
    pub fn pupils(&self) -> usize {
        self.sizes.iter().map(|n| *n as usize).sum()
    }

    /// The schools, those that share their mbo institutions together.
    pub fn regions(&self) -> impl Iterator<Item = Vec<SimulatedSchool>> {
        let schools: Vec<u32> = (0..).take(self.sizes.len()).collect();
        let size = school::SCHOOLS_PER_REGION as usize;
        (0..schools.len()).step_by(size).map(move |from| {
            let to = schools.len().min(from + size);
            schools[from..to].par_iter().map(|&s| self.school(s)).collect()
        })
    }

    /// The truth table, once all schools are drawn.
    pub fn truth(&self, schools: &[SchoolTruth]) -> RecordBatch {
        tables::truth(&self.truth_rows(schools))
    }

    /// The rows of [`Plan::truth`].
    pub fn truth_rows(&self, schools: &[SchoolTruth]) -> Vec<TruthRow> {
        truth::rows(&self.spec, &self.models, schools)
    }

    /// Number of schools.
    pub fn schools(&self) -> u32 {
        self.sizes.len() as u32
    }

    /// Draws a school up to its pupils' paths: pupils, activities, dropout, what remains of the activities, paths, what is
    /// registered of the activities. Scores are drawn where `scored`, from what pupils did.
    pub fn until_landmark(&self, index: u32, scored: bool) -> UntilLandmark<'_> {
        let (spec, cohorts, models) = (&self.spec, &self.cohorts[..], &self.models);
        let rng = |purpose| stream(spec.seed, index, purpose);
        let mut school = School::draw(spec, index, self.sizes[index as usize]);
        let mut pupils = pupil::draw_all(spec, &school);
        scenario::hide(spec, &mut school, &mut pupils);
        let mut activities = activity::draw_all(spec, &school, cohorts, &pupils);
        let ranef = self.random_effects(index);
        let events = &mut activities.of_pupil;
        let left = dropout::draw(&mut rng(Purpose::Dropout), models, ranef[3], cohorts, &pupils, events);
        dropout::cut(events, &left.day);
        let after = landmark::draw(
            &mut rng(Purpose::Landmark),
            models,
            [ranef[0], ranef[1], ranef[2]],
            cohorts,
            &pupils,
            events,
            &left.day,
        );
        let scores = if scored {
            score::draw(&mut rng(Purpose::Scores), &models.growth, cohorts, &pupils, events, &left.day)
        } else {
            Vec::new()
        };
        scenario::register(spec, &school, &pupils, events);
        UntilLandmark { cohorts, school, pupils, activities, ranef, left, after, scores }
    }

    /// Draws one school: all of [`Plan::until_landmark`], then enrolments.
    fn school(&self, index: u32) -> SimulatedSchool {
        let drawn = self.until_landmark(index, true);
        let truth = drawn.truth();
        let UntilLandmark { cohorts, school, pupils, activities, left, after, scores, .. } = drawn;
        let (enrolments, left_mbo) = self.enrolments(&school, &pupils, &after);
        let cohorts = cohorts.to_vec();
        SimulatedSchool {
            school,
            cohorts,
            pupils,
            activities,
            left_vmbo: left.day,
            left_mbo,
            enrolments,
            scores,
            truth,
        }
    }

    /// Random intercept and slope of a school for each logit; independent between outcomes.
    fn random_effects(&self, index: u32) -> [Ranef; 4] {
        let rng = &mut stream(self.spec.seed, index, Purpose::RandomEffects);
        let effect = &self.spec.effect;
        std::array::from_fn(|_| {
            let [intercept, slope] = normal_pair(rng, [effect.intercept_sd, effect.slope_sd], effect.correlation);
            Ranef { intercept, slope }
        })
    }

    /// Enrolments after vmbo, and the days on which pupils left mbo.
    fn enrolments(&self, school: &School, pupils: &[Pupil], after: &Landmark) -> (Vec<Enrolment>, Vec<(usize, i32)>) {
        let rng = &mut stream(self.spec.seed, school.index, Purpose::Enrolments);
        let last_exam = self.cohorts.iter().map(|c| c.exam_year).max().unwrap_or(self.spec.first_exam_year);
        let observed_until = day(last_exam + 1, 12, 30);
        let (mut enrolments, mut left_mbo) = (Vec::new(), Vec::new());
        for (i, pupil) in pupils.iter().enumerate() {
            let Some(path) = after.path[i] else { continue };
            let dates = &self.cohorts[pupil.cohort];
            let left = after::enrol(rng, school, dates, observed_until, (i, pupil), path, &mut enrolments);
            left_mbo.extend(left.map(|day| (i, day)));
        }
        (enrolments, left_mbo)
    }
}
