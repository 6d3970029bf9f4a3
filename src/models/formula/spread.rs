//! Intervals and errors of every parameter that do not come from the covariance of a fit: profiles and bootstraps.

use ndarray::Array2;

use super::core::{
    BootstrapKind, BootstrapOptions, ProfileIntervals, Replicates, StatsError, bootstrap_std_error, percentile_interval,
};
use super::result::BootstrapReport;
use super::{BootstrapName, IntervalKind, Wanted};

/// One parameter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread {
    pub(super) std_error: Option<f64>,
    /// Before any mirroring, see [`Spreads::around`].
    pub(super) limits: Option<[f64; 2]>,
}

/// Those of one random-effects term.
#[derive(Clone, Debug)]
pub(super) struct TermSpreads {
    /// By column.
    pub(super) sd: Vec<Spread>,
    /// By pair of columns.
    pub(super) cor: Vec<([usize; 2], Spread)>,
}

/// Every parameter of a model.
#[derive(Clone, Debug)]
pub(super) struct Spreads {
    /// `profile`, `percentile`, `basic`; `wald` where only errors were asked for.
    pub(super) method: &'static str,
    pub(super) beta: Vec<Spread>,
    pub(super) sigma: Spread,
    /// In the core's order of terms.
    pub(super) terms: Vec<TermSpreads>,
}

impl Spreads {
    /// Limits around an estimate: those of a basic interval are mirrored at it.
    pub(super) fn around(&self, estimate: f64, spread: Spread) -> Option<[f64; 2]> {
        let [low, high] = spread.limits?;
        Some(if self.method == "basic" { [2.0 * estimate - high, 2.0 * estimate - low] } else { [low, high] })
    }
}

/// What a profile or a bootstrap adds to estimates.
pub(super) struct Inference {
    pub(super) spreads: Spreads,
    /// Covariance of the fixed effects over the replicates.
    pub(super) vcov: Option<Array2<f64>>,
    pub(super) bootstrap: Option<BootstrapReport>,
}

impl From<ProfileIntervals> for Inference {
    fn from(found: ProfileIntervals) -> Self {
        let spread = |limits: Option<[f64; 2]>| Spread { std_error: None, limits };
        let terms = found.terms.into_iter().map(|term| TermSpreads {
            sd: term.sd.into_iter().map(spread).collect(),
            cor: term.cor.into_iter().map(|c| ([c.first, c.second], spread(c.limits))).collect(),
        });
        let spreads = Spreads {
            method: "profile",
            beta: found.beta.into_iter().map(spread).collect(),
            sigma: spread(found.sigma),
            terms: terms.collect(),
        };
        Self { spreads, vcov: None, bootstrap: None }
    }
}

impl Inference {
    /// Profiles of fixed effects alone.
    pub(super) fn of_profiles(limits: Vec<Option<[f64; 2]>>) -> Self {
        ProfileIntervals { beta: limits, sigma: None, terms: Vec::new() }.into()
    }

    /// Whatever was asked for; `sizes` holds the blocks of each term.
    pub(super) fn asked(
        wanted: &Wanted,
        sizes: &[Vec<usize>],
        profile: impl FnOnce(f64) -> Result<ProfileIntervals, StatsError>,
        bootstrap: impl FnOnce(&BootstrapOptions) -> Result<Replicates, StatsError>,
    ) -> Result<Option<Self>, StatsError> {
        if let Some(asked) = &wanted.bootstrap {
            let kind = match asked.kind {
                BootstrapName::Parametric => BootstrapKind::Parametric,
                BootstrapName::Cluster => BootstrapKind::Cluster,
            };
            let (replicates, seed) = (asked.replicates, asked.seed);
            let drawn = bootstrap(&BootstrapOptions { kind, replicates, seed, keep_modes: false })?;
            return Ok(Some(Self::of_replicates(&drawn, sizes, wanted, seed)));
        }
        match wanted.intervals {
            IntervalKind::Profile => Ok(Some(profile(wanted.level)?.into())),
            _ => Ok(None),
        }
    }

    fn of_replicates(drawn: &Replicates, sizes: &[Vec<usize>], wanted: &Wanted, seed: u64) -> Self {
        let blocks: Vec<&[usize]> = sizes.iter().map(Vec::as_slice).collect();
        let limits = |values: &[f64]| match wanted.intervals {
            IntervalKind::Percentile | IntervalKind::Basic => Some(percentile_interval(values, wanted.level)),
            _ => None,
        };
        let spread = |values: Vec<f64>| {
            let known: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
            let enough = known.len() > 1;
            Spread {
                std_error: enough.then(|| bootstrap_std_error(&known)),
                limits: if enough { limits(&known) } else { None },
            }
        };
        let terms = drawn.random_covariances(&blocks).into_iter().zip(sizes).map(|(cov, sizes)| {
            let q = cov.dim().1;
            let of = |f: &dyn Fn(ndarray::ArrayView2<f64>) -> f64| spread(cov.outer_iter().map(f).collect());
            let mut cor = Vec::new();
            let mut first = 0;
            for &size in sizes {
                let pairs = (first..first + size).flat_map(|i| (i + 1..first + size).map(move |j| (i, j)));
                cor.extend(pairs.map(|(i, j)| ([i, j], of(&|c| c[[i, j]] / (c[[i, i]] * c[[j, j]]).sqrt()))));
                first += size;
            }
            TermSpreads { sd: (0..q).map(|k| of(&|c| c[[k, k]].sqrt())).collect(), cor }
        });
        let spreads = Spreads {
            method: match wanted.intervals {
                IntervalKind::Percentile => "percentile",
                IntervalKind::Basic => "basic",
                _ => "wald",
            },
            beta: drawn.beta.columns().into_iter().map(|c| spread(c.to_vec())).collect(),
            sigma: drawn.sigma.as_ref().map_or_else(Spread::default, |s| spread(s.to_vec())),
            terms: terms.collect(),
        };
        let report = BootstrapReport {
            kind: match drawn.kind {
                BootstrapKind::Parametric => "parametric",
                BootstrapKind::Cluster => "cluster",
            },
            replicates: drawn.asked,
            failed: drawn.failed.len() as u32,
            singular: drawn.singular,
            seed,
        };
        Self { spreads, vcov: Some(drawn.vcov_beta()), bootstrap: Some(report) }
    }
}
