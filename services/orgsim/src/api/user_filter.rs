//! Which accounts a call asks for: every part of the filter must hold, any value inside a part is enough.

use serde_json::{Map, Value};

use super::Context;
use super::filter::{ROLE_WORDS, RoleFilter, directories, text, texts};
use super::input::{Rule, Rules};
use super::paging::Rows;
use super::refusal::Refusal;
use crate::access::Access;
use crate::account::{Account, AccountStatus, Membership};
use crate::group::parse_group_id;
use crate::org::Org;

/// The parts of the filter.
pub(super) const RULES: Rules = &[
    ("accountIds", Rule::Texts(10)),
    ("directoryIds", Rule::Texts(10)),
    ("resourceIds", Rule::Texts(20)),
    ("groupIds", Rule::Texts(10)),
    ("mfaEnabled", Rule::Flag),
    ("claimStatus", Rule::Word(&["managed", "unmanaged"])),
    ("status", Rule::Words(4, &["active", "suspended", "not_invited", "deactivated", "for_deletion"])),
    ("accountStatus", Rule::Words(3, &["active", "inactive", "closed"])),
    ("membershipStatus", Rule::Words(3, &["active", "suspended", "no_membership"])),
    ("roleIds", Rule::Words(10, ROLE_WORDS)),
    ("emailDomains", Rule::Texts(10)),
    ("searchTerm", Rule::Text),
    ("emails", Rule::Texts(100)),
];

/// The parts that a query may have: all but the last, addresses.
pub(super) const LIST_RULES: Rules = RULES.split_at(RULES.len() - 1).0;

/// Lists up to this many rows are sorted for each page rather than found by walking the order.
const FEW: usize = 2_000;

/// The filter, with every name resolved.
#[derive(Debug)]
pub(super) struct UserFilter {
    directories: Option<u32>,
    accounts: Option<Vec<u32>>,
    with_emails: Option<Vec<u32>>,
    groups: Option<Vec<u32>>,
    mfa_enabled: Option<bool>,
    managed: Option<bool>,
    status: Option<Vec<String>>,
    account_status: Option<Vec<AccountStatus>>,
    membership: Option<Vec<Membership>>,
    email_domains: Option<Vec<String>>,
    search_term: Option<String>,
    roles: RoleFilter,
}

impl UserFilter {
    pub(super) fn new(context: &Context<'_>, filter: &Map<String, Value>) -> Result<Self, Refusal> {
        let org = context.org;
        let account_ids = texts(filter, "accountIds");
        let group_ids = texts(filter, "groupIds").map(|ids| ids.into_iter().filter_map(parse_group_id).collect::<Vec<_>>());
        for id in account_ids.iter().flatten() {
            context.touch(id)?;
        }
        for id in group_ids.iter().flatten() {
            context.touch(&id.to_string())?;
        }
        let flag = |name: &str| filter.get(name).and_then(Value::as_bool);
        Ok(Self {
            directories: directories(context, filter)?,
            accounts: account_ids.map(|ids| ids.into_iter().filter_map(|id| org.account_slot(id)).collect()),
            with_emails: texts(filter, "emails")
                .map(|emails| emails.into_iter().flat_map(|email| org.slots_by_email(email)).collect()),
            groups: group_ids.map(|ids| ids.into_iter().filter_map(|id| org.group_slot(id)).collect()),
            mfa_enabled: flag("mfaEnabled"),
            managed: text(filter, "claimStatus").map(|word| word == "managed"),
            status: texts(filter, "status").map(|words| words.into_iter().map(str::to_owned).collect()),
            account_status: texts(filter, "accountStatus")
                .map(|words| AccountStatus::ALL.into_iter().filter(|status| words.contains(&status.word())).collect()),
            membership: texts(filter, "membershipStatus")
                .map(|words| Membership::ALL.into_iter().filter(|status| words.contains(&status.word())).collect()),
            email_domains: texts(filter, "emailDomains").map(|domains| {
                domains.into_iter().map(|domain| format!("@{}", domain.trim_start_matches('@').to_lowercase())).collect()
            }),
            search_term: text(filter, "searchTerm").map(str::to_lowercase),
            roles: RoleFilter::new(filter, &org.catalog),
        })
    }

    /// The rows that the indexes leave to look at.
    pub(super) fn rows(&self, org: &Org) -> Rows {
        if let Some(accounts) = &self.accounts {
            return Rows::Few(accounts.clone());
        }
        if let Some(with_emails) = &self.with_emails {
            return Rows::Few(with_emails.clone());
        }
        let Some(groups) = &self.groups else { return Rows::Everything };
        let members = || groups.iter().filter_map(|slot| org.groups.get(*slot)).flat_map(|group| &group.members);
        // A walk meets a member every (accounts / members) steps, so large groups are better walked than sorted.
        let size: usize = groups.iter().filter_map(|slot| org.groups.get(*slot)).map(|group| group.members.len()).sum();
        if size <= FEW { Rows::Few(members().copied().collect()) } else { Rows::Everything }
    }

    pub(super) fn passes(&self, org: &Org, slot: u32, account: &Account) -> bool {
        self.directories.is_none_or(|mask| account.directories & mask != 0)
            && self.mfa_enabled.is_none_or(|mfa_enabled| account.mfa_enabled == mfa_enabled)
            && self.managed.is_none_or(|managed| account.managed == managed)
            && self.account_status.as_ref().is_none_or(|wanted| wanted.contains(&account.status))
            && self.membership.as_ref().is_none_or(|wanted| wanted.contains(&account.membership))
            && self.status.as_ref().is_none_or(|wanted| wanted.iter().any(|word| word == account.composite()))
            && self.accounts.as_ref().is_none_or(|slots| slots.contains(&slot))
            && self.with_emails.as_ref().is_none_or(|slots| slots.contains(&slot))
            && self.groups.as_ref().is_none_or(|groups| groups.iter().any(|group| account.groups.binary_search(group).is_ok()))
            && self.email_domains.as_ref().is_none_or(|domains| has_domain(account, domains))
            && self.search_term.as_ref().is_none_or(|term| mentions(account, term))
            && (self.roles.is_empty() || self.has_role(org, account))
    }

    fn has_role(&self, org: &Org, account: &Account) -> bool {
        self.roles.accepts_platform(account.platform_roles) && !account.platform_roles.is_empty()
            || Access::of(account, &org.groups).iter().any(|at| self.roles.accepts(at.resource, at.roles()))
    }
}

fn has_domain(account: &Account, domains: &[String]) -> bool {
    let Some(email) = &account.email else { return false };
    let email = email.to_lowercase();
    domains.iter().any(|domain| email.ends_with(domain.as_str()))
}

fn mentions(account: &Account, term: &str) -> bool {
    account.name.to_lowercase().contains(term) || account.email.as_ref().is_some_and(|email| email.to_lowercase().contains(term))
}
