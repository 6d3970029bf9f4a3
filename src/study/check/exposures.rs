//! Doses: what is counted, on what scale.

use std::collections::BTreeSet;

use super::Check;
use crate::study::file::{Axis, Exposure, KnownBy, Measure, Transform};
use crate::vocab::{Competence, PeriodLength};

/// The panel marks the exposures that an activity counts for in one word of 64 bits.
const MOST_EXPOSURES: usize = 64;
/// Of which this many have dates that are kept until all rows are read.
const MOST_DATED: usize = 32;

impl Check<'_> {
    pub(super) fn exposures(&mut self) {
        self.unique("exposures", self.file.exposures.iter().map(|e| &e.id));
        let bits = self.file.exposures.iter().map(|e| match e.measure {
            _ if e.column.is_some() => 0,
            Measure::Triples => 3,
            _ => 1,
        });
        if bits.sum::<usize>() > MOST_EXPOSURES {
            let message = format!("a study counts at most {MOST_EXPOSURES} doses; triples count as three");
            self.error("exposures", message);
        }
        let is_dated = |e: &&Exposure| e.column.is_none() && matches!(e.measure, Measure::Days | Measure::Triples);
        let dated = self.file.exposures.iter().filter(is_dated);
        let slots: usize = dated.map(|e| if e.measure == Measure::Triples { 3 } else { 1 }).sum();
        if slots > MOST_DATED {
            let message = format!("a study has at most {MOST_DATED} exposures of days; triples count as three");
            self.error("exposures", message);
        }
        for (i, e) in self.file.exposures.iter().enumerate() {
            let at = format!("exposures[{i}]");
            self.exposure(&at, e);
            self.exposure_scale(&at, e);
        }
    }

    fn exposure(&mut self, at: &str, e: &Exposure) {
        let activities = self.file.activities.as_ref();
        if e.step <= 0.0 || !e.step.is_finite() {
            self.error(&format!("{at}.step"), "the step must be more than 0");
        }
        if e.column.is_some() {
            let of_activities =
                e.types.is_some() || e.competence.is_some() || e.measure != Measure::Count || e.per_year;
            if of_activities || e.window.is_some() {
                let message = "a `column` of the pupils has no `types`, no `competence`, no `measure`, no `window` and no \
                               `per_year`";
                self.error(at, message);
            }
        } else if activities.is_none() {
            self.error(at, "counts activities, but there is no [activities]; or give a `column` of the pupils");
        }
        if e.column.is_none() && e.known_by != KnownBy::Origin {
            self.error(
                &format!("{at}.known_by"),
                "belongs to a `column` of the pupils; activities have their own dates",
            );
        }
        let needs_types = e.types.is_some() || e.competence.is_some() || e.measure == Measure::Triples;
        if needs_types && activities.is_some_and(|a| a.kind.is_none()) {
            self.error(&format!("{at}.types"), "activities have no `type` column");
        }
        if e.types.is_some() && e.competence.is_some() {
            self.error(&format!("{at}.competence"), "give either `types` or `competence`");
        }
        let known: Vec<String> = Competence::ALL.iter().map(|c| c.code().to_string()).collect();
        for name in e.competence.iter().flat_map(|n| &n.0) {
            self.known(&format!("{at}.competence"), "loopbaancompetentie", name, &known);
        }
        if e.measure == Measure::Amount && activities.is_some_and(|a| a.amount.is_none()) {
            self.error(&format!("{at}.measure"), "activities have no `amount` column");
        }
        self.triple(at, e);
        self.window(at, e);
    }

    fn window(&mut self, at: &str, e: &Exposure) {
        let Some(window) = e.window else { return };
        let at = format!("{at}.window");
        match (self.file.time.axis, window) {
            (_, window) if window.is_empty() => self.error(&at, "a window lasts at least one day or month"),
            (Axis::Days, PeriodLength::Months(_)) => {
                self.error(&at, "on the axis `days` a window is a number of days: { days = 90 }");
            }
            _ if e.is_per_year() => {
                let message = "is as long for every pupil, while a dose per school year is divided by all years so far; \
                               take one of the two";
                self.error(&at, message);
            }
            _ => {}
        }
    }

    fn triple(&mut self, at: &str, e: &Exposure) {
        if e.measure != Measure::Triples {
            if e.triple.is_some() {
                self.error(&format!("{at}.triple"), "belongs to measure = \"triples\"");
            }
            return;
        }
        if e.types.is_some() || e.competence.is_some() {
            self.error(at, "triples have their types in `triple`: experience, conversation, reflection");
        }
        let Some(triple) = &e.triple else { return };
        let mut seen = BTreeSet::new();
        let lists = [&triple.experience, &triple.conversation, &triple.reflection];
        for name in lists.into_iter().flatten().flat_map(|names| &names.0) {
            if !seen.insert(name) {
                self.error(&format!("{at}.triple"), format!("`{name}` can't be two parts of a triple"));
            }
        }
        if triple.within_days > 366 {
            self.error(&format!("{at}.triple.within_days"), "a triple lasts at most 366 days");
        }
    }

    fn exposure_scale(&mut self, at: &str, e: &Exposure) {
        if e.cap.is_some_and(|q| !(q > 0.0 && q < 1.0)) {
            self.error(&format!("{at}.cap"), "the quantile must lie between 0 and 1, such as 0.99");
        }
        if e.transform == Transform::Log1p && !e.unit_sd {
            let message = "on a log scale a step of activities has no meaning: add unit_sd = true";
            self.error(&format!("{at}.transform"), message);
        }
        if e.is_per_year() && (self.file.time.axis == Axis::Days || self.file.pupils.enrolled_from.is_none()) {
            let message = "per school year needs `pupils.enrolled_from` and the axis `calendar`";
            self.error(&format!("{at}.{}", if e.per_year { "per_year" } else { "measure" }), message);
        }
    }
}
