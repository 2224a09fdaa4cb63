//! Seats over twelve months: two lines, and the same numbers as a table.

use maud::{Markup, html};
use orgmirror_store::browse::trend::TrendPoint;

use crate::words::count;

const WIDTH: i64 = 720;
const HEIGHT: i64 = 160;

pub(super) fn chart(points: &[TrendPoint]) -> Markup {
    html! {
        @match points {
            [] => p.faint { "The first day is kept after the first full sync; a line needs two months." },
            points => {
                @if points.len() > 1 { (lines(points)) }
                details open[points.len() == 1] {
                    summary { "As a table" }
                    div.scroll tabindex="0" { table {
                        thead { tr { th scope="col" { "Day" } th.number scope="col" { "Access" } th.number scope="col" { "Inactive" } th.number scope="col" { "Seats" } th.number scope="col" { "Unused seats" } } }
                        tbody { @for point in points { tr {
                            th scope="row" { (point.day.format("%Y-%m-%d")) }
                            td.number { (count(point.total)) } td.number { (count(point.inactive)) } td.number { (count(point.billable)) } td.number { (count(point.unused)) }
                        } } }
                    } }
                }
                @if points.len() == 1 { p.faint { "A line needs two months." } }
            },
        }
    }
}

fn lines(points: &[TrendPoint]) -> Markup {
    let most = points.iter().map(|point| point.billable.max(point.unused)).max().unwrap_or(1).max(1);
    let last = i64::try_from(points.len() - 1).unwrap_or(1).max(1);
    let line = |of: fn(&TrendPoint) -> i64| {
        let place = |(position, point): (usize, &TrendPoint)| {
            let x = i64::try_from(position).unwrap_or_default() * WIDTH / last;
            format!("{x},{}", HEIGHT - of(point) * (HEIGHT - 8) / most)
        };
        points.iter().enumerate().map(place).collect::<Vec<_>>().join(" ")
    };
    html! {
        p.legend aria-hidden="true" { span.key.active { "seats" } span.key.never { "unused seats" } span.faint { "0 to " (count(most)) } }
        svg.trend viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label="Seats and unused seats by month; the table below has the numbers" {
            line.track x1="0" x2=(WIDTH) y1=(HEIGHT - 1) y2=(HEIGHT - 1) {}
            polyline.active points=(line(|point| point.billable)) {}
            polyline.never points=(line(|point| point.unused)) {}
        }
    }
}
