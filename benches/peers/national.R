# One landmark model of a national study with data.table and glmmTMB or lme4: national.R DIR [glmmTMB|lme4]
#
# DIR holds leerling.csv, activiteit.csv and inschrijving.csv (benches/national.sh writes them). Activities are read and added up per
# pupil, the dose is split in its three parts, and the model of the engine is fitted: an intercept and a slope per school.
suppressPackageStartupMessages(library(data.table))
arguments <- commandArgs(trailingOnly = TRUE)
directory <- arguments[1]
tool <- if (length(arguments) > 1) arguments[2] else "glmmTMB"
setDTthreads(0)
seconds <- function() as.numeric(proc.time()[["elapsed"]])
began <- seconds()

dates <- function(table, columns) table[, (columns) := lapply(.SD, as.IDate), .SDcols = columns]
pupils <- dates(fread(file.path(directory, "leerling.csv"), na.strings = ""),
                c("landmark", "ingeschreven_van", "ingeschreven_tot"))
activities <- fread(file.path(directory, "activiteit.csv"), select = c("pseudo_id", "datum"), key = "pseudo_id")
activities[, datum := as.IDate(datum)]
enrolments <- dates(fread(file.path(directory, "inschrijving.csv"), na.strings = "",
                          select = c("pseudo_id", "begin", "eind", "sector")), c("begin", "eind"))

days <- pupils[, .(pseudo_id, landmark, ingeschreven_van, ingeschreven_tot)]
counted <- activities[days, on = "pseudo_id", nomatch = NULL][
  datum < landmark & datum >= ingeschreven_van & (is.na(ingeschreven_tot) | datum <= ingeschreven_tot),
  .(dose = .N), by = pseudo_id]
october <- function(landmark) as.IDate(sprintf("%d-10-01", year(landmark)))
mbo <- unique(enrolments[sector == "mbo"][days, on = "pseudo_id", nomatch = NULL][
  begin <= october(landmark) & (is.na(eind) | eind >= october(landmark)), .(pseudo_id, y = 1)])
set <- merge(merge(pupils, counted, by = "pseudo_id", all.x = TRUE), mbo, by = "pseudo_id", all.x = TRUE)
set[is.na(dose), dose := 0]
set[is.na(y), y := 0]
set <- set[koppelstatus == "gekoppeld" & !is.na(landmark) & landmark <= october(landmark) &
             (is.na(ingeschreven_tot) | ingeschreven_tot >= landmark - 1)]
set[, cell := mean(dose), by = .(school, cohort)][, own := mean(dose), by = school]
set[, `:=`(within = dose - cell, between = cell - own, centred = own - mean(dose), leerweg = factor(leerweg, c("TL", "GL", "KB", "BB")))]
set <- set[!is.na(ses_woa) & !is.na(leeftijd)]
read <- seconds() - began
formula <- y ~ factor(cohort) + within + between + centred + leerweg + geslacht + leeftijd + ses_woa + lwoo + (within | school)
fit <- if (tool == "glmmTMB") {
  glmmTMB::glmmTMB(formula, data = set, family = binomial)
} else {
  lme4::glmer(formula, data = set, family = binomial, nAGQ = 1)
}
slope <- if (tool == "glmmTMB") glmmTMB::fixef(fit)$cond[["within"]] else lme4::fixef(fit)[["within"]]
cat(sprintf("%s: %d pupils, read in %.1f s, all in %.1f s, within %.6f, log-likelihood %.3f\n", tool, nrow(set), read,
            seconds() - began, slope, as.numeric(logLik(fit))))
