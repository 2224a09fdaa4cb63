//! Changes keep the organisation whole.

use super::{Mutation, State};
use crate::config::SimulatorConfig;
use crate::generate;
use crate::truth::Snapshot;

fn organisation(config: &SimulatorConfig) -> State {
    State::new(config.clone(), generate::organisation(config))
}

fn digest(state: &State) -> String {
    serde_json::to_string(&Snapshot::of(&state.org()).digest()).unwrap()
}

/// Whatever changes, in one directory or several, the indexes and both sides of every membership stay right.
#[test]
fn every_invariant_survives() {
    for (seed, directories, overlap) in [(1, 1, 0.0), (2, 3, 0.0), (3, 4, 30.0)] {
        let config = SimulatorConfig {
            users: 300,
            groups: 90,
            seed,
            directories,
            directory_overlap_percent: overlap,
            equal_directories: seed == 2,
            ..SimulatorConfig::default()
        };
        let state = organisation(&config);
        state.org().check();
        let before = digest(&state);
        for _ in 0..20 {
            state.churn.mutate(&state, 100, &[]);
            state.org().check();
        }
        assert_ne!(digest(&state), before);
        for kind in Mutation::MIX {
            assert_eq!(state.churn.mutate(&state, 5, &[kind]).into_keys().collect::<Vec<_>>(), [kind]);
            state.org().check();
        }
        state.churn.be_active(&state, 60.0);
        state.org().check();
    }
}

/// The same seed and the same mutations give the same bytes, however they are spread over calls.
#[test]
fn the_same_seed_gives_the_same_changes() {
    let config = SimulatorConfig { users: 200, groups: 60, seed: 9, ..SimulatorConfig::default() };
    let (one, other) = (organisation(&config), organisation(&config));
    assert_eq!(digest(&one), digest(&other));
    one.churn.mutate(&one, 300, &[]);
    other.churn.mutate(&other, 100, &[]);
    other.churn.mutate(&other, 200, &[]);
    assert_eq!(digest(&one), digest(&other));
    let another = organisation(&SimulatorConfig { seed: 10, ..config });
    assert_ne!(digest(&one), digest(&another));
}

/// A snapshot shows one instant, whatever happens afterwards.
#[test]
fn a_snapshot_does_not_change() {
    let config = SimulatorConfig { users: 100, groups: 30, ..SimulatorConfig::default() };
    let state = organisation(&config);
    let snapshot = Snapshot::of(&state.org());
    let before = serde_json::to_string(&snapshot.digest()).unwrap();
    state.churn.mutate(&state, 500, &[]);
    assert_eq!(serde_json::to_string(&snapshot.digest()).unwrap(), before);
}
