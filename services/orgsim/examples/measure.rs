//! Measures the simulator at full size: `cargo run --release -p orgmirror-orgsim --example measure -- [users] [groups]`.

use std::time::{Duration, Instant};

use orgmirror_orgsim::{Simulator, SimulatorConfig};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut sizes = std::env::args().skip(1).map(|size| size.parse::<usize>());
    let users = sizes.next().transpose()?.unwrap_or(120_000);
    let groups = sizes.next().transpose()?.unwrap_or(110_000);
    let begin = Instant::now();
    let config = SimulatorConfig { users, groups, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config.clone()).await?;
    eprintln!("generated in {:?}, resident {} MB", begin.elapsed(), resident_mb());

    let client = reqwest::Client::builder().no_proxy().build()?;
    let search = |what: &str| format!("{}/admin/v2/orgs/{}/directories/-/{what}/search", simulator.base_url(), config.org_id);
    let everything = json!(["platformRoles", "counts.resources", "productAccess", "groups"]);
    walk("users", &client, &search("users"), &config.api_key, json!({"limit": 100, "expand": everything})).await?;
    let counts = json!(["counts.users", "counts.resources"]);
    walk("groups", &client, &search("groups"), &config.api_key, json!({"limit": 100, "expand": counts})).await?;

    let ids: Vec<String> = client.get(format!("{}/_sim/first?limit=10", simulator.base_url())).send().await?.json().await?;
    let begin = Instant::now();
    for _ in 0..200 {
        let body = json!({"accountIds": ids, "expand": everything});
        client.post(search("users")).bearer_auth(&config.api_key).json(&body).send().await?.bytes().await?;
    }
    eprintln!("10 accounts by id: {:?} a call", begin.elapsed() / 200);

    let directories = format!("{}/admin/v2/orgs/{}/directories", simulator.base_url(), config.org_id);
    let directories: Value = client.get(directories).bearer_auth(&config.api_key).send().await?.json().await?;
    let directory = directories["data"][0]["directoryId"].as_str().unwrap_or_default().to_owned();
    let v1 = format!("{}/admin/v1/orgs/{}/users", simulator.base_url(), config.org_id);
    let begin = Instant::now();
    for _ in 0..50 {
        client.get(&v1).bearer_auth(&config.api_key).send().await?.bytes().await?;
    }
    eprintln!("a page of managed accounts: {:?}", begin.elapsed() / 50);
    for lag_ms in [0, 60_000] {
        let lag = json!({"lag": {"suspend_ms": lag_ms}});
        client.put(format!("{}/_sim/switches", simulator.base_url())).json(&lag).send().await?.error_for_status()?;
        let begin = Instant::now();
        for id in ids.iter().cycle().take(200) {
            let verb = if lag_ms == 0 { "suspend" } else { "restore" };
            let url =
                format!("{}/admin/v2/orgs/{}/directories/{}/users/{id}/{verb}", simulator.base_url(), config.org_id, directory);
            client.post(url).bearer_auth(&config.api_key).send().await?.bytes().await?;
        }
        eprintln!("a write whose reads lag {lag_ms} ms: {:?}, resident {} MB", begin.elapsed() / 200, resident_mb());
    }

    let begin = Instant::now();
    let digest = client.get(format!("{}/_sim/digest", simulator.base_url())).send().await?.text().await?;
    eprintln!("digest in {:?}: {digest}", begin.elapsed());
    let begin = Instant::now();
    let truth = client.get(format!("{}/_sim/truth/accounts", simulator.base_url())).send().await?.bytes().await?.len();
    eprintln!("truth of accounts in {:?}: {} MB", begin.elapsed(), truth / 1_000_000);
    eprintln!("resident at the end, this client included: {} MB", resident_mb());
    simulator.stop().await;
    Ok(())
}

/// Walks a list, and says how long the calls took and what it weighs. Reading the JSON is not part of the time.
async fn walk(what: &str, client: &reqwest::Client, url: &str, key: &str, mut body: Value) -> Result<(), Failure> {
    let (mut pages, mut bytes, mut first_byte, mut waited) = (0_u32, 0_usize, Duration::ZERO, Duration::ZERO);
    loop {
        let begin = Instant::now();
        let answer = client.post(url).bearer_auth(key).json(&body).send().await?;
        first_byte += begin.elapsed();
        let page = answer.bytes().await?;
        waited += begin.elapsed();
        pages += 1;
        bytes += page.len();
        // The links are the end of the page; the rest needn't be understood.
        let tail = String::from_utf8_lossy(&page[page.len().saturating_sub(4_000)..]).into_owned();
        let links = tail.rfind("\"links\":").map(|at| &tail[at + 8..tail.len() - 1]).unwrap_or("{}");
        let links: Value = serde_json::from_str(links)?;
        let Some(next) = links["next"].as_str() else { break };
        body["cursor"] = json!(next);
    }
    let (to_first_byte, whole) = (first_byte / pages, waited / pages);
    eprintln!(
        "{what}: {pages} pages in {waited:?}; each {to_first_byte:?} to its first byte, {whole:?} whole, {} bytes",
        bytes / pages as usize
    );
    Ok(())
}

/// The resident memory of this process, where the system tells.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or_default() / 1_024
}
