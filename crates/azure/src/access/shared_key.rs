//! Requests that are signed with the account's key.
//!
//! What is signed is described in "Authorize with Shared Key" of the Storage Services REST API.
//! Both services sign for `/<account><path as sent>`, which for an address in path style
//! (`http://127.0.0.1:10002/account/…`) names the account twice, as Azurite expects it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials;
use azure_core::hmac::hmac_sha256;
use azure_core::http::headers::{AUTHORIZATION, HeaderName, MS_DATE};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request, Url};
use azure_core::time::{OffsetDateTime, to_rfc7231};

use super::{Secret, Service};

/// Signs each try with the moment at which it is sent: a signature holds for 15 minutes.
#[derive(Debug)]
pub(super) struct SharedKeyPolicy {
    service: Service,
    account: String,
    key: Secret,
}

impl SharedKeyPolicy {
    pub(super) fn new(service: Service, account: String, key: Secret) -> Self {
        Self {
            service,
            account,
            key,
        }
    }

    fn sign(&self, request: &Request) -> azure_core::Result<String> {
        let text = match self.service {
            Service::Blob => blob_text(request, &self.account),
            Service::Table => table_text(request, &self.account),
        };
        let key = credentials::Secret::new(self.key.expose().to_owned());
        hmac_sha256(&text, &key)
    }
}

#[async_trait]
impl Policy for SharedKeyPolicy {
    async fn send(
        &self,
        ctx: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        request.insert_header(MS_DATE, to_rfc7231(&OffsetDateTime::now_utc()));
        let signature = self.sign(request)?;
        let value = format!("SharedKey {}:{signature}", self.account);
        request.insert_header(AUTHORIZATION, value);
        next[0].send(ctx, request, &next[1..]).await
    }
}

fn header<'a>(request: &'a Request, name: &'static str) -> &'a str {
    let name = HeaderName::from_static(name);
    request
        .headers()
        .get_optional_str(&name)
        .unwrap_or_default()
}

/// The length of the body as signed: nothing for an empty one.
fn length(request: &Request) -> String {
    match header(request, "content-length") {
        "0" => String::new(),
        "" => match request.body().len() {
            None | Some(0) => String::new(),
            Some(length) => length.to_string(),
        },
        length => length.to_owned(),
    }
}

fn method(request: &Request) -> String {
    request.method().as_ref().to_ascii_uppercase()
}

/// What the table service signs: few headers, and of the query nothing but `comp`.
fn table_text(request: &Request, account: &str) -> String {
    let mut resource = format!("/{account}{}", request.url().path());
    if let Some((_, comp)) = request.url().query_pairs().find(|(name, _)| name == "comp") {
        resource.push_str("?comp=");
        resource.push_str(&comp);
    }
    [
        &method(request),
        header(request, "content-md5"),
        header(request, "content-type"),
        header(request, "x-ms-date"),
        &resource,
    ]
    .join("\n")
}

/// What the blob service signs: many headers, all of `x-ms-…`, and the whole query.
fn blob_text(request: &Request, account: &str) -> String {
    let mut text = [
        &method(request),
        header(request, "content-encoding"),
        header(request, "content-language"),
        &length(request),
        header(request, "content-md5"),
        header(request, "content-type"),
        // The date is `x-ms-date`, which is among the headers below.
        "",
        header(request, "if-modified-since"),
        header(request, "if-match"),
        header(request, "if-none-match"),
        header(request, "if-unmodified-since"),
        header(request, "range"),
    ]
    .join("\n");
    text.push('\n');
    let named: BTreeMap<&str, &str> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .collect();
    for (name, value) in named {
        text.push_str(&format!("{name}:{}\n", value.trim()));
    }
    text.push_str(&blob_resource(request.url(), account));
    text
}

fn blob_resource(url: &Url, account: &str) -> String {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url.query_pairs() {
        let values = parameters.entry(name.to_lowercase()).or_default();
        values.push(value.into_owned());
    }
    let mut resource = format!("/{account}{}", url.path());
    for (name, mut values) in parameters {
        values.sort_unstable();
        resource.push_str(&format!("\n{name}:{}", values.join(",")));
    }
    resource
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;

    use super::*;

    fn request(method: Method, address: &str) -> Request {
        let mut request = Request::new(address.parse().expect("an address"), method);
        request.insert_header(MS_DATE, "Fri, 26 Jun 2015 23:39:12 GMT");
        request
    }

    #[test]
    fn blob_text_is_that_of_the_documentation() {
        let address = "https://myaccount.blob.core.windows.net/mycontainer\
                       ?restype=container&comp=metadata&timeout=20";
        let mut request = request(Method::Get, address);
        request.insert_header("x-ms-version", "2015-02-21");
        assert_eq!(
            blob_text(&request, "myaccount"),
            "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n\
             x-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\nrestype:container\n\
             timeout:20"
        );
    }

    #[test]
    fn blob_text_names_the_length_unless_it_is_zero() {
        let address =
            "https://myaccount.blob.core.windows.net/c/b%20%C3%A9?comp=block&blockid=a%2Bb";
        let mut put = request(Method::Put, address);
        let empty = blob_text(&put, "myaccount");
        assert!(empty.starts_with("PUT\n\n\n\n"), "{empty}");
        put.set_body("four".to_owned());
        let four = blob_text(&put, "myaccount");
        assert!(four.starts_with("PUT\n\n\n4\n"), "{four}");
        assert!(
            four.ends_with("\n/myaccount/c/b%20%C3%A9\nblockid:a+b\ncomp:block"),
            "{four}"
        );
    }

    #[test]
    fn table_text_has_of_the_query_only_comp() {
        let address = "http://127.0.0.1:10002/devstoreaccount1/t(PartitionKey='a!b',RowKey='c~2f')\
                       ?$top=1&comp=acl";
        let mut get = request(Method::Get, address);
        get.insert_header("content-type", "application/json");
        assert_eq!(
            table_text(&get, "devstoreaccount1"),
            "GET\n\napplication/json\nFri, 26 Jun 2015 23:39:12 GMT\n\
             /devstoreaccount1/devstoreaccount1/t(PartitionKey='a!b',RowKey='c~2f')?comp=acl"
        );
    }
}
