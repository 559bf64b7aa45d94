//! The pure state machine of kusto-copy: plans, decides, applies.
