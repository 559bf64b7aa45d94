//! kusto-copy.
fn main() {}
