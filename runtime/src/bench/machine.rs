//! On what it was measured.

use std::process::Command;
use std::thread::available_parallelism;

/// Name and value of what figures depend on.
pub(in crate::bench) fn facts() -> Vec<(String, String)> {
    let kernel = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let cores = available_parallelism().map_or(0, usize::from);
    let mut facts = vec![
        ("neurath".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("cores".to_owned(), cores.to_string()),
        ("kernel".to_owned(), format!("{} {}", text(kernel.sysname()), text(kernel.release()))),
    ];
    facts.extend(commit().map(|commit| ("commit".to_owned(), commit)));
    facts
}

/// Where this was built from its repository, and that is still there.
fn commit() -> Option<String> {
    let mut git = Command::new("git");
    let told = git.args(["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]).output().ok()?;
    let commit = String::from_utf8(told.stdout).ok()?.trim().to_owned();
    (told.status.success() && !commit.is_empty()).then_some(commit)
}
