//! Rebuilds when a migration is added: `sqlx::migrate!` reads the folder while compiling, which cargo does not see.
//! What the console takes from npm must be there: it becomes part of the program.
//! With the feature `vosk`, tells where libvosk is, so that neither building nor running it from here needs more.
use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    browser_libraries();
    if env::var_os("CARGO_FEATURE_VOSK").is_some() {
        vosk();
    }
}

/// `console::assets` includes them.
fn browser_libraries() {
    for file in ["dist/htmx.min.js", "LICENSE", "package.json"] {
        let file = Path::new("web/node_modules/htmx.org").join(file);
        println!("cargo::rerun-if-changed={}", file.display());
        if !file.is_file() {
            println!("cargo::error={} is missing: run `deploy/setup build` first", file.display());
        }
    }
}

/// `KENTONGAN_VOSK` names the folder of libvosk.so; otherwise it is where `deploy/setup` puts it, or where the linker
/// looks by itself. An installed program also looks beside itself.
fn vosk() {
    println!("cargo::rerun-if-env-changed=KENTONGAN_VOSK");
    println!("cargo::rustc-link-arg=-Wl,-rpath,$ORIGIN");
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let set_up = cache.map(|cache| cache.join("kentongan/vosk"));
    let Some(folder) = env::var_os("KENTONGAN_VOSK").map(PathBuf::from).or(set_up) else { return };
    println!("cargo::rerun-if-changed={}", folder.display());
    if folder.join("libvosk.so").is_file() {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
    } else {
        println!(
            "cargo::warning=no libvosk.so in {}: run `deploy/setup vosk`, or set KENTONGAN_VOSK",
            folder.display()
        );
    }
}
