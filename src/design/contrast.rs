//! Levels that can't be compared: of a category in which nobody, or everybody, has the outcome the coefficient runs away to
//! infinity, and one such level would refuse the whole model. Its pupils are left out together with its column, as Stata's
//! `logit` does ("predicts failure perfectly"): the likelihood of all other coefficients is the one that it comes to.

/// A category whose levels are numbered 0, 1, …
pub struct Factor<'r> {
    /// Number of levels.
    pub levels: usize,
    /// The level of a row.
    pub of: Box<dyn Fn(usize) -> usize + Sync + 'r>,
}

/// For each factor its levels without contrast: all rows of a level, those of other such levels left aside, have the same
/// outcome. `weight` is how often a row counts. Leaving out one level may empty another, so this goes on until none is left.
pub fn without_contrast(
    rows: usize,
    factors: &[Factor<'_>],
    has_event: impl Fn(usize) -> bool,
    weight: impl Fn(usize) -> f64,
) -> Vec<Vec<bool>> {
    let mut out: Vec<Vec<bool>> = factors.iter().map(|f| vec![false; f.levels]).collect();
    loop {
        let mut counts: Vec<Vec<[f64; 2]>> = factors.iter().map(|f| vec![[0.0; 2]; f.levels]).collect();
        for row in (0..rows).filter(|&row| !is_out(&out, factors, row)) {
            let (event, n) = (usize::from(has_event(row)), weight(row));
            for (factor, counts) in factors.iter().zip(&mut counts) {
                counts[(factor.of)(row)][event] += n;
            }
        }
        let mut found = false;
        for (out, counts) in out.iter_mut().zip(&counts) {
            for (out, [without, with]) in out.iter_mut().zip(counts) {
                let is_new = !*out && (*without > 0.0) != (*with > 0.0);
                *out |= is_new;
                found |= is_new;
            }
        }
        if !found {
            return out;
        }
    }
}

/// Whether a row is of a level that is left out.
pub fn is_out(out: &[Vec<bool>], factors: &[Factor<'_>], row: usize) -> bool {
    factors.iter().zip(out).any(|(factor, out)| out[(factor.of)(row)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(codes: &[usize]) -> Factor<'_> {
        Factor { levels: 3, of: Box::new(|row| codes[row]) }
    }

    #[test]
    fn a_level_without_events_goes_and_takes_with_it_what_rests_on_it() {
        // Level 2 of the first factor has no event; without it level 1 of the second has only events.
        let (first, second) = ([0, 0, 1, 1, 2, 2, 0, 1, 1], [0, 0, 0, 1, 1, 0, 2, 2, 0]);
        let y = [true, false, false, true, false, false, true, false, true];
        let factors = [factor(&first), factor(&second)];
        let out = without_contrast(9, &factors, |row| y[row], |_| 1.0);
        assert_eq!(out, [vec![false, false, true], vec![false, true, false]]);
        let left: Vec<usize> = (0..9).filter(|&row| !is_out(&out, &factors, row)).collect();
        assert_eq!(left, [0, 1, 2, 6, 7, 8]);
    }

    #[test]
    fn levels_with_both_outcomes_stay() {
        let codes = [0, 0, 1, 1, 2, 2];
        let out = without_contrast(6, &[factor(&codes)], |row| row % 2 == 0, |_| 1.0);
        assert_eq!(out, [vec![false; 3]]);
    }
}
