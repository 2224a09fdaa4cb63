//! Which product roles somebody holds directly, found with few calls.
//!
//! What groups grant is known, and a count by resource and role counts all who hold the role there, by whatever way. So what the API
//! counts beyond the members of granting groups is what somebody holds directly, and where it counts nothing beyond them there is nothing
//! to read. Of the roles that remain on a product, the most frequent one is inferred: it is what those have whom no list of another
//! role names. The others are listed, the cheapest products first, as long as the calls last.
//!
//! Absent: who holds what (`store`), the calls (`worker`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::filter::Role;
use crate::ids::ResourceId;
use crate::partition::PAGE;

/// Resources of one count at most; the API's own limit.
const RESOURCES: usize = 20;
/// Calls that direct roles may always cost.
const CALLS: u64 = 44;
/// For so many expected pages they may cost one call more.
const PAGES_A_CALL: u64 = 60;
/// Of so many holders one may differ without a reason: while a run reads, people join and leave groups.
const DRIFT: u64 = 2_000;

/// Resources of one product that are asked about together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The API's word: `confluence`.
    pub product: String,
    /// At most 20, one a site.
    pub resources: Vec<ResourceId>,
}

/// How many hold a role on any of these resources?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// In the API's word.
    pub role: String,
    /// Numbers of the units that it is about; several where nobody is expected to hold the role directly.
    pub units: Vec<usize>,
    /// The units' resources, at most 20.
    pub resources: Vec<ResourceId>,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// Accounts that hold the role, by whatever way, as the API counts.
    pub counted: u64,
    /// Accounts that hold it by a group, as the mirror has it.
    pub by_group: u64,
}

/// What is known of the roles on one unit's resources, and what is to be read. Stored with the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRoles {
    /// The product.
    pub product: String,
    /// The resources.
    pub resources: Vec<ResourceId>,
    /// The role of those who are on no list and have none by a group; none where nobody holds one directly, or lists would cost too much.
    pub inferred: Option<Inferred>,
    /// Roles that are listed, resource by resource.
    pub listed: Vec<String>,
    /// Roles whose lists would cost more calls than are left: then nobody's direct role on the product is known.
    pub not_read: Vec<String>,
}

/// A role that is known without a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inferred {
    /// In the API's word.
    pub role: String,
    /// Accounts that hold it on any of the unit's resources, as the API counts. More than are found: somebody holds it besides another.
    pub counted: u64,
}

impl UnitRoles {
    /// Nothing was read, for a reason that concerns all products alike.
    pub fn unread(unit: Unit) -> Self {
        Self {
            product: unit.product,
            resources: unit.resources,
            inferred: None,
            listed: Vec::new(),
            not_read: vec![ANY.to_owned()],
        }
    }
}

/// Stands for every role in [`UnitRoles::not_read`].
const ANY: &str = "any";

impl Answer {
    /// Whether more hold the role than groups explain.
    fn is_direct(&self) -> bool {
        self.counted > self.by_group + drift(self.counted)
    }
}

/// How far two counts of so many may differ while people move.
pub fn drift(counted: u64) -> u64 {
    counted / DRIFT
}

/// Calls that reading direct roles may cost, counts included, in a run of so many expected pages.
pub fn role_calls(pages: u64) -> u64 {
    CALLS + pages / PAGES_A_CALL
}

/// Divides pairs of product and resource into units.
pub fn units(places: impl IntoIterator<Item = (String, ResourceId)>) -> Vec<Unit> {
    let mut products: BTreeMap<String, Vec<ResourceId>> = BTreeMap::new();
    for (product, resource) in places {
        products.entry(product).or_default().push(resource);
    }
    let mut units = Vec::new();
    for (product, mut resources) in products {
        resources.sort_unstable();
        resources.dedup();
        units.extend(resources.chunks(RESOURCES).map(|some| Unit { product: product.clone(), resources: some.to_vec() }));
    }
    units
}

/// The product on which a role is usual: the reference names it with the role (section 2). `None`: every product.
fn home(role: Role) -> Home {
    match role {
        Role::User | Role::Admin => Home::Everywhere,
        Role::Guest => Home::On("confluence"),
        Role::Customer | Role::Stakeholder => Home::On("jira-servicedesk"),
        Role::Contributor => Home::On("jira-product-discovery"),
        Role::Basic => Home::On("jira-core"),
        Role::UserAccessAdmin => Home::Nowhere,
        // The first three are on the organisation; for the last one no search can ask.
        Role::OrgAdmin | Role::SiteAdmin | Role::AiAccess | Role::Viewer => Home::NoProduct,
    }
}

/// Where a role is expected: there a count for each product pays, elsewhere one for all products together.
enum Home {
    Everywhere,
    On(&'static str),
    Nowhere,
    NoProduct,
}

/// The questions to begin with. `occurring` is how many hold each role in the whole organisation.
pub fn questions(units: &[Unit], occurring: &BTreeMap<String, u64>) -> Vec<Question> {
    let mut questions = Vec::new();
    for (role, _) in occurring.iter().filter(|(_, holders)| **holders > 0) {
        let Some(home) = Role::from_api(role).map(home) else { continue };
        let (expected, others): (Vec<usize>, Vec<usize>) = (0..units.len()).partition(|unit| match home {
            Home::Everywhere => true,
            Home::On(product) => units[*unit].product == product,
            Home::Nowhere | Home::NoProduct => false,
        });
        questions.extend(expected.into_iter().map(|unit| question(role, units, &[unit])));
        if !matches!(home, Home::NoProduct) {
            questions.extend(together(units, others).iter().map(|some| question(role, units, some)));
        }
    }
    questions
}

/// What must be asked after an answer that says that somebody of several units holds the role directly: which.
pub fn follow_ups(units: &[Unit], answer: &Answer) -> Vec<Question> {
    let asked = &answer.question;
    if asked.units.len() < 2 || !answer.is_direct() {
        return Vec::new();
    }
    asked.units.iter().map(|unit| question(&asked.role, units, &[*unit])).collect()
}

fn question(role: &str, units: &[Unit], some: &[usize]) -> Question {
    let resources = some.iter().flat_map(|unit| units[*unit].resources.iter().cloned()).collect();
    Question { role: role.to_owned(), units: some.to_vec(), resources }
}

/// As many units a question as its resources allow.
fn together(units: &[Unit], some: Vec<usize>) -> Vec<Vec<usize>> {
    let (mut groups, mut room): (Vec<Vec<usize>>, usize) = (Vec::new(), 0);
    for unit in some {
        let size = units[unit].resources.len();
        match groups.last_mut().filter(|_| size <= room) {
            Some(group) => group.push(unit),
            None => {
                groups.push(vec![unit]);
                room = RESOURCES;
            }
        }
        room -= size.min(room);
    }
    groups
}

/// What to infer and what to list, with so many calls left.
pub fn decide(units: Vec<Unit>, answers: &[Answer], calls_left: u64) -> Vec<UnitRoles> {
    let mut decided: Vec<(u64, UnitRoles)> = units.into_iter().enumerate().map(|(at, unit)| judge(at, unit, answers)).collect();
    decided.sort_by_key(|(cost, _)| *cost);
    let mut left = calls_left;
    for (cost, unit) in &mut decided {
        if *cost <= left {
            left -= *cost;
        } else {
            unit.inferred = None;
            unit.not_read = std::mem::take(&mut unit.listed);
        }
    }
    decided.into_iter().map(|(_, unit)| unit).collect()
}

/// A unit's roles, and what its lists cost.
fn judge(at: usize, unit: Unit, answers: &[Answer]) -> (u64, UnitRoles) {
    let mut direct: Vec<&Answer> = answers.iter().filter(|answer| answer.question.units == [at] && answer.is_direct()).collect();
    // The most frequent one is the dearest to list.
    direct.sort_by_key(|answer| answer.counted);
    let inferred = direct.pop().map(|answer| Inferred { role: answer.question.role.clone(), counted: answer.counted });
    // A list of each resource ends with a page that is not full.
    let sites = unit.resources.len() as u64;
    let cost = direct.iter().map(|answer| answer.counted / PAGE + sites).sum();
    let listed = direct.into_iter().map(|answer| answer.question.role.clone()).collect();
    (cost, UnitRoles { product: unit.product, resources: unit.resources, inferred, listed, not_read: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organisation() -> Vec<Unit> {
        let products = ["compass", "confluence", "jira-core", "jira-product-discovery", "jira-servicedesk", "jira-software"];
        let sites = ["a", "b", "c"];
        let places = products.iter().flat_map(|product| {
            sites.iter().map(move |site| ((*product).to_owned(), ResourceId(format!("ari:cloud:{product}::site/{site}"))))
        });
        units(places)
    }

    fn occurring(roles: &[&str]) -> BTreeMap<String, u64> {
        roles.iter().map(|role| (format!("atlassian/{role}"), 100)).collect()
    }

    fn answer(units: &[Unit], role: &str, product: &str, counted: u64, by_group: u64) -> Answer {
        let at = units.iter().position(|unit| unit.product == product).unwrap();
        Answer { question: question(&format!("atlassian/{role}"), units, &[at]), counted, by_group }
    }

    #[test]
    fn a_role_is_asked_for_where_it_is_usual_and_elsewhere_once() {
        let units = organisation();
        let all = [
            "user",
            "admin",
            "guest",
            "customer",
            "stakeholder",
            "contributor",
            "basic",
            "user-access-admin",
            "org-admin",
            "new",
        ];
        let asked = questions(&units, &occurring(&all));
        let of = |role: &str| asked.iter().filter(|one| one.role == format!("atlassian/{role}")).count();
        assert_eq!(
            (of("user"), of("admin"), of("guest"), of("user-access-admin"), of("org-admin"), of("new")),
            (6, 6, 2, 1, 0, 0)
        );
        assert_eq!(asked.len(), 23);
        assert!(asked.iter().all(|one| one.resources.len() <= RESOURCES));
        assert_eq!(questions(&units, &BTreeMap::from([("atlassian/user".to_owned(), 0)])), []);
    }

    #[test]
    fn who_is_found_elsewhere_is_looked_for_product_by_product() {
        let units = organisation();
        let elsewhere = questions(&units, &occurring(&["guest"])).pop().unwrap();
        let answer = |counted| Answer { question: elsewhere.clone(), counted, by_group: 40 };
        assert_eq!(follow_ups(&units, &answer(40)), []);
        assert_eq!(follow_ups(&units, &answer(41)).len(), 5);
    }

    #[test]
    fn the_most_frequent_role_is_inferred_and_what_groups_explain_is_not_read() {
        let units = organisation();
        let answers = [
            answer(&units, "user", "jira-software", 70_000, 60_000),
            answer(&units, "admin", "jira-software", 480, 20),
            // People moved while they were counted.
            answer(&units, "user", "jira-servicedesk", 60_020, 60_000),
            answer(&units, "customer", "jira-servicedesk", 18_000, 10),
        ];
        let decided = decide(units, &answers, 7);
        let of = |product: &str| decided.iter().find(|unit| unit.product == product).unwrap();
        let inferred = |product: &str| of(product).inferred.as_ref().map(|one| one.role.as_str());
        assert_eq!(
            (inferred("jira-software"), of("jira-software").listed.as_slice()),
            (Some("atlassian/user"), ["atlassian/admin".to_owned()].as_slice())
        );
        assert_eq!((inferred("jira-servicedesk"), of("jira-servicedesk").listed.len()), (Some("atlassian/customer"), 0));
        assert_eq!((inferred("compass"), of("compass").not_read.len()), (None, 0));
    }

    #[test]
    fn what_costs_too_much_is_not_guessed() {
        let units = organisation();
        let answers = [
            answer(&units, "user", "jira-software", 70_000, 60_000),
            answer(&units, "admin", "jira-software", 480, 20),
            answer(&units, "user", "confluence", 70_000, 60_000),
            answer(&units, "guest", "confluence", 3_600, 0),
        ];
        let decided = decide(units, &answers, 20);
        let of = |product: &str| decided.iter().find(|unit| unit.product == product).unwrap();
        assert!(of("jira-software").inferred.is_some());
        assert_eq!(
            (of("confluence").inferred.as_ref(), of("confluence").not_read.as_slice()),
            (None, ["atlassian/guest".to_owned()].as_slice())
        );
    }

    #[test]
    fn an_organisation_of_many_sites_is_asked_in_parts() {
        let places = (0..45).map(|site| ("confluence".to_owned(), ResourceId(format!("ari:cloud:confluence::site/{site:02}"))));
        let units = units(places);
        assert_eq!(units.iter().map(|unit| unit.resources.len()).collect::<Vec<_>>(), [20, 20, 5]);
        assert_eq!(questions(&units, &occurring(&["user", "customer"])).len(), 6);
    }
}
