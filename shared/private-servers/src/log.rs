//! The server's log file: a new one for each start, the one before kept beside it.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::StartError;

/// Lines of the log that an error shows.
const TAIL_LINES: usize = 15;
/// Enough for those lines, whatever the size of the file.
const TAIL_BYTES: u64 = 16 * 1024;

/// Opens an empty log at `path`; an older one moves to `<path>.old`.
pub(crate) fn fresh(path: &Path) -> Result<File, StartError> {
    let mut old = path.to_owned().into_os_string();
    old.push(".old");
    // Most often there is none; whatever else goes wrong is told by the next line.
    let _ = fs::rename(path, PathBuf::from(old));
    File::create(path).map_err(StartError::folder("create the log file", path))
}

/// The last lines of the log at `path`, for an error message.
pub(crate) fn tail(path: &Path) -> String {
    match read_end(path) {
        Ok(text) if !text.trim().is_empty() => last_lines(&text),
        _ => "  (the log is empty)".to_owned(),
    }
}

/// The last lines of `text`, indented.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.len().saturating_sub(TAIL_LINES);
    lines[first..].iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn read_end(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
