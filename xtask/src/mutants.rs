//! Do the tests notice when a rule is broken?
//!
//! Each patch in `tests/mutants` takes one rule out of the product and names the test that must turn red. A patch that applies, builds and
//! stays green shows that nothing guards its rule. First the named tests run without any patch: red means nothing if it was red before.
//!
//! The patched tree is compiled against a database with its own migrations, never from `.sqlx`: many rules are SQL, whose query data
//! would be missing for a changed statement.

mod cargo_test;
mod patch;
mod tree;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use orgmirror_private_servers::ThrowawayServers;

use self::cargo_test::{Build, Colour, Scratch};
use self::patch::Patch;
use self::tree::Tree;
use crate::servers;
use crate::step::Steps;
use crate::workspace::Workspace;

/// Which patches.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Names of patches, without folder and ending; all of them if none is given.
    names: Vec<String>,
}

/// What became of one patch.
struct Verdict {
    patch: Patch,
    caught: bool,
    word: String,
}

/// The task `mutants`.
pub(crate) async fn run(workspace: &Workspace, options: Options) -> Result<()> {
    let patches = patch::read_all(&workspace.root.join("tests/mutants"), &options.names)?;
    let servers = servers::start().await?;
    let outcome = judge_all(workspace, &servers, patches).await;
    servers.stop().await;
    let verdicts = outcome?;
    print(&verdicts);
    let missed: Vec<&str> =
        verdicts.iter().filter(|verdict| !verdict.caught).map(|verdict| verdict.patch.name.as_str()).collect();
    if !missed.is_empty() {
        bail!("not caught: {}", missed.join(", "));
    }
    eprintln!("\nPassed: all {} broken rules were noticed.", verdicts.len());
    Ok(())
}

async fn judge_all(workspace: &Workspace, servers: &ThrowawayServers, patches: Vec<Patch>) -> Result<Vec<Verdict>> {
    let tree = Tree::new(workspace.root.clone(), workspace.target.join("mutants"));
    let scratch = Scratch { workspace, servers, tree: &tree, target: mutants_target(workspace) };
    Steps::heading("the named tests without a patch");
    tree.restore().await?;
    let filters: Vec<String> = patches.iter().flat_map(|patch| patch.tests.clone()).collect();
    check_green(&scratch, &filters).await?;

    let mut verdicts = Vec::new();
    for patch in patches {
        Steps::heading(&format!("{}: {}", patch.name, patch.rule));
        tree.restore().await?;
        let (caught, word) = judge(&scratch, &patch).await?;
        eprintln!("{word}");
        verdicts.push(Verdict { patch, caught, word });
    }
    Ok(verdicts)
}

/// Apart from other builds, or each patch would make the next ordinary build start over.
fn mutants_target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("mutants-build")
}

async fn check_green(scratch: &Scratch<'_>, filters: &[String]) -> Result<()> {
    if let Build::Failed(output) = scratch.build().await? {
        bail!("the tree does not build without any patch:\n{output}");
    }
    match scratch.test(filters).await? {
        Colour::Green { .. } => Ok(()),
        Colour::NothingRan => bail!("no test matches any name in tests/mutants: {}", filters.join(", ")),
        Colour::Red { word, output } => bail!("the named tests fail without any patch ({word}); mend them first:\n{output}"),
    }
}

async fn judge(scratch: &Scratch<'_>, patch: &Patch) -> Result<(bool, String)> {
    if let Err(error) = scratch.tree.apply(&patch.path).await {
        return Ok((false, format!("does not apply: {error:#}")));
    }
    if let Build::Failed(output) = scratch.build().await? {
        eprintln!("{output}");
        return Ok((false, "does not build".to_owned()));
    }
    Ok(match scratch.test(&patch.tests).await? {
        Colour::Red { word, .. } => (true, format!("red: {word}")),
        Colour::Green { passed } => (false, format!("green: {passed} passed")),
        Colour::NothingRan => (false, "no test of that name".to_owned()),
    })
}

fn print(verdicts: &[Verdict]) {
    let rows = verdicts.iter().map(|verdict| {
        let first_line = verdict.word.lines().next().unwrap_or_default().to_owned();
        [verdict.patch.name.clone(), verdict.patch.rule.clone(), verdict.patch.tests.join(" "), first_line]
    });
    let table: Vec<[String; 4]> = std::iter::once(["name", "rule", "test", "red?"].map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    println!();
    for [name, rule, test, red] in &table {
        println!("{name:0$}  {rule:1$}  {test:2$}  {red}", widths[0], widths[1], widths[2]);
    }
}
