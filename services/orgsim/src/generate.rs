//! Draws an organisation from a seed.
//!
//! Each part has a stream of random numbers of its own, so that one more group changes no account.

mod groups;
mod memberships;
mod names;
mod people;

use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::catalog::Catalog;
use crate::config::SimulatorConfig;
use crate::org::Org;

pub(crate) use groups::draw_group;
pub(crate) use names::MANAGED_DOMAINS;
pub(crate) use people::{PeopleFactory, draw_activity_ns};

/// The organisation that this configuration describes.
pub(crate) fn organisation(config: &SimulatorConfig) -> Org {
    let catalog = Arc::new(Catalog::new(config));
    let mut accounts = people::draw(config, &catalog);
    let mut groups = groups::draw(config, &catalog);
    memberships::draw(config, &mut accounts, &mut groups);
    groups::draw_grants(config, &catalog, &mut groups);
    people::draw_activity(config, &mut accounts, &groups);
    Org::assemble(catalog, accounts, groups)
}

/// The stream of random numbers for one part of the organisation.
pub(crate) fn stream(seed: u64, part: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(part);
    rng
}

/// A directory for the next row: an even one, or most often the first.
fn draw_directory(rng: &mut ChaCha8Rng, config: &SimulatorConfig, catalog: &Catalog, number: usize) -> u8 {
    use rand::RngExt;
    let directories = catalog.directories.len();
    let at = if config.equal_directories {
        number % directories
    } else if directories == 1 || rng.random_bool(0.6) {
        0
    } else {
        rng.random_range(1..directories)
    };
    u8::try_from(at).unwrap_or_default()
}
