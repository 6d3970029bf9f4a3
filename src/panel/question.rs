//! What an outcome asks of the enrolments: enrolments on count dates, diplomas, and a test on the answers. Both executors
//! read this value, one by evaluating the test, the other by printing it.

use crate::vocab::{Among, DiplomaKind, OutcomeRule, Trait, leerwegen};

/// Is the pupil in `sector` (any, when `None`) on 1 October of year `k`? Of several enrolments the one counts that goes
/// first at CBS, then the one with the smallest programme, domain, institution, track, level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) sector: Option<&'static str>,
    pub(super) k: u8,
}

/// Has the pupil such a diploma by 1 October of year `k`?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Obtained {
    pub(super) of: DiplomaKind,
    pub(super) k: u8,
}

/// Something that is true, false or unknown; unknown as in SQL (Kleene's logic). Numbers are positions among the probes and
/// diplomas of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// The probe found an enrolment.
    In(usize),
    /// Both probes found an enrolment and its trait is the same; one without the trait never is.
    Same(usize, usize, Trait),
    /// The traits differ; unknown when one is missing.
    Differs(usize, usize, Trait),
    /// At least at the level that is expected after the pupil's leerweg; unknown for mbo without a level.
    AtLevel(usize),
    /// In a domain of the pupil's sector; unknown for a domain that the study does not list.
    Related(usize),
    /// In bol at mbo-2 or higher.
    Bol2(usize),
    /// The diploma was obtained; unknown for one of mbo without a level, where the level matters.
    Obtained(usize),
    /// The opposite.
    Not(Box<Test>),
    /// All of them.
    All(Vec<Test>),
    /// One of them.
    Any(Vec<Test>),
}

/// The whole question.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// Enrolments that are looked for.
    pub(super) probes: Vec<Probe>,
    /// Diplomas that are looked for.
    pub(super) diplomas: Vec<Obtained>,
    /// Who is asked; the others did not start.
    pub(super) among: Option<Test>,
    /// The outcome.
    pub(super) holds: Test,
    /// Only pupils younger than this on the first count date.
    pub(super) below: Option<u8>,
    /// A diploma dated before the landmark takes the pupil out.
    pub(super) is_new: bool,
}

impl Question {
    /// The question of a rule; `None` for rules that don't rest on enrolments.
    pub(super) fn of(rule: OutcomeRule) -> Option<Self> {
        let mut q = Question {
            probes: Vec::new(),
            diplomas: Vec::new(),
            among: None,
            holds: Test::All(Vec::new()),
            below: None,
            is_new: false,
        };
        let mbo = Some(leerwegen::MBO);
        q.holds = match rule {
            OutcomeRule::ActiveOn { sector, k } => q.inside(Some(sector), k),
            OutcomeRule::NotEnrolledOn { k, .. } => not(q.inside(None, k)),
            OutcomeRule::Stayed { by, sector, k } => {
                let (from, to) = (q.probe(Some(sector), 0), q.probe(Some(sector), k));
                Test::Same(from, to, by)
            }
            OutcomeRule::Switched { by, sector, k, .. } => {
                let (from, to) = (q.probe(Some(sector), 0), q.probe(Some(sector), k));
                Test::All(vec![Test::In(from), Test::In(to), Test::Differs(from, to, by)])
            }
            OutcomeRule::AtLevel { .. } => Test::AtLevel(q.probe(None, 0)),
            OutcomeRule::Related { .. } => {
                let at = q.probe(mbo, 0);
                Test::All(vec![Test::In(at), Test::Related(at)])
            }
            OutcomeRule::Diploma { of, k } => {
                q.is_new = true;
                q.obtained(of, k)
            }
            OutcomeRule::NewDropout { k, below, among } => {
                q.below = Some(below);
                q.new_dropout(k, among)
            }
            OutcomeRule::Event | OutcomeRule::Column | OutcomeRule::Score => return None,
        };
        q.among = match rule.among() {
            Among::Everyone => None,
            Among::Enrolled => Some(q.inside(None, 0)),
            Among::Starters => Some(q.inside(mbo, 0)),
            Among::StartersBol2 => {
                let at = q.probe(mbo, 0);
                Some(Test::All(vec![Test::In(at), Test::Bol2(at)]))
            }
        };
        Some(q)
    }

    /// Out on some count date up to year `k`, in on the one before it, without a startkwalificatie. Whoever is at the
    /// landmark was in on the count date before it; under a condition the first count date is where it starts.
    fn new_dropout(&mut self, k: u8, among: Among) -> Test {
        let first = if among == Among::Everyone { 0 } else { 1 };
        let mut ways = Vec::new();
        for year in first..=k {
            let mut way = vec![not(self.inside(None, year)), not(self.obtained(DiplomaKind::Startkwalificatie, year))];
            if year > 0 {
                way.insert(0, self.inside(None, year - 1));
            }
            ways.push(Test::All(way));
        }
        Test::Any(ways)
    }

    fn inside(&mut self, sector: Option<&'static str>, k: u8) -> Test {
        Test::In(self.probe(sector, k))
    }

    fn probe(&mut self, sector: Option<&'static str>, k: u8) -> usize {
        position_or_push(&mut self.probes, Probe { sector, k })
    }

    fn obtained(&mut self, of: DiplomaKind, k: u8) -> Test {
        Test::Obtained(position_or_push(&mut self.diplomas, Obtained { of, k }))
    }

    /// The first and the last year whose 1 October counts.
    pub(super) fn years(&self) -> (u8, u8) {
        let years = || self.probes.iter().map(|p| p.k).chain(self.diplomas.iter().map(|d| d.k));
        (years().min().unwrap_or(0), years().max().unwrap_or(0))
    }
}

fn not(test: Test) -> Test {
    Test::Not(Box::new(test))
}

/// Position of an item that stands in a list once.
pub(super) fn position_or_push<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|i| *i == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}

impl Test {
    /// The answer, from a function that answers the tests that are not made of others.
    pub(super) fn eval(&self, leaf: &impl Fn(&Test) -> Option<bool>) -> Option<bool> {
        match self {
            Test::Not(test) => test.eval(leaf).map(|b| !b),
            Test::All(tests) => fold(tests, leaf, false),
            Test::Any(tests) => fold(tests, leaf, true),
            test => leaf(test),
        }
    }
}

/// `decides` as soon as one test gives it; else unknown when one is unknown.
fn fold(tests: &[Test], leaf: &impl Fn(&Test) -> Option<bool>, decides: bool) -> Option<bool> {
    let mut all = Some(!decides);
    for test in tests {
        match test.eval(leaf) {
            Some(answer) if answer == decides => return Some(decides),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_decided_by_a_false_part_of_all_and_a_true_part_of_any() {
        let leaf = |test: &Test| match test {
            Test::In(0) => Some(false),
            Test::In(1) => Some(true),
            _ => None,
        };
        let (no, yes, unknown) = (Test::In(0), Test::In(1), Test::In(2));
        let all = |tests: [&Test; 2]| Test::All(tests.map(Test::clone).to_vec()).eval(&leaf);
        let any = |tests: [&Test; 2]| Test::Any(tests.map(Test::clone).to_vec()).eval(&leaf);
        assert_eq!([all([&unknown, &no]), all([&unknown, &yes]), all([&yes, &yes])], [Some(false), None, Some(true)]);
        assert_eq!([any([&unknown, &yes]), any([&unknown, &no]), any([&no, &no])], [Some(true), None, Some(false)]);
        assert_eq!(not(unknown).eval(&leaf), None);
    }

    #[test]
    fn a_new_dropout_among_everyone_may_leave_in_either_year() {
        let rule = |among| OutcomeRule::NewDropout { k: 1, below: 23, among };
        let everyone = Question::of(rule(Among::Everyone)).unwrap();
        let enrolled = Question::of(rule(Among::Enrolled)).unwrap();
        let ways = |q: &Question| match &q.holds {
            Test::Any(ways) => ways.len(),
            _ => 0,
        };
        assert_eq!([ways(&everyone), ways(&enrolled)], [2, 1]);
        assert_eq!([everyone.years(), enrolled.years()], [(0, 1), (0, 1)]);
    }
}
