//! Numbers, sizes and times as people read them.

use std::time::Duration;

use kusto_copy_driver::{JobState, TableReport};

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes with a unit, three digits.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let mut tenths = number / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    match tenths {
        0..1_000 => format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]),
        _ => format!("{} {}", tenths / 10, UNITS[unit]),
    }
}

/// A length of time in its two greatest units: `8 s`, `2 min 5 s`, `3 h 20 min`, `4 d 6 h`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two = |great: u64, unit: &str, small: u64, below: &str| match small {
        0 => format!("{great} {unit}"),
        small => format!("{great} {unit} {small} {below}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// `1 block`, `2 blocks`.
pub(super) fn counted(number: u64, one: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{} {one}s", count(number)),
    }
}

/// A percentage, rounded down: only what is complete shows 100 %.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0 to 100 before"
)]
pub(super) fn percent(percent: f64) -> String {
    format!("{} %", percent.clamp(0.0, 100.0) as u8)
}

/// The whole percentage of a part, 100 only when all of it is there.
pub(super) fn share(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    let percent = u128::from(part) * 100 / u128::from(whole);
    u64::try_from(percent).unwrap_or(100).min(100)
}

/// A bar of so many characters; readable without colour.
pub(super) fn bar(part: u64, whole: u64, width: usize) -> String {
    let filled = match whole {
        0 => 0,
        whole => {
            let cells = u128::from(part) * width as u128 / u128::from(whole);
            usize::try_from(cells).unwrap_or(width).min(width)
        }
    };
    format!("{}{}", "━".repeat(filled), "╌".repeat(width - filled))
}

/// At most so many characters, the last an ellipsis when some were cut.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A text in lines of at most so many characters, cut between words; the lines after the first are
/// indented. A word that is longer than a line is left whole.
pub(super) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut wrapped = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > indent.chars().count() && used + 1 + length > width {
            wrapped.push('\n');
            wrapped.push_str(indent);
            used = indent.chars().count();
        } else if !wrapped.is_empty() {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += length;
    }
    wrapped
}

/// A text in one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A job's state in a word for people.
pub(super) const fn state(state: JobState) -> &'static str {
    match state {
        JobState::New => "not started",
        JobState::Running => "running",
        JobState::Complete => "complete",
        JobState::Failed => "failed",
        JobState::Stopped => "stopped",
    }
}

/// The name of a table among others: with its database only where there are several.
pub(super) fn name(table: &TableReport, several: bool) -> String {
    if several {
        format!("{}.{}", table.database, table.table)
    } else {
        table.table.clone()
    }
}

/// Whether tables of several databases are shown.
pub(super) fn several_databases(tables: &[TableReport]) -> bool {
    let mut names = tables.iter().map(|table| &table.database);
    let first = names.next();
    names.any(|name| Some(name) != first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        let shown: Vec<String> = [0, 999, 1_000, 1_234_567].map(count).to_vec();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "block"), "1 block");
        assert_eq!(counted(1_000, "row"), "1,000 rows");
    }

    #[test]
    fn sizes_have_units() {
        let shown: Vec<String> = [0, 999, 1_000, 12_340, 999_999, 1_500_000, u64::MAX]
            .map(bytes)
            .to_vec();
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.0 kB", "12.3 kB", "999 kB", "1.5 MB", "18446 PB"
            ]
        );
    }

    #[test]
    fn spans_have_two_units() {
        let shown: Vec<String> = [0, 59, 60, 125, 3_600, 12_000, 86_400, 367_200]
            .map(|seconds| span(Duration::from_secs(seconds)))
            .to_vec();
        assert_eq!(
            shown,
            [
                "0 s",
                "59 s",
                "1 min",
                "2 min 5 s",
                "1 h",
                "3 h 20 min",
                "1 d",
                "4 d 6 h"
            ]
        );
    }

    #[test]
    fn only_all_is_a_hundred_percent() {
        assert_eq!(share(999, 1_000), 99);
        assert_eq!(share(1_000, 1_000), 100);
        assert_eq!(share(5, 0), 0);
        assert_eq!(percent(99.99), "99 %");
        assert_eq!(bar(1, 2, 4), "━━╌╌");
        assert_eq!(bar(9, 0, 2), "╌╌");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(cut("naïve", 5), "naïve");
        assert_eq!(cut("naïve text", 5), "naïv…");
        assert_eq!(one_line("a\n  b"), "a b");
    }

    #[test]
    fn lines_are_cut_between_words() {
        assert_eq!(wrap("error: it broke", 80, "  "), "error: it broke");
        assert_eq!(
            wrap("error: it broke in two", 10, "  "),
            "error: it\n  broke in\n  two"
        );
        assert_eq!(
            wrap("see http://127.0.0.1:1 there", 12, ""),
            "see\nhttp://127.0.0.1:1\nthere"
        );
    }
}
