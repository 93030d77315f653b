//! A real window that is held open: how much memory it takes, and how much it does while nothing happens.

use std::{
    collections::VecDeque,
    process::{Command as Process, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, TouchPhase, Vec2};
use zeroize::Zeroizing;

use super::{Failure, PASSPHRASE, Place};
use crate::{
    action::Command,
    app::{App, World},
    bridge::{Bridge, Paths},
    clock::Zone,
    i18n::Lang,
    model::{Prefs, Stage},
    route::Route,
    theme,
};

/// Frames in which a conversation is scrolled back before memory is read. Where no graphics card helps, each takes some
/// tens of milliseconds.
const SCROLLED: usize = 300;
/// Points a frame: together some thousands of messages.
const STEP: f32 = 900.0;
/// How long a window may take to tell before it is given up: its rest and what comes before are less.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long nothing happens.
const REST: Duration = Duration::from_secs(60);
/// How long a window settles before rest is measured.
const SETTLE: Duration = Duration::from_secs(5);
/// Ticks of the kernel's processor accounts in a second, on every Linux of today.
const TICKS: f64 = 100.0;

/// An empty window with the app's fonts, then the app with a full profile after scrolling, each a process of its own.
pub(super) fn memory(place: &Place, many: u64) -> Result<(), Failure> {
    let home = place.home(many)?;
    let empty = held(&["empty", "memory"])?;
    let app = held(&["app", "memory", home.to_str().unwrap_or_default()])?;
    let (empty, app) = (number(&empty, "resident_mib")?, number(&app, "resident_mib")?);
    println!(
        "{{\"what\":\"memory\",\"messages\":{many},\"empty_window_mib\":{empty:.1},\"app_mib\":{app:.1},\"difference_mib\":{:.1}}}",
        app - empty
    );
    Ok(())
}

/// The app with a full profile and an open conversation, left alone for a minute.
pub(super) fn idle(place: &Place, many: u64) -> Result<(), Failure> {
    let home = place.home(many)?;
    let told = held(&["app", "idle", home.to_str().unwrap_or_default()])?;
    let (frames, seconds) = (number(&told, "frames")?, number(&told, "processor_s")?);
    println!(
        "{{\"what\":\"idle\",\"messages\":{many},\"seconds\":{},\"frames\":{frames},\"processor_s\":{seconds:.3},\"percent_of_a_core\":{:.3}}}",
        REST.as_secs(),
        seconds / REST.as_secs_f64() * 100.0
    );
    Ok(())
}

fn held(args: &[&str]) -> Result<String, Failure> {
    eprintln!("a window is held open: {}", args[..2].join(", "));
    let me = std::env::current_exe()?;
    let output = Process::new(me).arg("hold").args(args).stderr(Stdio::inherit()).output()?;
    let told = String::from_utf8(output.stdout)?;
    if !output.status.success() || told.is_empty() {
        return Err(
            format!("the window could not be held open: {}; is there a display?", output.status).into()
        );
    }
    Ok(told)
}

/// Ends the process if the window gets nowhere: better a word than a program that hangs.
fn lose_patience() {
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        eprintln!("the window got nowhere in {} seconds", PATIENCE.as_secs());
        std::process::exit(1);
    });
}

fn number(told: &str, name: &str) -> Result<f64, Failure> {
    let value = told.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    Ok(value.ok_or("the window told nothing")?.parse()?)
}

/// The held process itself.
pub(super) fn run(args: &[String]) -> Result<(), Failure> {
    let arg = |at: usize| args.get(at).map_or("", String::as_str);
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default().with_inner_size([1366.0, 768.0]),
        ..Default::default()
    };
    let idle = arg(1) == "idle";
    lose_patience();
    if arg(0) == "empty" {
        eframe::run_native(
            "empty",
            options,
            Box::new(|creation| {
                theme::install(&creation.egui_ctx);
                Ok(Box::new(Empty { frames: 0 }))
            }),
        )?;
        return Ok(());
    }
    let paths = Paths::at(std::path::Path::new(arg(2)));
    eframe::run_native(
        "held",
        options,
        Box::new(move |creation| {
            theme::install(&creation.egui_ctx);
            let ctx = creation.egui_ctx.clone();
            let bridge = Bridge::start(paths, move || ctx.request_repaint())?;
            let prefs = Prefs { language: Lang::Ko, auto_lock_minutes: 0, ..Prefs::default() };
            let app = App::new(bridge, prefs, Zone::default(), None);
            let steps =
                VecDeque::from([Step::Unlock, Step::Open, Step::Scroll(if idle { 0 } else { SCROLLED })]);
            Ok(Box::new(Held { app, steps, idle, frames: Arc::default() }))
        }),
    )?;
    Ok(())
}

struct Empty {
    frames: usize,
}

impl eframe::App for Empty {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        ui.label("마당 Madang 👍");
        self.frames += 1;
        if self.frames == 120 {
            println!("resident_mib={}", resident_mib());
            ui.ctx().send_viewport_cmd(egui::ViewportCommand::Close);
        }
        ui.ctx().request_repaint();
    }
}

enum Step {
    Unlock,
    Open,
    Scroll(usize),
}

/// The app with somebody at its wheel.
struct Held {
    app: App<Bridge>,
    steps: VecDeque<Step>,
    idle: bool,
    frames: Arc<AtomicU64>,
}

impl Held {
    fn step(&mut self, ctx: &egui::Context) {
        match self.steps.front_mut() {
            Some(Step::Unlock) if self.app.model.stage == Stage::Locked => {
                self.app.world.tell(Command::Unlock { passphrase: Zeroizing::new(PASSPHRASE.to_owned()) });
                self.steps.pop_front();
            }
            Some(Step::Open) if !self.app.model.chats.is_empty() => {
                let first = self.app.model.chats[0].id;
                self.app.start_at(Route::Chats(Some(first)), "");
                self.steps.pop_front();
            }
            Some(Step::Scroll(0)) => {
                self.steps.pop_front();
                if self.idle {
                    self.watch(ctx.clone());
                } else {
                    println!("resident_mib={}", resident_mib());
                    ctx.send_viewport_cmd(egui::ViewportCommand::Close);
                }
            }
            Some(Step::Scroll(left)) => {
                *left -= 1;
                ctx.request_repaint();
            }
            _ => {}
        }
        if !self.steps.is_empty() {
            ctx.request_repaint_after(Duration::from_millis(5));
        }
    }

    /// Looks on from a thread of its own, so that looking draws no frame.
    fn watch(&self, ctx: egui::Context) {
        let frames = Arc::clone(&self.frames);
        std::thread::spawn(move || {
            std::thread::sleep(SETTLE);
            let (drawn, used) = (frames.load(Ordering::Relaxed), processor_s());
            std::thread::sleep(REST);
            let (drawn, used) = (frames.load(Ordering::Relaxed) - drawn, processor_s() - used);
            println!("frames={drawn} processor_s={used}");
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            ctx.request_repaint();
        });
    }
}

impl eframe::App for Held {
    fn logic(&mut self, ctx: &egui::Context, frame: &mut eframe::Frame) {
        eframe::App::logic(&mut self.app, ctx, frame);
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        eframe::App::ui(&mut self.app, ui, frame);
        self.step(ui.ctx());
    }

    fn raw_input_hook(&mut self, ctx: &egui::Context, input: &mut egui::RawInput) {
        if let Some(Step::Scroll(left)) = self.steps.front()
            && *left > 0
        {
            input.events.push(Event::PointerMoved(egui::pos2(900.0, 400.0)));
            input.events.push(Event::MouseWheel {
                unit: MouseWheelUnit::Point,
                delta: Vec2::new(0.0, STEP),
                phase: TouchPhase::Move,
                source: MouseWheelSource::Wheel,
                modifiers: Modifiers::NONE,
            });
        }
        self.app.raw_input_hook(ctx, input);
    }
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok())
        .map_or(0.0, |kib| kib / 1024.0)
}

/// Processor time of all threads of this process so far, in seconds.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: f64 = after.split(' ').skip(11).take(2).filter_map(|n| n.parse::<f64>().ok()).sum();
    ticks / TICKS
}
