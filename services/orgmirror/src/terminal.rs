//! Progress of a run: bars that are pleasant on a terminal, plain lines elsewhere. Always on standard error.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use orgmirror_domain::run::Phase;
use orgmirror_store::progress::RunView;

use crate::summary;

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shows how far a run is.
pub(crate) enum Progress {
    Bars(Bars),
    Lines {
        started: Instant,
        told: Option<(Instant, Phase)>,
    },
    /// Somebody reads JSON.
    Silent,
}

pub(crate) struct Bars {
    started: Instant,
    all: MultiProgress,
    headline: ProgressBar,
    users: ProgressBar,
    groups: ProgressBar,
}

impl Progress {
    pub(crate) fn new(silent: bool) -> Self {
        let started = Instant::now();
        if silent {
            Self::Silent
        } else if std::io::stderr().is_terminal() {
            Self::Bars(Bars::new(started))
        } else {
            Self::Lines { started, told: None }
        }
    }

    /// Shows the run as it is now.
    pub(crate) fn show(&mut self, run: &RunView, forecast: Option<Duration>) {
        match self {
            Self::Silent => {}
            Self::Bars(bars) => bars.show(run, forecast),
            Self::Lines { started, told } => {
                let due = told.is_none_or(|(at, phase)| phase != run.phase || at.elapsed() >= LINE_EVERY);
                if due {
                    *told = Some((Instant::now(), run.phase));
                    eprintln!("{}", line(run, started.elapsed(), forecast));
                }
            }
        }
    }

    /// Clears the bars; the summary follows.
    pub(crate) fn finish(&self) {
        if let Self::Bars(bars) = self {
            // A terminal that is gone needs no clearing.
            let _cleared = bars.all.clear();
        }
    }
}

impl Bars {
    fn new(started: Instant) -> Self {
        let all = MultiProgress::new();
        let bar = |label: &'static str| {
            let bar = all.add(ProgressBar::new(0));
            bar.set_style(style("{prefix:>9} {bar:40.cyan/blue} {human_pos:>9} of {human_len} {percent:>3} %"));
            bar.set_prefix(label);
            bar
        };
        let headline = all.add(ProgressBar::new_spinner());
        headline.set_style(style("{spinner} {msg}"));
        headline.enable_steady_tick(Duration::from_millis(120));
        let (users, groups) = (bar("users"), bar("groups"));
        Self { started, all, headline, users, groups }
    }

    fn show(&self, run: &RunView, forecast: Option<Duration>) {
        for (bar, progress) in [(&self.users, run.users), (&self.groups, run.groups)] {
            // Both ends overlap by a page or two.
            let of = progress.of.max(0).unsigned_abs();
            bar.set_length(of);
            bar.set_position(progress.done.max(0).unsigned_abs().min(of));
        }
        self.headline.set_message(headline(run, self.started.elapsed(), forecast));
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `forecast` is how long the run takes at the rate that the API allows, where that is known.
fn headline(run: &RunView, elapsed: Duration, forecast: Option<Duration>) -> String {
    let waits = match (summary::held(run), &run.hold_reason) {
        (Some(held), Some(reason)) => format!("{held}: {reason} · "),
        _ => String::new(),
    };
    let left = forecast
        .or_else(|| time_left(run, elapsed))
        .map(|left| format!(" · about {} left", HumanDuration(left)))
        .unwrap_or_default();
    format!(
        "{waits}{} · {} memberships · {} calls, {:.0}/s{left}",
        run.phase,
        HumanCount(run.memberships.max(0).unsigned_abs()),
        HumanCount(run.calls.max(0).unsigned_abs()),
        per_second(run.calls, elapsed),
    )
}

fn line(run: &RunView, elapsed: Duration, forecast: Option<Duration>) -> String {
    let of = |progress: orgmirror_store::progress::Progress| {
        let (done, of) = (progress.done.max(0).unsigned_abs(), progress.of.max(0).unsigned_abs());
        format!("{} of {}", HumanCount(done.min(of)), HumanCount(of))
    };
    format!("{} · users {} · groups {}", headline(run, elapsed, forecast), of(run.users), of(run.groups))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn per_second(calls: i64, elapsed: Duration) -> f64 {
    calls as f64 / elapsed.as_secs_f64().max(0.1)
}

/// By the rows listed so far; unknown at the beginning and the end.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn time_left(run: &RunView, elapsed: Duration) -> Option<Duration> {
    let (done, of) = (run.users.done + run.groups.done, run.users.of + run.groups.of);
    if run.phase != Phase::Scanning || run.hold.is_some() || done * 20 < of || done >= of {
        return None;
    }
    let left = elapsed.mul_f64((of - done) as f64 / done as f64);
    Some(Duration::from_secs(left.as_secs().max(1)))
}
