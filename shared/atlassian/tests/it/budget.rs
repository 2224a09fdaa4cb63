//! One budget for all workers of a key: its rate, its reserve, its pause, and life without Redis.

use std::time::{Duration, Instant};

use orgmirror_atlassian::{ApiKey, BudgetSettings, BudgetWait, Client, Family, Lane, Operation, WaitReason};
use orgmirror_domain::query::UserFilter;

use crate::redis_server::RedisServer;
use crate::server::{Reply, Server};
use crate::{client, client_with, permit};

const NOBODY: &str = "http://127.0.0.1:1";

fn rate(per_minute: u32, burst: u32) -> BudgetSettings {
    BudgetSettings { per_minute: Some(per_minute), burst, ..BudgetSettings::default() }
}

async fn ask(client: &Client, lane: Lane) -> Result<(), BudgetWait> {
    client.permit(lane, Operation::UsersCount).await.map(drop)
}

async fn granted(client: &Client, lane: Lane, times: usize) -> usize {
    let mut granted = 0;
    for _ in 0..times {
        granted += usize::from(ask(client, lane).await.is_ok());
    }
    granted
}

/// Makes one call that meets a 429 without telling anyone.
async fn offend(client: &Client) {
    let permit = permit(client, Operation::UsersCount).await;
    client.users_count(permit, &UserFilter::default()).await.unwrap_err();
}

#[tokio::test]
async fn bulk_leaves_a_reserve_and_workers_share_the_rest() {
    let redis = RedisServer::started().await;
    let (one, two) = (client(NOBODY, &redis, rate(6, 8)), client(NOBODY, &redis, rate(6, 8)));
    let (first, second) = tokio::join!(granted(&one, Lane::Bulk, 8), granted(&two, Lane::Bulk, 8));
    assert_eq!(first + second, 6, "a quarter of the burst is left");
    assert_eq!(granted(&two, Lane::Interactive, 8).await, 2);
    let wait = ask(&one, Lane::Interactive).await.unwrap_err();
    assert_eq!(wait.reason, WaitReason::Rate);
    assert!(wait.retry_in > Duration::from_secs(8) && wait.retry_in < Duration::from_secs(11), "{wait}");
}

#[tokio::test]
async fn what_is_used_up_comes_back_with_the_rate() {
    let redis = RedisServer::started().await;
    let client = client(NOBODY, &redis, rate(600, 1));
    assert_eq!(granted(&client, Lane::Interactive, 3).await, 1);
    let started = Instant::now();
    for _ in 0..5 {
        let _ = permit(&client, Operation::UsersCount).await;
    }
    let took = started.elapsed();
    assert!(took > Duration::from_millis(400) && took < Duration::from_millis(1500), "{took:?}");
}

/// Calls that are answered open the budget; from then on one question grants many.
#[tokio::test]
async fn without_a_limit_one_question_grants_many_calls() {
    let redis = RedisServer::started().await;
    let server = Server::answering([Reply::new(200, "", r#"{"count":1}"#)]).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    let count = async || {
        let permit = permit(&client, Operation::UsersCount).await;
        client.users_count(permit, &UserFilter::default()).await.unwrap()
    };
    let mut calls = 0;
    let mut asked = redis.scripts_run().await;
    loop {
        for _ in 0..32 {
            count().await;
        }
        calls += 32;
        let before = std::mem::replace(&mut asked, redis.scripts_run().await);
        // A question grants sixteen calls, as long as they are used at once.
        if asked - before <= 8 {
            break;
        }
        assert!(calls < 3000, "the budget never opens");
    }
    assert!(calls > 32, "the first calls are asked for one by one");
}

#[tokio::test]
async fn what_the_answers_teach_is_there_to_read() {
    let redis = RedisServer::started().await;
    let told = "x-ratelimit-limit: 300\r\nx-ratelimit-remaining: 9\r\n";
    let replies = [
        Reply::new(200, "", r#"{"count":1}"#),
        Reply::new(429, "retry-after: 1\r\n", ""),
        Reply::new(200, told, r#"{"count":1}"#),
    ];
    let server = Server::answering(replies).await;
    let client = client(&server.url, &redis, BudgetSettings::default());
    let general = async || client.budget_state().await.unwrap().pop().unwrap();
    assert_eq!((general().await.family, general().await.learnt_per_minute), (Family::General, None));

    for answered in [true, false] {
        let permit = permit(&client, Operation::UsersCount).await;
        assert_eq!(client.users_count(permit, &UserFilter::default()).await.is_ok(), answered);
    }
    let state = general().await;
    assert_eq!((state.granted, state.refused), (2, 1));
    assert!(state.learnt_per_minute.is_some() && state.doubt == Some(0.5), "{state:?}");
    assert!(state.paused_until > state.refused_at && state.refused_at.is_some(), "{state:?}");
    assert_eq!(ask(&client, Lane::Bulk).await.unwrap_err().reason, WaitReason::Paused);

    let permit = permit(&client, Operation::UsersCount).await;
    client.users_count(permit, &UserFilter::default()).await.unwrap();
    assert_eq!(general().await.learnt_per_minute, Some(300.0), "told by the headers");
}

/// The documented limit of one family is its ceiling from the first call on, and concerns no other.
#[tokio::test]
async fn families_have_budgets_of_their_own() {
    let redis = RedisServer::started().await;
    let client = client(NOBODY, &redis, BudgetSettings::default());
    let mut granted = 0;
    while client.permit(Lane::Interactive, Operation::Events).await.is_ok() {
        granted += 1;
    }
    assert_eq!(granted, 10, "the burst");
    let wait = client.permit(Lane::Interactive, Operation::EventActions).await.unwrap_err();
    assert!(wait.retry_in > Duration::from_secs(4), "ten calls a minute: {wait}");
    assert!(client.permit(Lane::Bulk, Operation::EventStream).await.is_ok());
    assert_eq!(ask(&client, Lane::Bulk).await, Ok(()));
}

#[tokio::test]
async fn one_workers_429_stops_all_with_the_same_key() {
    let redis = RedisServer::started().await;
    let server = Server::answering([Reply::new(429, "retry-after: 1\r\n", "")]).await;
    let [one, two] = [(); 2].map(|()| client(&server.url, &redis, BudgetSettings::default()));
    let other = client_with(ApiKey::new("another key"), &server.url, &redis, BudgetSettings::default());
    offend(&one).await;
    let ended = Instant::now() + Duration::from_secs(1);
    for worker in [&one, &two] {
        let wait = ask(worker, Lane::Interactive).await.unwrap_err();
        assert_eq!(wait.reason, WaitReason::Paused);
        assert!(wait.retry_in <= Duration::from_millis(1250), "{wait}");
    }
    assert_eq!(ask(&other, Lane::Bulk).await, Ok(()));
    let _ = permit(&two, Operation::UsersCount).await;
    assert!(Instant::now() + Duration::from_millis(20) >= ended, "the pause was cut short");
}

#[tokio::test]
async fn pauses_that_nobody_timed_grow_with_each_429_in_a_row() {
    let redis = RedisServer::started().await;
    let server = Server::answering([Reply::new(429, "", "")]).await;
    let [one, two] = [(); 2].map(|()| client(&server.url, &redis, BudgetSettings::default()));
    // Both hold their permits before either is refused: in flight together, they are one offence.
    let permits = (permit(&one, Operation::UsersCount).await, permit(&two, Operation::UsersCount).await);
    one.users_count(permits.0, &UserFilter::default()).await.unwrap_err();
    two.users_count(permits.1, &UserFilter::default()).await.unwrap_err();
    let first = ask(&one, Lane::Bulk).await.unwrap_err().retry_in;
    assert!(first < Duration::from_millis(1300), "{first:?}");
    offend(&two).await;
    let second = ask(&two, Lane::Bulk).await.unwrap_err().retry_in;
    assert!(second > Duration::from_millis(1700) && second < Duration::from_millis(2300), "{second:?}");
}

#[tokio::test]
async fn without_redis_calls_are_slow_and_never_fail() {
    let mut redis = RedisServer::absent();
    let settings = BudgetSettings { alone_per_second: 5.0, ..BudgetSettings::default() };
    let client = client(NOBODY, &redis, settings);
    let started = Instant::now();
    assert_eq!(ask(&client, Lane::Bulk).await, Ok(()));
    assert_eq!(ask(&client, Lane::Bulk).await.unwrap_err().reason, WaitReason::Alone);
    for _ in 0..5 {
        let _ = permit(&client, Operation::UsersCount).await;
    }
    assert!(started.elapsed() > Duration::from_millis(900), "five calls a second: {:?}", started.elapsed());

    redis.start().await;
    let back = Instant::now();
    while granted(&client, Lane::Bulk, 50).await < 50 {
        assert!(back.elapsed() < Duration::from_secs(5), "Redis is back and not believed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    redis.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(granted(&client, Lane::Bulk, 50).await <= 3, "a Redis lost on the way is no licence");
}
