//! A stand-in for the managed identity endpoint of App Service, for tests and local runs only.
//!
//! Its tokens have no signature. They are good for services that check audience, times and issuer
//! and nothing else: Azurite with `--oauth basic`, and the embedded cluster.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the handler must send in `x-identity-header`.
const HEADER: &str = "stand-in-identity-header";

/// A tenant that does not exist.
const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// What the identity endpoint gives out.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Client id of the app's user-assigned identity: the only one that gets tokens, and required.
    /// `None` is a system-assigned identity, for which no client id may be named.
    pub client_id: Option<String>,
    /// How long a token is valid.
    pub lifetime: Duration,
}

/// The settings by which the handler finds the endpoint.
pub(crate) fn settings(address: SocketAddr) -> [(String, String); 2] {
    [
        (
            "IDENTITY_ENDPOINT".to_owned(),
            format!("http://{address}/msi/token"),
        ),
        ("IDENTITY_HEADER".to_owned(), HEADER.to_owned()),
    ]
}

pub(crate) async fn serve(listener: TcpListener, identity: Identity) {
    let router = Router::new()
        .route("/msi/token", get(answer))
        .with_state(identity);
    // Ends with the host.
    let _ = axum::serve(listener, router).await;
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
    resource: Option<String>,
    client_id: Option<String>,
}

async fn answer(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let refused = |status: StatusCode, message: &str| {
        let body = json!({"statusCode": status.as_u16(), "message": message});
        (status, Json(body)).into_response()
    };
    if headers
        .get("x-identity-header")
        .map(|value| value.as_bytes())
        != Some(HEADER.as_bytes())
    {
        return refused(StatusCode::UNAUTHORIZED, "x-identity-header is wrong");
    }
    if asked.api_version.as_deref() != Some("2019-08-01") {
        return refused(StatusCode::BAD_REQUEST, "api-version must be 2019-08-01");
    }
    let Some(resource) = asked.resource else {
        return refused(StatusCode::BAD_REQUEST, "resource is missing");
    };
    if asked.client_id != identity.client_id {
        return refused(
            StatusCode::BAD_REQUEST,
            "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
        );
    }
    let now = Utc::now().timestamp();
    let expires = now + i64::try_from(identity.lifetime.as_secs()).unwrap_or(3600);
    Json(json!({
        "access_token": token(&resource, identity.client_id.as_deref(), now, expires),
        "client_id": identity.client_id,
        "expires_on": expires.to_string(),
        "not_before": now.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    }))
    .into_response()
}

/// A token without a signature, for services that check none; times in Unix seconds.
#[must_use]
pub fn token(audience: &str, client_id: Option<&str>, not_before: i64, expires: i64) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = encode(&json!({"alg": "none", "typ": "JWT"}));
    let claims = encode(&json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{TENANT}/"),
        "iat": not_before,
        "nbf": not_before,
        "exp": expires,
        "appid": client_id.unwrap_or(TENANT),
        "oid": client_id.unwrap_or(TENANT),
        "sub": client_id.unwrap_or(TENANT),
        "tid": TENANT,
        "ver": "1.0",
    }));
    // The third part, the signature, is there and of no worth.
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode("none"))
}
