//! Charts as inline SVG. A chart has a title and a description for assistive technology, its inner text is
//! hidden from it, and a table with the same numbers follows in the section that draws it. Shape and a direct
//! label always stand beside colour (Okabe–Ito palette).

pub mod dots;
pub mod icons;

/// A coordinate with one decimal: enough for the eye, and the same bytes on every machine.
fn xy(x: f64) -> String {
    let rounded = (x * 10.0).round() / 10.0;
    format!("{}", if rounded == 0.0 { 0.0 } else { rounded })
}
