//! One handler per job kind: fetch, write, complete
