//! The commented study that `lob init` and `lob simulate` write.

/// A complete study of vmbo pupils in the canonical tables, with a comment for every choice.
pub const TEMPLATE: &str = include_str!("template.toml");
