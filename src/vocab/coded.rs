//! Long columns in which few values are different, as most columns of pupils are: each value stands once, and an item takes a byte
//! or two.

use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::Index;

use hashbrown::HashMap;

use super::ids::Ix;

/// Something that can be told from others by its bits.
pub trait Bits: Copy {
    /// Its bits.
    type Key: Hash + Eq;
    /// Its bits; equal ones are the same.
    fn key(self) -> Self::Key;
}

/// Missing values (NaN) of the same bits are the same.
impl Bits for f64 {
    type Key = u64;
    fn key(self) -> u64 {
        self.to_bits()
    }
}

/// A vector that only `I` can index, made once and then read.
///
/// ```
/// use lob_effect::vocab::Coded;
/// let doses: Coded<usize, f64> = [2.0, 0.5, 2.0].into_iter().collect();
/// assert_eq!((doses.len(), doses[1], doses[2]), (3, 0.5, 2.0));
/// ```
#[derive(Clone, Debug)]
pub struct Coded<I, T> {
    values: Vec<T>,
    codes: Codes,
    index: PhantomData<fn(I)>,
}

/// Which of the values each item is.
#[derive(Clone, Debug)]
enum Codes {
    Byte(Vec<u8>),
    Two(Vec<u16>),
    /// There are more than codes: every item stands for itself.
    None,
}

impl<I: Ix, T> Coded<I, T> {
    /// Number of items.
    pub fn len(&self) -> usize {
        match &self.codes {
            Codes::Byte(codes) => codes.len(),
            Codes::Two(codes) => codes.len(),
            Codes::None => self.values.len(),
        }
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len()).map(|i| &self[I::from_position(i)])
    }
}

impl<I, T> Default for Coded<I, T> {
    fn default() -> Self {
        Self { values: Vec::new(), codes: Codes::Byte(Vec::new()), index: PhantomData }
    }
}

impl<I: Ix, T> Index<I> for Coded<I, T> {
    type Output = T;
    fn index(&self, i: I) -> &T {
        match &self.codes {
            Codes::Byte(codes) => &self.values[usize::from(codes[i.at()])],
            Codes::Two(codes) => &self.values[usize::from(codes[i.at()])],
            Codes::None => &self.values[i.at()],
        }
    }
}

impl<I, T: Bits> FromIterator<T> for Coded<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(items: A) -> Self {
        let mut coder = Coder::default();
        items.into_iter().for_each(|item| coder.push(item));
        coder.finish()
    }
}

/// Makes a [`Coded`] item by item.
pub struct Coder<T: Bits> {
    known: HashMap<T::Key, u16>,
    values: Vec<T>,
    codes: Codes,
}

impl<T: Bits> Default for Coder<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), values: Vec::new(), codes: Codes::Byte(Vec::new()) }
    }
}

impl<T: Bits> Coder<T> {
    /// Adds an item.
    pub fn push(&mut self, item: T) {
        if let Codes::None = self.codes {
            return self.values.push(item);
        }
        let next = self.values.len();
        let Ok(code) = u16::try_from(next) else { return self.without_codes(item) };
        let code = *self.known.entry(item.key()).or_insert(code);
        if usize::from(code) == next {
            self.values.push(item);
        }
        match (&mut self.codes, u8::try_from(code)) {
            (Codes::Byte(codes), Ok(code)) => codes.push(code),
            (Codes::Byte(codes), Err(_)) => {
                let mut wider: Vec<u16> = codes.iter().map(|code| u16::from(*code)).collect();
                wider.push(code);
                self.codes = Codes::Two(wider);
            }
            (Codes::Two(codes), _) => codes.push(code),
            (Codes::None, _) => {}
        }
    }

    /// There are no codes left.
    fn without_codes(&mut self, item: T) {
        let all = match &self.codes {
            Codes::Two(codes) => codes.iter().map(|code| self.values[usize::from(*code)]).collect(),
            Codes::Byte(_) | Codes::None => std::mem::take(&mut self.values),
        };
        (self.values, self.codes, self.known) = (all, Codes::None, HashMap::new());
        self.values.push(item);
    }

    /// All items.
    pub fn finish<I>(mut self) -> Coded<I, T> {
        match &mut self.codes {
            Codes::Byte(codes) => codes.shrink_to_fit(),
            Codes::Two(codes) => codes.shrink_to_fit(),
            Codes::None => {}
        }
        self.values.shrink_to_fit();
        Coded { values: self.values, codes: self.codes, index: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(items: impl Iterator<Item = f64>) -> Coded<usize, f64> {
        items.collect()
    }

    #[test]
    fn every_item_is_what_it_was_however_many_are_different() {
        // As many codes as fit in a byte, one more, as fit in two, one more, and beyond.
        for different in [1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 70_000_u32] {
            let items = || (0..150_000).map(|i| f64::from(i * 7919 % different));
            let all = coded(items());
            assert_eq!(all.len(), 150_000);
            assert!(items().enumerate().all(|(i, item)| all[i] == item), "{different}");
            assert!(all.iter().copied().eq(items()));
        }
    }

    #[test]
    fn missing_values_and_both_zeros_keep_their_bits() {
        let all = coded([f64::NAN, -0.0, 0.0, f64::NAN].into_iter());
        assert!(all[0].is_nan() && all[3].is_nan());
        assert!(all[1].is_sign_negative() && all[2].is_sign_positive());
        assert!(coded(std::iter::empty()).is_empty());
    }
}
