//! The computer that is measured on, in one line.

use anyhow::{Context, Result};
use chrono::Utc;

/// What a reader must know to judge the seconds beside the ratios.
#[derive(Debug)]
pub(crate) struct Machine {
    cores: usize,
    memory_gb: f64,
    /// Work waiting for a core before the first measurement: above zero, somebody else was busy.
    load: Option<f64>,
    date: String,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let cores = std::thread::available_parallelism().context("count the cores")?.get();
        let memory = std::fs::read_to_string("/proc/meminfo").context("read the size of the memory")?;
        let kb = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"));
        let kb: f64 = kb.context("no size in /proc/meminfo")?.trim().parse().context("read the size of the memory")?;
        let load = std::fs::read_to_string("/proc/loadavg").ok();
        let load = load.and_then(|text| text.split_whitespace().next()?.parse().ok());
        Ok(Self { cores, memory_gb: kb * 1_024.0 / 1e9, load, date: Utc::now().format("%Y-%m-%d").to_string() })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} cores, {:.0} GB of memory", self.date, self.cores, self.memory_gb)?;
        self.load.map_or(Ok(()), |load| write!(f, ", load {load} before the start"))
    }
}
