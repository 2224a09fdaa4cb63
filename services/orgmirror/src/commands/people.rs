//! `orgmirror people` and `orgmirror tokens`: who may use the console, for whoever has the database.

use anyhow::Result;
use orgmirror_console::Console;
use orgmirror_domain::access::{Rights, Sites};
use orgmirror_domain::audit::Actor;
use orgmirror_runtime::config::Config;
use orgmirror_store::Store;
use serde_json::json;

use super::print_json;
use crate::cli::{Allowed, People, Tokens};
use crate::export::{Export, Format};
use crate::outcome::Outcome;
use crate::wiring;

pub(crate) async fn run(config: &Config, command: People, json: bool) -> Result<Outcome> {
    let (store, console) = console(config).await?;
    let link = match command {
        People::List => return list(config, &store, json).await,
        People::Add { name, allowed, by } => console.add_person(&name, &rights(allowed), &Actor::person(by)).await?,
        People::Link { name, by } => console.password_link(&name, &Actor::person(by)).await?,
    };
    if json {
        print_json(&json!({ "link": link }))?;
    } else {
        println!("{link}");
        eprintln!("By this link they choose a password, once.");
    }
    Ok(Outcome::Done)
}

async fn list(config: &Config, store: &Store, json: bool) -> Result<Outcome> {
    let people = store.people(wiring::known_org(config, store).await?).await?;
    if json {
        print_json(&people)?;
        return Ok(Outcome::Done);
    }
    let mut export = Export::new(Format::Table, &["name", "role", "sites", "last signed in", "state"])?;
    for person in &people {
        let state = match (person.disabled_at.is_some(), person.has_password || person.has_subject) {
            (true, _) => "may not sign in",
            (false, true) => "",
            (false, false) => "has not followed the link yet",
        };
        let sites = person.site_ids.as_ref().map_or_else(|| "all".to_owned(), |ids| ids.join(" "));
        let seen = person.signed_in_at.map(|at| at.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
        export.row(person, vec![person.name.clone(), person.role.to_string(), sites, seen, state.to_owned()])?;
    }
    export.finish()?;
    Ok(Outcome::Done)
}

pub(crate) async fn tokens(config: &Config, command: Tokens, json: bool) -> Result<Outcome> {
    let (store, console) = console(config).await?;
    let org = wiring::known_org(config, &store).await?;
    match command {
        Tokens::Make { name, life, allowed, by } => {
            let token = console.make_token(&name, &rights(allowed), life, &Actor::person(by)).await?;
            if json {
                print_json(&json!({ "token": token }))?;
            } else {
                println!("{token}");
                eprintln!("It is shown this once. Send it as `Authorization: Bearer TOKEN`.");
            }
        }
        Tokens::Revoke { id, by } => {
            store.revoke_token(org, id, &Actor::person(by)).await?;
            eprintln!("Token {id} is refused from now on.");
        }
        Tokens::List => {
            let tokens = store.tokens(org).await?;
            if json {
                print_json(&tokens)?;
                return Ok(Outcome::Done);
            }
            let mut export = Export::new(Format::Table, &["id", "for", "role", "whose", "expires", "last used"])?;
            for token in &tokens {
                let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M").to_string();
                let cells = vec![
                    token.token.to_string(),
                    token.name.clone(),
                    token.role.to_string(),
                    token.person.clone().unwrap_or_default(),
                    time(token.expires_at),
                    token.used_at.map(time).unwrap_or_default(),
                ];
                export.row(token, cells)?;
            }
            export.finish()?;
        }
    }
    Ok(Outcome::Done)
}

async fn console(config: &Config) -> Result<(Store, Console)> {
    let store = wiring::store(config, 2).await?;
    let org = wiring::org(config, &store).await?;
    // Here it only says where links lead, and listens nowhere.
    let settings = wiring::console(config, org, config.console.listen)?;
    Ok((store.clone(), Console::new(store, wiring::publisher(config)?, settings)))
}

fn rights(allowed: Allowed) -> Rights {
    Rights { role: allowed.role, sites: if allowed.sites.is_empty() { Sites::All } else { Sites::Only(allowed.sites) } }
}
