//! Shows one screen of the app over an invented world: `cargo run -p madang --features gallery --example gallery -- chat ko dark 1366 768`.
//! Or paints many into a folder: `… gallery -- --into /tmp 1366 768 chat-ko-dark settings-en-light`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    madang_app::gallery::show(&args)
}
