//! Files of DUO.

mod counts;
mod exams;
mod lists;
mod open_data;
mod parse_register;
mod register;
mod table;
mod tbgi;
pub(super) mod values;

pub use counts::Bounds;
pub(crate) use counts::count;
pub(super) use exams::Exams;
pub(super) use lists::{A04, A05, A14, Nenr, Nrsp, folded};
pub(super) use open_data::{Overgangen, Vestigingen, Voins, Vsv};
pub(super) use register::{Grondslag, Obo, Ro};
pub(super) use tbgi::Tbgi;
