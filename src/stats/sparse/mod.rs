//! Cholesky factor, log-determinant, solves and the needed part of the inverse of the sparse matrix of a mixed model.
//!
//! With random effects b = Λu the penalised problem has M = I + ΛᵀZᵀWZΛ. A *node* is one level of one grouping factor,
//! with q columns; M has a q×q block on its diagonal and a q_a×q_b block wherever two levels share a row of data. The
//! pattern is that of the data, the values change with every θ. So everything about the pattern is done once:
//!
//! ```text
//! analyse   Symbolic   order of elimination, pattern of L, where each value goes
//! factor    Factor     PMPᵀ = LLᵀ, log|M|
//! solve     M⁻¹B, and L⁻¹PB for reduced cross-products
//! invert    the elements of M⁻¹ at the pattern of M: what ∂log|M|/∂θ = tr(M⁻¹ ∂M/∂θ) needs
//! ```
//!
//! Nodes of few neighbours are eliminated one by one in rounds of nodes that do not touch each other (`order`); what is
//! left when neighbours become many is one dense *tail* (`tail`). Nested factors have no fill and no tail; for two
//! crossed factors the tail is about the smaller one. Each column of L is computed from the finished columns of earlier
//! rounds, each column of the inverse from those of later rounds, so the columns of a round are independent, are written
//! by one thread each, and have the same bits for any number of threads.
//!
//! Sources: George & Liu 1981 (elimination, left-looking factor); Takahashi, Fagan & Chen 1973 and Erisman & Tinney 1975
//! (the inverse on the pattern); Bates, Maechler, Bolker & Walker 2015 and MixedModels.jl (why the tail is dense).
#![allow(dead_code, reason = "the models that stand on this kernel are not here yet")]

mod blocks;
mod factor;
mod inverse;
mod order;
mod schedule;
mod solve;
mod symbolic;
mod tail;
#[cfg(test)]
mod tests;

#[allow(unused_imports, reason = "as above")]
pub use factor::Factor;
#[allow(unused_imports, reason = "as above")]
pub use symbolic::{Edge, Symbolic};
