//! Indices that are not numbers: a school can't be mistaken for a pupil, and a pupil can't be printed.

use std::marker::PhantomData;

/// A position in a table of `Self` things.
pub trait Ix: Copy + Ord {
    /// The index as a position in a slice.
    fn at(self) -> usize;
    /// The index of position `i`.
    ///
    /// # Panics
    /// When `i` does not fit 32 bits: no study has four billion schools or pupils.
    fn from_position(i: usize) -> Self;
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident $(, $derive:ident)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash $(, $derive)*)]
        pub struct $name(u32);
        impl Ix for $name {
            fn at(self) -> usize { self.0 as usize }
            fn from_position(i: usize) -> Self {
                Self(u32::try_from(i).expect("a table of at most 4 294 967 295 rows"))
            }
        }
    };
}

index!(/// A school location (BRIN + vestiging), in the sorted order of its key.
    SchoolIx, Debug);
index!(/// A cohort, in the sorted order of its label.
    CohortIx, Debug);
index!(/// A pupil, in the sorted order of the pseudonym. Neither `Debug` nor `Display`: it can't be printed.
    PupilIx);

/// A position where items have no id, as the rows of a design.
impl Ix for usize {
    fn at(self) -> usize {
        self
    }
    fn from_position(i: usize) -> Self {
        i
    }
}

/// A vector that only `I` can index; iterates in id order.
#[derive(Clone, Debug, PartialEq)]
pub struct IdVec<I, T> {
    items: Vec<T>,
    index: PhantomData<fn(I)>,
}

impl<I: Ix, T> IdVec<I, T> {
    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// The items in id order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }
    /// The items with their ids, in id order.
    pub fn enumerate(&self) -> impl Iterator<Item = (I, &T)> {
        self.items.iter().enumerate().map(|(i, t)| (I::from_position(i), t))
    }
    /// All ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..self.items.len()).map(I::from_position)
    }
    /// The items as a slice, for code that has no use for ids.
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }
}

impl<I, T> From<Vec<T>> for IdVec<I, T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, index: PhantomData }
    }
}

impl<I: Ix, T> std::ops::Index<I> for IdVec<I, T> {
    type Output = T;
    fn index(&self, i: I) -> &T {
        &self.items[i.at()]
    }
}

impl<I: Ix, T> std::ops::IndexMut<I> for IdVec<I, T> {
    fn index_mut(&mut self, i: I) -> &mut T {
        &mut self.items[i.at()]
    }
}
