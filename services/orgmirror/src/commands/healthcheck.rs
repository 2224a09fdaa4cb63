//! `orgmirror healthcheck`: asks the service beside it whether it is ready. For containers, whose image has no shell and no other client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use orgmirror_runtime::config::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::outcome::Outcome;

/// A service that needs longer is not ready.
const PATIENCE: Duration = Duration::from_secs(4);

pub(crate) async fn run(config: &Config) -> Result<Outcome> {
    let listen =
        config.metrics.listen.context("no address to ask; set ORGMIRROR_METRICS__LISTEN as it is set for the service")?;
    let address = within_reach(listen);
    let answer =
        timeout(PATIENCE, ask(address)).await.with_context(|| format!("no answer from {address} within {PATIENCE:?}"))?;
    let answer = answer.with_context(|| format!("ask {address} whether it is ready"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    println!("{}", body.trim());
    Ok(if is_good(head) { Outcome::Done } else { Outcome::Failed })
}

/// Where a service that listens there can be reached from beside it.
fn within_reach(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn is_good(head: &str) -> bool {
    head.split_ascii_whitespace().nth(1) == Some("200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_means_all_is_asked_on_this_machine() {
        for (listen, asked) in [("0.0.0.0:9464", "127.0.0.1:9464"), ("[::]:1", "[::1]:1"), ("10.0.0.7:2", "10.0.0.7:2")] {
            assert_eq!(listen.parse().map(within_reach), asked.parse());
        }
    }

    #[test]
    fn only_200_is_good() {
        assert!(is_good("HTTP/1.1 200 OK\r\ncontent-type: application/json"));
        assert!(!is_good("HTTP/1.1 503 Service Unavailable"));
        assert!(!is_good(""));
    }
}
