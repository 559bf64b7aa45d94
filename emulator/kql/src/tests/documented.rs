//! Sample queries of Kusto's documentation with the results that it gives, and what its pages say
//! of corner cases: each group names its page. Names and types of columns that no page gives are
//! those of Microsoft's language service (`@kusto/language-service-next`).

mod names;
mod operators;
mod scalars;
mod texts;
