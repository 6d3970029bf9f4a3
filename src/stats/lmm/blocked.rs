//! Any grouping factors: a sparse Cholesky factorisation over the levels of all of them.
//!
//! The blocks of C = ZᵀWZ, Zᵀ[X y] and [X y]ᵀ[X y] are summed once. With Λ block-diagonal over the levels and
//! U = M⁻¹ΛᵀZᵀ[X y], u = U_y − U_Xβ̃, s = Zᵀe = Zᵀ(y−Xβ̃) − CΛu:
//!
//! ```text
//! M = I + ΛᵀCΛ        DᵀV⁻¹D = DᵀD − (ΛᵀZᵀD)ᵀM⁻¹ΛᵀZᵀD,  D = [X y]
//! ½∂log|M|/∂Λ_t = Σ_{a∈t} Σ_b C_abΛ_b(M⁻¹)_ba        ½∂r²/∂Λ_t = −Σ_a s_au_aᵀ
//! ½∂log|A|/∂Λ_t = −Σ_a (Zᵀ(X − ZΛU_X))_a A⁻¹ (U_X)_aᵀ
//! ```
//!
//! Only elements of M⁻¹ where C has blocks are needed: the selected inverse gives them at the cost of the factor.
//! (Bates, Alday & Kokandakar 2025 for the blocks; Erisman & Tinney 1975 for the selected inverse.)

use std::sync::Arc;

use ndarray::{Array1, Array2, Axis, s};

use super::super::error::StatsError;
use super::super::levels::Levels;
use super::super::sparse::Factor;
use super::route::{Eliminated, FixedPart, Predictions, Route};
use super::rows::ScaledRows;

/// See the module.
pub(super) struct Blocked {
    pub levels: Arc<Levels>,
    /// Values of C on the pattern.
    c: Arc<Vec<f64>>,
    /// Zᵀ[X y] (levels·q × p+1).
    zd: Array2<f64>,
    /// [X y]ᵀ[X y].
    dd: Array2<f64>,
}

/// What is kept of one θ.
pub(super) struct BlockedAt<'s> {
    pub lambdas: Vec<Array2<f64>>,
    pub factor: Factor<'s>,
    /// U = M⁻¹ΛᵀZᵀ[X y].
    pub u: Array2<f64>,
}

impl Blocked {
    pub fn new(rows: &ScaledRows) -> Result<Self, StatsError> {
        let levels = Levels::new(rows.terms())?;
        let mut c = vec![0.0; levels.symbolic.n_values()];
        let mut zd = Array2::zeros((levels.symbolic.n_rows(), rows.p() + 1));
        let mut z = vec![0.0; levels.terms.iter().map(|t| t.q).sum()];
        let mut d = vec![0.0; rows.p() + 1];
        let mut read = rows.read();
        for row in 0..rows.n() {
            read.fixed(row, &mut d);
            let mut first = 0;
            for (t, term) in levels.terms.iter().enumerate() {
                let here = &mut z[first..first + term.q];
                read.random(t, row, here);
                for (z, at) in here.iter().zip(levels.rows(levels.node(t, row))) {
                    zd.row_mut(at).iter_mut().zip(&d).for_each(|(to, d)| *to += z * d);
                }
                first += term.q;
            }
            levels.add_row(&mut c, row, &z, 1.0);
        }
        Ok(Self { levels: Arc::new(levels), c: Arc::new(c), zd, dd: rows.fixed_products() })
    }

    /// The same rows with other outcomes y, in the coordinates of the rows.
    pub fn with_outcomes(&self, rows: &ScaledRows, y: &[f64]) -> Self {
        let p = rows.p();
        let (mut zd, mut dd) = (self.zd.clone(), self.dd.clone());
        let (mut zy, mut dy) = (Array1::<f64>::zeros(zd.nrows()), Array1::<f64>::zeros(p + 1));
        let mut z = vec![0.0; self.levels.terms.iter().map(|t| t.q).max().unwrap_or(0)];
        let mut d = vec![0.0; p + 1];
        let mut read = rows.read();
        for (row, &y) in y.iter().enumerate() {
            read.fixed(row, &mut d);
            d[p] = y;
            dy.iter_mut().zip(&d).for_each(|(to, d)| *to += y * d);
            for (t, term) in self.levels.terms.iter().enumerate() {
                let here = &mut z[..term.q];
                read.random(t, row, here);
                here.iter().zip(self.levels.rows(self.levels.node(t, row))).for_each(|(z, at)| zy[at] += z * y);
            }
        }
        zd.column_mut(p).assign(&zy);
        dd.row_mut(p).assign(&dy);
        dd.column_mut(p).assign(&dy);
        Self { levels: Arc::clone(&self.levels), c: Arc::clone(&self.c), zd, dd }
    }
}

impl Route for Blocked {
    type At<'s> = BlockedAt<'s>;

    fn at(&self, theta: &[f64]) -> Option<Eliminated<BlockedAt<'_>>> {
        let lambdas = self.levels.lambdas(theta);
        let factor = self.levels.symbolic.factor(&self.levels.m(&self.c, &lambdas))?;
        let right = self.levels.times_lambda(&lambdas, &self.zd, true);
        let mut u = right.clone();
        factor.solve(&mut u);
        let products = &self.dd - &right.t().dot(&u);
        Some(Eliminated { log_det: factor.log_det(), products, at: BlockedAt { lambdas, factor, u } })
    }

    fn gradient(&self, at: &BlockedAt, fixed: &FixedPart, precision: f64, restricted: bool) -> Vec<f64> {
        let p = fixed.gamma.len();
        let mut by_lambda = self.levels.by_log_det(&self.c, &at.lambdas, &at.factor.inverse_on_pattern());
        // ZᵀV⁻¹D = Zᵀ(D − ZΛU)
        let explained = self.levels.symbolic.multiply(&self.c, &self.levels.times_lambda(&at.lambdas, &at.u, false));
        let left = &self.zd - &explained;
        let against = |a: &Array2<f64>| (&a.column(p) - &a.slice(s![.., ..p]).dot(&fixed.gamma)).insert_axis(Axis(1));
        self.levels.add_products(&mut by_lambda, -precision, &against(&left), &against(&at.u));
        if restricted {
            let weighted = left.slice(s![.., ..p]).dot(&fixed.a.inverse());
            self.levels.add_products(&mut by_lambda, -1.0, &weighted, &at.u.slice(s![.., ..p]).to_owned());
        }
        self.levels.at_theta(&by_lambda)
    }

    fn modes(&self, at: &BlockedAt, gamma: &Array1<f64>) -> Vec<Array2<f64>> {
        let p = gamma.len();
        let u = &at.u.column(p) - &at.u.slice(s![.., ..p]).dot(gamma);
        self.levels.by_term(&self.levels.times_lambda(&at.lambdas, &u.insert_axis(Axis(1)), false))
    }

    fn predictions(&self, at: &BlockedAt, gamma: &Array1<f64>) -> Vec<Predictions> {
        let inverse = at.factor.inverse_on_pattern();
        let pzx = self.levels.times_lambda(&at.lambdas, &at.u.slice(s![.., ..gamma.len()]).to_owned(), false);
        let mut all = Vec::new();
        for (t, modes) in self.modes(at, gamma).into_iter().enumerate() {
            let term = &self.levels.terms[t];
            let mut out = Predictions::zeros(term.nodes.len(), term.q, gamma.len());
            out.modes = modes;
            for (j, node) in term.nodes.clone().enumerate() {
                let conditional = self.levels.conditional(&inverse, t, node, &at.lambdas[t]);
                out.p.index_axis_mut(Axis(0), j).assign(&conditional);
                out.pzx.index_axis_mut(Axis(0), j).assign(&pzx.slice(s![self.levels.rows(node), ..]));
            }
            all.push(out);
        }
        all
    }
}
