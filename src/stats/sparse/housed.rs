//! Where the blocks of M sit in L.

/// An edge with the place of its block in L.
#[derive(Clone, Copy, Debug)]
pub struct Housed {
    /// First value among the values of M.
    pub start: usize,
    /// First value in the columns of L.
    pub home: usize,
    /// Rows of the block in M.
    pub height: u16,
    /// Columns of the block in M.
    pub width: u16,
    /// Whether L has its transpose.
    pub transposed: bool,
}

impl Housed {
    /// Copies the block from the values of M into L.
    pub fn into_factor(self, values: &[f64], l: &mut [f64]) {
        let (h, w) = (self.height as usize, self.width as usize);
        copy_block(values, l, h, w, self.transposed);
    }

    /// Copies the block from the layout of L into that of the values.
    pub fn into_values(self, l: &[f64], values: &mut [f64]) {
        let (h, w) = (self.height as usize, self.width as usize);
        if self.transposed { copy_block(l, values, w, h, true) } else { copy_block(l, values, h, w, false) }
    }
}

/// Copies a block of h×w numbers, or its transpose.
fn copy_block(from: &[f64], to: &mut [f64], h: usize, w: usize, transposed: bool) {
    if h == 1 || w == 1 || !transposed {
        to[..h * w].copy_from_slice(&from[..h * w]);
        return;
    }
    for r in 0..h {
        for c in 0..w {
            to[c * h + r] = from[r * w + c];
        }
    }
}
