//! From an entry's bytes to a job, in such a way that no bytes can harm the worker.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;

/// The job, or why there is none. A panic of a `Deserialize` is such a reason too: it would end the fetcher, and with it the worker.
pub(crate) fn decode<T: DeserializeOwned>(bytes: Option<&[u8]>) -> Result<T, String> {
    let bytes = bytes.ok_or("the entry has no field `job`")?;
    match catch_unwind(AssertUnwindSafe(|| serde_json::from_slice(bytes))) {
        Ok(decoded) => decoded.map_err(|error| format!("the field `job` can't be read: {error}")),
        Err(_) => Err("reading the field `job` panicked".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_job_are_a_reason_and_no_failure() {
        assert_eq!(decode::<u8>(Some(b"7")), Ok(7));
        assert!(decode::<u8>(Some(b"{\xff")).is_err_and(|reason| reason.contains("can't be read")));
        assert!(decode::<u8>(None).is_err_and(|reason| reason.contains("no field")));
    }
}
