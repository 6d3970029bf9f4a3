//! Comparable schools ("vergelijkbare scholen"): for each school the k schools whose intake and size are nearest. Outcomes
//! and doses play no part.
//!
//! Traits of a school are the means of the study's covariates over its pupils (shares of each level, share of yes, mean
//! of a number) and the logarithm of its number of pupils. Covariates are known before any dose, so the choice can't
//! depend on what LOB does. Distance of schools a and b over the vectors of traits: `√((a−b)ᵀ S⁻¹ (a−b))`
//! (Mahalanobis), S the covariance of the traits over schools with a tenth of it replaced by its diagonal
//! (`0.9 Σ + 0.1 diag Σ`), which keeps it invertible with few schools. The first level of a covariate, which the others
//! determine, does not count twice: it is left out of the distance.

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use crate::panel::Panel;
use crate::stats::linalg::Cholesky;
use crate::vocab::ids::Ix;
use crate::vocab::{IdVec, Lang, SchoolIx};

/// How many comparable schools a school gets, where there are as many.
pub const NEIGHBOURS: usize = 10;

/// Share of the covariance that is replaced by its diagonal.
const SHRINKAGE: f64 = 0.1;

/// A school's mean and that of its comparable schools differ by less than this many standard deviations over all schools:
/// "alike"; by more than [`APART`]: "apart".
const ALIKE: f64 = 0.35;
/// See [`ALIKE`].
const APART: f64 = 0.75;

/// A trait on which schools are compared.
#[derive(Clone, Debug)]
pub struct Trait {
    /// What it is, in Dutch: "leerweg BB", "leeftijd", "aantal leerlingen".
    pub nl: String,
    /// In English.
    pub en: String,
    /// Value of each school; the mean of all schools where a school has none.
    pub value: IdVec<SchoolIx, f64>,
    /// Standard deviation over schools.
    pub sd: f64,
    /// False for the first level of a covariate, which the other levels determine.
    counts: bool,
}

/// The comparable schools of one school.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparable {
    /// The schools, nearest first; of equally near ones in order of their keys.
    pub schools: Vec<SchoolIx>,
    /// Their distances.
    pub distance: Vec<f64>,
    /// Traits in which they are, on average, like the school.
    pub alike: Vec<usize>,
    /// Traits in which they are, on average, unlike the school.
    pub apart: Vec<usize>,
}

/// All schools with their comparable schools.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The traits.
    pub traits: Vec<Trait>,
    /// By school.
    pub of: IdVec<SchoolIx, Comparable>,
}

impl Comparison {
    /// The comparable schools of each school, as [`super::of_compared`] takes them.
    pub fn schools(&self) -> IdVec<SchoolIx, Vec<SchoolIx>> {
        self.of.iter().map(|own| own.schools.clone()).collect::<Vec<_>>().into()
    }

    /// Why these schools, in words.
    pub fn explain(&self, s: SchoolIx, lang: Lang) -> String {
        let own = &self.of[s];
        let names = |which: &[usize]| {
            let name = |&t: &usize| lang.pick(&self.traits[t].nl, &self.traits[t].en).to_string();
            which.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        if own.schools.is_empty() {
            return lang.pick("Er zijn geen andere scholen.", "There are no other schools.").into();
        }
        let mut words = match own.alike.as_slice() {
            [] => lang.pick("Op geen kenmerk lijken zij sterk.", "They are close on no trait.").to_string(),
            some => format!("{}: {}.", lang.pick("Zij lijken op", "They are close on"), names(some)),
        };
        if !own.apart.is_empty() {
            words += &format!(" {}: {}.", lang.pick("Zij verschillen op", "They differ on"), names(&own.apart));
        }
        words
    }
}

/// The `k` nearest schools of each school of the panel, by intake and size.
pub fn comparable(panel: &Panel<'_>, k: usize) -> Comparison {
    let traits = traits(panel);
    let of = nearest(&traits, panel.pupils.schools.len(), k);
    Comparison { traits, of: of.into() }
}

/// The traits that differ between schools.
fn traits(panel: &Panel<'_>) -> Vec<Trait> {
    let mut traits = Vec::new();
    for (c, covariate) in panel.plan.covariates.iter().enumerate() {
        let nl = covariate.label.clone().unwrap_or_else(|| covariate.id.clone());
        let en = covariate.label_en.clone().unwrap_or_else(|| nl.clone());
        let levels = &panel.pupils.levels[c];
        if levels.is_empty() {
            traits.extend(make(panel, nl, en, true, |x| x, c));
            continue;
        }
        for (l, level) in levels.iter().enumerate() {
            let is = move |x: f64| if x == l as f64 { 1.0 } else { 0.0 };
            traits.extend(make(panel, format!("{nl} {level}"), format!("{en} {level}"), l > 0, is, c));
        }
    }
    let mut pupils: IdVec<SchoolIx, f64> = vec![0.0; panel.pupils.schools.len()].into();
    panel.everyone().for_each(|(p, n)| pupils[panel.pupils.school[p]] += n as f64);
    let size = pupils.iter().map(|n| n.max(1.0).ln()).collect();
    traits.extend(finish("aantal leerlingen".into(), "number of pupils".into(), true, size));
    traits
}

/// The mean of `of(covariate c)` in each school.
fn make(panel: &Panel<'_>, nl: String, en: String, counts: bool, of: impl Fn(f64) -> f64, c: usize) -> Option<Trait> {
    let schools = panel.pupils.schools.len();
    let (mut sum, mut n) = (vec![0.0; schools], vec![0.0; schools]);
    let values =
        panel.everyone().map(|(p, pupils)| (panel.pupils.school[p], panel.pupils.covariates[c][p], pupils as f64));
    for (s, x, pupils) in values.filter(|(_, x, _)| !x.is_nan()) {
        sum[s.at()] += of(x) * pupils;
        n[s.at()] += pupils;
    }
    let (all, any) = (sum.iter().sum::<f64>(), n.iter().sum::<f64>());
    let mean = |(sum, n): (&f64, &f64)| if *n > 0.0 { sum / n } else { all / any };
    finish(nl, en, counts, sum.iter().zip(&n).map(mean).collect())
}

fn finish(nl: String, en: String, counts: bool, value: Vec<f64>) -> Option<Trait> {
    let n = value.len() as f64;
    let mean = value.iter().sum::<f64>() / n;
    let sd = (value.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
    let differs = sd > 1e-9 * mean.abs().max(1e-6);
    differs.then_some(Trait { nl, en, value: value.into(), sd, counts })
}

fn nearest(traits: &[Trait], schools: usize, k: usize) -> Vec<Comparable> {
    let white = whitened(traits, schools);
    (0..schools)
        .into_par_iter()
        .map(|s| {
            let distance = |o: usize| {
                let apart = &white.row(s) - &white.row(o);
                apart.dot(&apart).sqrt()
            };
            let mut others: Vec<(f64, usize)> = (0..schools).filter(|o| *o != s).map(|o| (distance(o), o)).collect();
            others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            others.truncate(k);
            described(traits, s, &others)
        })
        .collect()
}

fn described(traits: &[Trait], s: usize, others: &[(f64, usize)]) -> Comparable {
    let gap = |t: &Trait| {
        let values = t.value.as_slice();
        let mean = others.iter().map(|(_, o)| values[*o]).sum::<f64>() / others.len() as f64;
        (values[s] - mean).abs() / t.sd
    };
    let which = |wanted: &dyn Fn(f64) -> bool| -> Vec<usize> {
        (0..traits.len()).filter(|&t| !others.is_empty() && wanted(gap(&traits[t]))).collect()
    };
    Comparable {
        schools: others.iter().map(|(_, o)| SchoolIx::from_position(*o)).collect(),
        distance: others.iter().map(|(d, _)| *d).collect(),
        alike: which(&|gap| gap < ALIKE),
        apart: which(&|gap| gap > APART),
    }
}

/// Traits of the schools (schools × traits that count), so that Euclidean distances are Mahalanobis distances.
fn whitened(traits: &[Trait], schools: usize) -> Array2<f64> {
    let counting: Vec<&Trait> = traits.iter().filter(|t| t.counts).collect();
    let mut x =
        Array2::from_shape_fn((schools, counting.len()), |(s, t)| counting[t].value.as_slice()[s] / counting[t].sd);
    if x.is_empty() {
        return x;
    }
    let mean: Array1<f64> = x.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(counting.len()));
    x -= &mean;
    // With every standard deviation 1 the covariance is the correlation.
    let mut shrunken = x.t().dot(&x) * ((1.0 - SHRINKAGE) / (schools as f64 - 1.0).max(1.0));
    shrunken.diag_mut().fill(1.0);
    match Cholesky::factor(shrunken.view()) {
        Ok(factor) => factor.whiten_rows(x.view()),
        Err(_) => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(&str, &[f64], bool)]) -> Vec<Trait> {
        let one = |(name, v, counts): &(&str, &[f64], bool)| {
            finish((*name).into(), (*name).into(), *counts, v.to_vec()).expect("the trait differs")
        };
        values.iter().map(one).collect()
    }

    #[test]
    fn the_nearest_are_those_with_the_same_intake() {
        let bb: Vec<f64> = (0..20).map(|s| if s % 2 == 0 { 0.1 } else { 0.8 } + 0.001 * f64::from(s)).collect();
        let ses: Vec<f64> = (0..20).map(|s| f64::from(s % 5) * 0.01).collect();
        let traits = of(&[("bb", &bb, true), ("ses", &ses, true)]);
        for (s, c) in nearest(&traits, 20, 3).iter().enumerate() {
            assert_eq!(c.schools.len(), 3);
            assert!(c.schools.iter().all(|o| o.at() != s && o.at() % 2 == s % 2), "{s}: {c:?}");
            assert!(c.distance.windows(2).all(|w| w[0] <= w[1]));
            assert!(c.alike.contains(&0));
        }
    }

    #[test]
    fn units_and_a_repeated_trait_hardly_matter() {
        let a: Vec<f64> = (0..12).map(|s| f64::from(s * s % 7)).collect();
        let b: Vec<f64> = (0..12).map(|s| f64::from(s * 5 % 11)).collect();
        let scaled: Vec<f64> = b.iter().map(|v| 1000.0 * v + 3.0).collect();
        let plain = nearest(&of(&[("a", &a, true), ("b", &b, true)]), 12, 4);
        let other = nearest(&of(&[("a", &a, true), ("b", &scaled, true)]), 12, 4);
        let schools = |all: &[Comparable]| all.iter().map(|c| c.schools.clone()).collect::<Vec<_>>();
        assert_eq!(schools(&plain), schools(&other));
        let left_out = nearest(&of(&[("a", &a, true), ("b", &b, true), ("c", &a, false)]), 12, 4);
        assert_eq!(schools(&plain), schools(&left_out));
    }

    #[test]
    fn one_school_has_nobody_to_compare_with() {
        assert!(finish("a".into(), "a".into(), true, vec![0.4]).is_none());
        assert_eq!(nearest(&[], 1, 10)[0].schools, Vec::new());
    }
}
