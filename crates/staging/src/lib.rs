//! Where exported data and the ledger rest: the lake.
