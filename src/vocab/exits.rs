//! Ways out of a school that exclude each other: who has gone by one can't go by another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Lang;

/// A way out. In this order they go first when two are dated on one day: who has the diploma did not drop out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExitKind {
    /// With the diploma.
    Diploma,
    /// To another school or type of education.
    Overstap,
    /// Out of education without a diploma.
    #[default]
    Uitval,
}

impl ExitKind {
    /// All of them, in their order.
    pub const ALL: [ExitKind; 3] = [ExitKind::Diploma, ExitKind::Overstap, ExitKind::Uitval];

    /// Code in study files and tables.
    pub fn code(self) -> &'static str {
        match self {
            ExitKind::Diploma => "diploma",
            ExitKind::Overstap => "overstap",
            ExitKind::Uitval => "uitval",
        }
    }

    /// Label in a language.
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            ExitKind::Diploma => lang.pick("vertrek met diploma", "leaving with the diploma"),
            ExitKind::Overstap => lang.pick("overstap naar een andere school", "transfer to another school"),
            ExitKind::Uitval => lang.pick("uitval", "dropout"),
        }
    }
}
