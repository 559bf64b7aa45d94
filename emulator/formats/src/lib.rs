//! Export and ingestion formats of the embedded cluster.
