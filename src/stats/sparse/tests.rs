//! Identities against dense matrices, at patterns as models have them and at random ones.

use ndarray::{Array2, s};
use proptest::prelude::*;

use super::super::linalg::Cholesky;
use super::{Factor, Symbolic};

/// Reproducible numbers between −½ and ½ (a linear congruential generator; the low bits are dropped).
struct Numbers(u64);

impl Numbers {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 11
    }

    fn next(&mut self) -> f64 {
        self.bits() as f64 / (1u64 << 53) as f64 - 0.5
    }

    fn below(&mut self, n: usize) -> u32 {
        (self.bits() % n as u64) as u32
    }
}

/// A pattern made of rows of data: the nodes that each row touches.
#[derive(Clone, Debug)]
struct Case {
    sizes: Vec<usize>,
    rows: Vec<Vec<u32>>,
}

impl Case {
    fn edges(&self) -> Vec<(u32, u32)> {
        let pairs = |row: &Vec<u32>| {
            let row = row.clone();
            (0..row.len()).flat_map(move |a| {
                let row = row.clone();
                (0..a).map(move |b| (row[a].max(row[b]), row[a].min(row[b])))
            })
        };
        self.rows.iter().flat_map(pairs).filter(|(a, b)| a != b).collect()
    }

    fn symbolic(&self) -> Symbolic {
        Symbolic::analyse(&self.sizes, &self.edges())
    }

    /// I + Σ zzᵀ over the rows of data, z random at the nodes of the row.
    fn values(&self, symbolic: &Symbolic, numbers: &mut Numbers) -> Vec<f64> {
        let mut values = vec![0.0; symbolic.n_values()];
        for (node, &q) in self.sizes.iter().enumerate() {
            (0..q).for_each(|c| values[symbolic.diagonal(node) + c * q + c] = 1.0);
        }
        for row in &self.rows {
            let mut nodes = row.clone();
            nodes.sort_unstable();
            nodes.dedup();
            let z: Vec<Vec<f64>> =
                nodes.iter().map(|&n| (0..self.sizes[n as usize]).map(|_| 3.0 * numbers.next()).collect()).collect();
            for (a, &node_a) in nodes.iter().enumerate() {
                for (b, &node_b) in nodes[..=a].iter().enumerate() {
                    let start = if a == b {
                        symbolic.diagonal(node_a as usize)
                    } else {
                        symbolic.edges()[symbolic.edge(node_b as usize, node_a as usize).unwrap()].start
                    };
                    for (r, za) in z[a].iter().enumerate() {
                        for (c, zb) in z[b].iter().enumerate() {
                            values[start + r * z[b].len() + c] += za * zb;
                        }
                    }
                }
            }
        }
        values
    }
}

/// The values as a dense matrix.
fn dense(symbolic: &Symbolic, values: &[f64]) -> Array2<f64> {
    let mut m = Array2::zeros((symbolic.n_rows(), symbolic.n_rows()));
    let mut n_nodes = 0;
    while n_nodes < symbolic.nodes.len() {
        let (o, q) = (symbolic.offset(n_nodes), symbolic.size(n_nodes));
        (0..q * q).for_each(|k| m[[o + k / q, o + k % q]] = values[symbolic.diagonal(n_nodes) + k]);
        n_nodes += 1;
    }
    for e in symbolic.edges() {
        let (a, b, w) =
            (symbolic.offset(e.row as usize), symbolic.offset(e.column as usize), symbolic.size(e.column as usize));
        for k in 0..symbolic.size(e.row as usize) * w {
            m[[a + k / w, b + k % w]] = values[e.start + k];
            m[[b + k % w, a + k / w]] = values[e.start + k];
        }
    }
    m
}

fn random_matrix(rows: usize, columns: usize, numbers: &mut Numbers) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |_| numbers.next())
}

fn largest(a: &Array2<f64>) -> f64 {
    a.iter().fold(0.0, |m, v| v.abs().max(m))
}

/// Compares everything with dense linear algebra.
fn check(case: &Case, seed: u64) {
    let symbolic = case.symbolic();
    let mut numbers = Numbers(seed);
    let values = case.values(&symbolic, &mut numbers);
    let m = dense(&symbolic, &values);
    let n = symbolic.n_rows();
    // The smallest eigenvalue is at least 1, so errors are a few roundings of the largest numbers that occur.
    let tolerance = 1e-14 * n as f64 * largest(&m).max(1.0);
    let factor = symbolic.factor(&values).expect("positive definite");
    let reference = Cholesky::factor(m.view()).expect("positive definite");
    assert!((factor.log_det() - reference.log_det()).abs() < tolerance * (n as f64));

    let b = random_matrix(n, 3, &mut numbers);
    assert!(largest(&(symbolic.multiply(&values, &b) - m.dot(&b))) < tolerance);
    let mut x = b.clone();
    factor.solve(&mut x);
    assert!(largest(&(m.dot(&x) - &b)) < tolerance);
    let mut half = b.clone();
    factor.half_solve(&mut half);
    assert!(largest(&(half.t().dot(&half) - b.t().dot(&x))) < tolerance * n as f64);
    // One column alone goes through other kernels.
    let mut one = b.slice(s![.., ..1]).to_owned();
    factor.solve(&mut one);
    assert!(largest(&(one - x.slice(s![.., ..1]))) < tolerance);

    // L from L⁻¹ = half-solve of the identity: L⁻¹ (PMPᵀ) L⁻ᵀ = I says that LLᵀ = PMPᵀ.
    let mut inverse_of_l = Array2::eye(n);
    factor.half_solve(&mut inverse_of_l);
    let identity = inverse_of_l.dot(&m).dot(&inverse_of_l.t());
    assert!(largest(&(identity - Array2::<f64>::eye(n))) < tolerance);

    let inverse = reference.inverse();
    let on_pattern = factor.inverse_on_pattern();
    assert_eq!(on_pattern.len(), symbolic.n_values());
    let found = dense(&symbolic, &on_pattern);
    let pattern = dense(&symbolic, &vec![1.0; symbolic.n_values()]);
    assert!(largest(&(found - inverse * pattern)) < tolerance);
    for (node, q) in case.sizes.iter().enumerate() {
        let block = &on_pattern[symbolic.diagonal(node)..][..q * q];
        (0..q * q).for_each(|k| assert_eq!(block[k], block[k % q * q + k / q], "exactly symmetric"));
    }
}

/// Pupils in classes in schools; nodes numbered in that order.
fn nested(schools: usize, classes: usize, pupils: usize, q: [usize; 3]) -> Case {
    let (n_classes, n_pupils) = (schools * classes, schools * classes * pupils);
    let sizes = [vec![q[0]; n_pupils], vec![q[1]; n_classes], vec![q[2]; schools]].concat();
    let row =
        |i: usize| vec![i as u32, (n_pupils + i / pupils) as u32, (n_pupils + n_classes + i / pupils / classes) as u32];
    Case { sizes, rows: (0..n_pupils).map(row).chain((0..n_pupils).map(row)).collect() }
}

/// Crossed factors, levels drawn at random.
fn crossed(levels: &[usize], q: &[usize], rows: usize, seed: u64) -> Case {
    let mut numbers = Numbers(seed);
    let sizes = levels.iter().zip(q).flat_map(|(n, q)| vec![*q; *n]).collect();
    let row = |numbers: &mut Numbers| {
        let mut first = 0;
        levels
            .iter()
            .map(|&n| {
                first += n;
                (first - n) as u32 + numbers.below(n)
            })
            .collect()
    };
    Case { sizes, rows: (0..rows).map(|_| row(&mut numbers)).collect() }
}

#[test]
fn nested_factors_have_no_fill_and_no_tail() {
    let case = nested(5, 3, 4, [2, 1, 3]);
    let symbolic = case.symbolic();
    assert_eq!(symbolic.n_tail(), 0);
    assert_eq!(symbolic.rows.len(), symbolic.edges().len());
    check(&case, 1);
}

#[test]
fn crossed_factors_leave_a_dense_tail() {
    let case = crossed(&[150, 40, 4], &[1, 1, 1], 1200, 2);
    assert!((20..=60).contains(&case.symbolic().n_tail()));
    check(&case, 2);
    check(&crossed(&[60, 30, 5], &[2, 3, 1], 400, 3), 3);
}

#[test]
fn a_tail_of_several_tiles() {
    let case = crossed(&[160, 150], &[2, 3], 3000, 4);
    assert!(case.symbolic().n_tail() > 384, "three tiles or more");
    check(&case, 4);
}

#[test]
fn partially_crossed() {
    // Pupils with one school and one college each, most pupils of a school going to the same few.
    let mut numbers = Numbers(5);
    let row = |i: usize, n: &mut Numbers| {
        let school = i % 30;
        vec![i as u32, 300 + school as u32, 330 + (school as u32 / 5 + n.below(2)) % 8]
    };
    let rows = (0..300).map(|i| row(i, &mut numbers)).collect();
    check(&Case { sizes: [vec![1; 300], vec![2; 30], vec![1; 8]].concat(), rows }, 5);
}

#[test]
fn numbering_of_nodes_does_not_matter() {
    // Schools first, pupils last: blocks of L are transposes of those of M.
    let case = nested(4, 2, 3, [2, 1, 3]);
    let n = case.sizes.len() as u32;
    let sizes = case.sizes.iter().rev().copied().collect();
    let rows = case.rows.iter().map(|row| row.iter().map(|v| n - 1 - v).collect()).collect();
    check(&Case { sizes, rows }, 6);
}

/// Too large for dense matrices: residuals, and the inverse against solves with unit vectors.
fn check_by_solves(case: &Case, seed: u64) {
    let symbolic = case.symbolic();
    let mut numbers = Numbers(seed);
    let values = case.values(&symbolic, &mut numbers);
    let factor = symbolic.factor(&values).expect("positive definite");
    let inverse = factor.inverse_on_pattern();
    let b = random_matrix(symbolic.n_rows(), 2, &mut numbers);
    let mut x = b.clone();
    factor.solve(&mut x);
    // Rounding of sums over the rows of data of one node, times numbers of order one.
    let tolerance = 1e-15 * case.rows.len() as f64;
    assert!(largest(&(symbolic.multiply(&values, &x) - &b)) < tolerance);
    for _ in 0..20 {
        let edge = symbolic.edges()[numbers.below(symbolic.edges().len()) as usize];
        let (row, column) = (edge.row as usize, edge.column as usize);
        let width = symbolic.size(column);
        let mut unit = Array2::zeros((symbolic.n_rows(), width));
        (0..width).for_each(|c| unit[[symbolic.offset(column) + c, c]] = 1.0);
        factor.solve(&mut unit);
        for (node, start) in [(row, edge.start), (column, symbolic.diagonal(column))] {
            for k in 0..symbolic.size(node) * width {
                let expected = unit[[symbolic.offset(node) + k / width, k % width]];
                assert!((inverse[start + k] - expected).abs() < tolerance);
            }
        }
    }
}

/// One school so large that its classes are subtrees of their own: two rounds before the tail.
fn one_large_school() -> Case {
    nested(1, 100, 60, [1, 2, 2])
}

#[test]
fn subtrees_with_nodes_above_them() {
    let case = one_large_school();
    let symbolic = case.symbolic();
    assert_eq!((symbolic.rounds.len(), symbolic.n_tail()), (3, 0));
    assert!(symbolic.rounds[0].len() > 1);
    check_by_solves(&case, 14);
    check_by_solves(&crossed(&[3000, 400, 10], &[1, 2, 1], 20_000, 15), 15);
}

#[test]
fn one_node_no_edges_and_nothing_at_all() {
    check(&Case { sizes: vec![3], rows: vec![vec![0]; 2] }, 7);
    check(&Case { sizes: vec![1, 2, 3, 1], rows: vec![vec![0], vec![2]] }, 8);
    check(&Case { sizes: vec![6, 6], rows: vec![vec![0, 1]; 9] }, 9);
    let nothing = Symbolic::analyse(&[], &[]);
    let factor = nothing.factor(&[]).expect("positive definite");
    assert_eq!((factor.log_det(), factor.inverse_on_pattern().len()), (0.0, 0));
    let symbolic = Symbolic::analyse(&[2], &[]);
    let mut none = Array2::zeros((2, 0));
    symbolic.factor(&[1.0, 0.0, 0.0, 1.0]).expect("positive definite").solve(&mut none);
    assert_eq!(none.dim(), (2, 0));
}

#[test]
fn edges_in_any_order_and_number() {
    let once = Symbolic::analyse(&[1, 1, 2], &[(2, 0), (1, 0)]);
    let often = Symbolic::analyse(&[1, 1, 2], &[(0, 1), (2, 0), (1, 0), (0, 2)]);
    assert_eq!(once.edges(), often.edges());
    assert_eq!((once.edge(0, 2), once.edge(1, 0), once.edge(1, 2)), (Some(1), Some(0), None));
    assert_eq!((once.n_values(), once.edges()[1].start, once.diagonal(2)), (9, 7, 2));
}

#[test]
fn not_positive_definite_is_none() {
    for case in [nested(3, 2, 4, [1, 2, 1]), crossed(&[60, 40], &[1, 2], 400, 10)] {
        let symbolic = case.symbolic();
        let values = case.values(&symbolic, &mut Numbers(10));
        assert!(symbolic.factor(&values).is_some());
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
            for node in 0..case.sizes.len() {
                let mut values = values.clone();
                values[symbolic.diagonal(node)] = bad;
                assert!(symbolic.factor(&values).is_none(), "{bad} at the diagonal of node {node}");
            }
            for e in symbolic.edges().iter().filter(|_| bad != -1.0) {
                let mut values = values.clone();
                values[e.start] = bad;
                assert!(symbolic.factor(&values).is_none(), "{bad} at {e:?}");
            }
        }
    }
    // Indefinite only through the blocks between nodes.
    let symbolic = Symbolic::analyse(&[1, 1], &[(1, 0)]);
    assert!(symbolic.factor(&[1.0, 1.0, 1.0]).is_none());
    assert!(symbolic.factor(&[1.0, 1.0, 0.999]).is_some());
}

/// All results as bits.
fn bits(case: &Case) -> Vec<u64> {
    let symbolic = case.symbolic();
    let values = case.values(&symbolic, &mut Numbers(11));
    let factor: Factor = symbolic.factor(&values).expect("positive definite");
    let mut x = random_matrix(symbolic.n_rows(), 2, &mut Numbers(12));
    let mut half = x.clone();
    factor.solve(&mut x);
    factor.half_solve(&mut half);
    let numbers = [vec![factor.log_det()], factor.inverse_on_pattern(), x.into_iter().chain(half).collect()].concat();
    numbers.into_iter().map(f64::to_bits).collect()
}

#[test]
fn same_bits_for_any_number_of_threads() {
    // Large enough for several pieces and tiles.
    for case in [one_large_school(), nested(100, 10, 12, [1, 2, 2]), crossed(&[900, 400, 10], &[1, 1, 2], 14_000, 13)] {
        let runs: Vec<Vec<u64>> = [1, 2, 3, 8]
            .map(|threads| {
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| bits(&case))
            })
            .into();
        assert!(case.symbolic().rounds.iter().any(|round| round.len() > 1));
        assert!(runs.iter().all(|run| *run == runs[0]));
    }
}

fn any_case() -> impl Strategy<Value = (Case, u64)> {
    // 1..25 nodes of 1..=3 columns, up to 40 rows of data that touch 1..=4 of them: connected or not.
    (proptest::collection::vec(1usize..=3, 1..25), any::<u64>()).prop_flat_map(|(sizes, seed)| {
        let n = sizes.len() as u32;
        let rows = proptest::collection::vec(proptest::collection::vec(0..n, 1..=4), 0..40);
        rows.prop_map(move |rows| (Case { sizes: sizes.clone(), rows }, seed))
    })
}

proptest! {
    #[test]
    fn any_pattern((case, seed) in any_case()) {
        check(&case, seed);
    }
}
