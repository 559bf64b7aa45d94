//! Tables in Azurite, and the ways to be let in.

use std::sync::Arc;

use azure_core::http::{Transport, Url};
use azure_core::time::{Duration, OffsetDateTime};
use kusto_copy_azurite::{ACCOUNT, Azurite, KEY};
use uuid::Uuid;

use crate::access::{Access, Secret, account_sas};
use crate::tables::{AzureTableStore, Table};
use crate::testing::{azurite, unsigned};
use crate::transport::{transport, transport_trusting};

/// How a test is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    Key,
    Signature,
    Token,
}

impl Entrance {
    pub(super) fn access(self) -> Access {
        let key = Secret::new(KEY);
        match self {
            Self::Key => Access::shared_key(ACCOUNT, key).expect("a key"),
            Self::Signature => {
                let until = OffsetDateTime::now_utc() + Duration::hours(1);
                account_sas(ACCOUNT, &key, until).expect("a signature")
            }
            Self::Token => unsigned(),
        }
    }

    pub(super) fn transport(self) -> Transport {
        match self {
            Self::Key | Self::Signature => transport(),
            Self::Token => transport_trusting(&kusto_copy_azurite::authority()),
        }
    }

    /// A new table, or none where Azurite is not installed and need not be.
    pub(super) async fn table(self) -> Option<Place> {
        let place = self.place(&format!("t{}", Uuid::new_v4().simple()), &self.access())?;
        place.table.create_if_missing().await.expect("a new table");
        Some(place)
    }

    /// A table of this name, which may not exist, let in by this.
    pub(super) fn place(self, name: &str, access: &Access) -> Option<Place> {
        let azurite = azurite(self == Self::Token)?;
        let service: Url = azurite.table_endpoint(ACCOUNT).parse().expect("an address");
        let table = Table::new(service, name, access, self.transport()).expect("a table");
        Some(Place {
            table,
            _azurite: azurite,
        })
    }
}

/// A table in an Azurite that runs as long as somebody has a place in it.
pub(super) struct Place {
    pub(super) table: Table,
    _azurite: Arc<Azurite>,
}

impl Place {
    pub(super) fn store(&self) -> AzureTableStore {
        AzureTableStore::new(self.table.clone(), "lake").expect("a store")
    }
}
