//! `make demo`: the first thing that anybody sees.

use std::process::Command;

use crate::hotline::slow;

#[test]
fn the_demo_tells_its_story_to_the_end() {
    if !slow() {
        return;
    }
    let told = Command::new(env!("CARGO_BIN_EXE_kentongan"))
        .args(["demo", "--once"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let story = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success(), "{story}\n{}", String::from_utf8_lossy(&told.stderr));
    for part in
        ["The caller wrote down", "Kode laporan Anda", "SMS      \"Laporan", "All of it happened"]
    {
        assert!(story.contains(part), "{part}: {story}");
    }
}
