//! The client against a server that answers as told, and its budget against a real Redis.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod budget;
mod reads;
mod redis_server;
mod requests;
mod server;
mod writes;

use std::time::Duration;

use orgmirror_atlassian::{ApiKey, Budget, BudgetSettings, Client, ClientConfig, Lane, Operation, Permit};

const KEY: &str = "ATCTT3xFfGN0-never-to-be-told";

/// A client of `base_url` with the test key, as one of possibly several workers.
fn client(base_url: &str, redis: &redis_server::RedisServer, settings: BudgetSettings) -> Client {
    client_with(ApiKey::new(KEY), base_url, redis, settings)
}

fn client_with(key: ApiKey, base_url: &str, redis: &redis_server::RedisServer, settings: BudgetSettings) -> Client {
    let mut config = ClientConfig::new(base_url, "8f3c".into(), key);
    config.request_timeout = Duration::from_millis(400);
    config.connect_timeout = Duration::from_millis(400);
    config.max_body_bytes = 10_000;
    Client::new(config, Budget::new(redis.client(), settings).unwrap()).unwrap()
}

/// First line and body of the one request.
fn asked(server: &server::Server) -> (String, String) {
    let requests = server.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(requests.len(), 1, "one permit is one request");
    assert!(head.contains(&format!("authorization: Bearer {KEY}")), "{head}");
    assert!(head.contains("accept: application/json"), "{head}");
    assert_eq!(head.contains("content-type: application/json"), !body.is_empty(), "{head}");
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

/// A permit, waited for as an honest caller would.
async fn permit(client: &Client, operation: Operation) -> Permit {
    loop {
        match client.permit(Lane::Interactive, operation).await {
            Ok(permit) => return permit,
            Err(wait) => tokio::time::sleep(wait.retry_in).await,
        }
    }
}
