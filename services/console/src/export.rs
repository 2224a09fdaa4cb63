//! Lists of any length as files, in flat memory.
//!
//! CSV and JSON lines leave as the rows come from Postgres, some thousand at a time and no faster than they are taken. A workbook cannot be
//! begun before its end is known: its rows go to a temporary file first, one at a time, and the file is sent.

use std::io::{self, Read, Seek, SeekFrom};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use rust_xlsxwriter::{Workbook, XlsxError};
use serde::Deserialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::rows::{Row, defused};

/// Rows of a sheet, its headings included; the limit of the format.
const SHEET_ROWS: u32 = 1_048_576;
/// Pages on their way from Postgres to the file.
const AHEAD: usize = 2;
/// Bytes of a file that are sent at once.
const PART: usize = 64 * 1024;

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FileFormat {
    /// For spreadsheets; what one would take for a formula is written as text.
    #[default]
    Csv,
    /// One JSON document a line.
    Json,
    /// A workbook, in which everything is text.
    Xlsx,
}

/// Pages of rows, in their order.
pub(crate) type Pages<R> = BoxStream<'static, Result<Vec<R>, Problem>>;

/// Pages that are read one after another: `read` takes what the page follows, and tells what the next one follows.
pub(crate) fn pages<R, K, F>(read: impl Fn(Option<K>) -> F + Send + 'static) -> Pages<R>
where
    R: Send + 'static,
    K: Send + 'static,
    F: Future<Output = Result<(Vec<R>, Option<K>), Problem>> + Send + 'static,
{
    let start = Some(None);
    futures::stream::try_unfold((start, read), async |(at, read)| {
        let Some(after) = at else { return Ok(None) };
        let (rows, next) = read(after).await?;
        Ok(Some((rows, (next.map(Some), read))))
    })
    .boxed()
}

/// A file of these rows. What fails on the way ends the file early, and the connection with it: whoever takes it sees that it is not whole.
pub(crate) async fn file<R: Row>(name: &str, format: FileFormat, pages: Pages<R>) -> Result<Response, Problem> {
    let (kind, ending, body) = match format {
        FileFormat::Csv => ("text/csv; charset=utf-8", "csv", Body::from_stream(csv(pages))),
        FileFormat::Json => ("application/x-ndjson", "jsonl", Body::from_stream(json_lines(pages))),
        FileFormat::Xlsx => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", workbook(pages).await?),
    };
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let attached = HeaderValue::from_str(&format!("attachment; filename=\"{name}.{ending}\""));
    if let Ok(attached) = attached {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, attached);
    }
    Ok(response)
}

fn csv<R: Row>(pages: Pages<R>) -> BoxStream<'static, io::Result<Bytes>> {
    let headings =
        futures::stream::once(async { csv_lines(std::iter::once(R::COLUMNS.iter().map(|name| (*name).to_owned()).collect())) });
    let lines = pages.map(|page| csv_lines(page.map_err(broken)?.iter().map(Row::cells)));
    headings.chain(lines).boxed()
}

fn csv_lines(rows: impl Iterator<Item = Vec<String>>) -> io::Result<Bytes> {
    let mut lines = csv::Writer::from_writer(Vec::new());
    for cells in rows {
        lines.write_record(cells.iter().map(|cell| defused(cell))).map_err(io::Error::other)?;
    }
    lines.into_inner().map(Bytes::from).map_err(|error| io::Error::other(error.to_string()))
}

fn json_lines<R: Row>(pages: Pages<R>) -> BoxStream<'static, io::Result<Bytes>> {
    pages
        .map(|page| {
            let mut lines = Vec::new();
            for row in page.map_err(broken)? {
                serde_json::to_writer(&mut lines, &row)?;
                lines.push(b'\n');
            }
            Ok(Bytes::from(lines))
        })
        .boxed()
}

fn broken(problem: Problem) -> io::Error {
    io::Error::other(problem.detail().to_owned())
}

async fn workbook<R: Row>(mut pages: Pages<R>) -> Result<Body, Problem> {
    let (sender, receiver) = mpsc::channel::<Vec<R>>(AHEAD);
    let writing = tokio::task::spawn_blocking(move || write_workbook(receiver));
    while let Some(page) = pages.try_next().await? {
        // A writer that has failed takes no more; its error comes below.
        if sender.send(page).await.is_err() {
            break;
        }
    }
    drop(sender);
    let file = writing.await.map_err(|error| Problem::defect(&error))?.map_err(|error| match error {
        XlsxError::RowColumnLimitError => {
            Problem::unfit(format!("a sheet has at most {SHEET_ROWS} rows; narrow the filter, or export CSV"))
        }
        error => Problem::defect(&error),
    })?;
    let parts = futures::stream::try_unfold(file, async |mut file| {
        let read = tokio::task::spawn_blocking(move || {
            let mut part = vec![0; PART];
            let length = file.read(&mut part)?;
            part.truncate(length);
            Ok::<_, io::Error>((part, file))
        });
        let (part, file) = read.await.map_err(io::Error::other)??;
        Ok::<_, io::Error>((!part.is_empty()).then(|| (Bytes::from(part), file)))
    });
    Ok(Body::from_stream(parts))
}

/// Strings are written as strings: a formula in a name stays a name.
fn write_workbook<R: Row>(mut pages: mpsc::Receiver<Vec<R>>) -> Result<std::fs::File, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    for (column, name) in (0..).zip(R::COLUMNS) {
        sheet.write_string(0, column, *name)?;
    }
    let mut line = 0;
    while let Some(page) = pages.blocking_recv() {
        for row in page {
            line += 1;
            for (column, cell) in (0..).zip(row.cells()) {
                sheet.write_string(line, column, cell)?;
            }
        }
    }
    let mut file = tempfile::tempfile()?;
    workbook.save_to_writer(&file)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
