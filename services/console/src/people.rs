//! Adding people and handing them links: the same for the API, the page and the command line.

use std::time::Duration;

use orgmirror_domain::access::Rights;
use orgmirror_domain::audit::Actor;
use orgmirror_domain::ids::PersonKey;
use orgmirror_store::console::token::NewToken;

use crate::Console;
use crate::pages::welcome;
use crate::problem::Problem;
use crate::secret::Secret;

/// Adds a person; the link is for them to choose a password.
pub(crate) async fn add(console: &Console, name: &str, rights: &Rights, by: &Actor) -> Result<String, Problem> {
    let name = fit(name)?;
    console.store().add_person(console.org(), name, rights, by).await?;
    link(console, name, by).await
}

/// A link by which a person chooses a password.
pub(crate) async fn link(console: &Console, name: &str, by: &Actor) -> Result<String, Problem> {
    let code = Secret::random();
    console.store().save_link(console.org(), code.hash(), name, console.settings().link_life, by).await?;
    Ok(welcome::address(&console.settings().public_url, &code))
}

/// A new token: its number, and what it is, which is shown this once.
pub(crate) async fn new_token(
    console: &Console,
    name: &str,
    person: Option<PersonKey>,
    rights: &Rights,
    life: Duration,
    by: &Actor,
) -> Result<(i32, Secret), Problem> {
    let (name, secret) = (fit(name)?, Secret::random());
    let token = NewToken { name, person, rights, life };
    Ok((console.store().add_token(console.org(), secret.hash(), &token, by).await?, secret))
}

/// A name without what would hide it.
pub(crate) fn fit(name: &str) -> Result<&str, Problem> {
    let name = name.trim();
    if (1..=128).contains(&name.chars().count()) && !name.contains(char::is_control) {
        Ok(name)
    } else {
        Err(Problem::unfit("a name has between 1 and 128 characters, none of them invisible"))
    }
}
