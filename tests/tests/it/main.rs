//! Stories that cross services, on a real Postgres and Redis and a simulated organisation.
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no public interface")]

mod mirror;
