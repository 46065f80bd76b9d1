//! Numbers and codes in spoken Indonesian, as clips.

use super::PromptId;

/// A ticket's code as clips: digit by digit, in pairs, with a longer pause in the middle.
pub fn code(digits: &str) -> Vec<PromptId> {
    let mut clips = Vec::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            clips.push("jeda/panjang".to_owned());
        } else if at > 0 && at % 2 == 0 {
            clips.push("jeda/pendek".to_owned());
        }
        clips.push(format!("angka/{digit}"));
    }
    clips
}
