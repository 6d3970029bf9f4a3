//! Dot and interval: one row per comparison, on one axis with a line at "no difference".

use super::xy;
use crate::report::format;
use crate::report::wording::{Way, Words, decimals};
use crate::vocab::{Direction, Lang, Unit};
use maud::{Markup, html};

/// Which mark a row has; its shape says the same as its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// This school: a filled circle.
    Own,
    /// All schools: a diamond.
    All,
    /// A part of the dose: a small hollow square.
    Part,
}

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Estimate.
    pub value: f64,
    /// Lower end.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Label.
    pub label: String,
    /// Mark.
    pub mark: Mark,
    /// The estimate, or the words to print instead.
    pub point: Result<Point, &'static str>,
}

/// The axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    lo: f64,
    hi: f64,
    step: f64,
}

impl Scale {
    /// A scale with round ticks that holds 0 and every interval.
    ///
    /// ```
    /// use lob_effect::report::charts::dots::{Point, Scale};
    /// let scale = Scale::over(&[Point { value: -2.0, lo: -6.3, hi: 1.2 }]);
    /// assert_eq!(scale.ticks(), [-8.0, -6.0, -4.0, -2.0, 0.0, 2.0]);
    /// ```
    pub fn over(points: &[Point]) -> Self {
        let lo = points.iter().map(|p| p.lo.min(p.value)).fold(0.0, f64::min);
        let hi = points.iter().map(|p| p.hi.max(p.value)).fold(0.0, f64::max);
        let span = if hi > lo { hi - lo } else { 1.0 };
        let power = 10f64.powf((span / 5.0).log10().floor());
        let fits = |m: &&f64| span / (power * **m) <= 6.0;
        let step = power * [1.0, 2.0, 5.0].iter().find(fits).copied().unwrap_or(10.0);
        // One tick of room on the empty side, so that "no difference" never is the edge.
        let lo = (lo / step).floor().min(-1.0) * step;
        let hi = (hi / step).ceil().max(1.0) * step;
        Scale { lo, hi, step }
    }

    /// The ticks, from left to right.
    pub fn ticks(&self) -> Vec<f64> {
        let first = (self.lo / self.step).round() as i64;
        let last = (self.hi / self.step).round() as i64;
        (first..=last).map(|i| i as f64 * self.step).collect()
    }

    /// A tick as text: with the decimals that tell two ticks apart, and none that say nothing.
    pub fn label(&self, tick: f64, lang: Lang) -> String {
        if self.step >= 0.01 {
            return format::plain(tick, lang);
        }
        let decimals = (-self.step.log10()).ceil() as usize;
        if tick == 0.0 { "0".into() } else { format::number(tick, decimals, lang) }
    }
}

/// What a chart shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart<'a> {
    /// Prefix of its ids; unique on the page.
    pub id: String,
    /// Outcome, for the title.
    pub outcome: &'a str,
    /// Unit of the axis.
    pub unit: Unit,
    /// Which side is good news.
    pub direction: Direction,
    /// Rows from top to bottom.
    pub rows: Vec<Row>,
    /// Axis.
    pub scale: Scale,
}

/// Where things lie in one rendition of the chart.
struct Layout {
    class: &'static str,
    width: f64,
    left: f64,
    right: f64,
    row: f64,
    stacked: bool,
}

/// For screens from 640 px and for paper: labels left, numbers right.
const WIDE: Layout = Layout { class: "wide", width: 760.0, left: 190.0, right: 570.0, row: 38.0, stacked: false };
/// For phones: label and numbers above each line, at a size that can be read on 320 px.
const NARROW: Layout = Layout { class: "narrow", width: 340.0, left: 10.0, right: 330.0, row: 56.0, stacked: true };
const TOP: f64 = 58.0;

/// Draws the chart twice, for wide and for narrow pages; the style sheet shows one of them.
pub fn dots(chart: &Chart<'_>, words: &Words) -> Markup {
    html! { (draw(chart, &WIDE, words)) (draw(chart, &NARROW, words)) }
}

fn draw(chart: &Chart<'_>, at: &Layout, words: &Words) -> Markup {
    let id = format!("{}-{}", chart.id, at.class);
    let bottom = TOP + at.row * chart.rows.len() as f64;
    let x = |value: f64| {
        let Scale { lo, hi, .. } = chart.scale;
        at.left + (value - lo) / (hi - lo) * (at.right - at.left)
    };
    html! {
        svg class={ "dots " (at.class) } viewBox={ "0 0 " (xy(at.width)) " " (xy(bottom + 48.0)) }
            role="img" aria-labelledby={ (id) "-t " (id) "-d" } {
            title id={ (id) "-t" } { ((words.chart.effect_title)(chart.outcome)) }
            desc id={ (id) "-d" } { (description(chart, words)) }
            g aria-hidden="true" {
                (axis(chart, at, &x, bottom, words))
                @for (i, row) in chart.rows.iter().enumerate() {
                    (draw_row(row, chart.unit, at, &x, TOP + at.row * i as f64, words))
                }
            }
        }
    }
}

fn axis(chart: &Chart<'_>, at: &Layout, x: &dyn Fn(f64) -> f64, bottom: f64, words: &Words) -> Markup {
    let zero = x(0.0);
    let fits =
        |tick: f64| at.stacked && chart.scale.ticks().len() > 9 && tick.rem_euclid(2.0 * chart.scale.step) > 1e-9;
    let side = |way: Way| {
        let name = (words.chart.way)(chart.unit, way);
        match way.is_good(chart.direction) {
            Some(true) => format!("{name} · {}", words.chart.good),
            Some(false) => format!("{name} · {}", words.chart.bad),
            None => name.to_owned(),
        }
    };
    html! {
        @for tick in chart.scale.ticks() {
            line class="grid" x1=(xy(x(tick))) x2=(xy(x(tick))) y1=(xy(TOP - 4.0)) y2=(xy(bottom)) {}
            @if !fits(tick) {
                text class="quiet" x=(xy(x(tick))) y=(xy(bottom + 18.0)) text-anchor="middle" {
                    (chart.scale.label(tick, words.lang))
                }
            }
        }
        line class="zero" x1=(xy(zero)) x2=(xy(zero)) y1=(xy(TOP - 12.0)) y2=(xy(bottom)) {}
        text class="strong" x=(xy(zero)) y=(xy(TOP - 18.0)) text-anchor=(anchor(zero, at)) { (words.chart.zero) }
        text class="quiet" x=(xy(at.left)) y="16" { "← " (side(Way::Less)) }
        text class="quiet" x=(xy(at.right)) y="16" text-anchor="end" { (side(Way::More)) " →" }
        text class="quiet" x=(xy((at.left + at.right) / 2.0)) y=(xy(bottom + 40.0)) text-anchor="middle" {
            ((words.chart.axis)(chart.unit))
        }
    }
}

/// Keeps a label at `x` within the plot.
fn anchor(x: f64, at: &Layout) -> &'static str {
    if x - at.left < 50.0 {
        "start"
    } else if at.right - x < 50.0 {
        "end"
    } else {
        "middle"
    }
}

fn draw_row(row: &Row, unit: Unit, at: &Layout, x: &dyn Fn(f64) -> f64, top: f64, words: &Words) -> Markup {
    let class = match row.mark {
        Mark::Own => "own",
        Mark::All => "all",
        Mark::Part => "part",
    };
    let strong = if row.mark == Mark::Part { "quiet" } else { "strong" };
    let (middle, label_y) = if at.stacked { (top + 38.0, top + 18.0) } else { (top + 19.0, top + 24.0) };
    let (label_x, numbers_x) = if at.stacked { (at.left, at.right) } else { (0.0, at.width) };
    html! {
        text class=(strong) x=(xy(label_x)) y=(xy(label_y)) { (row.label) }
        @match &row.point {
            Ok(p) => {
                line class={ "range " (class) } x1=(xy(x(p.lo))) x2=(xy(x(p.hi))) y1=(xy(middle)) y2=(xy(middle)) {}
                @for end in [p.lo, p.hi] {
                    line class={ "range " (class) } x1=(xy(x(end))) x2=(xy(x(end)))
                        y1=(xy(middle - 4.0)) y2=(xy(middle + 4.0)) {}
                }
                (mark(row.mark, x(p.value), middle))
                text class=(strong) x=(xy(numbers_x)) y=(xy(label_y)) text-anchor="end" {
                    (numbers(p, unit, words))
                }
            }
            Err(why) => {
                text class="quiet" x=(xy(numbers_x)) y=(xy(label_y)) text-anchor="end" { (why) }
            }
        }
    }
}

fn mark(mark: Mark, x: f64, y: f64) -> Markup {
    let diamond = [(0.0, -8.0), (8.0, 0.0), (0.0, 8.0), (-8.0, 0.0)];
    html! {
        @match mark {
            Mark::Own => circle class="own" cx=(xy(x)) cy=(xy(y)) r="7" {},
            Mark::All => polygon class="all" points=(diamond.map(|(dx, dy)| format!("{},{}", xy(x + dx), xy(y + dy))).join(" ")) {},
            Mark::Part => rect class="part" x=(xy(x - 4.5)) y=(xy(y - 4.5)) width="9" height="9" {},
        }
    }
}

/// "−4,1 (−6,1 tot −2,0)".
pub fn numbers(p: &Point, unit: Unit, words: &Words) -> String {
    let text = |v| format::number(v, decimals(unit), words.lang);
    format!("{} ({} {} {})", text(p.value), text(p.lo), words.chart.to, text(p.hi))
}

fn description(chart: &Chart<'_>, words: &Words) -> String {
    let row = |r: &Row| match &r.point {
        Ok(p) => format!("{}: {}.", r.label, numbers(p, chart.unit, words)),
        Err(why) => format!("{}: {why}.", r.label),
    };
    let rows: Vec<String> = chart.rows.iter().map(row).collect();
    format!("{}. {}", (words.chart.axis)(chart.unit), rows.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_holds_zero_and_every_interval_with_few_round_ticks() {
        for (lo, hi) in [(-6.3, 1.2), (0.2, 0.4), (-15.0, 16.0), (-0.03, -0.01), (0.0, 0.0), (3.0, 90.0)] {
            let scale = Scale::over(&[Point { value: (lo + hi) / 2.0, lo, hi }]);
            let ticks = scale.ticks();
            assert!(ticks[0] <= lo && ticks[0] < 0.0, "{lo} {hi}: {ticks:?}");
            assert!(ticks[ticks.len() - 1] >= hi && ticks[ticks.len() - 1] > 0.0, "{lo} {hi}: {ticks:?}");
            assert!(ticks.contains(&0.0) && ticks.len() <= 9, "{lo} {hi}: {ticks:?}");
        }
    }

    #[test]
    fn no_two_ticks_read_the_same() {
        for (lo, hi) in [(-6.3, 1.2), (0.2, 0.4), (0.01, 0.03), (-0.0004, 0.0021)] {
            let scale = Scale::over(&[Point { value: (lo + hi) / 2.0, lo, hi }]);
            let labels: Vec<String> = scale.ticks().iter().map(|t| scale.label(*t, Lang::Nl)).collect();
            let distinct: std::collections::BTreeSet<&String> = labels.iter().collect();
            assert_eq!(distinct.len(), labels.len(), "{labels:?}");
        }
    }

    #[test]
    fn coordinates_have_no_minus_zero() {
        assert_eq!((xy(-0.01), xy(1.26), xy(3.0)), ("0".into(), "1.3".into(), "3".into()));
    }
}
