//! What a file holds, column by column, without keeping or telling a value: for `lob check` and `lob init --from`.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::adapters::{self, Options, Raw};
use super::door::watch_of;
use super::{BsnWatch, Dialect, InputError, InputFile, Progress, Sizes, masked};
use crate::study::file::{Format, IdKind, Source};

/// Shapes and words that are counted per column; a column with more is no list of categories.
const DIFFERENT: usize = 64;
/// A text from this many characters on, with spaces, is somebody's sentence.
const SENTENCE: usize = 40;

/// One column of a file.
#[derive(Clone, Default)]
pub struct ColumnProfile {
    /// Its name in the file.
    pub name: String,
    /// Type in which the file holds it.
    pub kind: String,
    /// Kind of identifier, declared by the format or the study.
    pub id: Option<IdKind>,
    /// Rows.
    pub rows: u64,
    /// Rows without a value.
    pub missing: u64,
    /// What it holds of person numbers.
    pub bsn: BsnWatch,
    /// Cells that look like an e-mail address.
    pub emails: u64,
    /// Cells that look like a sentence.
    pub sentences: u64,
    /// How large the numbers among its cells are.
    pub sizes: Sizes,
    /// Masked shapes with their counts; empty when there are many.
    pub shapes: BTreeMap<String, u64>,
    /// Words with their counts, for proposals of a mapping; empty when there are many. They are values: see
    /// [`ColumnProfile::categories`].
    words: BTreeMap<String, u64>,
    has_many_words: bool,
    has_many_shapes: bool,
}

/// Without words and shapes.
impl std::fmt::Debug for ColumnProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, rows, missing, .. } = self;
        f.debug_struct("ColumnProfile")
            .field("name", &shown_name(&self.name))
            .field("kind", kind)
            .field("rows", rows)
            .field("missing", missing)
            .finish_non_exhaustive()
    }
}

impl ColumnProfile {
    /// Words that stand in at least `fewest` rows of a column that is a list of few words: names of categories, not of
    /// people.
    pub fn categories(&self, fewest: u64) -> BTreeMap<&str, u64> {
        if self.has_many_words || self.id.is_some() || self.emails > 0 || self.bsn.passing_cells() > 0 {
            return BTreeMap::new();
        }
        self.words.iter().filter(|(_, n)| **n >= fewest).map(|(word, n)| (word.as_str(), *n)).collect()
    }

    /// Share of rows without a value.
    pub fn missing_share(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.missing as f64 / self.rows as f64 }
    }

    /// The shape that most cells have, with the share of filled cells that have it.
    pub fn shape(&self) -> Option<(&str, f64)> {
        let filled = (self.rows - self.missing) as f64;
        let most = self.shapes.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)))?;
        Some((most.0.as_str(), *most.1 as f64 / filled))
    }

    /// Whether nearly every row has a word of its own.
    pub fn has_many_words(&self) -> bool {
        self.has_many_words
    }

    fn see(&mut self, column: &ArrayRef, null: &[String]) {
        self.rows += column.len() as u64;
        if let Some(watch) = watch_of(column, true) {
            self.bsn.merge(&watch);
        }
        let Ok(text) = cast(column, &DataType::Utf8) else {
            self.missing += column.null_count() as u64;
            return;
        };
        self.see_texts(text.as_string::<i32>(), null);
    }

    fn see_texts(&mut self, texts: &StringArray, null: &[String]) {
        for cell in texts.iter() {
            let Some(cell) = cell.map(str::trim).filter(|c| !c.is_empty() && !null.iter().any(|n| n == c)) else {
                self.missing += 1;
                continue;
            };
            self.emails += u64::from(is_email(cell));
            self.sentences += u64::from(cell.len() >= SENTENCE && cell.matches(' ').count() >= 4);
            if let Ok(x) = cell.replace(',', ".").parse() {
                self.sizes.see(x);
            }
            count(&mut self.shapes, &mut self.has_many_shapes, &masked(cell));
            count(&mut self.words, &mut self.has_many_words, cell);
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, has_many: &mut bool, word: &str) {
    if *has_many {
        return;
    }
    if let Some(n) = counts.get_mut(word) {
        *n += 1;
    } else if counts.len() < DIFFERENT {
        counts.insert(word.to_string(), 1);
    } else {
        *has_many = true;
        counts.clear();
    }
}

/// Something, an at sign, something with a point.
fn is_email(cell: &str) -> bool {
    cell.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.split_once('.').is_some_and(|(a, b)| !a.is_empty() && b.len() >= 2)
    })
}

/// One file.
#[derive(Clone, Debug)]
pub struct FileProfile {
    /// Name without folders.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// How it is written.
    pub dialect: Dialect,
    /// Rows.
    pub rows: u64,
    /// Its columns in file order.
    pub columns: Vec<ColumnProfile>,
}

impl FileProfile {
    /// Forgets the words of all columns but those of which `is_needed` says that they are.
    pub fn forget_words(&mut self, is_needed: impl Fn(&str) -> bool) {
        self.columns.iter_mut().filter(|c| !is_needed(&c.name)).for_each(|c| c.words.clear());
    }
}

/// The format of a file and the tables that it may hold, without reading it.
///
/// # Errors
/// A file that can't be opened, or of no format that is known.
pub fn recognise(file: &InputFile) -> Result<(Format, Vec<&'static str>), InputError> {
    let adapter = adapters::find(file, None)?;
    Ok((adapter.format(), adapter.tables().iter().map(|t| t.name).collect()))
}

/// Names of the columns of a file.
///
/// # Errors
/// A file that can't be opened.
pub fn header(file: &InputFile, source: &Source) -> Result<Vec<String>, InputError> {
    Ok(adapters::open(file, source.format, &Options::of(source))?.header().to_vec())
}

/// Reads every cell of every column of a file.
///
/// # Errors
/// A file that can't be opened or read to its end.
pub fn profile(file: &InputFile, source: &Source, progress: &dyn Progress) -> Result<FileProfile, InputError> {
    let reader = adapters::open(file, source.format, &Options::of(source))?;
    let mut ids = reader.ids();
    ids.extend(source.ids.clone());
    let header = reader.header().to_vec();
    let new = |name: &String| ColumnProfile { name: name.clone(), id: ids.get(name).copied(), ..Default::default() };
    let mut columns: Vec<ColumnProfile> = header.iter().map(new).collect();
    let all: Vec<usize> = (0..header.len()).collect();
    let mut rows = 0;
    for part in 0..reader.parts() {
        for raw in reader.read(part, &all)? {
            let Raw { batch, .. } = raw?;
            rows += batch.num_rows() as u64;
            progress.rows(batch.num_rows() as u64);
            for (profile, array) in columns.iter_mut().zip(batch.columns()) {
                if profile.kind.is_empty() {
                    profile.kind = kind_of(array.data_type());
                }
                profile.see(array, &source.null);
            }
        }
    }
    let dialect = reader.dialect();
    Ok(FileProfile { name: file.name.clone(), bytes: file.bytes, dialect, rows, columns })
}

fn kind_of(data: &DataType) -> String {
    match data {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => "text".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Timestamp(_, _) => "timestamp".into(),
        DataType::Boolean => "boolean".into(),
        t if t.is_integer() => "integer".into(),
        t if t.is_numeric() => "number".into(),
        other => other.to_string(),
    }
}

/// The name of a column as it may be shown. In a file without header the names are the first pupil's values: a name with
/// an at sign or with five digits is shown as its shape.
pub fn shown_name(name: &str) -> String {
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let clean: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    if digits >= 5 || name.contains('@') { masked(name) } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn seen(cells: &[&str]) -> ColumnProfile {
        let mut profile = ColumnProfile::default();
        let array: ArrayRef = Arc::new(StringArray::from(cells.to_vec()));
        profile.see(&array, &["NA".to_string()]);
        profile
    }

    #[test]
    fn a_column_is_described_without_a_value() {
        let p = seen(&["07-10-2024", "08-10-2024", "", "NA", "9-1-2025"]);
        assert_eq!((p.rows, p.missing), (5, 2));
        assert_eq!(p.shape(), Some(("99-99-9999", 2.0 / 3.0)));
        assert!((p.missing_share() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn words_are_kept_where_they_are_needed_and_printed_nowhere() {
        let columns = [("naam", "Kanariesma"), ("soort", "Gesprek")]
            .map(|(name, word)| ColumnProfile { name: name.to_string(), ..seen(&[word]) })
            .to_vec();
        let mut file = FileProfile { name: "a.csv".into(), bytes: 1, dialect: Dialect::default(), rows: 1, columns };
        let printed = format!("{file:?}");
        assert!(!printed.contains("Kanariesma") && !printed.contains("Gesprek"), "{printed}");
        file.forget_words(|column| column == "soort");
        let words = |at: usize| file.columns[at].categories(1).into_keys().map(str::to_string).collect::<Vec<_>>();
        assert!(words(0).is_empty() && words(1) == ["Gesprek"]);
    }

    #[test]
    fn addresses_sentences_and_numbers_are_counted() {
        let p = seen(&["x@school.nl", "a@b", "Ik wil later graag in de zorg gaan werken denk ik", "BSN 123456782"]);
        assert_eq!((p.emails, p.sentences, p.bsn.passing_cells()), (1, 1, 1));
        assert!(p.categories(1).is_empty(), "what may be a person is no category");
    }

    #[test]
    fn only_words_that_stand_often_are_categories() {
        let mut cells = vec!["Gesprek"; 12];
        cells.push("X. van Y");
        assert_eq!(seen(&cells).categories(10).into_keys().collect::<Vec<_>>(), ["Gesprek"]);
        let many: Vec<String> = (0..100).map(|i| format!("naam {i}")).collect();
        let many = seen(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(many.has_many_words() && many.categories(1).is_empty());
    }

    #[test]
    fn a_header_that_is_a_pupil_is_shown_as_its_shape() {
        assert_eq!(shown_name("Leerling nr"), "Leerling nr");
        assert_eq!(shown_name("123456782"), "999999999");
        assert_eq!(shown_name("x@school.nl"), "a@aaaaaa.aa");
    }
}
