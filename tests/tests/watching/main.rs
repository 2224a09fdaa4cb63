//! The shipped dashboards and alerts, looked at by a real Prometheus that watches a running system.
//!
//! Run by `make test-dashboards` alone: provoking each alert takes minutes.
#![allow(missing_docs, unreachable_pub, reason = "a test binary has no public interface")]

mod alerts;
mod dashboards;
