//! Rows on standard output: a table for people, CSV for spreadsheets, one JSON document a line for programs.
//!
//! CSV and JSON are written as rows come, so a list may be longer than memory. Whoever closes the pipe early has seen enough.

use std::io::{self, BufWriter, ErrorKind, StdoutLock, Write};

use anyhow::Result;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use orgmirror_console::rows::defused;
use serde::Serialize;

/// Characters of a table's cell.
const CELL_MAX: usize = 60;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for reading.
    Table,
    /// For spreadsheets; what a spreadsheet would take for a formula is written as text.
    Csv,
    /// One JSON document a line.
    Json,
}

impl Format {
    /// As asked for by `--format`, or by `--json`.
    pub(crate) fn asked(format: Option<Self>, json: bool) -> Self {
        format.unwrap_or(if json { Self::Json } else { Self::Table })
    }
}

/// Where rows go.
pub(crate) enum Export {
    Table(Box<Table>),
    Csv(Box<csv::Writer<StdoutLock<'static>>>),
    Json(BufWriter<StdoutLock<'static>>),
    /// Nobody reads any more.
    Closed,
}

impl Export {
    pub(crate) fn new(format: Format, columns: &[&str]) -> Result<Self> {
        let mut export = match format {
            Format::Table => {
                let mut table = Table::new();
                *table.style_mut() = presets::NOTHING;
                table.set_content_arrangement(ContentArrangement::Disabled);
                table.set_header(columns.iter().copied());
                Self::Table(Box::new(table))
            }
            Format::Csv => Self::Csv(Box::new(csv::Writer::from_writer(io::stdout().lock()))),
            Format::Json => Self::Json(BufWriter::new(io::stdout().lock())),
        };
        if let Self::Csv(csv) = &mut export {
            let written = csv.write_record(columns).map_err(as_io);
            export.check(written)?;
        }
        Ok(export)
    }

    /// One row: for programs as it is, for people as cells in the order of the columns.
    pub(crate) fn row(&mut self, row: &impl Serialize, cells: Vec<String>) -> Result<()> {
        let written = match self {
            Self::Table(table) => {
                table.add_row(cells.iter().map(|cell| printable(cell)));
                Ok(())
            }
            Self::Csv(csv) => csv.write_record(cells.iter().map(|cell| defused(cell))).map_err(as_io),
            Self::Json(out) => serde_json::to_writer(&mut *out, row).map_err(io::Error::from).and_then(|()| out.write_all(b"\n")),
            Self::Closed => Ok(()),
        };
        self.check(written)
    }

    /// Whether somebody still reads.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self, Self::Closed)
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        let written = match &mut self {
            Self::Table(table) if table.row_count() == 0 => Ok(()),
            Self::Table(table) => writeln!(io::stdout().lock(), "{table}"),
            Self::Csv(csv) => csv.flush(),
            Self::Json(out) => out.flush(),
            Self::Closed => Ok(()),
        };
        self.check(written)
    }

    fn check(&mut self, written: io::Result<()>) -> Result<()> {
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                *self = Self::Closed;
                Ok(())
            }
            other => Ok(other?),
        }
    }
}

fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Without what would move a terminal's cursor, and not longer than a person reads; the other formats have all of it.
fn printable(cell: &str) -> String {
    let end = if cell.chars().nth(CELL_MAX).is_some() { "…" } else { "" };
    let shown = cell.chars().take(CELL_MAX).map(|letter| if letter.is_control() { ' ' } else { letter });
    shown.chain(end.chars()).collect()
}
