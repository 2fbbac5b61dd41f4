//! Lists the pages of error codes, so that every process serves them.
//! It must never fetch anything or write outside `OUT_DIR`.

use std::fmt::Write as _;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pages = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../docs/errors");
    println!("cargo:rerun-if-changed={}", pages.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&pages)? {
        let path = entry?.path();
        // The README beside them is for who reads the folder.
        let is_page = path.extension().is_some_and(|extension| extension == "md");
        if is_page && !path.ends_with("README.md") {
            let code = path.file_stem().and_then(|code| code.to_str()).map(str::to_owned);
            found.push((code.ok_or("a page without a name")?, path.canonicalize()?));
        }
    }
    found.sort();
    let mut list = String::from("&[\n");
    for (code, path) in found {
        writeln!(list, "    ({code:?}, include_str!({path:?})),")?;
    }
    list.push(']');
    std::fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("error_pages.rs"), list)?;
    Ok(())
}
