//! F4: mean doses are handed out anew among schools of about the same size and kind, many times. The spread of what comes
//! out with the model's residuals is the error without any model of it, and must agree with the one that is reported (CR2).

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::negative_control::Between;
use super::rows::Rows;
use super::{Check, Estimated, Measure, Obstacle, Specification, Subject, Verdict};
use crate::stats::linalg::Cholesky;
use crate::vocab::ids::Ix;

pub(super) const CHECK: Check = Check {
    id: "F4",
    nl: "Klopt de marge als we de dosis van scholen husselen?",
    en: "Does the margin hold when doses of schools are shuffled?",
    rule_nl: "De spreiding wijkt hoogstens 10 % af; bij weinig scholen meer.",
    rule_en: "The spread differs by at most 10 %; more with few schools.",
    run,
};

const SCHOOLS: u32 = 20;
/// Classes of size.
const SIZES: usize = 3;

fn run(subject: &Subject<'_>) -> Vec<Specification> {
    let spread = Specification::new(
        "F4",
        "spread",
        "Spreiding na husselen, gedeeld door de gerapporteerde standaardfout (verband tussen scholen).",
        "Spread after shuffling over the reported standard error (association between schools).",
    );
    let p = Specification::new(
        "F4",
        "p_value",
        "Aandeel keren dat husselen een minstens zo groot verband gaf.",
        "Share of shuffles with an association at least as large.",
    );
    match shuffle(subject) {
        Ok(s) => vec![
            spread
                .counted(Measure::Ratio)
                .found(Estimated::plain(s.ratio), Verdict::of(s.ratio.ln().abs() <= s.tolerance)),
            p.counted(Measure::PValue).found(Estimated::plain(s.p), Verdict::Reported),
        ],
        Err(o) => vec![spread.impossible(o), p.impossible(o)],
    }
}

pub(super) struct Shuffled {
    pub(super) ratio: f64,
    /// Largest |log ratio|.
    pub(super) tolerance: f64,
    pub(super) p: f64,
}

fn shuffle(subject: &Subject<'_>) -> Result<Shuffled, Obstacle> {
    let (rows, _) = subject.ready()?;
    if rows.schools_present() < SCHOOLS as usize {
        return Err(Obstacle::FewSchools(SCHOOLS));
    }
    spread(rows, &strata(subject, rows), subject.effort.seed, subject.effort.permutations)
}

/// The spread of the slope over shuffles, beside its CR2 error.
///
/// What is shuffled against the doses are the residuals of the whole model, not the outcomes: those hold what goes with
/// schools' own doses, which is no error (ter Braak 1992). A residual sum of school j keeps `1 − h_j` of its variance, h_j
/// the leverage of the school's mean; the mean of those is made up for.
///
/// **Tolerance.** A CR2 error with ν degrees of freedom has itself a relative error of 1/√(2ν); the spread is a sum over G
/// schools of squares, relative error 1/√(2(G − 1)); and B shuffles add 1/√(2B). Were the two independent, log ratio would
/// have the root of the sum of their squares as error. They come of the same residuals, so it has less; twice that is
/// exceeded in at most 1 of 20 regions. Not under 10 %.
pub(super) fn spread(rows: &Rows, strata: &[Vec<usize>], seed: u64, permutations: u32) -> Result<Shuffled, Obstacle> {
    let Between { x, column, left, error: reported, df, .. } = Between::of(rows)?;
    let schools = rows.schools_present() as f64;
    let squared = |df: f64| 1.0 / (2.0 * df.max(1.0));
    let own = (squared(df) + squared(schools - 1.0) + squared(f64::from(permutations))).sqrt();
    let products = Products::of(rows, &x, column)?;
    let errors = products.with_outcome(rows, left.view(), &x, column);
    let draws: Vec<(f64, f64)> = (0..permutations)
        .into_par_iter()
        .map(|k| {
            let dose = shuffled(&products.dose, strata, seed, k);
            (products.slope(&dose), errors.slope(&dose))
        })
        .collect();
    let n = draws.len() as f64;
    let of_own = products.slope(&products.dose);
    let kept = 1.0 - products.mean_leverage(&x, rows)?;
    let spread = (draws.iter().map(|(_, e)| e * e).sum::<f64>() / n / kept).sqrt();
    let at_least = draws.iter().filter(|(y, _)| y.abs() >= of_own.abs()).count() as f64;
    Ok(Shuffled { ratio: spread / reported, tolerance: (2.0 * own).max(0.1), p: (1.0 + at_least) / (1.0 + n) })
}

/// Sums from which the slope of any dose per school follows, by Frisch, Waugh & Lovell: `(dᵀy − dᵀZ(ZᵀZ)⁻¹Zᵀy) /
/// (dᵀd − dᵀZ(ZᵀZ)⁻¹Zᵀd)`.
struct Products {
    /// Σ of the other columns by school (schools × q).
    z: Array2<f64>,
    zz: Cholesky,
    /// (ZᵀZ)⁻¹Zᵀy.
    zy: Array1<f64>,
    y: Array1<f64>,
    n: Array1<f64>,
    dose: Vec<f64>,
}

impl Products {
    fn of(rows: &Rows, x: &Array2<f64>, column: usize) -> Result<Self, Obstacle> {
        let others: Vec<usize> = (0..x.ncols()).filter(|c| *c != column).collect();
        let z_rows = x.select(Axis(1), &others);
        let (mut z, mut y, mut n) =
            (Array2::zeros((rows.schools, others.len())), Array1::zeros(rows.schools), Array1::zeros(rows.schools));
        let mut dose = vec![0.0; rows.schools];
        for (i, &s) in rows.school.iter().enumerate() {
            let s = s as usize;
            z.row_mut(s).scaled_add(1.0, &z_rows.row(i));
            y[s] += rows.y[i];
            n[s] += 1.0;
            dose[s] = rows.school_mean[i];
        }
        let zz = Cholesky::factor(z_rows.t().dot(&z_rows).view())
            .map_err(|_| Obstacle::Fit(crate::vocab::RefusalReason::RankDeficient))?;
        let zy = zz.solve(z_rows.t().dot(&rows.y).view());
        Ok(Self { z, zz, zy, y, n, dose })
    }

    /// The same with another outcome.
    fn with_outcome(&self, rows: &Rows, y: ArrayView1<'_, f64>, x: &Array2<f64>, column: usize) -> Self {
        let others: Vec<usize> = (0..x.ncols()).filter(|c| *c != column).collect();
        let mut sums = Array1::zeros(rows.schools);
        rows.school.iter().zip(y).for_each(|(s, y)| sums[*s as usize] += y);
        let zy = self.zz.solve(x.select(Axis(1), &others).t().dot(&y).view());
        Self { z: self.z.clone(), zz: self.zz.clone(), zy, y: sums, n: self.n.clone(), dose: self.dose.clone() }
    }

    /// Mean over schools of `h_j = s_jᵀ(XᵀX)⁻¹s_j / n_j`, s_j the sums of the columns in school j.
    fn mean_leverage(&self, x: &Array2<f64>, rows: &Rows) -> Result<f64, Obstacle> {
        let xx = Cholesky::factor(x.t().dot(x).view())
            .map_err(|_| Obstacle::Fit(crate::vocab::RefusalReason::RankDeficient))?;
        let mut sums = Array2::zeros((rows.schools, x.ncols()));
        rows.school.iter().zip(x.rows()).for_each(|(s, x)| sums.row_mut(*s as usize).scaled_add(1.0, &x));
        let present = sums.rows().into_iter().zip(&self.n).filter(|(_, n)| **n > 0.0);
        let leverage: Vec<f64> = present.map(|(s, n)| s.dot(&xx.solve(s)) / n).collect();
        Ok(leverage.iter().sum::<f64>() / leverage.len() as f64)
    }

    fn slope(&self, dose: &[f64]) -> f64 {
        let d = Array1::from(dose.to_vec());
        let zd = self.z.t().dot(&d);
        let squares: f64 = self.n.iter().zip(&d).map(|(n, d)| n * d * d).sum();
        (self.y.dot(&d) - zd.dot(&self.zy)) / (squares - zd.dot(&self.zz.solve(zd.view())))
    }
}

/// Schools by size (thirds) and by the level of the first covariate with levels that most of their pupils have; by size
/// alone where that leaves more than half of the schools alone.
fn strata(subject: &Subject<'_>, rows: &Rows) -> Vec<Vec<usize>> {
    let mut sizes = vec![0_usize; rows.schools];
    rows.school.iter().for_each(|s| sizes[*s as usize] += 1);
    let mut order: Vec<usize> = (0..rows.schools).filter(|&s| sizes[s] > 0).collect();
    order.sort_by_key(|&s| (sizes[s], s));
    let class: BTreeMap<usize, usize> =
        order.iter().enumerate().map(|(rank, &s)| (s, rank * SIZES / order.len())).collect();
    let kind = kinds(subject);
    let by = |key: &dyn Fn(usize) -> (usize, usize)| {
        let mut found: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        class.keys().for_each(|&s| found.entry(key(s)).or_default().push(s));
        found.into_values().collect::<Vec<_>>()
    };
    let fine = by(&|s| (class[&s], kind[s]));
    let alone = fine.iter().filter(|stratum| stratum.len() == 1).count();
    if 2 * alone > order.len() { by(&|s| (class[&s], 0)) } else { fine }
}

/// The commonest level of the first covariate with levels, by group.
fn kinds(subject: &Subject<'_>) -> Vec<usize> {
    let groups = &subject.fitted.design.head().groups;
    let pupils = &subject.panel.pupils;
    let Some(c) = pupils.levels.iter().position(|levels| !levels.is_empty()) else { return vec![0; groups.len()] };
    let mut counts = vec![vec![0_u64; pupils.levels[c].len()]; pupils.schools.len()];
    for (school, value) in pupils.school.iter().zip(pupils.covariates[c].iter()) {
        if let Some(count) = counts[school.at()].get_mut(*value as usize).filter(|_| !value.is_nan()) {
            *count += 1;
        }
    }
    let commonest = |counts: &Vec<u64>| (0..counts.len()).max_by_key(|&l| (counts[l], usize::MAX - l)).unwrap_or(0);
    groups.iter().map(|s| commonest(&counts[s.at()])).collect()
}

/// Permutation `k`: Fisher and Yates within each stratum, from a stream of its own.
fn shuffled(dose: &[f64], strata: &[Vec<usize>], seed: u64, k: u32) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::from(k));
    let mut out = dose.to_vec();
    for stratum in strata {
        for i in (1..stratum.len()).rev() {
            let j = (rng.next_u64() % (i as u64 + 1)) as usize;
            out.swap(stratum[i], stratum[j]);
        }
    }
    out
}
