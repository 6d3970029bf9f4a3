//! Rows for the benchmark of the mixed models: simulated with a fixed seed, or the OULAD hazard where its files are.
//!
//! Values are rounded to four decimals, so that the CSV files of the peers hold exactly the same numbers. The columns
//! of every random-effects term are the first q columns of x; nothing is held twice, so that the memory of the process
//! says something about the fit.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Outcome, columns and groups.
pub struct Rows {
    /// Scores, or events among `trials`.
    pub y: Array1<f64>,
    /// Binary outcomes: rows behind each cell.
    pub trials: Option<Array1<f64>>,
    /// Fixed-effect columns (n×p).
    pub x: Array2<f64>,
    /// Columns of the random effects, where they are not the first of x.
    pub z: Option<Array2<f64>>,
    pub groups: Vec<Groups>,
}

/// A grouping factor.
pub struct Groups {
    pub name: &'static str,
    pub level: Vec<u32>,
    pub n_levels: usize,
    /// Random effects of a level: the first columns of x (or z), correlated.
    pub q: usize,
}

impl Rows {
    pub fn n(&self) -> usize {
        self.y.len()
    }

    /// Rows of persons behind the cells.
    pub fn persons(&self) -> usize {
        self.trials.as_ref().map_or(self.n(), |m| m.sum() as usize)
    }

    pub fn z(&self, group: &Groups) -> ArrayView2<'_, f64> {
        self.z.as_ref().unwrap_or(&self.x).slice(s![.., ..group.q])
    }

    /// The model in the notation of lme4, with the names of the columns that [`Rows::write`] gives.
    pub fn formula(&self) -> String {
        let intercept = self.x.column(0).iter().all(|&v| v == 1.0);
        let first = usize::from(intercept);
        let mut sides = vec![first.to_string()];
        sides.extend((first..self.x.ncols()).map(|k| format!("x{k}")));
        let column = if self.z.is_some() { "z" } else { "x" };
        for group in &self.groups {
            let slopes: String = (1..group.q).map(|k| format!(" + {column}{k}")).collect();
            sides.push(format!("(1{slopes} | {})", group.name));
        }
        format!("y ~ {}", sides.join(" + "))
    }

    /// Writes `y`, `m` for cells, `x0` …, `z0` … where they are not in x, and the groups, with a header. `rows` writes a
    /// line for each person of a cell instead.
    pub fn write(&self, path: &Path, rows: bool) {
        let mut to = BufWriter::new(File::create(path).unwrap());
        let number = |to: &mut BufWriter<File>, v: f64| write!(to, "{v},").unwrap();
        let cells = self.trials.is_some() && !rows;
        let mut names = vec!["y".to_string()];
        names.extend(cells.then(|| "m".to_string()));
        names.extend((0..self.x.ncols()).map(|k| format!("x{k}")));
        names.extend((0..self.z.as_ref().map_or(0, Array2::ncols)).map(|k| format!("z{k}")));
        names.extend(self.groups.iter().map(|g| g.name.to_string()));
        writeln!(to, "{}", names.join(",")).unwrap();
        for i in 0..self.n() {
            let persons = if rows { self.trials.as_ref().map_or(1, |m| m[i] as usize) } else { 1 };
            for person in 0..persons {
                let event =
                    if rows && persons > 1 { f64::from(u8::from((person as f64) < self.y[i])) } else { self.y[i] };
                number(&mut to, event);
                if let (true, Some(m)) = (cells, &self.trials) {
                    number(&mut to, m[i]);
                }
                self.x.row(i).iter().for_each(|&v| number(&mut to, v));
                self.z.iter().for_each(|z| z.row(i).iter().for_each(|&v| number(&mut to, v)));
                let groups: Vec<String> = self.groups.iter().map(|g| g.level[i].to_string()).collect();
                writeln!(to, "{}", groups.join(",")).unwrap();
            }
        }
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn rounded(v: f64) -> f64 {
    (v * 1e4).round() / 1e4
}

/// Deviations of `n` levels in intercept and slope, with sd `a` and `b` and correlation 0.3.
fn effects(n: usize, a: f64, b: f64, rng: &mut ChaCha8Rng) -> Array2<f64> {
    let mut out = Array2::zeros((n, 2));
    for mut level in out.rows_mut() {
        let (u, v) = (normal(rng), normal(rng));
        level[0] = a * u;
        level[1] = b * (0.3 * u + (1.0f64 - 0.09).sqrt() * v);
    }
    out
}

fn line(effect: ArrayView1<f64>, x: f64) -> f64 {
    effect[0] + effect[1] * x
}

/// Growth: pupils of schools, four occasions each; level and growth vary between pupils and between schools.
pub fn growth(schools: usize, pupils_per_school: usize) -> Rows {
    const OCCASIONS: usize = 4;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let pupils = schools * pupils_per_school;
    let n = pupils * OCCASIONS;
    let (of_school, of_pupil) = (effects(schools, 0.4, 0.15, &mut rng), effects(pupils, 0.8, 0.3, &mut rng));
    let pupil: Vec<u32> = (0..n).map(|i| (i / OCCASIONS) as u32).collect();
    let school: Vec<u32> = (0..n).map(|i| (i / OCCASIONS / pupils_per_school) as u32).collect();
    let x = Array2::from_shape_fn((n, 2), |(i, k)| if k == 0 { 1.0 } else { (i % OCCASIONS) as f64 });
    let score = |i: usize| {
        let t = x[[i, 1]];
        let (pupil, school) = (of_pupil.row(pupil[i] as usize), of_school.row(school[i] as usize));
        rounded(1.0 + 0.5 * t + line(pupil, t) + line(school, t) + normal(&mut rng))
    };
    let y = (0..n).map(score).collect();
    let groups = vec![
        Groups { name: "pupil", level: pupil, n_levels: pupils, q: 2 },
        Groups { name: "school", level: school, n_levels: schools, q: 2 },
    ];
    Rows { y, trials: None, x, z: None, groups }
}

/// Ratings as in lme4's InstEval: students rate lecturers, each pair once; lecturers belong to departments, students
/// mostly choose those of their own; few lecturers have most of the ratings.
pub fn ratings(rows: usize, students: usize, lecturers: usize, departments: usize) -> Rows {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let department_of: Vec<usize> = (0..lecturers).map(|_| rng.random_range(0..departments)).collect();
    // Lecturers stand in a lottery as often as they are popular: log-normal, 10 times between 5 % and 95 %.
    let popular: Vec<usize> = (0..lecturers).map(|_| 1 + (4.0 * (1.1 * normal(&mut rng)).exp()) as usize).collect();
    let everywhere: Vec<u32> = (0..lecturers as u32).flat_map(|d| vec![d; popular[d as usize]]).collect();
    let mut within = vec![Vec::new(); departments];
    everywhere.iter().for_each(|&d| within[department_of[d as usize]].push(d));
    let (mut student, mut lecturer) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    // Between a few ratings and three times the mean.
    let shares: Vec<f64> = (0..students).map(|_| 0.1 + (0.6 * normal(&mut rng)).exp()).collect();
    let total: f64 = shares.iter().sum();
    for (s, share) in shares.iter().enumerate() {
        let home = rng.random_range(0..departments);
        let left = rows - student.len() - (students - s - 1);
        let wanted =
            if s + 1 == students { left } else { ((share / total * rows as f64).round() as usize).clamp(1, left) };
        let mut chosen = std::collections::BTreeSet::new();
        while chosen.len() < wanted.min(lecturers / 2) {
            let from = if rng.random_bool(0.6) && !within[home].is_empty() { &within[home] } else { &everywhere };
            // After many, popularity no longer counts: the popular ones are taken.
            let any = chosen.len() > 60 || rng.random_bool(0.1);
            chosen.insert(if any {
                rng.random_range(0..lecturers as u32)
            } else {
                from[rng.random_range(0..from.len())]
            });
        }
        student.extend(std::iter::repeat_n(s as u32, chosen.len()));
        lecturer.extend(chosen);
    }
    let n = student.len();
    let department: Vec<u32> = lecturer.iter().map(|&d| department_of[d as usize] as u32).collect();
    let mut deviations = |n: usize, sd: f64| (0..n).map(|_| sd * normal(&mut rng)).collect::<Vec<f64>>();
    let (a, b, c) = (deviations(students, 0.33), deviations(lecturers, 0.52), deviations(departments, 0.15));
    let x =
        Array2::from_shape_fn((n, 2), |(_, k)| if k == 0 { 1.0 } else { f64::from(u8::from(rng.random_bool(0.43))) });
    let rating = |i: usize| {
        let level = a[student[i] as usize] + b[lecturer[i] as usize] + c[department[i] as usize];
        (3.3 - 0.1 * x[[i, 1]] + level + 1.18 * normal(&mut rng)).round().clamp(1.0, 5.0)
    };
    let y = (0..n).map(rating).collect();
    let groups = vec![
        Groups { name: "student", level: student, n_levels: students, q: 1 },
        Groups { name: "lecturer", level: lecturer, n_levels: lecturers, q: 1 },
        Groups { name: "department", level: department, n_levels: departments, q: 1 },
    ];
    Rows { y, trials: None, x, z: None, groups }
}

/// Pupils of schools with eight covariates; intercept and the slope of the first covariate vary between schools.
/// Rows are in order of the school, as designs have them, or `mixed`.
pub fn schools(rows: usize, schools: usize, binary: bool, mixed: bool) -> Rows {
    const COVARIATES: usize = 8;
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let of_school = effects(schools, if binary { 0.5 } else { 0.4 }, 0.2, &mut rng);
    let in_order = |i: usize| (i as u64 * schools as u64 / rows as u64) as u32;
    let level: Vec<u32> =
        (0..rows).map(|i| if mixed { rng.random_range(0..schools as u32) } else { in_order(i) }).collect();
    let mut x = Array2::ones((rows, COVARIATES + 1));
    x.slice_mut(s![.., 1..]).iter_mut().for_each(|to| *to = rounded(normal(&mut rng)));
    // Three of them are of the kind yes or no.
    x.slice_mut(s![.., 6..]).iter_mut().for_each(|to| *to = f64::from(u8::from(*to > 0.3)));
    let outcome = |i: usize| {
        let beta = [if binary { -2.0 } else { 0.5 }, 0.3, -0.2, 0.1, 0.05, 0.0, 0.4, -0.1, 0.2];
        let eta = x.row(i).dot(&ArrayView1::from(&beta)) + line(of_school.row(level[i] as usize), x[[i, 1]]);
        if binary {
            f64::from(u8::from(rng.random::<f64>() < 1.0 / (1.0 + (-eta).exp())))
        } else {
            rounded(eta + normal(&mut rng))
        }
    };
    let y: Array1<f64> = (0..rows).map(outcome).collect();
    let trials = binary.then(|| Array1::ones(rows));
    Rows { y, trials, x, z: None, groups: vec![Groups { name: "school", level, n_levels: schools, q: 2 }] }
}
