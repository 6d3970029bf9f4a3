//! The page of a check: what is wrong, what was read, who falls out where, what changed. It looks like a report and holds
//! no value of the data and no outcome.

use maud::{Markup, html};

use super::format::{self, clean};
use super::html::Part;
use super::wording::validation::{ValidationWords, words};
use crate::vocab::Lang;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueLine {
    /// Error or warning.
    pub is_error: bool,
    /// Code.
    pub code: String,
    /// What was found, in the page's language.
    pub what: String,
    /// File, row and column.
    pub place: String,
    /// Masked shape.
    pub found: Option<String>,
    /// The program's own words, in English.
    pub detail: String,
    /// What to do.
    pub hint: String,
    /// How often.
    pub count: u64,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLine {
    /// Source in the study.
    pub source: String,
    /// File name.
    pub file: String,
    /// How it is written.
    pub dialect: String,
    /// Rows.
    pub rows: u64,
    /// Columns in the file.
    pub columns: usize,
    /// Columns that the study reads.
    pub read: usize,
}

/// One step of a road.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowLine {
    /// Step or reason.
    pub label: String,
    /// Subtotal.
    pub is_total: bool,
    /// Count, if it may be shown.
    pub n: Option<u64>,
}

/// The road of one table or model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowTable {
    /// Table or model.
    pub set: String,
    /// School; none for all together.
    pub school: Option<String>,
    /// Steps.
    pub lines: Vec<FlowLine>,
}

/// Registrations of one school and cohort.
#[derive(Clone, Debug, PartialEq)]
pub struct CoverageLine {
    /// School.
    pub school: String,
    /// Cohort.
    pub cohort: String,
    /// Pupils, if the number may be shown.
    pub pupils: Option<u64>,
    /// Percentage with a registration, if it may be shown.
    pub percent: Option<f64>,
    /// Percentage entered more than 30 days later, if known.
    pub late: Option<f64>,
    /// Percentage entered on the busiest day, if known.
    pub busiest: Option<f64>,
    /// Another system than the cohort before.
    pub switched: bool,
}

/// Everything on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationPage {
    /// Study id.
    pub study: String,
    /// Title of the study.
    pub title: String,
    /// Version of the engine.
    pub engine_version: String,
    /// Id of the key.
    pub key_id: Option<String>,
    /// Number of errors.
    pub errors: usize,
    /// Number of warnings.
    pub warnings: usize,
    /// Findings, errors first.
    pub issues: Vec<IssueLine>,
    /// Files.
    pub files: Vec<FileLine>,
    /// Roads.
    pub flow: Vec<FlowTable>,
    /// Registrations.
    pub coverage: Vec<CoverageLine>,
    /// Changes: place, what, before, now.
    pub drift: Vec<(String, String, String, String)>,
}

/// The page as one self-contained HTML text without scripts.
pub fn page(v: &ValidationPage, lang: Lang) -> String {
    let w = words(lang);
    let parts = [
        Part { id: "issues", title: w.issues, body: issues(v, w) },
        Part { id: "files", title: w.files, body: files(v, w, lang) },
        Part { id: "flow", title: w.flow, body: flow(v, w, lang) },
        Part { id: "coverage", title: w.coverage, body: coverage(v, w, lang) },
        Part { id: "drift", title: w.drift, body: drift(v, w) },
    ];
    super::html::validation(v, &parts, w, lang).into_string()
}

/// One sentence: how it stands.
pub(super) fn verdict(v: &ValidationPage, w: &ValidationWords) -> &'static str {
    match (v.errors, v.warnings) {
        (0, 0) => w.all_well,
        (0, _) => w.only_warnings,
        _ => w.has_errors,
    }
}

fn issues(v: &ValidationPage, w: &ValidationWords) -> Markup {
    if v.issues.is_empty() {
        return html! { p { (w.no_issues) } };
    }
    html! {
        table {
            caption class="visually-hidden" { (w.issues) }
            thead { tr {
                th scope="col" { (w.what) }
                th scope="col" { (w.place) }
                th scope="col" { (w.todo) }
            } }
            tbody { @for i in &v.issues { tr {
                th scope="row" {
                    b { @if i.is_error { (w.error) } @else { (w.warning) } } " "
                    code class="whole" { (i.code) }
                    small { (i.what) }
                    @if i.count > 1 { small { (i.count) " ×" } }
                }
                td {
                    bdi { (clean(&i.place)) }
                    @if let Some(found) = &i.found { small { (w.found) " " code { (clean(found)) } } }
                    small lang="en" { (clean(&i.detail)) }
                }
                td { (i.hint) }
            } } }
        }
    }
}

fn files(v: &ValidationPage, w: &ValidationWords, lang: Lang) -> Markup {
    html! {
        p { (w.files_intro) }
        table {
            caption class="visually-hidden" { (w.files) }
            thead { tr {
                th scope="col" { (w.file) }
                th scope="col" { (w.written) }
                th scope="col" class="num" { (w.rows) }
                th scope="col" class="num" { (w.columns) }
            } }
            tbody { @for f in &v.files { tr {
                td { bdi { (clean(&f.file)) } small { (clean(&f.source)) } }
                td { (f.dialect) }
                td class="num" { (format::count(f.rows, lang)) }
                td class="num" { (f.read) " / " (f.columns) }
            } } }
        }
    }
}

fn flow(v: &ValidationPage, w: &ValidationWords, lang: Lang) -> Markup {
    if v.flow.is_empty() {
        return html! { p { (w.not_reached) } };
    }
    html! {
        p { (w.flow_intro) }
        @for table in v.flow.iter().filter(|t| t.school.is_none()) {
            details open[table.set.starts_with("model")] {
                summary { h3 { bdi { (clean(&table.set)) } } }
                (steps(table, w, lang))
                @for own in v.flow.iter().filter(|t| t.set == table.set && t.school.is_some()) {
                    h4 { bdi { (clean(own.school.as_deref().unwrap_or_default())) } }
                    (steps(own, w, lang))
                }
            }
        }
    }
}

fn steps(table: &FlowTable, w: &ValidationWords, lang: Lang) -> Markup {
    html! {
        table {
            caption class="visually-hidden" { (clean(&table.set)) }
            thead { tr { th scope="col" { (w.step) } th scope="col" class="num" { (w.number) } } }
            tbody { @for line in &table.lines {
                tr class=[line.is_total.then_some("total")] {
                    th scope="row" { (line.label) }
                    td class="num" { (shown(line.n, w, lang)) }
                }
            } }
        }
    }
}

fn shown(n: Option<u64>, w: &ValidationWords, lang: Lang) -> Markup {
    match n {
        Some(n) => html! { (format::count(n, lang)) },
        None => html! { span class="none" { (w.hidden) } },
    }
}

fn coverage(v: &ValidationPage, w: &ValidationWords, lang: Lang) -> Markup {
    if v.coverage.is_empty() {
        return html! { p { (w.not_reached) } };
    }
    html! {
        p { (w.coverage_intro) }
        table {
            caption class="visually-hidden" { (w.coverage) }
            thead { tr {
                th scope="col" { (w.school) }
                th scope="col" { (w.cohort) }
                th scope="col" class="num" { (w.number) }
                th scope="col" class="num" { (w.share) }
                th scope="col" { (w.entry) }
            } }
            tbody { @for c in &v.coverage { tr {
                th scope="row" { bdi { (clean(&c.school)) } }
                td { bdi { (clean(&c.cohort)) } }
                td class="num" { (shown(c.pupils, w, lang)) }
                td class="num" {
                    @match c.percent {
                        Some(p) => { (format::number(p, 0, lang)) "%" }
                        None => span class="none" { (w.hidden) },
                    }
                }
                td {
                    @if let Some(p) = c.late { small { (w.late) " " (format::number(p, 0, lang)) "%" } }
                    @if let Some(p) = c.busiest { small { (w.busiest) " " (format::number(p, 0, lang)) "%" } }
                    @if c.switched { small { (w.switched) } }
                }
            } } }
        }
    }
}

fn drift(v: &ValidationPage, w: &ValidationWords) -> Markup {
    if v.drift.is_empty() {
        return html! { p { (w.no_drift) } };
    }
    html! {
        p { (w.drift_intro) }
        table {
            caption class="visually-hidden" { (w.drift) }
            thead { tr {
                th scope="col" { (w.place) }
                th scope="col" { (w.before) }
                th scope="col" { (w.now) }
            } }
            tbody { @for (place, what, before, now) in &v.drift { tr {
                th scope="row" { bdi { (clean(place)) } small { (what) } }
                td { (clean(before)) }
                td { (clean(now)) }
            } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> ValidationPage {
        ValidationPage {
            study: "klein".into(),
            title: "<script>alert(1)</script>".into(),
            engine_version: "0.1.0".into(),
            key_id: Some("0123456789abcdef".into()),
            errors: 1,
            warnings: 0,
            issues: vec![IssueLine {
                is_error: true,
                code: "LOB-E0108".into(),
                what: "Er zijn meer onleesbare rijen dan is toegestaan.".into(),
                place: "activiteit.csv, rij 2, kolom \" onload=x".into(),
                found: Some("99-9-9999".into()),
                detail: "is not a date".into(),
                hint: "Verbeter de bron.".into(),
                count: 3,
            }],
            files: vec![FileLine {
                source: "s".into(),
                file: "a.csv".into(),
                dialect: "csv, utf8, ;".into(),
                rows: 1234,
                columns: 9,
                read: 4,
            }],
            flow: vec![FlowTable {
                set: "model x".into(),
                school: None,
                lines: vec![FlowLine { label: "gelezen".into(), is_total: true, n: None }],
            }],
            coverage: vec![CoverageLine {
                school: "90AA00".into(),
                cohort: "2022".into(),
                pupils: None,
                percent: Some(81.0),
                late: Some(7.0),
                busiest: None,
                switched: true,
            }],
            drift: Vec::new(),
        }
    }

    #[test]
    fn the_page_is_complete_and_holds_no_element_of_the_data() {
        for lang in [Lang::Nl, Lang::En] {
            let html = page(&some(), lang);
            assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>"));
            assert!(html.contains("default-src 'none'") && !html.contains("<script"), "{html}");
            for word in ["LOB-E0108", "99-9-9999", "0123456789abcdef", "81%"] {
                assert!(html.contains(word), "{word}");
            }
            let well = page(&ValidationPage { errors: 0, issues: Vec::new(), ..some() }, lang);
            assert!(well.contains(words(lang).all_well) && well.contains(words(lang).no_issues));
        }
    }
}
