//! The status page in a real browser: Debian's Chromium, driven by playwright-core.

use std::process::Command;

use kusto_copy_function::page;

use crate::support::{root, skip, temp_dir, tool};

const NONCE: &str = "9f8b2c";

/// What of Chromium may be installed under which name.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

fn chromium() -> Option<&'static str> {
    NAMES.into_iter().find(|name| {
        Command::new(name)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    })
}

#[test]
fn operators_see_and_steer_their_jobs() {
    let Some(modules) = tool("KUSTO_COPY_NODE_TOOLS", ".tools/node") else {
        return;
    };
    let Some(chromium) = chromium() else {
        skip("no Chromium is installed (Debian: `apt-get install chromium`)");
        return;
    };
    let dir = temp_dir();
    let file = dir.path().join("status.html");
    std::fs::write(&file, page::render(NONCE)).expect("the page can be written");
    let which = Command::new("sh")
        .args(["-c", &format!("command -v {chromium}")])
        .output()
        .expect("a shell can be started");
    let output = Command::new("node")
        .arg(root().join("tests/node/status_page.mjs"))
        .arg(&file)
        .arg(page::content_security_policy(NONCE))
        .arg(&modules)
        .arg(String::from_utf8_lossy(&which.stdout).trim())
        .output()
        .expect("node can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(said.matches("ok ").count(), 10, "{said}");
}
