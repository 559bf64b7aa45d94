//! The contract of staging, for every way to be let in.

use super::fixture::in_azurite;

mod by_key {
    use super::in_azurite;
    kusto_copy_staging::lake_contract!(in_azurite!(Key));
}

mod by_signature {
    use super::in_azurite;
    kusto_copy_staging::lake_contract!(in_azurite!(Signature));
}

mod by_token {
    use super::in_azurite;
    kusto_copy_staging::lake_contract!(in_azurite!(Token));
}
