//! Draws groups and what they grant.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{draw_directory, names, stream};
use crate::catalog::{Catalog, uuid_of};
use crate::config::SimulatorConfig;
use crate::group::{Grant, Group, ManagedBy};
use crate::role::{Role, RoleSet};

/// Every group, without members and grants.
pub(super) fn draw(config: &SimulatorConfig, catalog: &Catalog) -> Vec<Group> {
    let mut rng = stream(config.seed, 3);
    (0..config.groups).map(|number| draw_group(&mut rng, config, catalog, number)).collect()
}

/// One group; `number` makes its name unique.
pub(crate) fn draw_group(rng: &mut ChaCha8Rng, config: &SimulatorConfig, catalog: &Catalog, number: usize) -> Group {
    let bits: u128 = rng.random();
    let team = names::TEAM_WORDS[rng.random_range(0..names::TEAM_WORDS.len())];
    let role = names::TEAM_ROLES[rng.random_range(0..names::TEAM_ROLES.len())];
    let managed_by = match rng.random_range(0..100) {
        0..30 => ManagedBy::External,
        30..85 => ManagedBy::Admins,
        85..95 => ManagedBy::TeamMembers,
        _ => ManagedBy::Open,
    };
    let name = match rng.random_range(0..100) {
        0 => {
            let hostile = names::HOSTILE[rng.random_range(0..names::HOSTILE.len() - 1)];
            format!("{hostile} {number}")
        }
        1 => format!("{team} {}", "x".repeat(240)).chars().take(255 - 7).collect::<String>() + &format!("{number:07}"),
        2..30 if managed_by == ManagedBy::External => format!("SCIM-{team}-{role}-{number}"),
        _ => format!("{team}-{role}-{number}"),
    };
    let sentence = names::GROUP_SENTENCES[rng.random_range(0..names::GROUP_SENTENCES.len())];
    let description = match rng.random_range(0..100) {
        0..8 => None,
        8..10 => Some(String::new()),
        _ => Some(format!("{team} {role}: {sentence}")),
    };
    let directory = draw_directory(rng, config, catalog, number);
    Group::new(uuid_of(bits), &name, description.as_deref(), directory, managed_by)
}

/// Lets about one group in 440 grant roles: the largest but one for each resource first, then any.
pub(super) fn draw_grants(config: &SimulatorConfig, catalog: &Catalog, groups: &mut [Group]) {
    if groups.len() < 4 {
        return;
    }
    let mut rng = stream(config.seed, 4);
    let wanted = (groups.len() / 440).max(1);
    let mut by_size: Vec<usize> = (0..groups.len()).collect();
    by_size.sort_by_key(|at| (std::cmp::Reverse(groups[*at].members.len()), *at));
    let resources = catalog.resources.len();
    for number in 0..wanted {
        let at =
            if number < resources { by_size[number + 1] } else { by_size[rng.random_range(0..by_size.len().min(wanted * 20))] };
        let Ok(resource) = u16::try_from(number % resources) else { continue };
        let grant = draw_grant(&mut rng, resource, number < resources);
        let group = &mut groups[at];
        if group.granted_on(resource).is_none() {
            group.grants.push(grant);
            group.grants.sort_by_key(|grant| grant.resource);
        }
    }
}

fn draw_grant(rng: &mut ChaCha8Rng, resource: u16, default: bool) -> Grant {
    let role = match rng.random_range(0..20) {
        _ if default => Role::User,
        0..12 => Role::User,
        12..14 => Role::Admin,
        14 => Role::Guest,
        15 => Role::Customer,
        16 => Role::Contributor,
        17 => Role::Basic,
        18 => Role::Stakeholder,
        _ => Role::UserAccessAdmin,
    };
    let roles = RoleSet::of(role);
    let roles = if role == Role::Admin && rng.random_bool(0.5) { roles.with(Role::User) } else { roles };
    Grant { resource, roles, default_role: default.then_some(role) }
}
