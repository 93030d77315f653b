//! Shows one screen of the app over an invented world: `cargo run -p madang --features gallery --example gallery -- chat ko dark 1366 768`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    Ok(madang_app::gallery::show(&args)?)
}
