//! Reading a stream that any program may write to.

use std::collections::HashMap;
use std::time::Duration;

use orgmirror_queue::{Inbox, InboxEntry};

use crate::world::{LEASE, Server, until};

const WAIT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(50);

fn inbox(redis: &Server) -> Inbox {
    Inbox::new(redis.url(), "requests", "coordinators").lease(LEASE)
}

async fn add(redis: &Server, text: &str) -> String {
    redis.ask(&format!("XADD requests * request {text}")).await
}

/// Waits for entries; outages in between show as empty batches.
async fn some(inbox: &Inbox) -> Vec<InboxEntry> {
    for _ in 0..100 {
        let batch = inbox.next_batch(10, WAIT).await;
        if !batch.is_empty() {
            return batch;
        }
    }
    panic!("no entries came");
}

/// What was there before the first reader is read too, once; acknowledged entries are gone.
#[tokio::test]
async fn entries_are_read_and_removed() {
    let redis = Server::start().await;
    let ids = [add(&redis, "a").await, add(&redis, "b").await, add(&redis, "c").await];
    let inbox = inbox(&redis);
    let first = inbox.next_batch(2, WAIT).await;
    let second = inbox.next_batch(2, WAIT).await;
    let all: Vec<_> = first.iter().chain(&second).collect();
    assert_eq!(all.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ids);
    assert_eq!((all[0].fields["request"].as_slice(), all[0].delivery), (b"a".as_slice(), 1));
    for entry in all {
        inbox.acknowledge(&entry.id).await.unwrap();
    }
    assert_eq!(redis.ask::<u64>("XLEN requests").await, 0);
    assert!(inbox.next_batch(2, SHORT).await.is_empty());
}

/// What nobody acknowledged comes back after the lease, to another reader and to the same.
#[tokio::test]
async fn abandoned_entries_come_back() {
    let redis = Server::start().await;
    let id = add(&redis, "a").await;
    let (dead, living) = (inbox(&redis), inbox(&redis));
    assert_eq!(dead.next_batch(1, WAIT).await[0].delivery, 1);
    drop(dead);
    for delivery in 2..4 {
        let batch = some(&living).await;
        assert_eq!((batch[0].id.as_str(), batch[0].delivery), (id.as_str(), delivery));
    }
    living.acknowledge(&id).await.unwrap();
    assert_eq!(redis.ask::<u64>("XLEN requests").await, 0);
}

/// A rejected entry is set aside as it was, bytes that are no text included, with the reason.
#[tokio::test]
async fn rejected_entries_are_set_aside() {
    let redis = Server::start().await;
    let mut command = redis::cmd("XADD");
    command.arg("requests").arg("*").arg("request").arg(&b"\xff\x00{"[..]).arg("by").arg("somebody");
    let _: String = command.query_async(&mut redis.connection().await).await.unwrap();
    let inbox = inbox(&redis);
    let batch = inbox.next_batch(1, WAIT).await;
    inbox.reject(&batch[0], "no JSON").await.unwrap();
    assert_eq!(redis.ask::<u64>("XLEN requests").await, 0);
    let rejected: Vec<(String, HashMap<String, Vec<u8>>)> = redis.ask("XRANGE requests:rejected - +").await;
    let fields = &rejected[0].1;
    assert_eq!(fields["request"], b"\xff\x00{");
    assert_eq!((fields["by"].as_slice(), fields["reason"].as_slice()), (b"somebody".as_slice(), b"no JSON".as_slice()));
}

/// Killed, restarted empty, and flushed: the reader goes on.
#[tokio::test]
async fn outages_are_survived() {
    let redis = Server::start().await;
    let inbox = inbox(&redis);
    assert!(inbox.next_batch(1, SHORT).await.is_empty());
    redis.kill();
    assert!(inbox.next_batch(1, SHORT).await.is_empty());
    assert!(inbox.acknowledge("0-1").await.is_err());
    redis.start_again().await;
    add(&redis, "a").await;
    assert_eq!(some(&inbox).await[0].fields["request"], b"a");
    let _: () = redis.ask("FLUSHALL").await;
    add(&redis, "b").await;
    let batch = some(&inbox).await;
    assert_eq!(batch[0].fields["request"], b"b");
    until("acknowledging works", || async { inbox.acknowledge(&batch[0].id).await.is_ok() }).await;
}
