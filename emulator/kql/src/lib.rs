//! The query language of the embedded cluster, run by DataFusion.
