//! The pattern: layout of the values, order of elimination, and where each number goes.

use std::ops::Range;

use rayon::prelude::*;

use super::housed::Housed;
use super::order::eliminate;
use super::pairs::{adjacency, distinct, running_sum};
use super::schedule::schedule;
use super::tail::TailLayout;

/// Two nodes that occur together, and where their block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The node of the block's rows; above `column`.
    pub row: u32,
    /// The node of the block's columns.
    pub column: u32,
    /// First value of the block (q_row×q_column, row-major) in the values.
    pub start: usize,
}

/// A column of blocks of L: rows of its own q×q block, then those of the later nodes in its pattern; row-major.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Columns of the node, q.
    pub width: u32,
    /// First entry in `rows` and `places`; those of the next column end it. A tail column has none: below it is all of
    /// the tail that is later.
    pub slots: u32,
    /// First value in the columns of L.
    pub start: usize,
}

/// An earlier column that has a block in the row of this node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pull {
    /// The earlier column.
    pub source: u32,
    /// Its slot of this node.
    pub slot: u32,
}

/// The pattern of M and of its factor, and the order of elimination. Made once, for any values.
#[derive(Clone, Debug)]
pub struct Symbolic {
    // In node order: the matrix M.
    offsets: Vec<usize>,
    diagonals: Vec<usize>,
    edges: Vec<Edge>,
    /// Where each edge sits in L.
    pub(super) housed: Vec<Housed>,
    n_values: usize,
    // In order of elimination: the factor L. `columns`, `row` and `pull_start` have one entry more, the end.
    pub(super) nodes: Vec<u32>,
    pub(super) positions: Vec<u32>,
    pub(super) columns: Vec<Column>,
    /// First row of each node in the permuted order.
    pub(super) row: Vec<usize>,
    /// Of each slot: position of the node.
    pub(super) rows: Vec<u32>,
    /// Of each slot: its first row within the column.
    pub(super) places: Vec<u32>,
    pub(super) pull_start: Vec<usize>,
    pub(super) pulls: Vec<Pull>,
    /// Edges by the position that holds them, with the start of each position's.
    home_start: Vec<usize>,
    home_edges: Vec<u32>,
    /// Pieces of each round, each for one thread, then those of the tail. Columns depend on earlier ones in their piece
    /// and in earlier rounds.
    pub(super) rounds: Vec<Vec<Range<usize>>>,
    pub(super) first_tail: usize,
    pub(super) tail: TailLayout,
    /// Whether all blocks are single numbers, as with one effect per level: the products then need no loops over blocks.
    pub(super) scalar: bool,
}

/// Work of a piece, in products of blocks: enough to pay for handing it to a thread.
const PIECE: usize = 1 << 14;

impl Symbolic {
    /// Orders the nodes and lays out the factor. `sizes` are the columns of each node; `edges` the pairs of nodes that
    /// occur together, in any order and with any repetition.
    ///
    /// Time and memory are linear in the number of distinct pairs and the entries of L.
    ///
    /// # Panics
    /// If a node has no columns or 2¹⁶ of them, an edge joins a node with itself or names one that is not there, or L has
    /// more than 2³² blocks.
    pub fn analyse(sizes: &[usize], edges: &[(u32, u32)]) -> Self {
        assert!(sizes.iter().all(|q| (1..1 << 16).contains(q)), "a node has between 1 and 2¹⁶ − 1 columns");
        let offsets = running_sum(sizes.iter().copied());
        let diagonals = running_sum(sizes.iter().map(|q| q * q));
        let mut n_values = diagonals[sizes.len()];
        let edges: Vec<Edge> = distinct(sizes.len(), edges)
            .into_iter()
            .map(|(row, column)| {
                let start = n_values;
                n_values += sizes[row as usize] * sizes[column as usize];
                Edge { row, column, start }
            })
            .collect();

        let order = eliminate(sizes, adjacency(sizes.len(), &edges));
        let schedule = schedule(&order);
        let first_tail = schedule.eliminated.len();
        let mut positions = vec![0u32; sizes.len()];
        for (position, &node) in schedule.nodes.iter().enumerate() {
            positions[node as usize] = position as u32;
        }
        assert!(order.below.len() < u32::MAX as usize, "L has more than 2³² blocks");
        let mut rows = Vec::with_capacity(order.below.len());
        let width = |position: usize| sizes[schedule.nodes[position] as usize];
        let row = running_sum((0..sizes.len()).map(width));
        let mut columns = Vec::with_capacity(sizes.len() + 1);
        let mut places = Vec::with_capacity(rows.len());
        let mut start = 0;
        for position in 0..sizes.len() {
            let slots = rows.len();
            columns.push(Column { width: width(position) as u32, slots: slots as u32, start });
            let mut height = width(position);
            if let Some(&eliminated) = schedule.eliminated.get(position) {
                let below = &order.below[order.start[eliminated as usize]..order.start[eliminated as usize + 1]];
                rows.extend(below.iter().map(|&node| positions[node as usize]));
                rows[slots..].sort_unstable();
                for &below in &rows[slots..] {
                    places.push(height as u32);
                    height += width(below as usize);
                }
            } else {
                height = row[sizes.len()] - row[position];
            }
            start += height * width(position);
        }
        columns.push(Column { width: 0, slots: rows.len() as u32, start });

        let in_tail: Vec<usize> = (first_tail..sizes.len()).map(width).collect();
        let tail = TailLayout::new(&in_tail);
        let mut out = Self {
            offsets,
            diagonals,
            edges,
            housed: Vec::new(),
            n_values,
            nodes: schedule.nodes,
            positions,
            columns,
            row,
            rows,
            places,
            pull_start: Vec::new(),
            pulls: Vec::new(),
            home_start: Vec::new(),
            home_edges: Vec::new(),
            rounds: Vec::new(),
            first_tail,
            tail,
            scalar: sizes.iter().all(|&q| q == 1),
        };
        out.list_pulls();
        out.house_edges();
        out.cut_rounds(&schedule.units, &schedule.rounds);
        out
    }

    /// Rows and columns of M.
    pub fn n_rows(&self) -> usize {
        self.offsets[self.nodes.len()]
    }

    /// First row of a node in M.
    pub fn offset(&self, node: usize) -> usize {
        self.offsets[node]
    }

    /// Columns of a node.
    pub fn size(&self, node: usize) -> usize {
        self.offsets[node + 1] - self.offsets[node]
    }

    /// Length of the values: the q×q diagonal blocks in node order, then one block for each edge; row-major.
    pub fn n_values(&self) -> usize {
        self.n_values
    }

    /// First value of a node's diagonal block, both triangles of which are stored.
    pub fn diagonal(&self, node: usize) -> usize {
        self.diagonals[node]
    }

    /// Pairs of nodes with a block, by row, then column.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Number of the edge between two different nodes in [`Self::edges`].
    pub fn edge(&self, a: usize, b: usize) -> Option<usize> {
        let wanted = (a.max(b) as u32, a.min(b) as u32);
        self.edges.binary_search_by(|e| (e.row, e.column).cmp(&wanted)).ok()
    }

    /// Columns of M in the dense tail: its factor costs n³/3 products and takes n² numbers.
    pub fn n_tail(&self) -> usize {
        self.tail.n_rows()
    }

    /// For each position the blocks in its row of L, earliest column first.
    fn list_pulls(&mut self) {
        let mut counts = vec![0usize; self.nodes.len()];
        self.rows.iter().for_each(|&r| counts[r as usize] += 1);
        self.pull_start = running_sum(counts.into_iter());
        let mut next = self.pull_start.clone();
        self.pulls = vec![Pull::default(); self.rows.len()];
        for source in 0..self.first_tail {
            for slot in self.slots(source) {
                let at = &mut next[self.rows[slot] as usize];
                self.pulls[*at] = Pull { source: source as u32, slot: slot as u32 };
                *at += 1;
            }
        }
    }

    /// Where each edge sits in L.
    fn house_edges(&mut self) {
        let ends = |e: &Edge| [e.row, e.column].map(|node| self.positions[node as usize] as usize);
        let housed = self.edges.par_iter().map(|e| {
            let [row, column] = ends(e);
            let (first, last) = (row.min(column), row.max(column));
            let from = &self.columns[first];
            Housed {
                start: e.start,
                home: from.start + self.place(first, last as u32, &mut self.slots(first)) * from.width as usize,
                height: self.columns[row].width as u16,
                width: self.columns[column].width as u16,
                transposed: row < column,
            }
        });
        let housed: Vec<Housed> = housed.collect();
        let first = |e: &Edge| ends(e)[0].min(ends(e)[1]);
        let mut counts = vec![0usize; self.nodes.len()];
        self.edges.iter().for_each(|e| counts[first(e)] += 1);
        let home_start = running_sum(counts.into_iter());
        let mut next = home_start.clone();
        let mut home_edges = vec![0u32; self.edges.len()];
        for (number, e) in self.edges.iter().enumerate() {
            let at = &mut next[first(e)];
            home_edges[*at] = number as u32;
            *at += 1;
        }
        (self.housed, self.home_start, self.home_edges) = (housed, home_start, home_edges);
    }

    /// Puts the units of each round together to pieces of about equal work.
    fn cut_rounds(&mut self, units: &[usize], rounds: &[usize]) {
        let work = |position: usize| {
            let pulls = &self.pulls[self.pull_start[position]..self.pull_start[position + 1]];
            let pulled: usize = pulls.iter().map(|p| self.slots(p.source as usize).end - p.slot as usize).sum();
            let d = self.slots(position).len();
            4 + pulled + d * d / 2
        };
        let pieces = |round: &[usize]| {
            let mut pieces = Vec::new();
            let (mut first, mut sum) = (units[round[0]], 0);
            for unit in round[0]..round[1] {
                sum += (units[unit]..units[unit + 1]).map(work).sum::<usize>();
                if sum >= PIECE || unit + 1 == round[1] {
                    pieces.push(first..units[unit + 1]);
                    (first, sum) = (units[unit + 1], 0);
                }
            }
            pieces
        };
        self.rounds = rounds.windows(2).map(pieces).collect();
    }

    /// Slots of a position; none in the tail.
    #[inline(always)]
    pub(super) fn slots(&self, position: usize) -> Range<usize> {
        self.columns[position].slots as usize..self.columns[position + 1].slots as usize
    }

    /// Edges that sit in the column of a position.
    pub(super) fn housed_in(&self, position: usize) -> impl Iterator<Item = &Housed> {
        let edges = &self.home_edges[self.home_start[position]..self.home_start[position + 1]];
        edges.iter().map(|&e| &self.housed[e as usize])
    }

    /// First row of node `below` (a position) in the column of `position`. `from` are the slots where it may be: the
    /// search moves its start up, so that nodes asked for in increasing order are found quickly.
    #[inline(always)]
    pub(super) fn place(&self, position: usize, below: u32, from: &mut Range<usize>) -> usize {
        if position >= self.first_tail {
            return self.row[below as usize] - self.row[position];
        }
        // Often it is the next one; else the step doubles until it is passed.
        let mut low = from.start;
        if self.rows[low] == below {
            from.start = low + 1;
            return self.places[low] as usize;
        }
        let mut step = 1;
        while low + step < from.end && self.rows[low + step] <= below {
            low += step;
            step *= 2;
        }
        let high = (low + step).min(from.end);
        let slot = low + self.rows[low..high].partition_point(|&r| r < below);
        from.start = slot + 1;
        self.places[slot] as usize
    }

    /// Columns of L before the tail: their number of values.
    pub(super) fn head_len(&self) -> usize {
        self.columns[self.first_tail].start
    }
}
