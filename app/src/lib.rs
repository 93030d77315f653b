//! The desktop app over `madang-core`: a library plus a `main` of a few lines, so that the whole app runs headless in tests.
//!
//! Read in this order: `model` (what the window knows), `action` (what a person wants), `view` (screens: functions from the first to the second),
//! `app` (one frame), `bridge` (the only room that knows both the window and the node). All words stand in `i18n`, all tokens of the look in `theme`.

mod action;
mod app;
mod bridge;
mod clock;
mod desktop;
mod i18n;
mod last_resort;
mod model;
mod route;
mod start;
mod text;
mod theme;
mod view;
mod widget;

#[cfg(feature = "gallery")]
#[doc(hidden)]
pub mod measure;

#[cfg(any(test, feature = "gallery"))]
#[cfg_attr(feature = "gallery", doc(hidden))]
pub mod gallery;
#[cfg(test)]
mod tests;

#[doc(hidden)]
pub use start::dress;
pub use start::run;
