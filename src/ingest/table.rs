//! One source, ready to be streamed: files found, columns resolved, filters and look-ups prepared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;

use super::adapters::{self, Options, Raw, Reader, Rows};
use super::batch::{As, Batch, Column, Converted, Reading, Want, convert};
use super::door::{Door, Entered};
use super::files::{InputFile, find_files};
use super::forms::{self, Forms, NumberForm, Wanted};
use super::lookup::{Loaded, wants_of};
use super::{Dialect, InputError, Rejects};
use crate::study::Study;
use crate::study::file::{Axis, Decimal, IdKind, Ingest, Lookup, Source};
use crate::study::near;

/// Told how many rows were read; a terminal shows a bar, a log shows nothing.
pub trait Progress: Sync {
    /// `rows` more rows were read.
    fn rows(&self, rows: u64);

    /// What is being done now.
    fn step(&self, _what: &str) {}
}

/// Shows nothing.
pub struct Silence;

impl Progress for Silence {
    fn rows(&self, _: u64) {}
}

/// A source of the study with the columns that someone wants of it.
pub struct Table<'s> {
    name: String,
    source: &'s Source,
    files: Vec<Opened>,
    own: Vec<Want>,
    wants: Vec<Place>,
    filters: Vec<Keep>,
    lookups: Vec<Joined>,
    door: Door,
    axis: Axis,
    /// Form of dates that the study declares.
    dates: Option<String>,
    /// Rejects of the look-up tables, which were read when this table was opened.
    lookup_rejects: Rejects,
}

/// Where a wanted column comes from.
enum Place {
    Own(usize),
    Taken { lookup: usize, column: usize },
}

struct Keep {
    column: usize,
    values: BTreeSet<Vec<u8>>,
    keep: bool,
}

struct Joined {
    on: Vec<usize>,
    table: Loaded,
}

struct Opened {
    file: InputFile,
    reader: Box<dyn Reader>,
    /// Kinds of the columns that hold identifiers, by their names in the file.
    ids: BTreeMap<String, IdKind>,
    forms: Forms,
}

/// What one thread reads at a time: a row group or a piece of one, or a whole text file.
struct Unit<'t> {
    opened: &'t Opened,
    part: usize,
}

impl<'s> Table<'s> {
    /// Finds the files of source `name`, resolves `wants` and reads the look-up tables.
    ///
    /// # Errors
    /// Missing or damaged files, missing columns, a look-up table with repeated keys.
    pub fn open(study: &'s Study, base: &Path, name: &str, wants: &[Want]) -> Result<Self, InputError> {
        let source = &study.sources[name];
        let options = Options::of(source);
        let open = |file: InputFile| -> Result<Opened, InputError> {
            let reader = adapters::open(&file, source.format, &options)?;
            let mut ids = reader.ids();
            ids.extend(source.ids.clone());
            Ok(Opened { file, reader, ids, forms: Forms::default() })
        };
        // Side by side, as each is read once to the end for its encoding; the first error in order of files is the one said.
        let files: Vec<Result<Opened, InputError>> =
            find_files(base, name, source)?.into_par_iter().map(open).collect();
        let files = files.into_iter().collect::<Result<_, _>>()?;
        let mut table = Self {
            name: name.to_string(),
            source,
            files,
            own: Vec::new(),
            wants: Vec::new(),
            filters: Vec::new(),
            lookups: Vec::new(),
            door: Door::new(name, study),
            axis: study.time.axis,
            dates: source.date_format.clone().or_else(|| study.time.date_format.clone()),
            lookup_rejects: Rejects::default(),
        };
        table.resolve(study, base, wants)?;
        table.assert_columns()?;
        let ids = table.ids_in_use();
        table.door.open(study, base, &ids)?;
        table.find_forms()?;
        Ok(table)
    }

    /// Finds out how dates and numbers are written in text columns, where the study does not say it.
    fn find_forms(&mut self) -> Result<(), InputError> {
        let looks_at = |as_: As| match as_ {
            As::Text | As::Count => false,
            As::Number => self.source.decimal.is_none(),
            As::Day => self.axis == Axis::Calendar && self.dates.is_none(),
        };
        let wants: Vec<(String, As)> =
            self.own.iter().filter(|w| looks_at(w.as_)).map(|w| (self.in_file(&w.name).to_string(), w.as_)).collect();
        let find = |opened: &mut Opened| -> Result<(), InputError> {
            let place = |(name, as_): &(String, As)| {
                let column = opened.reader.header().iter().position(|h| h == name)?;
                Some(Wanted { column, is_date: *as_ == As::Day })
            };
            let wanted: Vec<Wanted> = wants.iter().filter_map(place).collect();
            if !wanted.is_empty() {
                opened.forms = forms::find(&opened.file, opened.reader.as_ref(), &wanted)?;
            }
            Ok(())
        };
        let found: Vec<_> = self.files.par_iter_mut().filter(|o| o.reader.is_text()).map(find).collect();
        found.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    /// How a column of a file is read.
    fn reading<'o>(&'o self, opened: &'o Opened, column: &str) -> Reading<'o> {
        let found = opened.forms.dates.get(column);
        let dates = self.dates.as_ref().or(found).map_or("%Y-%m-%d", String::as_str);
        let declared = self.source.decimal.map(NumberForm::Sign);
        let numbers = declared.or(opened.forms.numbers.get(column).copied());
        let numbers = numbers.unwrap_or(NumberForm::Sign(Decimal::Point));
        Reading { axis: self.axis, dates, numbers, is_typed: opened.reader.is_text() }
    }

    /// The columns of each file of source `name`, by the study's words: renamed, with those of its look-ups.
    ///
    /// # Errors
    /// Missing or damaged files.
    pub fn names(study: &Study, base: &Path, name: &str) -> Result<Vec<(String, BTreeSet<String>)>, InputError> {
        let source = &study.sources[name];
        let options = Options::of(source);
        let mut all = Vec::new();
        for file in find_files(base, name, source)? {
            let reader = adapters::open(&file, source.format, &options)?;
            let header = reader.header();
            let renamed = source.rename.iter().filter(|(_, column)| header.contains(*column));
            let taken = source.lookup.iter().flat_map(|l| l.take.0.iter());
            let words = header.iter().chain(renamed.map(|(word, _)| word)).chain(taken).cloned().collect();
            all.push((file.name.clone(), words));
        }
        Ok(all)
    }

    fn resolve(&mut self, study: &'s Study, base: &Path, wants: &[Want]) -> Result<(), InputError> {
        // One column may be taken twice, as text and as number.
        let mut taken: Vec<Vec<Want>> = vec![Vec::new(); self.source.lookup.len()];
        for want in wants {
            let takes = |l: &Lookup| l.take.0.contains(&want.name);
            let place = match self.source.lookup.iter().position(takes) {
                Some(lookup) => Place::Taken { lookup, column: position_of(want, &mut taken[lookup]) },
                None => Place::Own(position_of(want, &mut self.own)),
            };
            self.wants.push(place);
        }
        for (lookup, taken) in self.source.lookup.iter().zip(&taken) {
            let other = Table::open(study, base, &lookup.table, &wants_of(lookup, taken))?;
            // A pupil who changed school has a number at each: whichever is found, `canonical` knows that they are one.
            let is_key = |i: &Ingest| {
                i.crosswalk.as_ref() == Some(&lookup.table) && lookup.take.0.iter().all(|name| i.key.0.contains(name))
            };
            let any = study.ingest.as_ref().is_some_and(is_key);
            let table = Loaded::read(&other, &self.name, lookup, taken.len(), any, &mut self.lookup_rejects)?;
            let on = lookup.on.0.iter().map(|n| position_of(&Want::new(n, As::Text), &mut self.own)).collect();
            self.lookups.push(Joined { on, table });
        }
        for filter in &self.source.filter {
            let column = position_of(&Want::new(&filter.column, As::Text), &mut self.own);
            let keep = filter.is.is_some();
            let names = filter.is.as_ref().or(filter.is_not.as_ref());
            let values = names.iter().flat_map(|n| &n.0).map(|v| v.clone().into_bytes()).collect();
            self.filters.push(Keep { column, values, keep });
        }
        Ok(())
    }

    /// The column's name in the files.
    fn in_file<'a>(&'a self, name: &'a str) -> &'a str {
        self.source.rename.get(name).map_or(name, String::as_str)
    }

    fn assert_columns(&self) -> Result<(), InputError> {
        for opened in &self.files {
            let own = self.own.iter().map(|want| self.in_file(&want.name));
            for column in own.chain(self.school_columns(opened)) {
                let times = opened.reader.header().iter().filter(|h| *h == column).count();
                if times > 1 {
                    let (file, column) = (opened.file.name.clone(), column.to_string());
                    return Err(InputError::RepeatedColumn { file, column });
                }
                if times == 0 {
                    let help = column_help(column, opened.reader.header());
                    return Err(InputError::NoColumn {
                        source_name: self.name.clone(),
                        file: opened.file.name.clone(),
                        column: column.to_string(),
                        help,
                    });
                }
            }
        }
        Ok(())
    }

    /// The columns that tell schools apart, where the file holds numbers that schools gave: without them equal numbers
    /// of different schools would become one pupil.
    fn school_columns<'a>(&'a self, opened: &Opened) -> impl Iterator<Item = &'a str> {
        let is_used = |id: &String| self.own.iter().any(|want| self.in_file(&want.name) == id);
        let needs = opened.ids.iter().any(|(id, kind)| kind.is_of_a_school() && is_used(id));
        self.source.id_school.0.iter().map(String::as_str).filter(move |_| needs)
    }

    /// Columns that are read and hold personal identifiers, by their names in the files.
    fn ids_in_use(&self) -> BTreeMap<String, IdKind> {
        let is_read = |column: &&String| self.own.iter().any(|want| self.in_file(&want.name) == column.as_str());
        let of = |opened: &Opened| -> Vec<(String, IdKind)> {
            let found = opened.ids.iter().filter(|(column, _)| is_read(column));
            found.map(|(column, kind)| (column.clone(), *kind)).collect()
        };
        self.files.iter().flat_map(of).collect()
    }

    /// About how many rows there are, for making room; 0 where files don't say. Never more than 2²², whatever they say.
    pub fn rows(&self) -> usize {
        let all: u64 = self.files.iter().map(|opened| opened.reader.rows()).sum();
        all.min(1 << 22) as usize
    }

    /// Parts that may hold rows which the filters keep. Of the others nothing is read, so that nothing in them is watched, refused
    /// or counted: their rows are none of the study's.
    fn units(&self) -> Vec<Unit<'_>> {
        let units =
            self.files.iter().flat_map(|opened| (0..opened.reader.parts()).map(move |part| Unit { opened, part }));
        units.filter(|unit| self.may_keep(unit)).collect()
    }

    fn may_keep(&self, unit: &Unit<'_>) -> bool {
        let (reader, ids) = (&unit.opened.reader, &unit.opened.ids);
        self.filters.iter().filter(|filter| filter.keep).all(|filter| {
            let name = self.in_file(&self.own[filter.column].name);
            // What the filter names of a personal id are pseudonyms, which no file knows of.
            let column = reader.header().iter().position(|h| h == name && !ids.contains_key(name));
            column.is_none_or(|column| reader.may_hold(unit.part, column, &filter.values))
        })
    }

    /// How each file is written.
    pub fn dialects(&self) -> Vec<(String, Dialect)> {
        let of = |o: &Opened| {
            let mut dialect = o.reader.dialect();
            dialect.dates.clone_from(&o.forms.dates);
            let sign = |(name, form): (&String, &NumberForm)| match form {
                NumberForm::Sign(sign) => Some((name.clone(), *sign)),
                NumberForm::Open => None,
            };
            dialect.decimals = o.forms.numbers.iter().filter_map(sign).collect();
            (o.file.name.clone(), dialect)
        };
        self.files.iter().map(of).collect()
    }

    /// Streams all batches through the threads of the pool: each thread folds into a state of its own, then
    /// the states are merged. The result is the same for any number of threads when `merge` does not mind
    /// the order, as sums of whole numbers don't.
    ///
    /// # Errors
    /// Damaged files, wrong types, a file that changed meanwhile. The first error in file order is returned.
    pub fn fold<S: Send>(
        &self,
        progress: &dyn Progress,
        start: impl Fn() -> S + Sync + Send,
        step: impl Fn(&mut S, &Batch) + Sync + Send,
        merge: impl Fn(S, S) -> S + Sync + Send,
    ) -> Result<(S, Rejects), InputError> {
        // As many states as threads are at work, however the units are shared out.
        let idle: Mutex<Vec<S>> = Mutex::new(Vec::new());
        let lock = || idle.lock().expect("nothing panics that holds it");
        let (_, rejects) = self.side_by_side(|unit, rejects| {
            let taken = lock().pop();
            let mut state = taken.unwrap_or_else(&start);
            self.stream(unit, progress, rejects, |batch| step(&mut state, batch))?;
            lock().push(state);
            Ok(())
        })?;
        let states = idle.into_inner().expect("nothing panics that holds it");
        Ok((states.into_iter().reduce(merge).unwrap_or_else(start), rejects))
    }

    /// What `of` makes of each batch, in file order; batches are read side by side.
    ///
    /// # Errors
    /// As [`Table::fold`].
    pub fn map<T: Send>(
        &self,
        progress: &dyn Progress,
        of: impl Fn(&Batch) -> T + Sync + Send,
    ) -> Result<(Vec<T>, Rejects), InputError> {
        let (parts, rejects) = self.side_by_side(|unit, rejects| {
            let mut made = Vec::new();
            self.stream(unit, progress, rejects, |batch| made.push(of(batch)))?;
            Ok(made)
        })?;
        Ok((parts.into_iter().flatten().collect(), rejects))
    }

    /// Streams all batches in file order.
    ///
    /// # Errors
    /// As [`Table::fold`].
    pub fn for_each(&self, progress: &dyn Progress, mut step: impl FnMut(&Batch)) -> Result<Rejects, InputError> {
        let mut rejects = self.lookup_rejects.clone();
        for unit in self.units() {
            self.stream(&unit, progress, &mut rejects, &mut step)?;
        }
        self.assert_whole()?;
        Ok(rejects)
    }

    /// What `one` makes of each unit, in file order, by all threads of the pool.
    fn side_by_side<T: Send>(
        &self,
        one: impl Fn(&Unit<'_>, &mut Rejects) -> Result<T, InputError> + Sync + Send,
    ) -> Result<(Vec<T>, Rejects), InputError> {
        let first_failed = AtomicUsize::new(usize::MAX);
        let at_place = |(at, unit): (usize, &Unit<'_>)| {
            let mut rejects = Rejects::default();
            if at > first_failed.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let made = one(unit, &mut rejects).inspect_err(|_| _ = first_failed.fetch_min(at, Ordering::Relaxed))?;
            Ok(Some((made, rejects)))
        };
        let parts: Vec<Result<Option<(T, Rejects)>, InputError>> =
            self.units().par_iter().enumerate().map(at_place).collect();
        let (mut all, mut rejects) = (Vec::with_capacity(parts.len()), self.lookup_rejects.clone());
        for part in parts {
            // What was not read stands behind what failed.
            if let Some((made, bad)) = part? {
                all.push(made);
                rejects.merge(bad);
            }
        }
        self.assert_whole()?;
        Ok((all, rejects))
    }

    /// After all was read: that no file changed meanwhile, and that no column held person numbers in what was read.
    fn assert_whole(&self) -> Result<(), InputError> {
        self.files.iter().try_for_each(|o| o.file.assert_unchanged())?;
        self.door.assert_no_person_numbers()
    }

    fn stream(
        &self,
        unit: &Unit<'_>,
        progress: &dyn Progress,
        rejects: &mut Rejects,
        mut step: impl FnMut(&Batch),
    ) -> Result<(), InputError> {
        let reader = &unit.opened.reader;
        let position = |want: &Want| reader.header().iter().position(|h| h == self.in_file(&want.name));
        let mut columns: Vec<usize> = self.own.iter().filter_map(position).collect();
        if unit.opened.ids.keys().any(|id| columns.iter().any(|&c| reader.header()[c] == *id)) {
            let school = self.source.id_school.0.iter();
            columns.extend(school.filter_map(|name| reader.header().iter().position(|h| h == name)));
        }
        columns.sort_unstable();
        columns.dedup();
        let mut seen = 0;
        for raw in reader.read(unit.part, &columns)? {
            let Raw { batch, rows } = raw?;
            let n = batch.num_rows();
            let entered = self.door.enter(&unit.opened.ids, batch, seen)?;
            seen += n;
            step(&self.prepare(unit.opened, &entered, &rows, rejects)?);
            progress.rows(n as u64);
        }
        Ok(())
    }

    /// Raw columns → typed columns; filter, reject, look up.
    fn prepare(
        &self,
        opened: &Opened,
        entered: &Entered,
        places: &Rows,
        rejects: &mut Rejects,
    ) -> Result<Batch, InputError> {
        let (file, raw) = (&opened.file, &entered.batch);
        let mut own = Vec::with_capacity(self.own.len());
        let mut bad = Vec::new();
        for want in &self.own {
            let no_ids = entered.no_ids.iter().filter(|cell| cell.column == self.in_file(&want.name));
            bad.extend(no_ids.map(|cell| (want, (cell.row, cell.problem, cell.shape.clone()))));
            let array = self.without_nulls_in_words(self.raw(raw, want));
            let Converted { column, bad: cells } =
                convert(&array, want.as_, &self.reading(opened, self.in_file(&want.name))).map_err(|wanted| {
                    let found = array.data_type().to_string();
                    let column = self.in_file(&want.name).to_string();
                    InputError::WrongType { file: file.name.clone(), column, found, wanted }
                })?;
            bad.extend(cells.into_iter().map(|cell| (want, cell)));
            own.push(column);
        }
        let mut keep = self.kept(&own, raw.num_rows());
        for (want, (at, problem, found)) in bad {
            // A row that the filter leaves out may hold anything.
            if keep.as_ref().is_none_or(|k| k[at]) {
                rejects.add(&self.name, self.in_file(&want.name), problem, &file.name, places.at(at), &found);
                keep.get_or_insert_with(|| vec![true; raw.num_rows()])[at] = false;
            }
        }
        let mut rows = raw.num_rows();
        if let Some(keep) = keep {
            rows = keep.iter().filter(|k| **k).count();
            let mask = BooleanArray::from(keep);
            own = own.iter().map(|c| c.filter(&mask)).collect();
        }
        Ok(self.joined(own, rows))
    }

    fn raw<'b>(&self, raw: &'b RecordBatch, want: &Want) -> &'b ArrayRef {
        raw.column_by_name(self.in_file(&want.name)).expect("a column that assert_columns has seen")
    }

    /// Turns the study's words for "no value" (`NA`, `onbekend`) into no value, wherever the file holds text:
    /// plain or as codes, which is the file's choice and must not matter.
    fn without_nulls_in_words(&self, array: &ArrayRef) -> ArrayRef {
        let words = &self.source.null;
        if words.is_empty() {
            return array.clone();
        }
        if let Some(coded) = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>() {
            return Arc::new(coded.with_values(self.without_nulls_in_words(coded.values())));
        }
        let is_text = matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let text = if is_text { cast(array, &DataType::Utf8).ok() } else { None };
        let Some(text) = text else { return array.clone() };
        let keep = |v: &&str| !words.iter().any(|n| n == v);
        Arc::new(text.as_string::<i32>().iter().map(|v| v.filter(keep)).collect::<StringArray>())
    }

    /// Which rows the filters keep; `None` when there are no filters.
    fn kept(&self, own: &[Column], rows: usize) -> Option<Vec<bool>> {
        if self.filters.is_empty() {
            return None;
        }
        let mut keep = vec![true; rows];
        let mut value = Vec::new();
        for filter in &self.filters {
            let column = own[filter.column].text();
            for (row, keep) in keep.iter_mut().enumerate() {
                value.clear();
                let is_in = column.write(row, &mut value) && filter.values.contains(&value);
                *keep &= is_in == filter.keep;
            }
        }
        Some(keep)
    }

    fn joined(&self, own: Vec<Column>, rows: usize) -> Batch {
        let found: Vec<_> = self
            .lookups
            .iter()
            .map(|join| {
                let key = Batch { rows, columns: join.on.iter().map(|&c| own[c].clone()).collect() };
                join.table.find(&key, 0..join.on.len())
            })
            .collect();
        let column = |place: &Place| match *place {
            Place::Own(i) => own[i].clone(),
            Place::Taken { lookup, column } => self.lookups[lookup].table.take(column, &found[lookup]),
        };
        Batch { rows, columns: self.wants.iter().map(column).collect() }
    }
}

/// What may be meant by a column that is not there. The other columns are not listed: in a file without a
/// header they are the first pupil's values.
fn column_help(column: &str, header: &[String]) -> String {
    match near(column, header) {
        Some(name) => format!("did you mean `{name}`?"),
        None if header.len() == 1 => "it has only one column; is `delimiter` right?".into(),
        None => format!("none of its {} columns has a name like it; is the first line the header?", header.len()),
    }
}

/// Position of a wanted column, added when it is new.
fn position_of(want: &Want, wants: &mut Vec<Want>) -> usize {
    wants.iter().position(|w| w == want).unwrap_or_else(|| {
        wants.push(want.clone());
        wants.len() - 1
    })
}
