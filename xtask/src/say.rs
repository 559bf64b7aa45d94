//! What this program says to the person who started it.

use std::fmt::Arguments;
use std::io::{self, Write};

/// A line on stdout, written like `println!`. A reader that is gone (`| head`) wants no more, which
/// is no failure.
macro_rules! say {
    ($($text:tt)*) => { crate::say::line(format_args!($($text)*)) };
}

/// The same on stderr.
macro_rules! complain {
    ($($text:tt)*) => { crate::say::complaint(format_args!($($text)*)) };
}

pub(crate) use {complain, say};

pub(crate) fn line(text: Arguments<'_>) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

pub(crate) fn complaint(text: Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
