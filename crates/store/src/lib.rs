//! Where progress rests: a store of small entities with conditional transactions.
