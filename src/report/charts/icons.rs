//! Two grids of a hundred circles with the same denominator: the plainest picture of two shares.

use super::xy;
use crate::report::wording::Words;
use maud::{Markup, html};

/// One grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid<'a> {
    /// Whose share it is.
    pub label: &'a str,
    /// Filled circles, 0…100.
    pub filled: u64,
    /// CSS class that gives the colour.
    pub class: &'static str,
}

const STEP: f64 = 12.0;
const TOP: f64 = 44.0;
const WIDTH: f64 = 150.0;

/// Draws one or two grids beside each other. `id` must be unique on the page.
pub fn icons(id: &str, outcome: &str, grids: &[Grid<'_>], words: &Words) -> Markup {
    let described: Vec<String> =
        grids.iter().map(|g| format!("{}: {}.", g.label, (words.chart.icons_of)(g.filled))).collect();
    let width = WIDTH * grids.len() as f64;
    html! {
        svg class="icons" viewBox={ "0 0 " (xy(width)) " 166" } role="img" aria-labelledby={ (id) "-t " (id) "-d" }
            style={ "max-width:" (xy(width)) "px" } {
            title id={ (id) "-t" } { ((words.chart.icons_title)(outcome)) }
            desc id={ (id) "-d" } { (described.join(" ")) }
            g aria-hidden="true" {
                @for (g, grid) in grids.iter().enumerate() {
                    (one(grid, g as f64 * WIDTH, words))
                }
            }
        }
    }
}

fn one(grid: &Grid<'_>, left: f64, words: &Words) -> Markup {
    html! {
        text class="strong" x=(xy(left)) y="13" { (grid.label) }
        text class="quiet" x=(xy(left)) y="31" { ((words.chart.icons_of)(grid.filled)) }
        @for i in 0..100u64 {
            @let on = i < grid.filled;
            circle class=(if on { grid.class } else { "hollow" }) cx=(xy(left + 5.0 + STEP * (i % 10) as f64))
                cy=(xy(TOP + 5.0 + STEP * (i / 10) as f64)) r=(if on { "4.6" } else { "3.6" }) {}
        }
    }
}
