//! The three-way split of a dose D, over the pupils who count (at the landmark, or at risk in a period):
//! within = D − mean of school and cohort, cohort = mean of school and cohort − mean of school,
//! school = mean of school − a fixed constant c. Within + cohort + school + c = D.

/// A pupil who counts: position in the school's list, cohort, dose.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub pupil: usize,
    pub cohort: usize,
    pub dose: f64,
}

/// A dose in its parts, in activities; or, in the same three places, a coefficient of each part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Parts {
    pub within: f64,
    pub cohort: f64,
    pub school: f64,
}

impl Parts {
    /// Sum over the parts of coefficient × dose.
    pub fn dot(self, other: Self) -> f64 {
        self.within * other.within + self.cohort * other.cohort + self.school * other.school
    }
}

/// The parts of each member's dose. Means count every member once.
pub(super) fn split(members: &[Member], cohorts: usize, centre: f64) -> Vec<Parts> {
    let mut sums = vec![(0.0, 0.0); cohorts];
    for m in members {
        sums[m.cohort].0 += m.dose;
        sums[m.cohort].1 += 1.0;
    }
    let (total, n) = sums.iter().fold((0.0, 0.0), |t, s| (t.0 + s.0, t.1 + s.1));
    let of_school = total / n;
    members
        .iter()
        .map(|m| {
            let of_cohort = sums[m.cohort].0 / sums[m.cohort].1;
            Parts { within: m.dose - of_cohort, cohort: of_cohort - of_school, school: of_school - centre }
        })
        .collect()
}
