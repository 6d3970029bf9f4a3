//! The columns of a design: most of its memory, so they are packed.

use ndarray::{ArrayView2, Axis, concatenate};

use crate::stats::{Matrix, Packed, Packer};

/// Columns of x, of what varies between schools (z) and, in growth models, between pupils.
#[derive(Clone, Debug)]
pub struct ModelColumns {
    pub(super) packed: Packed,
    /// Which columns are those of x, in their order.
    pub(super) x: Vec<usize>,
    pub(super) z: Vec<usize>,
    pub(super) inner: Vec<usize>,
}

impl ModelColumns {
    /// x (n×p) and z (n×q) as they are.
    ///
    /// # Panics
    /// If they have not as many rows.
    pub fn of(x: ArrayView2<'_, f64>, z: ArrayView2<'_, f64>) -> Self {
        let all = concatenate(Axis(1), &[x.view(), z.view()]).expect("as many rows of z as of x");
        let (p, k) = (x.ncols(), all.ncols());
        let mut packer = Packer::new(k, None);
        let rows = all.as_standard_layout();
        packer.push(rows.as_slice().expect("standard layout"));
        Self { packed: packer.finish(), x: (0..p).collect(), z: (p..k).collect(), inner: Vec::new() }
    }

    /// No rows.
    pub fn empty() -> Self {
        Self { packed: Packer::new(0, None).finish(), x: Vec::new(), z: Vec::new(), inner: Vec::new() }
    }

    /// Rows, n.
    pub fn n(&self) -> usize {
        self.packed.nrows()
    }

    /// Columns of x (n×p).
    pub fn x(&self) -> Matrix<'_> {
        self.packed.columns(&self.x).into()
    }

    /// Columns that vary between schools (n×q, q from 0).
    pub fn z(&self) -> Matrix<'_> {
        self.packed.columns(&self.z).into()
    }

    /// Columns that vary between pupils, in growth models.
    pub fn inner(&self) -> Matrix<'_> {
        self.packed.columns(&self.inner).into()
    }

    /// The same with another z, and nothing that varies between pupils.
    pub(crate) fn with_z(&self, z: ArrayView2<'_, f64>) -> Self {
        Self::of(self.x().to_held().view(), z)
    }

    /// Some of the rows, x and z.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        Self::of(self.x().select(rows).view(), self.z().select(rows).view())
    }
}
