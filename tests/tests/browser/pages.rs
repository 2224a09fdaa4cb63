//! Every page: nothing serious to stumble over, nothing refused by the content security policy, not too heavy, none wider than its window.

use anyhow::Result;
use orgmirror_tests::Size;

use crate::console::Console;

const PAGES: [&str; 12] = [
    "/dashboard",
    "/users",
    "/users?q=status:aktive",
    "/users?q=nobody-is-called-so",
    "/users?cols=email,status,last-active,products,sites,groups,added,claim,roles,id",
    "/groups",
    "/operations",
    "/tasks",
    "/syncs",
    "/changes",
    "/settings",
    "/help",
];
/// Bytes, compressed.
const WEIGHT_MAX: u64 = 150_000;

/// At a desk and on a telephone. Five users, so that each page has little and some have nothing to show.
#[tokio::test]
async fn every_page_can_be_used_by_everybody() -> Result<()> {
    let console = Console::of(Size::of(5, 3)).await?;
    let browser = console.visited(1280, 900).await?;
    let mut wrong = Vec::new();
    let mut pages: Vec<String> = PAGES.map(str::to_owned).to_vec();
    for (list, link) in [("/users", "a.open"), ("/groups", "a.open"), ("/syncs", "a.open")] {
        browser.open(&console.page(list)).await?;
        pages.extend(browser.find(link).await?.attr("href").await?);
    }
    for width in [1280, 390] {
        browser.client.set_window_size(width, 900).await?;
        for path in &pages {
            browser.open(&console.page(path)).await?;
            browser.find("main").await?;
            wrong.extend(browser.hindrances().await?.into_iter().map(|what| format!("{path} at {width}: {what}")));
            wrong.extend(browser.complaints().await?.into_iter().map(|what| format!("{path} at {width}: {what}")));
            let weight = browser.weight().await?;
            if weight > WEIGHT_MAX {
                wrong.push(format!("{path} weighs {weight} bytes"));
            }
            let overflow = browser.client.execute("return document.documentElement.scrollWidth - innerWidth", vec![]).await?;
            if overflow.as_i64().unwrap_or_default() > 0 {
                wrong.push(format!("{path} is {overflow} px wider than a window of {width}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Without scripts everything can be read, filtered and opened.
/// Method: plain requests, as a browser without scripts would send them.
#[tokio::test]
async fn pages_are_read_without_scripts() -> Result<()> {
    let console = Console::of(Size::of(5, 3)).await?;
    let browser = console.visited(1280, 900).await?;
    let cookie = browser.client.get_named_cookie("orgmirror").await?;
    let client = reqwest::Client::new();
    let read = async |path: &str| -> Result<String> {
        let answer = client.get(console.page(path)).header("cookie", format!("orgmirror={}", cookie.value())).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    };
    let users = read("/users").await?;
    assert_eq!(users.matches("name=\"account\"").count(), 5, "{users}");
    let found = read("/users?q=is:never-active&sort=added&dir=desc").await?;
    assert!(found.contains("aria-sort=\"descending\"") || found.contains("Nobody matches"), "{found}");
    assert!(read("/users?q=status:active").await?.contains("aria-current=\"true\">Active"), "the menu shows what the text says");
    Ok(())
}
