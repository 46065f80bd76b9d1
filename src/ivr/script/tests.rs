//! What the reader says to a script whose form is wrong.

use super::*;

const HEAD: &str = r#"name = "uji"
start = "a"
goodbye = "a"
recording_notice = "r"
over = { prompts = [], with_code = [] }
"#;

fn refused(steps: &str) -> String {
    Script::parse("uji.toml", &[HEAD, steps].concat()).unwrap_err().to_string()
}

#[test]
fn the_smallest_script_is_read() {
    let script = Script::parse("uji.toml", &[HEAD, "[step.a]\nkind = \"end\"\n"].concat()).unwrap();
    assert_eq!(script.over.after, Duration::from_secs(600));
    assert_eq!(script.line(&script.step("a").unwrap().header.span()), 6);
}

#[test]
fn broken_toml_is_told_with_its_line() {
    insta::assert_snapshot!(refused("[step.a\nkind = 1"), @r##"uji.toml:6: unclosed table; write `]`"##);
}

#[test]
fn what_no_reader_could_take_in_is_refused() {
    let many: String = (0..201).map(|n| format!("[step.a{n}]\nkind = \"end\"\n")).collect();
    assert_eq!(refused(&many), "uji.toml:406: 200 steps are the most; remove some");
    let long = refused(&"#".repeat(MOST_BYTES));
    assert!(long.starts_with("uji.toml:1: it is ") && long.ends_with("shorten it"), "{long}");
    let deep = refused(&format!("x = {}", "[".repeat(30_000)));
    assert!(deep.starts_with("uji.toml:6: "), "{deep}");
}

#[test]
fn a_missing_and_an_unknown_kind_are_told() {
    insta::assert_snapshot!(refused("[step.a]\nto = \"b\"\n[step.b]\nkind = \"sing\"\n"), @r##"
    uji.toml:6: step `a`: it has no kind; write `kind = "say"`, or say, menu, digits, record, confirm, lookup, open, transfer, goto, hours or end
    uji.toml:9: step `b`: there is no kind `sing`; write say, menu, digits, record, confirm, lookup, open, transfer, goto, hours or end
    "##);
}

#[test]
fn an_unknown_key_is_told_with_those_that_there_are() {
    insta::assert_snapshot!(refused("[step.a]\nkind = \"end\"\npromts = []\n"), @r##"uji.toml:8: step `a` (end): there is no key `promts`; write `prompts` or `failed`"##);
}

#[test]
fn an_unknown_key_deep_inside_is_told_with_its_line() {
    let menu = "[step.a]\nkind = \"menu\"\nprompts = []\nno_input = { to = \"a\" }\nno_match = { to = \"a\" }\noptions = [\n  { key = \"1\", goto = \"a\" },\n]\n";
    insta::assert_snapshot!(refused(menu), @r##"uji.toml:12: step `a` (menu): there is no key `goto`; write one of `key`, `say`, `value`, `to`"##);
}

#[test]
fn a_missing_outcome_is_told() {
    let record = "[step.a]\nkind = \"record\"\nslot = \"s\"\nnext = \"a\"\nfailed = \"a\"\n";
    insta::assert_snapshot!(refused(record), @r##"uji.toml:6: step `a` (record): `no_input` is missing; add it"##);
}

#[test]
fn a_wrong_length_of_time_is_told() {
    for length in ["6", "-6s", "2h", "0s", "soon"] {
        let said = refused(&format!(
            "[step.a]\nkind = \"end\"\n[step.b]\nkind = \"confirm\"\nprompts = []\nnext = \"a\"\ntimeout = \"{length}\"\n"
        ));
        assert!(said.starts_with("uji.toml:12: step `b` (confirm): "), "{said}");
        assert!(said.contains("is no length of time here"), "{said}");
    }
}

#[test]
fn a_wrong_placeholder_is_told() {
    insta::assert_snapshot!(refused("[step.a]\nkind = \"end\"\nprompts = [\n  \"ok\",\n  \"{kode}\",\n]\n"), @r##"uji.toml:10: step `a` (end): there is no placeholder `{kode}`; write {code}, {found}, {options}, {key} or a prompt's id"##);
}

#[test]
fn wrong_hours_are_told_with_their_line() {
    let hours = "[step.a]\nkind = \"hours\"\nzone = \"Asia/Jakarta\"\nopen = \"a\"\nclosed = \"a\"\n[step.a.weekly]\nmonday = [\n  \"08:00-12:00\",\n  \"13:00-12:00\",\n]\n";
    insta::assert_snapshot!(refused(hours), @r##"uji.toml:14: step `a` (hours): `13:00-12:00` is no interval of a day; write for example "08:00-12:00", and one past midnight as two"##);
}

#[test]
fn a_script_without_steps_is_told() {
    insta::assert_snapshot!(refused(""), @r##"uji.toml:1: there are no steps; write at least one table `[step.NAME]`"##);
    insta::assert_snapshot!(refused("step = 1"), @r##"uji.toml:6: `step` must hold tables; write `[step.NAME]`"##);
}

#[test]
fn every_fault_is_told_at_once() {
    let text = "start = 1\n[step.a]\nkind = 'x'\n[step.b]\n";
    insta::assert_snapshot!(Script::parse("uji.toml", text).unwrap_err(), @r##"
    uji.toml:1: invalid type: integer `1`; write a string
    uji.toml:3: step `a`: there is no kind `x`; write say, menu, digits, record, confirm, lookup, open, transfer, goto, hours or end
    uji.toml:4: step `b`: it has no kind; write `kind = "say"`, or say, menu, digits, record, confirm, lookup, open, transfer, goto, hours or end
    "##);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\n]{0,200}", at in 0..6000usize) {
        let hotline = include_str!("../../../ivr-scripts/hotline.toml");
        let at = hotline.floor_char_boundary(at);
        let _ = Script::parse("x", &text);
        let _ = Script::parse("x", &[&hotline[..at], &text, &hotline[at..]].concat());
    }
}
