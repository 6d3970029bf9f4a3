//! The check's content → `validatie.html`.

use super::{CoverageRow, Drift, FileReport, FlowReport, Found, Severity, Validation};
use crate::report::validation::{CoverageLine, FileLine, FlowLine, FlowTable, IssueLine, ValidationPage, page};
use crate::vocab::Lang;
use crate::vocab::codes::code;

/// The page in a language.
pub(super) fn html(v: &Validation, lang: Lang) -> String {
    page(
        &ValidationPage {
            study: v.study.clone(),
            title: v.title.clone(),
            engine_version: v.engine_version.clone(),
            key_id: v.key_id.clone(),
            errors: v.count(Severity::Error),
            warnings: v.count(Severity::Warning),
            issues: v.issues.iter().map(|i| issue(i, lang)).collect(),
            files: v.files.iter().map(file).collect(),
            flow: v.flow.iter().map(|f| flow(f, lang)).collect(),
            coverage: v.coverage.iter().map(coverage).collect(),
            drift: v.drift.iter().map(change).collect(),
        },
        lang,
    )
}

fn issue(i: &Found, lang: Lang) -> IssueLine {
    let what = code(&i.code).map_or(i.message.as_str(), |c| c.explanation(lang).what);
    IssueLine {
        is_error: i.severity == Severity::Error,
        code: i.code.clone(),
        what: what.to_string(),
        place: place(i, lang),
        found: i.found.clone(),
        detail: i.message.clone(),
        hint: lang.pick(&i.hint_nl, &i.hint_en).to_string(),
        count: i.count,
    }
}

fn place(i: &Found, lang: Lang) -> String {
    let mut parts = Vec::new();
    parts.extend(i.file.clone().or_else(|| i.source.as_ref().map(|s| format!("sources.{s}"))));
    parts.extend(i.row.map(|row| format!("{} {row}", lang.pick("rij", "row"))));
    parts.extend(i.column.as_ref().map(|c| format!("{} {c}", lang.pick("kolom", "column"))));
    parts.join(", ")
}

fn file(f: &FileReport) -> FileLine {
    let read = f.columns.iter().filter(|c| c.read).count();
    let text = |key: &str| f.dialect.get(key).and_then(|v| v.as_str()).map(str::to_string);
    let dialect: Vec<String> = ["format", "encoding", "delimiter", "packed"].iter().filter_map(|k| text(k)).collect();
    FileLine {
        source: f.source.clone(),
        file: f.file.clone(),
        dialect: dialect.join(", "),
        rows: f.rows,
        columns: f.columns.len(),
        read,
    }
}

fn flow(f: &FlowReport, lang: Lang) -> FlowTable {
    let line =
        |s: &super::FlowStep| FlowLine { label: lang.pick(&s.nl, &s.en).to_string(), is_total: s.is_total, n: s.n };
    FlowTable { set: f.set.clone(), school: f.school.clone(), lines: f.steps.iter().map(line).collect() }
}

fn coverage(c: &CoverageRow) -> CoverageLine {
    CoverageLine {
        school: c.school.clone(),
        cohort: c.cohort.clone(),
        pupils: c.pupils,
        percent: c.percent,
        late: c.late_percent,
        busiest: c.busiest_percent,
        switched: c.switched,
    }
}

fn change(d: &Drift) -> (String, String, String, String) {
    let place = d.column.as_ref().map_or_else(|| d.source.clone(), |c| format!("{}.{c}", d.source));
    (place, d.what.clone(), d.before.clone(), d.now.clone())
}
