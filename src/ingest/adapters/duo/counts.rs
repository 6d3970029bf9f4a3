//! Counts of open data: exact, hidden (`<5`) or absent. A hidden count stays an interval.

/// A count that lies between two whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// At least.
    pub lo: u32,
    /// At most.
    pub hi: u32,
}

impl Bounds {
    fn exact(n: u32) -> Self {
        Self { lo: n, hi: n }
    }

    pub(super) fn lo(self) -> f64 {
        f64::from(self.lo)
    }

    pub(super) fn hi(self) -> f64 {
        f64::from(self.hi)
    }
}

/// Reads a count: `11`, `1.204` (thousands), `<5` (1 to 4); `Ok(None)` for an empty cell and `n.v.t.`; `Err` for anything else.
///
/// # Errors
/// What is no count.
pub(crate) fn count(cell: &str) -> Result<Option<Bounds>, ()> {
    let cell = cell.trim();
    if cell.is_empty() || matches!(cell.to_lowercase().as_str(), "n.v.t." | "nvt" | "null") {
        return Ok(None);
    }
    if let Some(limit) = cell.strip_prefix('<') {
        let limit: u32 = limit.trim().parse().map_err(|_| ())?;
        return if limit > 1 { Ok(Some(Bounds { lo: 1, hi: limit - 1 })) } else { Err(()) };
    }
    let groups: Vec<&str> = cell.split('.').collect();
    let digits = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    let thousands = groups.len() == 1 || groups[0].len() <= 3 && groups[1..].iter().all(|g| g.len() == 3);
    if !thousands || !groups.iter().all(|g| digits(g)) {
        return Err(());
    }
    groups.concat().parse().map(|n| Some(Bounds::exact(n))).map_err(|_| ())
}

/// In 01voins counts of 1 to 4 are printed as 4.
pub(super) fn count_from_four(cell: &str) -> Result<Option<Bounds>, ()> {
    Ok(count(cell)?.map(|c| if c == Bounds::exact(4) { Bounds { lo: 1, hi: 4 } } else { c }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_counts_stay_intervals() {
        assert_eq!(count("<5"), Ok(Some(Bounds { lo: 1, hi: 4 })));
        assert_eq!(count("1.204"), Ok(Some(Bounds::exact(1204))));
        assert_eq!((count("0"), count(""), count("n.v.t.")), (Ok(Some(Bounds::exact(0))), Ok(None), Ok(None)));
        assert_eq!(count_from_four("4"), Ok(Some(Bounds { lo: 1, hi: 4 })));
        assert_eq!(count_from_four("17"), Ok(Some(Bounds::exact(17))));
        for wrong in ["1.2", "-1", "4,5", "<0", "x", "1..000", ".5"] {
            assert_eq!(count(wrong), Err(()), "{wrong}");
        }
    }
}
