//! Starts a private Postgres and Redis from the installed server programs.
//!
//! For whoever wants to try the product, test it or measure it without setting up servers first: the programs that the distribution
//! ships are started on free loopback ports, with all they own inside one folder. Nothing is downloaded, no system service is touched.
//!
//! Invariants
//! - One owner per folder: a lock that the kernel releases with its holder decides, so a crash never blocks the next start.
//! - Nothing survives its owner for long: dropping ends the server, a guard process ends it when the owner was killed, and the next
//!   start in the same folder ends whatever both missed.
//! - Servers listen on 127.0.0.1 alone, without passwords: everybody on this computer may use them, nobody beyond it can.
//! - Servers have process groups of their own: Ctrl-C reaches the services first, which then stop the servers they still need.
//!
//! Absent: schema and data (`store`), servers for production (those have addresses in the settings).

mod account;
mod cluster;
mod error;
mod folder;
mod guard;
mod leftover;
mod log;
mod port;
mod postgres;
mod programs;
mod redis;
mod server;
mod throwaway;

pub use error::StartError;
pub use postgres::{CommitWait, Durability, PostgresOptions, PrivatePostgres};
pub use programs::ProgramSearch;
pub use redis::{PrivateRedis, RedisOptions};
pub use throwaway::ThrowawayServers;
