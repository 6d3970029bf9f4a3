//! The regions that are simulated: truths with a name, sizes, and how often.

use crate::simulate::{Hidden, RegionSpec, Scenario};

/// How much is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Under a minute: is anything broken?
    Quick,
    /// A thousand replicates and more of each setting: the table of guarantees.
    Full,
}

impl Level {
    /// Replicates of each setting.
    pub fn replicates(self) -> u32 {
        match self {
            Level::Quick => 24,
            Level::Full => 1000,
        }
    }
}

/// One setting of the grid.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Stable code: scenario, then size.
    pub id: String,
    /// The truth.
    pub scenario: Scenario,
    /// Size of the regions.
    pub size: Size,
}

/// Size of a region and how rare its outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Stable code.
    pub code: &'static str,
    /// In Dutch.
    pub nl: &'static str,
    /// In English.
    pub en: &'static str,
    /// Schools.
    pub schools: u32,
    /// Cohorts.
    pub cohorts: u32,
    /// Pupils of all schools.
    pub pupils: u32,
    /// Whether `uitval_jr1` happens to 2 in 100 instead of 11.
    pub is_rare: bool,
}

const USUAL: Size = Size {
    code: "usual",
    nl: "40 scholen met ongeveer 60 leerlingen",
    en: "40 schools with about 60 pupils",
    schools: 40,
    cohorts: 3,
    pupils: 2_400,
    is_rare: false,
};
const SMALL: Size = Size {
    code: "small",
    nl: "40 scholen met 5 tot 30 leerlingen",
    en: "40 schools with 5 to 30 pupils",
    schools: 40,
    cohorts: 2,
    pupils: 560,
    is_rare: false,
};
const RARE: Size = Size {
    code: "rare",
    nl: "40 scholen met ongeveer 60 leerlingen, uitkomst bij 2 van de 100",
    en: "40 schools with about 60 pupils, outcome of 2 in 100",
    schools: 40,
    cohorts: 3,
    pupils: 2_400,
    is_rare: true,
};
const FEW: Size = Size {
    code: "few",
    nl: "10 scholen met ongeveer 120 leerlingen",
    en: "10 schools with about 120 pupils",
    schools: 10,
    cohorts: 3,
    pupils: 1_200,
    is_rare: false,
};

/// All settings: every truth at the usual size; the truths without anything hidden also with small schools, a rare outcome
/// and few schools.
pub fn settings() -> Vec<Setting> {
    let usual = Scenario::ALL.into_iter().map(|scenario| (scenario, USUAL));
    let others = [SMALL, RARE, FEW].into_iter().flat_map(|size| {
        [Scenario::Null, Scenario::Constant, Scenario::Varying].into_iter().map(move |scenario| (scenario, size))
    });
    let setting = |(scenario, size): (Scenario, Size)| Setting {
        id: format!("{}/{}", scenario.code(), size.code),
        scenario,
        size,
    };
    usual.chain(others).map(setting).collect()
}

impl Setting {
    /// The region of replicate `k`.
    pub fn region(&self, seed: u64, k: u32) -> RegionSpec {
        let size = self.size;
        let plain = RegionSpec {
            schools: size.schools,
            cohorts: size.cohorts,
            pupils: size.pupils,
            // A number that no two replicates of a certificate share.
            seed: seed.wrapping_mul(1_000_003).wrapping_add(u64::from(k)),
            missing_ses: 0.0,
            unknown_keys: 0.0,
            ..RegionSpec::default()
        };
        let planted = self.scenario.plant(plain);
        let risk_shift = if size.is_rare { -1.85 } else { 0.0 };
        RegionSpec { hidden: Hidden { risk_shift, ..planted.hidden }, ..planted }
    }
}
