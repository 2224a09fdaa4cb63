//! Orders of the lists that people page through.

use crate::filter::{Access, Condition, Expression, Filter};
use crate::words::words;

words! {
    /// What users are ordered by.
    UserSort {
        /// Name, in the order of a dictionary; those without one last.
        Name = "name",
        /// E-mail address; those without one last.
        Email = "email",
        /// The composite status.
        Status = "status",
        /// Newest activity, longest ago first, and never before everything. On the product in view, if there is one.
        LastActive = "last-active",
        /// First added to the organisation.
        Added = "added",
        /// Number of groups.
        Groups = "groups",
    }
}

words! {
    /// What groups are ordered by.
    GroupSort {
        /// Name, in the order of a dictionary.
        Name = "name",
        /// Members, as the API reports them.
        Members = "members",
        /// Resources on which the group grants a role.
        Resources = "resources",
    }
}

words! {
    /// Which end comes first.
    Direction {
        /// The least.
        Ascending = "asc",
        /// The greatest.
        Descending = "desc",
    }
}

words! {
    /// What a change comes to, as people ask for it.
    ChangeWord {
        /// A user came, or came back.
        Joined = "joined",
        /// A user left.
        Left = "left",
        /// A user was suspended or deactivated.
        Suspended = "suspended",
        /// A user became an organisation admin.
        GainedAdmin = "gained_admin",
        /// A user is no organisation admin any more.
        LostAdmin = "lost_admin",
        /// A user is in other groups.
        GroupsChanged = "groups_changed",
        /// A user may use other products.
        AccessChanged = "access_changed",
        /// A group came.
        GroupAdded = "group_added",
        /// A group went.
        GroupRemoved = "group_removed",
        /// A group has no members any more.
        GroupEmptied = "group_emptied",
    }
}

impl Filter {
    /// The product that the filter is about: activity is then shown and ordered for that product alone. It is the one named by the first
    /// `inactive:PRODUCT` or `product:PRODUCT` that every match fulfils; `None` if there is none, or it names several.
    pub fn product_in_view(&self) -> Option<&Access> {
        let members = match self.0.as_ref()? {
            Expression::All(members) => members.as_slice(),
            other => std::slice::from_ref(other),
        };
        let inactive = members.iter().find_map(|member| match member {
            Expression::Is(Condition::Inactive { on, .. }) => on.as_ref(),
            _ => None,
        });
        inactive.or_else(|| {
            members.iter().find_map(|member| match member {
                Expression::Is(Condition::Product(accesses)) => match accesses.as_slice() {
                    [only] => Some(only),
                    _ => None,
                },
                _ => None,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_in_view_is_the_one_that_every_match_may_use() {
        let check = |text: &str, expected: Option<&str>| {
            let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(filter.product_in_view().map(|access| access.product.as_str()), expected, "{text}");
        };
        check("", None);
        check("status:active", None);
        check("product:confluence", Some("confluence"));
        check("product:confluence inactive:jira-software>90d", Some("jira-software"));
        check("product:confluence,jira-software", None);
        check("-product:confluence", None);
        check("product:confluence OR status:active", None);
        check("inactive>90d product:confluence@example", Some("confluence"));
    }
}
