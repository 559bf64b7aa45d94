//! Made-up values: each row follows from its table's name and its number alone.

use std::fmt::{Display, Write as _};

/// 2026-01-05T00:00:00Z in seconds since 1970, where the made-up time begins.
const BEGIN: u64 = 1_767_571_200;

const SITES: [&str; 8] = [
    "Zürich",
    "São Paulo",
    "Tōkyō",
    "Nuuk",
    "Łódź",
    "Reykjavík",
    "Perth",
    "\"The Annex\"",
];
const METHODS: [&str; 4] = ["GET", "GET", "POST", "DELETE"];
const PATHS: [&str; 5] = [
    "/",
    "/api/v2/devices",
    "/search?q=a,b",
    "/login",
    "/static/app.js",
];
const AGENTS: [&str; 3] = ["Mozilla/5.0 (X11; Linux x86_64)", "curl/8.9", ""];
const NAMES: [&str; 6] = ["Ada", "Bjørn", "Chloë", "Đorđe", "Οδυσσέας", "Σοφία O'Neil"];
const LEVELS: [&str; 4] = ["info", "warning", "error", "critical"];
const MESSAGES: [&str; 5] = [
    "connection reset by peer",
    "expected \"}\" but found \"]\"",
    "Traceback:\n  line 1\n  line 2",
    "disk 97 % full, 🔥",
    "",
];

/// CSV text that grows by one row at a time, and the random numbers of that row.
#[derive(Debug, Default)]
pub(super) struct Line {
    text: String,
    begun: bool,
    random: Option<fastrand::Rng>,
}

impl Line {
    /// Begins a row. Its random numbers depend on the table and the row's number alone.
    pub(super) fn begin(&mut self, table: &str, number: u64) {
        let seed = table.bytes().fold(number, |seed, byte| {
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7) ^ u64::from(byte)
        });
        self.random = Some(fastrand::Rng::with_seed(seed));
        self.begun = false;
    }

    /// Ends a row.
    pub(super) fn end(&mut self) {
        self.text.push('\n');
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random
            .as_mut()
            .map_or(0, |random| random.u64(..limit.max(1)))
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.below(words.len() as u64)).unwrap_or(0);
        words.get(at).copied().unwrap_or_default()
    }

    /// Once in so many rows.
    fn once_in(&mut self, rows: u64) -> bool {
        self.below(rows) == 0
    }

    /// A value whose text needs no quotes.
    fn plain(&mut self, value: impl Display) {
        self.separate();
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{value}");
    }

    fn null(&mut self) {
        self.separate();
    }

    fn string(&mut self, value: &str) {
        self.separate();
        self.text.push('"');
        self.text.push_str(&value.replace('"', "\"\""));
        self.text.push('"');
    }

    fn separate(&mut self) {
        if self.begun {
            self.text.push(',');
        }
        self.begun = true;
    }

    /// A moment some milliseconds after the last row's, to the tick.
    fn moment(&mut self, number: u64, step_millis: u64) {
        let ticks = number * step_millis * 10_000 + self.below(10_000);
        let seconds = BEGIN + ticks / 10_000_000;
        let (day, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = date(day);
        self.plain(format_args!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:07}Z",
            second / 3_600,
            second / 60 % 60,
            second % 60,
            ticks % 10_000_000
        ));
    }

    fn span(&mut self, most_ticks: u64) {
        let ticks = self.below(most_ticks);
        let (seconds, ticks) = (ticks / 10_000_000, ticks % 10_000_000);
        let (days, seconds) = (seconds / 86_400, seconds % 86_400);
        self.plain(format_args!(
            "{days}.{:02}:{:02}:{:02}.{ticks:07}",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        ));
    }

    fn guid(&mut self, of: u64) {
        let mut random = fastrand::Rng::with_seed(of);
        let (a, b) = (random.u64(..), random.u64(..));
        self.plain(format_args!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        ));
    }

    fn bool(&mut self, once_false_in: u64) {
        let value = !self.once_in(once_false_in);
        self.plain(value);
    }

    /// A number with so many digits after its point.
    fn fixed(&mut self, most: u64, digits: u32) {
        let (value, unit) = (self.below(most), 10_u64.pow(digits));
        let width = digits as usize;
        self.plain(format_args!("{}.{:0width$}", value / unit, value % unit));
    }
}

/// Year, month and day of a day counted from 1970-01-01.
fn date(day: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut rest) = (1970, day);
    while rest >= 365 + u64::from(is_leap(year)) {
        rest -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if rest < days {
            break;
        }
        rest -= days;
        month += 1;
    }
    (year, month, rest + 1)
}

pub(super) fn device_reading(line: &mut Line, number: u64) {
    line.moment(number, 250);
    let device = line.below(500);
    line.guid(device);
    let site = line.one_of(&SITES);
    line.string(site);
    match line.below(1_000) {
        0 => line.plain("NaN"),
        1 => line.plain("Infinity"),
        _ => line.fixed(45_000, 3),
    }
    if line.once_in(50) {
        line.null();
    } else {
        line.fixed(100_000, 3);
    }
    line.fixed(1_000_000_000, 9);
    line.bool(200);
    line.plain(number);
}

pub(super) fn web_request(line: &mut Line, number: u64) {
    line.moment(number, 400);
    line.span(40_000_000);
    let method = line.one_of(&METHODS);
    line.string(method);
    let path = line.one_of(&PATHS);
    line.string(&format!("https://example.com{path}"));
    let status = match line.below(20) {
        0 => 500,
        1 => 404,
        _ => 200,
    };
    line.plain(status);
    let bytes = line.below(1 << 40);
    line.plain(bytes);
    let agent = line.one_of(&AGENTS);
    line.string(agent);
    let trace = line.below(u64::MAX);
    line.string(&format!(
        r#"{{"trace":"{trace:016x}","accept":["text/html","*/*"],"hops":{}}}"#,
        trace % 7
    ));
}

pub(super) fn order(line: &mut Line, number: u64) {
    line.guid(number ^ 0x0fde_0000);
    let name = line.one_of(&NAMES);
    line.string(name);
    line.fixed(10_000_000, 4);
    line.moment(number, 900);
    if line.once_in(25) {
        line.null();
    } else {
        let (article, pieces) = (line.below(9_000), line.below(9) + 1);
        line.string(&format!(
            r#"[{{"article":{article},"pieces":{pieces},"gift":null}}]"#
        ));
    }
    match line.below(10) {
        0 => line.null(),
        _ => line.bool(6),
    }
    if line.once_in(4) {
        line.null();
    } else {
        line.span(5 * 864_000_000_000);
    }
}

pub(super) fn log_line(line: &mut Line, number: u64) {
    line.moment(number, 1_300);
    let level = line.one_of(&LEVELS);
    line.string(level);
    let message = line.one_of(&MESSAGES);
    line.string(message);
    let code = line.below(5_000);
    if code < 500 {
        line.null();
    } else {
        line.plain(code);
    }
    if line.once_in(3) {
        line.null();
    } else {
        line.string(&format!(
            r#"{{"thread":{},"stack":["main","run"]}}"#,
            code % 64
        ));
    }
}

pub(super) fn keyword_row(line: &mut Line, number: u64) {
    line.plain(number);
    let site = line.one_of(&SITES);
    line.string(site);
    line.fixed(1_000_000, 2);
    line.bool(3);
    line.fixed(1_000_000_000_000, 6);
}

pub(super) fn site(line: &mut Line, number: u64) {
    let site = line.one_of(&SITES);
    line.string(&format!("{site} {number}"));
    line.fixed(90_000_000, 6);
    line.fixed(180_000_000, 6);
    let staff = line.below(900);
    line.plain(staff);
    line.string(r#"["indoor",{"floor":2}]"#);
}

pub(super) fn sign_in(line: &mut Line, number: u64) {
    line.moment(number, 5_000);
    let name = line.one_of(&NAMES);
    line.string(name);
    line.guid(number);
    line.span(600_000_000);
    line.bool(9);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_follows_from_its_number() {
        let row = |number| {
            let mut line = Line::default();
            line.begin("T", number);
            web_request(&mut line, number);
            line.into_text()
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
        assert!(row(0).starts_with("2026-01-05T00:00:00.000"), "{}", row(0));
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(BEGIN / 86_400), (2026, 1, 5));
        assert_eq!(date(19_782), (2024, 2, 29));
        assert_eq!(date(20_088), (2024, 12, 31));
    }

    #[test]
    fn strings_are_quoted() {
        let mut line = Line::default();
        line.string("a \"b\", c");
        line.null();
        line.plain(1);
        assert_eq!(line.into_text(), "\"a \"\"b\"\", c\",,1");
    }
}
