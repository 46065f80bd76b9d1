//! A menu script as a person wrote it: read, and checked if it can be read.
#![no_main]

use std::collections::BTreeSet;

use kentongan::ivr::check::check;
use kentongan::ivr::script::Script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Script::parse("fuzz.toml", text) {
        Ok(script) => drop(check(&script, &BTreeSet::new())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
