//! Every kind of answer, and what the caller is told to do about it.

use std::error::Error;
use std::time::{Duration, Instant};

use orgmirror_atlassian::{ApiError, ApiKey, Budget, BudgetSettings, Client, ClientConfig, Flaw, Operation, Verdict};
use orgmirror_domain::query::{Direction, PageQuery, UserFilter};

use crate::redis_server::RedisServer;
use crate::server::{Reply, Server};
use crate::{KEY, client, permit};

/// Forty thousand letters, compressed.
const BOMB: [u8; 96] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 237, 193, 161, 13, 192, 32, 0, 4, 192, 93, 94, 87, 17, 20, 235, 212, 131, 129, 132, 164,
    233, 238, 56, 166, 184, 187, 47, 239, 88, 125, 166, 213, 242, 100, 167, 101, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 87, 254, 3, 68, 162, 59, 78, 83, 156, 0, 0,
];

/// The error that a page of users after the cursor "tok" ends with.
async fn page_error(reply: Reply) -> ApiError {
    page_error_at(Some("tok"), reply).await
}

async fn page_error_at(cursor: Option<&str>, reply: Reply) -> ApiError {
    let redis = RedisServer::started().await;
    let server = Server::answering([reply]).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    let error = page(&client, cursor).await.unwrap_err();
    assert_eq!((client.calls(), server.requests().len()), (1, 1), "one permit is one request");
    let mut told = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        told += &cause.to_string();
        source = cause.source();
    }
    assert!(!told.contains(KEY), "the key is told: {told}");
    error
}

async fn page(client: &Client, cursor: Option<&str>) -> Result<(), ApiError> {
    let cursor = cursor.map(str::to_owned);
    let query = PageQuery { filter: UserFilter::default(), direction: Direction::Ascending, cursor, limit: 2 };
    client.users_page(permit(client, Operation::UsersPage).await, &query).await.map(|_| ())
}

#[tokio::test]
async fn a_refused_key_holds_the_run_and_is_named() {
    let error = page_error(Reply::new(401, "", r#"{"code":401,"message":"Unauthorized"}"#)).await;
    assert_eq!(error.verdict(), Verdict::HoldRun);
    let ApiError::KeyRefused { fingerprint, words, .. } = error else { panic!("{error}") };
    assert_eq!(fingerprint, *orgmirror_atlassian::ApiKey::new(KEY).fingerprint());
    assert_eq!(words.text.as_deref(), Some("Unauthorized"));
}

#[tokio::test]
async fn a_missing_scope_holds_the_run_and_is_named() {
    let error = page_error(Reply::new(403, "", r#"{"errors":[{"code":"ADMIN-403-3","title":"May not"}]}"#)).await;
    assert_eq!(error.verdict(), Verdict::HoldRun);
    let told = error.to_string();
    assert!(
        told.contains("may not list users") && told.contains("read:directories:admin") && told.contains("ADMIN-403-3"),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_understood_is_given_up() {
    let error = page_error(Reply::new(404, "", "")).await;
    assert!(matches!(error, ApiError::NotFound { .. }) && error.verdict() == Verdict::GiveUp, "{error}");
    let error = page_error(Reply::new(400, "", r#"{"errors":[{"code":"ADMIN-400-24","detail":"body"}]}"#)).await;
    assert!(matches!(error, ApiError::BadRequest { status: 400, .. }) && error.verdict() == Verdict::GiveUp, "{error}");
    let error = page_error(Reply::new(409, "", "")).await;
    assert!(matches!(error, ApiError::BadRequest { status: 409, .. }), "{error}");
}

#[tokio::test]
async fn a_cursor_expires_only_where_one_was_sent() {
    let reply = Reply::new(400, "", r#"{"errors":[{"status":"400","code":"ADMIN-400-1","title":"Bad cursor"}]}"#);
    let error = page_error(reply.clone()).await;
    assert!(matches!(error, ApiError::CursorExpired { .. }) && error.verdict() == Verdict::RestartChain, "{error}");
    let error = page_error_at(None, reply).await;
    assert!(matches!(error, ApiError::BadRequest { .. }), "{error}");
}

#[tokio::test]
async fn a_rate_limit_tells_how_long_by_any_header() {
    let minute = (chrono::Utc::now() + Duration::from_secs(180)).format("%Y-%m-%dT%H:%M");
    let date = (chrono::Utc::now() + Duration::from_secs(180)).format("%a, %d %b %Y %H:%M:%S GMT");
    let forms = [
        ("retry-after: 170\r\n".to_owned(), 170),
        (format!("retry-after: {date}\r\n"), 180),
        (format!("x-ratelimit-reset: {minute}+0000\r\n"), 150),
        (format!("x-ratelimit-reset: {minute}Z\r\n"), 150),
        (format!("x-ratelimit-reset: {minute}:59Z\r\n"), 210),
        ("date: Thu, 26 Mar 2026 16:24:50 GMT\r\nx-ratelimit-reset: 2026-03-26T16:25+0000\r\n".to_owned(), 10),
    ];
    for (headers, about) in forms {
        let error = page_error(Reply::new(429, &headers, r#"{"code":429,"message":"Too many"}"#)).await;
        let Verdict::RetryAfter(Some(wait)) = error.verdict() else { panic!("{headers}: {error}") };
        assert!(wait.abs_diff(Duration::from_secs(about)) <= Duration::from_secs(35), "{headers}: {wait:?}");
    }
    let error = page_error(Reply::new(429, "", "")).await;
    assert_eq!(error.verdict(), Verdict::RetryAfter(None), "{error}");
}

#[tokio::test]
async fn a_failing_server_is_asked_again() {
    let error = page_error(Reply::new(500, "", "<html>oops</html>")).await;
    assert_eq!(error.verdict(), Verdict::Retry);
    assert!(error.to_string().contains("<html>oops</html>"), "{error}");
    let error = page_error(Reply::new(503, "retry-after: 9\r\n", "")).await;
    assert_eq!(error.verdict(), Verdict::RetryAfter(Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_no_answer() {
    let whole = r#"{"data":[{"accountId":"a","groups":[]}],"links":{"next":"b"}}"#;
    let cut_on_the_way = Reply::raw(200, "", whole.len(), &whole.as_bytes()[..30]);
    let cut_before = Reply::new(200, "", &whole[..30]);
    let dropped = Reply::Bytes(Vec::new());
    for reply in [cut_on_the_way, cut_before, dropped, Reply::new(200, "", "")] {
        let error = page_error(reply).await;
        assert!(matches!(error, ApiError::Unreachable { .. }) && error.verdict() == Verdict::Retry, "{error}");
    }
}

#[tokio::test]
async fn a_slow_answer_ends_by_the_clock() {
    let started = Instant::now();
    for sent in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"data\":["] {
        let error = page_error(Reply::Silence(sent.into())).await;
        let ApiError::Unreachable { waited, .. } = &error else { panic!("{error}") };
        assert!(*waited >= Duration::from_millis(350), "{waited:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

/// The limit holds for what comes out of a compressed answer, however little came in.
#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_large_one_is_refused() {
    assert!(BOMB.len() < 200);
    let error = page_error(Reply::raw(200, "content-encoding: gzip\r\n", BOMB.len(), &BOMB)).await;
    assert!(matches!(error, ApiError::Malformed { flaw: Flaw::BodyTooLarge { limit: 10_000 }, .. }), "{error}");
    let cut = page_error(Reply::raw(200, "content-encoding: gzip\r\n", 40, &BOMB[..40])).await;
    assert!(matches!(cut, ApiError::Unreachable { .. } | ApiError::Malformed { .. }), "{cut}");
}

/// A server that drips bytes ends by the clock of the whole answer, one that falls silent by that of a single read.
#[tokio::test]
async fn a_dripping_answer_ends_by_the_clock() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{\"data\":[";
    let error = page_error(Reply::Drip(head.into())).await;
    let ApiError::Unreachable { waited, .. } = &error else { panic!("{error}") };
    assert!(*waited >= Duration::from_millis(350), "{waited:?}");

    let redis = RedisServer::started().await;
    let server = Server::answering([Reply::Silence(head.into())]).await;
    let mut config = ClientConfig::new(&server.url, "8f3c".into(), ApiKey::new(KEY));
    config.read_timeout = Duration::from_millis(100);
    let client = Client::new(config, Budget::new(redis.client(), BudgetSettings::default()).unwrap()).unwrap();
    let error = page(&client, None).await.unwrap_err();
    let ApiError::Unreachable { waited, .. } = &error else { panic!("{error}") };
    assert!(*waited < Duration::from_secs(30), "long before the time for a whole call: {waited:?}");
}

/// A proxy that sends back the request's headers sends back the key.
#[tokio::test]
async fn a_key_that_comes_back_in_an_answer_is_not_told() {
    let echo = format!("<html>Bad request: authorization: Bearer {KEY}</html>");
    for status in [400, 403, 404, 409, 502] {
        let error = page_error(Reply::new(status, "", &echo)).await;
        assert!(error.to_string().contains("<the API key>"), "what else it says is kept: {error}");
    }
    page_error(Reply::new(401, "", &echo)).await;
    let cut = page_error(Reply::new(400, "", &format!("{}{KEY}", "x".repeat(490)))).await;
    assert!(!cut.to_string().contains(&KEY[..5]), "not even its beginning: {cut}");
    page_error(Reply::new(400, "", &format!(r#"{{"code":"{KEY}","message":"{KEY}"}}"#))).await;
    page_error(Reply::new(200, "", &format!(r#"{{"data":"{KEY}"}}"#))).await;
    page_error(Reply::new(302, &format!("location: http://127.0.0.1:1/{KEY}\r\n"), "")).await;
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let redis = RedisServer::started().await;
    let client = client("http://127.0.0.1:1", &redis, BudgetSettings::default());
    let error = page(&client, None).await.unwrap_err();
    assert!(matches!(error, ApiError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_trusted_is_refused_whole() {
    let flaw = async |reply| match page_error(reply).await {
        ApiError::Malformed { flaw, .. } => flaw,
        other => panic!("{other}"),
    };
    assert!(matches!(flaw(Reply::new(200, "", "<html></html>")).await, Flaw::Unreadable { .. }));
    assert_eq!(flaw(Reply::new(200, "", r#"{"data":[],"links":{"next":"tok"}}"#)).await, Flaw::CursorLoop);
    let three = r#"{"data":[{"accountId":"a"},{"accountId":"b"},{"accountId":"c"}]}"#;
    assert_eq!(flaw(Reply::new(200, "", three)).await, Flaw::PageTooLarge { asked: 2, got: 3 });
    let large = format!(r#"{{"data":[],"x":"{}"}}"#, "x".repeat(10_000));
    assert_eq!(flaw(Reply::new(200, "", &large)).await, Flaw::BodyTooLarge { limit: 10_000 });
    assert_eq!(flaw(Reply::new(302, "location: http://127.0.0.1:1/\r\n", "")).await, Flaw::Status { status: 302 });
}
