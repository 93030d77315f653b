//! Real windows on the invented world: one to play with, or one that paints a row of screens into files.

use std::{
    collections::VecDeque,
    error::Error,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering, mpsc},
};

use egui::{
    ColorImage, Event, RawInput, Role, ScreenshotCallback, Ui, ViewportCommand,
    accesskit::{self, Action, ActionRequest, Node, NodeId, TreeUpdate},
    style::ScrollAnimation,
};
use image::{
    ExtendedColorType, ImageEncoder as _,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};

use super::{
    Fake,
    states::{self, Touch},
};
use crate::{app::App, clock, i18n::Lang, model::ThemeChoice, theme};

/// 14:05 on the 22nd of November 2026, by the clock of the painted screens.
const PAINTED_AT_MS: u64 = 1_795_356_300_000;
/// Frames until a screen stands still: pages arrive, areas learn their sizes.
const FRAMES: u32 = 8;
/// Frames before each touch, and before anything is set.
const BETWEEN: u32 = 4;
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
        super::SCREENS.into_iter().chain(states::STATES).for_each(|screen| println!("{screen}"));
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

/// The parts of a name such as `SCREEN-ko-light`.
fn parts(name: &str) -> [&str; 3] {
    let mut parts = name.split('-');
    [(); 3].map(|()| parts.next().unwrap_or_default())
}

fn language(word: &str) -> Lang {
    if word == "ko" { Lang::Ko } else { Lang::En }
}

fn named(screen: &str, lang: &str, theme: &str) -> App<Fake> {
    let theme = if theme == "dark" { ThemeChoice::Dark } else { ThemeChoice::Light };
    super::on(screen, language(lang), theme)
}

fn paint(folder: PathBuf, size: [f32; 2], names: VecDeque<String>) -> Outcome {
    clock::STOPPED_AT_MS.store(PAINTED_AT_MS, Ordering::Relaxed);
    let outcome = Arc::new(Mutex::new(Err("the window was closed".into())));
    let album = Album {
        folder,
        names,
        app: None,
        ready: Ready::Opened,
        touches: VecDeque::new(),
        fresh: Vec::new(),
        seen: Arc::default(),
        frame: 0,
        frames: 0,
        painted: mpsc::channel(),
        outcome: outcome.clone(),
        size: size.map(|side| side as usize),
    };
    let create = |creation: &eframe::CreationContext<'_>| {
        theme::install(&creation.egui_ctx);
        creation.egui_ctx.enable_accesskit();
        creation.egui_ctx.add_plugin(Reader(album.seen.clone()));
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

/// How far a screen is in the state that is wanted.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Ready {
    /// It was opened.
    Opened,
    /// The world is as the state wants; a person does something now.
    Set,
    /// It only has to be painted.
    Settled,
}

/// Reads what the window says to screen readers.
struct Reader(Arc<Mutex<Option<TreeUpdate>>>);

impl egui::Plugin for Reader {
    fn debug_name(&self) -> &'static str {
        "reader"
    }

    fn output_hook(&mut self, _ctx: &egui::Context, output: &mut egui::FullOutput) {
        let tree = output.platform_output.accesskit_update.clone();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tree;
    }
}

/// The events by which something is touched; nothing if it is not there.
fn events(touch: &Touch, seen: Option<&TreeUpdate>, size: [usize; 2]) -> Option<Vec<Event>> {
    let ask = |action, target_node| {
        let target_tree = accesskit::TreeId::ROOT;
        Event::AccessKitActionRequest(ActionRequest { action, target_tree, target_node, data: None })
    };
    let middle = egui::vec2(size[0] as f32, size[1] as f32).to_pos2() / 2.0;
    Some(match touch {
        Touch::Press(name) => vec![ask(Action::Click, find(seen?, name, |role| !is_field(role))?)],
        Touch::Enter(name) => vec![ask(Action::Focus, find(seen?, name, is_field)?)],
        Touch::Type(text) => vec![Event::Text(text.clone())],
        Touch::Turn(points) => {
            let delta = egui::vec2(0.0, *points);
            let (unit, phase) = (egui::MouseWheelUnit::Point, egui::TouchPhase::Move);
            let (source, modifiers) = (egui::MouseWheelSource::Wheel, egui::Modifiers::NONE);
            let wheel = Event::MouseWheel { unit, delta, phase, source, modifiers };
            vec![Event::PointerMoved(middle), wheel]
        }
    })
}

/// The lowest thing that is called so.
fn find(seen: &TreeUpdate, name: &str, fits: impl Fn(Role) -> bool) -> Option<NodeId> {
    let node = |id: &NodeId| seen.nodes.iter().find(|(of, _)| of == id).map(|(_, node)| node);
    let says = |node: &Node| node.label().or(node.value()) == Some(name);
    let is_called = |of: &Node| says(of) || of.labelled_by().iter().filter_map(node).any(says);
    let low = |of: &Node| of.bounds().map_or(0.0, |bounds| bounds.y1);
    let called = seen.nodes.iter().filter(|(_, of)| fits(of.role()) && is_called(of));
    called.max_by(|(_, a), (_, b)| low(a).total_cmp(&low(b))).map(|(id, _)| *id)
}

fn is_field(role: Role) -> bool {
    matches!(role, Role::TextInput | Role::MultilineTextInput | Role::PasswordInput | Role::SearchInput)
}

/// Screens that are painted one after the other.
struct Album {
    folder: PathBuf,
    /// What is still to be painted.
    names: VecDeque<String>,
    app: Option<App<Fake>>,
    /// How far this screen is in the state that is wanted.
    ready: Ready,
    /// What is still to be done there, the events of it that come next, and what stands where.
    touches: VecDeque<Touch>,
    fresh: Vec<Event>,
    seen: Arc<Mutex<Option<TreeUpdate>>>,
    /// Frames of this screen since something was done there, and of all.
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
            (self.frame, self.ready) = (0, Ready::Opened);
            // It may have been moved to turn a wheel.
            self.fresh = vec![Event::PointerGone];
            self.app = self.names.front().map(|name| {
                let [screen, language, theme] = parts(name);
                named(screen, language, theme)
            });
        }
        if let Some(app) = &mut self.app {
            app.dress(ctx);
        }
    }

    /// Leads the screen on towards its state: one thing at a time, each in a frame of its own.
    fn lead(&mut self) -> Result<(), String> {
        let (Some(app), Some(name)) = (&mut self.app, self.names.front()) else { return Ok(()) };
        if self.frame < BETWEEN || self.ready == Ready::Settled {
            return Ok(());
        }
        let [state, lang, _] = parts(name);
        self.frame = 0;
        if self.ready == Ready::Opened {
            states::set(app, state, language(lang));
            self.touches = states::touches(state, language(lang)).into();
            self.ready = Ready::Set;
        } else if let Some(touch) = self.touches.pop_front() {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            self.fresh =
                events(&touch, seen.as_ref(), self.size).ok_or(format!("{name}: nothing is called so"))?;
        } else {
            states::settle(app, state, language(lang));
            self.ready = Ready::Settled;
        }
        Ok(())
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
        if self.frame == FRAMES && self.ready == Ready::Settled {
            let to = self.painted.0.clone();
            let shot = ScreenshotCallback::new(move |picture| drop(to.send(picture)));
            ctx.send_viewport_cmd(ViewportCommand::Screenshot(shot));
        }
    }

    /// No pointer, no keys, and a time of its own.
    fn raw_input_hook(&mut self, ctx: &egui::Context, input: &mut RawInput) {
        self.turn_when_painted(ctx);
        if let Err(told) = self.lead() {
            (self.app, self.names) = (None, VecDeque::new());
            self.end(Err(told));
        }
        input.events = std::mem::take(&mut self.fresh);
        input.focused = true;
        input.time = Some(f64::from(self.frames) * FRAME_S);
        input.predicted_dt = FRAME_S as f32;
        self.frames += 1;
    }
}
