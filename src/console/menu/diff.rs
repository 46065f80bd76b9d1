//! Two texts, line by line.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

/// Lines around a change.
const AROUND: usize = 3;
/// The most lines that are shown.
const MOST: usize = 2_000;
/// Two texts with nothing in common are compared roughly after this.
const LONGEST: Duration = Duration::from_millis(200);

/// A line of either text or of both.
pub(in crate::console) struct DiffLine {
    /// Its number in the older and in the newer text.
    pub before: Option<usize>,
    pub after: Option<usize>,
    /// `gone`, `came`, `kept`, or `gap` for lines that are left out.
    pub kind: &'static str,
    pub sign: &'static str,
    pub text: String,
}

/// The changes from one text to the other, with some lines around them; nothing when they are the same.
pub(super) async fn lines(before: String, after: String) -> Vec<DiffLine> {
    let comparing = tokio::task::spawn_blocking(move || compared(&before, &after));
    comparing.await.unwrap_or_default()
}

fn compared(before: &str, after: &str) -> Vec<DiffLine> {
    let diff = TextDiff::configure().timeout(LONGEST).diff_lines(before, after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(AROUND) {
        if !lines.is_empty() {
            let text = String::new();
            lines.push(DiffLine { before: None, after: None, kind: "gap", sign: "⋯", text });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (kind, sign) = match change.tag() {
                ChangeTag::Delete => ("gone", "−"),
                ChangeTag::Insert => ("came", "+"),
                ChangeTag::Equal => ("kept", ""),
            };
            lines.push(DiffLine {
                before: change.old_index().map(|at| at + 1),
                after: change.new_index().map(|at| at + 1),
                kind,
                sign,
                text: change.value().trim_end_matches('\n').to_owned(),
            });
            if lines.len() == MOST {
                return lines;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_with_both_numbers_and_what_is_far_from_them_is_left_out() {
        let before: String = (1..=40).map(|n| format!("baris {n}\n")).collect();
        let after = before.replace("baris 3\n", "baris tiga\n").replace("baris 38\n", "");
        let lines = compared(&before, &after);
        let shown: Vec<String> = lines
            .iter()
            .filter(|line| line.kind != "kept")
            .map(|l| format!("{:?} {:?} {}{}", l.before, l.after, l.sign, l.text))
            .collect();
        let expected = [
            "Some(3) None −baris 3",
            "None Some(3) +baris tiga",
            "None None ⋯",
            "Some(38) None −baris 38",
        ];
        assert_eq!(shown, expected);
        assert!(lines.len() < 20);
        assert!(compared(&before, &before).is_empty());
    }

    #[test]
    fn texts_with_nothing_in_common_are_cut() {
        let before: String = (0..20_000).map(|n| format!("{n}\n")).collect();
        let after: String = (0..20_000).map(|n| format!("x{n}\n")).collect();
        assert_eq!(compared(&before, &after).len(), MOST);
    }
}
