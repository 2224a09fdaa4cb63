//! The condition of a filter in SQL, over a row of `account` that is called `a`.
//!
//! Keys of groups and products are bound, not joined: a scan of all accounts then compares small arrays, a few hundredths of a second
//! at full size, and the tables that syncs write need no further index.

use chrono::{DateTime, TimeDelta, Utc};
use orgmirror_domain::filter::{Access, Billable, Claim, Condition, Days, Expression, Flag, Role, RoleAt, Status};
use orgmirror_domain::licence::SEAT_ROLES;

use super::Selection;
use super::sql::Statement;

/// Accounts of the organisation that are not gone. Ends so that ` AND ...` may follow.
const VISIBLE: &str = " a.known_alive AND a.hidden_at IS NULL AND a.org_key = ";
/// Roles on the organisation rather than on a product.
const PLATFORM_ROLES: [Role; 4] = [Role::OrgAdmin, Role::SiteAdmin, Role::UserAccessAdmin, Role::AiAccess];

/// Lists of groups up to this length are compared whole.
const SHORT_LIST: usize = 32;
/// So many groups of an account are looked up one by one in a longer list.
const LOOKED_UP: i32 = 12;

pub(super) fn is_platform(role: Role) -> bool {
    PLATFORM_ROLES.contains(&role)
}

impl Selection {
    /// Writes what a visible, matching row of `account AS a` fulfils, ready for a WHERE.
    pub(super) fn write_condition(&self, sql: &mut Statement) {
        sql.text(VISIBLE).bind(self.org.0);
        if let Some(expression) = &self.filter.0 {
            sql.text("\n    AND ");
            self.write(sql, expression);
        }
    }

    fn write(&self, sql: &mut Statement, expression: &Expression) {
        match expression {
            Expression::All(members) | Expression::Any(members) => {
                let between = if matches!(expression, Expression::All(_)) { " AND " } else { " OR " };
                sql.text("(");
                sql.joined(members, between, |sql, member| self.write(sql, member));
                sql.text(")");
            }
            Expression::Not(inner) => {
                sql.text("NOT ");
                self.write(sql, inner);
            }
            Expression::Is(condition) => {
                sql.text("(");
                self.write_leaf(sql, condition);
                // Null, where the mirror does not know, is no match; so NOT of it is one.
                sql.text(") IS TRUE");
            }
        }
    }

    fn write_leaf(&self, sql: &mut Statement, condition: &Condition) {
        match condition {
            Condition::Status(words) => one_of(sql, "a.status", words.iter().copied().map(Status::as_str)),
            Condition::Claim(words) => one_of(sql, "a.claim_status", words.iter().copied().map(Claim::as_str)),
            Condition::Domain(domains) => one_of(sql, "lower(split_part(a.email, '@', -1))", domains.iter().map(String::as_str)),
            Condition::Product(accesses) => overlaps(sql, self.access_keys(accesses), "a.access_keys"),
            Condition::Site(sites) => overlaps(sql, self.names.keys_of_sites(sites), "a.access_keys"),
            Condition::Group(groups) => member_of(sql, &self.names.keys_of_groups(groups)),
            Condition::Role(roles) => sql.joined(roles, " OR ", |sql, role| self.write_role(sql, role)),
            Condition::Directory(directories) => self.write_directory(sql, directories),
            Condition::Inactive { on, longer_than } => self.write_inactive(sql, on.as_ref(), *longer_than),
            Condition::Billable(answer) => self.write_billable(sql, *answer),
            Condition::Flag(Flag::Admin) => overlaps(sql, Flag::ADMIN_ROLES.map(Role::api_id).to_vec(), "a.platform_roles"),
            Condition::Flag(Flag::NeverActive) => {
                sql.text("'-infinity' < ANY (a.access_active_at) IS NOT TRUE");
            }
            Condition::Text(text) => write_search(sql, text),
        }
    }

    fn access_keys(&self, accesses: &[Access]) -> Vec<i32> {
        accesses.iter().flat_map(|access| self.names.keys_of_access(access)).collect()
    }

    fn write_role(&self, sql: &mut Statement, wanted: &RoleAt) {
        if wanted.on.is_none() && is_platform(wanted.role) {
            overlaps(sql, vec![wanted.role.api_id()], "a.platform_roles");
            sql.text(" OR ");
        }
        sql.text("a.account_key IN (SELECT d.account_key FROM direct_role AS d WHERE d.org_key = ").bind(self.org.0);
        sql.text(" AND ").bind(wanted.role.api_id()).text(" = ANY (d.roles)");
        if let Some(access) = &wanted.on {
            sql.text(" AND d.access_key = ANY (").bind(self.names.keys_of_access(access)).text(")");
        }
        sql.text(") OR ");
        member_of(sql, &self.names.groups_granting(&[wanted.role], wanted.on.as_ref()));
    }

    fn write_directory(&self, sql: &mut Statement, directories: &[String]) {
        sql.text("a.membership_status <> 'no_membership'");
        if self.names.directory_count() > 1 {
            // Half of all groups may be in one directory; Postgres hashes a long bound list once, and looks each group up in it.
            sql.text(" AND EXISTS (SELECT FROM unnest(a.group_keys) AS member (group_key) WHERE member.group_key = ANY (");
            sql.bind(self.names.groups_of_directories(directories)).text("))");
        }
    }

    fn write_inactive(&self, sql: &mut Statement, on: Option<&Access>, longer_than: Days) {
        let since: DateTime<Utc> = self.now - TimeDelta::days(longer_than.get().into());
        // Nobody is inactive for longer than they have been there.
        sql.text("a.added_to_org_at < ").bind(since).text(" AND ");
        let Some(access) = on else {
            sql.bind(since).text(" <= ANY (a.access_active_at) IS NOT TRUE");
            return;
        };
        let keys = self.names.keys_of_access(access);
        overlaps(sql, keys.clone(), "a.access_keys");
        for key in keys {
            sql.text(" AND (a.access_active_at[array_position(a.access_keys, ").bind(key).text(")] >= ").bind(since);
            sql.text(") IS NOT TRUE");
        }
    }

    /// As `domain::licence::billable` decides for one account.
    fn write_billable(&self, sql: &mut Statement, answer: Billable) {
        match answer {
            Billable::No => self.write_certainly_free(sql),
            Billable::Yes => {
                sql.text("a.status = 'active' AND a.access_keys <> '{}' AND (");
                self.write_seat(sql);
                sql.text(")");
            }
            Billable::Unknown => {
                sql.text("(");
                self.write_certainly_free(sql);
                sql.text(") IS NOT TRUE AND NOT (a.status IS NOT NULL AND (");
                self.write_seat(sql);
                sql.text("))");
            }
        }
    }

    /// Not active, without access, or with roles all of which are known and free.
    fn write_certainly_free(&self, sql: &mut Statement) {
        sql.text("a.status <> 'active' OR a.access_keys = '{}' OR ((a.account_key, cardinality(a.access_keys)::bigint) IN (")
            .text("SELECT d.account_key, count(*) FROM direct_role AS d WHERE d.certain AND NOT d.roles && ")
            .bind(seat_roles())
            .text(" AND d.org_key = ")
            .bind(self.org.0)
            .text(" GROUP BY d.account_key) AND NOT (");
        member_of(sql, &self.names.groups_granting_seats());
        sql.text("))");
    }

    /// By a group or directly; the hashed list of the latter is the quicker to look into.
    fn write_seat(&self, sql: &mut Statement) {
        sql.text("a.account_key IN (SELECT d.account_key FROM direct_role AS d WHERE d.roles && ")
            .bind(seat_roles())
            .text(" AND d.org_key = ")
            .bind(self.org.0)
            .text(") OR ");
        member_of(sql, &self.names.groups_granting_seats());
    }
}

fn seat_roles() -> Vec<String> {
    SEAT_ROLES.map(str::to_owned).to_vec()
}

fn one_of<'a>(sql: &mut Statement, column: &'static str, words: impl Iterator<Item = &'a str>) {
    sql.text(column).text(" = ANY (").bind(words.map(str::to_owned).collect::<Vec<_>>()).text(")");
}

/// The bound list first: both are searched from the front, and the list has what most accounts have in front.
fn overlaps<T>(sql: &mut Statement, list: Vec<T>, column: &'static str)
where
    Vec<T>: for<'t> sqlx::Encode<'t, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sql.bind(list).text(" && ").text(column);
}

/// In one of these groups, the largest first. A long bound list is hashed by Postgres, but only where single values are looked up in it; so the
/// first groups of an account, which are all of most accounts', are looked up one by one. That halves the time of a few hundred.
fn member_of(sql: &mut Statement, groups: &[i32]) {
    if groups.len() <= SHORT_LIST {
        overlaps(sql, groups.to_vec(), "a.group_keys");
        return;
    }
    // An account with fewer groups gives null for the positions that it has not.
    sql.text("((");
    for position in 1..=LOOKED_UP {
        sql.text("a.group_keys[").bind(position).text("] = ANY (").bind(groups.to_vec()).text(") OR ");
    }
    sql.text("(cardinality(a.group_keys) > ").bind(LOOKED_UP).text(" AND ");
    sql.bind(groups.to_vec()).text(" && a.group_keys[").bind(LOOKED_UP + 1).text(":])) IS TRUE)");
}

fn write_search(sql: &mut Statement, text: &str) {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    if text.is_ascii() {
        // Only ASCII letters can match it, and folding only those takes half the time.
        sql.text("a.name COLLATE \"C\" ILIKE ").bind(pattern.clone()).text(" OR a.email COLLATE \"C\" ILIKE ").bind(pattern);
    } else {
        // What has only ASCII letters cannot match it, and that is quicker to see than to fold.
        for (between, is_plain, folded) in [
            ("(", "octet_length(a.name) = length(a.name)", "lower(a.name)"),
            (" OR (", "octet_length(a.email) = length(a.email)", "lower(a.email)"),
        ] {
            sql.text(between)
                .text("NOT ")
                .text(is_plain)
                .text(" AND ")
                .text(folded)
                .text(" LIKE lower(")
                .bind(pattern.clone())
                .text("))");
        }
    }
}
