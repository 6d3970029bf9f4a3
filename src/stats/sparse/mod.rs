//! Cholesky factor, log-determinant, solves and the needed part of the inverse of the sparse matrix of a mixed model.
//!
//! With random effects b = Λu the penalised problem has M = I + ΛᵀZᵀWZΛ. A *node* is one level of one grouping factor,
//! with q columns; M has a q×q block on its diagonal and a q_a×q_b block wherever two levels share a row of data. The
//! pattern is that of the data, the values change with every θ. So everything about the pattern is done once:
//!
//! ```text
//! analyse   Symbolic   order of elimination, pattern of L, where each value goes
//! factor    Factor     PMPᵀ = LLᵀ, log|M|
//! solve     M⁻¹B
//! invert    the elements of M⁻¹ at the pattern of M: what ∂log|M|/∂θ = tr(M⁻¹ ∂M/∂θ) needs
//! ```
//!
//! Nodes of few neighbours are eliminated one by one in rounds of nodes that do not touch each other (`order`); what is
//! left when neighbours become many is one dense *tail* (`tail`). Nested factors have no fill and no tail; for two
//! crossed factors the tail is about the smaller one. The head is cut into pieces (`schedule`): subtrees of the
//! elimination, which do not depend on each other, then what stands above them. A column of L is made from finished
//! earlier columns, a column of the inverse from finished later ones, always in the same order and by one thread; so the
//! bits do not depend on the number of threads.
//!
//! Sources: George & Liu 1981 (elimination, left-looking factor); Takahashi, Fagan & Chen 1973 and Erisman & Tinney 1975
//! (the inverse on the pattern); Bates, Maechler, Bolker & Walker 2015 and MixedModels.jl (why the tail is dense).

mod blocks;
mod factor;
mod housed;
mod inverse;
mod multiply;
mod order;
mod pairs;
mod schedule;
mod solve;
mod symbolic;
mod tail;
#[cfg(test)]
mod tests;

pub use factor::Factor;
pub use symbolic::Symbolic;
