//! Averages of ATT(g,t), by time since the beginning, by group, by calendar time, or of all (Callaway & Sant'Anna 2021,
//! §3.1; `did::aggte`).
//!
//! With p_g the share of group g, an average of cells k is θ = Σ p_k ATT_k/Σ p_k, and as the p are estimated too,
//!
//! ```text
//! ψ_θ = Σ_k (p_k/Σp) ψ_k + Σ_k ATT_k { (1[G=g_k] − p_k)/Σp − p_k Σ_l(1[G=g_l] − p_l)/(Σp)² }
//! ```

use ndarray::{Array1, Array2};

use super::DidFit;

/// What is averaged over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// All groups and periods from their beginning on, by size of the group.
    Simple,
    /// By periods since the beginning; overall the mean from 0 on.
    Dynamic,
    /// By group; overall by size of the group.
    Group,
    /// By period; overall the mean.
    Calendar,
}

/// An average and its parts.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// What was averaged over.
    pub by: Aggregation,
    /// Overall average.
    pub overall: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Time since the beginning, group or period of each part; empty for [`Aggregation::Simple`].
    pub at: Vec<f64>,
    /// The parts.
    pub estimates: Vec<f64>,
    /// Their standard errors.
    pub std_errors: Vec<f64>,
    /// ψ of the parts (n × parts).
    pub influence: Array2<f64>,
    /// ψ of the overall average (n).
    pub influence_overall: Array1<f64>,
}

/// A number with its influence function.
struct Part {
    value: f64,
    influence: Array1<f64>,
}

impl DidFit {
    /// Averages the cells; `None` where no cell belongs to the average.
    pub fn aggregate(&self, by: Aggregation) -> Option<Aggregate> {
        let all = 0..self.cells.len();
        let after = |k: &usize| self.cells[*k].time >= self.cells[*k].group;
        if by == Aggregation::Simple {
            let overall = self.by_size(&all.filter(after).collect::<Vec<_>>())?;
            return Some(self.collected(by, overall, Vec::new()));
        }
        let key = |k: usize| match by {
            Aggregation::Dynamic => self.cells[k].time - self.cells[k].group,
            Aggregation::Group => self.cells[k].group,
            Aggregation::Calendar | Aggregation::Simple => self.cells[k].time,
        };
        // Only event times are followed to before the beginning.
        let used: Vec<usize> = all.filter(|k| by == Aggregation::Dynamic || after(k)).collect();
        let mut keys: Vec<f64> = used.iter().map(|&k| key(k)).collect();
        keys.sort_by(f64::total_cmp);
        keys.dedup();
        let mut parts: Vec<(f64, Part)> = Vec::new();
        for at in keys {
            let cells: Vec<usize> = used.iter().copied().filter(|&k| key(k) == at).collect();
            parts.push((at, self.by_size(&cells)?));
        }
        let counted: Vec<&(f64, Part)> =
            parts.iter().filter(|(at, _)| by != Aggregation::Dynamic || *at >= 0.0).collect();
        if counted.is_empty() {
            return None;
        }
        let overall = if by == Aggregation::Group {
            let groups: Vec<f64> = counted.iter().map(|(at, _)| *at).collect();
            let parts: Vec<&Part> = counted.iter().map(|(_, part)| part).collect();
            self.weighted(&groups, &parts)
        } else {
            let share = 1.0 / counted.len() as f64;
            let mut mean = Part { value: 0.0, influence: Array1::zeros(self.n_units) };
            for (_, part) in &counted {
                mean.value += share * part.value;
                mean.influence.scaled_add(share, &part.influence);
            }
            mean
        };
        Some(self.collected(by, overall, parts))
    }

    /// Cells averaged by the size of their groups.
    fn by_size(&self, cells: &[usize]) -> Option<Part> {
        let groups: Vec<f64> = cells.iter().map(|&k| self.cells[k].group).collect();
        let parts: Vec<Part> = cells
            .iter()
            .map(|&k| Part { value: self.cells[k].estimate, influence: self.influence.column(k).to_owned() })
            .collect();
        let parts: Vec<&Part> = parts.iter().collect();
        (!cells.is_empty()).then(|| self.weighted(&groups, &parts))
    }

    /// Parts of groups, averaged by the groups' sizes, whose estimation counts too.
    fn weighted(&self, groups: &[f64], parts: &[&Part]) -> Part {
        let shares: Vec<f64> = groups.iter().map(|&g| self.share(g)).collect();
        let total: f64 = shares.iter().sum();
        let value = shares.iter().zip(parts).map(|(p, part)| p * part.value).sum::<f64>() / total;
        let mut influence = Array1::zeros(self.n_units);
        for ((&group, share), part) in groups.iter().zip(&shares).zip(parts) {
            influence.scaled_add(share / total, &part.influence);
            // Σ_k ATT_k{…} is Σ_k (ATT_k − θ)(1[G=g_k] − p_k)/Σp.
            for ((to, first), w) in influence.iter_mut().zip(&self.first).zip(&self.weights) {
                let is_in = if *first == Some(group) { *w } else { 0.0 };
                *to += (part.value - value) * (is_in - share) / total;
            }
        }
        Part { value, influence }
    }

    fn collected(&self, by: Aggregation, overall: Part, parts: Vec<(f64, Part)>) -> Aggregate {
        let influence = Array2::from_shape_fn((self.n_units, parts.len()), |(i, k)| parts[k].1.influence[i]);
        Aggregate {
            by,
            overall: overall.value,
            std_error: self.std_error(&overall.influence),
            at: parts.iter().map(|(at, _)| *at).collect(),
            estimates: parts.iter().map(|(_, part)| part.value).collect(),
            std_errors: parts.iter().map(|(_, part)| self.std_error(&part.influence)).collect(),
            influence,
            influence_overall: overall.influence,
        }
    }
}
