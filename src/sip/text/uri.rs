//! Addresses: `"Name" <sip:user@host>;params` and the URIs within.

use super::params::{find_outside, param, split_outside};

/// A name-addr or addr-spec with its header parameters (RFC 3261 section 20.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// As written: a quoted string with its quotes, tokens, or nothing.
    pub display_name: &'a str,
    pub uri: &'a str,
    /// Whether the URI stood in angle brackets.
    pub bracketed: bool,
    /// From the first `;` after the URI.
    params: &'a str,
}

impl<'a> NameAddr<'a> {
    /// Takes an address apart; `None` if a quote or bracket is left open or nothing is between the brackets.
    pub fn read(text: &'a str) -> Option<NameAddr<'a>> {
        let text = text.trim();
        match find_outside(text, '<') {
            Some(open) => {
                let close = open + text[open..].find('>')?;
                let display_name = text[..open].trim();
                let (uri, params) = (text[open + 1..close].trim(), &text[close + 1..]);
                let whole =
                    !uri.is_empty() && (params.is_empty() || params.trim_start().starts_with(';'));
                whole.then_some(NameAddr { display_name, uri, bracketed: true, params })
            }
            None if text.contains(['"', '>']) => None,
            None => {
                let uri = split_outside(text, ';').next()?.trim();
                let params = &text[text.find(';').unwrap_or(text.len())..];
                (!uri.is_empty()).then_some(NameAddr {
                    display_name: "",
                    uri,
                    bracketed: false,
                    params,
                })
            }
        }
    }

    /// The header parameter `name`, such as `tag`.
    pub fn param(&self, name: &str) -> Option<&'a str> {
        param(self.params, name)
    }
}

/// A URI in its parts; `sip:`, `sips:` and `tel:` are told from the rest by their scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    pub scheme: &'a str,
    /// Before the `@`, without the password; the number of a `tel:` URI. Escapes and parameters are kept.
    pub user: &'a str,
    /// Without port and parameters; empty in a `tel:` URI.
    pub host: &'a str,
    /// After the first `;` that follows the host, up to the header fields.
    pub params: &'a str,
    /// After the `?`: header fields, which only a URI outside SIP messages may carry.
    pub headers: &'a str,
}

impl<'a> Uri<'a> {
    /// Takes a URI apart; `None` without a scheme.
    pub fn read(text: &'a str) -> Option<Uri<'a>> {
        let (scheme, rest) = text.split_once(':')?;
        let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !valid {
            return None;
        }
        if scheme.eq_ignore_ascii_case("tel") {
            let (user, params) = rest.split_once(';').unwrap_or((rest, ""));
            return Some(Uri { scheme, user, host: "", params, headers: "" });
        }
        // '@' is escaped wherever else it stands; '?' and ';' may well be part of the user.
        let (userinfo, rest) = rest.split_once('@').unwrap_or(("", rest));
        let user = userinfo.split(':').next().unwrap_or(userinfo);
        let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, params) = rest.split_once(';').unwrap_or((rest, ""));
        Some(Uri { scheme, user, host: without_port(host), params, headers })
    }

    /// Whether its host could be one: a name or address, not yet resolved.
    pub fn has_host(&self) -> bool {
        !self.host.is_empty()
            && self.host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b))
    }

    /// Whether it is a `sip:` or `sips:` URI.
    pub fn is_sip(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("sip") || self.scheme.eq_ignore_ascii_case("sips")
    }

    /// Whether it is a `tel:` URI (RFC 3966).
    pub fn is_tel(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("tel")
    }
}

fn without_port(host: &str) -> &str {
    match host.find(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or(host),
    }
}

/// Undoes `%41` (RFC 3261 section 19.1.2); `None` where the escapes are broken or hide something other than text.
pub fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_apart() {
        let a = NameAddr::read(r#""A <B> C" <sip:+62812@h:5070;user=phone>;tag=9"#).unwrap();
        assert_eq!((a.display_name, a.uri), (r#""A <B> C""#, "sip:+62812@h:5070;user=phone"));
        assert_eq!(a.param("tag"), Some("9"));
        let uri = Uri::read(a.uri).unwrap();
        assert_eq!((uri.user, uri.host, uri.params), ("+62812", "h", "user=phone"));
        let b = NameAddr::read("sip:112@[::1]:5060;tag=x").unwrap();
        assert_eq!((b.uri, b.bracketed, b.param("tag")), ("sip:112@[::1]:5060", false, Some("x")));
        assert_eq!(Uri::read(b.uri).unwrap().host, "[::1]");
        let odd = Uri::read("sip:isn't+it$/crazy?,/;;*:pas?wd@h;lr?Route=x").unwrap();
        assert_eq!((odd.user, odd.host, odd.headers), ("isn't+it$/crazy?,/;;*", "h", "Route=x"));
        assert_eq!(Uri::read("tel:+62-812;phone-context=x").unwrap().user, "+62-812");
        assert_eq!(Uri::read("sip:user;par=u%40e@h?Route=x@y").unwrap().user, "user;par=u%40e");
    }

    #[test]
    fn open_quotes_and_brackets_are_no_address() {
        for text in [r#""Mr. J <sip:j@example.com>"#, "<sip:a@b", "<>", "", "\"x\"", "<sip:a@b>x"] {
            assert_eq!(NameAddr::read(text), None, "{text}");
        }
    }
}
