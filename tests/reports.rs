//! Did any sentence change? Pages from hand-written content against stored text, and what every page must be:
//! well-formed, escaped, self-contained, small, and within the wording rules.

mod pages;

use lob_effect::disclosure::page::{IndexEntry, IndexPage, SchoolPage};
use lob_effect::report::sections::{SECTIONS, cleaned};
use lob_effect::report::wording::words;
use lob_effect::report::{index_page, school_page};
use lob_effect::vocab::Lang;

const BOTH: [Lang; 2] = [Lang::Nl, Lang::En];

fn cases() -> [(&'static str, SchoolPage); 3] {
    [("estimate", pages::with_estimates()), ("refusal", pages::with_refusals()), ("suppressed", pages::suppressed())]
}

/// An opening, closing or empty tag, or the text between tags.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Open(&'a str),
    Close(&'a str),
    Text(&'a str),
}

fn name(tag: &str) -> &str {
    tag.split([' ', '\n']).next().unwrap_or(tag)
}

/// Splits what `maud` writes: attribute values are quoted, and `<` and `>` are escaped in text and attributes.
/// The content of `style` is left out.
fn split(html: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        if start > 0 {
            pieces.push(Piece::Text(&rest[..start]));
        }
        let end = start + rest[start..].find('>').expect("every tag is closed");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        match tag.strip_prefix('/') {
            Some(closed) => pieces.push(Piece::Close(closed)),
            None if tag.starts_with('!') => {}
            None => pieces.push(Piece::Open(tag)),
        }
        if name(tag) == "style" {
            rest = &rest[rest.find("</style>").expect("style is closed")..];
        }
    }
    pieces
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The text as a reader sees it, one block a line; charts give their title and description.
fn text_of(html: &str) -> String {
    const INLINE: &[&str] = &["b", "bdi", "code", "a", "span"];
    let mut lines = String::new();
    let mut hidden = 0;
    let mut open: Vec<bool> = Vec::new();
    for piece in split(html) {
        match piece {
            Piece::Open(tag) if is_void(name(tag)) => {}
            Piece::Open(tag) => {
                let hides = tag.contains("aria-hidden=\"true\"") || tag.contains("class=\"dots narrow\"");
                open.push(hides);
                hidden += usize::from(hides);
                if !INLINE.contains(&name(tag)) {
                    lines.push('\n');
                }
            }
            Piece::Close(tag) => {
                hidden -= usize::from(open.pop().expect("an open tag"));
                if !INLINE.contains(&tag) {
                    lines.push('\n');
                }
            }
            Piece::Text(text) if hidden == 0 => lines.push_str(&unescape(text)),
            Piece::Text(_) => {}
        }
    }
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    lines.join("\n")
}

fn is_void(tag: &str) -> bool {
    matches!(tag, "meta" | "br" | "link" | "img")
}

#[test]
fn sections_read_as_stored() {
    for (case, page) in cases() {
        let page = cleaned(&page);
        for section in SECTIONS {
            let both: Vec<String> = BOTH
                .iter()
                .map(|&lang| {
                    let words = words(lang);
                    let body = (section.body)(&page, words).into_string();
                    format!("# {}\n{}", (section.title)(words), text_of(&body))
                })
                .collect();
            insta::assert_snapshot!(format!("section__{}__{case}", section.id), both.join("\n\n"));
        }
    }
}

#[test]
fn the_frame_reads_as_stored() {
    let html = school_page(&pages::with_estimates(), Lang::Nl);
    let (head, rest) = html.split_once("<main").expect("a main part");
    let (_, foot) = rest.split_once("</main>").expect("a closed main part");
    let style = head.find("<style>").expect("a style")..head.find("</style>").expect("a closed style");
    let head = head.replace(&head[style], "<style>");
    insta::assert_snapshot!("frame", format!("{head}\n…\n{foot}").replace("><", ">\n<"));
    insta::assert_snapshot!("index", text_of(&index_page(&overview(), Lang::Nl)));
}

fn overview() -> IndexPage {
    let entry = |school: &str, name: Option<&str>| IndexEntry {
        school: school.into(),
        school_name: name.map(Into::into),
        href: format!("school/{school}/rapport.html"),
    };
    IndexPage {
        study: "LOB in de regio 2021-2024".into(),
        run_id: "3f9a1c0b7d42".into(),
        engine_version: "0.1.0".into(),
        schools: vec![entry("12AB00", Some("Vmbo De Linde")), entry("34CD01", None)],
    }
}

fn every_page() -> Vec<String> {
    let mut all = Vec::new();
    for lang in BOTH {
        all.extend(cases().iter().map(|(_, page)| school_page(page, lang)));
        all.push(index_page(&overview(), lang));
    }
    all.push(school_page(&hostile(), Lang::Nl));
    all
}

#[test]
fn pages_are_well_formed_and_ids_unique() {
    for html in every_page() {
        let mut open: Vec<&str> = Vec::new();
        let mut ids = std::collections::BTreeSet::new();
        for piece in split(&html) {
            match piece {
                Piece::Open(tag) => {
                    if !is_void(name(tag)) {
                        open.push(name(tag));
                    }
                    if let Some((_, id)) = tag.split_once(" id=\"") {
                        let id = id.split('"').next().unwrap();
                        assert!(ids.insert(id.to_owned()), "id {id} twice");
                    }
                }
                Piece::Close(tag) => assert_eq!(open.pop(), Some(tag)),
                Piece::Text(_) => {}
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
        let pointed = html
            .split("aria-labelledby=\"")
            .skip(1)
            .flat_map(|s| s.split('"').next().unwrap().split(' ').map(str::to_owned).collect::<Vec<_>>());
        for id in pointed.chain(html.split("href=\"#").skip(1).map(|s| s.split('"').next().unwrap().to_owned())) {
            assert!(ids.contains(&id), "nothing has the id {id}");
        }
    }
}

#[test]
fn pages_are_small_self_contained_and_without_scripts() {
    for html in every_page() {
        assert!(html.len() < 2_000_000);
        assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
        for piece in split(&html) {
            let Piece::Open(tag) = piece else { continue };
            assert!(!matches!(name(tag), "script" | "link" | "img" | "iframe" | "object"), "{tag}");
            let outside = ["src=", "http:", "https:", "javascript:", "url("];
            assert!(!outside.iter().any(|s| tag.contains(s)) || tag.contains("Policy"), "{tag}");
        }
        let style = &html[html.find("<style>").unwrap()..html.find("</style>").unwrap()];
        assert!(!style.contains("url(") && !style.contains("@import"));
    }
}

#[test]
fn headings_are_ordered_and_tables_have_scopes() {
    for html in every_page() {
        let mut last = 0;
        let mut firsts = 0;
        for piece in split(&html) {
            let Piece::Open(tag) = piece else { continue };
            if let Some(level) = name(tag).strip_prefix('h').and_then(|n| n.parse::<u8>().ok()) {
                assert!(level <= last + 1, "h{level} after h{last}");
                firsts += usize::from(level == 1);
                last = level;
            }
            if name(tag) == "th" {
                assert!(tag.contains("scope="), "{tag}");
            }
            if name(tag) == "svg" {
                assert!(tag.contains("role=\"img\"") && tag.contains("aria-labelledby="), "{tag}");
            }
        }
        assert_eq!(firsts, 1, "one h1");
        assert!(html.contains("<html lang=\"nl\">") || html.contains("<html lang=\"en\">"));
    }
}

/// A table with the numbers follows every chart.
#[test]
fn every_figure_is_followed_by_its_table() {
    let html = school_page(&pages::with_estimates(), Lang::Nl);
    let figures: Vec<&str> = html.split("</figure>").skip(1).collect();
    assert_eq!(figures.len(), 4);
    assert!(figures.iter().all(|after| after.starts_with("<table")));
}

const ATTACK: &str = "<script>alert(1)</script>\" onload=\"x' ]]> </style></title> &lt; \u{202e}";

fn hostile() -> SchoolPage {
    let mut page = pages::with_estimates();
    for text in [&mut page.school, &mut page.study, &mut page.run_id, &mut page.engine_version] {
        *text = ATTACK.into();
    }
    page.school_name = Some(ATTACK.into());
    page.cohorts = vec![ATTACK.into(); 3];
    for row in &mut page.reach {
        (row.nl, row.en, row.code) = (ATTACK.into(), ATTACK.into(), ATTACK.into());
    }
    for row in &mut page.outcomes {
        (row.nl, row.en) = (ATTACK.into(), ATTACK.into());
    }
    for row in &mut page.effects {
        (row.model, row.outcome_nl, row.exposure_nl) = (ATTACK.into(), ATTACK.into(), ATTACK.into());
    }
    for row in &mut page.flow {
        (row.nl, row.en) = (ATTACK.into(), ATTACK.into());
    }
    page.adjusted_for = vec![(ATTACK.into(), ATTACK.into()); page.adjusted_for.len()];
    page
}

#[test]
fn text_from_data_makes_no_element_and_no_attribute() {
    let shape = |html: &str| {
        let tags = split(html).into_iter().filter_map(|p| match p {
            Piece::Open(tag) => Some(name(tag).to_owned()),
            _ => None,
        });
        tags.collect::<Vec<_>>()
    };
    let html = school_page(&hostile(), Lang::Nl);
    let kind = school_page(&pages::with_estimates(), Lang::Nl);
    assert!(shape(&html) == shape(&kind), "text from data changed the elements of the page");
    assert!(!html.contains("<script") && !html.contains("\" onload=") && !html.contains('\u{202e}'));
    assert_eq!(html.matches("</style>").count(), 1);

    let mut index = overview();
    index.study = ATTACK.into();
    index.schools[0].school_name = Some(ATTACK.into());
    index.schools[1].href = "javascript:alert(1)".into();
    let html = index_page(&index, Lang::En);
    assert!(!html.contains("<script") && !html.contains("\" onload=") && !html.contains("javascript:"));
    assert_eq!(shape(&html).iter().filter(|t| *t == "a").count(), 2, "skip link and one report");
}

#[test]
fn pages_keep_the_wording_rules() {
    let forbidden = [
        "leidt tot",
        "leiden tot",
        "zorgt voor",
        "effect",
        "verlaagt",
        "verhoogt",
        "veroorzaakt",
        "dankzij",
        "bewijst",
        "bewezen",
        "significant",
        "beste school",
        "slechtste",
        "causes",
        "leads to",
        "reduces",
        "increases",
        "results in",
        "proves",
        "NaN",
        "inf ",
        " 1 leerlingen",
        " 1 pupils",
    ];
    for html in every_page() {
        let text = text_of(&html);
        let text = text.replace("Dat betekent niet dat LOB geen effect heeft", "");
        let text = text.replace("That does not mean that LOB has no effect", "");
        for word in forbidden {
            assert!(!text.contains(word), "“{word}” on a page");
        }
        assert!(!has_minus_zero(&text), "a minus zero on a page");
    }
}

/// "−0" or "−0,00" with nothing but zeros behind it.
fn has_minus_zero(text: &str) -> bool {
    text.split('−').skip(1).any(|after| {
        let number: String = after.chars().take_while(|c| c.is_ascii_digit() || ",.".contains(*c)).collect();
        number.contains('0') && !number.contains(|c: char| ('1'..='9').contains(&c))
    })
}

/// What a suppressed page hides must not stand in its charts, titles or attributes either.
#[test]
fn a_suppressed_page_gives_no_number_of_its_school_away() {
    let html = school_page(&pages::suppressed(), Lang::Nl);
    for number in ["145", "86,2", "34,5", "−1,6", "−3,4", "8,3", "87,6"] {
        assert!(!text_of(&html).contains(number), "{number} is on the page");
    }
    assert!(!html.contains("circle class=\"own\""), "a mark of the school is drawn");
}

/// The sentence, the chart's description and the table carry the same numbers.
#[test]
fn chart_table_and_sentence_agree() {
    for lang in BOTH {
        let text = text_of(&school_page(&pages::with_estimates(), lang));
        let (estimate, range) = (lang.pick("−1,4", "−1.4"), lang.pick("−1,9 tot −0,9", "−1.9 to −0.9"));
        assert!(text.contains(&format!("{estimate} ({range})")), "chart");
        assert!(text.contains(&format!("\n{estimate}\n{range}\n")), "table");
        let between =
            lang.pick("1,4 procentpunt minder (tussen 0,9 en 1,9)", "1.4 percentage points less (between 0.9 and 1.9)");
        assert!(text.contains(between), "sentence");
    }
}

/// The comparable schools are the same for every outcome.
#[test]
fn comparable_schools_are_named_once() {
    let mut page = pages::with_estimates();
    let named = page.effects.iter().find_map(|row| row.compared.clone()).expect("a row with comparable schools");
    page.effects.iter_mut().for_each(|row| row.compared = Some(named.clone()));
    for lang in BOTH {
        let text = text_of(&school_page(&page, lang));
        assert_eq!(text.matches(words(lang).section.compared).count(), 1);
        assert_eq!(text.matches(lang.pick(&named.0, &named.1)).count(), 1);
    }
}

/// "0 passed, 0 failed" would read as a result; where nothing could be checked the page says so, with each reason once.
#[test]
fn checks_that_are_not_possible_are_not_counted_as_results() {
    let mut page = pages::with_estimates();
    let impossible = page.checks[0].rows.iter().find(|r| r.reason.is_some()).expect("an impossible check").clone();
    let mut other = impossible.clone();
    other.reason = Some(("Een andere reden.".into(), "Another reason.".into()));
    page.checks[0].rows = vec![impossible.clone(), other, impossible.clone()];
    let (nl, en) = impossible.reason.expect("a reason");
    for lang in BOTH {
        let text = text_of(&school_page(&page, lang));
        assert!(text.contains(lang.pick("de controles zijn niet mogelijk.", "the checks are not possible.")));
        assert!(!text.contains(lang.pick("0 gelukt", "0 passed")));
        for reason in [lang.pick(&nl, &en), lang.pick("Een andere reden.", "Another reason.")] {
            assert_eq!(text.matches(reason).count(), 1);
        }
    }
}
