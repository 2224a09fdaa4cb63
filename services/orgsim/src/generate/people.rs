//! Draws accounts.

use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{draw_directory, names, stream};
use crate::account::{Account, AccountStatus, Membership, Profile, Source};
use crate::catalog::{Catalog, uuid_of};
use crate::config::SimulatorConfig;
use crate::group::Group;
use crate::role::{Role, RoleSet};
use crate::timestamp::TODAY_MS;

const DAY_MS: i64 = 86_400_000;

/// Every account, without groups and activity.
pub(super) fn draw(config: &SimulatorConfig, catalog: &Catalog) -> Vec<Account> {
    let factory = PeopleFactory::new();
    let mut rng = stream(config.seed, 1);
    (0..config.users).map(|number| factory.draw(&mut rng, config, catalog, number)).collect()
}

/// When the accounts last used what they have: most lately, some long ago, a tenth never.
pub(super) fn draw_activity(config: &SimulatorConfig, accounts: &mut [Account], groups: &[Group]) {
    let mut rng = stream(config.seed, 2);
    for account in accounts {
        let mut resources: Vec<u16> = account.direct_roles.iter().map(|direct| direct.resource).collect();
        resources.extend(account.groups.iter().flat_map(|slot| &groups[*slot as usize].grants).map(|grant| grant.resource));
        resources.sort_unstable();
        resources.dedup();
        for resource in resources {
            if rng.random_bool(0.9) {
                account.set_active_at(resource, draw_activity_ns(&mut rng));
            }
        }
    }
}

/// An instant of last activity, more often a recent one.
pub(crate) fn draw_activity_ns(rng: &mut ChaCha8Rng) -> i64 {
    let days = if rng.random_bool(0.7) { 30 } else { 700 };
    (TODAY_MS - rng.random_range(0..days * DAY_MS)) * 1_000_000 + rng.random_range(0..1_000_000)
}

/// Draws accounts whose profiles share their texts.
#[derive(Debug)]
pub(crate) struct PeopleFactory {
    job_titles: Vec<Arc<str>>,
    departments: Vec<Arc<str>>,
    organizations: Vec<Arc<str>>,
    locations: Vec<Arc<str>>,
    time_zones: Vec<Arc<str>>,
}

impl PeopleFactory {
    pub(crate) fn new() -> Self {
        let share = |words: &[&str]| words.iter().map(|word| Arc::from(*word)).collect();
        Self {
            job_titles: share(names::JOB_TITLES),
            departments: share(names::DEPARTMENTS),
            organizations: share(names::ORGANIZATIONS),
            locations: share(names::LOCATIONS),
            time_zones: share(names::TIME_ZONES),
        }
    }

    /// One account; `number` makes its address unique.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, config: &SimulatorConfig, catalog: &Catalog, number: usize) -> Account {
        let (status, membership, for_deletion) = draw_status(rng);
        let first = pick(rng, names::FIRST);
        let last = pick(rng, names::LAST);
        let name = if rng.random_bool(0.02) { hostile(rng) } else { format!("{first} {last}") };
        let managed = rng.random_bool(0.6);
        let added_ms = TODAY_MS - rng.random_range(DAY_MS..3_000 * DAY_MS);
        let (directories, source) = draw_place(rng, config, catalog, number, membership);
        let mut account = Account {
            id: draw_id(rng).into(),
            sort_key: Arc::from(""),
            name: name.into(),
            nickname: draw_nickname(rng, first, last),
            email: draw_email(rng, first, last, managed, number),
            email_verified: rng.random_bool(0.97),
            status,
            membership,
            for_deletion,
            managed,
            source,
            mfa_enabled: rng.random_bool(0.5),
            added_ms,
            deactivated_ms: (status != AccountStatus::Active).then(|| rng.random_range(added_ms..TODAY_MS)),
            profile: self.draw_profile(rng),
            platform_roles: draw_platform_roles(rng),
            directories,
            suspended_in: if membership == Membership::Suspended { directories } else { 0 },
            direct_roles: Vec::new(),
            activity: Vec::new(),
            groups: Vec::new(),
        };
        account.sort_key = account.computed_sort_key();
        if membership != Membership::None {
            draw_direct_roles(rng, catalog, &mut account);
        }
        account
    }

    fn draw_profile(&self, rng: &mut ChaCha8Rng) -> Profile {
        Profile {
            job_title: maybe(rng, &self.job_titles, 0.7),
            department: maybe(rng, &self.departments, 0.7),
            organization: maybe(rng, &self.organizations, 0.5),
            location: maybe(rng, &self.locations, 0.6),
            time_zone: maybe(rng, &self.time_zones, 0.9),
        }
    }
}

fn pick<'a>(rng: &mut ChaCha8Rng, words: &[&'a str]) -> &'a str {
    words[rng.random_range(0..words.len())]
}

fn maybe(rng: &mut ChaCha8Rng, words: &[Arc<str>], share: f64) -> Option<Arc<str>> {
    let word = &words[rng.random_range(0..words.len())];
    rng.random_bool(share).then(|| Arc::clone(word))
}

fn hostile(rng: &mut ChaCha8Rng) -> String {
    match pick(rng, names::HOSTILE) {
        "" => "ñ".repeat(255),
        name => name.to_owned(),
    }
}

/// One of the three shapes of account ids that were seen.
fn draw_id(rng: &mut ChaCha8Rng) -> String {
    let bits: u128 = rng.random();
    match rng.random_range(0..10) {
        0..3 => format!("5{:023x}", bits >> 36),
        3..5 => format!("557058:{}", uuid_of(bits)),
        _ => format!("712020:{}", uuid_of(bits)),
    }
}

/// Nine in ten are simply active; the rest covers every combination that the reference names.
fn draw_status(rng: &mut ChaCha8Rng) -> (AccountStatus, Membership, bool) {
    use AccountStatus::{Active, Closed, Inactive};
    match rng.random_range(0..1_000) {
        0..900 => (Active, Membership::Active, false),
        900..930 => (Active, Membership::Suspended, false),
        930..955 => (Active, Membership::None, false),
        955..970 => (Inactive, Membership::None, false),
        970..978 => (Inactive, Membership::Active, false),
        978..982 => (Inactive, Membership::Suspended, false),
        982..990 => (Closed, Membership::None, false),
        990..992 => (Closed, Membership::Active, false),
        992..995 => (Inactive, Membership::None, true),
        995..998 => (Inactive, Membership::Active, true),
        _ => (Active, Membership::Suspended, true),
    }
}

fn draw_place(
    rng: &mut ChaCha8Rng,
    config: &SimulatorConfig,
    catalog: &Catalog,
    number: usize,
    membership: Membership,
) -> (u32, Option<Source>) {
    let directory = draw_directory(rng, config, catalog, number);
    let overlaps = rng.random_bool((config.directory_overlap_percent / 100.0).clamp(0.0, 1.0));
    let source = if rng.random_bool(0.5) { Source::Synced } else { Source::Invited };
    if membership == Membership::None {
        return (0, None);
    }
    let second = (usize::from(directory) + 1) % catalog.directories.len();
    let directories = 1 << directory | if overlaps { 1 << second } else { 0 };
    (directories, rng.random_bool(0.95).then_some(source))
}

/// Nicknames repeat a lot, and some are empty, absent or hostile.
fn draw_nickname(rng: &mut ChaCha8Rng, first: &str, last: &str) -> Option<Box<str>> {
    let nickname = match rng.random_range(0..1_000) {
        0..5 => String::new(),
        5..10 => return None,
        10..25 => hostile(rng),
        25..200 => first.to_owned(),
        200..400 => format!("{} {last}", &first[..1]),
        400..700 => format!("{first} {last}"),
        _ => format!("{}.{}", first.to_lowercase(), last.to_lowercase()),
    };
    Some(nickname.into())
}

fn draw_email(rng: &mut ChaCha8Rng, first: &str, last: &str, managed: bool, number: usize) -> Option<Box<str>> {
    let domain = pick(rng, if managed { names::MANAGED_DOMAINS } else { names::OTHER_DOMAINS });
    if rng.random_bool(0.03) {
        return None;
    }
    let local: String =
        format!("{first}.{last}").to_lowercase().chars().map(|letter| if letter == ' ' { '-' } else { letter }).collect();
    Some(format!("{local}.{number}@{domain}").into())
}

fn draw_platform_roles(rng: &mut ChaCha8Rng) -> RoleSet {
    let mut roles = RoleSet::default();
    for (role, share) in
        [(Role::OrgAdmin, 0.002), (Role::SiteAdmin, 0.003), (Role::UserAccessAdmin, 0.005), (Role::AiAccess, 0.05)]
    {
        if rng.random_bool(share) {
            roles = roles.with(role);
        }
    }
    roles
}

/// Roles beside those of groups: a few seats, the guests and the customers of the portal.
fn draw_direct_roles(rng: &mut ChaCha8Rng, catalog: &Catalog, account: &mut Account) {
    for (role, owner, share) in [
        (Role::User, "jira-software", 0.12),
        (Role::User, "confluence", 0.1),
        (Role::Admin, "jira-software", 0.004),
        (Role::Guest, "confluence", 0.03),
        (Role::Customer, "jira-servicedesk", 0.15),
        (Role::Stakeholder, "jira-servicedesk", 0.01),
        (Role::Contributor, "jira-product-discovery", 0.04),
        (Role::Basic, "jira-core", 0.01),
        (Role::User, "compass", 0.02),
    ] {
        if !rng.random_bool(share) {
            continue;
        }
        let site = rng.random_range(0..catalog.sites.len());
        let at = catalog.resources.iter().position(|resource| resource.site == site && resource.owner == owner);
        if let Some(resource) = at.and_then(|at| u16::try_from(at).ok()) {
            account.set_direct(resource, account.direct_on(resource).with(role));
        }
    }
}
