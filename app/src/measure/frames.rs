//! Layout and tessellation of a frame while a long conversation is scrolled, without a display.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, RawInput, Rect, TouchPhase, Vec2};

use super::{percentile, text};
use crate::{
    action::Command,
    app::{App, World},
    clock::Zone,
    i18n::Lang,
    model::{Bond, Chat, ChatId, Delivery, Message, MessageKey, Page, PageAt, Prefs, Stage, Update},
    route::Route,
    theme,
};

const WINDOW: Vec2 = Vec2::new(1366.0, 768.0);
pub(super) const CHAT: ChatId = ChatId(1);
/// As the node's pages are.
const PAGE: u64 = 100;
/// Frames before any is counted: fonts and the first texts are rasterised.
const WARM_UP: usize = 240;
/// Frames that are counted.
const FRAMES: usize = 4_000;
/// Frames of scrolling before the direction turns; a small conversation must not end within them.
const TURN: usize = 400;
/// Points a frame: a wheel turned fast.
const STEP: f32 = 60.0;
/// The naive list lays out every row in every frame: more than this takes seconds each.
const NAIVE_MAX: u64 = 10_000;

pub(super) fn run(many: u64) {
    let few = 1_000.min(many);
    // Alternating, so that what else the machine does falls on both alike.
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..2 {
        for (times, count) in times.iter_mut().zip([few, many]) {
            times.append(&mut conversation(count, FRAMES, |n| crate::text::body(&text(n))));
        }
    }
    let [few_times, many_times] = &mut times;
    let (small, large) = (report("frames", few, few_times), report("frames", many, many_times));
    println!("{small}\n{large}");
    println!(
        "{{\"what\":\"frames-ratio\",\"p99_large_over_small\":{:.3}}}",
        percentile(many_times, 99) / percentile(few_times, 99).max(f64::EPSILON)
    );
    println!("{}", report("frames-naive-control", few, &mut naive(few, 100)));
    let some = many.min(NAIVE_MAX);
    println!("{}", report("frames-naive-control", some, &mut naive(some, 20)));
}

pub(super) fn report(what: &str, messages: u64, times: &mut [Duration]) -> String {
    format!(
        "{{\"what\":\"{what}\",\"messages\":{messages},\"frames\":{},\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"worst_ms\":{:.3}}}",
        times.len(),
        percentile(times, 50),
        percentile(times, 99),
        percentile(times, 100),
    )
}

/// The times of frames in a conversation of `count` messages, after some that are not counted.
pub(super) fn conversation(
    count: u64,
    frames: usize,
    said: impl Fn(u64) -> String + 'static,
) -> Vec<Duration> {
    let (ctx, mut app) = opened(count, said);
    let times = (0..WARM_UP + frames).map(|frame| {
        let up = (frame / TURN).is_multiple_of(2);
        one(&ctx, frame, if up { STEP } else { -STEP }, |ui| app.frame(ui))
    });
    times.skip(WARM_UP).collect()
}

/// A window on a conversation of `count` messages, before its first frame. `said` gives the text of each, fit to show.
pub(super) fn opened(count: u64, said: impl Fn(u64) -> String + 'static) -> (egui::Context, App<Talk>) {
    let ctx = egui::Context::default();
    theme::install(&ctx);
    let prefs = Prefs { language: Lang::Ko, ..Prefs::default() };
    let mut app = App::new(Talk::new(count, said), prefs, Zone::default(), None);
    app.start_at(Route::Chats(Some(CHAT)), "");
    (ctx, app)
}

/// The same rows in a list that lays out all of them.
fn naive(count: u64, frames: usize) -> Vec<Duration> {
    let ctx = egui::Context::default();
    theme::install(&ctx);
    let texts: Vec<String> = (0..count).map(text).collect();
    let draw = |ui: &mut egui::Ui| {
        egui::ScrollArea::vertical().show(ui, |ui| {
            for text in &texts {
                egui::Frame::group(ui.style()).show(ui, |ui| ui.label(text));
            }
        });
    };
    (0..frames + 2).map(|frame| one(&ctx, frame, -STEP, draw)).skip(2).collect()
}

/// One frame: the wheel turned by `step` points over the middle, laid out and tessellated.
pub(super) fn one(
    ctx: &egui::Context,
    frame: usize,
    step: f32,
    mut draw: impl FnMut(&mut egui::Ui),
) -> Duration {
    let wheel = Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: Vec2::new(0.0, step),
        phase: TouchPhase::Move,
        source: MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    };
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(egui::Pos2::ZERO, WINDOW)),
        time: Some(frame as f64 / 60.0),
        focused: true,
        events: vec![Event::PointerMoved(egui::pos2(900.0, 400.0)), wheel],
        ..RawInput::default()
    };
    let began = Instant::now();
    let mut output = ctx.run_ui(input, |ui| draw(ui));
    let meshes = ctx.tessellate(output.shapes, output.pixels_per_point);
    let took = began.elapsed();
    // Nobody uploads them.
    output.textures_delta.clear();
    assert!(!meshes.is_empty());
    took
}

/// A world with one conversation that is written while it is read.
pub(super) struct Talk {
    count: u64,
    said: Box<dyn Fn(u64) -> String>,
    updates: VecDeque<Update>,
}

impl Talk {
    fn new(count: u64, said: impl Fn(u64) -> String + 'static) -> Talk {
        let chat =
            Chat { id: CHAT, name: "이웃".into(), bond: Bond::Live, writable: true, ..Chat::default() };
        let said = Box::new(said);
        Talk { count, said, updates: VecDeque::from([Update::Stage(Stage::Open), Update::Chats(vec![chat])]) }
    }

    fn message(&self, n: u64) -> Message {
        Message {
            key: MessageKey::invented(n),
            place: n + 1,
            mine: n.is_multiple_of(3),
            text: (self.said)(n),
            reply: None,
            label_ms: Some(1_700_000_000_000 + n * 600_000),
            late: n.is_multiple_of(101),
            gap: false,
            chose: None,
            fades: None,
            shown: false,
            delivery: Delivery::Read,
        }
    }
}

impl World for Talk {
    fn tell(&mut self, command: Command) {
        let Command::Read(chat, at) = command else { return };
        let (from, to) = match at {
            PageAt::Before(place) => ((place - 1).saturating_sub(PAGE), place - 1),
            PageAt::After(place) => (place, (place + PAGE).min(self.count)),
            PageAt::Around(place) => {
                let middle = place.min(self.count);
                (middle.saturating_sub(PAGE / 2), (middle + PAGE / 2).min(self.count))
            }
            PageAt::Newest | PageAt::Message(_) | PageAt::Unread => {
                (self.count.saturating_sub(PAGE), self.count)
            }
        };
        self.updates.push_back(Update::Page {
            chat,
            page: Page {
                at,
                messages: (from..to).map(|n| self.message(n)).collect(),
                more_before: from > 0,
                more_after: to < self.count,
                first_unread: None,
                newest: self.count,
            },
        });
    }

    fn take(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }
}
