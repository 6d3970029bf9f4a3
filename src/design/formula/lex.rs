//! Text of a formula → tokens with their places.

use std::ops::Range;

use super::error::Fault;

/// One word of a formula.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(f64),
    /// One of `~ + - * / : ^ | || ( ) ,`.
    Sign(&'static str),
}

/// A token and the bytes it stands on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: Range<usize>,
}

/// Longer signs before their beginnings.
const SIGNS: &[&str] = &["||", "**", "~", "+", "-", "*", "/", ":", "^", "|", "(", ")", ","];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Fault> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let start = text.len() - rest.len();
        let length = if first.is_whitespace() {
            rest = &rest[first.len_utf8()..];
            continue;
        } else if first == '`' {
            quoted_length(rest).ok_or_else(|| Fault::at(&(start..text.len()), "this ` is never closed"))?
        } else if starts_number(rest) {
            number_length(rest)
        } else if is_name_start(first) {
            rest.find(|c: char| !is_name_part(c)).unwrap_or(rest.len())
        } else {
            SIGNS.iter().find(|s| rest.starts_with(**s)).map_or(0, |s| s.len())
        };
        let at = start..start + length.max(first.len_utf8());
        if length == 0 {
            return Err(Fault::at(&at, format!("`{first}` has no place in a formula")));
        }
        out.push(Placed { token: token(&rest[..length], &at)?, at });
        rest = &rest[length..];
    }
    Ok(out)
}

fn token(word: &str, at: &Range<usize>) -> Result<Token, Fault> {
    if let Some(sign) = SIGNS.iter().find(|s| **s == word) {
        return Ok(Token::Sign(if *sign == "**" { "^" } else { sign }));
    }
    if let Some(name) = word.strip_prefix('`') {
        return Ok(Token::Name(name.trim_end_matches('`').to_string()));
    }
    if starts_number(word) {
        let number = word.parse().map_err(|_| Fault::at(at, "this is not a number"))?;
        return Ok(Token::Number(number));
    }
    Ok(Token::Name(word.to_string()))
}

fn quoted_length(rest: &str) -> Option<usize> {
    rest[1..].find('`').map(|end| end + 2)
}

fn starts_number(rest: &str) -> bool {
    let mut chars = rest.chars();
    match chars.next() {
        Some('.') => chars.next().is_some_and(|c| c.is_ascii_digit()),
        first => first.is_some_and(|c| c.is_ascii_digit()),
    }
}

fn number_length(rest: &str) -> usize {
    let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(s.len());
    let mantissa = digits(rest);
    let tail = &rest[mantissa..];
    let Some(exponent) = tail.strip_prefix(['e', 'E']) else { return mantissa };
    let sign = usize::from(exponent.starts_with(['+', '-']));
    let length = exponent[sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(exponent.len() - sign);
    if length == 0 { mantissa } else { mantissa + 1 + sign + length }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '.' || c == '_'
}

pub(super) fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '.' || c == '_'
}

/// A name as R writes it: in backticks where it would not be read as one.
pub(super) fn written(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next();
    let is_plain =
        first.is_some_and(|c| is_name_start(c) && c != '_') && chars.all(is_name_part) && !starts_number(name);
    if is_plain { name.to_string() } else { format!("`{name}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_places() {
        let found = tokens("y ~ 1.5e-3 + (x.1 || `a b`)").expect("tokens");
        let words: Vec<&str> = found.iter().map(|p| &"y ~ 1.5e-3 + (x.1 || `a b`)"[p.at.clone()]).collect();
        assert_eq!(words, ["y", "~", "1.5e-3", "+", "(", "x.1", "||", "`a b`", ")"]);
        assert_eq!(found[2].token, Token::Number(0.0015));
        assert_eq!(found[7].token, Token::Name("a b".into()));
    }

    #[test]
    fn strange_signs_are_shown() {
        assert_eq!(tokens("y ~ x & z").expect_err("no sign of ours").at, Some(6..7));
        assert_eq!(tokens("y ~ `x").expect_err("open").at, Some(4..6));
    }

    #[test]
    fn odd_names_are_written_in_backticks() {
        assert_eq!(written("IQ.ver.cen"), "IQ.ver.cen");
        assert_eq!(written("my col"), "`my col`");
        assert_eq!(written("1st"), "`1st`");
    }
}
