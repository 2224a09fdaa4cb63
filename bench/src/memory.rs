//! How much memory processes had at their peak, as the kernel and Redis remember it.

use anyhow::{Context, Result};

use crate::installation::Installation;
use crate::lab::Lab;
use crate::report::Figure;

/// Peaks of the worker, the coordinator and Redis since they started. They must still run.
pub(crate) async fn figures(lab: &Lab, installation: &Installation) -> Result<Vec<Figure>> {
    let of_service = |name: &str| peak_resident(installation.pid(name).with_context(|| format!("the {name} has ended"))?);
    let redis = lab.servers.redis.pid().context("Redis has ended")?;
    let used = redis_peak(lab).await?;
    let resident = "highest resident size";
    Ok(vec![
        Figure::megabytes("memory of the worker", resident, of_service("worker-1")?).at_most(64.0),
        Figure::megabytes("memory of the coordinator", resident, of_service("coordinator")?).at_most(64.0),
        Figure::megabytes(
            "memory of Redis",
            format!("{resident}; {:.1} MB of it data", used as f64 / 1e6),
            peak_resident(redis)?,
        )
        .at_most(32.0),
    ])
}

/// The kernel keeps the peak for as long as the process lives, so one look at the end is enough.
pub(crate) fn peak_resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("read the state of a process")?;
    let kb = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
    let kb: u64 = kb.context("the kernel tells no peak of resident memory")?.trim().parse().context("read a peak of memory")?;
    Ok(kb * 1_024)
}

async fn redis_peak(lab: &Lab) -> Result<u64> {
    let mut redis = lab.redis().await?;
    let info: String = redis::cmd("INFO").arg("memory").query_async(&mut redis).await.context("ask Redis for its memory")?;
    let peak = info.lines().find_map(|line| line.strip_prefix("used_memory_peak:"));
    peak.context("Redis tells no peak of memory")?.trim().parse().context("read the peak of Redis")
}
