//! Random numbers: one ChaCha8 key per (seed, school), one stream per purpose. A purpose of its own keeps
//! the pupils and their activities the same when only the planted effect changes.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// What a stream of random numbers is for; the number is part of the generated data's identity.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Sizes = 0,
    School = 1,
    Pupils = 2,
    Activities = 3,
    RandomEffects = 4,
    Dropout = 5,
    Landmark = 6,
    Enrolments = 7,
    Scores = 8,
    Hidden = 9,
    Registrations = 10,
}

/// The stream of one school (or of the region, with `school = u32::MAX`) for one purpose.
pub(super) fn stream(seed: u64, school: u32, purpose: Purpose) -> ChaCha8Rng {
    let mut key = [0_u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..12].copy_from_slice(&school.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(purpose as u64);
    rng
}

/// A standard normal draw.
pub(super) fn normal(rng: &mut impl Rng) -> f64 {
    rng.sample(StandardNormal)
}

/// True with probability `p`; a `p` outside 0…1 is read as the nearer end.
pub(super) fn chance(rng: &mut impl Rng, p: f64) -> bool {
    rng.random::<f64>() < p
}

/// Index `i` with probability `weights[i]` / sum. The weights are not negative and not all zero.
pub(super) fn pick(rng: &mut impl Rng, weights: &[f64]) -> usize {
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    for (i, w) in weights.iter().enumerate() {
        left -= w;
        if left < 0.0 {
            return i;
        }
    }
    weights.len() - 1
}

/// Two correlated normal draws with mean 0: an intercept and a slope.
pub(super) fn normal_pair(rng: &mut impl Rng, sd: [f64; 2], correlation: f64) -> [f64; 2] {
    let (z0, z1) = (normal(rng), normal(rng));
    [sd[0] * z0, sd[1] * (correlation * z0 + (1.0 - correlation * correlation).sqrt() * z1)]
}
