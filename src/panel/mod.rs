//! Tables → one row per pupil × period: who is at risk, the dose known before the period, the outcome,
//! covariates, school, and a flow table of who fell out where and why.
//!
//! [`plan::Plan`] says what is to be done, as a value. [`native`] executes it as a streaming pass,
//! `sql` prints it. Nobody else reads activity rows.

mod calendars;
pub mod cells;
pub mod counts;
mod dated;
mod doses;
mod ends;
mod enrolled;
mod entries;
pub mod flow;
mod keys;
pub mod matched;
pub mod native;
mod occasions;
pub mod patterns;
pub mod plan;
mod pupils;
mod question;
pub mod registration;
mod scale;
pub mod sets;
pub mod sql;
pub mod status;
mod stays;
mod sums;
pub mod table;
mod traits;
mod windows;

pub use doses::Doses;
pub use flow::{Flow, Step};
pub use native::build;
pub use occasions::Scores;
pub use plan::Plan;
pub use pupils::Pupils;
pub use registration::Registration;
pub use sets::Panel;
