//! One broken script a rule, with the message that a supervisor reads.

use std::collections::BTreeSet;

use super::*;

const HEAD: &str = r#"
name = "uji"
start = "salam"
goodbye = "selesai"
recording_notice = "direkam"
over = { prompts = [], with_code = [] }
[step.salam]
kind = "say"
prompts = ["direkam"]
barge_in = false
next = "menu"
[step.selesai]
kind = "end"
"#;

const REST: &str = r#"
[step.cerita]
kind = "record"
slot = "cerita"
story = "complaint"
next = "periksa"
no_input = { to = "selesai" }
failed = "selesai"
[step.periksa]
kind = "confirm"
prompts = ["p"]
next = "simpan"
[step.simpan]
kind = "open"
prompts = ["{code}"]
next = "selesai"
failed = "selesai"
"#;

const MENU: &str = r#"
[step.menu]
kind = "menu"
prompts = ["p"]
options = [{ key = "1", to = "cerita" }]
no_input = { to = "cerita" }
no_match = { to = "cerita" }
"#;

/// What the checker says to a script, a finding a line.
fn told(text: &str) -> String {
    let script = Script::parse("uji.toml", text).unwrap();
    let mut prompts: BTreeSet<_> = ["direkam", "p"].into_iter().map(PromptId::from).collect();
    prompts.extend(["01234567", "89012345"].into_iter().flat_map(speech::code));
    let findings = check(&script, &prompts);
    for finding in &findings {
        let ours = indonesian(&finding.sentence);
        assert!(!ours.contains("penulisan TOML"), "nobody has put it into Indonesian: {ours}");
    }
    findings.iter().map(|f| f.to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_sound_script_has_no_findings() {
    assert_eq!(told(&[HEAD, MENU, REST].concat()), "");
}

#[test]
fn a_target_must_exist() {
    let text =
        [HEAD, &MENU.replace("key = \"1\", to = \"cerita\"", "key = \"1\", to = \"certia\""), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"18: error: step `menu`: there is no step `certia`; did you mean `cerita`?"##);
}

#[test]
fn a_start_must_exist() {
    let text = [&HEAD.replace("start = \"salam\"", "start = \"mulai\""), MENU, REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"3: error: there is no step `mulai`; write `[step.mulai]` or name another step"##);
}

#[test]
fn a_prompt_must_exist() {
    let text = [HEAD, &MENU.replace("prompts = [\"p\"]", "prompts = [\"halo\"]"), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"17: error: step `menu`: there is no prompt `halo`; add its text to prompts.toml or name another"##);
}

#[test]
fn every_clip_of_a_key_must_exist() {
    let no_match = "no_match = { reprompt = [[\"{key}\"]], to = \"cerita\" }";
    let text = [HEAD, &MENU.replace("no_match = { to = \"cerita\" }", no_match), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"
    20: error: step `menu`: there is no prompt `tombol/bintang`; add its text to prompts.toml or name another
    20: error: step `menu`: there is no prompt `tombol/pagar`; add its text to prompts.toml or name another
    "##);
}

#[test]
fn a_step_must_be_reachable() {
    let text = [HEAD, MENU, REST, "[step.pulau]\nkind = \"goto\"\nto = \"selesai\"\n"];
    insta::assert_snapshot!(told(&text.concat()), @r##"38: error: step `pulau`: no way leads here; lead one here or remove it"##);
}

#[test]
fn a_circle_must_need_the_caller() {
    let text = [
        HEAD,
        &MENU.replace("no_input = { to = \"cerita\" }", "no_input = { to = \"salam\" }"),
        REST,
    ];
    insta::assert_snapshot!(told(&text.concat()), @r##"7: error: step `salam`: a caller who does nothing goes round in a circle (salam -> menu -> salam); let one of these lead out of it"##);
}

#[test]
fn silence_must_not_be_hung_up_on() {
    let text = [
        HEAD,
        &MENU.replace("no_input = { to = \"cerita\" }", "no_input = { to = \"dadah\" }"),
        REST,
        "[step.dadah]\nkind = \"say\"\nprompts = [\"p\"]\nnext = \"selesai\"\n",
    ];
    insta::assert_snapshot!(told(&text.concat()), @r##"19: error: step `menu`: a caller who stays silent is hung up on (at `selesai`); let silence lead to a `record` step"##);
}

#[test]
fn menus_must_not_lie_too_deep() {
    let menu = |at: usize, next: &str| {
        MENU.replace("step.menu", &format!("step.menu{at}"))
            .replace("key = \"1\", to = \"cerita\"", &format!("key = \"1\", to = \"{next}\""))
    };
    let mut text = HEAD.replace("next = \"menu\"", "next = \"menu1\"");
    for at in 1..5 {
        text += &menu(at, &format!("menu{}", at + 1));
    }
    text += &menu(5, "cerita");
    insta::assert_snapshot!(told(&(text + REST)), @r##"43: error: step `menu5`: it is menu number 5 on the shortest way to it and 4 are the most; bring it nearer to the start"##);
}

#[test]
fn a_menu_must_be_short() {
    let options: Vec<_> = (0..6).map(|k| format!("{{ key = \"{k}\", to = \"cerita\" }}")).collect();
    let text = [HEAD, &MENU.replace("{ key = \"1\", to = \"cerita\" }", &options.join(", ")), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"15: error: step `menu`: it offers 6 options and nobody remembers more than 5; move some into a menu of their own"##);
}

#[test]
fn keys_must_be_free_and_their_own() {
    let options = "{ key = \"9\", to = \"cerita\" }, { key = \"1\", to = \"cerita\" }, { key = \"1\", to = \"selesai\" }";
    let text = [HEAD, &MENU.replace("{ key = \"1\", to = \"cerita\" }", options), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"
    18: error: step `menu`: `9` cannot be an option; write one of 0 to 8 or #, since `*` repeats and `9` ends everywhere
    18: error: step `menu`: the key 1 is offered twice; give one of the two another key
    "##);
}

#[test]
fn a_menu_should_say_its_options() {
    let text = [HEAD, &MENU.replace("key = \"1\",", "key = \"1\", say = \"p\","), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"15: warning: step `menu`: its options have words that `prompts` never says; put "{options}" into `prompts`"##);
}

#[test]
fn a_recording_must_be_announced_on_every_path() {
    let text = [&HEAD.replace("barge_in = false", "barge_in = true"), MENU, REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"22: error: step `cerita`: it records, and on the way salam -> menu -> cerita the notice `direkam` was not said to its end; say it before, with `barge_in = false`"##);
    let text = [
        &HEAD.replace("start = \"salam\"", "start = \"dulu\""),
        "[step.dulu]\nkind = \"hours\"\nzone = \"Asia/Jakarta\"\nweekly = {}\nopen = \"salam\"\nclosed = \"cerita\"\n",
        MENU,
        REST,
    ];
    insta::assert_snapshot!(told(&text.concat()), @r##"28: error: step `cerita`: it records, and on the way dulu -> cerita the notice `direkam` was not said to its end; say it before, with `barge_in = false`"##);
}

#[test]
fn a_code_is_said_after_a_ticket_and_a_finding_after_a_lookup() {
    let text =
        [HEAD, &MENU.replace("prompts = [\"p\"]", "prompts = [\"{code}\", \"{found}\"]"), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"
    17: error: step `menu`: on the way salam -> menu nothing was found yet; look a code up first
    17: error: step `menu`: on the way salam -> menu there is no code yet; open a ticket first
    "##);
}

#[test]
fn options_are_said_in_menus_only() {
    let text = [
        &HEAD.replace("prompts = [\"direkam\"]", "prompts = [\"direkam\", \"{options}\"]"),
        MENU,
        REST,
    ];
    insta::assert_snapshot!(told(&text.concat()), @r##"9: error: step `salam`: {options} and {key} mean something in a menu only; remove it here"##);
}

#[test]
fn a_ticket_needs_a_story() {
    let text =
        [HEAD, &MENU.replace("key = \"1\", to = \"cerita\"", "key = \"1\", to = \"simpan\""), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"33: error: step `simpan`: on the way salam -> menu -> simpan there is no story; lead through a `record` step with `story` first"##);
}

#[test]
fn a_story_needs_a_ticket() {
    let text = [HEAD, MENU, &REST.replace("next = \"simpan\"", "next = \"selesai\"")];
    insta::assert_snapshot!(told(&text.concat()), @r##"
    12: error: step `selesai`: on the way salam -> menu -> cerita -> periksa -> selesai a story was recorded and no ticket opened; lead through an `open` step first
    33: error: step `simpan`: no way leads here; lead one here or remove it
    "##);
}

#[test]
fn a_confirmation_needs_somewhere_to_repeat() {
    let text = [
        HEAD,
        MENU,
        &REST.replace("next = \"periksa\"", "next = \"tunda\""),
        "[step.tunda]\nkind = \"goto\"\nto = \"periksa\"\n",
    ];
    insta::assert_snapshot!(told(&text.concat()), @r##"29: error: step `periksa`: no recording of a story leads here, so the key 2 has nowhere to lead; write `again = "STEP"`"##);
}

#[test]
fn numbers_of_digits_must_make_sense() {
    let digits = r#"
[step.angka]
kind = "digits"
prompts = ["p"]
slot = "angka"
min = 5
max = 4
next = "cerita"
no_input = { to = "cerita" }
no_match = { to = "cerita" }
"#;
    let text = [
        HEAD,
        &MENU.replace("key = \"1\", to = \"cerita\"", "key = \"1\", to = \"angka\""),
        REST,
        digits,
    ];
    insta::assert_snapshot!(told(&text.concat()), @r##"39: error: step `angka`: it takes 5 to 4 digits; `min` must be at least 1 and at most `max`"##);
}

#[test]
fn nobody_waits_for_a_caller_without_a_word() {
    let reprompt = "no_input = { reprompt = [[], [\"p\"]], to = \"cerita\" }";
    let menu = MENU
        .replace("prompts = [\"p\"]", "prompts = [\"{options}\"]")
        .replace("no_input = { to = \"cerita\" }", reprompt);
    insta::assert_snapshot!(told(&[HEAD, &menu, REST].concat()), @r##"
    15: error: step `menu`: `no_input` says nothing, and the caller would wait in silence; write at least one prompt
    15: error: step `menu`: `prompts` says nothing, and the caller would wait in silence; write at least one prompt
    "##);
    let confirm =
        REST.replace("kind = \"confirm\"\nprompts = [\"p\"]", "kind = \"confirm\"\nprompts = []");
    insta::assert_snapshot!(told(&[HEAD, MENU, &confirm].concat()), @r##"29: error: step `periksa`: `prompts` says nothing, and the caller would wait in silence; write at least one prompt"##);
    insta::assert_snapshot!(told(&[HEAD, &to_lookup(), REST, &LOOKUP.replace("wrong = [\"p\"]", "wrong = []")].concat()), @r##"39: error: step `cek`: `wrong` says nothing, and the caller would wait in silence; write at least one prompt"##);
}

#[test]
fn whom_nothing_asks_is_not_hung_up_on() {
    let text = [
        &HEAD.replace("start = \"salam\"", "start = \"jam\""),
        "[step.jam]\nkind = \"hours\"\nzone = \"Asia/Jakarta\"\nweekly = {}\nopen = \"salam\"\nclosed = \"tutup\"\n[step.tutup]\nkind = \"say\"\nprompts = [\"p\"]\nnext = \"selesai\"\n",
        MENU,
        REST,
    ];
    insta::assert_snapshot!(told(&text.concat()), @r##"23: error: a caller comes to the end (at `selesai`) unasked and unrecorded; lead through a `menu` or `record` step first"##);
    let announcement = HEAD.replace("next = \"menu\"", "next = \"selesai\"");
    assert_eq!(told(&announcement), "", "who never records only announces");
}

#[test]
fn a_code_is_said_before_the_end() {
    let text = [HEAD, MENU, &REST.replace("prompts = [\"{code}\"]", "prompts = [\"p\"]")];
    insta::assert_snapshot!(told(&text.concat()), @r##"12: error: step `selesai`: on the way salam -> menu -> cerita -> periksa -> simpan -> selesai a ticket was opened and its code never said; say {code} in the `open` step or behind it"##);
    let later = [
        HEAD,
        MENU,
        &REST.replace("prompts = [\"{code}\"]\nnext = \"selesai\"", "next = \"kode\""),
        "[step.kode]\nkind = \"say\"\nprompts = [\"{code}\"]\nnext = \"selesai\"\n",
    ];
    assert_eq!(told(&later.concat()), "");
}

const LOOKUP: &str = r#"
[step.cek]
kind = "lookup"
prompts = ["p"]
wrong = ["p"]
no_input = { to = "cerita" }
no_match = { to = "cerita" }
found = "cerita"
answered = "cerita"
not_found = "cerita"
exhausted = "cerita"
failed = "cerita"
"#;

fn to_lookup() -> String {
    MENU.replace("key = \"1\", to = \"cerita\"", "key = \"1\", to = \"cek\"")
}

#[test]
fn a_code_has_as_many_digits_as_codes_have() {
    let lookup = LOOKUP.replace("wrong =", "digits = 6\nwrong =");
    insta::assert_snapshot!(told(&[HEAD, &to_lookup(), REST, &lookup].concat()), @r##"39: error: step `cek`: codes have 8 digits; write that, or remove `digits`"##);
}

#[test]
fn a_pin_is_as_long_as_it_is_asked_for_later() {
    let pin = r#"
[step.pin]
kind = "digits"
prompts = ["p"]
slot = "pin"
min = 4
max = 6
next = "cek"
no_input = { to = "cerita" }
no_match = { to = "cerita" }
[step.cek.pin]
prompts = ["p"]
wrong = ["p"]
"#;
    let menu = to_lookup().replace("to = \"cek\"", "to = \"pin\"");
    insta::assert_snapshot!(told(&[HEAD, &menu, REST, LOOKUP, pin].concat()), @r##"51: error: step `pin`: it takes a PIN of 4 to 6 digits, and step `cek` asks for one of 4; write the same number in `min`, `max` and there"##);
}

#[test]
fn slots_become_names_of_files_and_rows() {
    let text = [HEAD, MENU, &REST.replace("slot = \"cerita\"", "slot = \"cerita warga/1\"")];
    insta::assert_snapshot!(told(&text.concat()), @r##"22: error: step `cerita`: `cerita warga/1` cannot be a slot's name; write 1 to 60 of a-z, 0-9 and _"##);
    let text = [HEAD, &MENU.replace("options =", "slot = \"\"\noptions ="), REST];
    insta::assert_snapshot!(told(&text.concat()), @r##"15: error: step `menu`: `` cannot be a slot's name; write 1 to 60 of a-z, 0-9 and _"##);
}

#[test]
fn what_counts_as_speech_fits_into_the_recording() {
    let text = [HEAD, MENU, &REST.replace("story =", "max = \"5s\"\nmin_speech = \"6s\"\nstory =")];
    insta::assert_snapshot!(told(&text.concat()), @r##"22: error: step `cerita`: `min_speech` is longer than `max`, so that nothing would ever count as speech; shorten it"##);
}
