//! Rows that say the same thing many times, in a fraction of their size, with nothing lost.
//!
//! Most columns of a model are the levels of a few categories. In a block of rows these occur in few combinations, each of which
//! stands once; a row has the number of its combination, and beside it the columns of its own that take many values.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::super::chunks::ROWS;

/// Values that a column may have in a block to stand among the combinations.
const FEW: usize = 16;
/// Rows for each combination, at least: with fewer the combinations would take as much as the rows.
const ROWS_PER_COMBINATION: usize = 8;

/// Where packed rows are put down when they are not to be held in memory.
pub trait Store: Send + Sync {
    /// Puts bytes down and says where; `None` where there is no room, so that they stay in memory.
    fn put(&self, bytes: &[u8]) -> Option<u64>;

    /// The bytes that were put down at a place.
    ///
    /// # Panics
    /// If they can't be read any more: no result can be computed then, and none is written.
    fn get(&self, at: u64, bytes: &mut [u8]);
}

/// Packs rows as they come.
pub struct Packer {
    columns: usize,
    pending: Vec<f64>,
    blocks: Vec<Block>,
    rows: usize,
    store: Option<Arc<dyn Store>>,
}

/// Packed rows.
#[derive(Clone)]
pub struct Packed {
    columns: usize,
    rows: usize,
    blocks: Arc<Vec<Block>>,
    store: Option<Arc<dyn Store>>,
}

/// Some columns of packed rows.
#[derive(Clone, Copy, Debug)]
pub struct PackedColumns<'a> {
    of: &'a Packed,
    columns: &'a [usize],
}

/// [`ROWS`] rows; fewer in the last block.
struct Block {
    /// Columns of which each row has its own number.
    own: Vec<usize>,
    rows: Body,
}

enum Body {
    Held(Rows),
    /// So many rows and numbers of combinations, at a place in the store.
    Stored {
        at: u64,
        rows: usize,
        combinations: usize,
    },
}

/// The rows of a block.
pub(super) struct Rows {
    /// Combinations × all columns; nothing is meant by those that are the rows' own.
    combinations: Vec<f64>,
    /// The combination of each row.
    combination: Vec<u16>,
    /// Rows × own columns.
    own: Vec<f64>,
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({} × {})", self.rows, self.columns)
    }
}

impl Packer {
    /// For rows of so many columns; blocks are held in memory, or put down in a store.
    pub fn new(columns: usize, store: Option<Arc<dyn Store>>) -> Self {
        Self { columns, pending: Vec::new(), blocks: Vec::new(), rows: 0, store }
    }

    /// Adds rows, row-major.
    pub fn push(&mut self, rows: &[f64]) {
        if self.columns == 0 {
            return;
        }
        self.rows += rows.len() / self.columns;
        self.pending.extend_from_slice(rows);
        let block = ROWS * self.columns;
        let whole = self.pending.len() / block * block;
        self.pack(whole);
    }

    /// Packs the first numbers that are pending.
    fn pack(&mut self, numbers: usize) {
        let (columns, store) = (self.columns, self.store.as_deref());
        let block = |rows: &[f64]| {
            let block = Block::of(rows, columns);
            match store {
                Some(store) => block.stored(store),
                None => block,
            }
        };
        // No block of no columns: there are no numbers then.
        self.blocks.par_extend(self.pending[..numbers].par_chunks((ROWS * columns).max(1)).map(block));
        self.pending.drain(..numbers);
    }

    /// All rows that were added.
    pub fn finish(mut self) -> Packed {
        self.pack(self.pending.len());
        Packed { columns: self.columns, rows: self.rows, blocks: Arc::new(self.blocks), store: self.store }
    }
}

impl Packed {
    /// Rows, n.
    pub fn nrows(&self) -> usize {
        self.rows
    }

    /// These columns of all rows.
    pub fn columns<'a>(&'a self, columns: &'a [usize]) -> PackedColumns<'a> {
        PackedColumns { of: self, columns }
    }
}

impl PackedColumns<'_> {
    pub(super) fn nrows(&self) -> usize {
        self.of.rows
    }

    pub(super) fn ncols(&self) -> usize {
        self.columns.len()
    }

    /// Adds some consecutive rows to `to`, row-major.
    pub(super) fn read(&self, rows: Range<usize>, to: &mut Vec<f64>) {
        let mut start = rows.start;
        while start < rows.end {
            let (block, first) = (start / ROWS, start / ROWS * ROWS);
            let end = rows.end.min(first + ROWS);
            let read = self.block(block);
            self.unpack(block, read.rows(&self.of.blocks[block]), start - first..end - first, to);
            start = end;
        }
    }

    /// The rows at any positions; those of one block best beside each other.
    pub(super) fn select(&self, rows: &[usize]) -> Vec<f64> {
        let mut to = Vec::with_capacity(rows.len() * self.columns.len());
        for of_block in rows.chunk_by(|a, b| a / ROWS == b / ROWS) {
            let block = of_block[0] / ROWS;
            let read = self.block(block);
            let held = read.rows(&self.of.blocks[block]);
            of_block.iter().for_each(|&row| self.unpack(block, held, row % ROWS..row % ROWS + 1, &mut to));
        }
        to
    }

    /// The rows of a block, fetched where they are stored.
    pub(super) fn block(&self, block: usize) -> Fetched {
        let block = &self.of.blocks[block];
        Fetched(match &block.rows {
            Body::Held(_) => None,
            Body::Stored { at, rows, combinations } => {
                let store = self.of.store.as_deref().expect("stored blocks have a store");
                Some(Rows::read(store, *at, (*rows, rows * block.own.len(), *combinations)))
            }
        })
    }

    /// Adds rows of a block, counted from its first, to `to`.
    pub(super) fn read_of(&self, block: usize, fetched: &Fetched, rows: Range<usize>, to: &mut Vec<f64>) {
        self.unpack(block, fetched.rows(&self.of.blocks[block]), rows, to);
    }

    fn unpack(&self, block: usize, held: &Rows, rows: Range<usize>, to: &mut Vec<f64>) {
        let block = &self.of.blocks[block];
        let (all, k, own) = (self.of.columns, self.columns.len(), block.own.len());
        let numbers = held.own.get(rows.start * own..rows.end * own).expect("rows of the block");
        let combination = |code: &u16| &held.combinations[usize::from(*code) * all..][..all];
        let codes = &held.combination[rows];
        if self.columns.iter().enumerate().all(|(at, column)| at == *column) {
            // The first columns in their order, as x has them: a copy, and what is the row's own put over it.
            let own_at: Vec<(usize, usize)> = block.own.iter().copied().enumerate().filter(|(_, c)| *c < k).collect();
            for (row, code) in codes.iter().enumerate() {
                let start = to.len();
                to.extend_from_slice(&combination(code)[..k]);
                let (row, numbers) = (&mut to[start..], &numbers[row * own..(row + 1) * own]);
                own_at.iter().for_each(|&(from, at)| row[at] = numbers[from]);
            }
            return;
        }
        let from: Vec<(usize, Option<usize>)> =
            self.columns.iter().map(|c| (*c, block.own.iter().position(|own| own == c))).collect();
        for (row, code) in codes.iter().enumerate() {
            let (shared, numbers) = (combination(code), &numbers[row * own..(row + 1) * own]);
            to.extend(from.iter().map(|&(column, own)| own.map_or(shared[column], |at| numbers[at])));
        }
    }
}

/// The rows of a block that was stored; of one that is held there is nothing to fetch.
pub(super) struct Fetched(Option<Rows>);

impl Fetched {
    fn rows<'b>(&'b self, block: &'b Block) -> &'b Rows {
        match (&self.0, &block.rows) {
            (Some(fetched), _) => fetched,
            (None, Body::Held(held)) => held,
            (None, Body::Stored { .. }) => unreachable!("what is stored was fetched"),
        }
    }
}

impl Block {
    /// Packs rows (row-major).
    fn of(rows: &[f64], columns: usize) -> Self {
        let n = rows.len() / columns;
        let most = (n / ROWS_PER_COMBINATION).max(1);
        let mut combinations = Combinations::none(n);
        let bits = |column: usize| move || rows.iter().skip(column).step_by(columns).map(|v| v.to_bits());
        let own: Vec<usize> = (0..columns).filter(|&column| !combinations.tell_apart(bits(column), most)).collect();
        let first = combinations.first_rows();
        // With room for just what there is: blocks are kept by the thousand.
        let mut shared = Vec::with_capacity(first.len() * columns);
        first.iter().for_each(|row| shared.extend_from_slice(&rows[row * columns..(row + 1) * columns]));
        let mut numbers = Vec::with_capacity(n * own.len());
        rows.chunks_exact(columns).for_each(|row| numbers.extend(own.iter().map(|c| row[*c])));
        let rows = Rows { combinations: shared, combination: combinations.of, own: numbers };
        Self { own, rows: Body::Held(rows) }
    }

    /// With its rows put down, where there is room.
    fn stored(self, store: &dyn Store) -> Self {
        let Body::Held(rows) = &self.rows else { return self };
        match store.put(&rows.bytes()) {
            Some(at) => {
                let (n, combinations) = (rows.combination.len(), rows.combinations.len());
                Self { rows: Body::Stored { at, rows: n, combinations }, ..self }
            }
            None => self,
        }
    }
}

impl Rows {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for numbers in [&self.own, &self.combinations] {
            numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        }
        self.combination.iter().for_each(|code| bytes.extend(code.to_le_bytes()));
        bytes
    }

    /// So many rows, numbers of their own and numbers of combinations.
    fn read(store: &dyn Store, at: u64, (rows, own, combinations): (usize, usize, usize)) -> Self {
        let mut bytes = vec![0; (own + combinations) * size_of::<f64>() + rows * size_of::<u16>()];
        store.get(at, &mut bytes);
        let (own, rest) = bytes.split_at(own * size_of::<f64>());
        let (combinations, codes) = rest.split_at(combinations * size_of::<f64>());
        let numbers = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
        Self {
            combinations: numbers(combinations),
            combination: codes.as_chunks().0.iter().map(|b| u16::from_le_bytes(*b)).collect(),
            own: numbers(own),
        }
    }
}

/// Which rows are alike in the columns so far.
struct Combinations {
    /// The combination of each row, numbered as they come.
    of: Vec<u16>,
    count: usize,
}

impl Combinations {
    fn none(rows: usize) -> Self {
        Self { of: vec![0; rows], count: 1 }
    }

    /// Tells rows with other bits apart too; says no, and does nothing, where that makes more than `most` combinations.
    fn tell_apart<I: Iterator<Item = u64>>(&mut self, bits: impl Fn() -> I, most: usize) -> bool {
        let mut values: Vec<u64> = Vec::with_capacity(FEW);
        let mut value_of = Vec::with_capacity(self.of.len());
        for bits in bits() {
            let known = values.iter().position(|v| *v == bits);
            if known.is_none() && values.len() == FEW {
                return false;
            }
            value_of.push(known.unwrap_or_else(|| {
                values.push(bits);
                values.len() - 1
            }));
        }
        if values.len() == 1 {
            return true;
        }
        const NEW: u16 = u16::MAX;
        let mut number = vec![NEW; self.count * FEW];
        let mut count = 0;
        let mut of = Vec::with_capacity(self.of.len());
        for (&before, value) in self.of.iter().zip(value_of) {
            let number = &mut number[usize::from(before) * FEW + value];
            if *number == NEW {
                if count == most {
                    return false;
                }
                *number = count as u16;
                count += 1;
            }
            of.push(*number);
        }
        (self.of, self.count) = (of, count);
        true
    }

    /// The first row of each.
    fn first_rows(&self) -> Vec<usize> {
        let mut first = Vec::with_capacity(self.count);
        for (row, &combination) in self.of.iter().enumerate() {
            if usize::from(combination) == first.len() {
                first.push(row);
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use ndarray::Array2;

    use super::super::Matrix;
    use super::*;

    /// A store in memory.
    #[derive(Default)]
    struct Bytes(Mutex<Vec<u8>>);

    impl Store for Bytes {
        fn put(&self, bytes: &[u8]) -> Option<u64> {
            let mut all = self.0.lock().expect("no panic");
            all.extend_from_slice(bytes);
            Some((all.len() - bytes.len()) as u64)
        }
        fn get(&self, at: u64, bytes: &mut [u8]) {
            let all = self.0.lock().expect("no panic");
            bytes.copy_from_slice(&all[at as usize..at as usize + bytes.len()]);
        }
    }

    /// A store without room.
    struct Full;

    impl Store for Full {
        fn put(&self, _: &[u8]) -> Option<u64> {
            None
        }
        fn get(&self, _: u64, _: &mut [u8]) {
            panic!("nothing was put down");
        }
    }

    /// An intercept, two categories, a measured column, a signed zero and not-a-number now and then.
    fn rows(n: usize) -> Array2<f64> {
        Array2::from_shape_fn((n, 6), |(i, j)| match j {
            0 => 1.0,
            1 => f64::from(u8::from(i / 7 % 3 == 1)),
            2 => (i % 11) as f64,
            3 => (i as f64 * 0.618).fract(),
            4 => {
                if i % 5 == 0 {
                    -0.0
                } else {
                    0.0
                }
            }
            _ => {
                if i % 1000 == 3 {
                    f64::NAN
                } else {
                    (i % 40) as f64
                }
            }
        })
    }

    fn packed(of: &Array2<f64>, store: Option<Arc<dyn Store>>) -> Packed {
        let mut packer = Packer::new(of.ncols(), store);
        // In pieces that fit no block.
        of.as_slice().expect("row-major").chunks(6 * 1000).for_each(|rows| packer.push(rows));
        packer.finish()
    }

    fn bits(numbers: &[f64]) -> Vec<u64> {
        numbers.iter().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn every_bit_comes_back_from_memory_from_a_store_and_from_one_without_room() {
        let held = rows(2 * ROWS + 77);
        for store in [None, Some(Arc::new(Bytes::default()) as Arc<dyn Store>), Some(Arc::new(Full))] {
            let packed = packed(&held, store);
            let all: Vec<usize> = (0..6).collect();
            let matrix = Matrix::from(packed.columns(&all));
            assert_eq!(matrix.dim(), held.dim());
            for range in [0..0, 5..6, 0..held.nrows(), ROWS - 3..ROWS + 3, 2 * ROWS..held.nrows()] {
                let expected = Matrix::from(held.view()).rows(range.clone()).into_owned();
                assert_eq!(bits(&matrix.rows(range)), bits(&expected));
            }
            let some = [2 * ROWS + 3, 1, 0, ROWS];
            assert_eq!(
                bits(&matrix.select(&some).into_raw_vec_and_offset().0),
                bits(&Matrix::from(held.view()).select(&some).into_raw_vec_and_offset().0)
            );
            let first = [0, 1, 2, 3];
            let expected = held.slice(ndarray::s![ROWS - 1..ROWS + 1, ..4]).iter().copied().collect::<Vec<_>>();
            assert_eq!(*Matrix::from(packed.columns(&first)).rows(ROWS - 1..ROWS + 1), *expected);
            let two = [3, 0];
            let picked = Matrix::from(packed.columns(&two)).rows(ROWS - 1..ROWS + 1);
            let expected = [held[[ROWS - 1, 3]], 1.0, held[[ROWS, 3]], 1.0];
            assert_eq!(*picked, expected);
        }
    }

    #[test]
    fn categories_take_two_bytes_a_row_and_measures_eight() {
        let packed = packed(&rows(ROWS), None);
        let Body::Held(block) = &packed.blocks[0].rows else { panic!("held") };
        assert_eq!(
            (&packed.blocks[0].own[..], block.own.len()),
            (&[3, 5][..], 2 * ROWS),
            "measured, and of forty values"
        );
        assert!(block.combinations.len() < ROWS, "few combinations");
    }
}
