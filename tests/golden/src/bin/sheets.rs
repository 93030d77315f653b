//! Paints screens at every size in both languages and themes, and lays the four pictures of a screen at a size on one
//! sheet: `.ci-artifacts/sheets/1366x768/chat.png`. Arguments name screens and sizes (`chat settings 700x768`); without
//! them all are painted. Large pictures lie on the sheet at half their size; the whole ones stand beside it.

use std::{error::Error, fs, path::Path};

use madang_golden::{Picture, SIZES, VARIANTS, halved, here, paint, screens, sheet};

/// Pictures wider than this are halved, so that a sheet fits on a screen.
const WHOLE_WIDTH_MAX: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (sizes, named): (Vec<_>, Vec<_>) = args.into_iter().partition(|arg| size(arg).is_some());
    let sizes: Vec<[u32; 2]> = sizes.iter().filter_map(|arg| size(arg)).collect();
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    let named = if named.is_empty() { screens()? } else { named };
    let folder = here().join("../../.ci-artifacts/sheets");
    let names = |screen: &String| VARIANTS.map(|variant| format!("{screen}-{variant}"));
    let all: Vec<String> = named.iter().flat_map(names).collect();
    for [width, height] in sizes {
        paint(&folder, [width, height], &all)?;
        for screen in &named {
            println!("{}", lay(&folder.join(format!("{width}x{height}")), screen, &names(screen))?);
        }
    }
    Ok(())
}

/// `1366x768` as two numbers.
fn size(arg: &str) -> Option<[u32; 2]> {
    let (width, height) = arg.split_once('x')?;
    Some([width.parse().ok()?, height.parse().ok()?])
}

fn lay(folder: &Path, screen: &str, names: &[String]) -> Result<String, Box<dyn Error>> {
    let pictures = names.iter().map(|name| Picture::read(&folder.join(format!("{name}.png"))));
    let mut pictures = pictures.collect::<Result<Vec<_>, _>>()?;
    if pictures.iter().any(|picture| picture.width > WHOLE_WIDTH_MAX) {
        pictures = pictures.iter().map(halved).collect();
    }
    let file = folder.join(format!("{screen}.png"));
    sheet(&pictures).write(&file)?;
    Ok(fs::canonicalize(file)?.display().to_string())
}
