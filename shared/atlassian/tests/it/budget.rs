//! One budget for all workers of a key: its rate, its reserve, its pause, and life without Redis.

use std::time::{Duration, Instant};

use orgmirror_atlassian::{ApiKey, BudgetSettings, BudgetWait, Client, Lane, Operation, WaitReason};
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

#[tokio::test]
async fn without_a_rate_one_question_grants_several_calls() {
    let redis = RedisServer::started().await;
    let client = client(NOBODY, &redis, BudgetSettings::default());
    assert_eq!(granted(&client, Lane::Bulk, 400).await, 400);
    let scripts = redis.scripts_run().await;
    assert!((100..150).contains(&scripts), "{scripts}");
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
