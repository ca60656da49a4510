//! Tells the crate from which commit it is built, so that a run's manifest can say so; without git, nothing.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Built from a package, within somebody else's repository perhaps: their commit is not ours.
    if git(&["ls-files", "--error-unmatch", "build.rs"]).is_none() {
        return;
    }
    for file in ["HEAD", "logs/HEAD", "index"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file])
            .filter(|path| std::path::Path::new(path).exists())
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    for source in ["src", "../protocol/src"] {
        println!("cargo::rerun-if-changed={source}");
    }
    if let Some(commit) = git(&["rev-parse", "HEAD"]) {
        let changed = git(&["status", "--porcelain", "--", "src", "../protocol/src"]);
        let mark = if changed.is_some_and(|files| !files.is_empty()) { "+changes" } else { "" };
        println!("cargo::rustc-env=CHARTMESH_COMMIT={commit}{mark}");
    }
}

/// What git says, or nothing if there is none.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
