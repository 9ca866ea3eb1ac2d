//! Spin on the reference chain: an explorer that many researchers know, on the same transitions.

use std::fs;
use std::path::Path;
use std::process::Command;

const MODEL: &str = include_str!("spin/chain.pml");

/// What Spin counted, and how long its verifier took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counted {
    pub(super) distinct: u64,
    pub(super) transitions: u64,
    pub(super) seconds: f64,
    /// Bytes per state stored, its hash table apart.
    pub(super) bytes: f64,
}

/// Explores the chain in a folder of its own. `Err` says what is missing or went wrong.
pub(super) fn explore(capacity: u32, packets: u8, markers: u8) -> Result<Counted, String> {
    let folder = tempfile::tempdir().map_err(|why| format!("no folder to work in: {why}"))?;
    fs::write(folder.path().join("chain.pml"), MODEL).map_err(|why| format!("the model cannot be written: {why}"))?;
    let defines = [format!("-DCAPACITY={capacity}"), format!("-DPACKETS={packets}"), format!("-DMARKERS={markers}")];
    let defines: Vec<&str> = defines.iter().map(String::as_str).collect();
    run(folder.path(), "spin", &[defines.as_slice(), &["-a", "chain.pml"]].concat())?;
    // Its own reduction knows nothing of this model, which is one process; the memory limit is in megabytes.
    run(folder.path(), "cc", &["-O2", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=8000", "-o", "pan", "pan.c"])?;
    let pan = folder.path().join("pan");
    read(&run(folder.path(), &pan.display().to_string(), &["-E", "-m10000", "-w24"])?)
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.map_err(|why| format!("`{program}` cannot be run ({why}); Debian has it in a package"))?;
    if !output.status.success() {
        return Err(format!("`{program}` failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Reads what a verifier prints.
fn read(text: &str) -> Result<Counted, String> {
    let before = |what: &str| {
        let line = text.lines().find(|line| line.contains(what))?;
        line.split(what).next()?.split_whitespace().last()?.parse::<f64>().ok()
    };
    let after = |what: &str| text.split(what).nth(1)?.split_whitespace().next()?.parse::<f64>().ok();
    let (stored, transitions) = (before(" states, stored"), before(" transitions (= stored+matched)"));
    let (seconds, megabytes) = (after("pan: elapsed time "), before("\tactual memory usage for states"));
    let errors = after("errors: ");
    match (stored, transitions, seconds, megabytes, errors) {
        (Some(distinct), Some(transitions), Some(seconds), Some(megabytes), Some(0.0)) => Ok(Counted {
            distinct: distinct as u64,
            transitions: transitions as u64,
            seconds,
            bytes: megabytes * 1024.0 * 1024.0 / distinct,
        }),
        _ => Err(format!("its report is not understood: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let text = "State-vector 60 byte, depth reached 75, errors: 0\n  1982456 states, stored\n  5900525 states, matched\n  \
                    7882981 transitions (= stored+matched)\n  136.438\tactual memory usage for states (compression: 90.21%)\n\
                    pan: elapsed time 1.2 seconds\n";
        let counted = read(text).expect("understood");
        assert_eq!((counted.distinct, counted.transitions), (1_982_456, 7_882_981));
        assert!((counted.seconds - 1.2).abs() < 1e-9 && (72.0..73.0).contains(&counted.bytes));
        assert!(read(&text.replace("errors: 0", "errors: 1")).is_err(), "the chain has no error");
        assert!(read("").is_err());
    }
}
