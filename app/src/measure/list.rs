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
    for _ in 0..ROUNDS {
        for (at, (home, chats)) in sides.iter().enumerate() {
            let (from_key, from_passphrase) = open(home, *chats)?;
            after[at].push(from_key);
            whole[at].push(from_passphrase);
        }
    }
    let [full, few, empty] = after.map(|mut times| percentile(&mut times, 50));
    let [full_whole, few_whole, empty_whole] = whole.map(|mut times| percentile(&mut times, 50));
    println!(
        "{{\"what\":\"chat-list\",\"messages\":{many},\"contacts\":{CONTACTS},\"rounds\":{ROUNDS},\"full_ms\":{full:.1},\"few_messages\":{FEW},\"few_ms\":{few:.1},\"empty_ms\":{empty:.1},\"ratio\":{:.3},\"ratio_to_few\":{:.3},\"full_with_key_ms\":{full_whole:.1},\"few_with_key_ms\":{few_whole:.1},\"empty_with_key_ms\":{empty_whole:.1}}}",
        full / empty,
        full / few
    );
    Ok(())
}

/// From the derived key, and from the passphrase, to a laid out and tessellated list.
fn open(home: &Path, chats: usize) -> Result<(Duration, Duration), Failure> {
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
    while !app.model.stage.is_open() || app.model.chats.len() < chats || !app.model.listed {
        woken.recv()?;
        frame(&mut app);
        if let Some(failure) = app.model.failures.values().next() {
            return Err(format!("the profile does not open: {failure:?}").into());
        }
    }
    frame(&mut app);
    let derived = DERIVED.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok((derived.ok_or("the store did not tell of its key")?.elapsed(), began.elapsed()))
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
