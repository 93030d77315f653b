//! What the window costs, as JSON: frames, frames of hostile texts, the first list of chats, memory, and rest. Run by `benches/window.rs`.

mod frames;
mod hold;
mod hostile;
mod list;

use std::path::PathBuf;

use crate::bridge::invented;

type Failure = Box<dyn std::error::Error>;

/// Messages of the large side of each comparison, unless the command line says otherwise.
const MANY: u64 = 1_000_000;
/// Contacts among whom the messages of a profile are dealt out.
const CONTACTS: u32 = 50;
/// Opens the invented profiles.
const PASSPHRASE: &str = "a plank over the stream";

/// Measures what the first argument says (`frames`, `hostile`, `list`, `memory`, `idle` or `all`) and prints one JSON object a
/// line. The second argument is the number of messages of the large side. Profiles are kept in `MADANG_BENCH_DIR`
/// and used again if it is set.
///
/// # Errors
/// What the disk or the window system say.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let arg = |at: usize| args.get(at).map_or("", String::as_str);
    let many = if arg(1).is_empty() { Ok(MANY) } else { arg(1).parse() };
    match arg(0) {
        "hold" => return hold::run(&args[1..]),
        "frames" => frames::run(many?),
        "hostile" => hostile::run(),
        "list" => list::run(&Place::new()?, many?)?,
        "memory" => hold::memory(&Place::new()?, many?)?,
        "idle" => hold::idle(&Place::new()?, many?)?,
        "all" | "" => {
            let many = many?;
            frames::run(many);
            hostile::run();
            let place = Place::new()?;
            list::run(&place, many)?;
            hold::memory(&place, many)?;
            hold::idle(&place, many)?;
        }
        other => return Err(format!("{other}: say frames, hostile, list, memory, idle or all").into()),
    }
    Ok(())
}

/// Where invented profiles lie.
struct Place {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Place {
    fn new() -> std::io::Result<Place> {
        if let Some(path) = std::env::var_os("MADANG_BENCH_DIR").map(PathBuf::from) {
            std::fs::create_dir_all(&path)?;
            return Ok(Place { path, _temporary: None });
        }
        let folder = tempfile::tempdir()?;
        Ok(Place { path: folder.path().to_owned(), _temporary: Some(folder) })
    }

    /// A home with a profile of so many messages, whose passphrase costs what it costs people; made if it is not there.
    fn home(&self, messages: u64) -> Result<PathBuf, Failure> {
        let home = self.path.join(messages.to_string());
        if !home.join("made").exists() {
            let contacts = if messages == 0 { 0 } else { CONTACTS };
            invented::profile(&home.join("profile"), PASSPHRASE, contacts, messages, text)?;
            std::fs::write(home.join("made"), "")?;
        }
        Ok(home)
    }
}

/// What the n-th message says: Korean and English, short and long, some emoji.
fn text(n: u64) -> String {
    const PARTS: [&str; 6] = [
        "회의는 두 시에 연구동 이층에서 해요.",
        "The papers came from the relay last night.",
        "네",
        "프린터가 고장 나서 자료는 각자 가져와야 한다고 하던데 혹시 들으셨어요?",
        "좋아요 👍",
        "on my way",
    ];
    let long = if n.is_multiple_of(17) { 6 } else { 1 + n % 2 };
    let words: Vec<&str> = (0..long).map(|i| PARTS[((n / 3 + i * 5 + n * 7) % 6) as usize]).collect();
    format!("{n} {}", words.join(" "))
}

/// The so manieth of a hundred, in milliseconds.
fn percentile(times: &mut [std::time::Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times
        .get((times.len() * percent / 100).min(times.len().saturating_sub(1)))
        .map_or(0.0, |t| t.as_secs_f64() * 1e3)
}
