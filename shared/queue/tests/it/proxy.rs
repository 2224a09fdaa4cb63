//! A way to Redis on which chosen answers get lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// Forwards everything, but cuts the connection in place of forwarding an answer that contains the needle, as often as told.
pub(crate) struct Proxy {
    pub(crate) url: String,
    pub(crate) left: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) async fn start(server: String, needle: &'static [u8], times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let left = Arc::new(AtomicUsize::new(times));
        let counter = left.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(forward(client, server, needle, counter.clone()));
            }
        });
        Self { url, left }
    }
}

async fn forward(client: TcpStream, server: TcpStream, needle: &'static [u8], left: Arc<AtomicUsize>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) = (client.into_split(), server.into_split());
    let answers = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let found = buffer[..length].windows(needle.len()).any(|window| window == needle);
            if found && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
                return;
            }
            if to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = answers => {}
        _ = copy(&mut from_client, &mut to_server) => {}
    }
}
