//! The requests of a table and their answers.

use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::{
    ClientOptions, Context, Method, Pipeline, PipelineSendOptions, RawResponse, Request,
    RetryOptions, Transport, Url, UserAgentOptions,
};
use azure_core::time::parse_rfc7231;
use kusto_copy_kusto::RetryPolicy;
use kusto_copy_store::StoreTime;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::batch::{self, Change, Operation};
use super::failure::{ServiceError, TableError};
use crate::access::{Access, AccessError, Service};
use crate::patience;

/// Oldest version of the service that takes tokens.
const VERSION: &str = "2020-12-06";

/// Versions stand in the answer only with this much metadata.
const ACCEPT: &str = "application/json;odata=minimalmetadata";

/// How the service says that there is no such entity. Its pages on errors have both names.
pub(super) const ABSENT: &[&str] = &["ResourceNotFound", "EntityNotFound"];

/// One table of a storage account.
#[derive(Debug, Clone)]
pub struct Table {
    pipeline: Pipeline,
    service: Url,
    name: String,
    retry: RetryPolicy,
    random: fn() -> f64,
}

/// What was read.
#[derive(Debug)]
pub(super) struct Answered<T> {
    pub(super) what: T,
    /// The service's clock.
    pub(super) time: StoreTime,
}

/// Entities as the service spells them.
pub(super) type Properties = Map<String, Value>;

/// A page of a listing.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) entities: Vec<Properties>,
    pub(super) next: Option<Next>,
}

/// Where a listing goes on; the service's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) partition: String,
    pub(super) row: Option<String>,
}

impl Table {
    /// A table of the account whose table service is at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is not encrypted and not on this machine.
    pub fn new(
        service: Url,
        name: &str,
        access: &Access,
        transport: Transport,
    ) -> Result<Self, AccessError> {
        access.check(&service)?;
        let options = ClientOptions {
            // Reads are repeated here, and commits never are.
            retry: RetryOptions::none(),
            transport: Some(transport),
            user_agent: UserAgentOptions {
                application_id: Some("kusto-copy".to_owned()),
            },
            ..ClientOptions::default()
        };
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            options,
            Vec::new(),
            vec![access.policy(Service::Table)],
            None,
        );
        Ok(Self {
            pipeline,
            service,
            name: name.to_owned(),
            retry: RetryPolicy::default(),
            random: fastrand::f64,
        })
    }

    /// Repeats reads by other rules than the default.
    #[must_use]
    pub fn with_retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// The table's address, for people.
    #[must_use]
    pub fn address(&self) -> String {
        self.url(&self.name, &[]).to_string()
    }

    /// Whether the table exists. Needs only the right to read entities.
    ///
    /// # Errors
    /// See [`TableError`]; safe to repeat.
    pub async fn exists(&self) -> Result<bool, TableError> {
        // No partition has an empty name here, so nothing is searched.
        match self.list("PartitionKey eq ''", 1, None).await {
            Ok(_) => Ok(true),
            Err(TableError::Answered(error)) if error.is("TableNotFound") => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the table when it does not exist. Two that make it at once both succeed; nothing
    /// happens to a table that exists.
    ///
    /// # Errors
    /// See [`TableError`]. When the answer is lost, do it again.
    pub async fn create_if_missing(&self) -> Result<(), TableError> {
        if self.exists().await? {
            return Ok(());
        }
        let mut request = Request::new(self.url("Tables", &[]), Method::Post);
        request.insert_header("prefer", "return-no-content");
        let name = serde_json::json!({ "TableName": self.name });
        set_json(&mut request, name.to_string());
        match self.send(request).await {
            Ok(_) => Ok(()),
            Err(TableError::Answered(error)) if error.is("TableAlreadyExists") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads one entity; `None` when there is none.
    pub(super) async fn get(
        &self,
        partition: &str,
        row: &str,
    ) -> Result<Answered<Option<Properties>>, TableError> {
        let path = self.entity(partition, row);
        let answer = self.read(&path, &[], ABSENT).await?;
        let what = match u16::from(answer.status()) {
            404 => None,
            _ => Some(json(&answer)?),
        };
        let time = time(answer.headers())?;
        Ok(Answered { what, time })
    }

    /// Lists entities in the order of their keys.
    pub(super) async fn list(
        &self,
        filter: &str,
        limit: usize,
        after: Option<&Next>,
    ) -> Result<Answered<Listed>, TableError> {
        let limit = limit.to_string();
        let mut query = vec![("$filter", filter), ("$top", limit.as_str())];
        if let Some(next) = after {
            query.push(("NextPartitionKey", &next.partition));
            query.extend(next.row.as_deref().map(|row| ("NextRowKey", row)));
        }
        let answer = self.read(&format!("{}()", self.name), &query, &[]).await?;
        let mut page: Properties = json(&answer)?;
        let Some(Value::Array(values)) = page.remove("value") else {
            return Err(unreadable("a listing has no `value`"));
        };
        let entities = values.into_iter().map(|value| match value {
            Value::Object(properties) => Ok(properties),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(unreadable("a listing holds something else than entities")),
        });
        let entities = entities.collect::<Result<_, _>>()?;
        let text = |name| header(answer.headers(), name).map(str::to_owned);
        let next = text("x-ms-continuation-nextpartitionkey").map(|partition| Next {
            partition,
            row: text("x-ms-continuation-nextrowkey"),
        });
        let time = time(answer.headers())?;
        let what = Listed { entities, next };
        Ok(Answered { what, time })
    }

    /// Does all operations or none, in one request that is sent once: a plain one for a single
    /// operation, else a transaction. Gives the new versions in order, `None` for what was deleted.
    pub(super) async fn change(
        &self,
        operations: &[Operation],
    ) -> Result<Answered<Vec<Option<String>>>, TableError> {
        let (what, answer) = if let [one] = operations {
            let answer = self.send(plain(one)?).await?;
            let etag = header(answer.headers(), "etag").map(str::to_owned);
            (vec![batch::version(one.method, etag)?], answer)
        } else {
            let written = batch::write(operations, Uuid::new_v4());
            let mut request = Request::new(self.url("$batch", &[]), Method::Post);
            request.insert_header("content-type", written.content_type);
            request.set_body(written.body);
            let answer = self.send(request).await?;
            let text = std::str::from_utf8(answer.body())
                .map_err(|_| unreadable("a transaction's answer is not text"))?;
            (batch::read(operations, text)?, answer)
        };
        let time = time(answer.headers())?;
        Ok(Answered { what, time })
    }

    /// An operation on one entity.
    pub(super) fn operation(
        &self,
        method: Change,
        (partition, row): (&str, &str),
        if_match: Option<&str>,
        body: Option<String>,
    ) -> Operation {
        let path = match method {
            Change::Insert => self.name.clone(),
            Change::Replace | Change::Delete => self.entity(partition, row),
        };
        Operation {
            method,
            address: self.url(&path, &[]).to_string(),
            if_match: if_match.map(str::to_owned),
            body,
        }
    }

    fn entity(&self, partition: &str, row: &str) -> String {
        let (partition, row) = (encode(&quote(partition)), encode(&quote(row)));
        format!("{}(PartitionKey='{partition}',RowKey='{row}')", self.name)
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.service.clone();
        let base = self.service.path().trim_end_matches('/');
        url.set_path(&format!("{base}/{path}"));
        let pairs: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        url.set_query((!pairs.is_empty()).then(|| pairs.join("&")).as_deref());
        url
    }

    /// Sends a read until it is answered or the policy ends it.
    async fn read(
        &self,
        path: &str,
        query: &[(&str, &str)],
        fine: &[&str],
    ) -> Result<RawResponse, TableError> {
        let mut sent = 0;
        loop {
            let request = Request::new(self.url(path, query), Method::Get);
            let error = match self.exchange(request, fine).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            sent += 1;
            let pause = error
                .again()
                .and_then(|asked| self.retry.pause(sent, asked, (self.random)()));
            let Some(pause) = pause else {
                return Err(error);
            };
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(%error, pause_ms, "reading the state again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a change, once.
    async fn send(&self, request: Request) -> Result<RawResponse, TableError> {
        self.exchange(request, &[]).await
    }

    /// Sends a request and takes its answer when it succeeded or failed with a code that is fine.
    async fn exchange(
        &self,
        mut request: Request,
        fine: &[&str],
    ) -> Result<RawResponse, TableError> {
        request.insert_header("x-ms-version", VERSION);
        request.insert_header("accept", ACCEPT);
        request.insert_header("dataserviceversion", "3.0");
        let unchecked = PipelineSendOptions {
            skip_checks: true,
            ..PipelineSendOptions::default()
        };
        let answer = self
            .pipeline
            .send(&Context::new(), &mut request, Some(unchecked))
            .await?;
        let status = u16::from(answer.status());
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        let asked = patience::asked(answer.headers());
        let mut error = ServiceError::read(status, answer.body(), asked);
        if error.code.is_empty() {
            let code = header(answer.headers(), "x-ms-error-code");
            error.code = code.unwrap_or_default().to_owned();
        }
        if fine.contains(&error.code.as_str()) {
            return Ok(answer);
        }
        Err(error.into())
    }
}

fn plain(operation: &Operation) -> Result<Request, TableError> {
    let method = match operation.method {
        Change::Insert => Method::Post,
        Change::Replace => Method::Put,
        Change::Delete => Method::Delete,
    };
    let address = Url::parse(&operation.address)
        .map_err(|error| azure_core::Error::new(azure_core::error::ErrorKind::Other, error))?;
    let mut request = Request::new(address, method);
    if let Some(version) = &operation.if_match {
        request.insert_header("if-match", version.clone());
    }
    if let Some(entity) = &operation.body {
        request.insert_header("prefer", "return-no-content");
        set_json(&mut request, entity.clone());
    }
    Ok(request)
}

fn set_json(request: &mut Request, body: String) {
    request.insert_header("content-type", "application/json");
    request.set_body(body);
}

fn unreadable(what: &'static str) -> TableError {
    TableError::Unreadable { what }
}

fn header<'a>(headers: &'a Headers, name: &'static str) -> Option<&'a str> {
    headers.get_optional_str(&HeaderName::from_static(name))
}

fn json(answer: &RawResponse) -> Result<Properties, TableError> {
    serde_json::from_slice(answer.body()).map_err(|_| unreadable("it is not JSON"))
}

fn time(headers: &Headers) -> Result<StoreTime, TableError> {
    header(headers, "date")
        .and_then(|date| parse_rfc7231(date).ok())
        .map(|date| StoreTime::from_unix_millis(date.unix_timestamp().saturating_mul(1_000)))
        .ok_or(unreadable("it has no date"))
}

/// Text between the quotes of an OData literal.
pub(super) fn quote(text: &str) -> String {
    text.replace('\'', "''")
}

/// Text for a path or a query: every byte but the unreserved ones and `!` percent-encoded.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~!".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
