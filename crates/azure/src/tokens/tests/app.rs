//! The identity of an app in Functions, from an endpoint such as the host gives.
//!
//! Its variables are read from the environment, so the part that asks runs in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;

use super::*;

/// Answers one request as the identity endpoint of App Service does, and gives its lines.
fn answer_once(listener: &TcpListener) -> Vec<String> {
    let (stream, _) = listener.accept().expect("a connection");
    let reader = BufReader::new(stream.try_clone().expect("its other half"));
    let lines = reader.lines().map(|line| line.expect("a line"));
    let request = lines.take_while(|line| !line.is_empty()).collect();
    let body = r#"{"access_token":"from-the-app","expires_on":"4102444800","resource":"r","token_type":"Bearer","client_id":"one"}"#;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    (&stream).write_all(answer.as_bytes()).expect("an answer");
    request
}

#[test]
fn an_app_gets_tokens_of_the_identity_that_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "tokens::tests::app::asks_by_its_environment"])
        .env(
            "IDENTITY_ENDPOINT",
            format!("http://127.0.0.1:{port}/msi/token"),
        )
        .env("IDENTITY_HEADER", "the-header")
        .env("AZURE_CLIENT_ID", "one")
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a child");
    let server = std::thread::spawn(move || answer_once(&listener));
    let output = child.wait_with_output().expect("its end");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    let request = server.join().expect("the request");
    let resource = "resource=https%3A%2F%2Fhelp.kusto.windows.net";
    assert!(request[0].contains(resource), "{request:?}");
    assert!(request[0].contains("client_id=one"), "{request:?}");
    let header = "x-identity-header: the-header";
    assert!(
        request.iter().any(|line| line.eq_ignore_ascii_case(header)),
        "{request:?}"
    );
}

/// The other process of the test above; without its endpoint there is nobody to ask.
#[tokio::test]
async fn asks_by_its_environment() {
    if std::env::var("IDENTITY_HEADER").as_deref() != Ok("the-header") {
        return;
    }
    let identity = Identity::from_environment();
    let transport = crate::transport::transport();
    let tokens = AzureTokens::new(Box::new(move || identity.credential(&transport)));
    // The second comes from the cache: the endpoint answers once.
    assert!(is(&tokens, HELP, false, "from-the-app").await);
    assert!(is(&tokens, HELP, false, "from-the-app").await);
}
