//! The least that storing an organisation can take: COPY of the mirror's own final rows into empty tables with the same indexes.
//!
//! The copies have no foreign keys, and their rows lie in files beforehand, in the binary format: nothing here could be quicker.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use futures::TryStreamExt;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPoolCopyExt;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::database::Database;

/// Where accounts, groups and their memberships are, and what stands for the API's ids.
const TABLES: [&str; 5] = ["account", "org_group", "account_key", "group_key", "access_key"];
/// The schema of the copies.
const SCHEMA: &str = "floor";

/// Rows of the finished mirror, in files.
#[derive(Debug)]
pub(crate) struct Rows {
    folder: PathBuf,
}

/// What storing them took.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) seconds: f64,
    pub(crate) rows: u64,
    pub(crate) log_bytes: u64,
}

impl Rows {
    /// Copies them out.
    pub(crate) async fn take(database: &Database, folder: &Path) -> Result<Self> {
        for table in TABLES {
            let mut file = File::create(folder.join(table)).await.context("create a file for rows")?;
            let mut rows = database.pool().copy_out_raw(&format!("COPY {table} TO STDOUT (FORMAT binary)")).await?;
            while let Some(chunk) = rows.try_next().await.with_context(|| format!("copy the rows of {table} out"))? {
                file.write_all(&chunk).await.context("write rows")?;
            }
            file.flush().await.context("write rows")?;
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Copies them into tables that are made for it and dropped again.
    pub(crate) async fn store(&self, database: &Database) -> Result<Stored> {
        database.execute(format!("CREATE SCHEMA {SCHEMA}")).await?;
        for table in TABLES {
            make_empty(database, table).await?;
        }
        let before = database.checkpoint().await?;
        let start = Instant::now();
        let mut rows = 0;
        for table in TABLES {
            rows += self.copy_in(database, table).await.with_context(|| format!("copy the rows of {table} in"))?;
        }
        let seconds = start.elapsed().as_secs_f64();
        let log_bytes = database.log_position().await?.since(before);
        database.execute(format!("DROP SCHEMA {SCHEMA} CASCADE")).await?;
        Ok(Stored { seconds, rows, log_bytes })
    }

    async fn copy_in(&self, database: &Database, table: &str) -> Result<u64> {
        let file = File::open(self.folder.join(table)).await?;
        let mut copy = database.pool().copy_in_raw(&format!("COPY {SCHEMA}.{table} FROM STDIN (FORMAT binary)")).await?;
        copy.read_from(file).await?;
        Ok(copy.finish().await?)
    }
}

/// The same columns, checks, indexes and room for updates.
async fn make_empty(database: &Database, table: &str) -> Result<()> {
    let like = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE";
    database.execute(format!("CREATE TABLE {SCHEMA}.{table} (LIKE public.{table} {like})")).await?;
    let options = format!("SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = 'public.{table}'::regclass");
    let options: Option<String> = sqlx::query_scalar(AssertSqlSafe(options)).fetch_one(database.pool()).await?;
    match options {
        Some(options) => database.execute(format!("ALTER TABLE {SCHEMA}.{table} SET ({options})")).await,
        None => Ok(()),
    }
}
