//! Starts a private Postgres and Redis from the installed server programs
