//! A TOML file where a flow is expected: told from a flow by its first line, so that one thing is said of it and not one for each line.

use std::ops::Range;

/// The header of a table that a text begins with, comments left out, and what a file is that begins so. No statement of a flow looks like
/// it: what begins with a bracket there is JSON, and has an arrow behind it.
pub(super) fn toml_header(text: &str) -> Option<(Range<usize>, &'static str)> {
    let mut start = 0;
    let line = text.split_inclusive('\n').find(|line| {
        let says_nothing = line.trim().is_empty() || line.trim_start().starts_with('#');
        start += if says_nothing { line.len() } else { 0 };
        !says_nothing
    })?;
    let header = line.trim_end();
    let name = header.strip_prefix('[')?.strip_suffix(']')?;
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let what = match name.split('.').next()?.trim() {
        "update" | "operator" => "an update",
        "component" | "transfer" => "declarations of components",
        _ => return None,
    };
    Some((start..start + header.len(), what))
}
