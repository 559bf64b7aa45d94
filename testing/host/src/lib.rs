//! A stand-in for the Azure Functions host, written from its documented contract: for tests and
//! local runs only.
