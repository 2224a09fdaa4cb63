//! What the console is told by its caller.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::Uri;
use orgmirror_domain::ids::{OrgId, OrgKey};
use orgmirror_domain::licence::Savings;
use orgmirror_domain::operation::Limits;
use orgmirror_domain::schedule::Schedule;

/// What the console is told by its caller.
#[derive(Clone, Debug)]
pub struct ConsoleSettings {
    /// The organisation that it serves.
    pub org: OrgKey,
    /// The same, in the API's words.
    pub org_id: OrgId,
    /// Under which address browsers reach it.
    pub public_url: PublicUrl,
    /// After so long without use, a person signs in again.
    pub session_idle: Duration,
    /// After so long, a person signs in again.
    pub session_life: Duration,
    /// How long a one-time link works.
    pub link_life: Duration,
    /// What operations may do without, and may never do.
    pub limits: Limits,
    /// What seats cost.
    pub prices: SeatPrices,
    /// When syncs start by themselves.
    pub schedule: Option<Schedule>,
}

/// What a seat of each product costs, by the API's word, in one currency and for one period.
#[derive(Clone, Debug, Default)]
pub struct SeatPrices {
    /// Shown behind sums.
    pub currency: Option<String>,
    /// By product.
    pub per_seat: BTreeMap<String, f64>,
}

impl SeatPrices {
    /// Of a seat of the product, where it is known.
    pub(crate) fn of(&self, product: &str) -> Option<f64> {
        self.per_seat.get(product).copied()
    }

    /// Whether any price is known.
    pub(crate) fn any(&self) -> bool {
        !self.per_seat.is_empty()
    }

    /// A sum of money.
    pub(crate) fn money(&self, sum: f64) -> String {
        let whole = crate::words::count(sum.round() as i64);
        self.currency.as_ref().map_or_else(|| whole.clone(), |currency| format!("{whole} {currency}"))
    }

    /// A least and a most.
    pub(crate) fn range(&self, savings: Savings) -> String {
        if savings.at_least.round() == savings.at_most.round() {
            self.money(savings.at_least)
        } else {
            format!("{}–{}", crate::words::count(savings.at_least.round() as i64), self.money(savings.at_most))
        }
    }
}

/// Scheme and host under which browsers reach the console. Either `https`, or `http` on this very machine: anything else would send
/// passwords and cookies readable over the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// An address under which the console cannot be used safely.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnsafeAddress {
    /// Unreadable, or with more than scheme, host and port.
    #[error("ORGMIRROR_CONSOLE__PUBLIC_URL is {0:?}; write it as https://console.example.com, without a path")]
    Unreadable(String),
    /// Plain http from another machine.
    #[error(
        "{0} would send passwords readable over the network; let a proxy speak https and set ORGMIRROR_CONSOLE__PUBLIC_URL to its address, or use http://localhost"
    )]
    Plain(String),
    /// It listens for other machines, and nobody said under which address they reach it.
    #[error(
        "the console listens on {0}, for other machines; set ORGMIRROR_CONSOLE__PUBLIC_URL to the https address under which browsers reach it, or listen on 127.0.0.1"
    )]
    Unsaid(SocketAddr),
}

impl PublicUrl {
    /// Reads an address; without one it is where the console listens, if only this machine reaches that.
    pub fn read(text: Option<&str>, listen: SocketAddr) -> Result<Self, UnsafeAddress> {
        match text {
            None if listen.ip().is_loopback() => Ok(Self(format!("http://{listen}"))),
            None => Err(UnsafeAddress::Unsaid(listen)),
            Some(text) => Self::parse(text),
        }
    }

    fn parse(text: &str) -> Result<Self, UnsafeAddress> {
        let unreadable = || UnsafeAddress::Unreadable(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| unreadable())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(unreadable()) };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(unreadable());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let local = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        match scheme {
            "https" => {}
            "http" if local => {}
            "http" => return Err(UnsafeAddress::Plain(text.to_owned())),
            _ => return Err(unreadable()),
        }
        Ok(Self(format!("{scheme}://{}", authority.as_str().to_lowercase())))
    }

    /// Whether browsers reach it by https.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Scheme, host and port, as a browser's `Origin` says them.
    pub fn origin(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_never_cross_the_network_readable() {
        let loopback: SocketAddr = ([127, 0, 0, 1], 8080).into();
        let everywhere: SocketAddr = ([0, 0, 0, 0], 8080).into();
        let read = |text, listen| PublicUrl::read(text, listen).map(|url| url.0);
        assert_eq!(read(None, loopback).as_deref(), Ok("http://127.0.0.1:8080"));
        assert_eq!(read(None, everywhere), Err(UnsafeAddress::Unsaid(everywhere)));
        assert_eq!(read(Some("https://Console.example.com/"), everywhere).as_deref(), Ok("https://console.example.com"));
        assert_eq!(read(Some("http://localhost:9"), everywhere).as_deref(), Ok("http://localhost:9"));
        assert_eq!(read(Some("http://[::1]:9"), everywhere).as_deref(), Ok("http://[::1]:9"));
        assert!(matches!(read(Some("http://console.example.com"), everywhere), Err(UnsafeAddress::Plain(_))));
        for wrong in ["console.example.com", "https://a@b", "https://a/path", "https://a?x", "ftp://localhost"] {
            assert!(matches!(read(Some(wrong), loopback), Err(UnsafeAddress::Unreadable(_))), "{wrong}");
        }
    }
}
