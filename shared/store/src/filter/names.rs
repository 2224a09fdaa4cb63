//! What a filter names, found in the mirror: products on sites, groups, directories, and what groups grant.

use std::collections::HashMap;

use orgmirror_domain::filter::{Access, Condition, GroupRef, Role, nearest};
use orgmirror_domain::ids::{OrgKey, ResourceId};
use orgmirror_domain::licence;
use sqlx::PgConnection;

use crate::{StoreError, StoreResult};

/// Everything that the conditions of one filter name.
#[derive(Debug, Default)]
pub(super) struct Names {
    places: Vec<Place>,
    /// Keys of groups by [`known_as`].
    groups: HashMap<String, Vec<i32>>,
    grants: Vec<Granted>,
    directories: Vec<(String, Option<String>)>,
    directory_groups: Vec<(String, i32)>,
    direct_roles_known: bool,
}

/// A product on a site.
#[derive(Debug)]
struct Place {
    /// `None` while nobody may use it.
    access_key: Option<i32>,
    resource: ResourceId,
    product: String,
    site_id: String,
    site_name: Option<String>,
    host_url: Option<String>,
}

/// That a group grants a role on a resource.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) group_key: i32,
    pub(crate) role: String,
    pub(crate) owner: Option<String>,
    pub(crate) resource: ResourceId,
}

impl Names {
    /// Finds what these conditions name, as the connection's transaction sees it.
    pub(super) async fn find(connection: &mut PgConnection, org: OrgKey, conditions: &[&Condition]) -> StoreResult<Self> {
        let mut names = Self::default();
        if conditions.iter().any(|condition| names_places(condition)) {
            names.places = places(connection, org).await?;
        }
        if conditions.iter().any(|condition| matches!(condition, Condition::Role(_) | Condition::Billable(_))) {
            names.find_grants(connection, org).await?;
        }
        for condition in conditions {
            match condition {
                Condition::Product(accesses) => accesses.iter().try_for_each(|access| names.check_access(access))?,
                Condition::Inactive { on: Some(access), .. } => names.check_access(access)?,
                Condition::Role(roles) => {
                    roles.iter().filter_map(|role| role.on.as_ref()).try_for_each(|on| names.check_access(on))?
                }
                Condition::Site(sites) => sites.iter().try_for_each(|site| names.check_site(site))?,
                Condition::Group(groups) => names.find_groups(connection, org, groups).await?,
                Condition::Directory(wanted) => names.find_directories(connection, org, wanted).await?,
                _ => {}
            }
        }
        Ok(names)
    }

    /// What groups grant, and whether direct roles are known: a list of users shows seats, whatever its filter says.
    pub(super) async fn find_grants(&mut self, connection: &mut PgConnection, org: OrgKey) -> StoreResult<()> {
        self.grants = grants(connection, org).await?;
        self.direct_roles_known = direct_roles_known(connection, org).await?;
        Ok(())
    }

    fn check_access(&self, access: &Access) -> StoreResult<()> {
        if !self.places.iter().any(|place| place.product.eq_ignore_ascii_case(&access.product)) {
            return Err(unknown("product", &access.product, self.places.iter().map(|place| place.product.as_str())));
        }
        access.site.as_ref().map_or(Ok(()), |site| self.check_site(site))
    }

    fn check_site(&self, site: &str) -> StoreResult<()> {
        if self.places.iter().any(|place| place.is_on(site)) {
            return Ok(());
        }
        Err(unknown("site", site, self.places.iter().filter_map(|place| place.site_name.as_deref())))
    }

    pub(super) fn keys_of_access(&self, access: &Access) -> Vec<i32> {
        self.places.iter().filter(|place| place.is(access)).filter_map(|place| place.access_key).collect()
    }

    pub(super) fn keys_of_sites(&self, sites: &[String]) -> Vec<i32> {
        let on_one = |place: &&Place| sites.iter().any(|site| place.is_on(site));
        self.places.iter().filter(on_one).filter_map(|place| place.access_key).collect()
    }

    pub(super) fn keys_of_groups(&self, groups: &[GroupRef]) -> Vec<i32> {
        groups.iter().filter_map(|group| self.groups.get(&known_as(group))).flatten().copied().collect()
    }

    /// Groups that grant one of these roles there, the largest first.
    pub(super) fn groups_granting(&self, roles: &[Role], on: Option<&Access>) -> Vec<i32> {
        let there = |granted: &Granted| {
            on.is_none_or(|access| self.places.iter().any(|place| place.resource == granted.resource && place.is(access)))
        };
        self.keys_of(|granted| Role::from_api(&granted.role).is_some_and(|role| roles.contains(&role)) && there(granted))
    }

    /// Groups that grant a seat of any product, the largest first.
    pub(super) fn groups_granting_seats(&self) -> Vec<i32> {
        self.keys_of(|granted| licence::takes_seat(granted.owner.as_deref(), &granted.role))
    }

    /// Keys without repeats, in the order of the grants.
    fn keys_of(&self, wanted: impl Fn(&Granted) -> bool) -> Vec<i32> {
        let mut keys: Vec<i32> = self.grants.iter().filter(|granted| wanted(granted)).map(|granted| granted.group_key).collect();
        // A group's grants stand together.
        keys.dedup();
        keys
    }

    /// Whether the newest full sync read who holds which role directly, on every product.
    pub(super) fn direct_roles_known(&self) -> bool {
        self.direct_roles_known
    }

    pub(super) fn directory_count(&self) -> usize {
        self.directories.len()
    }

    pub(super) fn groups_of_directories(&self, wanted: &[String]) -> Vec<i32> {
        let ids: Vec<&String> =
            self.directories.iter().filter(|it| wanted.iter().any(|name| is_directory(it, name))).map(|it| &it.0).collect();
        self.directory_groups.iter().filter(|(id, _)| ids.contains(&id)).map(|(_, key)| *key).collect()
    }

    async fn find_groups(&mut self, connection: &mut PgConnection, org: OrgKey, groups: &[GroupRef]) -> StoreResult<()> {
        let wanted: Vec<String> = groups.iter().map(known_as).collect();
        let rows = sqlx::query!(
            r#"-- filter.groups
            -- Folding ASCII letters alone is twice as quick, and enough for a name that has no others.
            SELECT wanted.position AS "position!", g.group_key
            FROM unnest($2::text[]) WITH ORDINALITY AS wanted (name, position)
            INNER JOIN org_group AS g ON lower(g.name COLLATE "C") = lower(wanted.name COLLATE "C")
            WHERE g.org_key = $1 AND g.known_alive AND g.hidden_at IS NULL AND wanted.name !~ '[^ -~]'
            UNION ALL
            SELECT wanted.position, g.group_key
            FROM unnest($2::text[]) WITH ORDINALITY AS wanted (name, position)
            INNER JOIN org_group AS g ON lower(g.name) = lower(wanted.name)
            WHERE g.org_key = $1 AND g.known_alive AND g.hidden_at IS NULL AND wanted.name ~ '[^ -~]'
            UNION ALL
            SELECT wanted.position, k.group_key
            FROM unnest($3::uuid[]) WITH ORDINALITY AS wanted (id, position)
            INNER JOIN group_key AS k ON k.org_key = $1 AND k.group_id = wanted.id
            INNER JOIN org_group AS g ON g.group_key = k.group_key AND g.known_alive AND g.hidden_at IS NULL"#,
            org.0,
            &groups
                .iter()
                .map(|group| if let GroupRef::Name(name) = group { name.clone() } else { String::new() })
                .collect::<Vec<_>>(),
            &groups.iter().map(|group| if let GroupRef::Id(id) = group { Some(id.0) } else { None }).collect::<Vec<_>>()
                as &[Option<uuid::Uuid>],
        );
        for row in rows.fetch_all(&mut *connection).await? {
            let position = usize::try_from(row.position - 1).unwrap_or_default();
            if let (Some(name), Some(key)) = (wanted.get(position), row.group_key) {
                self.groups.entry(name.clone()).or_default().push(key);
            }
        }
        match groups.iter().find(|group| !self.groups.contains_key(&known_as(group))) {
            None => Ok(()),
            Some(GroupRef::Id(id)) => Err(unknown("group", &id.to_string(), [])),
            Some(GroupRef::Name(name)) => {
                let alike = groups_alike(connection, org, name).await?;
                Err(unknown("group", name, alike.iter().map(String::as_str)))
            }
        }
    }

    async fn find_directories(&mut self, connection: &mut PgConnection, org: OrgKey, wanted: &[String]) -> StoreResult<()> {
        let rows = sqlx::query!(
            r#"-- filter.directories
            SELECT directory_id, name FROM directory WHERE org_key = $1 ORDER BY directory_id"#,
            org.0
        );
        self.directories = rows.fetch_all(&mut *connection).await?.into_iter().map(|row| (row.directory_id, row.name)).collect();
        if let Some(name) = wanted.iter().find(|name| !self.directories.iter().any(|it| is_directory(it, name))) {
            return Err(unknown("directory", name, self.directories.iter().filter_map(|it| it.1.as_deref())));
        }
        if self.directories.len() > 1 {
            let rows = sqlx::query!(
                r#"-- filter.directory_groups
                SELECT directory_id AS "directory_id!", group_key FROM org_group
                WHERE org_key = $1 AND known_alive AND hidden_at IS NULL AND directory_id IS NOT NULL"#,
                org.0
            );
            self.directory_groups =
                rows.fetch_all(&mut *connection).await?.into_iter().map(|row| (row.directory_id, row.group_key)).collect();
        }
        Ok(())
    }
}

fn names_places(condition: &Condition) -> bool {
    match condition {
        Condition::Product(_) | Condition::Site(_) | Condition::Inactive { on: Some(_), .. } => true,
        Condition::Role(roles) => roles.iter().any(|role| role.on.is_some()),
        _ => false,
    }
}

impl Place {
    fn is(&self, access: &Access) -> bool {
        self.product.eq_ignore_ascii_case(&access.product) && access.site.as_ref().is_none_or(|site| self.is_on(site))
    }

    fn is_on(&self, site: &str) -> bool {
        let host = |url: &str| url.trim_start_matches("https://").trim_end_matches('/').to_lowercase();
        let site = site.to_lowercase();
        self.site_id.to_lowercase() == site
            || self.site_name.as_deref().is_some_and(|name| name.to_lowercase() == site)
            || self.host_url.as_deref().is_some_and(|url| host(url) == host(&site))
    }
}

fn is_directory(directory: &(String, Option<String>), wanted: &str) -> bool {
    directory.0 == wanted || directory.1.as_deref().is_some_and(|name| name.to_lowercase() == wanted.to_lowercase())
}

fn known_as(group: &GroupRef) -> String {
    match group {
        GroupRef::Id(id) => format!("id {id}"),
        GroupRef::Name(name) => format!("name {name}"),
    }
}

fn unknown<'a>(what: &'static str, name: &str, known: impl IntoIterator<Item = &'a str>) -> StoreError {
    StoreError::UnknownName { what, name: name.to_owned(), near: nearest(name, known).map(str::to_owned) }
}

async fn places(connection: &mut PgConnection, org: OrgKey) -> StoreResult<Vec<Place>> {
    let rows = sqlx::query!(
        r#"-- filter.places
        SELECT k.access_key AS "access_key?", coalesce(k.resource_id, w.resource_id) AS "resource!", coalesce(k.product, w.product) AS "product!",
            s.name, s.host_url
        FROM (SELECT * FROM access_key WHERE org_key = $1) AS k
        FULL JOIN (SELECT * FROM workspace WHERE org_key = $1) AS w ON w.resource_id = k.resource_id AND w.product = k.product
        LEFT JOIN LATERAL (
            SELECT name, host_url FROM workspace
            WHERE org_key = $1 AND site_id = regexp_replace(coalesce(k.resource_id, w.resource_id), '^.*site/', '')
            ORDER BY resource_id LIMIT 1
        ) AS s ON true
        ORDER BY 2, 3"#,
        org.0
    );
    let rows = rows.fetch_all(&mut *connection).await?.into_iter().map(|row| {
        let resource = ResourceId::from(row.resource);
        let site_id = resource.site().to_owned();
        Place { access_key: row.access_key, product: row.product, site_id, site_name: row.name, host_url: row.host_url, resource }
    });
    Ok(rows.collect())
}

/// Whether the newest full sync read who holds which role directly, on every product.
pub(super) async fn direct_roles_known(connection: &mut PgConnection, org: OrgKey) -> StoreResult<bool> {
    let known = sqlx::query_scalar!(
        r#"-- filter.direct_roles_known
        SELECT coalesce(roles_unread = '{}', false) AS "known!" FROM org WHERE org_key = $1"#,
        org.0
    );
    Ok(known.fetch_one(&mut *connection).await?)
}

/// What visible groups grant, the largest group first, each group's grants together.
pub(crate) async fn grants(connection: &mut PgConnection, org: OrgKey) -> StoreResult<Vec<Granted>> {
    let rows = sqlx::query!(
        r#"-- filter.grants
        SELECT r.group_key, role.value AS "role!", item ->> 'owner' AS owner, item ->> 'resource' AS "resource!"
        FROM group_grants AS r
        INNER JOIN org_group AS g ON g.group_key = r.group_key AND g.known_alive AND g.hidden_at IS NULL
        CROSS JOIN LATERAL jsonb_array_elements(r.grants) AS item
        CROSS JOIN LATERAL jsonb_array_elements_text(item -> 'roles') AS role
        WHERE r.org_key = $1
        ORDER BY g.member_count DESC NULLS LAST, r.group_key"#,
        org.0
    );
    let rows = rows.fetch_all(&mut *connection).await?.into_iter();
    Ok(rows
        .map(|row| Granted { group_key: row.group_key, role: row.role, owner: row.owner, resource: row.resource.into() })
        .collect())
}

/// Groups whose names begin alike; only read for the words of an error.
async fn groups_alike(connection: &mut PgConnection, org: OrgKey, name: &str) -> StoreResult<Vec<String>> {
    let rows = sqlx::query_scalar!(
        r#"-- filter.groups_alike
        SELECT name AS "name!" FROM org_group
        WHERE org_key = $1 AND known_alive AND hidden_at IS NULL AND starts_with(lower(name), lower(left($2, 3))) LIMIT 20000"#,
        org.0,
        name
    );
    Ok(rows.fetch_all(&mut *connection).await?)
}
