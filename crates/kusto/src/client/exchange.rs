//! One request and its answer.

use std::time::{Duration, Instant, SystemTime};

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use serde_json::json;

use super::Cluster;
use super::judge::{Context, Failure};
use crate::call::Call;
use crate::kql::{Effect, Endpoint, Text};
use crate::options::{answer_timeout, options};
use crate::rows::Table;
use crate::secret::Secret;
use crate::{retry, wire};

const APPLICATION: HeaderValue = HeaderValue::from_static("kusto-copy");
const VERSION: HeaderValue =
    HeaderValue::from_static(concat!("kusto-copy:", env!("CARGO_PKG_VERSION")));

impl Cluster {
    /// Sends once. `sent` counts the sends before this one; a repetition has an id of its own.
    pub(super) async fn exchange(
        &self,
        database: &str,
        call: &Call,
        text: &Text,
        sent: u32,
        fresh_token: bool,
    ) -> Result<Table, Failure> {
        let request_id = request_id(&call.request_id, sent);
        let mut context = Context {
            cluster: self.uri().authority(),
            text,
            request_id: request_id.clone(),
            activity_id: None,
        };
        let token = self
            .inner
            .credentials
            .token(self.uri(), fresh_token)
            .await
            .map_err(|error| context.no_token(&error))?;
        let request = self.request(database, call, text, &request_id, token.as_ref());
        let started = Instant::now();
        let endpoint = text.purpose().endpoint();
        self.inner.settings.traffic.count(endpoint);
        tracing::trace!(%text, request_id, database, "sending");
        let response = request
            .send()
            .await
            .map_err(|error| context.transport(&error))?;
        context.activity_id = header(response.headers(), "x-ms-activity-id");
        let status = response.status().as_u16();
        let after = retry::retry_after(
            header(response.headers(), RETRY_AFTER.as_str()).as_deref(),
            header(response.headers(), DATE.as_str()).as_deref(),
            SystemTime::now(),
        );
        let body = self.body(response, &context).await;
        tracing::debug!(
            what = text.what(),
            request_id,
            database,
            status,
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        if status != 200 {
            // An error's status counts even when its body was lost.
            let mut failure = context.refusal(status, after, &body.unwrap_or_default());
            failure.stale_token &= token.is_some();
            return Err(failure);
        }
        let body = body?;
        let table = match endpoint {
            Endpoint::Management => wire::v1::primary(&body),
            Endpoint::Query => wire::v2::primary(&body),
        };
        table.map_err(|bad| context.bad_answer(bad))
    }

    fn request(
        &self,
        database: &str,
        call: &Call,
        text: &Text,
        request_id: &str,
        token: Option<&Secret>,
    ) -> reqwest::RequestBuilder {
        let purpose = text.purpose();
        let inner = &self.inner;
        let client = match purpose.effect() {
            Effect::Read | Effect::Idempotent => &inner.pooled,
            Effect::Once => &inner.single,
        };
        let path = match purpose.endpoint() {
            Endpoint::Management => "/v1/rest/mgmt",
            Endpoint::Query => "/v2/rest/query",
        };
        let timeout = answer_timeout(purpose, inner.settings.answer_margin);
        let timeout = call
            .patience
            .map_or(timeout, |patience: Duration| patience.min(timeout));
        let body = json!({
            "db": database,
            "csl": text.expose(),
            "properties": {
                "Options": options(purpose, call, inner.traits),
                "Parameters": {},
            },
        });
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        headers.insert("x-ms-app", APPLICATION);
        headers.insert("x-ms-client-version", VERSION);
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-ms-client-request-id", id);
        }
        if let Some(token) = token
            && let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        {
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        client
            .post(inner.uri.join(path))
            .headers(headers)
            .timeout(timeout)
            .body(body.to_string())
    }

    /// The body, up to the largest that is taken.
    async fn body(
        &self,
        mut response: reqwest::Response,
        context: &Context<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(body),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Err(error) => return Err(context.transport(&error)),
            }
            if body.len() > self.inner.settings.largest_answer {
                return Err(context.too_large(self.inner.settings.largest_answer));
            }
        }
    }
}

/// What a header can carry of an id, told apart from the ids of earlier sends.
fn request_id(id: &str, sent: u32) -> String {
    let safe: String = id
        .chars()
        .map(|c| if c.is_ascii_graphic() { c } else { '_' })
        .take(200)
        .collect();
    if sent == 0 {
        safe
    } else {
        format!("{safe}.r{sent}")
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
