//! From the command line to a window, or to the practice conversation where there is none.

use std::{
    ffi::OsString,
    process::ExitCode,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    app::{Anew, App},
    bridge::{self, Bridge},
    desktop::instance::{self, Claim},
    i18n::{Lang, T},
    last_resort,
    model::{Ending, Prefs, Update},
    theme,
};

/// The window comes up minimized: what a locked window that was so says to the process that takes its place.
const MINIMIZED: &str = "--minimized";
/// The profile closed by itself, with the reason in one word: what the window says to that process then.
const ENDED: &str = "--ended=";

/// Runs the app until its window is closed. Where no window can be opened, says so in one line and runs the practice conversation in the terminal.
pub fn run() -> ExitCode {
    if let Err(error) = bridge::scrub_environment() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    bridge::raise_file_limit();
    if let Err(error) = bridge::lock::harden() {
        eprintln!("{error}");
    }
    log();
    let mut begin = Begin::default();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--practice" => return practice(),
            "--version" | "-V" => {
                println!("madang {}", env!("CARGO_PKG_VERSION"));
                return ExitCode::SUCCESS;
            }
            "--help" | "-h" => {
                println!("{}", language().tr(T::CommandHelp));
                return ExitCode::SUCCESS;
            }
            other if begin.take(other) => {}
            _ => {
                eprintln!("{}", language().tr(T::CommandUnknown));
                return ExitCode::from(2);
            }
        }
    }
    if !has_display(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty())) {
        println!("{}", language().tr(T::NoDisplay));
        return practice();
    }
    match window(begin) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(arguments)) => start_anew(arguments),
        Err(error) => {
            tracing::info!(%error, "no window");
            println!("{}", language().tr(T::NoWindow));
            practice()
        }
    }
}

/// Errors alone go to standard error, unless `RUST_LOG` asks for more. No log names people, contents or addresses.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error,winit=off"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// Whether the environment names a display to open a window on.
fn has_display(set: impl Fn(&str) -> bool) -> bool {
    !cfg!(target_os = "linux") || ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].into_iter().any(set)
}

fn language() -> Lang {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .map_or(Lang::En, |locale| Lang::from_locale(&locale))
}

/// How a window comes up, as the one before it said: it was locked, or its profile closed by itself.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Begin {
    minimized: bool,
    ended: Option<Ending>,
}

impl Begin {
    /// What the window that ends says to the next.
    fn after(anew: &Anew) -> Begin {
        Begin { minimized: anew.minimized.load(Ordering::Acquire), ended: anew.ended.get().copied() }
    }

    fn arguments(self) -> Vec<OsString> {
        let minimized = self.minimized.then(|| MINIMIZED.into());
        let ended = self.ended.map(|why| format!("{ENDED}{}", why.word()).into());
        minimized.into_iter().chain(ended).collect()
    }

    /// Takes one of [`Begin::arguments`]; whether it is one.
    fn take(&mut self, argument: &str) -> bool {
        let ended = argument.strip_prefix(ENDED).and_then(Ending::named);
        self.minimized |= argument == MINIMIZED;
        self.ended = ended.or(self.ended);
        argument == MINIMIZED || ended.is_some()
    }
}

/// Opens the window. Something: the profile was locked and the process is to start anew, with these arguments.
fn window(begin: Begin) -> Result<Option<Vec<OsString>>, eframe::Error> {
    let paths = bridge::Paths::of_this_user();
    let (raise, raised) = std::sync::mpsc::channel();
    let mut held = match instance::claim(&paths.runtime(), paths.profile()) {
        Claim::First(held) => held,
        Claim::Called => return Ok(None),
        Claim::Silent => {
            println!("{}", language().tr(T::FailProfileBusy));
            return Ok(None);
        }
    };
    if let Some(held) = &mut held {
        // Without the thread, a second start says that the profile is open, and no more.
        let _ = held.answer(move || raise.send(()).unwrap_or_default());
    }
    let prefs = paths.prefs().unwrap_or(Prefs { language: language(), ..Prefs::default() }).bounded();
    let zone = bridge::zone::here().clone();
    let anew = Arc::new(Anew::default());
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title(prefs.language.tr(T::Madang))
            .with_app_id("madang")
            .with_inner_size(prefs.window)
            .with_maximized(prefs.maximized)
            .with_min_inner_size(Prefs::WINDOW_MIN)
            .with_icon(egui::IconData::default()),
        ..Default::default()
    };
    let left = anew.clone();
    eframe::run_native(
        "madang",
        options,
        Box::new(move |creation| {
            dress(&creation.egui_ctx);
            if begin.minimized {
                creation.egui_ctx.send_viewport_cmd(egui::ViewportCommand::Minimized(true));
            }
            let ctx = creation.egui_ctx.clone();
            let mut bridge = Bridge::start(paths, move || ctx.request_repaint())?;
            bridge.raised_by(raised)?;
            let mut app = App::new(bridge, prefs, zone, Some(left));
            if let Some(why) = begin.ended {
                app.model.apply(Update::Ended(why));
            }
            app.dress(&creation.egui_ctx);
            Ok(Box::new(app))
        }),
    )?;
    drop(held);
    Ok(anew.wanted.load(Ordering::Acquire).then(|| Begin::after(&anew).arguments()))
}

/// Gives a window what it is drawn with: the shipped fonts, both styles, and a frame for what no font has.
pub fn dress(ctx: &egui::Context) {
    theme::install(ctx);
    ctx.add_glyph_rasterizer(last_resort::rasterizer());
}

/// Replaces this process by a fresh one, so that nothing of the profile that was open stays in memory.
fn start_anew(arguments: Vec<OsString>) -> ExitCode {
    eprintln!("{}", bridge::lock::reexec(arguments));
    ExitCode::FAILURE
}

fn practice() -> ExitCode {
    match bridge::practice::in_terminal(language() == Lang::Ko, false) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_window_says_to_the_next_is_understood_and_nothing_else_is() {
        let all = [None, Some(Ending::Full), Some(Ending::Damaged), Some(Ending::Wiped), Some(Ending::Other)];
        for (minimized, ended) in all.into_iter().flat_map(|why| [(false, why), (true, why)]) {
            let said = Begin { minimized, ended };
            let mut heard = Begin::default();
            for argument in said.arguments() {
                assert!(heard.take(argument.to_str().expect("letters")), "{argument:?}");
            }
            assert_eq!(heard, said);
        }
        for strange in ["", "--ended", "--ended=", "--ended=full ", "full", "--minimized=1"] {
            assert!(!Begin::default().take(strange), "{strange}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_display_is_named_by_any_of_three_variables() {
        assert!(!has_display(|_| false));
        for name in ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"] {
            assert!(has_display(|asked| asked == name));
        }
    }
}
