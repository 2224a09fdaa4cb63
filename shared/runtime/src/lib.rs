//! Configuration, logs and shutdown of every service
