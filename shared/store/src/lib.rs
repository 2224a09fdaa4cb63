//! All SQL: mirror, ledger, barrier, runs
