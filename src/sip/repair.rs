//! Mends what old exchanges send, before rsipstack's reader would lose it. Pure.

use std::borrow::Cow;

use super::text::{NameAddr, is_token};

/// What a datagram turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired<'a> {
    /// A double CRLF: answer with one CRLF (RFC 5626 section 4.4.1).
    Ping,
    /// Nothing that SIP knows: an answered ping, blanks, STUN, noise.
    Noise,
    /// One whole message: the header section is UTF-8 in unfolded lines that end in CRLF, Content-Length is the body's.
    Whole(Cow<'a, [u8]>),
    /// A message as far as its header section goes, whose body cannot be had; a request deserves 400.
    Broken { message: Cow<'a, [u8]>, fault: Fault },
}

/// Why the body cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// RFC 3261 section 18.3.
    #[error("Content-Length larger than the body")]
    CutShort,
    #[error("Content-Length is not a number")]
    BadLength,
    #[error("Content-Length given more than once, differently")]
    TwoLengths,
    #[error("No empty line after the header fields")]
    NoEmptyLine,
}

/// Mends one datagram. Mending what is mended changes nothing.
///
/// - Blank lines before the start line go (RFC 3261 section 7.5); lines that end in a bare LF get their CR, as
///   rsipstack would split there too, and both readers must see the same lines.
/// - Folded lines become one (section 7.3.1); blanks that section 7.3.1 allows before the colon go, and those around `/`, `;`
///   and `=` in Via, From and To.
/// - A header line that is not UTF-8 is taken for Latin-1; display names in From and To that need quotes get them.
/// - A missing Content-Length is the rest of the datagram's; what lies behind a shorter one is cut (section 18.3).
pub fn repair(datagram: &[u8]) -> Repaired<'_> {
    if datagram == b"\r\n\r\n" {
        return Repaired::Ping;
    }
    let blanks = datagram.iter().take_while(|b| b"\r\n".contains(b)).count();
    let message = &datagram[blanks..];
    if !message.first().is_some_and(u8::is_ascii_graphic) {
        return Repaired::Noise;
    }
    let (lines, body) = match split_head(message) {
        Some((lines, body)) => (lines, Ok(body)),
        None => (message.split(|b| *b == b'\n').collect(), Err(Fault::NoEmptyLine)),
    };
    let mut head = Head::read(&lines);
    if !head.start.contains("SIP/") {
        return Repaired::Noise;
    }
    match body.and_then(|body| head.take_length(body)) {
        Ok(body) => Repaired::Whole(unchanged_or(message, head.write(body))),
        Err(fault) => Repaired::Broken { message: Cow::Owned(head.write(b"")), fault },
    }
}

fn unchanged_or(before: &[u8], after: Vec<u8>) -> Cow<'_, [u8]> {
    if before == after { Cow::Borrowed(before) } else { Cow::Owned(after) }
}

/// The lines before the first empty one, still with their CR, and what follows it.
fn split_head(message: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let mut lines = Vec::new();
    let mut rest = message;
    loop {
        let end = rest.iter().position(|b| *b == b'\n')?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        if line.is_empty() || line == b"\r" {
            return Some((lines, after));
        }
        lines.push(line);
        rest = after;
    }
}

struct Head {
    start: String,
    /// Unfolded header lines.
    fields: Vec<String>,
}

impl Head {
    fn read(lines: &[&[u8]]) -> Head {
        let mut unfolded: Vec<String> = Vec::with_capacity(lines.len());
        for line in lines {
            let line = decode(line);
            match unfolded.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => {
                    last.push(' ');
                    last.push_str(line.trim());
                }
                _ => unfolded.push(line),
            }
        }
        let mut unfolded = unfolded.into_iter();
        let start = unfolded.next().unwrap_or_default().trim_end().to_owned();
        Head { start, fields: unfolded.map(mend_field).collect() }
    }

    /// The body that Content-Length allows; leaves exactly one Content-Length, and right.
    fn take_length<'b>(&mut self, rest: &'b [u8]) -> Result<&'b [u8], Fault> {
        let mut length: Option<&str> = None;
        for value in self.fields.iter().filter_map(|line| content_length(line)) {
            if !value.bytes().all(|b| b.is_ascii_digit()) || value.is_empty() {
                return Err(Fault::BadLength);
            }
            if length.is_some_and(|first| first != value) {
                return Err(Fault::TwoLengths);
            }
            length = Some(value);
        }
        let body = match length {
            None => rest,
            Some(digits) => {
                let length = digits.parse::<usize>().map_err(|_| Fault::CutShort)?;
                rest.get(..length).ok_or(Fault::CutShort)?
            }
        };
        let mut kept = length.is_none();
        let first_only =
            |line: &String| content_length(line).is_none() || !std::mem::replace(&mut kept, true);
        self.fields.retain(first_only);
        if !self.fields.iter().any(|line| content_length(line).is_some()) {
            self.fields.push(format!("Content-Length: {}", body.len()));
        }
        Ok(body)
    }

    fn write(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + 1024);
        for line in std::iter::once(&self.start).chain(&self.fields) {
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
        out
    }
}

/// A line without its end, in UTF-8. A CR within is a blank: nobody may take it for the end of a line.
fn decode(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(text) => text.replace('\r', " "),
        Err(_) => line.iter().map(|b| if *b == b'\r' { ' ' } else { char::from(*b) }).collect(),
    }
}

/// The value of an unfolded line that is a Content-Length.
pub(super) fn content_length(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    (name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("l"))
        .then(|| value.trim())
}

fn mend_field(line: String) -> String {
    let Some((name, value)) = line.split_once(':') else { return line };
    let mended = match name.trim_end().to_ascii_lowercase().as_str() {
        "via" | "v" => tighten(value, "/;=,:"),
        "cseq" => tighten(value, ""),
        "from" | "f" | "to" | "t" => quote_name(&tighten(value, ";=")),
        // Not every reader knows that a blank may stand before the colon (section 7.3.1).
        _ if name.ends_with([' ', '\t']) => value.trim_start().to_owned(),
        _ => return line,
    };
    format!("{}: {mended}", name.trim_end())
}

/// Takes the blanks around each of `marks` away and makes one of every other run, outside quotes and brackets.
fn tighten(value: &str, marks: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let (mut quoted, mut escaped, mut angled, mut blank) = (false, false, false, false);
    for c in value.trim().chars() {
        if quoted || angled {
            out.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' if quoted => quoted = false,
                '>' if angled => angled = false,
                _ => {}
            }
            continue;
        }
        if c == ' ' || c == '\t' {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank)
            && !marks.contains(c)
            && !out.ends_with(|last| marks.contains(last))
        {
            out.push(' ');
        }
        quoted = c == '"';
        angled = c == '<';
        out.push(c);
    }
    out
}

/// Writes a display name so that every reader finds the bracket behind it: quoted, without `<`, `>`, `\` and controls.
fn quote_name(value: &str) -> String {
    let Some(name) =
        NameAddr::read(value).map(|addr| addr.display_name).filter(|name| !is_plain(name))
    else {
        return value.to_owned();
    };
    let kept: String = name.chars().filter(|c| !c.is_control() && !"\"\\<>".contains(*c)).collect();
    value.replacen(name, &format!("\"{}\"", kept.trim()), 1)
}

fn is_plain(name: &str) -> bool {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(inside) => {
            !inside.contains(['"', '\\', '<', '>']) && !inside.contains(char::is_control)
        }
        None => name.split(' ').all(|word| word.is_empty() || is_token(word)),
    }
}

#[cfg(test)]
mod tests;
