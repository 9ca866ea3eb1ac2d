//! A server of files as it is written with hyper and tower-http: the peer `hyper` of `neurath bench serve`.
//!
//! ```text
//!   one thread:          accept -> HTTP/1 of hyper -> ServeDir of tower-http -> write, copied from memory
//!                                                      |     ^
//!                              stat, open, fstat, read |     | a chunk
//!                                                      v     |
//!   threads of tokio:                                 what blocks
//! ```
//!
//! It does what its authors' examples do. Its loop has one thread, as nginx has one worker and our fused flow one thread. Threads for
//! what blocks are born of that thread, and so share the core that it is kept on. They live as long as the program: `bench serve` adds up
//! the CPU time of the threads that are there, and what one that has ended spent would be missing.
//!
//! It is given its best, which was found with files of 50 kB, and of 2 and 100 kB together, on one core of a busy machine:
//!
//! * **One thread for what blocks.** With tokio's own limit, 512, they get into each other's way, and a request takes 1.5 to 1.8 times the
//!   CPU time. Two and four were no better than one. All files are in memory; with a slow disk one would wait for the other.
//! * **Chunks of 64 KiB**, as tower-http has it. 128 and 256 KiB spare the large files a second read, and were no better.
//! * **mimalloc**, which our program has, too. With the system's allocator a request takes half as much CPU time again.
//!
//! This is a crate of its own, so that the program `neurath` builds without what is needed here.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use mimalloc::MiMalloc;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tower_http::services::ServeDir;

/// Our program's allocator, too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const HINT: &str =
    "`neurath-peer-hyper DIR` serves a folder, `neurath-peer-hyper --version` says what it is built from";
const BLOCKING_THREADS: usize = 1;
const CHUNK_BYTES: usize = 64 << 10;
/// Longer than any run.
const KEEP_ALIVE: Duration = Duration::from_secs(1 << 24);
/// Where the versions are that this was built from.
const LOCK: &str = include_str!("../../../Cargo.lock");

fn main() -> ExitCode {
    let done = match Asked::of(std::env::args_os().skip(1).collect()) {
        Ok(Asked::Version) => say(&versions()).map_err(|why| format!("nobody hears it: {why}")),
        Ok(Asked::Serve(root)) => serve(&root).map_err(|why| format!("{} cannot be served: {why}", root.display())),
        Err(fault) => Err(format!("{fault}\nhint: {HINT}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::from(2)
        }
    }
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Version,
    Serve(PathBuf),
}

impl Asked {
    fn of(arguments: Vec<OsString>) -> Result<Self, String> {
        match &arguments[..] {
            [one] if one == "--version" => Ok(Self::Version),
            [one] if Path::new(one).is_dir() => Ok(Self::Serve(one.into())),
            [one] => Err(format!("{} is not a folder", Path::new(one).display())),
            [] => Err("there is no folder to serve".into()),
            several => Err(format!("there is one folder to serve, not {}", several.len())),
        }
    }
}

/// Serves until a signal asks to end.
fn serve(root: &Path) -> io::Result<()> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let builder = builder.enable_io().max_blocking_threads(BLOCKING_THREADS).thread_keep_alive(KEEP_ALIVE);
    builder.build()?.block_on(async {
        let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        say(&format!("serving {} at http://{}/", root.display(), listener.local_addr()?))?;
        let folder = ServeDir::new(root).with_buf_chunk_size(CHUNK_BYTES);
        // A task of its own: who connects wakes nothing that waits for signals.
        let accepting = tokio::spawn(accept(listener, TowerToHyperService::new(folder)));
        tokio::select! {
            ended = accepting => ended.map_err(io::Error::other)?,
            _ = terminated.recv() => Ok(()),
            _ = interrupted.recv() => Ok(()),
        }
    })
}

async fn accept(listener: TcpListener, folder: TowerToHyperService<ServeDir>) -> io::Result<()> {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => attend(socket, folder.clone())?,
            // It was gone before it was taken.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Answers a client for as long as it asks; one that goes away ends its own connection only.
fn attend(socket: TcpStream, folder: TowerToHyperService<ServeDir>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    tokio::spawn(http1::Builder::new().keep_alive(true).serve_connection(TokioIo::new(socket), folder));
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// What this is built from, in one line.
fn versions() -> String {
    ["hyper", "tower-http", "tokio"].map(|name| format!("{name} {}", version(name))).join(", ")
}

/// The version of a package, of which there is one.
fn version(name: &str) -> &'static str {
    let after = LOCK.split_once(&format!("\nname = \"{name}\"\nversion = \"")).map(|(_, after)| after);
    after.and_then(|after| Some(after.split_once('"')?.0)).unwrap_or("of unknown version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_are_those_of_the_lock_file() {
        for name in ["hyper", "tower-http", "tokio"] {
            assert_eq!(LOCK.matches(&format!("\nname = \"{name}\"\n")).count(), 1, "{name}");
            assert!(version(name).split('.').all(|part| part.parse::<u32>().is_ok()), "{name} {}", version(name));
        }
        assert_eq!(version("no-such-package"), "of unknown version");
    }

    #[test]
    fn one_folder_is_asked_for() {
        let asked = |arguments: &[&str]| Asked::of(arguments.iter().map(OsString::from).collect());
        assert_eq!(asked(&["--version"]), Ok(Asked::Version));
        assert_eq!(asked(&["/"]), Ok(Asked::Serve("/".into())));
        for (arguments, fault) in [
            (&[][..], "there is no folder to serve"),
            (&["/no/such"], "/no/such is not a folder"),
            (&["/", "/"], "there is one folder to serve, not 2"),
        ] {
            assert_eq!(asked(arguments), Err(fault.into()));
        }
    }
}
