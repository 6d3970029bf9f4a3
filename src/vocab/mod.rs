//! The words every other room speaks: ids, days and periods, units, activities, outcomes, estimands.
//! No input or output, no algebra, and nothing of ours is imported here.

pub mod activities;
pub mod calendar;
pub mod coded;
pub mod codes;
pub mod estimand;
pub mod exits;
pub mod ids;
pub mod lang;
pub mod leerwegen;
pub mod outcomes;
pub mod refusal;
pub mod units;

pub use activities::{ACTIVITIES, ActivityType, Competence, TriplePart};
pub use calendar::{Day, PeriodLength};
pub use coded::{Bits, Coded, Coder};
pub use estimand::{Contrast, DosePart, Estimand, Population, Reading};
pub use exits::ExitKind;
pub use ids::{CohortIx, IdVec, PupilIx, SchoolIx};
pub use lang::Lang;
pub use outcomes::{Among, DiplomaKind, Direction, Need, OUTCOMES, OutcomeDef, OutcomeRule, OutcomeStatus, Trait};
pub use refusal::RefusalReason;
pub use units::{Interval, IntervalMethod, Level, Quantity, Unit};
