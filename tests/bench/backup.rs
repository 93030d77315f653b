//! A backup of a large profile, and how long the node answers nobody meanwhile.

use std::path::Path;
use std::time::{Duration, Instant};

use madang_core::{BackupSecret, Cost};
use serde_json::{Value, json};

use crate::{Failure, meter, people};

const CONTACTS: u32 = 50;

/// Backs up a profile of so many messages, and restores it.
pub(crate) async fn backup(place: &Path, messages: usize) -> Result<Value, Failure> {
    let text = people::text();
    let (home, file) = (place.join("ari"), place.join("backup"));
    madang_core::node::invent::profile(
        &home,
        b"bench",
        Cost::for_tests(),
        CONTACTS,
        messages as u64,
        |_| text.clone(),
    )?;
    let ari = people::reopened(place, "ari").await?;
    let secret = BackupSecret::typed("a plank over the stream")?;
    let copying = tokio::spawn({
        let (node, file, secret) = (ari.node.clone(), file.clone(), secret.clone());
        async move {
            let begun = Instant::now();
            node.back_up(&file, &secret).await.map(|()| begun.elapsed())
        }
    });
    let mut longest = Duration::ZERO;
    let mut asked = 0_u64;
    while !copying.is_finished() {
        let begun = Instant::now();
        ari.node.glances(Vec::new()).await?;
        longest = longest.max(begun.elapsed());
        asked += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = copying.await??;
    people::end([ari]).await;
    let bytes = std::fs::metadata(&file)?.len();
    // What the same bytes cost a disk and nothing else.
    let floor = Instant::now();
    std::fs::copy(&file, place.join("copy"))?;
    std::fs::File::open(place.join("copy"))?.sync_all()?;
    let floor = floor.elapsed();
    let begun = Instant::now();
    let bora = people::restored(place, "bora", &file, &secret).await?;
    let restoring = begun.elapsed();
    people::end([bora]).await;
    Ok(json!({
        "messages": messages,
        "bytes": bytes,
        "seconds": took.as_secs_f64(),
        "times_copy_and_sync": took.as_secs_f64() / floor.as_secs_f64(),
        "asked_meanwhile": asked,
        "longest_answer_ms": longest.as_secs_f64() * 1e3,
        "restore_seconds": restoring.as_secs_f64(),
        "rss_peak_mib": meter::memory("VmHWM"),
    }))
}
