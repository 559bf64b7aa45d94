//! One container, or folder in it, and how we reach it.

use std::sync::Arc;

use azure_core::http::{
    ClientOptions, ExponentialRetryOptions, RetryOptions, StatusCode, Transport,
};
use azure_core::time::{Duration, OffsetDateTime};
use azure_storage_blob::models::BlobContainerClientListBlobsOptions;
use azure_storage_blob::{
    BlobClient, BlobContainerClient, BlobContainerClientOptions, BlobServiceClient,
    BlobServiceClientOptions,
};
use futures::TryStreamExt;
use kusto_copy_staging::LakeError;

use super::errors::{self, Doing, code, status};
use super::grants::{self, Area, Grant, Purpose, Terms};
use super::keys::DelegatedKey;
use super::service_sas;
use crate::access::{Access, Secret, Service};
use crate::location::Location;
use crate::patience::NoLongWaits;

/// Largest page that the service gives.
const PAGE: i32 = 5_000;

/// A place of the lake.
#[derive(Debug)]
pub(super) struct Place {
    location: Location,
    access: Access,
    container: Client<BlobContainerClient>,
    service: Client<BlobServiceClient>,
    key: DelegatedKey,
    /// Blobs of one page of a listing, at most what the service gives.
    pub(super) page: i32,
}

/// A client of the SDK, which has no printable form.
struct Client<T>(T);

impl<T> std::fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Place {
    pub(super) fn new(
        location: Location,
        access: Access,
        transport: &Transport,
    ) -> Result<Self, LakeError> {
        let refuse = |reason: String| LakeError::Location {
            text: location.address(),
            reason,
        };
        access
            .check(&location.service_url())
            .map_err(|error| refuse(error.to_string()))?;
        let options = client_options(&access, transport);
        let container = BlobContainerClient::new(
            location.container_url(),
            None,
            Some(BlobContainerClientOptions {
                client_options: options.clone(),
                ..BlobContainerClientOptions::default()
            }),
        )
        .map_err(|error| refuse(error.to_string()))?;
        let service = BlobServiceClient::new(
            location.service_url(),
            None,
            Some(BlobServiceClientOptions {
                client_options: options,
                ..BlobServiceClientOptions::default()
            }),
        )
        .map_err(|error| refuse(error.to_string()))?;
        Ok(Self {
            container: Client(container),
            service: Client(service),
            key: DelegatedKey::default(),
            page: PAGE,
            location,
            access,
        })
    }

    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    /// As if the account had a hierarchical namespace, which Azurite has not.
    #[cfg(test)]
    pub(super) fn make_hierarchical(&mut self) {
        self.location.make_hierarchical();
    }

    pub(super) fn container(&self) -> &BlobContainerClient {
        &self.container.0
    }

    /// The client of the blob at a path of the lake.
    pub(super) fn blob(&self, path: &str) -> BlobClient {
        self.container.0.blob_client(&self.location.blob(path))
    }

    /// Tells an error of the service apart by what to do next.
    pub(super) fn failed(&self, doing: Doing, error: &azure_core::Error) -> LakeError {
        errors::lake_error(&self.location, &self.access, doing, error)
    }

    /// Lists at most one blob: every kind of access can do that, while the properties of a
    /// container are closed to signatures for it.
    pub(super) async fn prepare(&self) -> Result<(), LakeError> {
        match self.probe().await {
            Ok(()) => return Ok(()),
            Err(error) if code(&error) == Some("ContainerNotFound") => {}
            Err(error) => return Err(self.failed(Doing::List, &error)),
        }
        match self.container.0.create(None).await {
            Ok(_) => Ok(()),
            // Somebody else was first, or the answer to our first try was lost.
            Err(error) if code(&error) == Some("ContainerAlreadyExists") => Ok(()),
            Err(error) => Err(self.failed(Doing::CreateContainer, &error)),
        }
    }

    async fn probe(&self) -> azure_core::Result<()> {
        let options = BlobContainerClientListBlobsOptions {
            maxresults: Some(1),
            prefix: self.location.folder().map(|folder| format!("{folder}/")),
            ..BlobContainerClientListBlobsOptions::default()
        };
        let mut pages = self.container.0.list_blobs(Some(options))?.into_pages();
        pages.try_next().await?;
        Ok(())
    }

    /// What follows an address so that a cluster may do this there, and nothing more than the
    /// service can tell apart. Fresh at every call.
    pub(super) async fn grant(
        &self,
        purpose: Purpose<'_>,
        terms: &Terms,
        now: OffsetDateTime,
    ) -> Result<Secret, LakeError> {
        if let Some(fixed) = terms.fixed() {
            return Ok(Secret::new(fixed));
        }
        let area = Area::of(&self.location, purpose);
        let grant = Grant {
            account: self.location.account(),
            container: self.location.container(),
            area,
            rights: purpose.rights(),
            window: terms.window(now),
            encrypted: self.location.is_encrypted(),
        };
        let query = match &self.access {
            Access::SharedKey { account: _, key } => {
                service_sas::sign(&grant, key).map_err(|error| self.failed(Doing::Sign, &error))?
            }
            // It is all that we have ourselves.
            Access::Sas(query) => query.expose().to_owned(),
            Access::Token(_) => {
                let key = self.key.get(&self.service.0, terms, now).await;
                let key = key.map_err(|error| self.failed(Doing::Delegate, &error))?;
                grants::delegate(&grant, &key).map_err(|error| self.failed(Doing::Sign, &error))?
            }
        };
        Ok(Secret::new(format!("?{query}")))
    }

    /// Whether an error says that there is no such blob. A missing container is no answer to
    /// that.
    pub(super) fn is_absent(error: &azure_core::Error) -> bool {
        match code(error) {
            Some("BlobNotFound" | "ResourceNotFound" | "PathNotFound") => true,
            Some("ContainerNotFound" | "AccountNotFound") => false,
            _ => status(error) == Some(StatusCode::NotFound),
        }
    }
}

fn client_options(access: &Access, transport: &Transport) -> ClientOptions {
    ClientOptions {
        // On every try: a signature with the account's key holds for fifteen minutes only.
        per_try_policies: vec![access.policy(Service::Blob), Arc::new(NoLongWaits)],
        // Every request here may be repeated. The driver waits longer, and sees what it waits for.
        retry: RetryOptions::exponential(ExponentialRetryOptions {
            max_retries: 4,
            max_total_elapsed: Duration::seconds(30),
            max_delay: Duration::seconds(8),
            ..ExponentialRetryOptions::default()
        }),
        transport: Some(transport.clone()),
        ..ClientOptions::default()
    }
}
