//! How a command ends, as an exit status.

use std::process::ExitCode;

use orgmirror_domain::filter::FilterError;
use orgmirror_runtime::config::ConfigError;

/// The end of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 0.
    Done,
    /// 1.
    Failed,
    /// 2: called wrongly.
    WrongUsage,
    /// 3: a person must act.
    Held,
    /// 4: something was not done, since no reading was fresh enough.
    NotFresh,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::WrongUsage => 2,
            Outcome::Held => 3,
            Outcome::NotFresh => 4,
        })
    }
}

impl Outcome {
    /// Tells an error with its causes. A setting that is missing or wrong is wrong usage, and so is a filter
    /// that cannot be read.
    pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
        eprintln!("error: {error}");
        for cause in error.chain().skip(1) {
            eprintln!("  because: {cause}");
        }
        let usage = error.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<FilterError>());
        if usage { Self::WrongUsage.into() } else { Self::Failed.into() }
    }
}
