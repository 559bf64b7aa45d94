//! The stand-in identity's tokens before Azurite, Microsoft's own stand-in for storage.

use std::process::Command;

use chrono::Utc;
use kusto_copy_azurite::{ACCOUNT, Azurite, Options, is_installed, node_tools};

use crate::identity::token;

/// Node speaks HTTPS to Azurite, so that no client of ours has to.
const CREATE_CONTAINER: &str = "
const https = require('https');
const [url, token] = process.argv.slice(1);
const headers = {authorization: 'Bearer ' + token, 'x-ms-version': '2021-12-02'};
const options = {method: 'PUT', headers, rejectUnauthorized: false};
https.request(url, options, answer => console.log(answer.statusCode)).end();
";

fn create_container(azurite: &Azurite, name: &str, token: &str) -> String {
    let url = format!(
        "{}/{name}?restype=container",
        azurite.blob_endpoint(ACCOUNT)
    );
    let node = node_tools().join("node_modules/node/bin/node");
    let output = Command::new(node)
        .args(["-e", CREATE_CONTAINER, &url, token])
        .output()
        .expect("node runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn azurite_takes_its_tokens_while_audience_and_times_are_right() {
    if !is_installed() {
        assert!(
            std::env::var_os("KUSTO_COPY_TOOLS_REQUIRED").is_none(),
            "Azurite is not installed"
        );
        return;
    }
    let azurite = Azurite::start(Options {
        oauth: true,
        ..Options::default()
    })
    .expect("Azurite starts");
    let now = Utc::now().timestamp();
    let storage = "https://storage.azure.com";
    let good = token(storage, None, now - 60, now + 3600);
    assert_eq!(create_container(&azurite, "good", &good), "201");
    let expired = token(storage, None, now - 7200, now - 3600);
    assert_eq!(create_container(&azurite, "expired", &expired), "403");
    let foreign = token("https://vault.azure.net", None, now - 60, now + 3600);
    assert_eq!(create_container(&azurite, "foreign", &foreign), "403");
}
