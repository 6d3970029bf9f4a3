//! Typed columns of a batch. A reader asks for a column as text, number or day and gets just that.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
};
use arrow::compute::{cast, filter, take};
use arrow::datatypes::{DataType, Float64Type, Int32Type};

use super::forms::{NumberForm, is_serial_day, is_spreadsheet_damage, parse_date, parse_number};
use super::reject::Problem;
use crate::study::file::Axis;
use crate::vocab::Day;

/// As what a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum As {
    /// Text: keys, codes, labels. Whole numbers count as their decimal text.
    Text,
    /// A number; truth values count as 0 and 1.
    Number,
    /// A day of the study's time axis.
    Day,
    /// A count, as text: a whole number in whatever type, or masked, `<5`.
    Count,
}

/// A wanted column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Name in the study.
    pub name: String,
    /// As what it is read.
    pub as_: As,
}

impl Want {
    /// A wanted column.
    pub fn new(name: &str, as_: As) -> Self {
        Self { name: name.to_string(), as_ }
    }
}

/// Rows that follow each other, from the end of the run before.
#[derive(Clone, Copy, Debug)]
pub struct Run<T> {
    /// What they have in common.
    pub value: T,
    /// The row behind the last.
    pub end: usize,
}

/// The runs of `rows` rows, where `same` says whether a row is as the one before.
fn runs<T>(rows: usize, same: impl Fn(usize) -> bool, mut value: impl FnMut(usize) -> T) -> Vec<Run<T>> {
    let mut all = Vec::new();
    let mut start = 0;
    for row in 1..=rows {
        if row == rows || !same(row) {
            all.push(Run { value: value(start), end: row });
            start = row;
        }
    }
    all
}

/// A text column in the form in which the file holds it.
#[derive(Clone, Debug)]
pub enum Text {
    /// Plain texts.
    Plain(StringArray),
    /// Codes into a short list of texts.
    Coded(DictionaryArray<Int32Type>),
    /// Whole numbers, read as their decimal text.
    Int(Int64Array),
}

impl Text {
    /// Appends the text of `row` to `out`; false when there is none.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> bool {
        match self {
            Text::Plain(a) => {
                let some = a.is_valid(row);
                if some {
                    out.extend_from_slice(a.value(row).as_bytes());
                }
                some
            }
            Text::Coded(a) => match a.key(row) {
                Some(k) if a.values().is_valid(k) => {
                    out.extend_from_slice(a.values().as_string::<i32>().value(k).as_bytes());
                    true
                }
                _ => false,
            },
            Text::Int(a) => {
                let some = a.is_valid(row);
                if some {
                    write_int(a.value(row), out);
                }
                some
            }
        }
    }

    /// What `of` makes of the text of each row, of no text where there is none. A text that the file holds once for many rows is
    /// asked about once.
    pub fn each<T: Copy>(&self, mut of: impl FnMut(Option<&[u8]>) -> T) -> Vec<T> {
        match self {
            Text::Coded(a) if a.values().len() <= a.len() => {
                let texts = a.values().as_string::<i32>();
                let (mut known, mut none) = (vec![None; texts.len()], None);
                let text = |k: usize| texts.is_valid(k).then(|| texts.value(k).as_bytes());
                let mut one = |code: Option<usize>| match code {
                    Some(k) => *known[k].get_or_insert_with(|| of(text(k))),
                    None => *none.get_or_insert_with(|| of(None)),
                };
                match a.nulls() {
                    None => a.keys().values().iter().map(|k| one(Some(*k as usize))).collect(),
                    Some(_) => (0..a.len()).map(|row| one(a.key(row))).collect(),
                }
            }
            _ => {
                let mut text = Vec::new();
                let mut one = |row: usize| {
                    text.clear();
                    if self.write(row, &mut text) { of(Some(&text)) } else { of(None) }
                };
                (0..self.len()).map(&mut one).collect()
            }
        }
    }

    /// Rows of one text that follow each other, with what `of` says of one of them: once for a text that the file holds once for
    /// many rows.
    pub fn runs<T: Copy>(&self, mut of: impl FnMut(usize) -> T) -> Vec<Run<T>> {
        match self {
            Text::Coded(a) => {
                let codes = a.keys().values();
                let mut known = vec![None; if a.values().len() <= a.len() { a.values().len() } else { 0 }];
                let mut of_code = |row: usize| match known.get_mut(codes[row] as usize).filter(|_| a.is_valid(row)) {
                    Some(known) => *known.get_or_insert_with(|| of(row)),
                    None => of(row),
                };
                match a.nulls() {
                    None => runs(codes.len(), |row| codes[row] == codes[row - 1], &mut of_code),
                    Some(_) => runs(codes.len(), |row| a.key(row) == a.key(row - 1), &mut of_code),
                }
            }
            Text::Plain(a) => {
                let get = |row: usize| a.is_valid(row).then(|| a.value(row));
                runs(a.len(), |row| get(row) == get(row - 1), of)
            }
            Text::Int(a) => {
                let get = |row: usize| a.is_valid(row).then(|| a.value(row));
                runs(a.len(), |row| get(row) == get(row - 1), of)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Text::Plain(a) => a.len(),
            Text::Coded(a) => a.len(),
            Text::Int(a) => a.len(),
        }
    }

    /// The text of `row`.
    pub fn get(&self, row: usize) -> Option<String> {
        let mut bytes = Vec::new();
        self.write(row, &mut bytes).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn array(&self) -> ArrayRef {
        match self {
            Text::Plain(a) => std::sync::Arc::new(a.clone()),
            Text::Coded(a) => std::sync::Arc::new(a.clone()),
            Text::Int(a) => std::sync::Arc::new(a.clone()),
        }
    }
}

/// Decimal digits without a detour through `String`: this runs once per activity row.
fn write_int(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// A typed column.
#[derive(Clone, Debug)]
pub enum Column {
    /// See [`As::Text`].
    Text(Text),
    /// See [`As::Number`].
    Number(Float64Array),
    /// See [`As::Day`].
    Day(Int32Array),
}

impl Column {
    /// The text column.
    ///
    /// # Panics
    /// When the column was asked for as something else: a mistake in our code, never in data.
    pub fn text(&self) -> &Text {
        match self {
            Column::Text(t) => t,
            _ => panic!("a column asked for as text"),
        }
    }

    /// The numbers; see [`Column::text`] for panics.
    pub fn number(&self) -> &Float64Array {
        match self {
            Column::Number(n) => n,
            _ => panic!("a column asked for as number"),
        }
    }

    /// The days; see [`Column::text`] for panics.
    pub fn day(&self) -> &Int32Array {
        match self {
            Column::Day(d) => d,
            _ => panic!("a column asked for as day"),
        }
    }

    fn array(&self) -> ArrayRef {
        match self {
            Column::Text(t) => t.array(),
            Column::Number(n) => std::sync::Arc::new(n.clone()),
            Column::Day(d) => std::sync::Arc::new(d.clone()),
        }
    }

    fn rebuild(&self, array: &ArrayRef) -> Column {
        match self {
            Column::Text(Text::Plain(_)) => Column::Text(Text::Plain(array.as_string::<i32>().clone())),
            Column::Text(Text::Coded(_)) => Column::Text(Text::Coded(array.as_dictionary::<Int32Type>().clone())),
            Column::Text(Text::Int(_)) => Column::Text(Text::Int(array.as_primitive().clone())),
            Column::Number(_) => Column::Number(array.as_primitive().clone()),
            Column::Day(_) => Column::Day(array.as_primitive().clone()),
        }
    }

    /// The rows where `keep` is true.
    pub(super) fn filter(&self, keep: &BooleanArray) -> Column {
        let kept = filter(&self.array(), keep).expect("a mask as long as the column");
        self.rebuild(&kept)
    }

    /// The rows at `index`; a null index gives a null.
    pub(super) fn take(&self, index: &arrow::array::UInt32Array) -> Column {
        let taken = take(&self.array(), index, None).expect("indices inside the column");
        self.rebuild(&taken)
    }

    /// One column after another of the same kind; texts become plain.
    pub(super) fn concat(parts: &[Column]) -> Option<Column> {
        let plain: Vec<Column> = parts.iter().map(Column::plain).collect();
        let arrays: Vec<ArrayRef> = plain.iter().map(Column::array).collect();
        let refs: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        let all = arrow::compute::concat(&refs).ok()?;
        Some(plain.first()?.rebuild(&all))
    }

    /// Whether two rows hold the same, or both nothing.
    pub(super) fn has_equal(&self, a: usize, b: usize) -> bool {
        let array = self.array();
        array.slice(a, 1).as_ref() == array.slice(b, 1).as_ref()
    }

    fn plain(&self) -> Column {
        match self {
            Column::Text(t @ (Text::Coded(_) | Text::Int(_))) => {
                let text = cast(&t.array(), &DataType::Utf8).expect("codes and whole numbers have a text");
                Column::Text(Text::Plain(text.as_string::<i32>().clone()))
            }
            other => other.clone(),
        }
    }
}

/// A column with the rows that could not be read as asked.
pub(super) struct Converted {
    pub(super) column: Column,
    pub(super) bad: Vec<(usize, Problem, String)>,
}

/// How the text of a column becomes days and numbers.
#[derive(Clone, Debug)]
pub(super) struct Reading<'f> {
    pub(super) axis: Axis,
    /// Form of dates (strftime).
    pub(super) dates: &'f str,
    pub(super) numbers: NumberForm,
    /// Cells were typed or came through a spreadsheet.
    pub(super) is_typed: bool,
}

/// Reads `array` as `as_`; `Err` says what would be right.
pub(super) fn convert(array: &ArrayRef, as_: As, reading: &Reading<'_>) -> Result<Converted, &'static str> {
    match as_ {
        As::Text => {
            let text = to_text(array)?;
            let bad = if reading.is_typed { damaged(&text) } else { Vec::new() };
            Ok(Converted { column: Column::Text(text), bad })
        }
        As::Count => to_count(array).map(|text| Converted { column: Column::Text(text), bad: Vec::new() }),
        As::Number => to_number(array, reading.numbers),
        As::Day if reading.axis == Axis::Days => to_day_number(array),
        As::Day => to_date(array, reading.dates),
    }
}

/// Cells that a spreadsheet turned into a number or a date.
fn damaged(text: &Text) -> Vec<(usize, Problem, String)> {
    let Text::Plain(cells) = text else { return Vec::new() };
    let is_damaged = |cell: &str| is_spreadsheet_damage(cell.trim());
    let damaged = cells.iter().enumerate().filter_map(|(row, cell)| Some((row, cell.filter(|c| is_damaged(c))?)));
    damaged.map(|(row, cell)| (row, Problem::SpreadsheetDamage, cell.to_string())).collect()
}

fn to_text(array: &ArrayRef) -> Result<Text, &'static str> {
    let wanted = "text or whole numbers";
    match array.data_type() {
        DataType::Utf8 => Ok(Text::Plain(array.as_string::<i32>().clone())),
        DataType::Dictionary(k, v) if **k == DataType::Int32 && **v == DataType::Utf8 => {
            Ok(Text::Coded(array.as_dictionary::<Int32Type>().clone()))
        }
        t if t.is_integer() && *t != DataType::UInt64 => {
            Ok(Text::Int(cast(array, &DataType::Int64).map_err(|_| wanted)?.as_primitive().clone()))
        }
        DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Dictionary(_, _)
        | DataType::Boolean
        | DataType::UInt64
        | DataType::Date32 => {
            Ok(Text::Plain(cast(array, &DataType::Utf8).map_err(|_| wanted)?.as_string::<i32>().clone()))
        }
        _ => Err(wanted),
    }
}

/// Counts beside missing ones come as decimal numbers out of many programs.
fn to_count(array: &ArrayRef) -> Result<Text, &'static str> {
    if !array.data_type().is_floating() {
        return to_text(array);
    }
    let wanted = "whole numbers";
    let numbers = cast(array, &DataType::Float64).map_err(|_| wanted)?;
    let is_whole = |v: f64| v.fract() == 0.0 && v.abs() <= f64::from(u32::MAX);
    if !numbers.as_primitive::<Float64Type>().iter().flatten().all(is_whole) {
        return Err(wanted);
    }
    to_text(&cast(&numbers, &DataType::Int64).map_err(|_| wanted)?)
}

fn to_number(array: &ArrayRef, form: NumberForm) -> Result<Converted, &'static str> {
    let wanted = "numbers";
    let mut bad = Vec::new();
    let numbers = match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
            let text = cast(array, &DataType::Utf8).map_err(|_| wanted)?;
            parse_rows(text.as_string::<i32>(), &mut bad, |s| {
                let problem = |two_ways| if two_ways { Problem::TwoNumbers } else { Problem::NotANumber };
                parse_number(form, s).map_err(problem)
            })
        }
        t if t.is_numeric() || *t == DataType::Boolean => {
            cast(array, &DataType::Float64).map_err(|_| wanted)?.as_primitive().clone()
        }
        _ => return Err(wanted),
    };
    for (row, value) in numbers.iter().enumerate() {
        if value.is_some_and(|v: f64| !v.is_finite()) {
            bad.push((row, Problem::NotFinite, String::new()));
        }
    }
    Ok(Converted { column: Column::Number(numbers), bad })
}

fn to_day_number(array: &ArrayRef) -> Result<Converted, &'static str> {
    let wanted = "whole numbers of days";
    let mut bad = Vec::new();
    let days = match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
            let text = cast(array, &DataType::Utf8).map_err(|_| wanted)?;
            parse_rows(text.as_string::<i32>(), &mut bad, |s| s.parse().map_err(|_| Problem::NotADay))
        }
        t if t.is_integer() => {
            let safe = cast(array, &DataType::Int32).map_err(|_| wanted)?;
            let overflow = (0..array.len()).filter(|&i| array.is_valid(i) && safe.is_null(i));
            bad.extend(overflow.map(|i| (i, Problem::NotADay, "999999999999".to_string())));
            safe.as_primitive().clone()
        }
        _ => return Err(wanted),
    };
    Ok(Converted { column: Column::Day(days), bad })
}

fn to_date(array: &ArrayRef, format: &str) -> Result<Converted, &'static str> {
    let wanted = "dates";
    let mut bad = Vec::new();
    let days = match array.data_type() {
        DataType::Date32 => cast(array, &DataType::Int32).map_err(|_| wanted)?.as_primitive().clone(),
        DataType::Date64 | DataType::Timestamp(_, _) => {
            let dates = cast(&in_utc(array), &DataType::Date32)
                .map_err(|_| "dates (a time in a named zone has no certain day: cast it to DATE first)")?;
            cast(&dates, &DataType::Int32).map_err(|_| wanted)?.as_primitive().clone()
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
            let text = cast(array, &DataType::Utf8).map_err(|_| wanted)?;
            parse_rows(text.as_string::<i32>(), &mut bad, |s| {
                let problem = if is_serial_day(s) { Problem::SerialDay } else { Problem::NotADate };
                parse_date(format, s).map(|date| Day::from_date(date).0).ok_or(problem)
            })
        }
        _ => return Err(wanted),
    };
    Ok(Converted { column: Column::Day(days), bad })
}

/// Moments in UTC, with that zone's offset in place of its name.
fn in_utc(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Timestamp(unit, Some(zone)) if zone.eq_ignore_ascii_case("utc") => {
            cast(array, &DataType::Timestamp(*unit, Some("+00:00".into()))).unwrap_or_else(|_| array.clone())
        }
        _ => array.clone(),
    }
}

fn parse_rows<T: arrow::datatypes::ArrowPrimitiveType>(
    text: &StringArray,
    bad: &mut Vec<(usize, Problem, String)>,
    parse: impl Fn(&str) -> Result<T::Native, Problem>,
) -> arrow::array::PrimitiveArray<T> {
    let value = |(row, cell): (usize, Option<&str>)| {
        let cell = cell.map(str::trim).filter(|s| !s.is_empty())?;
        parse(cell).map_err(|problem| bad.push((row, problem, cell.to_string()))).ok()
    };
    text.iter().enumerate().map(value).collect()
}

/// Rows of one source after filters, look-ups and rejects, with the columns in the order they were wanted.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Number of rows.
    pub rows: usize,
    /// One column per want.
    pub columns: Vec<Column>,
}

impl Batch {
    /// Appends the composite key of `row` to `out` (cleared first): the texts of `columns`, separated by the
    /// unit separator; false when one of them is missing.
    pub fn key(&self, columns: std::ops::Range<usize>, row: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        let first = columns.start;
        columns.into_iter().all(|c| {
            if c > first {
                out.push(KEY_SEPARATOR);
            }
            self.columns[c].text().write(row, out)
        })
    }
}

/// Stands between the parts of a composite key; no text column of a sane file holds it.
pub const KEY_SEPARATOR: u8 = 0x1f;
