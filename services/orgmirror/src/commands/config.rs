//! `orgmirror config`: the settings in effect, and where each comes from.

use std::path::Path;

use anyhow::Result;
use comfy_table::{Table, presets};
use orgmirror_runtime::config::Config;
use serde_json::Value;

use super::print_json;
use crate::outcome::Outcome;

pub(crate) fn run(file: &Path, json: bool) -> Result<Outcome> {
    let settings = Config::effective(file)?;
    if json {
        print_json(&settings)?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new();
    *table.style_mut() = presets::NOTHING;
    for setting in settings {
        let value = match setting.value {
            Value::Null => "(unset)".to_owned(),
            Value::String(text) => text,
            value => value.to_string(),
        };
        table.add_row([setting.key, value, setting.origin]);
    }
    println!("{table}");
    Ok(Outcome::Done)
}
