//! First pages of the console while fifty people use it, and what the console takes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use reqwest::Client;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};

use crate::installation::Installation;
use crate::lab::Lab;
use crate::memory::peak_resident;
use crate::options::Options;
use crate::progress::say;
use crate::report::{Figure, Section};

/// People who each ask for the next page as soon as they have the last.
const PEOPLE: usize = 50;
/// Pages that each of them asks for; with these, a hundredth of all is a few dozen.
const PAGES_EACH: usize = 60;
/// What they look at: any filter, any order.
const PAGES: [&str; 16] = [
    "/dashboard",
    "/users",
    "/users?sort=last-active",
    "/users?sort=groups&dir=desc",
    "/users?q=anna",
    "/users?q=m%C3%BCller",
    "/users?q=status:suspended,deactivated",
    "/users?q=product:confluence+inactive:confluence%3E90d&sort=last-active",
    "/users?q=inactive%3E180d+status:active&sort=added",
    "/users?q=is:never-active",
    "/users?q=is:admin",
    "/users?q=domain:example.com&sort=email",
    "/groups",
    "/groups?sort=members&dir=desc",
    "/groups?q=admins",
    "/syncs",
];

pub(crate) async fn measure(options: &Options) -> Result<Section> {
    let lab = Lab::start(options).await?;
    let simulator = lab.simulator(options.size(), &[]).await?;
    let mut installation = lab.installation("console", &simulator).await?;
    installation.start(1, 8).await?;
    installation.sync(&simulator).await?;
    say("fifty people use the console");
    let link = installation.start_console().await?;
    let visitor = Visitor::set_up(&link).await?;
    let mut firsts = Vec::new();
    for page in PAGES {
        firsts.push((page, visitor.open(page).await?));
    }
    let slowest = firsts.iter().max_by_key(|(_, time)| *time).context("no page")?;
    let mut times: Vec<Duration> = try_join_all((0..PEOPLE).map(|person| visitor.browse(person))).await?.concat();
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64();
    let of = format!("{} pages, {PEOPLE} people", times.len());
    let figures = vec![
        Figure::milliseconds("a first page, half of all", of.clone(), at(0.5)),
        Figure::milliseconds("a first page, 99 of 100", of, at(0.99)).at_most(100.0),
        Figure::milliseconds("asked for the first time, by one person, the slowest", slowest.0, slowest.1.as_secs_f64()),
        memory(&installation)?,
    ];
    installation.stop().await?;
    simulator.stop().await?;
    lab.stop().await;
    let method = format!(
        "After one sync a console process is asked for {} pages once, one after the other, and then by {PEOPLE} people at the same time, \
         each {PAGES_EACH} times, without a pause, from the same computer.",
        PAGES.len()
    );
    Ok(Section { title: "Console", method, figures })
}

fn memory(installation: &Installation) -> Result<Figure> {
    let pid = installation.pid("console").context("the console has ended")?;
    Ok(Figure::megabytes("memory of the console", "highest resident size", peak_resident(pid)?).at_most(96.0))
}

/// Somebody who has signed in.
struct Visitor {
    client: Client,
    address: String,
    cookie: String,
}

impl Visitor {
    /// Becomes the first administrator by the link that was printed.
    async fn set_up(link: &str) -> Result<Self> {
        let (address, code) = link.split_once("/welcome?code=").context("read the link")?;
        let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let form = format!("code={code}&name=bench&password=a+long+enough+password");
        let request = client.post(format!("{address}/welcome")).header(ORIGIN, address);
        let answer = request.header("content-type", "application/x-www-form-urlencoded").body(form).send().await?;
        ensure!(answer.headers().contains_key(LOCATION), "the console refused the set-up: {}", answer.status());
        let cookie = answer.headers().get(SET_COOKIE).context("the console gave no cookie")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Self { client, address: address.to_owned(), cookie })
    }

    /// How long the page takes until it is there whole.
    async fn open(&self, page: &str) -> Result<Duration> {
        let start = Instant::now();
        let answer = self.client.get(format!("{}{page}", self.address)).header(COOKIE, &self.cookie).send().await?;
        answer.error_for_status().with_context(|| format!("open {page}"))?.bytes().await?;
        Ok(start.elapsed())
    }

    /// One of the people; each begins at another page.
    async fn browse(&self, person: usize) -> Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(PAGES_EACH);
        for step in 0..PAGES_EACH {
            times.push(self.open(PAGES[(person + step * 7) % PAGES.len()]).await?);
        }
        Ok(times)
    }
}
