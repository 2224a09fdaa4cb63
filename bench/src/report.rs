//! The table of figures, as people read it on a terminal and in a file.

use std::fmt::Write;

use crate::machine::Machine;

/// A measured figure, and what it must be.
#[derive(Debug)]
pub(crate) struct Figure {
    what: String,
    /// Both sides of the ratio, in their units.
    measured: String,
    /// What is compared with the target.
    value: Option<f64>,
    unit: Unit,
    target: Option<Target>,
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Ratio,
    Megabytes,
    Milliseconds,
    Count,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    AtMost { bound: f64, aim: Option<f64> },
    AtLeast { bound: f64 },
}

impl Figure {
    /// Something worth knowing that has no target.
    pub(crate) fn note(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { what: what.into(), measured: measured.into(), value: None, unit: Unit::Ratio, target: None }
    }

    /// A ratio, and the two figures it is made of.
    pub(crate) fn ratio(what: impl Into<String>, measured: impl Into<String>, value: f64) -> Self {
        Self { value: Some(value), ..Self::note(what, measured) }
    }

    /// Millions of bytes.
    pub(crate) fn megabytes(what: impl Into<String>, measured: impl Into<String>, bytes: u64) -> Self {
        Self { unit: Unit::Megabytes, ..Self::ratio(what, measured, bytes as f64 / 1e6) }
    }

    /// Thousandths of a second.
    pub(crate) fn milliseconds(what: impl Into<String>, measured: impl Into<String>, seconds: f64) -> Self {
        Self { unit: Unit::Milliseconds, ..Self::ratio(what, measured, seconds * 1e3) }
    }

    /// So many of something.
    pub(crate) fn count(what: impl Into<String>, measured: impl Into<String>, count: i64) -> Self {
        Self { unit: Unit::Count, ..Self::ratio(what, measured, count as f64) }
    }

    pub(crate) fn at_most(self, bound: f64) -> Self {
        Self { target: Some(Target::AtMost { bound, aim: None }), ..self }
    }

    pub(crate) fn at_most_better(self, bound: f64, aim: f64) -> Self {
        Self { target: Some(Target::AtMost { bound, aim: Some(aim) }), ..self }
    }

    pub(crate) fn at_least(self, bound: f64) -> Self {
        Self { target: Some(Target::AtLeast { bound }), ..self }
    }

    /// `None` where nothing is asked for.
    fn is_met(&self) -> Option<bool> {
        let value = self.value?;
        self.target.map(|target| match target {
            Target::AtMost { bound, .. } => value <= bound,
            Target::AtLeast { bound } => value >= bound,
        })
    }

    fn cells(&self) -> [String; 5] {
        let value = self.value.map(|value| match self.unit {
            Unit::Ratio => format!("{value:.3}"),
            Unit::Megabytes => format!("{value:.1} MB"),
            Unit::Milliseconds => format!("{value:.1} ms"),
            Unit::Count => format!("{value:.0}"),
        });
        let unit = match self.unit {
            Unit::Megabytes => " MB",
            Unit::Milliseconds => " ms",
            Unit::Ratio | Unit::Count => "",
        };
        let target = match self.target {
            Some(Target::AtMost { bound, aim: Some(aim) }) => format!("at most {bound}{unit} (aim {aim})"),
            Some(Target::AtMost { bound, aim: None }) => format!("at most {bound}{unit}"),
            Some(Target::AtLeast { bound }) => format!("at least {bound}{unit}"),
            None => String::new(),
        };
        let met = self.is_met().map_or("", |met| if met { "yes" } else { "NO" }).to_owned();
        [self.what.clone(), self.measured.clone(), value.unwrap_or_default(), target, met]
    }
}

/// Figures that belong together, and how they came about.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// How it was measured: what a reader must know to repeat or to doubt it.
    pub(crate) method: String,
    pub(crate) figures: Vec<Figure>,
}

/// All that one run found.
#[derive(Debug)]
pub(crate) struct Report {
    machine: Machine,
    sizes: String,
    sections: Vec<Section>,
}

impl Report {
    pub(crate) fn new(machine: Machine, sizes: String) -> Self {
        Self { machine, sizes, sections: Vec::new() }
    }

    pub(crate) fn add(&mut self, section: Section) {
        self.sections.push(section);
    }

    /// As Markdown whose columns also line up on a terminal.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "# Measurements\n\nMade by `make bench` in one run; seconds are this computer's, ratios are the product's.\n\n",
        );
        // Writing to a String cannot fail.
        let _ = writeln!(text, "- {}\n- {}", self.machine, self.sizes);
        for section in &self.sections {
            let _ = writeln!(text, "\n## {}\n\n{}\n", section.title, section.method);
            push_table(&mut text, &section.figures);
        }
        text
    }

    /// How many targets are met, in a sentence.
    pub(crate) fn verdict(&self) -> String {
        let figures = || self.sections.iter().flat_map(|section| &section.figures);
        let missed: Vec<&str> =
            figures().filter(|figure| figure.is_met() == Some(false)).map(|figure| figure.what.as_str()).collect();
        let asked = figures().filter(|figure| figure.is_met().is_some()).count();
        let met = format!("{} of {asked} targets are met", asked - missed.len());
        if missed.is_empty() { format!("{met}.") } else { format!("{met}; missed: {}.", missed.join("; ")) }
    }
}

fn push_table(text: &mut String, figures: &[Figure]) {
    let head = ["figure", "measured", "value", "target", "met"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(figures.iter().map(Figure::cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; 5] = std::array::from_fn(width);
    for (number, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for width in widths {
                let _ = write!(text, "|{:-<1$}", "", width + 2);
            }
            text.push_str("|\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_met_from_its_own_side() {
        let met = |figure: Figure| figure.is_met();
        assert_eq!(met(Figure::ratio("time", "", 3.0).at_most_better(3.0, 1.5)), Some(true));
        assert_eq!(met(Figure::ratio("time", "", 3.001).at_most(3.0)), Some(false));
        assert_eq!(met(Figure::ratio("efficiency", "", 0.84).at_least(0.85)), Some(false));
        assert_eq!(met(Figure::note("log", "12 MB")), None);
    }

    #[test]
    fn columns_line_up() {
        let mut text = String::new();
        push_table(&mut text, &[Figure::megabytes("worker", "peak", 41_200_000).at_most(64.0)]);
        let lengths: Vec<usize> = text.lines().map(str::len).collect();
        assert!(text.contains("41.2 MB") && text.contains("| yes |"), "{text}");
        assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    }
}
