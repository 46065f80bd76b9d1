//! Rebuilds when a migration is added: `sqlx::migrate!` reads the folder while compiling, which cargo does not see.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
