//! Stories that cross services, on a real Postgres and Redis and a simulated organisation.
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no public interface")]

mod actions;
mod architecture;
mod audit;
mod browsing;
mod churn;
mod cli;
mod counterexamples_interleavings;
mod counterexamples_ledger;
mod counterexamples_observations;
mod counterexamples_operations;
mod counterexamples_runs;
mod counterexamples_stage;
mod counterexamples_steps;
mod counterexamples_two_ends;
mod counterexamples_waiting;
mod crashes;
mod events;
mod faults;
mod filters;
mod keys;
mod mirror;
mod odd_answers;
mod operations;
mod operations_cli;
mod product_roles;
mod queue_loss;
mod reading;
mod refusals;
mod requests;
mod scheduled;
mod scoped;
mod sweeps;
mod tasks;
