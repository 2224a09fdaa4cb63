//! Where the server programs are.
//!
//! `PATH` first, because that is where a person says what they want; then the places where distributions put programs that are not meant
//! to be called by hand, the newest version first.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::StartError;

/// Folders per version: Debian and its kin, Fedora's and PostgreSQL's own packages, Alpine, Arch's old versions, Homebrew.
const VERSIONED: [(&str, &str, &str); 7] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/opt", "postgresql", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@", "bin"),
];

/// Folders without a version in their name, often missing from the `PATH` of services.
const PLAIN: [&str; 5] = ["/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/local/pgsql/bin", "/opt/homebrew/bin"];

/// Where to look for server programs.
#[derive(Clone, Debug)]
pub struct ProgramSearch {
    folders: Vec<PathBuf>,
}

impl Default for ProgramSearch {
    /// `PATH`, then the usual places of the distributions.
    fn default() -> Self {
        let path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
        let versioned = VERSIONED.iter().flat_map(|(parent, prefix, inner)| newest_first(Path::new(parent), prefix, inner));
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in path.into_iter().chain(versioned).chain(PLAIN.iter().map(PathBuf::from)) {
            if !folder.as_os_str().is_empty() && !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        Self { folders }
    }
}

impl ProgramSearch {
    /// Looks into these folders and nowhere else.
    pub fn only(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { folders: folders.into_iter().collect() }
    }

    /// Every installed copy of `program`, the preferred one first, under the name it was found by: some programs look at that name to
    /// know what to be (Debian's `redis-server` is a link to `redis-check-rdb`).
    pub(crate) fn all(&self, program: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        let mut seen: Vec<PathBuf> = Vec::new();
        for candidate in self.folders.iter().map(|folder| folder.join(program)) {
            if let Ok(real) = candidate.canonicalize()
                && is_executable(&real)
                && !seen.contains(&real)
            {
                seen.push(real);
                found.push(candidate);
            }
        }
        found
    }

    /// The error that helps whoever lacks `program`.
    pub(crate) fn missing(&self, program: &'static str, package: &'static str) -> StartError {
        let searched = self.folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        StartError::ProgramMissing { program, package, searched }
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// `<parent>/<prefix><version>/<inner>` for every version there is.
fn newest_first(parent: &Path, prefix: &str, inner: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(f64, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, entry.path().join(inner)))
        })
        .collect();
    versions.sort_by_key(|(version, _)| Reverse((version * 100.0) as i64));
    versions.into_iter().map(|(_, folder)| folder).collect()
}
