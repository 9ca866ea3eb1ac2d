//! The servers: ours, which is updated, and nginx, which is told to reload. Each is a child of this process.

use crate::admin::{self, Ask, Reply};
use crate::bench::jetty::children;
use crate::bench::serve::child::Child;
use crate::bench::serve::servers::{nginx, own_program, told};
use crate::http::{FLOW, evolution};
use crate::update_files::UpdateFiles;
use rustix::process::Signal;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a reload may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Nginx,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Ours, Self::Nginx];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Nginx => "nginx",
        }
    }
}

/// A server that runs.
pub(super) struct Server {
    kind: Kind,
    pub(super) address: SocketAddr,
    child: Mutex<Child>,
    admin: PathBuf,
}

impl Server {
    /// Starts it, and waits until it listens. `Err` says what is missing or went wrong.
    pub(super) fn start(kind: Kind, root: &Path, scratch: &Path, cap: usize) -> Result<Self, String> {
        let admin = scratch.join("admin.sock");
        let (mut child, address) = match kind {
            Kind::Ours => ours(root, scratch, &admin, cap)?,
            Kind::Nginx => nginx(root, scratch, cap, "daemon off;\n")?,
        };
        child.await_listening(address)?;
        Ok(Self { kind, address, child: Mutex::new(child), admin })
    }

    /// Changes it so many times; what each update took, in milliseconds. nginx reloads once.
    pub(super) fn change(&self, cap: usize, cycles: usize) -> Result<Vec<f64>, String> {
        match self.kind {
            Kind::Ours => (0..cycles).flat_map(|_| updates(cap)).map(|files| self.apply(files)).collect(),
            Kind::Nginx => self.reload().map(|ms| vec![ms]),
        }
    }

    fn apply(&self, files: UpdateFiles) -> Result<f64, String> {
        match admin::ask(&self.admin, Ask::Apply { files, scheduler: None }) {
            Ok(Reply::Applied(applied)) => Ok(applied.answered_us as f64 / 1000.0),
            Ok(Reply::Refused(why)) | Err(why) => Err(format!("the update was not applied: {why}")),
            Ok(other) => Err(format!("the update was not applied: {other:?}")),
        }
    }

    /// Waits until there is one worker, and it is another than before.
    fn reload(&self) -> Result<f64, String> {
        let mut child = self.child();
        let old = children(child.id());
        let begun = Instant::now();
        child.signal(Signal::HUP)?;
        while begun.elapsed() < PATIENCE {
            let now = children(child.id());
            if now.len() == 1 && now != old {
                return Ok(begun.elapsed().as_secs_f64() * 1000.0);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err("its old workers do not end".into())
    }

    /// Memory that the process that serves has for itself, in kB: resident, and no file's.
    pub(super) fn memory_kb(&self) -> Result<u64, String> {
        let child = self.child();
        let serving = match self.kind {
            Kind::Ours => child.id(),
            Kind::Nginx => *children(child.id()).first().ok_or("it has no worker")?,
        };
        let status = fs::read_to_string(format!("/proc/{serving}/status")).map_err(|why| why.to_string())?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| "the kernel does not say what it takes up".into())
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The updates of the cycle; flows that they lead to have the same cap on connections.
pub(super) fn updates(cap: usize) -> Vec<UpdateFiles> {
    let mut all = evolution::cycle_texts();
    for (_, flow) in all.iter_mut().filter_map(|files| files.flow.as_mut()) {
        flow.push_str(&capped(cap));
    }
    all
}

fn capped(cap: usize) -> String {
    format!("\n'{cap}' -> CONNECTIONS accept\n")
}

fn ours(root: &Path, scratch: &Path, admin: &Path, cap: usize) -> Result<(Child, SocketAddr), String> {
    let file = scratch.join("flow.fbp");
    written(&file, &format!("{FLOW}{}", capped(cap)))?;
    let mut command = Command::new(own_program()?);
    command.arg("serve").arg(root).args(["--listen", "127.0.0.1:0", "--admin"]).arg(admin);
    told(command.arg("--flow").arg(file))
}

fn written(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|why| format!("its settings cannot be written: {why}"))
}
