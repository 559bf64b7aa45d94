//! Who this program is to Entra.

use std::sync::Arc;

use azure_core::credentials::{self, TokenCredential};
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    DeveloperToolsCredential, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use kusto_copy_kusto::Secret;

use super::Renewable;

/// Where tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The identity that Azure gives to an app or a machine: a user-assigned one by its client
    /// ID, or else the system-assigned one.
    Managed {
        /// Client ID of a user-assigned identity.
        client_id: Option<String>,
    },
    /// A Kubernetes service account that Entra trusts; its variables say which.
    Workload,
    /// A service principal with a secret.
    Principal {
        /// Directory.
        tenant_id: String,
        /// The application's ID.
        client_id: String,
        /// Its secret.
        secret: Secret,
    },
    /// Whoever is signed in to the Azure CLI or the Azure Developer CLI.
    DeveloperTools,
}

/// The identity's settings cannot be right.
#[derive(Debug, thiserror::Error)]
#[error(
    "the identity that the environment describes cannot be used; check AZURE_CLIENT_ID, AZURE_TENANT_ID and the variables beside them"
)]
pub struct IdentityError(#[source] azure_core::Error);

impl Identity {
    /// Chooses by the environment, given as a function from a variable's name to its value.
    ///
    /// | first that is set | identity |
    /// |---|---|
    /// | `IDENTITY_ENDPOINT` (Functions, App Service) | managed, the one of `AZURE_CLIENT_ID` or the system-assigned |
    /// | `AZURE_FEDERATED_TOKEN_FILE` (Kubernetes) | workload |
    /// | `AZURE_CLIENT_SECRET`, `AZURE_CLIENT_ID` and `AZURE_TENANT_ID` | principal |
    /// | `AZURE_CLIENT_ID` (virtual machines) | managed, this one |
    /// | nothing | developer tools |
    pub fn choose(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let client_id = set("AZURE_CLIENT_ID");
        if set("IDENTITY_ENDPOINT").is_some() {
            return Self::Managed { client_id };
        }
        if set("AZURE_FEDERATED_TOKEN_FILE").is_some() {
            return Self::Workload;
        }
        match (
            client_id,
            set("AZURE_TENANT_ID"),
            set("AZURE_CLIENT_SECRET"),
        ) {
            (Some(client_id), Some(tenant_id), Some(secret)) => Self::Principal {
                tenant_id,
                client_id,
                secret: Secret::new(secret),
            },
            (Some(client_id), _, _) => Self::Managed {
                client_id: Some(client_id),
            },
            (None, _, _) => Self::DeveloperTools,
        }
    }

    /// Chooses by the environment of this process.
    #[must_use]
    pub fn from_environment() -> Self {
        Self::choose(|name| std::env::var(name).ok())
    }

    /// The credential, made once now and anew whenever its token is refused. Nothing is asked for
    /// a token yet.
    ///
    /// # Errors
    /// When a setting is missing or cannot be right.
    pub fn renewable(&self, transport: &Transport) -> Result<Arc<Renewable>, IdentityError> {
        drop(self.credential(transport)?);
        let (identity, transport) = (self.clone(), transport.clone());
        let make = move || identity.credential(&transport);
        Ok(Arc::new(Renewable::new(Box::new(make))))
    }

    /// The credential. Nothing is asked for a token yet.
    ///
    /// # Errors
    /// When a setting is missing or cannot be right.
    pub fn credential(
        &self,
        transport: &Transport,
    ) -> Result<Arc<dyn TokenCredential>, IdentityError> {
        let client_options = ClientOptions {
            transport: Some(transport.clone()),
            ..ClientOptions::default()
        };
        let made: azure_core::Result<Arc<dyn TokenCredential>> = match self {
            Self::Managed { client_id } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                    client_options,
                }))
                .map(|made| made as _)
            }
            Self::Workload => {
                WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    ..WorkloadIdentityCredentialOptions::default()
                }))
                .map(|made| made as _)
            }
            Self::Principal {
                tenant_id,
                client_id,
                secret,
            } => ClientSecretCredential::new(
                tenant_id,
                client_id.clone(),
                credentials::Secret::new(secret.expose().to_owned()),
                Some(ClientSecretCredentialOptions { client_options }),
            )
            .map(|made| made as _),
            Self::DeveloperTools => DeveloperToolsCredential::new(None).map(|made| made as _),
        };
        made.map_err(IdentityError)
    }
}
