//! Every figure of `docs/performance.md`: one JSON object a line, and at the end the table of the aims.
//!
//! `cargo run --release -p madang-tests --bin bench [PART…]`. Without parts, all of them, in about ten minutes.
//! Each part runs in a process of its own, so that its memory, its written bytes and its processor time are its own;
//! each figure stands beside the floor that was measured in the same run. `MADANG_BENCH_FOLDER` names a folder on
//! the disk to measure (default: a temporary one); `MADANG_BENCH_SCALE` shrinks or enlarges the counts.

mod backup;
#[path = "../../crates/net/benches/bare/mod.rs"]
mod bare;
mod crypto_rates;
mod drain;
mod latency;
mod loss;
mod meter;
mod people;
mod store;
mod table;
mod wire;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

/// The parts in the order in which they run. `idle` waits more than it works, so it runs beside the others.
const PARTS: [&str; 13] = [
    "direct", "relay", "drain", "cold", "loss", "send", "wire-1", "wire-100", "crypto", "unlock", "ingest",
    "backup", "idle",
];

fn main() -> Result<(), Failure> {
    net::scrub_environment()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("part") => alone(&arguments[1]),
        Some("store") => {
            store::main(&arguments[1..]);
            Ok(())
        }
        _ => together(&arguments),
    }
}

/// Runs parts, each in a process of its own, and prints what they tell.
fn together(wanted: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = wanted.iter().find(|part| !PARTS.contains(&part.as_str())) {
        return Err(format!("no part is called {unknown}; there are: {}", PARTS.join(" ")).into());
    }
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|w| w == part);
    let beside = is_wanted("idle").then(|| spawn("idle")).transpose()?;
    let mut told = Vec::new();
    for part in PARTS.into_iter().filter(|part| *part != "idle" && is_wanted(part)) {
        told.push(finish(part, spawn(part)?)?);
    }
    if let Some(idle) = beside {
        told.push(finish("idle", idle)?);
    }
    println!("\n{}", table::markdown(&told));
    Ok(())
}

fn spawn(part: &str) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?).args(["part", part]).stdout(Stdio::piped()).spawn()
}

fn finish(part: &str, child: Child) -> Result<Value, Failure> {
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("the part {part} failed").into());
    }
    let mut told: Value = serde_json::from_slice(&output.stdout)?;
    told["part"] = part.into();
    println!("{told}");
    Ok(told)
}

/// One part, in this process.
fn alone(part: &str) -> Result<(), Failure> {
    let temporary = tempfile::tempdir()?;
    let place = match std::env::var_os("MADANG_BENCH_FOLDER") {
        Some(folder) => PathBuf::from(folder).join(format!("{part}-{}", std::process::id())),
        None => temporary.path().to_owned(),
    };
    std::fs::create_dir_all(&place)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let floor = meter::percentile(&meter::fdatasync(&place)?, 50);
    let mut told = match part {
        "direct" => runtime.block_on(latency::direct(&place, scaled(1_000)))?,
        "relay" => runtime.block_on(latency::through_relay(&place, scaled(1_000)))?,
        "drain" => runtime.block_on(drain::drain(&place, 100, scaled(10_000).div_ceil(100)))?,
        "cold" => runtime.block_on(drain::cold(&place, 5))?,
        "loss" => runtime.block_on(loss::loss(&place, scaled(10_000)))?,
        "send" => runtime.block_on(latency::send(&place, scaled(5_000)))?,
        "wire-1" => runtime.block_on(wire::paced(&place, 1, 20))?,
        "wire-100" => runtime.block_on(wire::paced(&place, 100, 1_000))?,
        "idle" => runtime.block_on(wire::idle(&place))?,
        "crypto" => crypto_rates::rates(),
        "unlock" => crypto_rates::unlock(),
        "backup" => runtime.block_on(backup::backup(&place, scaled(1_000_000)))?,
        "ingest" => store::report(&place, scaled(1_000_000) as u64),
        other => return Err(format!("no part is called {other}").into()),
    };
    // What every part tells: the disk's floor in this run, and what the whole part took of the processor.
    told["fdatasync_p50_ms"] = floor.into();
    told["processor_seconds_in_all"] = meter::processor().into();
    println!("{told}");
    std::fs::remove_dir_all(&place)?;
    Ok(())
}

/// A count, as `MADANG_BENCH_SCALE` wishes it.
fn scaled(count: usize) -> usize {
    let scale =
        std::env::var("MADANG_BENCH_SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1.0_f64);
    ((count as f64 * scale) as usize).max(1)
}
