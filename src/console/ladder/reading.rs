//! What a SIP message says, in a few words. Pure, and ready for nonsense: the text is a stranger's.

/// Characters of a stranger's words that are shown.
const WORDS: usize = 60;

/// A message in short.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::console) struct Reading {
    /// `INVITE`, or `200 OK`.
    pub what: String,
    /// `1 INVITE`
    pub cseq: String,
    /// What its session description offers or answers: `PCMA, telephone-event 101`.
    pub described: Option<String>,
}

/// Reads as much as there is.
pub(in crate::console) fn read(text: &str) -> Reading {
    let (head, body) =
        text.split_once("\r\n\r\n").or(text.split_once("\n\n")).unwrap_or((text, ""));
    let mut lines = head.lines();
    let start = lines.next().unwrap_or_default();
    let what = match start.strip_prefix("SIP/2.0 ") {
        Some(status) => status,
        None => start.split(' ').next().unwrap_or_default(),
    };
    let cseq = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("cseq").then(|| value.trim())
    });
    Reading {
        what: short(what),
        cseq: short(cseq.unwrap_or_default()),
        described: body.contains("m=").then(|| describe(body)).flatten(),
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(WORDS).collect()
}

/// The audio of a session description: its formats, and whether it is held.
fn describe(body: &str) -> Option<String> {
    let lines: Vec<&str> = body.lines().map(str::trim).collect();
    let audio = lines.iter().position(|line| line.starts_with("m=audio "))?;
    let mut words = lines[audio].split(' ').skip(1);
    if words.next() == Some("0") {
        return Some("audio ditolak".into());
    }
    let of_audio = lines[audio + 1..].iter().take_while(|line| !line.starts_with("m="));
    let (names, attributes): (Vec<_>, Vec<_>) =
        of_audio.partition(|line| line.starts_with("a=rtpmap:"));
    let formats: Vec<String> = words.skip(1).map(|format| name(format, &names)).collect();
    let held = ["a=sendonly", "a=recvonly", "a=inactive"];
    let hold = attributes.iter().copied().chain(&lines[..audio]).find(|line| held.contains(line));
    let hold = hold.map(|line| format!(" ({})", line.trim_start_matches("a=")));
    Some(short(&formats.join(", ")) + &hold.unwrap_or_default())
}

/// `PCMA`, or `telephone-event 101`: the number tells where it is not fixed.
fn name(format: &str, maps: &[&&str]) -> String {
    let fixed = [("0", "PCMU"), ("3", "GSM"), ("8", "PCMA"), ("9", "G722"), ("18", "G729")];
    if let Some((_, name)) = fixed.iter().find(|(known, _)| *known == format) {
        return (*name).into();
    }
    let mapped = maps.iter().find_map(|line| {
        let (number, encoding) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        (number == format).then(|| encoding.split('/').next().unwrap_or_default())
    });
    match mapped {
        Some(name) => format!("{name} {format}"),
        None => format.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(body: &str) -> Option<String> {
        read(&format!("INVITE sip:112@h SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n{body}")).described
    }

    #[test]
    fn requests_and_responses_are_named() {
        let of = |text: &str| {
            let reading = read(text);
            (reading.what, reading.cseq)
        };
        assert_eq!(
            of("BYE sip:a@b SIP/2.0\r\nVia: x\r\ncseq :  7 BYE\r\n\r\n"),
            ("BYE".into(), "7 BYE".into())
        );
        assert_eq!(of("SIP/2.0 486 Busy Here\r\n").0, "486 Busy Here");
        assert_eq!(of(""), (String::new(), String::new()));
        assert_eq!(of(&"x".repeat(8_000)).0.len(), WORDS);
        assert_eq!(of("SIP/2.0 200 \x1b[31mOK\r\n").0, "200 [31mOK");
    }

    #[test]
    fn a_session_description_is_told_by_its_formats_and_whether_it_is_held() {
        let offer = "v=0\r\nm=audio 40000 RTP/AVP 8 0 96 101 77\r\na=rtpmap:96 opus/48000/2\r\n\
                     a=rtpmap:101 telephone-event/8000\r\n";
        assert_eq!(described(offer).unwrap(), "PCMA, PCMU, opus 96, telephone-event 101, 77");
        assert_eq!(
            described(&format!("{offer}a=sendonly\r\n")).unwrap().split(" (").nth(1),
            Some("sendonly)")
        );
        assert_eq!(
            described("v=0\r\na=inactive\r\nm=audio 9 RTP/AVP 8\r\n").unwrap(),
            "PCMA (inactive)"
        );
        assert_eq!(described("v=0\r\nm=audio 0 RTP/AVP 8\r\n").unwrap(), "audio ditolak");
        assert_eq!(described("v=0\r\nm=video 9 RTP/AVP 8\r\n"), None);
        assert_eq!(described("m=audio "), None);
        assert_eq!(described("m=audio 9"), Some("".into()));
        assert_eq!(described(""), None);
    }
}
