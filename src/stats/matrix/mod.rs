//! Numbers in rows and columns, wherever they stand: the columns of a model are most of its memory, and every algorithm here
//! goes through them row by row.

mod packed;

use std::borrow::Cow;
use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, CowArray, Ix2, s};
use rayon::prelude::*;

use super::chunks::{ROWS, map_rows};
use packed::Fetched;
pub use packed::{Packed, PackedColumns, Packer, Store};

/// n×k numbers, held as they are or packed. What is computed of both is the same to the last bit.
#[derive(Clone, Copy, Debug)]
pub enum Matrix<'a> {
    /// In memory as they are.
    Held(ArrayView2<'a, f64>),
    /// Columns of rows that are unpacked a few at a time.
    Packed(PackedColumns<'a>),
}

impl<'a> From<ArrayView2<'a, f64>> for Matrix<'a> {
    fn from(held: ArrayView2<'a, f64>) -> Self {
        Matrix::Held(held)
    }
}

impl<'a> From<PackedColumns<'a>> for Matrix<'a> {
    fn from(packed: PackedColumns<'a>) -> Self {
        Matrix::Packed(packed)
    }
}

impl<'a> Matrix<'a> {
    /// The same numbers with a shorter life.
    pub fn view(&self) -> Matrix<'_> {
        match self {
            Matrix::Held(held) => Matrix::Held(held.view()),
            Matrix::Packed(packed) => Matrix::Packed(*packed),
        }
    }

    /// Rows, n.
    pub fn nrows(&self) -> usize {
        match self {
            Matrix::Held(held) => held.nrows(),
            Matrix::Packed(packed) => packed.nrows(),
        }
    }

    /// Columns, k.
    pub fn ncols(&self) -> usize {
        match self {
            Matrix::Held(held) => held.ncols(),
            Matrix::Packed(packed) => packed.ncols(),
        }
    }

    /// (n, k).
    pub fn dim(&self) -> (usize, usize) {
        (self.nrows(), self.ncols())
    }

    /// Some consecutive rows, row-major: where they stand, or a copy.
    pub fn rows(&self, rows: Range<usize>) -> Cow<'a, [f64]> {
        self.standing(rows.clone()).map_or_else(
            || {
                let mut copy = Vec::with_capacity(rows.len() * self.ncols());
                self.copy(rows, &mut copy);
                Cow::Owned(copy)
            },
            Cow::Borrowed,
        )
    }

    /// As [`Self::rows`], where a copy is put in `room`, which is kept from one time to the next.
    pub(super) fn rows_in<'r>(&'r self, rows: Range<usize>, room: &'r mut Vec<f64>) -> &'r [f64] {
        self.standing(rows.clone()).unwrap_or_else(|| {
            room.clear();
            self.copy(rows, room);
            room
        })
    }

    /// Rows that stand beside each other.
    fn standing(&self, rows: Range<usize>) -> Option<&'a [f64]> {
        match self {
            Matrix::Held(held) => held.slice_move(s![rows, ..]).to_slice(),
            Matrix::Packed(_) => None,
        }
    }

    /// Adds some consecutive rows to `to`, row-major.
    fn copy(&self, rows: Range<usize>, to: &mut Vec<f64>) {
        match self {
            Matrix::Held(held) => to.extend(held.slice(s![rows, ..]).iter()),
            Matrix::Packed(packed) => packed.read(rows, to),
        }
    }

    /// As [`Self::rows`], as an array.
    pub fn piece(&self, rows: Range<usize>) -> CowArray<'a, f64, Ix2> {
        let shape = (rows.len(), self.ncols());
        match self.rows(rows) {
            Cow::Borrowed(held) => ArrayView2::from_shape(shape, held).expect("rows as asked for").into(),
            Cow::Owned(copy) => Array2::from_shape_vec(shape, copy).expect("rows as asked for").into(),
        }
    }

    /// The rows at any positions.
    pub fn select(&self, rows: &[usize]) -> Array2<f64> {
        let k = self.ncols();
        let mut out = Array2::zeros((rows.len(), k));
        if k > 0 {
            let some = |(to, rows): (&mut [f64], &[usize])| match self {
                Matrix::Held(held) => (to.chunks_exact_mut(k).zip(rows))
                    .for_each(|(to, &row)| to.iter_mut().zip(held.row(row)).for_each(|(to, x)| *to = *x)),
                Matrix::Packed(packed) => to.copy_from_slice(&packed.select(rows)),
            };
            let numbers = out.as_slice_mut().expect("a fresh array is in standard layout");
            numbers.par_chunks_mut(k * ROWS).zip(rows.par_chunks(ROWS)).for_each(some);
        }
        out
    }

    /// All rows as they are.
    pub fn to_held(&self) -> CowArray<'a, f64, Ix2> {
        match self {
            Matrix::Held(held) => (*held).into(),
            Matrix::Packed(_) => self.piece(0..self.nrows()),
        }
    }

    /// The product with a vector of k (n).
    pub fn dot(&self, by: &Array1<f64>) -> Array1<f64> {
        let mut all = Array1::zeros(self.nrows());
        let pieces = all.as_slice_mut().expect("one piece").par_chunks_mut(ROWS).enumerate();
        pieces.for_each(|(piece, out)| {
            let mut read = RowReader::new(self.view());
            let rows = piece * ROWS..;
            out.iter_mut().zip(rows).for_each(|(out, row)| *out = ArrayView1::from(read.row(row)).dot(by));
        });
        all
    }

    /// Root mean square of each column, with row weights where there are any; the units in which parameters of these columns are
    /// searched.
    pub(super) fn root_mean_squares(&self, weights: Option<ArrayView1<f64>>) -> Array1<f64> {
        let k = self.ncols();
        let weight = |row: usize| weights.map_or(1.0, |w| w[row]);
        let squares = |rows: Range<usize>| {
            let (mut sums, mut read) = (vec![0.0; k], RowReader::new(self.view()));
            for row in rows {
                let (weight, x) = (weight(row), read.row(row));
                sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += weight * x * x);
            }
            sums
        };
        let parts = map_rows(self.nrows(), squares);
        let all = |j: usize| parts.iter().map(|part| part[j]).sum::<f64>();
        let total = match weights {
            Some(w) => super::chunks::sum_rows(w.len(), |row| w[row]),
            None => self.nrows() as f64,
        };
        (0..k).map(|j| (all(j) / total).sqrt()).collect()
    }
}

/// Goes through the rows of a matrix. Packed ones are unpacked a few at a time, which stay in the processor's cache, and those that
/// are stored are fetched a block at a time: once where rows come in order.
pub(super) struct RowReader<'a> {
    matrix: Matrix<'a>,
    columns: usize,
    /// All numbers, where the matrix itself can be read.
    held: Option<&'a [f64]>,
    block: Option<(usize, Fetched)>,
    /// The rows at hand, and their numbers.
    window: Range<usize>,
    numbers: Vec<f64>,
}

impl<'a> RowReader<'a> {
    /// Rows that are unpacked at a time; a block has whole ones.
    const WINDOW: usize = 256;

    pub(super) fn new(matrix: Matrix<'a>) -> Self {
        let held = matrix.standing(0..matrix.nrows());
        Self { columns: matrix.ncols(), matrix, held, block: None, window: 0..0, numbers: Vec::new() }
    }

    pub(super) fn row(&mut self, row: usize) -> &[f64] {
        let k = self.columns;
        if let Some(all) = self.held {
            return &all[row * k..(row + 1) * k];
        }
        if !self.window.contains(&row) {
            self.fill(row);
        }
        let at = (row - self.window.start) * k;
        &self.numbers[at..at + k]
    }

    /// Brings a row to hand: of what is held, but not row by row, it alone.
    fn fill(&mut self, row: usize) {
        self.numbers.clear();
        match &self.matrix {
            Matrix::Held(held) => {
                self.window = row..row + 1;
                self.numbers.extend(held.row(row));
            }
            Matrix::Packed(packed) => {
                let start = row / Self::WINDOW * Self::WINDOW;
                self.window = start..self.matrix.nrows().min(start + Self::WINDOW);
                let (at, first) = (start / ROWS, start / ROWS * ROWS);
                let fetched = match self.block.take() {
                    Some((block, fetched)) if block == at => fetched,
                    _ => packed.block(at),
                };
                packed.read_of(at, &fetched, start - first..self.window.end - first, &mut self.numbers);
                self.block = Some((at, fetched));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn root_mean_squares_by_hand() {
        let v = array![[3.0, 0.0], [4.0, 2.0]];
        let all = Matrix::from(v.view());
        assert_eq!(all.root_mean_squares(None), array![12.5f64.sqrt(), 2f64.sqrt()]);
        assert_eq!(all.root_mean_squares(Some(array![3.0, 1.0].view()))[0], (43.0f64 / 4.0).sqrt());
    }

    #[test]
    fn any_layout_has_the_same_rows() {
        let a = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]];
        let columns = a.t().as_standard_layout().into_owned();
        let (by_row, by_column) = (Matrix::from(a.view()), Matrix::from(columns.t()));
        assert!(matches!(by_row.rows(1..3), Cow::Borrowed(_)) && matches!(by_column.rows(1..3), Cow::Owned(_)));
        assert_eq!(by_row.rows(1..3), by_column.rows(1..3));
        assert_eq!(by_row.select(&[2, 0]), by_column.select(&[2, 0]));
        assert_eq!(by_row.dot(&array![1.0, 0.0, -1.0]), array![-2.0, -2.0, -2.0]);
    }
}
