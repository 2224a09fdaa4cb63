//! `orgmirror seal-key`: encrypts an API key for the key file, so that whoever reads the file, or its backup, has no key.

use std::io::Read;

use anyhow::{Context, Result, bail};
use chrono::NaiveDate;
use orgmirror_atlassian::{ApiKey, StoredKey};
use orgmirror_domain::ids::OrgId;
use orgmirror_runtime::config::Config;

use crate::outcome::Outcome;
use crate::wiring;

pub(crate) fn run(config: &Config, expires_on: Option<NaiveDate>) -> Result<Outcome> {
    let Some(ring) = wiring::key_ring(config)? else {
        bail!(
            "no sealing key is configured; put a name, a space and the output of `openssl rand -base64 32` in a file, and name it by \
             ORGMIRROR_ATLASSIAN__SEALING_KEY_FILE"
        );
    };
    let mut given = String::new();
    std::io::stdin().read_to_string(&mut given).context("read the API key from standard input")?;
    if given.trim().is_empty() {
        bail!("there is no API key on standard input");
    }
    let stored = StoredKey { key: ApiKey::new(given), expires_on };
    println!("{}", ring.seal(&OrgId::from(config.atlassian.org_id()?), &stored)?);
    eprintln!("Put this line in the file of ORGMIRROR_ATLASSIAN__API_KEY_FILE; the workers take it up within seconds.");
    Ok(Outcome::Done)
}
