//! Plans runs, publishes jobs, watches barriers, sweeps
