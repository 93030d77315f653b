//! Real windows on the invented world: one to play with, or one that paints a row of screens into files.

use std::{
    collections::VecDeque,
    error::Error,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering, mpsc},
};

use egui::{ColorImage, RawInput, ScreenshotCallback, Ui, ViewportCommand, style::ScrollAnimation};
use image::{
    ExtendedColorType, ImageEncoder as _,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};

use super::Fake;
use crate::{app::App, clock, i18n::Lang, model::ThemeChoice, theme};

/// 14:05 on the 22nd of November 2026, by the clock of the painted screens.
const PAINTED_AT_MS: u64 = 1_795_356_300_000;
/// Frames until a screen stands still: pages arrive, areas learn their sizes.
const FRAMES: u32 = 8;
/// Seconds from one painted frame to the next, whatever the machine needs for it.
const FRAME_S: f64 = 0.1;

type Outcome = Result<(), Box<dyn Error>>;

/// Opens a window on a screen of the invented world: `SCREEN ko|en light|dark WIDTH HEIGHT`. Or paints screens, always
/// at the same time of the same day, and ends: `--into FOLDER WIDTH HEIGHT SCREEN-ko-light SCREEN-en-dark …`.
/// `--screens` names them all.
///
/// # Errors
/// When no window can be opened, has another size, or a picture cannot be written.
pub fn show(args: &[String]) -> Outcome {
    let arg = |at: usize| args.get(at).map_or("", String::as_str);
    if arg(0) == "--into" {
        let size = [arg(2).parse()?, arg(3).parse()?];
        let names = args.get(4..).unwrap_or_default().iter().cloned().collect();
        return paint(arg(1).into(), size, names);
    }
    if arg(0) == "--screens" {
        super::SCREENS.into_iter().for_each(|screen| println!("{screen}"));
        return Ok(());
    }
    let size = [arg(3).parse().unwrap_or(1366.0), arg(4).parse().unwrap_or(768.0)];
    let mut app = named(arg(0), arg(1), arg(2));
    let create = |creation: &eframe::CreationContext<'_>| {
        theme::install(&creation.egui_ctx);
        app.dress(&creation.egui_ctx);
        app
    };
    Ok(eframe::run_native(
        "madang-gallery",
        options(size),
        Box::new(|creation| Ok(Box::new(create(creation)))),
    )?)
}

fn options(size: [f32; 2]) -> eframe::NativeOptions {
    let viewport = egui::ViewportBuilder::default().with_inner_size(size).with_position([0.0, 0.0]);
    eframe::NativeOptions {
        viewport: viewport.with_title("gallery"),
        // Noise that no eye sees, and that a picture cannot pack.
        dithering: false,
        ..Default::default()
    }
}

/// Forgets all that a screen has left: places, focus, what is open.
fn forget(ctx: &egui::Context) {
    ctx.memory_mut(|memory| {
        let mut fresh = egui::Memory::default();
        std::mem::swap(&mut fresh.options, &mut memory.options);
        *memory = fresh;
    });
    ctx.clear_animations();
}

/// The app on a screen called `SCREEN-ko-light`.
fn open(name: &str) -> App<Fake> {
    let mut parts = name.split('-');
    let mut part = || parts.next().unwrap_or_default();
    named(part(), part(), part())
}

fn named(screen: &str, language: &str, theme: &str) -> App<Fake> {
    let language = if language == "ko" { Lang::Ko } else { Lang::En };
    let theme = if theme == "dark" { ThemeChoice::Dark } else { ThemeChoice::Light };
    super::on(screen, language, theme)
}

fn paint(folder: PathBuf, size: [f32; 2], names: VecDeque<String>) -> Outcome {
    clock::STOPPED_AT_MS.store(PAINTED_AT_MS, Ordering::Relaxed);
    let outcome = Arc::new(Mutex::new(Err("the window was closed".into())));
    let album = Album {
        folder,
        names,
        app: None,
        frame: 0,
        frames: 0,
        painted: mpsc::channel(),
        outcome: outcome.clone(),
        size: size.map(|side| side as usize),
    };
    let create = |creation: &eframe::CreationContext<'_>| {
        theme::install(&creation.egui_ctx);
        creation.egui_ctx.all_styles_mut(|style| {
            style.animation_time = 0.0;
            style.scroll_animation = ScrollAnimation::none();
        });
        album
    };
    eframe::run_native("madang-gallery", options(size), Box::new(|creation| Ok(Box::new(create(creation)))))?;
    std::mem::replace(&mut *outcome.lock().unwrap_or_else(PoisonError::into_inner), Ok(()))
        .map_err(|told: String| told.into())
}

/// Screens that are painted one after the other.
struct Album {
    folder: PathBuf,
    /// What is still to be painted.
    names: VecDeque<String>,
    app: Option<App<Fake>>,
    /// Frames of this screen so far, and of all.
    frame: u32,
    frames: u32,
    painted: (mpsc::Sender<Arc<ColorImage>>, mpsc::Receiver<Arc<ColorImage>>),
    outcome: Arc<Mutex<Result<(), String>>>,
    size: [usize; 2],
}

impl Album {
    /// Keeps the picture that was painted, and goes on to the next screen.
    fn turn_when_painted(&mut self, ctx: &egui::Context) {
        let picture = self.painted.1.try_recv().ok();
        if let Some(picture) = &picture {
            forget(ctx);
            if let Err(told) = self.keep(picture) {
                self.end(Err(told));
            } else if self.names.is_empty() {
                self.end(Ok(()));
            }
        }
        if picture.is_some() || self.frames == 0 {
            self.frame = 0;
            self.app = self.names.front().map(|name| open(name));
        }
        if let Some(app) = &mut self.app {
            app.dress(ctx);
        }
    }

    fn end(&mut self, outcome: Result<(), String>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
        self.names.clear();
    }

    fn keep(&mut self, picture: &ColorImage) -> Result<(), String> {
        let name = self.names.pop_front().unwrap_or_default();
        if picture.size != self.size {
            return Err(format!(
                "{name}: the window is {:?} pixels wide and high instead of {:?}",
                picture.size, self.size
            ));
        }
        let rgb: Vec<u8> =
            picture.pixels.iter().flat_map(|pixel| [pixel.r(), pixel.g(), pixel.b()]).collect();
        let [width, height] = picture.size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let path = self.folder.join(name + ".png");
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let file = std::fs::File::create(&path).map_err(|error| told(&error))?;
        PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Up)
            .write_image(&rgb, width, height, ExtendedColorType::Rgb8)
            .map_err(|error| told(&error))
    }
}

impl eframe::App for Album {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        ctx.request_repaint();
        let Some(app) = &mut self.app else { return ctx.send_viewport_cmd(ViewportCommand::Close) };
        app.frame(ui);
        self.frame += 1;
        if self.frame == FRAMES {
            let to = self.painted.0.clone();
            let shot = ScreenshotCallback::new(move |picture| drop(to.send(picture)));
            ctx.send_viewport_cmd(ViewportCommand::Screenshot(shot));
        }
    }

    /// No pointer, no keys, and a time of its own.
    fn raw_input_hook(&mut self, ctx: &egui::Context, input: &mut RawInput) {
        self.turn_when_painted(ctx);
        input.events.clear();
        input.focused = true;
        input.time = Some(f64::from(self.frames) * FRAME_S);
        input.predicted_dt = FRAME_S as f32;
        self.frames += 1;
    }
}
