//! How long a service asks to wait, and when a call is not the place to do so.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, Headers};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};
use kusto_copy_kusto::retry::retry_after;

/// The longest that a request to Blob Storage waits before it is sent again.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What an answer asks: milliseconds in the headers of Microsoft's own, or `Retry-After` in seconds
/// or as a date, read as clusters' answers are.
pub(crate) fn asked(headers: &Headers) -> Option<Duration> {
    let header = |name| headers.get_optional_str(&HeaderName::from_static(name));
    let millis = header("x-ms-retry-after-ms").or_else(|| header("retry-after-ms"));
    if let Some(millis) = millis.and_then(|text| text.trim().parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    retry_after(header("retry-after"), header("date"), SystemTime::now())
}

/// Ends the repetition of a request when the service asks for more patience than a call has.
/// azure_core would sleep for as long as it says; the driver sees the wish and does something else.
#[derive(Debug)]
pub(crate) struct NoLongWaits;

#[async_trait]
impl Policy for NoLongWaits {
    async fn send(
        &self,
        ctx: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let answer = next[0].send(ctx, request, &next[1..]).await?;
        let status = answer.status();
        let is_busy = matches!(u16::from(status), 429 | 503);
        let waits = |asked: Duration| asked > LONGEST_WAIT;
        if !is_busy || !asked(answer.headers()).is_some_and(waits) {
            return Ok(answer);
        }
        let code = HeaderName::from_static("x-ms-error-code");
        let error_code = answer.headers().get_optional_string(&code);
        Err(ErrorKind::HttpResponse {
            status,
            error_code,
            raw_response: Some(Box::new(answer.try_into_raw_response().await?)),
        }
        .into_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(named: &[(&'static str, &'static str)]) -> Option<Duration> {
        let mut headers = Headers::new();
        for (name, value) in named {
            headers.insert(*name, *value);
        }
        asked(&headers)
    }

    #[test]
    fn seconds_dates_and_milliseconds_are_read() {
        const DATE: (&str, &str) = ("date", "Sat, 21 Nov 2026 08:00:01 GMT");
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(of(&[("retry-after", "7")]), seconds(7));
        let at = ("retry-after", "Sat, 21 Nov 2026 08:00:31 GMT");
        assert_eq!(of(&[DATE, at]), seconds(30));
        let past = ("retry-after", "Sat, 21 Nov 2026 07:59:31 GMT");
        assert_eq!(of(&[DATE, past]), seconds(0));
        let long_ago = ("retry-after", "Sat, 21 Nov 2020 08:00:31 GMT");
        assert_eq!(of(&[long_ago]), seconds(0), "by our clock alone");
        assert_eq!(of(&[DATE, ("retry-after", "soon")]), None);
        assert_eq!(of(&[DATE, ("retry-after", "-1")]), None);
        assert_eq!(of(&[DATE]), None);
        let millis = Some(Duration::from_millis(250));
        assert_eq!(of(&[("retry-after-ms", "250"), at]), millis);
        assert_eq!(of(&[("x-ms-retry-after-ms", "250")]), millis);
    }
}
