//! Jobs on Redis Streams for apalis workers
