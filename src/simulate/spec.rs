//! What to simulate.

use super::scenario::{Hidden, Scenario};

/// A region to simulate. Two equal specs give equal tables, whatever the number of threads.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionSpec {
    /// Number of school locations; 0 is read as 1.
    pub schools: u32,
    /// Number of exam cohorts, one a year; 0 is read as 1.
    pub cohorts: u32,
    /// Approximate number of pupils in the whole region; every school has at least one in each cohort.
    pub pupils: u32,
    /// Seed of every random draw.
    pub seed: u64,
    /// Exam year of the first cohort (pupils of 2020 started leerjaar 3 in August 2018).
    pub first_exam_year: i16,
    /// Registrations per pupil, as a multiple of the planning figures (about 48 in four years).
    pub activity: f64,
    /// The effects that are planted.
    pub effect: PlantedEffect,
    /// Name of the truth, for the truth table; [`Scenario::plant`] sets it with what belongs to it.
    pub scenario: Scenario,
    /// What the tables do not show.
    pub hidden: Hidden,
    /// Share of pupils for whom the link with later enrolments fails.
    pub missing_links: f64,
    /// Share of activities that are entered months after they took place.
    pub late_registrations: f64,
    /// Share of pupils whose SES-WOA is unknown. Their outcomes follow their true value.
    pub missing_ses: f64,
    /// Activity rows of pupils that the pupil table doesn't know, as a share of all activity rows.
    pub unknown_keys: f64,
}

impl RegionSpec {
    /// A country: ten cohorts of a hundred thousand pupils at 1,200 locations, and 100 million rows from dossiers in which
    /// more is registered than elsewhere. A row goes with as much less as there are more rows.
    pub fn national() -> Self {
        let activity = 2.1;
        let effect = PlantedEffect::default().per_activity(activity);
        Self { schools: 1_200, cohorts: 10, pupils: 1_000_000, activity, effect, ..Self::default() }
    }
}

impl Default for RegionSpec {
    fn default() -> Self {
        Self {
            schools: 12,
            cohorts: 4,
            pupils: 4000,
            seed: 1,
            first_exam_year: 2020,
            activity: 1.0,
            effect: PlantedEffect::default(),
            scenario: Scenario::default(),
            hidden: Hidden::default(),
            missing_links: 0.03,
            late_registrations: 0.1,
            missing_ses: 0.01,
            unknown_keys: 0.002,
        }
    }
}

/// The effects of the dose that are planted, in log odds per activity unless said otherwise. Each of the four
/// binary outcomes has a coefficient for the pupil against the own school and cohort (`within`), the cohort
/// against the own school (`cohort`) and the school against a constant (`school`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlantedEffect {
    /// `uitval_jr1`, within.
    pub uitval_within: f64,
    /// `uitval_jr1`, cohort.
    pub uitval_cohort: f64,
    /// `uitval_jr1`, school.
    pub uitval_school: f64,
    /// `doorstroom_mbo`, within.
    pub doorstroom_within: f64,
    /// `doorstroom_mbo`, cohort.
    pub doorstroom_cohort: f64,
    /// `doorstroom_mbo`, school.
    pub doorstroom_school: f64,
    /// `gestart_en_gebleven`, within.
    pub gebleven_within: f64,
    /// `gestart_en_gebleven`, cohort.
    pub gebleven_cohort: f64,
    /// `gestart_en_gebleven`, school.
    pub gebleven_school: f64,
    /// Hazard of dropout from vmbo, within.
    pub hazard_within: f64,
    /// Hazard of dropout from vmbo, cohort.
    pub hazard_cohort: f64,
    /// Hazard of dropout from vmbo, school.
    pub hazard_school: f64,
    /// Standard deviation over schools of the within coefficient, the same for each binary outcome.
    pub slope_sd: f64,
    /// Standard deviation over schools of the intercept in log odds, the same for each binary outcome.
    pub intercept_sd: f64,
    /// Correlation of a school's intercept and slope.
    pub correlation: f64,
    /// Competence score: points per ten activities.
    pub score_per_ten: f64,
}

impl Default for PlantedEffect {
    /// Small enough to be realistic, large enough to be seen: five activities more go with 1.2 to 1.5
    /// percentage points less `uitval_jr1` over a region's pupils, of whom 10 to 12 % drop out.
    fn default() -> Self {
        Self {
            uitval_within: -0.033,
            uitval_cohort: -0.020,
            uitval_school: -0.015,
            doorstroom_within: 0.020,
            doorstroom_cohort: 0.010,
            doorstroom_school: 0.008,
            gebleven_within: 0.016,
            gebleven_cohort: 0.010,
            gebleven_school: 0.008,
            hazard_within: -0.030,
            hazard_cohort: -0.020,
            hazard_school: -0.015,
            slope_sd: 0.010,
            intercept_sd: 0.25,
            correlation: 0.2,
            score_per_ten: 0.05,
        }
    }
}

impl PlantedEffect {
    /// The same effects where what counted as one activity is `times` as many: all of a dose divided by it.
    fn per_activity(self, times: f64) -> Self {
        Self {
            uitval_within: self.uitval_within / times,
            uitval_cohort: self.uitval_cohort / times,
            uitval_school: self.uitval_school / times,
            doorstroom_within: self.doorstroom_within / times,
            doorstroom_cohort: self.doorstroom_cohort / times,
            doorstroom_school: self.doorstroom_school / times,
            gebleven_within: self.gebleven_within / times,
            gebleven_cohort: self.gebleven_cohort / times,
            gebleven_school: self.gebleven_school / times,
            hazard_within: self.hazard_within / times,
            hazard_cohort: self.hazard_cohort / times,
            hazard_school: self.hazard_school / times,
            slope_sd: self.slope_sd / times,
            score_per_ten: self.score_per_ten / times,
            ..self
        }
    }

    /// No effect of any activity on any outcome; schools still differ in their intercepts.
    pub fn null() -> Self {
        Self {
            uitval_within: 0.0,
            uitval_cohort: 0.0,
            uitval_school: 0.0,
            doorstroom_within: 0.0,
            doorstroom_cohort: 0.0,
            doorstroom_school: 0.0,
            gebleven_within: 0.0,
            gebleven_cohort: 0.0,
            gebleven_school: 0.0,
            hazard_within: 0.0,
            hazard_cohort: 0.0,
            hazard_school: 0.0,
            slope_sd: 0.0,
            score_per_ten: 0.0,
            ..Self::default()
        }
    }
}
