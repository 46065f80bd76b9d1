//! Bytes that gateways take for letters, and back: UTF-8, Latin-1, UTF-16, the GSM alphabet.

use std::iter;

use crate::sms::segment::BASIC;

/// Before a letter of the extension table.
const ESCAPE: u8 = 0x1b;

/// The extension table (3GPP TS 23.038, 6.2.1.1).
const EXTENSION: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// 0x80 to 0x9f of Windows-1252, which is what is meant by Latin-1.
const WINDOWS: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";

/// A text in the charset of that name; an unknown name is none. Without one it is UTF-8 if it can be, else Latin-1: what
/// somebody wrote is never refused for its letters.
pub fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let charset = charset.map(|name| name.trim().to_ascii_lowercase());
    match charset.as_deref() {
        Some(
            "utf-16" | "utf-16be" | "utf16" | "ucs-2" | "ucs-2be" | "ucs2" | "iso-10646-ucs-2",
        ) => utf16(bytes),
        Some("iso-8859-1" | "iso8859-1" | "latin1" | "latin-1" | "windows-1252" | "cp1252") => {
            latin1(bytes)
        }
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
            Err(_) => latin1(bytes),
        },
    }
}

fn latin1(bytes: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        0x80..=0x9f => WINDOWS.chars().nth(usize::from(byte - 0x80)).unwrap_or('?'),
        byte => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

/// Big-endian unless a mark says otherwise.
pub fn utf16(bytes: &[u8]) -> String {
    let little = bytes.starts_with(&[0xff, 0xfe]);
    let unit = |pair: &[u8]| {
        let pair = [pair[0], pair[1]];
        if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    };
    let units = bytes.chunks_exact(2).map(unit);
    let letters = char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER));
    letters.filter(|letter| *letter != '\u{feff}').collect()
}

/// Big-endian, without a mark.
pub fn to_utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// Septets of the GSM alphabet, one in each byte. Bytes that are none show that the gateway has decoded them already.
pub fn gsm7(bytes: &[u8]) -> String {
    if !bytes.iter().all(u8::is_ascii) {
        return decode(bytes, None);
    }
    let mut septets = bytes.iter().copied();
    let letters = iter::from_fn(|| {
        let septet = septets.next()?;
        if septet != ESCAPE {
            return basic(septet);
        }
        // An unknown extension is shown as the letter of the main table.
        let septet = septets.next()?;
        let found = EXTENSION.iter().find(|(code, _)| *code == septet);
        found.map(|(_, letter)| *letter).or_else(|| basic(septet).or(Some(' ')))
    });
    letters.collect()
}

/// The table is kept without its escape.
fn basic(septet: u8) -> Option<char> {
    let after = usize::from(septet > ESCAPE);
    if septet == ESCAPE { None } else { BASIC.chars().nth(usize::from(septet) - after) }
}

/// The reverse of [`gsm7`]; letters that the alphabet has not become `?`.
pub fn to_gsm7(text: &str) -> Vec<u8> {
    let mut septets = Vec::with_capacity(text.len());
    for letter in text.chars() {
        let extended = EXTENSION.iter().find(|(_, known)| *known == letter);
        match (extended, BASIC.chars().position(|known| known == letter)) {
            (Some((code, _)), _) => septets.extend([ESCAPE, *code]),
            (None, Some(at)) => septets.push((at + usize::from(at >= ESCAPE.into())) as u8),
            (None, None) => septets.push(b'?'),
        }
    }
    septets
}

/// `c3a9`
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The reverse, in either case.
pub fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    text.len().is_multiple_of(2).then(|| text.chunks_exact(2).map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn latin_1_and_utf_16_and_utf_8_are_read_as_what_they_are() {
        assert_eq!(decode("jalan – é".as_bytes(), None), "jalan – é");
        assert_eq!(decode("jalan é".as_bytes(), Some("no-such")), "jalan é");
        assert_eq!(decode(b"caf\xe9 \x93dekat\x94 \x80", None), "café “dekat” €");
        assert_eq!(decode(b"caf\xc3\xa9", Some("ISO-8859-1")), "cafÃ©");
        assert_eq!(decode(b"\x00J\xd8\x3d\xde\x00", Some("UTF-16BE")), "J😀");
        assert_eq!(decode(b"\xff\xfeJ\x00", Some("UTF-16")), "J");
        assert_eq!(decode(b"\xef\xbb\xbfJ", None), "J");
        // Cut in the middle of a letter.
        assert_eq!(utf16(b"\x00J\xd8\x3d\xde"), "J\u{fffd}");
    }

    #[test]
    fn septets_are_read_by_their_table() {
        assert_eq!(
            gsm7(b"pos\x00desa.id \x11 \x02 \x05 \x1b\x65 \x1b\x28\x1b\x29 \x1c"),
            "pos@desa.id _ $ é € {} Æ"
        );
        // No such extension, and an escape with nothing behind it.
        assert_eq!(gsm7(b"\x1bA\x1b"), "A");
        assert_eq!(gsm7("é sudah".as_bytes()), "é sudah");
        assert_eq!(to_gsm7("€ab@Æà漢"), [0x1b, 0x65, b'a', b'b', 0, 0x1c, 0x7f, b'?']);
    }

    proptest! {
        #[test]
        fn what_the_gsm_alphabet_has_survives_it(text in "[ -~éèùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉÄÖÑÜäöñü€\n]{0,50}") {
            let text = text.replace('`', "");
            prop_assert_eq!(gsm7(&to_gsm7(&text)), text);
        }

        #[test]
        fn hexadecimal_survives_and_nothing_else_is_taken(bytes: Vec<u8>, noise: Vec<u8>) {
            prop_assert_eq!(unhex(hex(&bytes).to_uppercase().as_bytes()), Some(bytes));
            if let Some(read) = unhex(&noise) {
                prop_assert_eq!(hex(&read), String::from_utf8(noise).unwrap().to_lowercase());
            }
        }
    }
}
