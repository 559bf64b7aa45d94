//! Against Azurite, and against answers that Azurite does not give.

mod answers;
mod azurite;
mod contract;
mod refused;
mod script;
mod witness;
