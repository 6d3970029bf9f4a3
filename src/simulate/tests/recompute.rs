//! Linear predictors, outcomes and effects, computed again from the emitted tables and the parameter rows.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Float64Type, Int32Type};

use crate::simulate::Region;
use crate::simulate::calendar::{CohortDates, day};

pub(super) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    batch[name].as_string::<i32>().iter().collect()
}

pub(super) fn ids(batch: &RecordBatch) -> Vec<&str> {
    texts(batch, "pseudo_id").into_iter().map(|id| id.expect("ids aren't null")).collect()
}

pub(super) fn dates<'a>(batch: &'a RecordBatch, name: &str) -> &'a [i32] {
    batch[name].as_primitive::<Date32Type>().values()
}

/// True values by (outcome, level, school or "", term).
pub(super) struct Truth(pub BTreeMap<(String, String, String, String), f64>);

impl Truth {
    pub fn of(region: &Region) -> Self {
        let t = &region.truth;
        let value = t["value"].as_primitive::<Float64Type>().values();
        let column = |name| -> Vec<String> { texts(t, name).into_iter().map(|x| x.unwrap_or("").to_owned()).collect() };
        let keys = [column("outcome"), column("level"), column("school"), column("term")];
        let key = |i: usize| {
            let [a, b, c, d] = &keys;
            (a[i].clone(), b[i].clone(), c[i].clone(), d[i].clone())
        };
        Self((0..t.num_rows()).map(|i| (key(i), value[i])).collect())
    }

    pub fn get(&self, outcome: &str, level: &str, school: &str, term: &str) -> f64 {
        let key = (outcome.into(), level.into(), school.into(), term.into());
        *self.0.get(&key).unwrap_or_else(|| panic!("no truth row {key:?}"))
    }
}

/// A pupil as the tables show it.
pub(super) struct Row<'a> {
    pub id: &'a str,
    pub school: &'a str,
    pub year: i32,
    /// Terms of the background with their values.
    pub x: [(&'static str, f64); 7],
    pub landmark: i32,
    pub left_vmbo: Option<i32>,
    pub linked: bool,
    pub activities: Vec<i32>,
    /// Begin, end, sector, crebo.
    pub enrolments: Vec<(i32, i32, &'a str, Option<&'a str>)>,
}

impl Row<'_> {
    pub fn dose(&self, before: i32) -> f64 {
        self.activities.iter().filter(|&&d| d < before).count() as f64
    }

    fn active(&self, day: i32) -> impl Iterator<Item = &(i32, i32, &str, Option<&str>)> {
        self.enrolments.iter().filter(move |e| e.0 <= day && day <= e.1)
    }

    fn outcome(&self, outcome: &str) -> bool {
        let year = self.year as i16;
        let (first, second) = (day(year, 10, 1), day(year + 1, 10, 1));
        match outcome {
            "uitval_jr1" => self.active(second).next().is_none(),
            "doorstroom_mbo" => self.active(first).any(|e| e.2 == "mbo"),
            "gestart_en_gebleven" => {
                self.active(first).any(|e| e.2 == "mbo" && self.active(second).any(|l| l.2 == "mbo" && l.3 == e.3))
            }
            _ => panic!("no rule for {outcome}"),
        }
    }
}

pub(super) fn rows(region: &Region) -> Vec<Row<'_>> {
    let l = &region.leerling;
    let mut activities: HashMap<&str, Vec<i32>> = HashMap::new();
    for (id, day) in ids(&region.activiteit).into_iter().zip(dates(&region.activiteit, "datum")) {
        activities.entry(id).or_default().push(*day);
    }
    let i = &region.inschrijving;
    let end = i["eind"].as_primitive::<Date32Type>();
    let (sector, crebo) = (texts(i, "sector"), texts(i, "crebo"));
    let mut enrolments: HashMap<&str, Vec<_>> = HashMap::new();
    for (r, id) in ids(i).into_iter().enumerate() {
        let end = if end.is_null(r) { i32::MAX } else { end.value(r) };
        let row = (dates(i, "begin")[r], end, sector[r].expect("not null"), crebo[r]);
        enrolments.entry(id).or_default().push(row);
    }
    let dropout: HashMap<&str, i32> =
        ids(&region.uitval).into_iter().zip(dates(&region.uitval, "datum").iter().copied()).collect();
    let text = |name| -> Vec<&str> { texts(l, name).into_iter().map(|t| t.expect("not null")).collect() };
    let (schools, leerweg, sex, link) = (text("school"), text("leerweg"), text("geslacht"), text("koppelstatus"));
    let (ses, age) = (l["ses_woa"].as_primitive::<Float64Type>(), l["leeftijd"].as_primitive::<Float64Type>());
    let (lwoo, cohort) = (l["lwoo"].as_boolean(), l["cohort"].as_primitive::<Int32Type>());
    let landmark = dates(l, "landmark");
    let flag = |b: bool| f64::from(u8::from(b));
    ids(l)
        .into_iter()
        .enumerate()
        .map(|(r, id)| Row {
            id,
            school: schools[r],
            year: cohort.value(r),
            x: [
                ("leerweg_KB", flag(leerweg[r] == "KB")),
                ("leerweg_GL", flag(leerweg[r] == "GL")),
                ("leerweg_TL", flag(leerweg[r] == "TL")),
                ("geslacht_V", flag(sex[r] == "V")),
                ("ses_woa", ses.value(r)),
                ("leeftijd", age.value(r)),
                ("lwoo", flag(lwoo.value(r))),
            ],
            landmark: landmark[r],
            left_vmbo: dropout.get(id).copied().filter(|&d| d < landmark[r]),
            linked: link[r] == "gekoppeld",
            activities: activities.remove(id).unwrap_or_default(),
            enrolments: enrolments.remove(id).unwrap_or_default(),
        })
        .collect()
}

/// A unit of analysis: a pupil at the landmark, or a pupil in a period.
pub(super) struct Recomputed<'a> {
    pub school: &'a str,
    pub period: usize,
    pub within: f64,
    pub slope: f64,
    pub eta: f64,
    pub y: f64,
}

fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Linear predictors of `members` (row, dose, outcome) from the truth's parameters; `intercept` names α.
fn recompute<'a>(
    truth: &Truth,
    outcome: &str,
    centre: &str,
    members: &[(&Row<'a>, f64, bool)],
    intercept: impl Fn(&Row) -> String,
) -> Vec<Recomputed<'a>> {
    let mut sums: HashMap<(&str, Option<i32>), (f64, f64)> = HashMap::new();
    for (row, dose, _) in members {
        for key in [(row.school, Some(row.year)), (row.school, None)] {
            let s = sums.entry(key).or_default();
            *s = (s.0 + dose, s.1 + 1.0);
        }
    }
    let mean = |key| sums[&key].0 / sums[&key].1;
    let p = |term: &str| truth.get(outcome, "parameter", "", term);
    let members = members.iter().map(|(row, dose, y)| {
        let (cohort, school) = (mean((row.school, Some(row.year))), mean((row.school, None)));
        let u = |term| truth.get(outcome, "school", row.school, term);
        let slope = p("dose_within") + u("ranef_slope");
        let x: f64 = row.x.iter().map(|(term, v)| p(term) * v).sum();
        let eta = p(&intercept(row)) + x - p("leeftijd") * p("leeftijd_centre")
            + u("ranef_intercept")
            + slope * (dose - cohort)
            + p("dose_cohort") * (cohort - school)
            + p("dose_school") * (school - p(centre));
        Recomputed { school: row.school, period: 0, within: dose - cohort, slope, eta, y: f64::from(u8::from(*y)) }
    });
    members.collect()
}

pub(super) fn landmark<'a>(truth: &Truth, rows: &[Row<'a>], outcome: &str) -> Vec<Recomputed<'a>> {
    let members: Vec<_> = rows
        .iter()
        .filter(|r| r.linked && r.left_vmbo.is_none())
        .map(|r| (r, r.dose(r.landmark), r.outcome(outcome)))
        .collect();
    recompute(truth, outcome, "centre", &members, |r| format!("cohort_{}", r.year))
}

pub(super) fn hazard<'a>(truth: &Truth, rows: &[Row<'a>]) -> Vec<Recomputed<'a>> {
    let of_period = |k: usize| {
        let members: Vec<_> = rows
            .iter()
            .filter_map(|r| {
                let dates = CohortDates::new(r.year as i16);
                let (start, end) = (dates.period[k], dates.period_end(k));
                let at_risk = r.left_vmbo.is_none_or(|d| d >= start);
                at_risk.then(|| (r, r.dose(start), r.left_vmbo.is_some_and(|d| d < end)))
            })
            .collect();
        let mut units = recompute(truth, "uitval_vmbo", &format!("centre_{k}"), &members, |_| format!("period_{k}"));
        units.iter_mut().for_each(|u| u.period = k);
        units
    };
    (0..4).flat_map(of_period).collect()
}

/// Σ w(y − p) in its standard deviations: standard normal when the outcomes were drawn with the p's.
pub(super) fn z(units: &[Recomputed], weight: impl Fn(&Recomputed) -> f64) -> f64 {
    let (mut sum, mut var) = (0.0, 0.0);
    for u in units {
        let p = expit(u.eta);
        sum += weight(u) * (u.y - p);
        var += weight(u).powi(2) * p * (1.0 - p);
    }
    sum / var.sqrt()
}

/// Change of the risk over all periods in percentage points.
pub(super) fn ame<'a>(units: impl Iterator<Item = &'a Recomputed<'a>>) -> f64 {
    let mut periods: HashMap<usize, (f64, f64, f64)> = HashMap::new();
    for u in units {
        let p = periods.entry(u.period).or_default();
        *p = (p.0 + 1.0, p.1 + expit(u.eta), p.2 + expit(u.eta + 5.0 * u.slope));
    }
    let survival =
        |risk: fn(&(f64, f64, f64)) -> f64| -> f64 { periods.values().map(|p| 1.0 - risk(p) / p.0).product() };
    100.0 * (survival(|p| p.1) - survival(|p| p.2))
}
