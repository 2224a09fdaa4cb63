//! Who may do what in the console and its HTTP API.
//!
//! Each route has a [`Need`], each visitor has [`Rights`]; [`Rights::lack`] is the only place where the two meet.

use crate::words::words;

words! {
    /// What a person or token may do. Each role may also do what those before it may.
    Role {
        /// Sees.
        Viewer = "viewer",
        /// Starts syncs, asks for operations, approves.
        Operator = "operator",
        /// Changes settings, people and tokens.
        Admin = "admin",
    }
}

/// Which sites somebody may see, by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sites {
    /// All of the organisation.
    All,
    /// These and no other.
    Only(Vec<String>),
}

/// What a visitor may do, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// What.
    pub role: Role,
    /// Where.
    pub sites: Sites,
}

/// What a route shows or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum About {
    /// The organisation as a whole: nobody who is limited to sites may use it.
    Organisation,
    /// Only what belongs to the visitor's sites: the route narrows its answer to them.
    Sites,
}

/// What a route asks of its visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Need {
    /// The least role.
    pub role: Role,
    /// What it is about.
    pub about: About,
}

/// Why a visitor may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// This role is needed.
    Role(Role),
    /// It is about the whole organisation, and the visitor is limited to sites.
    AllSites,
}

impl Need {
    /// A route about the whole organisation.
    pub const fn whole(role: Role) -> Self {
        Self { role, about: About::Organisation }
    }

    /// A route that narrows what it shows to the visitor's sites.
    pub const fn by_site(role: Role) -> Self {
        Self { role, about: About::Sites }
    }
}

impl Rights {
    /// What is missing for a route; `None` if nothing is.
    pub fn lack(&self, need: Need) -> Option<Lack> {
        if self.role < need.role {
            Some(Lack::Role(need.role))
        } else if need.about == About::Organisation && self.sites != Sites::All {
            Some(Lack::AllSites)
        } else {
            None
        }
    }

    /// What both allow: a token never may more than the person whose it is.
    #[must_use]
    pub fn bounded_by(self, other: &Self) -> Self {
        let sites = match (self.sites, &other.sites) {
            (sites, Sites::All) => sites,
            (Sites::All, sites) => sites.clone(),
            (Sites::Only(own), Sites::Only(others)) => {
                Sites::Only(own.into_iter().filter(|site| others.contains(site)).collect())
            }
        };
        Self { role: self.role.min(other.role), sites }
    }
}

impl Sites {
    /// As the database keeps them: `None` for all.
    pub fn ids(&self) -> Option<&[String]> {
        match self {
            Self::All => None,
            Self::Only(ids) => Some(ids),
        }
    }
}

impl From<Option<Vec<String>>> for Sites {
    fn from(ids: Option<Vec<String>>) -> Self {
        ids.map_or(Self::All, Self::Only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(role: Role, sites: Option<&[&str]>) -> Rights {
        Rights { role, sites: sites.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()).into() }
    }

    #[test]
    fn a_role_includes_those_before_it() {
        for (position, role) in Role::ALL.iter().enumerate() {
            for (other, needed) in Role::ALL.iter().enumerate() {
                let lack = rights(*role, None).lack(Need::whole(*needed));
                assert_eq!(lack.is_none(), position >= other, "{role} for what needs {needed}");
            }
        }
    }

    #[test]
    fn who_is_limited_to_sites_sees_nothing_of_the_whole() {
        let limited = rights(Role::Admin, Some(&["emea"]));
        assert_eq!(limited.lack(Need::whole(Role::Viewer)), Some(Lack::AllSites));
        assert_eq!(limited.lack(Need::by_site(Role::Viewer)), None);
        assert_eq!(rights(Role::Admin, Some(&[])).lack(Need::whole(Role::Viewer)), Some(Lack::AllSites));
    }

    #[test]
    fn a_token_never_may_more_than_its_person() {
        let bounded = |token: Rights, person: Rights| token.bounded_by(&person);
        assert_eq!(bounded(rights(Role::Admin, None), rights(Role::Viewer, Some(&["a"]))), rights(Role::Viewer, Some(&["a"])));
        assert_eq!(
            bounded(rights(Role::Viewer, Some(&["a", "b"])), rights(Role::Admin, Some(&["b", "c"]))),
            rights(Role::Viewer, Some(&["b"]))
        );
        // No site in common is no site, and never all of them.
        assert_eq!(
            bounded(rights(Role::Viewer, Some(&["a"])), rights(Role::Admin, Some(&["b"]))),
            rights(Role::Viewer, Some(&[]))
        );
    }
}
