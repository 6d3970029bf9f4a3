//! Whole numbers that are added to by the million, as narrow as they all fit: most are counts that a byte holds.

/// Sums by cell.
pub(super) enum Sums {
    Byte(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Sums {
    /// So many cells with nothing in them.
    pub(super) fn none(cells: usize) -> Self {
        Sums::Byte(vec![0; cells])
    }

    /// The sum of a cell.
    pub(super) fn get(&self, cell: usize) -> u32 {
        match self {
            Sums::Byte(sums) => u32::from(sums[cell]),
            Sums::Two(sums) => u32::from(sums[cell]),
            Sums::Four(sums) => sums[cell],
        }
    }

    /// Adds to a cell; false, and nothing is added, where the sum fits in no cell.
    pub(super) fn add(&mut self, cell: usize, amount: u32) -> bool {
        let Some(sum) = self.get(cell).checked_add(amount) else { return false };
        while !self.set(cell, sum) {
            *self = self.wider();
        }
        true
    }

    /// Whether the cell is wide enough, and then holds `sum`.
    fn set(&mut self, cell: usize, sum: u32) -> bool {
        match self {
            Sums::Byte(sums) => u8::try_from(sum).map(|sum| sums[cell] = sum).is_ok(),
            Sums::Two(sums) => u16::try_from(sum).map(|sum| sums[cell] = sum).is_ok(),
            Sums::Four(sums) => {
                sums[cell] = sum;
                true
            }
        }
    }

    fn wider(&self) -> Self {
        match self {
            Sums::Byte(sums) => Sums::Two(sums.iter().map(|sum| u16::from(*sum)).collect()),
            Sums::Two(sums) => Sums::Four(sums.iter().map(|sum| u32::from(*sum)).collect()),
            Sums::Four(_) => unreachable!("four bytes hold every sum"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sums;

    #[test]
    fn sums_widen_when_they_must_and_keep_what_they_had() {
        let mut sums = Sums::none(3);
        let mut expected = [0u64; 3];
        for (cell, amount) in
            [(0, 200), (1, 255), (1, 1), (2, 7), (0, 65_000), (0, 335), (0, 1), (2, u32::MAX - 7), (1, 3)]
        {
            assert!(sums.add(cell, amount));
            expected[cell] += u64::from(amount);
            for (cell, sum) in expected.iter().enumerate() {
                assert_eq!(u64::from(sums.get(cell)), *sum);
            }
        }
        assert!(matches!(sums, Sums::Four(_)));
        assert!(!sums.add(2, 1), "no cell holds more");
        assert_eq!(sums.get(2), u32::MAX);
    }

    #[test]
    fn small_sums_stay_small() {
        let mut sums = Sums::none(2);
        assert!(sums.add(0, 255) && matches!(sums, Sums::Byte(_)));
        assert!(sums.add(0, 1) && matches!(sums, Sums::Two(_)));
        assert!(sums.add(1, 65_536) && matches!(sums, Sums::Four(_)));
        assert_eq!((sums.get(0), sums.get(1)), (256, 65_536));
    }

    #[test]
    fn a_day_with_more_entries_than_two_bytes_hold_is_counted_on() {
        let mut page = Sums::none(128);
        assert!(page.add(3, 65_535) && page.add(4, 2));
        assert!(matches!(page, Sums::Two(_)));
        assert!(page.add(3, 1));
        assert_eq!((page.get(3), page.get(4), page.get(5)), (65_536, 2, 0));
        assert!(page.add(3, 9));
        assert_eq!(page.get(3), 65_545);
    }
}
