//! The harness for stories that may not be possible on every machine.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::lab::Missing;

/// Set by `.ci/run`: what cannot run is then a failure.
const MUST_RUN: &str = "MADANG_MUST_RUN";

/// One story: its name is the fact it shows.
#[derive(Clone, Copy)]
pub struct Story {
    /// `module::fact`.
    pub name: &'static str,
    /// Tells it. It fails by panicking; what this machine lacks ends it as ignored.
    pub tell: fn() -> Result<(), Missing>,
}

/// Lists functions of the calling module as stories.
///
/// ```ignore
/// pub(crate) const STORIES: &[Story] = stories![two_hosts_meet, a_cut_heals];
/// ```
#[macro_export]
macro_rules! stories {
    ($($tell:ident),* $(,)?) => {
        &[$($crate::story::Story { name: concat!(module_path!(), "::", stringify!($tell)), tell: $tell }),*]
    };
}

/// Tells the stories that the command line asks for, as `cargo test` would.
///
/// A story that this machine cannot tell is reported as *ignored* with its reason. If `MADANG_MUST_RUN` is
/// set, it is reported as failed.
#[must_use]
pub fn tell_all(stories: impl IntoIterator<Item = Story>) -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = stories.into_iter().map(|story| {
        let name = story.name.split_once("::").map_or(story.name, |(_, rest)| rest);
        Trial::ignorable_test(name, move || outcome((story.tell)()))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn outcome(told: Result<(), Missing>) -> Result<Completion, Failed> {
    match told {
        Ok(()) => Ok(Completion::Completed),
        Err(missing) if std::env::var_os(MUST_RUN).is_some() => {
            Err(format!("{MUST_RUN} is set, and this machine cannot tell it: {missing}").into())
        }
        Err(missing) => Ok(Completion::ignored_with(missing)),
    }
}
