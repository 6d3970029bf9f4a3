//! Truths that are planted on purpose: without an effect, with one that is the same everywhere or differs by school, and
//! with what can go wrong between the truth and the data. What goes wrong is drawn from streams of its own, so that a
//! region without a scenario stays as it was, byte by byte.

use rand::Rng;

use super::activity::Event;
use super::calendar::day;
use super::model::expit;
use super::pupil::Pupil;
use super::school::School;
use super::spec::{PlantedEffect, RegionSpec};
use super::stream::{Purpose, chance, normal, stream};

/// A truth with a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// The default truth of [`PlantedEffect::default`], nothing hidden.
    #[default]
    Plain,
    /// No dose has any effect.
    Null,
    /// The effect is the same in all schools.
    Constant,
    /// The effect differs much between schools.
    Varying,
    /// No effect; motivated pupils do more and drop out less.
    ConfoundedMotivation,
    /// No effect; good schools do more and lose fewer pupils.
    ConfoundedSchool,
    /// What motivated pupils do is registered more often, and they drop out less.
    InformativeRegistration,
    /// Half of the schools change their system half-way, and register fewer activities from then on.
    ToolSwitch,
    /// Many activities are entered months later, under the day of entry.
    LateRegistration,
}

impl Scenario {
    /// All, in the order of documentation.
    pub const ALL: [Scenario; 9] = [
        Scenario::Plain,
        Scenario::Null,
        Scenario::Constant,
        Scenario::Varying,
        Scenario::ConfoundedMotivation,
        Scenario::ConfoundedSchool,
        Scenario::InformativeRegistration,
        Scenario::ToolSwitch,
        Scenario::LateRegistration,
    ];

    /// Its name on the command line and in tables.
    pub fn code(self) -> &'static str {
        match self {
            Scenario::Plain => "plain",
            Scenario::Null => "null",
            Scenario::Constant => "constant",
            Scenario::Varying => "varying",
            Scenario::ConfoundedMotivation => "confounded-motivation",
            Scenario::ConfoundedSchool => "confounded-school",
            Scenario::InformativeRegistration => "informative-registration",
            Scenario::ToolSwitch => "tool-switch",
            Scenario::LateRegistration => "late-registration",
        }
    }

    /// Whether the model of the analysis is the model of the truth, so that its intervals should hold.
    pub fn is_clean(self) -> bool {
        matches!(self, Scenario::Plain | Scenario::Null | Scenario::Constant | Scenario::Varying)
    }

    /// The spec with this truth in place of its own; where there is an effect, the spec's.
    pub fn plant(self, spec: RegionSpec) -> RegionSpec {
        let plain = RegionSpec { scenario: self, hidden: Hidden::default(), ..spec };
        let null = || PlantedEffect::null();
        let effect = plain.effect;
        match self {
            Scenario::Plain => plain,
            Scenario::Null => RegionSpec { effect: null(), ..plain },
            Scenario::Constant => RegionSpec { effect: PlantedEffect { slope_sd: 0.0, ..effect }, ..plain },
            Scenario::Varying => {
                RegionSpec { effect: PlantedEffect { slope_sd: 0.025 / plain.activity, ..effect }, ..plain }
            }
            Scenario::ConfoundedMotivation => {
                let hidden = Hidden { motivation_dose: 0.15, motivation_risk: -0.5, ..Hidden::default() };
                RegionSpec { effect: null(), hidden, ..plain }
            }
            Scenario::ConfoundedSchool => {
                let hidden = Hidden { quality_dose: 0.15, quality_risk: -0.3, ..Hidden::default() };
                RegionSpec { effect: null(), hidden, ..plain }
            }
            Scenario::InformativeRegistration => {
                let lost = Hidden { lost: 0.2, kept_by_motivation: 0.8, ..Hidden::default() };
                RegionSpec { hidden: Hidden { motivation_risk: -0.5, ..lost }, ..plain }
            }
            Scenario::ToolSwitch => {
                let hidden = Hidden { switching_schools: 0.5, kept_after_switch: 0.6, ..Hidden::default() };
                RegionSpec { hidden, ..plain }
            }
            Scenario::LateRegistration => {
                let hidden = Hidden { dated_by_entry: true, ..Hidden::default() };
                RegionSpec { hidden, late_registrations: 0.4, ..plain }
            }
        }
    }
}

/// What the tables do not show. All of it 0 by default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hidden {
    /// Log of the activity level per standard deviation of a pupil's motivation.
    pub motivation_dose: f64,
    /// Log odds of a bad end per standard deviation of a pupil's motivation; a third of it with opposite sign for starting
    /// mbo, nine tenths for staying.
    pub motivation_risk: f64,
    /// As `motivation_dose`, per standard deviation of a school's quality.
    pub quality_dose: f64,
    /// As `motivation_risk`, per standard deviation of a school's quality.
    pub quality_risk: f64,
    /// Share of activities that are not registered, for a pupil of average motivation.
    pub lost: f64,
    /// Log odds of being registered per standard deviation of motivation.
    pub kept_by_motivation: f64,
    /// Share of schools that change their system half-way.
    pub switching_schools: f64,
    /// Share of activities that are registered after the change.
    pub kept_after_switch: f64,
    /// Whether late registrations stand under the day of entry.
    pub dated_by_entry: bool,
    /// Added to the log odds of a bad end for everybody; −1.85 makes `uitval_jr1` a thing of 2 in 100.
    pub risk_shift: f64,
}

impl Default for Hidden {
    fn default() -> Self {
        Self {
            motivation_dose: 0.0,
            motivation_risk: 0.0,
            quality_dose: 0.0,
            quality_risk: 0.0,
            lost: 0.0,
            kept_by_motivation: 0.0,
            switching_schools: 0.0,
            kept_after_switch: 1.0,
            dated_by_entry: false,
            risk_shift: 0.0,
        }
    }
}

impl Hidden {
    /// Names and values, for the truth table.
    pub(super) fn terms(&self) -> [(&'static str, f64); 10] {
        [
            ("motivation_dose", self.motivation_dose),
            ("motivation_risk", self.motivation_risk),
            ("quality_dose", self.quality_dose),
            ("quality_risk", self.quality_risk),
            ("lost", self.lost),
            ("kept_by_motivation", self.kept_by_motivation),
            ("switching_schools", self.switching_schools),
            ("kept_after_switch", self.kept_after_switch),
            ("dated_by_entry", f64::from(u8::from(self.dated_by_entry))),
            ("risk_shift", self.risk_shift),
        ]
    }

    fn moves_people(&self) -> bool {
        [self.motivation_dose, self.motivation_risk, self.quality_dose, self.quality_risk, self.kept_by_motivation]
            .iter()
            .any(|v| *v != 0.0)
    }

    fn moves_registrations(&self) -> bool {
        self.lost > 0.0 || self.switching_schools > 0.0 || self.dated_by_entry
    }
}

/// Gives a school its quality and its pupils their motivation: both move the activity level, the risks and the absence
/// in leerjaar 2.
pub(super) fn hide(spec: &RegionSpec, school: &mut School, pupils: &mut [Pupil]) {
    let hidden = &spec.hidden;
    if !hidden.moves_people() {
        return;
    }
    let rng = &mut stream(spec.seed, school.index, Purpose::Hidden);
    let quality = normal(rng);
    for level in &mut school.level {
        *level += hidden.quality_dose * quality;
    }
    for pupil in pupils {
        pupil.motivation = normal(rng);
        pupil.propensity += hidden.motivation_dose * pupil.motivation;
        pupil.hidden_risk = hidden.motivation_risk * pupil.motivation + hidden.quality_risk * quality;
        pupil.absence = (f64::from(pupil.absence) * (0.6 * pupil.hidden_risk).exp()).round() as i32;
    }
}

/// Turns what pupils did into what was registered of it.
pub(super) fn register(spec: &RegionSpec, school: &School, pupils: &[Pupil], events: &mut [Vec<Event>]) {
    let hidden = &spec.hidden;
    if !hidden.moves_registrations() {
        return;
    }
    let rng = &mut stream(spec.seed, school.index, Purpose::Registrations);
    let switch = switch_day(spec, chance(rng, hidden.switching_schools));
    for (pupil, events) in pupils.iter().zip(events) {
        let usual = keeps(hidden, pupil.motivation);
        events.retain(|e| {
            let keep = if e.day >= switch { usual * hidden.kept_after_switch } else { usual };
            rng.random::<f64>() < keep
        });
        for event in events.iter_mut() {
            if event.day >= switch {
                event.source = "lobtool_c";
            }
            if hidden.dated_by_entry {
                event.day = event.entered;
            }
        }
        events.sort_by_key(|e| (e.day, e.kind));
    }
}

/// Chance that an activity is registered.
fn keeps(hidden: &Hidden, motivation: f64) -> f64 {
    if hidden.lost <= 0.0 {
        return 1.0;
    }
    expit(((1.0 - hidden.lost) / hidden.lost).ln() + hidden.kept_by_motivation * motivation)
}

/// First day of the other system; never for a school that keeps its own.
fn switch_day(spec: &RegionSpec, switches: bool) -> i32 {
    if !switches {
        return i32::MAX;
    }
    let middle = i16::try_from(spec.cohorts / 2).unwrap_or(0);
    day(spec.first_exam_year + middle - 1, 8, 1)
}
