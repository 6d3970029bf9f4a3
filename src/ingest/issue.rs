//! What is wrong inside a file: every place counted, the first hundred listed, never a value.
//!
//! A list is made once per file and stops the run; a person mends the file after one reading of it.

use std::collections::BTreeMap;
use std::fmt;

use crate::vocab::Lang;

/// Places that are listed; the rest is counted.
const SHOWN: usize = 100;

macro_rules! faults {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal, $frictionless:literal, $nl:literal, $en:literal;)*) => {
        /// Kinds of faults in a file, with a stable code, the name that Frictionless gives it, and a hint.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[doc = $doc])* $name,)* }

        impl Fault {
            /// All kinds, in order of code.
            pub const ALL: &'static [Fault] = &[$(Fault::$name),*];

            /// Stable code, `LOB-E02##`.
            pub fn code(self) -> &'static str {
                match self { $(Fault::$name => $code),* }
            }

            /// Name of the fault in the Frictionless standard.
            pub fn frictionless(self) -> &'static str {
                match self { $(Fault::$name => $frictionless),* }
            }

            /// What to do about it.
            pub fn hint(self, lang: Lang) -> &'static str {
                match self { $(Fault::$name => lang.pick($nl, $en)),* }
            }
        }
    };
}

faults! {
    /// A row has fewer cells than the header.
    MissingCell = "LOB-E0201", "missing-cell",
        "Kijk of de regel is afgebroken, of een scheidingsteken mist.",
        "See whether the line was cut off or lacks a separator.";
    /// A row has more cells than the header, and they are not empty.
    ExtraCell = "LOB-E0202", "extra-cell",
        "Staat het scheidingsteken in een tekst? Zet die tekst dan tussen aanhalingstekens.",
        "Does a text hold the separator? Then put that text in quotes.";
    /// A date that can't be read or does not exist.
    BadDate = "LOB-E0203", "type-error",
        "Schrijf datums als jjjj-mm-dd of dd-mm-jjjj.",
        "Write dates as yyyy-mm-dd or dd-mm-yyyy.";
    /// A number that can't be read.
    BadNumber = "LOB-E0204", "type-error",
        "Schrijf alleen cijfers, met één decimaalteken.",
        "Write digits only, with one decimal sign.";
    /// A required cell is empty.
    Required = "LOB-E0205", "constraint-error",
        "Dit veld is verplicht; vraag het bestand opnieuw op.",
        "This field is required; ask for the file again.";
    /// A code that the format does not know.
    UnknownCode = "LOB-E0206", "constraint-error",
        "Deze code kent het formaat niet; kijk of een kolom is verschoven.",
        "The format has no such code; see whether a column has shifted.";
    /// A record refers to one that is not there.
    NoParent = "LOB-E0207", "foreign-key",
        "Het record waar dit bij hoort ontbreekt; vraag het bestand opnieuw op.",
        "The record that this belongs to is missing; ask for the file again.";
    /// Two records have one key.
    Repeated = "LOB-E0208", "primary-key",
        "Hetzelfde record staat er twee keer; vraag het bestand opnieuw op.",
        "The same record stands there twice; ask for the file again.";
    /// A control total does not fit: records are missing or doubled.
    ControlTotal = "LOB-E0209", "row-count",
        "Bestand onvolledig: vraag het opnieuw op, of zet `incomplete = true` bij de bron.",
        "The file is incomplete: ask for it again, or set `incomplete = true` for the source.";
    /// A record of a kind that the format does not know.
    UnknownRecord = "LOB-E0210", "type-error",
        "Het recordtype is onbekend; is dit het goede formaat?",
        "The kind of record is unknown; is this the right format?";
    /// An end before its start.
    EndBeforeStart = "LOB-E0211", "constraint-error",
        "De einddatum ligt voor de begindatum.",
        "The end lies before the start.";
    /// A person has no number, or two.
    PersonNumber = "LOB-E0212", "constraint-error",
        "Elke regel heeft precies één persoonsnummer.",
        "Every line has exactly one person number.";
    /// Two columns that must be equal differ.
    Contradiction = "LOB-E0213", "constraint-error",
        "Twee velden spreken elkaar tegen.",
        "Two fields contradict each other.";
    /// A formula without a stored result.
    NoResult = "LOB-E0214", "type-error",
        "Open het bestand in Excel en sla het opnieuw op; dan staan de uitkomsten erin.",
        "Open the file in Excel and save it again, so that results are stored.";
    /// An identifier or code that a spreadsheet turned into a number or a date.
    SpreadsheetDamage = "LOB-E0215", "type-error",
        "Excel heeft de waarde veranderd; importeer deze kolom als tekst.",
        "Excel changed the value; import this column as text.";
    /// Content that is not JSON or XML of the expected form.
    Malformed = "LOB-E0216", "source-error",
        "Dit deel van het bestand is niet te lezen; maak de export opnieuw.",
        "This part of the file can't be read; export it again.";
    /// Merged cells: only one of the rows has the value.
    Merged = "LOB-E0217", "structure-error",
        "Hef samengevoegde cellen op en vul elke rij.",
        "Unmerge cells and fill every row.";
    /// The replacement character: an earlier program lost a letter.
    LostCharacter = "LOB-E0218", "encoding-error",
        "Een eerder programma heeft een letter verloren; maak de export opnieuw.",
        "An earlier program lost a letter; export it again.";
}

/// One faulty place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// What kind of fault.
    pub fault: Fault,
    /// File name.
    pub file: String,
    /// Row or line of the original file, counted from 1.
    pub row: Option<u64>,
    /// Column or record and field.
    pub column: Option<String>,
    /// Masked shape of what was found.
    pub found: Option<String>,
    /// What would be right.
    pub expected: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.fault.code(), self.file)?;
        if let Some(row) = self.row {
            write!(f, " row {row}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column `{column}`")?;
        }
        write!(f, ": ")?;
        if let Some(found) = &self.found {
            write!(f, "found the form `{found}`, ")?;
        }
        f.write_str(&self.expected)
    }
}

/// The faults of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issues {
    counts: BTreeMap<Fault, u64>,
    first: Vec<Issue>,
}

impl Issues {
    /// Notes one fault.
    pub fn add(&mut self, issue: Issue) {
        *self.counts.entry(issue.fault).or_default() += 1;
        if self.first.len() < SHOWN {
            self.first.push(issue);
        }
    }

    /// Adds the faults of another part of the same file, which lies after this one.
    pub fn merge(&mut self, other: Issues) {
        for (fault, n) in other.counts {
            *self.counts.entry(fault).or_default() += n;
        }
        self.first.extend(other.first);
        self.first.truncate(SHOWN);
    }

    /// Number of faults per kind.
    pub fn counts(&self) -> &BTreeMap<Fault, u64> {
        &self.counts
    }

    /// The first faults, in file order.
    pub fn first(&self) -> &[Issue] {
        &self.first
    }

    /// All faults.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

impl fmt::Display for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, issue) in self.first.iter().enumerate() {
            write!(f, "{}  {issue}", if i == 0 { "" } else { "\n" })?;
        }
        let hidden = self.count() - self.first.len() as u64;
        if hidden > 0 {
            write!(f, "\n  and {hidden} more")?;
        }
        for fault in self.counts.keys() {
            write!(f, "\n  {}: {}", fault.code(), fault.hint(Lang::En))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(row: u64) -> Issue {
        let (column, found) = (Some("datum".to_string()), Some("99 aaa".to_string()));
        Issue {
            fault: Fault::BadDate,
            file: "a.csv".into(),
            row: Some(row),
            column,
            found,
            expected: "it must be a date".into(),
        }
    }

    #[test]
    fn the_first_hundred_are_listed_and_all_are_counted() {
        let mut issues = Issues::default();
        (0..150).for_each(|row| issues.add(issue(row)));
        let mut later = Issues::default();
        later.add(issue(150));
        issues.merge(later);
        assert_eq!((issues.count(), issues.first().len()), (151, 100));
        let said = issues.to_string();
        let code = Fault::BadDate.code();
        let first = format!("{code} a.csv row 0, column `datum`: found the form `99 aaa`, it must be a date");
        assert!(said.contains(&first), "{said}");
        assert!(said.contains("and 51 more") && said.contains("Write dates as"), "{said}");
    }

    #[test]
    fn codes_are_unique_and_hints_are_in_both_languages() {
        let codes: std::collections::BTreeSet<_> = Fault::ALL.iter().map(|f| f.code()).collect();
        assert_eq!(codes.len(), Fault::ALL.len());
        assert!(Fault::ALL.iter().all(|f| f.hint(Lang::Nl) != f.hint(Lang::En) && !f.frictionless().is_empty()));
    }
}
