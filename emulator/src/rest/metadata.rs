//! `/v1/rest/auth/metadata`: what an SDK needs before it asks for a token. The embedded cluster
//! checks none.

use axum::Json;
use serde_json::{Value, json};

/// The document that Microsoft's SDKs read (`GO:cloudinfo_test.go`).
pub(super) async fn metadata() -> Json<Value> {
    Json(json!({
        "AzureAD": {
            "LoginEndpoint": "https://login.microsoftonline.com",
            "LoginMfaRequired": false,
            "KustoClientAppId": "db662dc1-0cfe-4e1c-a843-19a68e65be58",
            "KustoClientRedirectUri": "https://microsoft/kustoclient",
            "KustoServiceResourceId": "https://kusto.kusto.windows.net",
            "FirstPartyAuthorityUrl":
                "https://login.microsoftonline.com/f8cdef31-a31e-4b4a-93e4-5f571e91255a",
        },
        "dSTS": {
            "CloudEndpointSuffix": "windows.net",
            "DstsRealm": "realm://dsts.core.windows.net",
            "DstsInstance": "prod-dsts.dsts.core.windows.net",
            "KustoDnsHostName": "kusto.windows.net",
            "ServiceName": "kusto",
        },
    }))
}
