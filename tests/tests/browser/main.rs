//! The console as people use it, in a real Chromium.
//!
//! Each story has an organisation, a database and services of its own, and a browser without a history. What the pages look like is
//! not tested here but looked at; what is tested: that things can be found and done, by mouse and by keys, that axe finds nothing
//! serious, that the browser's log has no violation of the content security policy, and what a page weighs.

mod browser;
mod console;
mod finding_and_changing;
mod keys;
mod pages;
