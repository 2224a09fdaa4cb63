//! Draws who is in which group.
//!
//! Sizes follow a power law: the largest group has half of all accounts, a third have nobody, and the exponent is chosen so that an
//! account is in ten groups on average, as far as there are groups enough.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::stream;
use crate::account::Account;
use crate::config::SimulatorConfig;
use crate::group::Group;

const GROUPS_PER_ACCOUNT: f64 = 10.0;
const SHARE_WITH_MEMBERS: f64 = 0.65;

/// Fills both sides of every membership.
pub(super) fn draw(config: &SimulatorConfig, accounts: &mut [Account], groups: &mut [Group]) {
    let mut rng = stream(config.seed, 5);
    let mut by_directory: Vec<Vec<u32>> = vec![Vec::new(); config.directories.clamp(1, crate::catalog::MAX_DIRECTORIES)];
    for (slot, account) in (0..).zip(accounts.iter()) {
        for (directory, slots) in by_directory.iter_mut().enumerate() {
            if account.directories & (1 << directory) != 0 {
                slots.push(slot);
            }
        }
    }
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.shuffle(&mut rng);
    for (at, size) in order.into_iter().zip(sizes(groups.len(), accounts.len())) {
        let group = &mut groups[at];
        group.members = sample(&mut rng, &mut by_directory[usize::from(group.directory)], size);
    }
    // Group by group, so that each account's list comes out sorted.
    for (slot, group) in (0..).zip(groups.iter()) {
        for member in &group.members {
            accounts[*member as usize].groups.push(slot);
        }
    }
    for account in accounts {
        account.groups.shrink_to_fit();
    }
}

/// The sizes of the groups that have members, largest first.
fn sizes(groups: usize, accounts: usize) -> Vec<usize> {
    let filled = ((groups as f64 * SHARE_WITH_MEMBERS).ceil() as usize).min(groups);
    let half = accounts as f64 / 2.0;
    let total = |exponent: f64| (1..=filled).map(|rank| half / (rank as f64).powf(exponent)).sum::<f64>();
    let (mut low, mut high) = (0.7, 3.0);
    for _ in 0..20 {
        let middle = f64::midpoint(low, high);
        if total(middle) > accounts as f64 * GROUPS_PER_ACCOUNT { low = middle } else { high = middle }
    }
    (1..=filled).map(|rank| (half / (rank as f64).powf(low)).round() as usize).collect()
}

/// So many different slots, sorted.
fn sample(rng: &mut ChaCha8Rng, from: &mut [u32], size: usize) -> Vec<u32> {
    let size = size.min(from.len());
    let (chosen, _) = from.partial_shuffle(rng, size);
    let mut chosen = chosen.to_vec();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::sizes;

    #[test]
    fn a_large_organisation_has_ten_groups_an_account() {
        let sizes = sizes(110_000, 120_000);
        let total: usize = sizes.iter().sum();
        assert!((1_150_000..1_250_000).contains(&total), "{total}");
        assert_eq!(sizes[0], 60_000);
        assert!(sizes.iter().filter(|size| **size <= 10).count() > 50_000);
        assert!(sizes.iter().filter(|size| **size >= 10_000).count() >= 3);
    }

    #[test]
    fn the_smallest_organisations_have_sizes_too() {
        assert_eq!(sizes(0, 5), Vec::<usize>::new());
        assert!(sizes(3, 0).iter().all(|size| *size == 0));
    }
}
