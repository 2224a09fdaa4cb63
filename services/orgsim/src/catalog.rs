//! What an organisation has besides people and groups: sites, products on them, directories.
//!
//! It is derived from the seed once and never changes afterwards.

use uuid::Uuid;

use crate::config::SimulatorConfig;

/// Products as (owner in ARIs and `typeKey`, display name).
pub(crate) const PRODUCTS: [(&str, &str); 6] = [
    ("jira-software", "Jira"),
    ("jira-servicedesk", "Jira Service Management"),
    ("jira-product-discovery", "Jira Product Discovery"),
    ("confluence", "Confluence"),
    ("jira-core", "Jira Work Management"),
    ("compass", "Compass"),
];

/// How many sites every organisation has.
const SITES: [&str; 3] = ["example", "example-emea", "example-labs"];

/// The most directories: a set of them is a bit mask.
pub(crate) const MAX_DIRECTORIES: usize = 32;

/// A cloud site.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) cloud_id: Uuid,
    pub(crate) name: &'static str,
}

/// A product on a site, which is what a role is granted on.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) id: String,
    pub(crate) owner: &'static str,
    pub(crate) product_name: &'static str,
    pub(crate) site: usize,
}

/// A directory of accounts and groups.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Sites, resources and directories of the organisation.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) org_id: String,
    pub(crate) sites: Vec<Site>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) directories: Vec<Directory>,
}

impl Catalog {
    pub(crate) fn new(config: &SimulatorConfig) -> Self {
        let uuid = |what: &str| seeded_uuid(config.seed, what);
        let sites: Vec<Site> = SITES.iter().map(|name| Site { cloud_id: uuid(&format!("site {name}")), name }).collect();
        let resources = sites
            .iter()
            .enumerate()
            .flat_map(|(site, at)| {
                PRODUCTS.iter().map(move |(owner, product_name)| Resource {
                    id: format!("ari:cloud:{owner}::site/{}", at.cloud_id),
                    owner,
                    product_name,
                    site,
                })
            })
            .collect();
        let directories = (0..config.directories.clamp(1, MAX_DIRECTORIES))
            .map(|number| Directory {
                id: uuid(&format!("directory {number}")).to_string(),
                name: if number == 0 { "Primary".to_owned() } else { format!("Directory {}", number + 1) },
            })
            .collect();
        Self { org_id: config.org_id.clone(), sites, resources, directories }
    }

    pub(crate) fn resource_by_id(&self, id: &str) -> Option<u16> {
        let at = self.resources.iter().position(|resource| resource.id == id)?;
        u16::try_from(at).ok()
    }

    pub(crate) fn directory_by_id(&self, id: &str) -> Option<u8> {
        let at = self.directories.iter().position(|directory| directory.id == id)?;
        u8::try_from(at).ok()
    }
}

/// A UUID that the seed and a name decide.
pub(crate) fn seeded_uuid(seed: u64, what: &str) -> Uuid {
    uuid_of(xxhash_rust::xxh3::xxh3_128_with_seed(what.as_bytes(), seed))
}

/// A version 4 UUID with these random bits.
pub(crate) fn uuid_of(bits: u128) -> Uuid {
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}
