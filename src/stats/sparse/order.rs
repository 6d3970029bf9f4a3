//! The order of elimination: rounds of nodes that do not touch each other, fewest neighbours first; a dense tail.
//!
//! Exact minimum degree takes one node at a time and must keep its neighbours' lists up to date, which is slow where a
//! school has a thousand pupils. Here a round takes every node of nearly minimal degree that does not touch one already
//! taken in the round (multiple elimination, Liu 1985), and the graph of what is left is made anew. Degrees are counted
//! in columns of M. Ties go to the lower node number; nothing depends on a hash or a thread.

/// Neighbours of each node.
pub struct Graph {
    /// Start of each node's neighbours, and the end of the last.
    pub start: Vec<usize>,
    /// Neighbours.
    pub to: Vec<u32>,
}

impl Graph {
    fn neighbours(&self, node: usize) -> &[u32] {
        &self.to[self.start[node]..self.start[node + 1]]
    }
}

/// Order of elimination with the pattern of L.
pub struct Order {
    /// Nodes as they are eliminated: the head, round by round, then the tail.
    pub nodes: Vec<u32>,
    /// Start of each head node's entries in `below`, and the end of the last.
    pub start: Vec<usize>,
    /// Nodes that are neighbours of the head node when it is eliminated.
    pub below: Vec<u32>,
}

/// A head column costs about a nanosecond per product, the dense tail 1/30 of that: a node whose neighbours have d
/// columns goes into the tail when d² is above about R²/64, R being the columns still there.
const TAIL_SHARE: usize = 8;

/// Degrees up to twice the smallest one, and this much more, are taken in the same round: few rounds, little more fill.
const SLACK: usize = 8;

/// Orders the nodes; `sizes` are their numbers of columns.
pub fn eliminate(sizes: &[usize], graph: Graph) -> Order {
    let mut order = Order { nodes: Vec::with_capacity(sizes.len()), start: vec![0], below: Vec::new() };
    // The graph of each round numbers the nodes left from 0; `names` has their numbers in M.
    let mut names: Vec<u32> = (0..sizes.len() as u32).collect();
    let mut graph = graph;
    while !names.is_empty() {
        let Some(taken) = choose(sizes, &names, &graph) else { break };
        for v in (0..names.len()).filter(|&v| taken[v]) {
            order.nodes.push(names[v]);
            order.below.extend(graph.neighbours(v).iter().map(|&u| names[u as usize]));
            order.start.push(order.below.len());
        }
        graph = without(&graph, &taken);
        names = names.iter().zip(&taken).filter(|(_, gone)| !**gone).map(|(name, _)| *name).collect();
    }
    order.nodes.extend(&names);
    order
}

/// Nodes to eliminate in this round, or `None` when the rest is to be the tail.
fn choose(sizes: &[usize], names: &[u32], graph: &Graph) -> Option<Vec<bool>> {
    let size = |v: u32| sizes[names[v as usize] as usize];
    let columns: usize = (0..names.len() as u32).map(size).sum();
    let degrees: Vec<usize> =
        (0..names.len()).map(|v| graph.neighbours(v).iter().map(|&u| size(u)).sum::<usize>()).collect();
    let smallest = *degrees.iter().min()?;
    if smallest * TAIL_SHARE > columns {
        return None;
    }
    let limit = (2 * smallest + SLACK).min(columns / TAIL_SHARE).max(smallest);
    let mut candidates: Vec<(usize, usize)> =
        degrees.into_iter().enumerate().filter(|(_, d)| *d <= limit).map(|(v, d)| (d, v)).collect();
    candidates.sort_unstable();
    let mut touched = vec![false; names.len()];
    let mut taken = vec![false; names.len()];
    for (_, v) in candidates {
        if !touched[v] {
            taken[v] = true;
            graph.neighbours(v).iter().for_each(|&u| touched[u as usize] = true);
        }
    }
    Some(taken)
}

/// The graph of the nodes not taken: their own edges, and one between any two neighbours of a node taken.
fn without(graph: &Graph, taken: &[bool]) -> Graph {
    let mut renamed = vec![0u32; taken.len()];
    let mut left = 0;
    for (v, name) in renamed.iter_mut().enumerate() {
        *name = left;
        left += u32::from(!taken[v]);
    }
    let mut out = Graph { start: vec![0], to: Vec::new() };
    // The last node in whose list this one was put.
    let mut seen = vec![u32::MAX; taken.len()];
    for v in (0..taken.len()).filter(|&v| !taken[v]) {
        let mut add = |w: u32| {
            if w as usize != v && seen[w as usize] != v as u32 {
                seen[w as usize] = v as u32;
                out.to.push(renamed[w as usize]);
            }
        };
        for &u in graph.neighbours(v) {
            if taken[u as usize] {
                // No two taken nodes touch, so these are all left.
                graph.neighbours(u as usize).iter().for_each(|&w| add(w));
            } else {
                add(u);
            }
        }
        out.start.push(out.to.len());
    }
    out
}
