//! A post from a stranger to the hook of every gateway: believed by none, and read or refused by all, as are answers to
//! messages of ours.
#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue};
use kentongan::clock::Timestamp;
use kentongan::sms::gateway::{Config, Gateway, Incoming, Request};
use libfuzzer_sys::fuzz_target;

/// One of each kind.
static GATEWAYS: LazyLock<Vec<Box<dyn Gateway>>> = LazyLock::new(|| {
    let sections = [
        r#"{"type":"kannel","token":"rahasia","url":"http://x","username":"u","password":"p"}"#,
        r#"{"type":"smsgate","secret":"rahasia","username":"u","password":"p"}"#,
        r#"{"type":"twilio","account":"AC1","secret":"rahasia","from":"1"}"#,
        r#"{"type":"jasmin","token":"rahasia","url":"http://x","username":"u","password":"p"}"#,
        r#"{"type":"vonage","secret":"rahasia","key":"k","password":"p","from":"x"}"#,
        r#"{"type":"infobip","token":"rahasia","url":"http://x","password":"p","from":"x"}"#,
        r#"{"type":"whatsapp","secret":"rahasia","token":"rahasia","phone_number_id":"1","password":"p"}"#,
        r#"{"type":"generic","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","url":"http://x"}"#,
        r#"{"type":"gammu","token":"rahasia"}"#,
        r#"{"type":"zenziva","username":"u","password":"p"}"#,
    ];
    let gateway = |section: &&str| {
        let config: Config = serde_json::from_str(section).expect("a section");
        config.gateway().expect("a gateway that lacks nothing")
    };
    sections.iter().map(gateway).collect()
});

/// The first byte chooses the method and the kind of body; a query is what the first line has, if there are two.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let (query, body) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) if choice & 4 != 0 => (&rest[..end], &rest[end + 1..]),
        _ => (&rest[..0], rest),
    };
    let Ok(query) = std::str::from_utf8(query) else { return };
    let kinds = ["application/json", "application/x-www-form-urlencoded"];
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(kinds[usize::from(choice & 1)]));
    let url = format!("https://hotline.example/hooks/sms/x?{query}");
    let method = if choice & 2 == 0 { "POST" } else { "GET" };
    let peer = [192, 0, 2, 1].into();
    let request = Request { method, url: &url, query, headers: &headers, body, peer };
    for gateway in GATEWAYS.iter() {
        // Neither a token nor a signature can be met by chance; a token that is in the corpus may be.
        if !query.contains("rahasia") {
            assert!(gateway.verify(&request, Timestamp(1_795_662_000_000)).is_err());
        }
        if let Ok(incoming) = gateway.parse(&request) {
            assert_eq!(gateway.ack(&incoming).status, 200);
            if let Incoming::Messages(messages) = incoming {
                assert!(messages.iter().all(|m| !m.external_id.is_empty() && !m.from.is_empty()));
            }
        }
        let _ = gateway.polled(200, body);
        let _ = gateway.ran(Some(0), body);
        for status in [200, 400, 503] {
            let _ = gateway.sent(status, body);
        }
    }
});
