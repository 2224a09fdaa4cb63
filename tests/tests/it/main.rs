//! Stories that cross services, on a real Postgres and Redis and a simulated organisation.
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no public interface")]

mod counterexamples_waiting;
mod counterexamples_two_ends;
mod counterexamples_stage;
mod counterexamples_runs;
mod counterexamples_observations;
mod counterexamples_ledger;
mod mirror;
