//! Exposures that need the days of a pupil's activities together: days with practice experience, completed triples. Only the
//! day and the parts that an activity can play are kept, 8 bytes each, until all rows are read.

use std::sync::{Arc, Mutex};

use super::plan::{Counted, DoseFrom, Plan};
use crate::ingest::Aside;

/// A dated activity: its pupil's place in the block (24 bits), the day (32 bits, in order), and the slots of its exposure for
/// which it counts (8 bits). Sorting a pupil's activities brings them in the order of their days.
type Row = u64;

/// Pupils of a block at most.
pub(super) const MOST_PUPILS: usize = 1 << 24;
/// Rows that a thread keeps before it hands them over.
const PENDING: usize = 8_192;

fn pack(pupil: usize, day: i32, slots: u8) -> Row {
    // The sign bit turned, so that days sort as numbers do.
    let day = day as u32 ^ (1 << 31);
    (pupil as u64) << 40 | u64::from(day) << 8 | u64::from(slots)
}

fn pupil(row: Row) -> usize {
    (row >> 40) as usize
}

fn day(row: Row) -> i32 {
    ((row >> 8) as u32 ^ (1 << 31)) as i32
}

/// An exposure of days.
pub(super) struct DatedExposure<'p> {
    /// Its place among all exposures.
    pub(super) position: usize,
    /// Its first slot.
    slot: usize,
    of: Of<'p>,
}

enum Of<'p> {
    Days(Option<&'p [String]>),
    Triples(&'p [Vec<String>; 3], i32),
}

impl<'p> DatedExposure<'p> {
    /// The dated exposures of a plan, each with as many slots as it has lists of types.
    pub(super) fn all(plan: &'p Plan<'_>) -> Vec<Self> {
        let mut slot = 0;
        let mut all = Vec::new();
        for (position, e) in plan.exposures.iter().enumerate() {
            let of = match &e.from {
                DoseFrom::Activities { types, measure: Counted::Days } => Of::Days(types.as_deref()),
                DoseFrom::Triples { parts, within } => Of::Triples(parts, *within),
                _ => continue,
            };
            let exposure = Self { position, slot, of };
            slot += exposure.types().len();
            all.push(exposure);
        }
        all
    }

    /// The types of each of its slots.
    pub(super) fn types(&self) -> Vec<Option<&'p [String]>> {
        match self.of {
            Of::Days(types) => vec![types],
            Of::Triples(parts, _) => parts.iter().map(|types| Some(types.as_slice())).collect(),
        }
    }

    /// Its own of the slots of all dated exposures.
    fn own(&self, slots: u64) -> u8 {
        let width = match self.of {
            Of::Days(_) => 1,
            Of::Triples(..) => 3,
        };
        (slots >> self.slot) as u8 & ((1 << width) - 1)
    }

    /// The days that count, of one pupil's rows in order of day.
    fn days<'r>(&self, rows: &[Row], room: &'r mut Room) -> &'r [i32] {
        let of_slot = |slot: usize, days: &mut Vec<i32>| {
            days.clear();
            days.extend(rows.iter().filter(|r| *r >> slot & 1 == 1).map(|r| day(*r)));
            days.dedup();
        };
        match self.of {
            Of::Days(_) => of_slot(0, &mut room.days),
            Of::Triples(_, within) => {
                room.parts.iter_mut().enumerate().for_each(|(slot, days)| of_slot(slot, days));
                completed(&room.parts, within, &mut room.days);
            }
        }
        &room.days
    }
}

/// Room to work in, kept from pupil to pupil.
#[derive(Default)]
struct Room {
    parts: [Vec<i32>; 3],
    days: Vec<i32>,
}

/// Days on which a triple of experience, conversation and reflection is completed; all lists are in order and without
/// repetition.
fn completed([experiences, conversations, reflections]: &[Vec<i32>; 3], within: i32, days: &mut Vec<i32>) {
    let first_from = |days: &[i32], day: i32| days.get(days.partition_point(|d| *d < day)).copied();
    let of = |experience: &i32| {
        let conversation = first_from(conversations, *experience)?;
        first_from(reflections, conversation).filter(|reflection| *reflection <= experience.saturating_add(within))
    };
    days.clear();
    days.extend(experiences.iter().filter_map(of));
    // A later experience never ends in an earlier reflection, so equal ones stand beside each other.
    days.dedup();
}

/// The rows of all dated exposures, by block of pupils.
pub(super) struct DatedRows {
    /// By exposure × block: pieces as threads hand them over.
    pieces: Vec<Mutex<Vec<Piece>>>,
    blocks: usize,
    /// Where pieces go that are not held.
    aside: Option<Arc<Aside>>,
}

/// Some rows.
enum Piece {
    Held(Vec<Row>),
    /// So many, at a place of the file.
    Aside {
        at: u64,
        rows: usize,
    },
}

impl DatedRows {
    pub(super) fn new(exposures: usize, blocks: usize, aside: Option<Arc<Aside>>) -> Self {
        Self { pieces: (0..exposures * blocks).map(|_| Mutex::new(Vec::new())).collect(), blocks, aside }
    }

    /// What a thread has not handed over yet.
    pub(super) fn pending(&self) -> Vec<Vec<Row>> {
        vec![Vec::new(); self.pieces.len()]
    }

    /// Notes an activity of a pupil (by its place in the block) for the exposures to which its slots belong.
    pub(super) fn note(
        &self,
        pending: &mut [Vec<Row>],
        exposures: &[DatedExposure<'_>],
        (block, pupil): (usize, usize),
        (day, slots): (i32, u64),
    ) {
        for (e, exposure) in exposures.iter().enumerate() {
            let own = exposure.own(slots);
            if own == 0 {
                continue;
            }
            let at = e * self.blocks + block;
            pending[at].push(pack(pupil, day, own));
            if pending[at].len() >= PENDING {
                self.hand_over(at, &mut pending[at]);
            }
        }
    }

    /// Takes all that a thread has.
    pub(super) fn flush(&self, pending: &mut [Vec<Row>]) {
        pending.iter_mut().enumerate().for_each(|(at, rows)| self.hand_over(at, rows));
    }

    fn hand_over(&self, at: usize, rows: &mut Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        let bytes = || rows.iter().flat_map(|row| row.to_le_bytes()).collect::<Vec<u8>>();
        let piece = match self.aside.as_ref().and_then(|aside| aside.put(&bytes())) {
            Some(at) => Piece::Aside { at, rows: rows.len() },
            None => Piece::Held(std::mem::take(rows)),
        };
        rows.clear();
        // A poisoned lock means that another thread panicked, which ends the run anyway.
        self.pieces[at].lock().expect("no thread panics while it adds").push(piece);
    }

    /// The rows of exposure `e` of a block, which are then not kept here any more.
    fn take(&self, e: usize, block: usize) -> Vec<Vec<Row>> {
        let pieces = std::mem::take(&mut *self.pieces[e * self.blocks + block].lock().expect("no thread panicked"));
        let rows = |piece| match piece {
            Piece::Held(rows) => rows,
            Piece::Aside { at, rows } => {
                let mut bytes = vec![0; rows * size_of::<Row>()];
                self.aside.as_ref().expect("it was put there").get(at, &mut bytes);
                bytes.as_chunks().0.iter().map(|b| Row::from_le_bytes(*b)).collect()
            }
        };
        pieces.into_iter().map(rows).collect()
    }

    /// Calls `note` with the place in the block and the day of each day that counts for exposure `e` of a block.
    pub(super) fn for_each_day(
        &self,
        (e, exposure): (usize, &DatedExposure<'_>),
        block: usize,
        mut note: impl FnMut(usize, i32),
    ) {
        let pieces = self.take(e, block);
        // Counted by pupil first: to sort all rows of a block takes several times as long.
        let all = || pieces.iter().flatten().copied();
        let mut ends = vec![0; all().map(pupil).max().map_or(0, |last| last + 1)];
        all().for_each(|row| ends[pupil(row)] += 1);
        let mut total = 0;
        for end in &mut ends {
            (*end, total) = (total, total + *end);
        }
        let mut rows: Vec<Row> = vec![0; total];
        for row in all() {
            let at = &mut ends[pupil(row)];
            rows[*at] = row;
            *at += 1;
        }
        drop(pieces);
        let (mut room, mut start) = (Room::default(), 0);
        for (pupil, end) in ends.into_iter().enumerate() {
            let of_pupil = &mut rows[start..end];
            of_pupil.sort_unstable();
            exposure.days(of_pupil, &mut room).iter().for_each(|day| note(pupil, *day));
            start = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{day, pack, pupil};

    fn completed(experiences: &[i32], conversations: &[i32], reflections: &[i32], within: i32) -> Vec<i32> {
        let mut days = Vec::new();
        super::completed(&[experiences, conversations, reflections].map(<[i32]>::to_vec), within, &mut days);
        days
    }

    #[test]
    fn rows_sort_by_pupil_then_day_and_lose_nothing() {
        let days = [i32::MIN + 1, -1, 0, 1, 19_000, i32::MAX];
        let rows: Vec<u64> = [0, 1, (1 << 24) - 1].iter().flat_map(|&p| days.map(|d| pack(p, d, 5))).collect();
        assert!(rows.windows(2).all(|w| w[0] < w[1]));
        assert!(
            rows.iter()
                .zip([0, 1, (1 << 24) - 1].iter().flat_map(|&p| days.map(|d| (p, d))))
                .all(|(row, (p, d))| { (pupil(*row), day(*row), *row as u8) == (p, d, 5) })
        );
    }

    #[test]
    fn a_triple_is_an_experience_then_a_conversation_then_a_reflection_in_time() {
        assert_eq!(completed(&[10], &[12], &[20], 60), [20]);
        assert_eq!(completed(&[10], &[10], &[10], 0), [10], "all on one day");
        assert_eq!(completed(&[10], &[9], &[20], 60), [] as [i32; 0], "the conversation came before");
        assert_eq!(completed(&[10], &[12], &[11], 60), [] as [i32; 0], "the reflection came before the conversation");
        assert_eq!(completed(&[10], &[12], &[71], 60), [] as [i32; 0], "too late");
        assert_eq!(completed(&[10], &[12], &[70], 60), [70]);
    }

    #[test]
    fn a_reflection_completes_one_triple_whatever_came_before_it() {
        assert_eq!(completed(&[1, 2, 3], &[4], &[5], 60), [5]);
        assert_eq!(completed(&[1, 2, 30], &[4, 31], &[5, 40], 60), [5, 40]);
        assert_eq!(completed(&[1, 6], &[2, 7], &[8], 60), [8], "two conversations, one reflection");
    }
}
