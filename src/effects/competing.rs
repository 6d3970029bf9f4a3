//! E6 where an event has causes: cumulative incidence of each way out, as they compete (`statistics.md` §5.2).
//!
//! A multinomial logit of the person-periods gives the hazard π_tc of each way out c; standardised over those at risk in a period at a
//! dose, `S_t = Π_{u≤t} (1 − Σ_c π̄_uc)` and `F_tc = Σ_{u≤t} S_{u−1} π̄_uc`. With one way out that is E6 as it is; with several, 1 − Π(1 − π̄)
//! of one alone would count who left otherwise as if they could still have the event.
//!
//! Errors are the sandwich over schools with G/(G−1), intervals t with G − 1 degrees of freedom, by the delta method. The
//! hazards have no random effects: what is standardised is the mean over schools as they are.

use ndarray::{Array1, Array2, ArrayView1};

use super::lever::main_part;
use super::national::MULTIPLES;
use super::reference::quartiles;
use super::{Incidence, LevelEstimate, ModelFindings, scale};
use crate::design::{self, MultinomialDesign};
use crate::models::{Fitted, reason};
use crate::panel::Panel;
use crate::stats::{
    MultinomialCells, MultinomialOptions, StatsError, category_probabilities, fit_multinomial, t_quantile,
};
use crate::vocab::{ExitKind, Interval, IntervalMethod, Level, RefusalReason, Unit};

/// E6 of a hazard model of an event with causes is told as its ways out compete; that of other models stays as it is.
pub fn compete(panel: &Panel<'_>, fitted: &mut Fitted, found: &mut ModelFindings) {
    let outcome = &panel.plan.outcomes[panel.plan.outcome(&fitted.entry.outcome)];
    if found.incidence.is_empty() || outcome.exits().len() < 2 {
        return;
    }
    let competing = competing(design::multinomial(panel, &fitted.entry), outcome.entry.event);
    let notes = &mut fitted.design.head_mut().notes;
    found.incidence = match competing {
        Ok((incidence, left_out)) => {
            if !left_out.is_empty() {
                notes.push(format!("its incidence (E6) does not hold equal {}", left_out.join(", ")));
            }
            incidence
        }
        Err(reason) => {
            notes.push(format!("no incidence (E6) of its ways out: {}", reason.code()));
            Vec::new()
        }
    };
}

/// Incidence of the ways out at multiples of the median dose, with the names of covariates that could not be held equal: where
/// nobody, or everybody, of their level leaves in some way. Where even so the ways out can't be told apart, those beside `event` are taken
/// together.
///
/// # Errors
/// A model that can't be fitted, such as of a period without the event.
fn competing(design: MultinomialDesign, event: ExitKind) -> Result<(Vec<Incidence>, Vec<String>), RefusalReason> {
    incidence(design.clone()).or_else(|_| incidence(together(design, event))).map_err(|e| reason(&e))
}

/// The event and all other ways out as one.
fn together(d: MultinomialDesign, event: ExitKind) -> MultinomialDesign {
    let own = d.exits.iter().position(|exit| *exit == event).unwrap_or(0) + 1;
    let mut counts = Array2::zeros((d.counts.nrows(), 3));
    for (to, from) in counts.rows_mut().into_iter().zip(d.counts.rows()) {
        let [stay, event, other] = [from[0], from[own], from.sum() - from[0] - from[own]];
        ndarray::arr1(&[stay, event, other]).assign_to(to);
    }
    // The others have no name of their own: their incidence is not told.
    MultinomialDesign { counts, exits: vec![event], ..d }
}

fn incidence(mut d: MultinomialDesign) -> Result<(Vec<Incidence>, Vec<String>), StatsError> {
    let mut left_out = Vec::new();
    let fit = loop {
        let groups = d.head.groups.len();
        let cells = MultinomialCells { x: d.x.view(), counts: d.counts.view(), group: &d.group, n_groups: groups };
        match fit_multinomial(&cells, &MultinomialOptions::default()) {
            Ok(fit) => break fit,
            Err(StatsError::Separated { column }) if is_covariate(&d, column) => left_out.push(drop(&mut d, column)),
            Err(e) => return Err(e),
        }
    };
    Ok((told(&d, &fit.beta, &fit.vcov)?, left_out))
}

/// Neither a period nor a part of the dose.
fn is_covariate(d: &MultinomialDesign, column: usize) -> bool {
    !d.head.terms[column].starts_with("period") && !d.head.doses.iter().any(|(_, c)| *c == column)
}

/// Takes a column out; its name.
fn drop(d: &mut MultinomialDesign, column: usize) -> String {
    let kept: Vec<usize> = (0..d.x.ncols()).filter(|j| *j != column).collect();
    d.x = d.x.select(ndarray::Axis(1), &kept);
    d.head.doses.iter_mut().filter(|(_, c)| *c > column).for_each(|(_, c)| *c -= 1);
    d.head.terms.remove(column)
}

fn told(d: &MultinomialDesign, beta: &Array2<f64>, vcov: &Array2<f64>) -> Result<Vec<Incidence>, StatsError> {
    let groups = d.head.groups.len();
    let column = d.head.column(main_part(&d.head)).ok_or(StatsError::Shape("a model without a dose"))?;
    let vcov = sandwich(d, beta, vcov)?;
    let quantile = t_quantile(0.5 + 0.5 * Level::P95.get(), groups as f64 - 1.0);
    let mut out = Vec::new();
    for multiple in MULTIPLES {
        let hazards = Hazards::of(d, beta, column, |t| multiple * median(d, t))?;
        for (period, shares) in hazards.incidence() {
            for (exit, share) in d.exits.iter().zip(shares) {
                let percent = scale(Unit::PercentagePoint);
                let (value, error) =
                    (percent * share.value, percent * share.gradient.dot(&vcov.dot(&share.gradient)).max(0.0).sqrt());
                let half = quantile * error;
                let interval =
                    Interval { lo: value - half, hi: value + half, level: Level::P95, method: IntervalMethod::Wald };
                let level = LevelEstimate { value, std_error: error, interval };
                out.push(Incidence { multiple, period, exit: Some(*exit), level });
            }
        }
    }
    Ok(out)
}

/// The median dose over those at risk in a period.
fn median(d: &MultinomialDesign, period: u16) -> f64 {
    let rows = (0..d.dose.len()).filter(|&i| d.period[i] == period);
    quartiles(rows.map(|i| (d.dose[i], d.counts.row(i).sum())))[1]
}

/// A probability with its gradient over the coefficients by category.
#[derive(Clone, Debug)]
struct Share {
    value: f64,
    gradient: Array1<f64>,
}

/// Mean hazards of the ways out per period, with their gradients.
struct Hazards {
    periods: Vec<(u16, Vec<Share>)>,
}

impl Hazards {
    fn of(
        d: &MultinomialDesign,
        beta: &Array2<f64>,
        column: usize,
        dose: impl Fn(u16) -> f64,
    ) -> Result<Self, StatsError> {
        let (p, c) = beta.dim();
        let last = d.period.iter().copied().max().unwrap_or(0);
        let none = Array1::zeros(c);
        let mut periods = Vec::new();
        for period in 0..=last {
            let at = dose(period);
            let mut rows = 0.0;
            let mut hazards = vec![Share { value: 0.0, gradient: Array1::zeros(c * p) }; c];
            for i in (0..d.period.len()).filter(|&i| d.period[i] == period) {
                let mut x = d.x.row(i).to_owned();
                x[column] += at - d.dose[i];
                let weight = d.counts.row(i).sum();
                let probability = category_probabilities(beta.view(), x.view(), none.view())?;
                rows += weight;
                for (k, hazard) in hazards.iter_mut().enumerate() {
                    hazard.value += weight * probability[k + 1];
                    for l in 0..c {
                        let by = probability[k + 1] * (f64::from(u8::from(k == l)) - probability[l + 1]);
                        hazard.gradient.slice_mut(ndarray::s![l * p..(l + 1) * p]).scaled_add(weight * by, &x);
                    }
                }
            }
            if rows > 0.0 {
                let mean = |s: Share| Share { value: s.value / rows, gradient: s.gradient / rows };
                periods.push((period, hazards.into_iter().map(mean).collect()));
            }
        }
        Ok(Self { periods })
    }

    /// F of each way out by the end of each period.
    fn incidence(&self) -> Vec<(u16, Vec<Share>)> {
        let Some((_, first)) = self.periods.first() else { return Vec::new() };
        let zero = || Share { value: 0.0, gradient: Array1::zeros(first[0].gradient.len()) };
        let mut stays = Share { value: 1.0, ..zero() };
        let mut gone: Vec<Share> = first.iter().map(|_| zero()).collect();
        let mut out = Vec::new();
        for (period, hazards) in &self.periods {
            let mut leaves = zero();
            for (share, hazard) in gone.iter_mut().zip(hazards) {
                share.value += stays.value * hazard.value;
                share.gradient.scaled_add(hazard.value, &stays.gradient);
                share.gradient.scaled_add(stays.value, &hazard.gradient);
                leaves.value += hazard.value;
                leaves.gradient += &hazard.gradient;
            }
            stays.gradient = &stays.gradient * (1.0 - leaves.value) - &leaves.gradient * stays.value;
            stays.value *= 1.0 - leaves.value;
            out.push((*period, gone.clone()));
        }
        out
    }
}

/// `V (Σ_s U_s U_s') V · G/(G−1)`, U_s the scores of a school.
fn sandwich(d: &MultinomialDesign, beta: &Array2<f64>, vcov: &Array2<f64>) -> Result<Array2<f64>, StatsError> {
    let (p, c) = beta.dim();
    let groups = d.head.groups.len();
    let mut scores = Array2::<f64>::zeros((groups, c * p));
    let none = Array1::zeros(c);
    for i in 0..d.period.len() {
        let x: ArrayView1<'_, f64> = d.x.row(i);
        let probability = category_probabilities(beta.view(), x, none.view())?;
        let weight = d.counts.row(i).sum();
        let mut own = scores.row_mut(d.group[i] as usize);
        for k in 0..c {
            let left = d.counts[[i, k + 1]] - weight * probability[k + 1];
            own.slice_mut(ndarray::s![k * p..(k + 1) * p]).scaled_add(left, &x);
        }
    }
    let g = groups as f64;
    Ok(vcov.dot(&scores.t().dot(&scores)).dot(vcov) * (g / (g - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{Counts, Head};
    use crate::panel::Flow;
    use crate::vocab::ids::Ix;
    use crate::vocab::{DosePart, IdVec, SchoolIx};

    /// Three periods of 12 schools at doses 0 to 9; two ways out.
    fn design() -> MultinomialDesign {
        let (schools, doses, periods) = (12_usize, 10_usize, 3_usize);
        let n = schools * doses * periods;
        let at = |i: usize| (i / (doses * periods), i / periods % doses, i % periods);
        let x = Array2::from_shape_fn((n, 4), |(i, j)| {
            let (_, dose, period) = at(i);
            if j < 3 { f64::from(u8::from(j == period)) } else { dose as f64 }
        });
        let counts = Array2::from_shape_fn((n, 3), |(i, k)| {
            let (school, dose, period) = at(i);
            [60.0 - dose as f64, (2 + school % 3 + period) as f64, (12 - dose) as f64][k]
        });
        let groups: Vec<SchoolIx> = (0..schools).map(SchoolIx::from_position).collect();
        let counted: IdVec<SchoolIx, Counts> = vec![Counts::default(); schools].into();
        MultinomialDesign {
            head: Head {
                terms: ["period0", "period1", "period2", "dose"].map(String::from).to_vec(),
                doses: vec![(DosePart::Total, 3)],
                slope: None,
                slope_on_cohort: false,
                groups,
                counts: counted,
                flow: Flow::default(),
                step: 1.0,
                notes: Vec::new(),
            },
            dose: x.column(3).iter().copied().collect(),
            x,
            counts,
            exits: vec![ExitKind::Overstap, ExitKind::Uitval],
            group: (0..n).map(|i| at(i).0 as u32).collect(),
            period: (0..n).map(|i| at(i).2 as u16).collect(),
        }
    }

    fn shares(d: &MultinomialDesign, beta: &Array2<f64>) -> Vec<(u16, Vec<Share>)> {
        Hazards::of(d, beta, 3, |t| 2.0 + f64::from(t)).expect("hazards").incidence()
    }

    #[test]
    fn gradients_equal_central_differences_and_shares_add_up() {
        let d = design();
        let beta = Array2::from_shape_fn((4, 2), |(k, c)| {
            -2.0 + 0.3 * c as f64 - 0.1 * k as f64 + if k == 3 { 2.2 } else { 0.0 }
        });
        let own = shares(&d, &beta);
        for k in 0..8 {
            let moved = |by: f64| {
                let mut beta = beta.clone();
                beta[[k % 4, k / 4]] += by;
                shares(&d, &beta)
            };
            let (more, less) = (moved(1e-5), moved(-1e-5));
            for t in 0..3 {
                for c in 0..2 {
                    let difference = (more[t].1[c].value - less[t].1[c].value) / 2e-5;
                    assert!((own[t].1[c].gradient[k] - difference).abs() < 1e-8, "{k} {t} {c}");
                }
            }
        }
        // Standing still: hazards of 20 and 10 in 100 in each period.
        let flat =
            Array2::from_shape_fn(
                (4, 2),
                |(k, c)| if k == 3 { 0.0 } else { [(0.2_f64 / 0.7).ln(), (0.1_f64 / 0.7).ln()][c] },
            );
        let last = &shares(&d, &flat)[2].1;
        let left = 1.0 - 0.7_f64.powi(3);
        assert!((last[0].value - left * 2.0 / 3.0).abs() < 1e-12 && (last[1].value - left / 3.0).abs() < 1e-12);
    }

    #[test]
    fn ways_out_compete() {
        let (found, left_out) = competing(design(), ExitKind::Uitval).expect("a fit");
        assert!(left_out.is_empty());
        assert_eq!(found.len(), 3 * 3 * 2);
        let at = |multiple: f64, exit| {
            let is_it = |i: &&Incidence| i.multiple == multiple && i.period == 2 && i.exit == Some(exit);
            found.iter().find(is_it).expect("an incidence").level
        };
        let (half, twice) = (at(0.5, ExitKind::Uitval), at(2.0, ExitKind::Uitval));
        assert!(half.value > twice.value && half.std_error > 0.0, "more dose, less dropout: {half:?} {twice:?}");
        // More stay to go otherwise.
        assert!(at(0.5, ExitKind::Overstap).value < at(2.0, ExitKind::Overstap).value);
        assert!(at(1.0, ExitKind::Uitval).value + at(1.0, ExitKind::Overstap).value < 100.0);
    }

    /// A level of which nobody leaves by one way: it is not held equal, and where one way out has no event in a period, the ways
    /// beside the event are one.
    #[test]
    fn what_can_not_be_told_apart_is_taken_together() {
        let mut d = design();
        let rare: Array1<f64> = (0..d.x.nrows()).map(|i| f64::from(u8::from(d.group[i] == 3))).collect();
        d.x.push_column(rare.view()).expect("as many rows");
        d.head.terms.push("leerwegKB".into());
        (0..d.x.nrows()).filter(|&i| rare[i] == 1.0).for_each(|i| d.counts[[i, 2]] = 0.0);
        let (found, left_out) = competing(d.clone(), ExitKind::Uitval).expect("a fit");
        assert_eq!((found.len(), left_out), (18, vec!["leerwegKB".to_string()]));
        let mut d = design();
        let late: Vec<usize> = (0..d.x.nrows()).filter(|&i| d.period[i] == 2).collect();
        d.exits = ExitKind::ALL.to_vec();
        d.counts = Array2::from_shape_fn((d.x.nrows(), 4), |(i, k)| match k {
            0 | 1 => d.counts[[i, k]],
            2 => {
                if late.contains(&i) {
                    0.0
                } else {
                    3.0
                }
            }
            _ => d.counts[[i, 2]],
        });
        let (found, _) = competing(d, ExitKind::Uitval).expect("a fit");
        assert_eq!(found.len(), 9);
        assert!(found.iter().all(|i| i.exit == Some(ExitKind::Uitval)));
    }
}
