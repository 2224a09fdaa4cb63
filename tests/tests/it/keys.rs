//! The organisation's API key: sealed, dated, and told to nobody.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use orgmirror_atlassian::{ApiKey, KeyRing, StoredKey};
use orgmirror_domain::ids::OrgId;
use orgmirror_tests::{Processes, Size};
use secrecy::SecretString;
use serde_json::Value;

const SEALING_KEY: &str = "first AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

async fn doctor(processes: &Processes, settings: &[(&str, &str)]) -> Result<(Option<i32>, Vec<Value>)> {
    let told = processes.command(&["doctor", "--json"], settings).await?;
    Ok((told.status.code(), serde_json::from_slice(&told.stdout)?))
}

fn finding<'a>(findings: &'a [Value], part: &str) -> Result<(&'a str, &'a str)> {
    let finding = findings.iter().find(|finding| finding["part"] == part).with_context(|| format!("nothing about the {part}"))?;
    Ok((finding["health"].as_str().unwrap_or_default(), finding["found"].as_str().unwrap_or_default()))
}

/// A sealed key serves whoever has the sealing key, tells its last day, and is useless without.
#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_key() -> Result<()> {
    let processes = Processes::of(Size::of(120, 10)).await?;
    let folder = tempfile::tempdir()?;
    let (key_file, sealing_file) = (folder.path().join("key"), folder.path().join("sealing-key"));
    std::fs::write(&sealing_file, SEALING_KEY)?;
    let stored = StoredKey { key: ApiKey::new(processes.world.sim.key()), expires_on: "2099-12-31".parse().ok() };
    let envelope = KeyRing::parse(&SecretString::from(SEALING_KEY))?.seal(&OrgId::from(processes.world.sim.org_id()), &stored)?;
    std::fs::write(&key_file, envelope)?;
    let path = |path: &Path| path.display().to_string();
    let (key_file, sealing_file) = (path(&key_file), path(&sealing_file));
    let sealed = ("ORGMIRROR_ATLASSIAN__API_KEY_FILE", key_file.as_str());
    let opened = [sealed, ("ORGMIRROR_ATLASSIAN__SEALING_KEY_FILE", sealing_file.as_str())];

    let _services = [processes.start("coordinator", "")?, processes.start_with("worker", "", &opened)?];
    let synced = processes.command(&["sync", "--wait"], &opened).await?;
    ensure!(synced.status.success(), "{}", String::from_utf8_lossy(&synced.stderr));
    let (status, findings) = doctor(&processes, &opened).await?;
    assert_eq!(status, Some(0), "{findings:?}");
    for part in ["database", "queue", "API key", "API", "syncs"] {
        assert_eq!(finding(&findings, part)?.0, "good", "{findings:?}");
    }
    assert!(finding(&findings, "API key")?.1.contains("days left"), "{findings:?}");
    let told = processes.command(&["status", "--json"], &opened).await?;
    let told: Value = serde_json::from_slice(&told.stdout)?;
    assert_eq!(told["key_expires_on"], "2099-12-31");

    let (status, findings) = doctor(&processes, &[sealed]).await?;
    assert_eq!((status, finding(&findings, "API key")?.0), (Some(1), "bad"));
    assert!(finding(&findings, "API key")?.1.contains("no sealing key is configured"), "{findings:?}");
    Ok(())
}

/// Whatever is logged and stored at the finest level, the key is in none of it.
/// Method: sync with logs at trace, hold the run by a key that is refused, then search logs, Redis's whole memory and every row.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_nowhere() -> Result<()> {
    let processes = Processes::of(Size::of(260, 40)).await?;
    let folder = tempfile::tempdir()?;
    let key = processes.world.sim.key().to_owned();
    let trace = [("RUST_LOG", "trace")];
    let logs = [folder.path().join("coordinator.log"), folder.path().join("worker.log")];
    let services =
        [processes.start_logged("coordinator", &trace, &logs[0])?, processes.start_logged("worker", &trace, &logs[1])?];
    let synced = processes.command(&["sync", "--wait"], &trace).await?;
    ensure!(synced.status.success(), "{}", String::from_utf8_lossy(&synced.stderr));
    processes.world.sim.set_key("another-key-than-the-workers-have").await?;
    let held = processes.command(&["sync", "--wait"], &trace).await?;
    assert_eq!(held.status.code(), Some(3), "{}", String::from_utf8_lossy(&held.stderr));
    let mut places: Vec<(String, Vec<u8>)> = vec![
        ("the first sync's words".to_owned(), [synced.stdout, synced.stderr].concat()),
        ("the held sync's words".to_owned(), [held.stdout, held.stderr].concat()),
        ("Redis".to_owned(), processes.memory_of_redis().await?),
    ];
    for service in services {
        service.terminate().await?;
    }
    for log in logs {
        places.push((log.display().to_string(), std::fs::read(log)?));
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
            WHERE table_schema IN ('public', 'mirror')",
    )
    .fetch_all(&processes.world.pool)
    .await?;
    ensure!(tables.len() > 15, "{tables:?}");
    for table in tables {
        let rows = sqlx::AssertSqlSafe(format!("SELECT coalesce(string_agg(row::text, '\n'), '') FROM {table} AS row"));
        let rows: String = sqlx::query_scalar(rows).fetch_one(&processes.world.pool).await?;
        places.push((table, rows.into_bytes()));
    }
    for (place, bytes) in places {
        let told = bytes.windows(key.len()).any(|window| window == key.as_bytes());
        assert!(!told, "the key is in {place}");
        let expected = place.ends_with(".log") || place == "Redis";
        assert!(!expected || bytes.len() > 1_000, "{place} holds {} bytes: it was not searched", bytes.len());
    }
    Ok(())
}
