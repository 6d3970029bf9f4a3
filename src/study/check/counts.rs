//! Meaning of `[counts]`.

use super::Check;

impl Check<'_> {
    pub(super) fn counts(&mut self) {
        let Some(counts) = &self.file.counts else { return };
        if counts.label.trim_matches(['…', ' ']).is_empty() {
            self.error(
                "counts.label",
                "say what the events are, as reports print it: \"Niet in onderwijs na een jaar\"",
            );
        }
        self.known("counts.source", "source", &counts.source, &self.source_names());
        let exposures: Vec<String> = self.file.exposures.iter().map(|e| e.id.clone()).collect();
        self.known("counts.exposure", "exposure", &counts.exposure, &exposures);
        let covariates: Vec<String> = self.file.covariates.iter().map(|c| c.id.clone()).collect();
        let known =
            counts.leerweg.is_some() && self.known("counts.covariate", "covariate", &counts.covariate, &covariates);
        let has_levels = self.file.covariates.iter().any(|c| c.id == counts.covariate && !c.levels.is_empty());
        if known && !has_levels {
            self.error("counts.covariate", "the leerweg must be a category: give its covariate `levels`");
        }
        if counts.n_hi.is_some() != counts.events_hi.is_some() {
            self.error("counts.n", "bounds come in pairs: give both `n_hi` and `events_hi`, or neither");
        }
        if self.file.pupils.landmark.is_none() {
            self.error("counts", "doses of cells are those at the landmark; `pupils.landmark` names its column");
        }
        if self.file.pupils.cohort.is_none() {
            self.error("counts.cohort", "cells are of cohorts; `pupils.cohort` names their column");
        }
    }
}
