//! A SIP message for those who must not see numbers. Pure.
//!
//! What is not known to be harmless is masked: every digit goes, in whatever field, escape or alphabet, and of names
//! and users the letters too. Each character gives one `x`, so that lengths still tell the truth; in a capture a digit gives
//! a zero, since Wireshark calls a number with letters malformed.

/// Header fields about the message itself, in long and compact form: they stay, unless a number hides in them.
const HARMLESS: [&str; 23] = [
    "accept",
    "allow",
    "allow-events",
    "u",
    "cseq",
    "content-length",
    "l",
    "content-type",
    "c",
    "date",
    "expires",
    "max-forwards",
    "min-se",
    "rack",
    "require",
    "retry-after",
    "rseq",
    "session-expires",
    "x",
    "supported",
    "k",
    "unsupported",
    "content-disposition",
];

/// Header fields of addresses and identifiers, whose shape tells something without its digits.
const SHAPED: [&str; 19] = [
    "call-id",
    "i",
    "contact",
    "m",
    "diversion",
    "from",
    "f",
    "history-info",
    "p-asserted-identity",
    "p-called-party-id",
    "p-preferred-identity",
    "reason",
    "record-route",
    "remote-party-id",
    "route",
    "server",
    "to",
    "t",
    "user-agent",
];

/// Digits in a row that may stand in a harmless place; a number has more.
const SHORT: usize = 6;

/// Stands for a digit that is masked, until it is known who reads. A character that is nobody's (private use).
const DIGIT: char = '\u{e000}';

/// The message without numbers and names, to be read.
pub(in crate::console) fn mask(message: &str) -> String {
    veiled(message).replace(DIGIT, "x")
}

/// The same for programs that read SIP.
pub(in crate::console) fn mask_for_programs(message: &str) -> String {
    veiled(message).replace(DIGIT, "0")
}

fn veiled(message: &str) -> String {
    let mut masked = String::with_capacity(message.len());
    let mut lines = message.split_inclusive('\n');
    masked.push_str(&start_line(lines.next().unwrap_or_default()));
    let (mut name, mut described, mut in_head) = (String::new(), false, true);
    for line in lines {
        if !in_head {
            masked.push_str(&if described { body_line(line) } else { hidden(line) });
        } else if line.trim().is_empty() {
            in_head = false;
            masked.push_str(line);
        } else if line.starts_with([' ', '\t']) {
            // A folded line goes on with the field before it.
            masked.push_str(&field_value(&name, line));
        } else {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            name = field.trim().to_ascii_lowercase();
            masked.push_str(&digits(field, 0));
            if field.len() < line.len() {
                masked.push(':');
            }
            if ["content-type", "c"].contains(&name.as_str()) {
                described = value.trim_start().to_ascii_lowercase().starts_with("application/sdp");
            }
            masked.push_str(&field_value(&name, value));
        }
    }
    masked
}

/// `INVITE sip:112@host SIP/2.0` or `SIP/2.0 200 OK`.
fn start_line(line: &str) -> String {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    if first == "SIP/2.0" {
        let (status, phrase) = rest.split_once(' ').unwrap_or((rest, ""));
        return format!("SIP/2.0 {} {}", digits(status, 3), digits(phrase, 0));
    }
    match rest.rsplit_once(' ') {
        Some((uri, version)) => format!("{} {} {}", digits(first, 0), address(uri), version),
        None => digits(line, 0),
    }
}

fn field_value(name: &str, value: &str) -> String {
    match name {
        // What every sender writes the same says nothing of anybody.
        "via" | "v" => kept(value, &["SIP/2.0/", "branch=z9hG4bK"]),
        _ if HARMLESS.contains(&name) => digits(value, SHORT),
        _ if SHAPED.contains(&name) => address(value),
        _ => hidden(value),
    }
}

/// A line of a session description: ports and formats stay, the rest goes.
fn body_line(line: &str) -> String {
    let harmless =
        ["v=", "t=", "m=", "b=", "a=rtpmap:", "a=fmtp:", "a=ptime:", "a=maxptime:", "a=rtcp-mux"];
    if harmless.iter().any(|start| line.starts_with(start)) {
        return digits(line, SHORT);
    }
    match line.split_once('=') {
        // Who it is from, what it is called, and how to reach them.
        Some((field @ ("o" | "s" | "i" | "u" | "e" | "p"), value)) => {
            format!("{field}={}", hidden(value))
        }
        Some(("c", _)) => kept(line, &["IN IP4 ", "IN IP6 "]),
        _ => digits(line, 0),
    }
}

/// Without its digits, but for these words, each where it is first found, in their order.
fn kept(text: &str, words: &[&str]) -> String {
    let Some((word, others)) = words.split_first() else { return digits(text, 0) };
    match text.split_once(word) {
        Some((before, after)) => format!("{}{word}{}", digits(before, 0), kept(after, others)),
        None => kept(text, others),
    }
}

/// Addresses: quoted names, names before `<`, and what stands before `@` lose their letters as well.
fn address(text: &str) -> String {
    let mut hide = vec![false; text.len()];
    let (mut quoted, mut since) = (false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '"' => {
                quoted = !quoted;
                since = if quoted { since } else { at + 1 };
            }
            _ if quoted => hide[at] = true,
            '<' => {
                hide[since..at].fill(true);
                since = at + 1;
            }
            ':' if is_scheme(&text[since..at]) => since = at + 1,
            '@' => {
                hide[since..at].fill(true);
                since = at + 1;
            }
            '>' | ',' | ';' => since = at + 1,
            _ => {}
        }
    }
    let shown = digits(text, 0);
    // One character for each: the places are the same.
    let places = text.char_indices().zip(shown.chars());
    places
        .map(|((at, was), shown)| if hide[at] && was.is_alphabetic() { 'x' } else { shown })
        .collect()
}

fn is_scheme(text: &str) -> bool {
    ["sip", "sips", "tel"].iter().any(|scheme| text.trim().eq_ignore_ascii_case(scheme))
}

/// Without its letters and digits.
fn hidden(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() { 'x' } else { c }).collect()
}

/// Without its digits. Of a number its last three stay, as everywhere in the console; a run of digits that is not longer
/// than `short` stays as it is.
fn digits(text: &str, short: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut masked = chars.clone();
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| c.is_numeric()).count();
        let keep = match run {
            _ if run <= short => run,
            _ if run > SHORT => 3,
            _ => 0,
        };
        masked[at..at + run - keep].fill(DIGIT);
        at += run.max(1);
    }
    masked.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INVITE: &str = "INVITE sip:+62531123456@203.0.113.7;user=phone SIP/2.0\r\n\
        Via: SIP/2.0/UDP 198.51.100.20:5060;received=36.77.12.9;rport=61234;branch=z9hG4bK776asdhds\r\n\
        From: \"Ibu Sri 0812\" <sip:+6281234567890@198.51.100.20>;tag=1928301774\r\n\
        To: Darurat <sip:budi.santoso@203.0.113.7>\r\n\
        P-Asserted-Identity: <tel:+62-812-3456-7890>, \"62812345\" <sip:%30%38%31%32@pbx>\r\n\
        Contact: <sip:6281234567890@198.51.100.20:5060;transport=udp>\r\n\
        Call-ID: a84b4c76e66710@198.51.100.20\r\n\
        CSeq: 314159 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 190\r\n\
        Subject: dari 081234567890,\r\n 0812-3456\r\n\
        Identity: eyJhbGciOiJFUzI1NiJ9.MDgxMjM0\r\n\
        Content-Type: application/sdp\r\n\r\n\
        v=0\r\no=081234567890 2890844526 1 IN IP4 198.51.100.20\r\ns=Sri\r\nc=IN IP4 198.51.100.20\r\nt=0 0\r\n\
        m=audio 40000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=x-number:081234567890\r\n";

    #[test]
    fn no_number_and_no_name_is_left_of_a_message_and_its_shape_is() {
        insta::assert_snapshot!(mask(INVITE).replace('\r', ""));
    }

    #[test]
    fn a_response_keeps_its_status_and_what_hides_elsewhere_goes() {
        assert_eq!(
            mask("SIP/2.0 486 Sibuk, hubungi 0811234567\r\nc: application/dtmf\r\n\r\n123 satu"),
            "SIP/2.0 486 Sibuk, hubungi xxxxxxx567\r\nc: application/dtmf\r\n\r\nxxx xxxx"
        );
        assert_eq!(mask("SIP/2.0 6281234567890\r\n"), "SIP/2.0 xxxxxxxxxx890\r\n ");
        assert_eq!(
            mask("X 1\r\nSession-Expires: 6281234567890\r\n1234567: 1"),
            "X x\r\nSession-Expires: xxxxxxxxxx890\r\nxxxx567: x"
        );
    }

    #[test]
    fn digits_of_other_scripts_and_open_quotes_hide_nothing() {
        assert_eq!(
            mask("FOO sip:٠٨١٢@h SIP/2.0\r\nFrom: \"a 0812 <sip:0812@h>;tag=١٢\r\n"),
            "FOO sip:xxxx@h SIP/2.0\r\nFrom: \"x xxxx <xxx:xxxx@x>;xxx=xx\r\n"
        );
    }

    proptest! {
        #[test]
        fn whatever_stands_around_it_a_number_is_never_read(
            before in "[ -~\r\n]{0,60}", after in "[ -~\r\n]{0,60}",
        ) {
            let masked = mask(&format!("{before}6281234567890{after}"));
            prop_assert!(!masked.contains("628123456789"), "{masked}");
            prop_assert!(!masked.contains("1234567"), "{masked}");
        }
    }
}
