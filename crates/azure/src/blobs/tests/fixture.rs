//! Lakes in Azurite, and what a cluster does there.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::Bytes;
use azure_core::http::{ClientOptions, Transport, Url};
use azure_core::time::{Duration, OffsetDateTime};
use azure_storage_blob::{BlobClient, BlobClientOptions};
use kusto_copy_azurite::{ACCOUNT, Azurite, KEY};
use kusto_copy_staging::contract::Fixture;
use kusto_copy_staging::{Lake, Prefix, StorageUri};
use uuid::Uuid;

use crate::access::{Access, Secret, account_sas};
use crate::blobs::{BlobLake, Staging};
use crate::location::Location;
use crate::testing::{SECOND, SECOND_KEY, azurite, unsigned};
use crate::transport::{transport, transport_trusting};

/// How a test is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    Key,
    Signature,
    Token,
}

/// A lake of three places in two accounts, all of them new.
pub(super) struct InAzurite {
    azurite: Arc<Azurite>,
    pub(super) entrance: Entrance,
    pub(super) home: String,
    pub(super) further: Vec<String>,
}

impl InAzurite {
    /// None where Azurite is not installed and need not be.
    pub(super) fn new(entrance: Entrance) -> Option<Self> {
        let azurite = azurite(entrance == Entrance::Token)?;
        let id = Uuid::new_v4().simple().to_string();
        let (one, two) = (
            azurite.blob_endpoint(ACCOUNT),
            azurite.blob_endpoint(SECOND),
        );
        Some(Self {
            home: format!("{one}/home-{id}/west/prod"),
            further: vec![format!("{one}/more-{id}"), format!("{two}/home-{id}/x")],
            azurite,
            entrance,
        })
    }

    pub(super) fn access(&self, account: &str) -> Access {
        let key = Secret::new(if account == SECOND { SECOND_KEY } else { KEY });
        match self.entrance {
            Entrance::Key => Access::shared_key(account, key).expect("a key"),
            Entrance::Signature => {
                let until = OffsetDateTime::now_utc() + Duration::hours(1);
                account_sas(account, &key, until).expect("a signature")
            }
            Entrance::Token => unsigned(),
        }
    }

    pub(super) fn transport(&self) -> Transport {
        match self.entrance {
            Entrance::Key | Entrance::Signature => transport(),
            Entrance::Token => transport_trusting(&kusto_copy_azurite::authority()),
        }
    }

    pub(super) fn place(&self, address: &str) -> (Location, Access) {
        let location = Location::parse(address).expect("a place").location;
        let access = self.access(location.account());
        (location, access)
    }

    /// The lake, prepared, over another transport and with other terms.
    pub(super) async fn lake_with(&self, staging: Staging, transport: &Transport) -> BlobLake {
        let lake = BlobLake::new(
            self.place(&self.home),
            self.further.iter().map(|one| self.place(one)).collect(),
            staging,
            transport,
        )
        .expect("a lake");
        lake.prepare().await.expect("its containers");
        lake
    }

    pub(super) async fn lake(&self) -> BlobLake {
        self.lake_with(Staging::default(), &self.transport()).await
    }

    /// A lake at home alone.
    pub(super) async fn single(&self) -> BlobLake {
        let home = self.place(&self.home);
        let lake = BlobLake::new(home, Vec::new(), Staging::default(), &self.transport());
        let lake = lake.expect("a lake");
        lake.prepare().await.expect("its container");
        lake
    }

    /// What a cluster makes of an address with access, and of another path below it.
    pub(super) fn cluster(&self, uri: &StorageUri, below: &str) -> BlobClient {
        let whole = uri.expose();
        let (address, access) = whole.split_once('?').expect("access");
        let url: Url = format!("{address}{below}?{access}")
            .parse()
            .expect("an address");
        self.client(url)
    }

    pub(super) fn client(&self, url: Url) -> BlobClient {
        let options = BlobClientOptions {
            client_options: ClientOptions {
                transport: Some(self.transport()),
                ..ClientOptions::default()
            },
            ..BlobClientOptions::default()
        };
        BlobClient::new(url, None, Some(options)).expect("a client")
    }

    /// Whatever an address holds, by the account's own rights.
    pub(super) async fn write(&self, address: &str, contents: &'static [u8]) {
        let (address, name) = address.rsplit_once('/').expect("a blob");
        let lake = BlobLake::new(
            self.place(address),
            Vec::new(),
            Staging::default(),
            &self.transport(),
        );
        let blob = lake.expect("a lake").home.blob(name);
        let written = blob.upload(Bytes::from_static(contents).into(), None).await;
        written.expect("a blob");
    }
}

#[async_trait]
impl Fixture for InAzurite {
    async fn open(&self) -> Arc<dyn Lake> {
        Arc::new(self.lake().await)
    }

    async fn export(&self, target: &StorageUri, file: &str, contents: &[u8]) -> String {
        let blob = self.cluster(target, &format!("/{file}"));
        let body = Bytes::copy_from_slice(contents);
        blob.upload(body.into(), None).await.expect("an export");
        format!("{}/{file}", target.address())
    }

    async fn ingest(&self, uri: &StorageUri) -> Vec<u8> {
        let found = self.cluster(uri, "").download(None).await.expect("a file");
        found.body.collect().await.expect("its contents").to_vec()
    }

    async fn foreign(&self) -> Vec<String> {
        let file = "j/t/i/b/a001/x.csv.gz";
        let second = self.azurite.blob_endpoint(SECOND);
        let home = self.home.strip_suffix("/prod").expect("a folder");
        let other = self.home.replace("127.0.0.1", "127.0.0.2");
        vec![
            format!("{home}/{file}"),
            format!("{}x/{file}", self.home),
            format!("{}/../prod/{file}", self.home),
            format!("{second}/stranger/{file}"),
            format!("{other}/{file}"),
            format!("{}/{file}", self.home.replace("http", "HTTP")),
            format!("https://acct1.blob.core.windows.net/lake/{file}"),
            format!("/{file}"),
            format!("file:///{file}"),
        ]
    }
}

pub(super) fn prefix(text: &str) -> Prefix {
    Prefix::new(text).expect("a prefix")
}

/// A fixture, or the end of the test where there is no Azurite.
macro_rules! in_azurite {
    ($entrance:ident) => {
        match $crate::blobs::tests::fixture::InAzurite::new(
            $crate::blobs::tests::fixture::Entrance::$entrance,
        ) {
            Some(fixture) => fixture,
            None => return,
        }
    };
}
pub(super) use in_azurite;
