//! The Azure Functions custom handler: each timer tick advances a replication by one bounded step.
