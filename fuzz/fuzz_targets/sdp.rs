//! A session description from a stranger: answered, taken as an answer, and superseded.
#![no_main]

use kentongan::media::codec::Codec;
use kentongan::media::sdp::{Local, accept, answer, offer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let local = Local {
        address: [192, 0, 2, 1].into(),
        port: 10_000,
        rtcp_port: None,
        session_id: 1,
        version: 1,
        codecs: Codec::ALL.to_vec(),
        telephone_event: true,
    };
    if let Ok(answered) = answer(text, &local) {
        assert!(answered.sdp.starts_with("v=0\r\n") && answered.sdp.ends_with("\r\n"));
    }
    let _ = accept(&offer(&local), text, &local);
});
