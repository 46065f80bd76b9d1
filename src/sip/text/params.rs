//! Lists and parameters, with respect for quotes and angle brackets.

/// Splits at each `separator` outside quoted strings and `<...>`; a quote that never ends runs to the end.
pub fn split_outside(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let current = rest?;
        match find_outside(current, separator) {
            Some(at) => {
                rest = Some(&current[at + separator.len_utf8()..]);
                Some(&current[..at])
            }
            None => rest.take(),
        }
    })
}

/// The first `wanted` outside quoted strings and `<...>`. Looking for `<` itself finds the bracket that opens.
pub(crate) fn find_outside(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped, mut angled) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if !angled => quoted = !quoted,
            _ if quoted => {}
            _ if c == wanted && !angled => return Some(at),
            '<' => angled = true,
            '>' => angled = false,
            _ => {}
        }
    }
    None
}

/// The parameters of a header field after its first `;`: names and values, trimmed, quotes kept.
/// Empty ones (`;;`) come as an empty name.
pub fn params(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    split_outside(text, ';').skip(1).map(|param| match param.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (param.trim(), None),
    })
}

/// The value of the parameter `name` of a header field, `Some("")` if it has none.
pub fn param<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    params(text)
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.unwrap_or(""))
}

/// Whether `text` is a token (RFC 3261 section 25.1).
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_quotes_and_brackets_do_not_split() {
        let list = r#""Budi, S.Kom" <sip:1,2@x>, "a\",b" <sip:b@x>,c"#;
        let parts: Vec<_> = split_outside(list, ',').map(str::trim).collect();
        assert_eq!(parts, [r#""Budi, S.Kom" <sip:1,2@x>"#, r#""a\",b" <sip:b@x>"#, "c"]);
    }

    #[test]
    fn parameters_are_found_without_case_and_with_blanks_around_them() {
        let from = r#""x;tag=no" <sip:a@b;tag=no> ; Tag = 17 ;lr;;"#;
        assert_eq!(param(from, "tag"), Some("17"));
        assert_eq!(param(from, "lr"), Some(""));
        assert_eq!(param(from, "q"), None);
        assert_eq!(params(from).filter(|(name, _)| name.is_empty()).count(), 2);
    }
}
