//! The closed sets of words in filters. A misspelt word is an error: in a negation it would match everybody.

use crate::words::words;

words! {
    /// The composite status, as the API defines it over account and membership (reference, section 2).
    Status {
        /// Account and membership are active.
        Active = "active",
        /// The account is active, its membership suspended in all directories.
        Suspended = "suspended",
        /// The account is active and in no directory.
        NotInvited = "not_invited",
        /// The account is inactive.
        Deactivated = "deactivated",
        /// Its deletion is scheduled.
        ForDeletion = "for_deletion",
    }
}

words! {
    /// Whether the organisation claimed the account's e-mail domain.
    Claim {
        /// It did.
        Managed = "managed",
        /// It did not.
        Unmanaged = "unmanaged",
    }
}

words! {
    /// Whether an account takes a paid seat of any product.
    Billable {
        /// It does: it holds a role that takes one.
        Yes = "yes",
        /// It does not: the account is not active, may use no product, or holds free roles alone.
        No = "no",
        /// It may: not all roles that it holds directly are known.
        Unknown = "unknown",
    }
}

words! {
    /// A property that a user has or has not.
    Flag {
        /// Administers the organisation, a site, or users' access.
        Admin = "admin",
        /// No activity on any product is known.
        NeverActive = "never-active",
    }
}

words! {
    /// A role, without the API's prefix `atlassian/` (reference, section 2).
    Role {
        /// Takes a seat.
        User = "user",
        /// Administers a product; takes a seat.
        Admin = "admin",
        /// Of Confluence.
        Guest = "guest",
        /// Of the portal of Jira Service Management.
        Customer = "customer",
        /// Of Jira Product Discovery.
        Contributor = "contributor",
        /// Of Jira Work Management.
        Basic = "basic",
        /// Of Jira Service Management.
        Stakeholder = "stakeholder",
        /// Reads.
        Viewer = "viewer",
        /// Gives access to a product or site.
        UserAccessAdmin = "user-access-admin",
        /// Administers the organisation.
        OrgAdmin = "org-admin",
        /// Administers a site.
        SiteAdmin = "site-admin",
        /// May use AI features.
        AiAccess = "ai-access",
    }
}

impl Role {
    /// The role as the API writes it.
    pub fn api_id(self) -> String {
        format!("atlassian/{self}")
    }

    /// Reads the API's form, or the word alone; `None` for a role that this version does not know.
    pub fn from_api(id: &str) -> Option<Self> {
        id.strip_prefix("atlassian/").unwrap_or(id).parse().ok()
    }
}

impl Flag {
    /// Platform roles that make somebody an admin.
    pub const ADMIN_ROLES: [Role; 3] = [Role::OrgAdmin, Role::SiteAdmin, Role::UserAccessAdmin];
}
