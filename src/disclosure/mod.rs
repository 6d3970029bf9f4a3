//! What may leave: thresholds and zones. Stands between the effects and everything people read.

pub mod margins;
pub mod page;
pub mod suppress;
pub mod zone;
