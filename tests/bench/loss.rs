//! What it costs to open a profile that has lost something: all of it is looked at before it is believed again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use madang_core::{Event, Notice};
use serde_json::{Value, json};

use crate::Failure;
use crate::latency::{linked, stream};
use crate::meter::processor;
use crate::people::{end, reopened, until};

/// Whose profile loses something: the one who reads.
const NAME: &str = "bora";
/// Where a byte is changed: behind what makes the profile, in the midst of the first messages.
const PLACE: usize = 64 * 4_096 + 100;

/// Opens a profile of so many messages as it is, with an index to be built anew, and with that and a damaged commit.
/// The second is the floor of the third: whatever is lost, the index comes from the log.
pub(crate) async fn loss(place: &Path, count: usize) -> Result<Value, Failure> {
    let (ari, bora, conversation) = linked(place).await?;
    let (_, _, bora) = stream(&ari, bora, conversation, count).await?;
    end([ari, bora]).await;
    let profile = place.join(NAME);
    let (open, _) = opened(place, false).await?;
    fs::remove_dir_all(profile.join("index"))?;
    let (rebuilt, rebuilt_processor) = opened(place, false).await?;
    fs::remove_dir_all(profile.join("index"))?;
    damage(&profile)?;
    let (lost, lost_processor) = opened(place, true).await?;
    Ok(json!({
        "messages": count, "open_ms": open, "rebuilt_ms": rebuilt, "lost_ms": lost,
        "more_than_rebuilt_us_a_message": (lost - rebuilt) * 1e3 / count as f64,
        "processor_more_than_rebuilt_us_a_message": (lost_processor - rebuilt_processor) * 1e6 / count as f64,
    }))
}

/// Milliseconds until the profile is open, and seconds of the processor.
async fn opened(place: &Path, tells_of_damage: bool) -> Result<(f64, f64), Failure> {
    let (began, spent) = (Instant::now(), processor());
    let mut person = reopened(place, NAME).await?;
    let told = (began.elapsed().as_secs_f64() * 1e3, processor() - spent);
    if tells_of_damage {
        until(&mut person.events, |event| matches!(event, Event::Notice(Notice::LogDamaged { .. }))).await?;
    }
    end([person]).await;
    Ok(told)
}

/// Changes one byte of the log.
fn damage(profile: &Path) -> Result<(), Failure> {
    let is_log = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
    let files =
        fs::read_dir(profile)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    let first = files.into_iter().filter(is_log).min().ok_or("a profile has a log")?;
    let mut bytes = fs::read(&first)?;
    *bytes.get_mut(PLACE).ok_or("the log is too short to be damaged in its midst")? ^= 1;
    Ok(fs::write(first, bytes)?)
}
