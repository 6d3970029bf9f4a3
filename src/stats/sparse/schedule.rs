//! Which columns of the factor can be worked at independently, and in which order they are stored.
//!
//! Column j is needed by the columns of its pattern, the first of which is its parent in the elimination tree (Liu 1990);
//! so columns in different subtrees are independent. A subtree of little work (a school with its classes and pupils) is
//! stored together and done by one thread, in one go while its numbers are in the cache. The nodes above the subtrees
//! follow by levels, each of nodes that do not depend on each other, and last the tail.

use super::order::Order;

/// The order in which columns are stored, and its parts.
pub struct Schedule {
    /// Node at each position.
    pub nodes: Vec<u32>,
    /// For each head position its position in the order of elimination.
    pub eliminated: Vec<u32>,
    /// First position of each unit and the end: a subtree, or one node. A unit is done by one thread, in order.
    pub units: Vec<usize>,
    /// First unit of each round and the end: units of one round do not depend on each other. The last round is the tail.
    pub rounds: Vec<usize>,
}

/// A subtree becomes a unit if it has less than this share of all work, so that there is enough for every thread …
const SHARE: usize = 64;

/// … or less than this number of products of blocks.
const SMALL: usize = 1 << 14;

/// No parent in the head.
const NONE: u32 = u32::MAX;

/// Arranges the head, given in any order of elimination.
pub fn schedule(order: &Order) -> Schedule {
    let head = order.start.len() - 1;
    let parents = parents(order, head);
    let below = |j: usize| order.start[j + 1] - order.start[j];
    let mut work: Vec<usize> = (0..head).map(|j| 4 + below(j) * (below(j) + 1) / 2).collect();
    let limit = (work.iter().sum::<usize>() / SHARE).max(SMALL);
    // Children come before their parents: sums upwards, then the top of each small subtree and levels downwards.
    let mut level = vec![0u32; head];
    for j in 0..head {
        let above = u32::from(work[j] > limit);
        level[j] = if above == 0 { 0 } else { level[j].max(1) };
        if parents[j] != NONE {
            let parent = parents[j] as usize;
            work[parent] += work[j];
            level[parent] = level[parent].max(level[j] + above);
        }
    }
    let mut top: Vec<u32> = (0..head as u32).collect();
    for j in (0..head).rev() {
        let parent = parents[j];
        if work[j] <= limit && parent != NONE && work[parent as usize] <= limit {
            top[j] = top[parent as usize];
        }
    }
    let mut eliminated: Vec<u32> = (0..head as u32).collect();
    eliminated.sort_unstable_by_key(|&j| (level[j as usize], top[j as usize], j));

    let (mut units, mut rounds) = (Vec::new(), Vec::new());
    for (position, &j) in eliminated.iter().enumerate() {
        let before = position.checked_sub(1).map(|p| eliminated[p] as usize);
        if before.is_none_or(|b| level[b] != level[j as usize]) {
            rounds.push(units.len());
        }
        if before.is_none_or(|b| top[b] != top[j as usize]) {
            units.push(position);
        }
    }
    rounds.push(units.len());
    units.extend(head..=order.nodes.len());
    rounds.push(units.len() - 1);
    let nodes =
        eliminated.iter().map(|&j| order.nodes[j as usize]).chain(order.nodes[head..].iter().copied()).collect();
    Schedule { nodes, eliminated, units, rounds }
}

/// First later position in each column's pattern, if that is in the head.
fn parents(order: &Order, head: usize) -> Vec<u32> {
    let mut positions = vec![NONE; order.nodes.len()];
    for (position, &node) in order.nodes[..head].iter().enumerate() {
        positions[node as usize] = position as u32;
    }
    let first = |j: usize| {
        let pattern = &order.below[order.start[j]..order.start[j + 1]];
        pattern.iter().map(|&node| positions[node as usize]).min().unwrap_or(NONE)
    };
    (0..head).map(first).collect()
}
