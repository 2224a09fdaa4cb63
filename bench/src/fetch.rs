//! The least that reading an organisation can take: every page over bare HTTP, its body read and dropped.
//!
//! A cursor chain is sequential, so connections are kept busy by several chains: users by their second factor and claim, and these as
//! well as groups from both ends, each end up to the middle. The pages ask for what the mirror holds and for nothing more, in the
//! product's own order.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::simulator::Simulator;

/// Rows on a full page.
const PAGE: u64 = 100;
/// The links are at a page's end and the cursor is all that is needed of it: so much of the end holds them.
const LINKS_WITHIN: usize = 4_096;
/// Values of the filters that split users; everybody has one of each.
const CLAIMS: [&str; 2] = ["managed", "unmanaged"];
const SECOND_FACTORS: [bool; 2] = [true, false];

/// All chains, longest first.
#[derive(Debug)]
pub(crate) struct Walks(Vec<Walk>);

/// One chain: so many pages of a list from one end.
#[derive(Debug)]
struct Walk {
    list: &'static str,
    body: Value,
    pages: u64,
}

/// What fetching everything took.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) seconds: f64,
    pub(crate) pages: u64,
    pub(crate) bytes: u64,
}

impl Walks {
    /// Counts the rows of each filter, so that both ends of it meet in the middle.
    pub(crate) async fn plan(simulator: &Simulator) -> Result<Self> {
        let mut walks = Vec::new();
        for claim in CLAIMS {
            for second_factor in SECOND_FACTORS {
                let query = format!("claimStatus={claim}&mfaEnabled={second_factor}");
                let body = json!({
                    "limit": PAGE, "expand": ["platformRoles", "productAccess", "groups"],
                    "claimStatus": claim, "mfaEnabled": second_factor,
                });
                both_ends(&mut walks, "users", "nick_name", &body, count(simulator, "users", &query).await?);
            }
        }
        let body = json!({ "limit": PAGE, "expand": ["counts.resources", "counts.users"] });
        both_ends(&mut walks, "groups", "name", &body, count(simulator, "groups", "").await?);
        walks.sort_by_key(|walk| std::cmp::Reverse(walk.pages));
        Ok(Self(walks))
    }

    /// How many chains can be under way at once.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Fetches everything over so many connections, which are made anew.
    pub(crate) async fn fetch(&self, simulator: &Simulator, connections: usize) -> Result<Fetched> {
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(connections).build().context("make a client")?;
        let start = Instant::now();
        let chains = self.0.iter().map(|walk| walk.fetch(simulator, &http));
        let bytes: u64 =
            stream::iter(chains).buffer_unordered(connections).try_fold(0, async |sum, bytes| Ok(sum + bytes)).await?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Fetched { seconds, pages: self.0.iter().map(|walk| walk.pages).sum(), bytes })
    }
}

fn both_ends(walks: &mut Vec<Walk>, list: &'static str, sort_field: &str, body: &Value, rows: u64) {
    let pages = rows.div_ceil(PAGE);
    for (direction, pages) in [("asc", pages.div_ceil(2)), ("desc", pages / 2)] {
        if pages > 0 {
            let mut body = body.clone();
            body["sortBy"] = json!([{ "field": sort_field, "direction": direction }]);
            walks.push(Walk { list, body, pages });
        }
    }
}

async fn count(simulator: &Simulator, list: &str, query: &str) -> Result<u64> {
    #[derive(Deserialize)]
    struct Count {
        count: u64,
    }
    let url = format!("{}?{query}", address(simulator, list, "count"));
    let answer = simulator.http.get(url).bearer_auth(&simulator.api_key).send().await.with_context(|| format!("count {list}"))?;
    let count: Count = answer.error_for_status()?.json().await.with_context(|| format!("read the count of {list}"))?;
    Ok(count.count)
}

fn address(simulator: &Simulator, list: &str, call: &str) -> String {
    format!("{}/admin/v2/orgs/{}/directories/-/{list}/{call}", simulator.base_url, simulator.org_id)
}

impl Walk {
    /// Bytes of all its pages.
    async fn fetch(&self, simulator: &Simulator, http: &reqwest::Client) -> Result<u64> {
        let url = address(simulator, self.list, "search");
        let mut body = self.body.clone();
        let mut bytes = 0;
        for page in 1..=self.pages {
            let answer = http.post(&url).bearer_auth(&simulator.api_key).json(&body).send().await.context("fetch a page")?;
            ensure!(answer.status().is_success(), "a page of {} was answered with {}", self.list, answer.status());
            let answer = answer.bytes().await.context("read a page")?;
            bytes += answer.len() as u64;
            match next_cursor(&answer) {
                Some(cursor) => body["cursor"] = json!(cursor),
                None if page < self.pages => bail!("the chain of {} ended at page {page} of {}", self.list, self.pages),
                None => {}
            }
        }
        Ok(bytes)
    }
}

/// The rows before the links are not looked at.
fn next_cursor(page: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Links {
        next: Option<String>,
    }
    const KEY: &str = "\"links\":";
    let tail = String::from_utf8_lossy(&page[page.len().saturating_sub(LINKS_WITHIN)..]);
    let links = &tail[tail.rfind(KEY)? + KEY.len()..];
    let links: Links = serde_json::from_str(links.strip_suffix('}')?).ok()?;
    links.next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_found_behind_any_rows() {
        let page =
            |links: &str| format!(r#"{{"data":[{{"name":"{}","links":1}}],"links":{links}}}"#, "ü".repeat(5_000)).into_bytes();
        assert_eq!(next_cursor(&page(r#"{"self":"a","next":"b"}"#)).as_deref(), Some("b"));
        assert_eq!(next_cursor(&page(r#"{"self":"a"}"#)), None);
    }

    #[test]
    fn both_ends_read_every_page_once() {
        for (rows, pages) in [(0, vec![]), (100, vec![1]), (101, vec![1, 1]), (250, vec![2, 1])] {
            let mut walks = Vec::new();
            both_ends(&mut walks, "users", "nick_name", &json!({}), rows);
            assert_eq!(walks.iter().map(|walk| walk.pages).collect::<Vec<_>>(), pages);
        }
    }
}
