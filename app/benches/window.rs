//! `cargo bench -p madang --features gallery --bench window -- [frames|hostile|list|memory|idle|all] [messages]`: what the
//! window costs, one JSON object a line. Memory and idle open real windows and want a display (`xvfb-run -a`).

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // cargo adds a flag of its own.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    madang_app::measure::run(&args)
}
