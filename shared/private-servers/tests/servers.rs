//! The private servers as their users see them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed preparation fails the test")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use orgmirror_private_servers::{
    PostgresOptions, PrivatePostgres, PrivateRedis, ProgramSearch, RedisOptions, StartError, ThrowawayServers,
};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

const GONE_PATIENCE: Duration = Duration::from_secs(30);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn postgres(folder: &Path) -> PrivatePostgres {
    PrivatePostgres::start(folder, PostgresOptions::throwaway()).await.unwrap()
}

async fn redis(folder: &Path) -> PrivateRedis {
    PrivateRedis::start(folder, RedisOptions::default()).await.unwrap()
}

async fn write_word(url: &str, word: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query("CREATE TABLE IF NOT EXISTS words (word text)").execute(&mut connection).await.unwrap();
    sqlx::query("INSERT INTO words VALUES ($1)").bind(word).execute(&mut connection).await.unwrap();
}

async fn words(url: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("SELECT word FROM words ORDER BY word").fetch_all(&mut connection).await.unwrap()
}

async fn setting(url: &str, name: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(&mut connection).await.unwrap()
}

fn works(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/cwd")).read_link().is_ok()
}

async fn wait_until_gone(pids: &[u32]) {
    let gone = async {
        while pids.iter().any(|pid| works(*pid)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(GONE_PATIENCE, gone).await.expect("the servers outlived their owner");
}

/// What `up` promises: the second time everything is still there.
#[tokio::test]
async fn postgres_keeps_its_data() {
    let folder = folder();
    let first = PrivatePostgres::start(folder.path(), PostgresOptions::default()).await.unwrap();
    assert!(first.url().ends_with("/orgmirror"));
    write_word(&first.url(), "kept").await;
    let pid = first.pid().unwrap();
    first.stop().await;
    assert!(!works(pid));

    let second = PrivatePostgres::start(folder.path(), PostgresOptions::default()).await.unwrap();
    assert_eq!(words(&second.url()).await, ["kept"]);
    assert_eq!(setting(&second.url(), "fsync").await, "on");
    assert_eq!(setting(&second.url(), "synchronous_commit").await, "on");
    assert_eq!(setting(&second.url(), "server_encoding").await, "UTF8");
    assert_eq!(setting(&second.url(), "listen_addresses").await, "127.0.0.1");
    second.stop().await;
}

/// A dropped server is gone at once, and what was committed is not.
#[tokio::test]
async fn postgres_dropped_keeps_what_was_committed() {
    let folder = folder();
    let first = postgres(folder.path()).await;
    write_word(&first.url(), "committed").await;
    let pid = first.pid().unwrap();
    drop(first);
    assert!(!works(pid));

    let second = postgres(folder.path()).await;
    assert_eq!(words(&second.url()).await, ["committed"]);
}

#[tokio::test]
async fn postgres_comes_back_at_its_address() {
    let folder = folder();
    let mut postgres = postgres(folder.path()).await;
    let url = postgres.url();
    write_word(&url, "before").await;
    postgres.kill().await;
    assert!(PgConnection::connect(&url).await.is_err());
    postgres.start_again().await.unwrap();
    assert_eq!(postgres.url(), url);
    assert_eq!(words(&url).await, ["before"]);
}

#[tokio::test]
async fn two_side_by_side() {
    let (one, other) = tokio::join!(
        ThrowawayServers::start(PostgresOptions::throwaway()),
        ThrowawayServers::start(PostgresOptions::throwaway())
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_ne!(one.postgres.url(), other.postgres.url());
    assert_ne!(one.redis.url(), other.redis.url());
    write_word(&one.postgres.url(), "one").await;
    write_word(&other.postgres.url(), "other").await;
    assert_eq!(words(&one.postgres.url()).await, ["one"]);
    assert_eq!(words(&other.postgres.url()).await, ["other"]);
    one.stop().await;
    drop(other);
}

#[tokio::test]
async fn one_owner_per_folder() {
    let folder = folder();
    let first = redis(folder.path()).await;
    let refused = PrivateRedis::start(folder.path(), RedisOptions::default()).await.unwrap_err();
    assert!(matches!(refused, StartError::FolderInUse { .. }), "{refused}");
    first.stop().await;
    redis(folder.path()).await.stop().await;
}

#[tokio::test]
async fn redis_loses_everything_at_a_restart() {
    let folder = folder();
    let mut server = redis(folder.path()).await;
    let url = server.url();
    let client = redis::Client::open(url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let () = redis::cmd("SET").arg("word").arg("held").query_async(&mut connection).await.unwrap();
    let policy: Vec<String> = redis::cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut connection).await.unwrap();
    assert_eq!(policy[1], "noeviction");

    server.restart_empty().await.unwrap();
    assert_eq!(server.url(), url);
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let word: Option<String> = redis::cmd("GET").arg("word").query_async(&mut connection).await.unwrap();
    assert_eq!(word, None);

    server.kill().await;
    assert!(client.get_multiplexed_async_connection().await.is_err());
    server.start_again().await.unwrap();
    client.get_multiplexed_async_connection().await.unwrap();
    server.stop().await;
}

/// The error names the program, where it was looked for, and the way out.
#[tokio::test]
async fn missing_programs() {
    let folder = folder();
    let programs = ProgramSearch::only([folder.path().to_owned()]);
    let options = PostgresOptions { programs: programs.clone(), ..PostgresOptions::throwaway() };
    let no_postgres = PrivatePostgres::start(folder.path(), options).await.unwrap_err().to_string();
    let no_redis = PrivateRedis::start(folder.path(), RedisOptions { programs }).await.unwrap_err().to_string();
    for (error, program) in [(no_postgres, "`postgres`"), (no_redis, "`redis-server`")] {
        assert!(error.contains(program), "{error}");
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
        assert!(error.contains("deploy/install-servers.sh"), "{error}");
    }
}

/// What the server said before it gave up is in the error.
#[tokio::test]
async fn failed_start_shows_the_log() {
    let folder = folder();
    postgres(folder.path()).await.stop().await;
    std::fs::write(folder.path().join("cluster/postgresql.conf"), "no_such_setting = 1\n").unwrap();
    let error = PrivatePostgres::start(folder.path(), PostgresOptions::throwaway()).await.unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
    assert!(error.contains("postgres.log"), "{error}");
}

#[tokio::test]
async fn data_of_another_version() {
    let folder = folder();
    postgres(folder.path()).await.stop().await;
    std::fs::write(folder.path().join("cluster/PG_VERSION"), "9\n").unwrap();
    let error = PrivatePostgres::start(folder.path(), PostgresOptions::throwaway()).await.unwrap_err();
    assert!(matches!(error, StartError::WrongVersion { .. }), "{error}");
}

/// As root, Postgres runs as somebody else, who must be able to get to the data.
#[tokio::test]
async fn closed_parent_is_named() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let parent = folder();
    std::fs::set_permissions(parent.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let error = PrivatePostgres::start(&parent.path().join("inner"), PostgresOptions::throwaway()).await.unwrap_err();
    let StartError::FolderClosed { closed, .. } = &error else { panic!("{error}") };
    assert_eq!(closed, &parent.path().canonicalize().unwrap());
    assert!(error.to_string().contains("chmod o+x"), "{error}");
}

/// Servers end with their owner even when it is killed, and the next start finds a usable folder.
/// Method: another process of this test program owns the servers, and gets SIGKILL.
#[tokio::test]
async fn killed_owner_leaves_nothing_running() {
    let (postgres_dir, redis_dir) = (folder(), folder());
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner_of_servers", "--nocapture"])
        .env("OWNER_POSTGRES_DIR", postgres_dir.path())
        .env("OWNER_REDIS_DIR", redis_dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    // The test harness may have begun the line.
    let said = lines.map(Result::unwrap).find_map(|line| line.split_once("pids ").map(|(_, pids)| pids.to_owned())).unwrap();
    let pids: Vec<u32> = said.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    assert!(pids.iter().all(|pid| works(*pid)));

    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until_gone(&pids).await;

    let again = postgres(postgres_dir.path()).await;
    assert_eq!(words(&again.url()).await, ["kept"]);
    redis(redis_dir.path()).await.stop().await;
}

/// No test of its own: the process that `killed_owner_leaves_nothing_running` starts and kills.
#[tokio::test]
async fn owner_of_servers() {
    let Ok(postgres_dir) = std::env::var("OWNER_POSTGRES_DIR") else { return };
    let postgres = postgres(Path::new(&postgres_dir)).await;
    let redis = redis(Path::new(&std::env::var("OWNER_REDIS_DIR").unwrap())).await;
    write_word(&postgres.url(), "kept").await;
    println!("pids {} {}", postgres.pid().unwrap(), redis.pid().unwrap());
    std::future::pending::<()>().await;
}
