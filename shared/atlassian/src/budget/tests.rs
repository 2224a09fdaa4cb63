//! Budgets against a real Redis.
