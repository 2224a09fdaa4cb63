//! `orgmirror migrate`.

use anyhow::Result;
use orgmirror_runtime::config::Config;
use orgmirror_store::Store;

use crate::outcome::Outcome;

pub(crate) async fn run(config: &Config) -> Result<Outcome> {
    let store = Store::connect(config.database_url()?, 2).await?;
    match store.migrate().await? {
        0 => eprintln!("The database is up to date."),
        1 => eprintln!("Applied 1 migration; the database is up to date."),
        applied => eprintln!("Applied {applied} migrations; the database is up to date."),
    }
    Ok(Outcome::Done)
}
