//! The aims beside what was measured, as a table to be pasted into `docs/performance.md`.

use std::fmt::Write as _;

use serde_json::Value;

/// One aim: in which part its figure stands, and what it should be.
struct Aim {
    part: &'static str,
    what: &'static str,
    /// Where the figure stands in the part's object.
    figure: &'static str,
    unit: &'static str,
    goal: Goal,
}

#[derive(Clone, Copy)]
enum Goal {
    Least(f64),
    Most(f64),
    /// Another figure of the same part.
    MostOwn(&'static str),
}

const AIMS: [Aim; 13] = [
    aim("direct", "direct link, p50", "/p50_ms", "ms", Goal::MostOwn("/aim_ms")),
    aim("relay", "through a relay, more than direct", "/more_than_direct_ms", "ms", Goal::Most(3.0)),
    aim("drain", "drain of waiting mail", "/messages_per_second", "messages/s", Goal::Least(5_000.0)),
    // Receipts leave one to five seconds after the mail came, on purpose.
    aim(
        "drain",
        "drain, until the last receipt is at the relay",
        "/acknowledged_seconds",
        "s",
        Goal::Most(7.0),
    ),
    aim("cold", "start to the first waiting message", "/seconds_p50", "s", Goal::Most(1.0)),
    aim("wire-1", "bytes above TCP at 1/s", "/times_class", "x class", Goal::Most(2.2)),
    aim("wire-100", "bytes above TCP at 100/s", "/times_class", "x class", Goal::Most(1.15)),
    aim("idle", "an idle day with one relay", "/mb_per_day", "MB", Goal::Most(0.5)),
    aim("ingest", "ingest in batches of 100", "/ingest/times_the_floor", "x sled", Goal::Least(3.0)),
    aim("ingest", "ingest in batches of 500", "/ingest_by_500/times_the_floor", "x sled", Goal::Least(3.0)),
    aim("ingest", "written, a message of 400 bytes", "/large/written_bytes_each", "B", Goal::Most(700.0)),
    aim("ingest", "resident at a million", "/large/rss_peak_mib", "MiB", Goal::Most(128.0)),
    aim("ingest", "lone commit", "/lone/times_fdatasync_p50", "x fdatasync", Goal::Most(2.0)),
];

const fn aim(
    part: &'static str,
    what: &'static str,
    figure: &'static str,
    unit: &'static str,
    goal: Goal,
) -> Aim {
    Aim { part, what, figure, unit, goal }
}

/// The table of the aims whose parts were run.
pub(crate) fn markdown(told: &[Value]) -> String {
    let mut table = String::from("| what | measured | aim | |\n| --- | --- | --- | --- |\n");
    for aim in &AIMS {
        let Some(part) = told.iter().find(|part| part["part"] == aim.part) else { continue };
        let number = |at: &str| part.pointer(at).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let figure = number(aim.figure);
        let (sign, goal) = match aim.goal {
            Goal::Least(goal) => ("≥", goal),
            Goal::Most(goal) => ("≤", goal),
            Goal::MostOwn(at) => ("≤", number(at)),
        };
        let met = if sign == "≥" { figure >= goal } else { figure <= goal };
        let verdict = if met { "met" } else { "**not met**" };
        let (figure, goal) = (rounded(figure), rounded(goal));
        let _ = writeln!(table, "| {} | {figure} {} | {sign} {goal} | {verdict} |", aim.what, aim.unit);
    }
    table
}

/// Three digits that count, no more.
fn rounded(number: f64) -> String {
    match number.abs() {
        100.0.. => format!("{number:.0}"),
        10.0..100.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}
