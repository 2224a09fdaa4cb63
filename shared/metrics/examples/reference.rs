//! Prints `docs/metrics.md`.

fn main() {
    print!("{}", orgmirror_metrics::reference());
}
