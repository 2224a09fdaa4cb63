//! What the log says about a server, whatever thread says it: workers run in runtimes of their own.

use std::fmt;
use std::sync::{LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Server, purpose and level of each event that names a server.
static SEEN: LazyLock<Mutex<Vec<(String, String, Level)>>> = LazyLock::new(|| {
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Recorder));
    Mutex::default()
});

/// To be called before what is to be seen.
pub(crate) fn record() {
    LazyLock::force(&SEEN);
}

/// Warnings of workers, not of publishers, about a server.
pub(crate) fn warnings_of_workers(server: &str) -> usize {
    let seen = SEEN.lock().unwrap();
    seen.iter().filter(|(of, purpose, level)| of == server && purpose != "publish" && *level <= Level::WARN).count()
}

struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Fields { server: Some(server), purpose } = fields {
            SEEN.lock().unwrap().push((server, purpose, *event.metadata().level()));
        }
    }
}

#[derive(Default)]
struct Fields {
    server: Option<String>,
    purpose: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "server" => self.server = Some(value.to_owned()),
            "purpose" => self.purpose = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
