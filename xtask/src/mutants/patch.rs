//! A patch and the two lines above it that say what it breaks and which test must notice.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// One way to break a rule.
#[derive(Debug)]
pub(super) struct Patch {
    /// The file's name without ending.
    pub(super) name: String,
    /// The file.
    pub(super) path: PathBuf,
    /// The rule in words: `# breaks: ...`.
    pub(super) rule: String,
    /// Parts of test names, any of which counts: `# test: ...`, separated by spaces.
    pub(super) tests: Vec<String>,
}

/// The patches in `folder` called `names`, or all; sorted by name.
pub(super) fn read_all(folder: &Path, names: &[String]) -> Result<Vec<Patch>> {
    let entries = fs::read_dir(folder).with_context(|| format!("there are no patches in {}", folder.display()))?;
    let mut patches = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "patch") {
            patches.push(read(&path)?);
        }
    }
    if let Some(unknown) = names.iter().find(|name| !patches.iter().any(|patch| &patch.name == *name)) {
        bail!("there is no patch {unknown} in {}", folder.display());
    }
    patches.retain(|patch| names.is_empty() || names.contains(&patch.name));
    if patches.is_empty() {
        bail!("there are no patches in {}", folder.display());
    }
    patches.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(patches)
}

fn read(path: &Path) -> Result<Patch> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    let (rule, tests) =
        header(&text).with_context(|| format!("{} must begin with `# breaks: <rule>` and `# test: <name>`", path.display()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Patch { name, path: path.to_owned(), rule, tests })
}

fn header(text: &str) -> Option<(String, Vec<String>)> {
    let comments = || text.lines().take_while(|line| line.starts_with('#'));
    let values =
        |key: &'static str| comments().filter_map(move |line| line.strip_prefix('#')?.trim().strip_prefix(key)).map(str::trim);
    let rule = values("breaks:").next()?.to_owned();
    let tests: Vec<String> = values("test:").flat_map(str::split_whitespace).map(str::to_owned).collect();
    (!rule.is_empty() && !tests.is_empty()).then_some((rule, tests))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_gives_rule_and_tests() {
        let text = "# breaks: no delete without proof\n# test: sweep_needs_proof held_run\n# test: third\ndiff --git a/x b/x\n# test: not this\n";
        let (rule, tests) = header(text).unwrap();
        assert_eq!(rule, "no delete without proof");
        assert_eq!(tests, ["sweep_needs_proof", "held_run", "third"]);
        assert_eq!(header("# breaks: something\ndiff"), None);
        assert_eq!(header("# breaks: something\n# test:\n"), None);
    }
}
