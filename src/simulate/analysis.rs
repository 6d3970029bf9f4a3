//! The pupils of the landmark set as rows, without the tables in between: for those who simulate a thousand regions and
//! need no files.

use rayon::prelude::*;

use super::activity::dose_before;
use super::landmark::Path;
use super::pupil::Leerweg;
use super::region::Plan;
use super::spec::RegionSpec;
use super::truth::TruthRow;

/// A pupil at the landmark.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LandmarkPupil {
    /// Position of the school.
    pub school: u32,
    /// Position of the cohort.
    pub cohort: u32,
    /// Registered activities before the landmark.
    pub dose: f64,
    /// Whether the pupil is in kb, gl and tl.
    pub leerweg: [bool; 3],
    /// Whether a girl.
    pub girl: bool,
    /// Age on 1 October of leerjaar 3.
    pub age: f64,
    /// SES-WOA of the neighbourhood.
    pub ses: f64,
    /// Whether the pupil has learning support.
    pub lwoo: bool,
    /// Hours of absence in leerjaar 2.
    pub absence: i32,
    /// Standardised motivation, which no table shows; 0 where the truth has none.
    pub motivation: f64,
    /// Linear predictor of `uitval_jr1` without the school's own intercept and slope.
    pub eta: f64,
    /// Dose above the mean of school and cohort.
    pub within: f64,
    /// `uitval_jr1`.
    pub uitval: bool,
    /// `doorstroom_mbo`.
    pub doorstroom: bool,
    /// `gestart_en_gebleven`.
    pub gebleven: bool,
}

/// The landmark set of a region with its truth.
#[derive(Clone, Debug)]
pub struct LandmarkSet {
    /// Linked pupils who did not drop out of vmbo, by school and cohort.
    pub pupils: Vec<LandmarkPupil>,
    /// Key of each school.
    pub schools: Vec<String>,
    /// Intercept and slope of each school in the model of `uitval_jr1`.
    pub ranef: Vec<[f64; 2]>,
    /// As in `truth.parquet`.
    pub truth: Vec<TruthRow>,
}

/// Simulates the landmark set of a region: the same pupils, doses and outcomes as [`super::simulate`] writes in tables.
pub fn landmark_set(spec: &RegionSpec) -> LandmarkSet {
    let plan = Plan::new(spec);
    let schools: Vec<_> = (0..plan.schools()).into_par_iter().map(|s| plan.until_landmark(s, false)).collect();
    let (mut pupils, mut keys, mut truths, mut ranef) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (s, school) in (0_u32..).zip(schools) {
        for (i, p) in school.pupils.iter().enumerate() {
            let Some(path) = school.after.path[i] else { continue };
            let started = matches!(path, Path::LeftMbo | Path::Stayed | Path::Switched);
            let [eta, within] = school.after.fixed[i];
            pupils.push(LandmarkPupil {
                school: s,
                cohort: p.cohort as u32,
                dose: dose_before(&school.activities.of_pupil[i], school.landmark(p.cohort)),
                leerweg: [Leerweg::Kb, Leerweg::Gl, Leerweg::Tl].map(|l| p.leerweg == l),
                girl: p.girl,
                age: p.age,
                ses: p.ses,
                lwoo: p.lwoo,
                absence: p.absence,
                motivation: p.motivation,
                eta,
                within,
                uitval: matches!(path, Path::NeverStarted | Path::LeftMbo),
                doorstroom: started,
                gebleven: path == Path::Stayed,
            });
        }
        keys.push(school.school.key.clone());
        ranef.push([school.ranef[0].intercept, school.ranef[0].slope]);
        truths.push(school.truth());
    }
    LandmarkSet { pupils, schools: keys, ranef, truth: plan.truth_rows(&truths) }
}
