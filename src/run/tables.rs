//! The tables of a run, in the columns of `conventions.md` §3: tidy, glance, ran_vals, flow; the others are in `effect_tables`.
//! A number never stands without a status; a missing number is null, never 0 or NaN.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;

use super::{Computed, RunError, VERSION, effect_tables, programme_table, status};
use crate::design::{Design, Head};
use crate::effects::robustness::{self as checks, Specification, Verdict};
use crate::effects::{Finding, ModelFindings};
use crate::models::{Fit, Fitted, model};
use crate::stats::{LmmFit, Stop, normal_quantile, std_errors, t_two_sided};
use crate::study::file::{LinkName, Random};
use crate::vocab::{DosePart, Lang, Level, Unit};

/// All tables of a run with their names.
pub(super) fn all(computed: &Computed<'_>) -> Result<Vec<(&'static str, RecordBatch)>, RunError> {
    let mut tables = vec![
        ("tidy", tidy(computed)?),
        ("glance", glance(computed)?),
        ("ran_vals", ran_vals(computed)?),
        ("school_effect", effect_tables::school_effect(computed)?),
        ("decomposition", effect_tables::decomposition(computed)?),
        ("vcov", effect_tables::vcov(computed)?),
        ("flow", flow(computed)?),
        ("registration", computed.panel.registration_table()),
        ("outcome_status", status::outcome_status(computed)?),
        ("comparable", comparable_schools(computed)?),
    ];
    if !computed.checks.is_empty() {
        tables.push(("robustness", robustness(computed)?));
        tables.push(("programme", programme_table::programme(computed)?));
    }
    Ok(tables)
}

/// The comparable schools of each school, nearest first, with why; no rows where each school is compared with all.
fn comparable_schools(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let schools = &computed.panel.pupils.schools;
    let mut rows = Vec::new();
    if let Some(found) = &computed.comparable {
        for (s, own) in found.of.enumerate() {
            let explained = (found.explain(s, Lang::Nl), found.explain(s, Lang::En));
            for (rank, (other, distance)) in own.schools.iter().zip(&own.distance).enumerate() {
                rows.push((s, rank as u64 + 1, *other, *distance, explained.clone()));
            }
        }
    }
    Table::new("comparable")
        .text("school_id", rows.iter().map(|r| Some(schools[r.0].clone())))
        .count("rank", rows.iter().map(|r| Some(r.1)))
        .text("comparable_id", rows.iter().map(|r| Some(schools[r.2].clone())))
        .number("distance", rows.iter().map(|r| Some(r.3)))
        .text("explanation_nl", rows.iter().map(|r| Some(r.4.0.clone())))
        .text("explanation_en", rows.iter().map(|r| Some(r.4.1.clone())))
        .text("status", rows.iter().map(|_| Some("ok".into())))
        .finish()
}

/// One specification of one check of one model a row.
fn robustness(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let all = computed.models.iter().zip(&computed.checks);
    let rows: Vec<(&Fitted, &Specification)> =
        all.flat_map(|((fitted, _), checks)| checks.specifications.iter().map(move |s| (fitted, s))).collect();
    let obstacle = |s: &Specification| match s.verdict {
        Verdict::NotPossible(obstacle) => Some(obstacle),
        _ => None,
    };
    let question = |s: &Specification| checks::check(s.check).map(|c| (c.nl, c.en, c.rule_nl, c.rule_en));
    let number =
        |f: fn(&checks::Estimated) -> Option<f64>| rows.iter().map(move |(_, s)| s.estimate.as_ref().and_then(f));
    Table::new("robustness")
        .text("model_id", rows.iter().map(|(f, _)| Some(f.entry.id.clone())))
        .text("outcome", rows.iter().map(|(f, _)| Some(f.entry.outcome.clone())))
        .text("exposure", rows.iter().map(|(f, _)| Some(f.entry.exposure.clone())))
        .text("check", rows.iter().map(|(_, s)| Some(s.check.into())))
        .text("specification", rows.iter().map(|(_, s)| Some(s.code.clone())))
        .text("question_nl", rows.iter().map(|(_, s)| question(s).map(|q| q.0.into())))
        .text("question_en", rows.iter().map(|(_, s)| question(s).map(|q| q.1.into())))
        .text("words_nl", rows.iter().map(|(_, s)| Some(s.nl.clone())))
        .text("words_en", rows.iter().map(|(_, s)| Some(s.en.clone())))
        .text("passes_if_nl", rows.iter().map(|(_, s)| question(s).map(|q| q.2.into())))
        .text("passes_if_en", rows.iter().map(|(_, s)| question(s).map(|q| q.3.into())))
        .text("measure", rows.iter().map(|(_, s)| Some(s.measure.code().into())))
        .number("estimate", number(|e| Some(e.value)))
        .number("conf_low", number(|e| e.lo))
        .number("conf_high", number(|e| e.hi))
        .number("conf_level", number(|e| e.lo.map(|_| Level::P95.get())))
        .text("status", rows.iter().map(|(_, s)| Some(s.verdict.code().into())))
        .text("reason", rows.iter().map(|(_, s)| obstacle(s).map(|o| o.code().into())))
        .text("reason_nl", rows.iter().map(|(_, s)| obstacle(s).map(|o| o.words(Lang::Nl))))
        .text("reason_en", rows.iter().map(|(_, s)| obstacle(s).map(|o| o.words(Lang::En))))
        .finish()
}

/// Status of a model: `ok`, `singular` (a variance of 0 is a result) or the reason why there is no fit.
pub(super) fn status(fitted: &Fitted) -> &'static str {
    match fitted.accept() {
        Err(reason) => reason.code(),
        Ok(fit) if matches!(fit.fit().stop(), Some(Stop::Boundary { .. })) => "singular",
        Ok(_) => "ok",
    }
}

/// A table under construction: one vector per column.
pub(super) struct Table {
    name: &'static str,
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Table {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, columns: Vec::new() }
    }
    pub(super) fn text(mut self, name: &'static str, values: impl Iterator<Item = Option<String>>) -> Self {
        self.columns.push((name, Arc::new(values.collect::<StringArray>())));
        self
    }
    pub(super) fn number(mut self, name: &'static str, values: impl Iterator<Item = Option<f64>>) -> Self {
        let finite = values.map(|v| v.filter(|v| v.is_finite()));
        self.columns.push((name, Arc::new(finite.collect::<Float64Array>())));
        self
    }
    pub(super) fn count(mut self, name: &'static str, values: impl Iterator<Item = Option<u64>>) -> Self {
        let whole = values.map(|v| v.and_then(|v| i64::try_from(v).ok()));
        self.columns.push((name, Arc::new(whole.collect::<Int64Array>())));
        self
    }
    pub(super) fn flag(mut self, name: &'static str, values: impl Iterator<Item = bool>) -> Self {
        self.columns.push((name, Arc::new(values.map(Some).collect::<BooleanArray>())));
        self
    }
    pub(super) fn finish(self) -> Result<RecordBatch, RunError> {
        RecordBatch::try_from_iter_with_nullable(self.columns.into_iter().map(|(n, a)| (n, a, true)))
            .map_err(|e| RunError::Encode { table: self.name.into(), reason: e.to_string() })
    }
}

/// One row of `tidy`.
struct Tidy {
    model: String,
    outcome: String,
    effect: &'static str,
    group: Option<&'static str>,
    term: String,
    scale: &'static str,
    estimate: f64,
    std_error: Option<f64>,
    df: f64,
    method: &'static str,
    status: &'static str,
}

fn tidy(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let rows: Vec<Tidy> = computed.models.iter().flat_map(|(fitted, found)| tidy_rows(fitted, found)).collect();
    let statistic = |r: &Tidy| r.std_error.map(|se| r.estimate / se);
    let half = |r: &Tidy| {
        let quantile = crate::stats::t_quantile(0.5 + Level::P95.get() / 2.0, r.df);
        r.std_error.map(|se| quantile * se)
    };
    Table::new("tidy")
        .text("model_id", rows.iter().map(|r| Some(r.model.clone())))
        .text("outcome", rows.iter().map(|r| Some(r.outcome.clone())))
        .text("effect", rows.iter().map(|r| Some(r.effect.into())))
        .text("group", rows.iter().map(|r| r.group.map(String::from)))
        .text("term", rows.iter().map(|r| Some(r.term.clone())))
        .text("scale", rows.iter().map(|r| Some(r.scale.into())))
        .number("estimate", rows.iter().map(|r| Some(r.estimate)))
        .number("std_error", rows.iter().map(|r| r.std_error))
        .number("statistic", rows.iter().map(statistic))
        .number("df", rows.iter().map(|r| Some(r.df)))
        .number("p_value", rows.iter().map(|r| statistic(r).map(|t| t_two_sided(t, r.df))))
        .number("conf_low", rows.iter().map(|r| half(r).map(|h| r.estimate - h)))
        .number("conf_high", rows.iter().map(|r| half(r).map(|h| r.estimate + h)))
        .number("conf_level", rows.iter().map(|r| r.std_error.map(|_| Level::P95.get())))
        .text("method", rows.iter().map(|r| Some(r.method.into())))
        .text("status", rows.iter().map(|r| Some(r.status.into())))
        .finish()
}

fn tidy_rows(fitted: &Fitted, found: &ModelFindings) -> Vec<Tidy> {
    let Ok(accepted) = fitted.accept() else { return Vec::new() };
    let head = fitted.design.head();
    let status = status(fitted);
    let (beta, se, method, scale) = match accepted.fit() {
        Fit::Pooled(f) => {
            let unknown = || ndarray::Array1::from_elem(f.glm.beta.len(), f64::NAN);
            let se = f.robust.as_ref().map_or_else(unknown, |robust| std_errors(robust.vcov.view()));
            (&f.glm.beta, se, "wald_cr1", "link")
        }
        Fit::Mixed(f) => (&f.ml.beta, std_errors(f.ml.vcov.view()), "wald", "link"),
        Fit::Linear(f) => (&f.beta, std_errors(f.vcov_beta.view()), "wald", "score"),
    };
    let row = |effect, group, term: String, scale, estimate, std_error, df, method| Tidy {
        model: fitted.entry.id.clone(),
        outcome: fitted.entry.outcome.clone(),
        effect,
        group,
        term,
        scale,
        estimate,
        std_error,
        df,
        method,
        status,
    };
    let mut rows: Vec<Tidy> = head
        .terms
        .iter()
        .zip(beta.iter().zip(&se))
        .map(|(term, (b, se))| {
            row("fixed", None, term.clone(), scale, *b, Some(*se).filter(|s| s.is_finite()), f64::INFINITY, method)
        })
        .collect();
    for (group, term, sd) in random_parameters(accepted.fit(), head) {
        rows.push(row("ran_pars", Some(group), term, scale, sd, None, f64::INFINITY, "none"));
    }
    for finding in &found.parts {
        if let Finding::Estimate(e) = finding {
            let term = contrast_name(e.estimand.contrast.part, e.quantity.per);
            rows.push(row(
                "marginal",
                None,
                term,
                unit(e.quantity.unit),
                e.quantity.value,
                Some(e.std_error),
                e.df,
                "delta",
            ));
        }
    }
    rows
}

/// `dose_within_5`: the part of the dose and its step.
pub(super) fn contrast_name(part: DosePart, step: f64) -> String {
    format!("dose{}_{step}", part.suffix())
}

pub(super) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::PercentagePoint => "per100",
        Unit::ScorePoint => "score",
    }
}

/// Names of a group's random effects.
fn random_names(head: &Head, q: usize, growth: bool) -> Vec<String> {
    let slope = if growth { "time".to_string() } else { format!("dose{}", head.slope.map_or("", DosePart::suffix)) };
    ["(Intercept)".to_string(), slope].into_iter().take(q).collect()
}

/// Standard deviations and correlations as broom.mixed names them: `sd__(Intercept)`, `cor__(Intercept).dose`.
fn random_parameters(fit: &Fit, head: &Head) -> Vec<(&'static str, String, f64)> {
    let of = |group: &'static str, lambda: &ndarray::Array2<f64>, sigma: f64, growth: bool| {
        let covariance = lambda.dot(&lambda.t()) * (sigma * sigma);
        let names = random_names(head, covariance.nrows(), growth);
        let sd: Vec<f64> = covariance.diag().iter().map(|v| v.sqrt()).collect();
        let mut rows: Vec<_> = names.iter().zip(&sd).map(|(n, sd)| (group, format!("sd__{n}"), *sd)).collect();
        if let ([a, b], [sa, sb]) = (names.as_slice(), sd.as_slice()) {
            rows.push((group, format!("cor__{a}.{b}"), covariance[[0, 1]] / (sa * sb)));
        }
        rows
    };
    match fit {
        Fit::Pooled(_) => Vec::new(),
        Fit::Mixed(f) => {
            let mut rows = of("school", &f.ml.terms[0].lambda, 1.0, false);
            let cohorts =
                f.ml.terms.get(1).map(|t| ("school:cohort", "sd__(Intercept)".to_string(), t.lambda[[0, 0]].abs()));
            rows.extend(cohorts);
            rows
        }
        Fit::Linear(f) => {
            let growth = is_growth(f);
            let mut rows = of("school", &f.terms[0].lambda, f.sigma, growth);
            if growth {
                rows.extend(of("pupil", &f.terms[1].lambda, f.sigma, true));
            }
            rows.push(("Residual", "sd__Observation".into(), f.sigma));
            rows
        }
    }
}

/// Schools are the first term, in growth models pupils the second.
fn is_growth(f: &LmmFit) -> bool {
    f.terms.len() == 2
}

fn glance(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let fits: Vec<(&Fitted, Option<&Fit>)> =
        computed.models.iter().map(|(f, _)| (f, f.accept().ok().map(|a| a.fit()))).collect();
    let binary = |f: &Fitted| matches!(f.design, Design::Binary(_));
    let log_lik = |fit: &Fit| match fit {
        Fit::Pooled(f) => f.glm.log_lik,
        Fit::Mixed(f) => f.ml.log_lik,
        Fit::Linear(f) => f.log_lik,
    };
    let parameters = |fit: &Fit| match fit {
        Fit::Pooled(f) => f.glm.beta.len(),
        Fit::Mixed(f) => f.ml.beta.len() + f.ml.theta.len(),
        Fit::Linear(f) => f.beta.len() + f.theta.len() + 1,
    } as f64;
    let nobs = |fit: &Fit| match fit {
        Fit::Pooled(f) => f.glm.n_obs,
        Fit::Mixed(f) => f.ml.n_obs,
        Fit::Linear(f) => f.n_obs as f64,
    };
    let estimation = |f: &Fitted, fit: &Fit| match fit {
        Fit::Pooled(_) => "ML",
        Fit::Mixed(_) => "Laplace",
        Fit::Linear(_) if f.entry.reml => "REML",
        Fit::Linear(_) => "ML",
    };
    let search = |fit: &Fit| match fit {
        Fit::Pooled(f) => (f.glm.iterations, f.glm.grad_max),
        Fit::Mixed(f) => (f.ml.evaluations, f.ml.grad_max),
        Fit::Linear(f) => (f.evaluations, f.grad_max),
    };
    let sigma = |fit: &Fit| match fit {
        Fit::Linear(f) => Some(f.sigma),
        _ => None,
    };
    Table::new("glance")
        .text("model_id", fits.iter().map(|(f, _)| Some(f.entry.id.clone())))
        .text("outcome", fits.iter().map(|(f, _)| Some(f.entry.outcome.clone())))
        .text("exposure", fits.iter().map(|(f, _)| Some(f.entry.exposure.clone())))
        .text("formula", fits.iter().map(|(f, _)| Some(formula(f))))
        .text("equation", fits.iter().map(|(f, _)| Some(model(&f.entry).equation().into())))
        .text("family", fits.iter().map(|(f, _)| Some(if binary(f) { "binomial" } else { "gaussian" }.into())))
        .text("link", fits.iter().map(|(f, _)| Some(link_name(f).into())))
        .number("nobs", fits.iter().map(|(_, fit)| fit.map(nobs)))
        .count("n_pupils", fits.iter().map(|(f, _)| Some(f.design.head().total().pupils)))
        .count("n_groups", fits.iter().map(|(f, _)| Some(f.design.head().groups.len() as u64)))
        .count("n_events", fits.iter().map(|(f, _)| binary(f).then(|| f.design.head().total().events)))
        .count("n_cells", fits.iter().map(|(f, _)| cells(f)))
        .number("log_lik", fits.iter().map(|(_, fit)| fit.map(log_lik)))
        .number("aic", fits.iter().map(|(_, fit)| fit.map(|f| 2.0 * parameters(f) - 2.0 * log_lik(f))))
        .number("bic", fits.iter().map(|(_, fit)| fit.map(|f| nobs(f).ln() * parameters(f) - 2.0 * log_lik(f))))
        .number("deviance", fits.iter().map(|(_, fit)| fit.map(|f| -2.0 * log_lik(f))))
        .number("df_residual", fits.iter().map(|(_, fit)| fit.map(|f| nobs(f) - parameters(f))))
        .number("sigma", fits.iter().map(|(_, fit)| fit.and_then(sigma)))
        .text("estimation", fits.iter().map(|(f, fit)| fit.map(|fit| estimation(f, fit).into())))
        .flag("converged", fits.iter().map(|(_, fit)| fit.is_some()))
        .flag("singular", fits.iter().map(|(f, _)| status(f) == "singular"))
        .flag("separated", fits.iter().map(|(f, _)| status(f) == "separated"))
        .number("grad_max", fits.iter().map(|(_, fit)| fit.map(|f| search(f).1)))
        .count("iterations", fits.iter().map(|(_, fit)| fit.map(|f| u64::from(search(f).0))))
        .number(
            "quadrature_change",
            computed.models.iter().map(|(_, found)| found.quadrature.map(|q| 100.0 * q.change)),
        )
        .flag("quadrature_used", computed.models.iter().map(|(_, found)| found.quadrature.is_some_and(|q| q.is_used)))
        .text("refused_term", fits.iter().map(|(f, _)| f.refused_term().map(String::from)))
        .text("software_version", fits.iter().map(|_| Some(VERSION.into())))
        .text("status", fits.iter().map(|(f, _)| Some(status(f).into())))
        .finish()
}

fn cells(f: &Fitted) -> Option<u64> {
    match &f.design {
        Design::Binary(d) => Some(d.cells as u64),
        Design::Linear(_) => None,
    }
}

fn link_name(f: &Fitted) -> &'static str {
    match (&f.design, f.entry.link) {
        (Design::Linear(_), _) => "identity",
        (Design::Binary(_), LinkName::Logit) => "logit",
        (Design::Binary(_), LinkName::Cloglog) => "cloglog",
    }
}

/// The model in lme4's notation.
fn formula(f: &Fitted) -> String {
    let head = f.design.head();
    let intercept = head.terms.first().is_some_and(|t| t == "(Intercept)");
    let terms: Vec<&str> = head.terms.iter().map(String::as_str).filter(|t| *t != "(Intercept)").collect();
    let start = if intercept { "" } else { "0 + " };
    let growth = matches!(&f.design, Design::Linear(d) if d.pupil.is_some());
    let slope = if growth { "time".to_string() } else { format!("dose{}", head.slope.map_or("", DosePart::suffix)) };
    let random = match f.entry.random {
        Random::None => String::new(),
        Random::Intercept => " + (1 | school)".into(),
        Random::Slope => format!(" + (1 + {slope} | school)"),
    };
    let pupil = if growth { " + (1 + time | pupil)" } else { "" };
    let has_cohorts = matches!(&f.design, Design::Binary(d) if d.cohorts.is_some());
    let cohort = if has_cohorts { " + (1 | school:cohort)" } else { "" };
    format!("{} ~ {start}{}{random}{cohort}{pupil}", f.entry.outcome, terms.join(" + "))
}

/// One random effect of one school.
struct RanVal {
    model: String,
    level: String,
    term: String,
    estimate: f64,
    std_error: f64,
    n: u64,
    status: &'static str,
}

fn ran_vals(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let mut rows: Vec<RanVal> = Vec::new();
    for (fitted, _) in &computed.models {
        let Ok(accepted) = fitted.accept() else { continue };
        let head = fitted.design.head();
        let (schools, growth) = match accepted.fit() {
            Fit::Pooled(_) => continue,
            Fit::Mixed(f) => (&f.ml.terms[0], false),
            Fit::Linear(f) => (&f.terms[0], is_growth(f)),
        };
        let names = random_names(head, schools.modes.ncols(), growth);
        for (j, school) in head.groups.iter().enumerate() {
            for (k, term) in names.iter().enumerate() {
                rows.push(RanVal {
                    model: fitted.entry.id.clone(),
                    level: computed.panel.pupils.schools[*school].clone(),
                    term: term.clone(),
                    estimate: schools.modes[[j, k]],
                    std_error: schools.mode_mse[[j, k, k]].sqrt(),
                    n: head.counts[*school].pupils,
                    status: status(fitted),
                });
            }
        }
    }
    let half = |r: &RanVal| normal_quantile(0.5 + Level::P95.get() / 2.0) * r.std_error;
    Table::new("ran_vals")
        .text("model_id", rows.iter().map(|r| Some(r.model.clone())))
        .text("group", rows.iter().map(|_| Some("school".into())))
        .text("level", rows.iter().map(|r| Some(r.level.clone())))
        .text("term", rows.iter().map(|r| Some(r.term.clone())))
        .number("estimate", rows.iter().map(|r| Some(r.estimate)))
        .number("std_error", rows.iter().map(|r| Some(r.std_error)))
        .number("conf_low", rows.iter().map(|r| Some(r.estimate - half(r))))
        .number("conf_high", rows.iter().map(|r| Some(r.estimate + half(r))))
        .count("n_obs", rows.iter().map(|r| Some(r.n)))
        .text("status", rows.iter().map(|r| Some(r.status.into())))
        .finish()
}

fn flow(computed: &Computed<'_>) -> Result<RecordBatch, RunError> {
    let flow = computed.flow();
    let schools = &computed.panel.pupils.schools;
    let rows: Vec<_> = flow.iter().collect();
    Table::new("flow")
        .text("table", rows.iter().map(|(set, ..)| Some((*set).into())))
        .text("school_id", rows.iter().map(|(_, s, ..)| s.map(|s| schools[s].clone())))
        .text("step", rows.iter().map(|(_, _, step, _)| Some(step.code().into())))
        .flag("is_total", rows.iter().map(|(_, _, step, _)| step.is_total()))
        .count("n", rows.iter().map(|(.., n)| Some(*n)))
        .finish()
}
