//! The product with M itself, for residuals and for right-hand sides.

use ndarray::Array2;

use super::symbolic::Symbolic;

impl Symbolic {
    /// Mx (rows in node order, any number of columns), M given by its values.
    pub fn multiply(&self, values: &[f64], x: &Array2<f64>) -> Array2<f64> {
        assert_eq!(
            (values.len(), x.nrows()),
            (self.n_values(), self.n_rows()),
            "values and rows belong to the pattern"
        );
        let m = x.ncols();
        let x = x.as_standard_layout();
        let x = x.as_slice().expect("standard layout is one slice");
        let mut out = vec![0.0; x.len()];
        let mut add = |start: usize, [i, h]: [usize; 2], [j, w]: [usize; 2], strides: [usize; 2]| {
            for r in 0..h {
                for c in 0..w {
                    let value = values[start + r * strides[0] + c * strides[1]];
                    let from = &x[(j + c) * m..][..m];
                    out[(i + r) * m..][..m].iter_mut().zip(from).for_each(|(y, x)| *y += value * x);
                }
            }
        };
        for node in 0..self.nodes.len() {
            let [i, q] = [self.offset(node), self.size(node)];
            add(self.diagonal(node), [i, q], [i, q], [q, 1]);
        }
        for e in self.edges() {
            let a = [self.offset(e.row as usize), self.size(e.row as usize)];
            let b = [self.offset(e.column as usize), self.size(e.column as usize)];
            add(e.start, a, b, [b[1], 1]);
            add(e.start, b, a, [1, b[1]]);
        }
        Array2::from_shape_vec((self.n_rows(), m), out).expect("as many numbers as rows times columns")
    }
}
