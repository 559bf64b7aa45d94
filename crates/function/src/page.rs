//! The status page: one self-contained document, put together once.
//!
//! It holds no data: it fetches the JSON of its own address. Whatever the JSON says goes into the
//! page as text, and the content security policy would stop what came in otherwise.

use std::sync::LazyLock;

const DOCUMENT: &str = include_str!("../page/status.html");
const STYLE: &str = include_str!("../page/style.css");
/// In the order in which they use each other.
const SCRIPTS: [&str; 7] = [
    include_str!("../page/words.js"),
    include_str!("../page/elements.js"),
    include_str!("../page/verdict.js"),
    include_str!("../page/plot.js"),
    include_str!("../page/tables.js"),
    include_str!("../page/job.js"),
    include_str!("../page/page.js"),
];

/// Where the nonce goes.
const NONCE: &str = "{{nonce}}";

static PAGE: LazyLock<String> = LazyLock::new(|| {
    DOCUMENT
        .replace("{{style}}", STYLE.trim_end())
        .replace("{{script}}", SCRIPTS.concat().trim_end())
});

/// The page. `nonce` is random for each answer, of letters and digits; the answer must carry
/// [`content_security_policy`] of the same nonce.
#[must_use]
pub fn render(nonce: &str) -> String {
    PAGE.replace(NONCE, nonce)
}

/// What the page may do: run its own script, wear its own style, fetch from its own server.
#[must_use]
pub fn content_security_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_whole_and_asks_for_nothing_from_elsewhere() {
        let page = render("abc123");
        assert!(!page.contains("{{"), "a placeholder was left");
        assert_eq!(page.matches("nonce=\"abc123\"").count(), 2);
        for from in ["src=\"http", "href=\"http", "@import", "url("] {
            assert!(!page.contains(from), "{from}");
        }
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(content_security_policy("abc123").contains("'nonce-abc123'"));
    }
}
