//! What schools are compared with: doses of other schools, quartiles of the dose, and reference pupils.

use hashbrown::HashMap;
use ndarray::Array1;

use crate::design::{BinaryDesign, Design, Head};
use crate::vocab::{IdVec, SchoolIx};

/// Reference pupils of a model, over all its periods: enough that the mean risk over them differs from that over everybody
/// by less than a hundredth of a percentage point, since they are taken at equal distances of ordered risks.
const REFERENCE_PUPILS: f64 = 1000.0;

/// One row of an analysis set, as far as doses go.
#[derive(Clone, Copy)]
struct Dosed {
    group: usize,
    period: usize,
    weight: f64,
    dose: f64,
}

/// Mean doses of schools and what they are compared with, per group of a design and period.
#[derive(Clone, Debug)]
pub(super) struct Doses {
    /// Mean dose (groups × periods); NaN where nobody is at risk.
    means: Vec<Vec<f64>>,
    /// D_ref (groups × periods): the median of the comparable schools' means.
    references: Vec<Vec<f64>>,
    /// First quartile, median and third quartile over pupils, per period.
    quartiles: Vec<[f64; 3]>,
    /// Mean over the rows of a group of dose − D_ref.
    gaps: Vec<f64>,
    /// Pupils of the smallest school whose mean is, or makes, a D_ref of the group.
    smallest: Vec<u64>,
    /// Mean over all rows of third − first quartile.
    pub(super) quartile_range: f64,
}

impl Doses {
    /// Of a design; `comparable` names for each school of the study those it is compared with, else all schools are.
    pub(super) fn of(design: &Design, comparable: Option<&IdVec<SchoolIx, Vec<SchoolIx>>>) -> Self {
        let rows = || rows(design);
        let head = design.head();
        let (groups, periods) = (head.groups.len(), rows().map(|r| r.period + 1).max().unwrap_or(0));
        let mut sums = vec![vec![(0.0, 0.0); periods]; groups];
        for r in rows() {
            let (total, n) = &mut sums[r.group][r.period];
            *total += r.weight * r.dose;
            *n += r.weight;
        }
        let means: Vec<Vec<f64>> = sums.iter().map(|p| p.iter().map(|(total, n)| total / n).collect()).collect();
        let pupils = |h: usize| head.counts[head.groups[h]].pupils;
        let middle = |schools: &[usize], t: usize| {
            let of = median(schools.iter().map(|&h| means[h][t]));
            let (below, above) = neighbours(schools.iter().map(|&h| (means[h][t], pupils(h))), of);
            (of, below.min(above))
        };
        let everybody: Vec<usize> = (0..groups).collect();
        let of_all: Vec<(f64, u64)> = (0..periods).map(|t| middle(&everybody, t)).collect();
        let middles = (0..groups).map(|g| match peers(head, g, comparable) {
            Some(peers) => (0..periods)
                .map(|t| {
                    let theirs = middle(&peers, t);
                    if theirs.0.is_nan() { of_all[t] } else { theirs }
                })
                .collect(),
            None => of_all.clone(),
        });
        let middles: Vec<Vec<(f64, u64)>> = middles.collect();
        let references: Vec<Vec<f64>> = middles.iter().map(|m| m.iter().map(|(of, _)| *of).collect()).collect();
        let smallest = middles.iter().map(|m| m.iter().map(|(_, n)| *n).min().unwrap_or(0)).collect();
        let quartiles: Vec<[f64; 3]> =
            (0..periods).map(|t| quartiles(rows().filter(|r| r.period == t).map(|r| (r.dose, r.weight)))).collect();
        let mut gaps = vec![(0.0, 0.0); groups];
        let mut range = (0.0, 0.0);
        for r in rows() {
            gaps[r.group].0 += r.weight * (r.dose - references[r.group][r.period]);
            gaps[r.group].1 += r.weight;
            range.0 += r.weight * (quartiles[r.period][2] - quartiles[r.period][0]);
            range.1 += r.weight;
        }
        Self {
            means,
            references,
            quartiles,
            gaps: gaps.into_iter().map(|(total, n)| total / n).collect(),
            smallest,
            quartile_range: range.0 / range.1,
        }
    }

    /// What the pupils of group `g` lack to D_ref on average in a period.
    pub(super) fn to_reference(&self, g: usize, period: u16) -> f64 {
        let t = usize::from(period);
        self.references[g][t] - self.means[g][t]
    }

    /// How much more dose the pupils of group `g` have than D_ref, on average.
    pub(super) fn gap(&self, g: usize) -> f64 {
        self.gaps[g]
    }

    /// The first (0), second (1) or third (2) quartile of the dose in a period.
    pub(super) fn quartile(&self, which: usize, period: u16) -> f64 {
        self.quartiles[usize::from(period)][which]
    }

    /// Pupils of the smallest school whose mean dose is, or makes, a median that group `g` is compared with.
    pub(super) fn smallest_reference(&self, g: usize) -> u64 {
        self.smallest[g]
    }
}

fn rows(design: &Design) -> Box<dyn Iterator<Item = Dosed> + '_> {
    match design {
        Design::Binary(d) => Box::new((0..d.dose.len()).map(|i| Dosed {
            group: d.group[i] as usize,
            period: usize::from(d.period[i]),
            weight: d.trials[i],
            dose: d.dose[i],
        })),
        Design::Linear(d) => Box::new((0..d.dose.len()).map(|i| Dosed {
            group: d.group[i] as usize,
            period: 0,
            weight: 1.0,
            dose: d.dose[i],
        })),
    }
}

/// The groups that group `g` is compared with; `None` for all.
fn peers(head: &Head, g: usize, comparable: Option<&IdVec<SchoolIx, Vec<SchoolIx>>>) -> Option<Vec<usize>> {
    let named = &comparable?[head.groups[g]];
    let found: Vec<usize> = named.iter().filter_map(|s| head.groups.binary_search(s).ok()).collect();
    (!found.is_empty()).then_some(found)
}

/// The median of the numbers that are none of them NaN; NaN of nothing.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.filter(|v| !v.is_nan()).collect();
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => 0.5 * (values[n / 2 - 1] + values[n / 2]),
    }
}

/// Fewest pupils of the schools next to the median `of` on either side, a school at it included.
fn neighbours(schools: impl Iterator<Item = (f64, u64)>, of: f64) -> (u64, u64) {
    let mut near = ((f64::NEG_INFINITY, u64::MAX), (f64::INFINITY, u64::MAX));
    for (mean, pupils) in schools.filter(|(mean, _)| !mean.is_nan()) {
        for (best, side) in [(&mut near.0, mean <= of), (&mut near.1, mean >= of)] {
            let closer = (mean - of).abs().total_cmp(&(best.0 - of).abs());
            if side && (closer.is_lt() || closer.is_eq() && pupils < best.1) {
                *best = (mean, pupils);
            }
        }
    }
    (near.0.1, near.1.1)
}

/// Quartiles over pupils of doses with their weights: the smallest dose that at least the share has or stays below.
pub(super) fn quartiles(doses: impl Iterator<Item = (f64, f64)>) -> [f64; 3] {
    // Equal doses count as one, of which there are few.
    let mut weights: HashMap<u64, f64> = HashMap::new();
    doses.for_each(|(dose, weight)| *weights.entry(dose.to_bits()).or_default() += weight);
    let mut doses: Vec<(f64, f64)> = weights.into_iter().map(|(bits, weight)| (f64::from_bits(bits), weight)).collect();
    doses.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = doses.iter().map(|d| d.1).sum();
    [0.25, 0.5, 0.75].map(|share| {
        let mut below = 0.0;
        let at = doses.iter().find(|(_, weight)| {
            below += weight;
            below >= share * total
        });
        at.or(doses.last()).map_or(f64::NAN, |d| d.0)
    })
}

/// Rows that stand for everybody, as (row, weight): per period the rows in order of their linear predictor, at equal
/// distances of pupils. All rows where there are few.
pub(super) fn reference_pupils(d: &BinaryDesign, beta: &Array1<f64>) -> Vec<(usize, f64)> {
    let everybody: f64 = d.trials.sum();
    let eta = d.x().dot(beta);
    let last = d.period.iter().max().copied().unwrap_or(0);
    let mut out = Vec::new();
    for period in 0..=last {
        let in_period = |i: &u32| d.period[*i as usize] == period;
        let mut rows: Vec<u32> = (0..u32::try_from(eta.len()).expect("32 bits of rows")).filter(in_period).collect();
        let by_risk =
            |a: &u32, b: &u32| eta[*a as usize].partial_cmp(&eta[*b as usize]).expect("finite").then(a.cmp(b));
        rows.sort_unstable_by(by_risk);
        let rows = || rows.iter().map(|&i| i as usize);
        let here: f64 = rows().map(|i| d.trials[i]).sum();
        let wanted = (REFERENCE_PUPILS * here / everybody).ceil().max(100.0);
        if rows().len() as f64 <= wanted {
            out.extend(rows().map(|i| (i, d.trials[i])));
            continue;
        }
        let (mut seen, mut next) = (0.0, 0.5);
        for i in rows() {
            seen += d.trials[i];
            while next <= wanted && next / wanted * here <= seen {
                out.push((i, here / wanted));
                next += 1.0;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schools_that_make_a_median_are_known_by_size() {
        let schools = |of: f64| neighbours([(1.0, 90), (2.0, 6), (4.0, 50), (9.0, 1), (f64::NAN, 2)].into_iter(), of);
        assert_eq!(schools(3.0), (6, 50));
        assert_eq!(schools(4.0), (50, 50));
    }

    #[test]
    fn medians_and_quartiles() {
        assert_eq!(median([3.0, f64::NAN, 1.0].into_iter()), 2.0);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert!(median([f64::NAN].into_iter()).is_nan());
        let row = |dose, weight| Dosed { group: 0, period: 0, weight, dose };
        let rows = [row(4.0, 1.0), row(0.0, 5.0), row(2.0, 2.0)];
        assert_eq!(quartiles(rows.iter().map(|r| (r.dose, r.weight))), [0.0, 0.0, 2.0]);
    }
}
