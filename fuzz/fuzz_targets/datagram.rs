//! A datagram from a stranger: mended, read, judged, answered.
#![no_main]

use std::time::Instant;

use kentongan::sip::identity::caller;
use kentongan::sip::policy::{self, Gate, Verdict, session_description, stateless_response};
use kentongan::sip::repair::{Repaired, repair};
use kentongan::sip::text::{Message, read};
use kentongan::sip::timers::{Config, SessionTimer};
use kentongan::ticket::contact::normalise;
use libfuzzer_sys::fuzz_target;

const TIMERS: Config = Config {
    interval: std::time::Duration::from_secs(1800),
    min: std::time::Duration::from_secs(90),
};

fuzz_target!(|datagram: &[u8]| {
    let Repaired::Whole(bytes) = repair(datagram) else { return };
    assert_eq!(repair(&bytes), Repaired::Whole(std::borrow::Cow::Borrowed(&bytes[..])));
    match read(&bytes) {
        Ok(Message::Response(response)) => drop(policy::is_ours(&response)),
        Ok(Message::Request(request)) => {
            let length = request.headers.get("Content-Length").and_then(|l| l.parse().ok());
            assert_eq!(length, Some(request.body.len()));
            let verdict = Gate::new(Vec::new()).screen(&request, Instant::now());
            if let Verdict::Reply(reply) = verdict {
                let source = Some(([127, 0, 0, 1], 5060).into());
                if let Some(response) = stateless_response(&request, source, &reply) {
                    assert!(matches!(read(response.as_bytes()), Ok(Message::Response(_))));
                }
            }
            session_description(&request);
            caller(&request.headers, true).number.as_deref().map(normalise);
            let _ = SessionTimer::negotiate(&request.headers, &TIMERS, Instant::now());
        }
        Err(_) => {}
    }
});
