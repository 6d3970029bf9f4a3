//! Profile likelihood intervals of models for counts without random effects; the core has those of mixed models.
//!
//! With β_k held at b, its part b·x_k is an offset and the model is fitted without the column. The limits are where
//! −2 log L has risen by χ²₁(level) = z², that is where ζ(b) = ±√(rise) is ±z. ζ is nearly a straight line in b, so a secant
//! finds it in a few fits. Least squares have the t interval itself.

use ndarray::Axis;

use super::core::normal_quantile;
use super::routes::{Columns, Estimates, Failed, Road};
use super::{IntervalKind, Wanted};

/// Fits for one limit before giving up.
const FITS: usize = 25;

/// Limits of each fixed effect; `None` where the search for one found nothing.
pub(super) fn intervals(road: &Road<'_>, estimates: &Estimates) -> Result<Vec<Option<[f64; 2]>>, Failed> {
    // Nothing but the likelihood in every refit.
    let wanted = Wanted { intervals: IntervalKind::Wald, ..road.wanted.clone() };
    let plain = Road { wanted: &wanted, ..*road };
    (0..road.columns.names.len()).map(|k| Profile::new(&plain, estimates, k).interval()).collect()
}

struct Profile<'p> {
    road: &'p Road<'p>,
    best: &'p Estimates,
    k: usize,
    others: Columns,
}

impl<'p> Profile<'p> {
    fn new(road: &'p Road<'p>, best: &'p Estimates, k: usize) -> Self {
        let kept: Vec<usize> = (0..road.columns.names.len()).filter(|&j| j != k).collect();
        let names = kept.iter().map(|&j| road.columns.names[j].clone()).collect();
        Self { road, best, k, others: Columns { x: road.columns.x.select(Axis(1), &kept), names, dropped: Vec::new() } }
    }

    /// √ of the rise of −2 log L with β_k at `b`.
    fn rise(&self, b: f64) -> Result<f64, Failed> {
        if self.others.names.is_empty() {
            let log_lik = self.road.log_lik_at(&ndarray::Array1::from_elem(1, b));
            return Ok((2.0 * (self.best.log_lik - log_lik)).max(0.0).sqrt());
        }
        let mut offset = self.road.columns.x.column(self.k).mapv(|x| x * b);
        if let Some(known) = self.road.offset {
            offset += known;
        }
        let fit = Road { columns: &self.others, offset: Some(&offset), ..*self.road }.estimate()?;
        Ok((2.0 * (self.best.log_lik - fit.log_lik)).max(0.0).sqrt())
    }

    fn interval(&self) -> Result<Option<[f64; 2]>, Failed> {
        let z = normal_quantile(0.5 + self.road.wanted.level / 2.0);
        let limits = (self.limit(z, -1.0)?, self.limit(z, 1.0)?);
        Ok(limits.0.zip(limits.1).map(|(low, high)| [low, high]))
    }

    fn limit(&self, z: f64, side: f64) -> Result<Option<f64>, Failed> {
        let (estimate, se) = (self.best.beta[self.k], self.best.vcov[[self.k, self.k]].sqrt());
        // Distance from the estimate in standard errors, and ζ there.
        let (mut near, mut at_near) = (0.0, 0.0);
        let mut far = z;
        for _ in 0..FITS {
            let at_far = self.rise(estimate + side * far * se)?;
            if (at_far - z).abs() <= 1e-8 * z {
                return Ok(Some(estimate + side * far * se));
            }
            let slope = (at_far - at_near) / (far - near);
            if !(slope > 0.0 && slope.is_finite()) {
                return Ok(None);
            }
            let next = (far + (z - at_far) / slope).clamp(0.2 * far, 5.0 * far);
            (near, at_near, far) = (far, at_far, next);
        }
        Ok(None)
    }
}
