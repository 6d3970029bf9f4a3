//! F4: mean doses are handed out anew among schools of about the same size and kind, many times. The spread of what comes
//! out is the error without any model of it, and must agree with the one that is reported (CR2).

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use super::negative_control::between_columns;
use super::rows::Rows;
use super::{Check, Estimated, Measure, Obstacle, Specification, Subject, Verdict, rows};
use crate::stats::linalg::Cholesky;
use crate::stats::{CrType, OlsData, OlsOptions, fit_ols, ols_cluster_vcov};
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

struct Shuffled {
    ratio: f64,
    /// Largest |log ratio|.
    tolerance: f64,
    p: f64,
}

fn shuffle(subject: &Subject<'_>) -> Result<Shuffled, Obstacle> {
    let (rows, _) = subject.ready()?;
    let schools = rows.schools_present();
    if schools < SCHOOLS as usize {
        return Err(Obstacle::FewSchools(SCHOOLS));
    }
    let (x, column) = between_columns(rows)?;
    let data = OlsData { y: rows.y.view(), x: x.view(), weights: None, offset: None };
    let fit = fit_ols(&data, &OlsOptions::default()).map_err(rows::obstacle)?;
    let left = data.residuals(fit.beta.view());
    let robust = ols_cluster_vcov(x.view(), left.view(), None, &rows.school, rows.schools, CrType::Cr2);
    let robust = robust.map_err(rows::obstacle)?;
    let reported = robust.vcov[[column, column]].max(0.0).sqrt();
    let unit = Array1::from_shape_fn(x.ncols(), |j| f64::from(u8::from(j == column)));
    // A standard error with ν degrees of freedom has a relative error of 1/√(2ν) itself.
    let tolerance = (2.0 / (2.0 * robust.df_for(unit.view())).sqrt()).max(0.1);
    let products = Products::of(rows, &x, column)?;
    let strata = strata(subject, rows);
    let draws: Vec<f64> = (0..subject.effort.permutations)
        .into_par_iter()
        .map(|k| products.slope(&shuffled(&products.dose, &strata, subject.effort.seed, k)))
        .collect();
    let n = draws.len() as f64;
    let own = products.slope(&products.dose);
    let spread = (draws.iter().map(|d| d * d).sum::<f64>() / n).sqrt();
    let at_least = draws.iter().filter(|d| d.abs() >= own.abs()).count() as f64;
    Ok(Shuffled { ratio: spread / reported, tolerance, p: (1.0 + at_least) / (1.0 + n) })
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
