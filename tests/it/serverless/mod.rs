//! The app as it runs in the cloud: a stand-in for the Functions host, the handler, state in
//! Azurite's tables, files in Azurite's blobs, two embedded clusters. Nothing is left on the disk.

mod alerts;
mod asked_to_end;
mod chain;
mod continuous;
mod disturbed;
mod handover;
mod queue;
mod stage;
