//! Why a fit could not be made.

/// Errors of the statistical core. Row and column numbers count from 0 in the arrays the caller passed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StatsError {
    /// Arrays whose lengths or codes do not fit together.
    #[error("arrays do not fit together: {0}")]
    Shape(&'static str),
    /// A value that is NaN or infinite in the input.
    #[error("{array} holds a value that is not finite in row {row}")]
    NotFinite {
        /// Which array.
        array: &'static str,
        /// Its row.
        row: usize,
    },
    /// A cell without trials, or with fewer or more successes than it can have.
    #[error("row {row}: {successes} successes in {trials} trials")]
    Counts {
        /// Row of the cell.
        row: usize,
        /// Trials of the cell.
        trials: f64,
        /// Successes of the cell.
        successes: f64,
    },
    /// A weight that is not above 0, or not finite.
    #[error("row {row}: a weight must be finite and above 0")]
    Weight {
        /// Row of the weight.
        row: usize,
    },
    /// Cross-products that have lost too many digits to be used.
    #[error(
        "cross-products of these columns keep too few digits (condition number of x: {condition:e}); fit from the rows"
    )]
    IllConditioned {
        /// Condition number of the columns brought to equal length.
        condition: f64,
    },
    /// Column `column` of `x` is, to working precision, a combination of the columns before it.
    #[error("column {column} of x is a combination of the columns before it")]
    RankDeficient {
        /// Column of `x`.
        column: usize,
    },
    /// The likelihood keeps rising as the coefficient of `column` runs away: the column (alone or with others)
    /// separates successes from failures.
    #[error("column {column} of x separates the outcome: its coefficient has no finite estimate")]
    Separated {
        /// Column of `x` whose coefficient moves most.
        column: usize,
    },
    /// All outcomes are equal.
    #[error("the outcome does not vary")]
    NoVariation,
    /// Fewer than two groups have rows, so what groups share cannot be told from the rest.
    #[error("{groups} group(s) with rows; two or more are needed")]
    TooFewGroups {
        /// Groups that have rows.
        groups: usize,
    },
    /// A random-effects term with as many effects as there are rows, which can't be told from the residuals.
    #[error("random-effects term {term} has as many effects as there are rows")]
    TooManyLevels {
        /// Index of the term.
        term: usize,
    },
    /// Grouping factors so large and so crossed that the problem does not fit in memory.
    #[error("the grouping factors cross in {columns} columns that touch nearly all others: too many to factor")]
    TooDense {
        /// Columns of the dense part.
        columns: usize,
    },
    /// A variance or standard error that is not above 0.
    #[error("{array} must be above 0, and is not in row {row}")]
    NotPositive {
        /// Which array.
        array: &'static str,
        /// Its row.
        row: usize,
    },
    /// A category of the outcome that no row has, so that its coefficients have no finite estimate.
    #[error("no row has category {category}")]
    EmptyCategory {
        /// The category, 0 for the reference.
        category: usize,
    },
    /// The iterations ended without an optimum at which a covariance matrix exists.
    #[error("no optimum after {evaluations} evaluations (largest gradient component {grad_max:e})")]
    NotConverged {
        /// Evaluations (or iterations) spent.
        evaluations: u32,
        /// Largest absolute component of the gradient where it stopped.
        grad_max: f64,
    },
}
