//! Postgres and Redis for all tests of a process: those that the developer tool brings, else throw-away ones.

use anyhow::{Context, Result};
use orgmirror_private_servers::{PostgresOptions, ThrowawayServers};
use orgmirror_store::Store;
use sqlx::{Connection, PgConnection};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Addresses, and a database with the schema that others are copied from.
pub(crate) struct Servers {
    maintenance_url: String,
    pub(crate) redis_url: String,
    template: String,
    /// Kept while the process lives; a guard process ends them after it.
    _own: Option<ThrowawayServers>,
}

static SERVERS: OnceCell<Servers> = OnceCell::const_new();

/// The servers, started at the first call.
pub(crate) async fn servers() -> Result<&'static Servers> {
    SERVERS.get_or_try_init(start).await
}

async fn start() -> Result<Servers> {
    let given = (std::env::var("ORGMIRROR_TEST_DATABASE_URL"), std::env::var("ORGMIRROR_TEST_REDIS_URL"));
    let (maintenance_url, redis_url, own) = match given {
        (Ok(database), Ok(redis)) => (database, redis, None),
        _ => {
            let own = ThrowawayServers::start(PostgresOptions::throwaway()).await?;
            (own.postgres.url_of("postgres"), own.redis.url(), Some(own))
        }
    };
    let template = format!("template_{}", Uuid::new_v4().simple());
    create(&maintenance_url, &template, None).await?;
    let store = Store::connect(&with_database(&maintenance_url, &template)?, 2).await?;
    store.migrate().await?;
    store.close().await;
    Ok(Servers { maintenance_url, redis_url, template, _own: own })
}

impl Servers {
    /// A fresh database with the schema; its address.
    pub(crate) async fn database(&self) -> Result<String> {
        let name = format!("world_{}", Uuid::new_v4().simple());
        create(&self.maintenance_url, &name, Some(&self.template)).await?;
        with_database(&self.maintenance_url, &name)
    }
}

async fn create(maintenance_url: &str, name: &str, template: Option<&str>) -> Result<()> {
    let mut connection = PgConnection::connect(maintenance_url).await.context("connect to the maintenance database")?;
    let template = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
    let statement = format!("CREATE DATABASE {name}{template}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

fn with_database(url: &str, database: &str) -> Result<String> {
    let (server, _) = url.rsplit_once('/').context("a database URL ends with /database")?;
    Ok(format!("{server}/{database}"))
}
