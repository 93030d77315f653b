//! How long it takes from an open key to the first list of chats on the screen: with much history, with little, and
//! with no chat at all.

use std::{
    path::Path,
    sync::{Mutex, PoisonError, mpsc::channel},
    time::{Duration, Instant},
};

use egui::{RawInput, Rect, Vec2};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use zeroize::Zeroizing;

use super::{CONTACTS, Failure, PASSPHRASE, Place, percentile};
use crate::{
    action::Command,
    app::{App, World},
    bridge::{Bridge, Paths},
    clock::Zone,
    model::{Prefs, Stage},
    theme,
};

/// Times that each profile is opened; the middle one counts.
const ROUNDS: usize = 15;
/// Messages of the profile that has as many chats as the full one and hardly a history.
const FEW: u64 = 1_000;

/// When the store said last that the passphrase opens the profile.
static DERIVED: Mutex<Option<Instant>> = Mutex::new(None);

pub(super) fn run(place: &Place, many: u64) -> Result<(), Failure> {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Listener))?;
    // As many chats over much history, over little, and none at all: the middle one tells chats from history.
    let sides =
        [(place.home(many)?, CONTACTS as usize), (place.home(FEW)?, CONTACTS as usize), (place.home(0)?, 0)];
    let (mut after, mut whole) = ([const { Vec::new() }; 3], [const { Vec::new() }; 3]);
    let mut told = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (at, (home, chats)) in sides.iter().enumerate() {
            let opened = open(home, *chats)?;
            told[at].push(opened.told);
            after[at].push(opened.painted);
            whole[at].push(opened.with_key);
        }
    }
    let middle = |times: [Vec<Duration>; 3]| times.map(|mut times| percentile(&mut times, 50));
    let ([full, few, empty], [full_told, few_told, empty_told]) = (middle(after), middle(told));
    let [full_whole, few_whole, empty_whole] = middle(whole);
    println!(
        "{{\"what\":\"chat-list\",\"messages\":{many},\"contacts\":{CONTACTS},\"rounds\":{ROUNDS},\"full_ms\":{full:.1},\"few_messages\":{FEW},\"few_ms\":{few:.1},\"empty_ms\":{empty:.1},\"ratio\":{:.3},\"ratio_to_few\":{:.3},\"full_told_ms\":{full_told:.1},\"few_told_ms\":{few_told:.1},\"empty_told_ms\":{empty_told:.1},\"full_with_key_ms\":{full_whole:.1},\"few_with_key_ms\":{few_whole:.1},\"empty_with_key_ms\":{empty_whole:.1}}}",
        full / empty,
        full / few
    );
    Ok(())
}

/// How long an opening took.
struct Opening {
    /// From the derived key until the window had been told of all chats.
    told: Duration,
    /// From the derived key until the list had been laid out and tessellated: what was told is part of it.
    painted: Duration,
    /// From the passphrase until then.
    with_key: Duration,
}

/// Opens a profile as a person does.
fn open(home: &Path, chats: usize) -> Result<Opening, Failure> {
    let ctx = egui::Context::default();
    theme::install(&ctx);
    let (wake, woken) = channel();
    let bridge = Bridge::start(Paths::at(home), move || wake.send(()).unwrap_or_default())?;
    let mut app = App::new(bridge, Prefs { auto_lock_minutes: 0, ..Prefs::default() }, Zone::default(), None);
    let frame = |app: &mut App<Bridge>| {
        let screen = Rect::from_min_size(egui::Pos2::ZERO, Vec2::new(1366.0, 768.0));
        let input = RawInput { screen_rect: Some(screen), focused: true, ..RawInput::default() };
        let mut output = ctx.run_ui(input, |ui| app.frame(ui));
        // Nobody uploads them.
        output.textures_delta.clear();
        ctx.tessellate(output.shapes, output.pixels_per_point)
    };
    while app.model.stage != Stage::Locked {
        woken.recv()?;
        frame(&mut app);
    }
    // Fonts are on the screen already when somebody unlocks.
    for _ in 0..4 {
        frame(&mut app);
    }
    let began = Instant::now();
    app.world.tell(Command::Unlock { passphrase: Zeroizing::new(PASSPHRASE.to_owned()) });
    let mut told = None;
    while told.is_none() {
        woken.recv()?;
        app.tick(&ctx);
        let model = &app.model;
        let is_told = model.stage.is_open() && model.chats.len() >= chats && model.listed;
        told = is_told.then(Instant::now);
        frame(&mut app);
        if let Some(failure) = app.model.failures.values().next() {
            return Err(format!("the profile does not open: {failure:?}").into());
        }
    }
    frame(&mut app);
    let derived = DERIVED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let derived = derived.ok_or("the store did not tell of its key")?;
    let told = told.map_or(Duration::ZERO, |told| told.duration_since(derived));
    Ok(Opening { told, painted: derived.elapsed(), with_key: began.elapsed() })
}

/// Hears when the key is derived.
struct Listener;

impl<S: tracing::Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        if event.metadata().name() == "key_derived" {
            *DERIVED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
    }
}
