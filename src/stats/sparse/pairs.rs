//! From pairs of nodes, as the rows of the data give them, to a graph.

use super::order::Graph;
use super::symbolic::Edge;

/// 0, then the sums of the first 1, 2, … numbers.
pub fn running_sum(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut sum = 0;
    std::iter::once(0)
        .chain(numbers.map(|n| {
            sum += n;
            sum
        }))
        .collect()
}

/// Distinct pairs (larger, smaller), sorted.
pub fn distinct(n_nodes: usize, edges: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut counts = vec![0usize; n_nodes];
    for &(a, b) in edges {
        assert!(a != b, "an edge joins two different nodes");
        counts[a.max(b) as usize] += 1;
    }
    let start = running_sum(counts.into_iter());
    let mut next = start.clone();
    let mut smaller = vec![0u32; edges.len()];
    for &(a, b) in edges {
        let at = &mut next[a.max(b) as usize];
        smaller[*at] = a.min(b);
        *at += 1;
    }
    let mut out = Vec::with_capacity(edges.len());
    for row in 0..n_nodes {
        let list = &mut smaller[start[row]..start[row + 1]];
        list.sort_unstable();
        for (k, &column) in list.iter().enumerate() {
            if k == 0 || list[k - 1] != column {
                out.push((row as u32, column));
            }
        }
    }
    out
}

/// Both directions of each edge.
pub fn adjacency(n_nodes: usize, edges: &[Edge]) -> Graph {
    let mut counts = vec![0usize; n_nodes];
    for e in edges {
        counts[e.row as usize] += 1;
        counts[e.column as usize] += 1;
    }
    let start = running_sum(counts.into_iter());
    let mut next = start.clone();
    let mut to = vec![0u32; 2 * edges.len()];
    for e in edges {
        for (from, other) in [(e.row, e.column), (e.column, e.row)] {
            let at = &mut next[from as usize];
            to[*at] = other;
            *at += 1;
        }
    }
    Graph { start, to }
}
