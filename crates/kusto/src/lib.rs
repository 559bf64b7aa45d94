//! The Kusto client of kusto-copy: REST, the KQL writer, typed rows, errors.
