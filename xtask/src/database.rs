//! A database with the product's schema, for the compiler to ask about SQL.

use std::path::Path;

use anyhow::{Context, Result};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use orgmirror_private_servers::ThrowawayServers;

use crate::servers::maintenance_url;

/// Makes the database `name` anew with all of `migrations`; answers its address.
pub(crate) async fn with_schema(servers: &ThrowawayServers, name: &str, migrations: &Path) -> Result<String> {
    let mut maintenance = PgConnection::connect(&maintenance_url(servers)).await.context("connect to the private Postgres")?;
    for statement in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        // `name` is a word of this program's.
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut maintenance)
            .await
            .with_context(|| format!("make the database {name}"))?;
    }
    maintenance.close().await?;

    let url = servers.postgres.url_of(name);
    let migrator = Migrator::new(migrations).await.with_context(|| format!("read {}", migrations.display()))?;
    let mut connection = PgConnection::connect(&url).await?;
    migrator.run(&mut connection).await.with_context(|| format!("apply {}", migrations.display()))?;
    connection.close().await?;
    Ok(url)
}
