# One model of benches/models.rs in R: Rscript models.R TOOL CASE FILE FORMULA FAMILY
# TOOL: lmer, glmer (lme4), glmmTMB, or glmmTMB-cells on equal rows counted together (column m). FAMILY: gaussian (by REML) or binomial. Prints a line of JSON; the time is that
# of the fit, the files are read before. Leaves with status 3 where the package is not installed.
arguments <- commandArgs(trailingOnly = TRUE)
names(arguments) <- c("tool", "case", "file", "formula", "family")
package <- if (startsWith(arguments["tool"], "glmmTMB")) "glmmTMB" else "lme4"
if (!requireNamespace(package, quietly = TRUE)) quit(status = 3)
suppressMessages(library(package, character.only = TRUE))

read <- if (requireNamespace("data.table", quietly = TRUE)) data.table::fread else utils::read.csv
rows <- as.data.frame(read(arguments["file"]))
groups <- intersect(c("pupil", "school", "student", "lecturer", "department"), names(rows))
for (g in groups) rows[[g]] <- factor(rows[[g]])
formula <- as.formula(arguments["formula"])
cells <- arguments["tool"] == "glmmTMB-cells"
if (cells) formula <- update(formula, cbind(y, m - y) ~ .)

spent <- system.time(fit <- withCallingHandlers(
  switch(arguments["tool"],
    lmer = lmer(formula, rows, REML = TRUE),
    glmer = glmer(formula, rows, family = binomial),
    glmmTMB = , "glmmTMB-cells" = glmmTMB(formula, rows, family = if (arguments["family"] == "binomial") binomial() else gaussian(),
      REML = arguments["family"] == "gaussian")),
  warning = function(w) {
    cat(conditionMessage(w), "\n", file = stderr())
    assign("warned", TRUE, envir = globalenv())
  }))

deviance <- if (arguments["tool"] == "lmer") REMLcrit(fit) else -2 * as.numeric(logLik(fit))
# Of the separate rows, without the constant of the grouped ones.
if (cells) deviance <- deviance + 2 * sum(lchoose(rows$m, rows$y))
status <- readLines("/proc/self/status")
peak <- as.numeric(gsub("[^0-9]", "", grep("^VmHWM", status, value = TRUE))) * 1024 / 1e6
cat(sprintf(
  '{"case":"%s","tool":"%s","seconds":%.3f,"cpu":%.3f,"deviance":%.6f,"mb":%.0f,"version":"%s","note":"%s"}\n',
  arguments["case"], arguments["tool"], spent[["elapsed"]], spent[["user.self"]] + spent[["sys.self"]],
  deviance, peak, packageVersion(package), if (exists("warned")) "with a warning" else ""))
