//! A Postgres data folder ("cluster"): found, or made with an empty database in it.
//!
//! A new one is prepared under another name and renamed when complete, so an interrupted first start leaves nothing half-made behind.

use std::fs;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::StartError;
use crate::account::Account;
use crate::log;
use crate::programs::ProgramSearch;

/// Superuser and database of every private Postgres.
pub(crate) const NAME: &str = "orgmirror";
/// The package that brings the programs, for messages.
const PACKAGE: &str = "postgresql";
/// Both sort by code point, independent of the computer's language; the first also knows upper and lower case beyond ASCII.
const LOCALES: [&str; 2] = ["C.UTF-8", "C"];

/// A complete cluster and the program that serves it.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// `postgres`, of the folder's version.
    pub(crate) program: PathBuf,
    /// Who owns the folder.
    pub(crate) account: Account,
}

impl Cluster {
    /// Uses the cluster at `folder`, or makes it.
    pub(crate) fn find_or_make(folder: &Path, account: Account, search: &ProgramSearch) -> Result<Self, StartError> {
        let programs = search.all("postgres");
        let Some(preferred) = programs.first().cloned() else { return Err(search.missing("postgres", PACKAGE)) };
        let program = match fs::read_to_string(folder.join("PG_VERSION")) {
            Ok(version) => program_of_version(folder, version.trim(), programs)?,
            Err(_) => {
                make(folder, &account, &preferred, search)?;
                preferred
            }
        };
        Ok(Self { folder: folder.to_owned(), program, account })
    }
}

/// The program that can read data of `version`: only the same major version can.
fn program_of_version(folder: &Path, version: &str, programs: Vec<PathBuf>) -> Result<PathBuf, StartError> {
    let mut installed = Vec::new();
    for program in programs {
        let major = major_version(&program)?;
        if major == version {
            return Ok(program);
        }
        installed.push(major);
    }
    Err(StartError::WrongVersion { folder: folder.to_owned(), found: version.to_owned(), installed: installed.join(", ") })
}

/// `postgres (PostgreSQL) 15.14 (Debian ...)` is version 15.
fn major_version(program: &Path) -> Result<String, StartError> {
    let mut command = Command::new(program);
    command.arg("--version");
    let output = run(&mut command, program)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit())).unwrap_or("unknown");
    Ok(number.chars().take_while(char::is_ascii_digit).collect())
}

fn make(folder: &Path, account: &Account, postgres: &Path, search: &ProgramSearch) -> Result<(), StartError> {
    let draft = folder.with_extension("new");
    initialise(&draft, account, &sibling(postgres, "initdb", search)?)?;
    create_database(&draft, account, postgres)?;
    fs::rename(&draft, folder).map_err(StartError::folder("rename", &draft))
}

/// `initdb` of the same version lies beside the real `postgres` almost everywhere, though seldom beside a link to it.
fn sibling(postgres: &Path, name: &'static str, search: &ProgramSearch) -> Result<PathBuf, StartError> {
    let beside = postgres.canonicalize().unwrap_or_else(|_| postgres.to_owned()).with_file_name(name);
    if beside.is_file() {
        return Ok(beside);
    }
    search.all(name).into_iter().next().ok_or_else(|| search.missing(name, PACKAGE))
}

fn initialise(draft: &Path, account: &Account, initdb: &Path) -> Result<(), StartError> {
    let mut output = String::new();
    for locale in LOCALES {
        empty_folder(draft, account)?;
        let mut command = Command::new(initdb);
        // The first checkpoint of the server makes it durable; a cut before that only loses what `make` would make again.
        command.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--username", NAME, "--locale", locale]);
        command.arg("--pgdata").arg(draft).current_dir(draft);
        account.apply(&mut command);
        let ended = run(&mut command, initdb)?;
        if ended.status.success() {
            return Ok(());
        }
        output = said(&ended);
    }
    Err(StartError::Initialise { program: initdb.to_owned(), folder: draft.to_owned(), output: log::last_lines(&output) })
}

fn empty_folder(draft: &Path, account: &Account) -> Result<(), StartError> {
    if draft.exists() {
        fs::remove_dir_all(draft).map_err(StartError::folder("remove the unfinished folder", draft))?;
    }
    fs::DirBuilder::new().mode(0o700).create(draft).map_err(StartError::folder("create the folder", draft))?;
    account.own(draft)
}

/// Single-user mode needs no client program, and no server that others could reach yet.
fn create_database(draft: &Path, account: &Account, postgres: &Path) -> Result<(), StartError> {
    let mut command = Command::new(postgres);
    command.args(["--single", "-F", "-D"]).arg(draft).arg("postgres").current_dir(draft);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    account.apply(&mut command);
    let spawn_error = |source| StartError::Spawn { program: postgres.to_owned(), source };
    let mut child = command.spawn().map_err(spawn_error)?;
    if let Some(mut input) = child.stdin.take() {
        // Should it have died already, its own words below say why.
        let _ = writeln!(input, "CREATE DATABASE {NAME}");
    }
    let output = child.wait_with_output().map_err(spawn_error)?;
    let text = said(&output);
    // Single-user mode reports success even when a statement failed.
    if output.status.success() && !text.contains("ERROR:") && !text.contains("FATAL:") {
        return Ok(());
    }
    Err(StartError::Initialise { program: postgres.to_owned(), folder: draft.to_owned(), output: log::last_lines(&text) })
}

fn run(command: &mut Command, program: &Path) -> Result<Output, StartError> {
    command.stdin(Stdio::null()).output().map_err(|source| StartError::Spawn { program: program.to_owned(), source })
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
