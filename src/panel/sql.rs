//! The plan printed as SQL.
