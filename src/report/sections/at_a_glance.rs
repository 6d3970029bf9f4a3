//! Three sentences: what we did, how former pupils fared, what can and can't be said about LOB.

use super::{effects, label};
use crate::disclosure::page::{Bound, EffectRow, Finding, OutcomeRow, SchoolPage, Share, Shown};
use crate::report::format::{of_hundred, share};
use crate::report::wording::Words;
use maud::{Markup, html};

pub(super) fn body(page: &SchoolPage, words: &Words) -> Markup {
    let [did, fared, say] = words.section.glance_leads;
    html! {
        ol class="glance" {
            li { h3 { (did) } p { (we_did(page, words)) } }
            li { h3 { (fared) } p { (fared_text(page, words)) } }
            li { h3 { (say) } p { (about_lob(page, words)) } }
        }
    }
}

fn we_did(page: &SchoolPage, words: &Words) -> String {
    let pupils = if let Shown::Value(n) = page.n_pupils { Some(n) } else { None };
    (words.say.we_did)(pupils, &(words.say.cohorts)(&page.cohorts), page.n_schools)
}

/// The first outcome of which this school's share is shown.
fn fared_text(page: &SchoolPage, words: &Words) -> String {
    let first = page.outcomes.iter().find_map(|row| match &row.own {
        Shown::Value(own) => Some((row, own)),
        _ => None,
    });
    first.map_or_else(|| words.section.glance_no_outcome.to_owned(), |(r, own)| one(r, own, words))
}

fn one(row: &OutcomeRow, own: &Share, words: &Words) -> String {
    let outcome = label(&row.nl, &row.en, words.lang);
    let (lo, hi) = (of_hundred(own.interval.lo), of_hundred(own.interval.hi));
    if own.bound != Bound::Exact {
        return (words.say.coded)(outcome, &share(own, words.lang), lo, hi);
    }
    let mut text = (words.say.of_hundred)(outcome, of_hundred(own.percent), lo, hi);
    if let Shown::Value(all) = &row.nation
        && all.bound == Bound::Exact
    {
        text.push(' ');
        text.push_str(&(words.say.of_hundred_all)(of_hundred(all.percent)));
    }
    text
}

/// The first effect of which this school's dose has a number; else the first with a number over all schools; else the
/// first one, which says why there is none.
fn about_lob(page: &SchoolPage, words: &Words) -> String {
    let is_number = |finding: &Finding| matches!(finding, Finding::Estimate(_));
    let own = page.effects.iter().find(|row: &&EffectRow| is_number(&row.contribution));
    let all = || page.effects.iter().find(|row| is_number(&row.nation));
    let found = own.or_else(all).or(page.effects.first());
    found.map_or_else(|| words.section.glance_no_effect.to_owned(), |row| effects::about(row, words))
}
