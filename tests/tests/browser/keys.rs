//! The console by keyboard alone.

use anyhow::Result;
use orgmirror_tests::Size;

use crate::browser::as_text;
use crate::console::Console;

/// Slash searches, j and k walk, x selects, o opens a row here, enter its page.
#[tokio::test]
async fn a_list_is_used_without_a_mouse() -> Result<()> {
    let console = Console::of(Size::of(40, 5)).await?;
    let browser = console.visited(1280, 900).await?;
    browser.open(&console.page("/users")).await?;
    browser.find("#selection tbody tr").await?;
    let press = async |keys: &str| browser.type_into("body", keys).await;

    press("jjx").await?;
    browser.reads("1 of 40 selected").await?;
    press("o").await?;
    browser.find("tr.opened").await?;
    browser.reads("Last active").await?;
    press("o").await?;
    browser.client.wait().for_element(fantoccini::Locator::Css("table:not(:has(tr.opened))")).await?;

    press("/").await?;
    let focused = browser.client.execute("return document.activeElement.id", vec![]).await?;
    assert_eq!(as_text(&focused), "q");
    browser.type_into("#q", "status:aktive").await?;
    browser.reads("Expected").await?;
    let marked = browser.find(".mistake mark").await?.text().await?;
    assert_eq!(marked, "aktive");
    Ok(())
}
