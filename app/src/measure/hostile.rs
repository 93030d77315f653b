//! Texts that are written to stall whoever shows them: layout and tessellation of each frame while conversations of
//! nothing else are scrolled, and of the frames in which one is unfolded, beside an ordinary conversation.

use std::time::Duration;

use super::{
    frames::{CHAT, conversation, one, opened, report},
    text,
};
use crate::{gallery::floods::floods, model::MessageKey, text::body};

/// Messages of each conversation.
const MESSAGES: u64 = 1_000;
/// Frames of each that are counted.
const FRAMES: usize = 1_000;
/// Messages of each that are unfolded, each in a frame of its own, and frames before and after.
const UNFOLDED: usize = 20;
const APART: usize = 4;

pub(super) fn run() {
    println!(
        "{}",
        report("hostile-ordinary", MESSAGES, &mut conversation(MESSAGES, FRAMES, |n| body(&text(n))))
    );
    for (kind, flood) in floods() {
        // Made fit by the bridge's worker, once, when it arrives.
        let flood = body(&flood);
        let said = move |n: u64| format!("{n} {flood}");
        let mut scrolled = conversation(MESSAGES, FRAMES, said.clone());
        println!("{}", report(&format!("hostile, {kind}"), MESSAGES, &mut scrolled));
        println!("{}", report(&format!("hostile and unfolded, {kind}"), MESSAGES, &mut unfolded(said)));
    }
}

/// The frames in which messages are unfolded, and those after them.
fn unfolded(said: impl Fn(u64) -> String + 'static) -> Vec<Duration> {
    let (ctx, mut app) = opened(MESSAGES, said);
    let mut times = Vec::new();
    for frame in 0..(UNFOLDED + 1) * APART {
        if frame >= APART && frame.is_multiple_of(APART) {
            let key = MessageKey::invented(MESSAGES - (frame / APART) as u64);
            let conversation = app.views.conversations.entry(CHAT).or_default();
            conversation.show_whole(key);
            conversation.lead_to(key);
        }
        let took = one(&ctx, frame, 0.0, |ui| app.frame(ui));
        if frame >= APART {
            times.push(took);
        }
    }
    times
}
