//! XML as a stream of elements. Document types and entities of their own are refused, depth and text are capped.

use std::io::BufReader;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::super::files::InputFile;
use super::super::text;
use super::super::{Dialect, InputError};
use super::Options;

const MOST_DEPTH: usize = 64;
/// Bytes of text in one element.
const MOST_TEXT: usize = 1 << 16;

/// One step through a document. Names are local and in small letters.
pub(super) enum Node<'n> {
    /// An element begins.
    Open { name: &'n str, attributes: &'n [(String, String)] },
    /// An element ends; `text` is its own text.
    Close { name: &'n str, text: &'n str },
}

/// Walks through all elements and says how the file is written.
pub(super) fn walk(
    file: &InputFile,
    options: &Options,
    mut step: impl FnMut(Node<'_>) -> Result<(), InputError>,
) -> Result<Dialect, InputError> {
    let damaged = |detail: String| InputError::Corrupt { file: file.name.clone(), format: "XML", detail };
    let refused = |what: &str| InputError::Unsupported { file: file.name.clone(), what: what.to_string() };
    let survey = text::survey(file, options.encoding)?;
    survey.assert_can_be_held(file)?;
    let mut reader = Reader::from_reader(BufReader::with_capacity(1 << 16, text::open(file, &survey)?));
    let (mut buffer, mut open, mut own): (Vec<u8>, Vec<String>, String) = (Vec::new(), Vec::new(), String::new());
    let mut roots = 0;
    loop {
        buffer.clear();
        let at = reader.buffer_position();
        let event =
            reader.read_event_into(&mut buffer).map_err(|e| damaged(format!("near byte {at}: {}", said(&e))))?;
        let is_empty = matches!(event, Event::Empty(_));
        match event {
            Event::Start(e) | Event::Empty(e) => {
                own.clear();
                roots += usize::from(open.is_empty());
                if open.len() == MOST_DEPTH {
                    return Err(damaged(format!("elements lie deeper than {MOST_DEPTH}")));
                }
                let name = small(&e);
                let attributes =
                    attributes(&e).ok_or_else(|| damaged(format!("near byte {at}: an attribute is not right")))?;
                step(Node::Open { name: &name, attributes: &attributes })?;
                if is_empty {
                    step(Node::Close { name: &name, text: "" })?;
                } else {
                    open.push(name);
                }
            }
            Event::End(_) => {
                let name = open.pop().ok_or_else(|| damaged(format!("near byte {at}: an end without a start")))?;
                step(Node::Close { name: &name, text: own.trim() })?;
                own.clear();
            }
            Event::Text(e) => own.push_str(&e),
            Event::CData(e) => own.push_str(&e),
            Event::GeneralRef(e) => match e.resolve_char_ref().ok().flatten().or_else(|| predefined(&e)) {
                Some(c) => own.push(c),
                None => return Err(refused("an entity that the document defines itself")),
            },
            Event::DocType(_) => return Err(refused("a document type (DTD)")),
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
        if own.len() > MOST_TEXT {
            return Err(damaged(format!("an element holds over {MOST_TEXT} bytes of text")));
        }
    }
    if !open.is_empty() || roots != 1 {
        return Err(damaged("the document is cut off: its last element does not end".into()));
    }
    Ok(Dialect {
        packed: file.packing.word(),
        encoding: Some(survey.encoding),
        byte_order_mark: survey.marks > 0,
        ..Dialect::default()
    })
}

/// What is wrong, without a value of the document.
fn said(error: &quick_xml::Error) -> &'static str {
    match error {
        quick_xml::Error::Io(_) => "it can't be read on",
        quick_xml::Error::Syntax(_) => "it is cut off or not well formed",
        quick_xml::Error::IllFormed(_) => "starts and ends of elements do not match",
        _ => "it is not well formed",
    }
}

fn small(e: &BytesStart<'_>) -> String {
    e.local_name().as_ref().to_lowercase()
}

fn attributes(e: &BytesStart<'_>) -> Option<Vec<(String, String)>> {
    let one = |a: quick_xml::events::attributes::Attribute<'_>| {
        let value = quick_xml::escape::unescape(&a.value).ok()?.into_owned();
        Some((a.key.local_name().as_ref().to_lowercase(), value))
    };
    e.attributes().map(|a| a.ok().and_then(one)).collect()
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// The value of an attribute.
pub(super) fn attribute<'a>(attributes: &'a [(String, String)], name: &str) -> &'a str {
    attributes.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
}
