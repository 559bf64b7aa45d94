//! The management commands of the embedded cluster, from text to typed values.
