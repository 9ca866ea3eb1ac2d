//! The servers that are compared, each in a process of its own with the same folder.

use super::child::Child;
use crate::engine::Placement;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const NIO: &str = include_str!("../../../flows/http/nio.fbp");
const LRU_NIO: &str = include_str!("../../../flows/http/lru-nio.fbp");
/// All files of the loads have room in it.
const CACHE_BYTES: u64 = 1 << 30;
/// They can all be kept open, too, and no name has to be looked up twice.
const OPEN_FILES: u64 = 15_000;
const VALID_S: u64 = 600;

/// The program of `tests/peer`.
const HYPER: &str = "neurath-peer-hyper";
const HYPER_HINT: &str = "build it with `cargo build --release -p neurath-peer`";

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The flow after the update to non-blocking I/O.
    Ours(Placement),
    /// The same, with files kept open as nginx keeps them.
    Open(Placement),
    /// The same with a cache.
    Cached(Placement),
    Nginx,
    /// What is written with hyper and tower-http.
    Hyper,
    Limit,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Ours(Placement::Fused),
        Self::Ours(Placement::ThreadEach),
        Self::Open(Placement::Fused),
        Self::Open(Placement::ThreadEach),
        Self::Cached(Placement::Fused),
        Self::Cached(Placement::ThreadEach),
        Self::Nginx,
        Self::Hyper,
        Self::Limit,
    ];

    /// Whether it is no peer.
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Self::Ours(_) | Self::Open(_) | Self::Cached(_))
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Ours(placement) => format!("ours, {placement}"),
            Self::Open(placement) => format!("ours, open, {placement}"),
            Self::Cached(placement) => format!("ours, cache, {placement}"),
            Self::Nginx => "nginx".into(),
            Self::Hyper => "hyper".into(),
            Self::Limit => "limit".into(),
        }
    }
}

/// A server that runs.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) kind: Kind,
    pub(super) child: Child,
    pub(super) address: SocketAddr,
}

/// Starts servers of one folder.
pub(super) struct Starter<'a> {
    /// What is served.
    pub(super) root: &'a Path,
    /// Where servers may write.
    pub(super) scratch: &'a Path,
}

impl Starter<'_> {
    /// Starts it, and waits until it listens. `Err` says what is missing or went wrong.
    pub(super) fn start(&self, kind: Kind) -> Result<Server, String> {
        let (mut child, address) = match kind {
            Kind::Ours(placement) => self.ours(NIO, "nio", placement)?,
            Kind::Open(placement) => self.ours(&open_flow(), "open", placement)?,
            Kind::Cached(placement) => self.ours(&cached_flow(), "cached", placement)?,
            // Without a master process it is our child that serves, and nobody is left behind.
            Kind::Nginx => nginx(self.root, self.scratch, 1024, "daemon off;\nmaster_process off;\n")?,
            Kind::Hyper => told(Command::new(hyper_program()?).arg(self.root))?,
            Kind::Limit => self.limit()?,
        };
        child.await_listening(address)?;
        Ok(Server { kind, child, address })
    }

    fn ours(&self, flow: &str, name: &str, placement: Placement) -> Result<(Child, SocketAddr), String> {
        let file = self.scratch.join(format!("{name}.fbp"));
        fs::write(&file, flow).map_err(|why| format!("the flow cannot be written: {why}"))?;
        let admin = self.scratch.join(format!("{name}-{placement}.sock"));
        let mut command = Command::new(own_program()?);
        command.arg("serve").arg(self.root).args(["--listen", "127.0.0.1:0", "--placement", &placement.to_string()]);
        told(command.arg("--flow").arg(file).arg("--admin").arg(admin))
    }

    fn limit(&self) -> Result<(Child, SocketAddr), String> {
        told(Command::new(own_program()?).args(["bench", "limit"]).arg(self.root))
    }
}

/// nginx without a log, told to do with as few system calls for a file as it can; `processes` says what is around the worker.
pub(in crate::bench) fn nginx(
    root: &Path,
    scratch: &Path,
    connections: usize,
    processes: &str,
) -> Result<(Child, SocketAddr), String> {
    let program = nginx_program().ok_or("it is not installed; Debian has it in a package")?;
    let address = free_address().map_err(|why| format!("there is no free port: {why}"))?;
    let file = scratch.join("nginx.conf");
    fs::write(&file, nginx_conf(root, address, connections, processes))
        .map_err(|why| format!("its settings cannot be written: {why}"))?;
    let mut command = Command::new(program);
    let child = Child::start(command.arg("-p").arg(scratch).arg("-e").arg("nginx.log").arg("-c").arg(file))?;
    Ok((child, address))
}

/// Settings of one worker that serves a folder to so many connections; `processes` says what is around it.
pub(in crate::bench) fn nginx_conf(root: &Path, address: SocketAddr, connections: usize, processes: &str) -> String {
    let root = root.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("  {what}_temp_path nginx-{what};\n"))
        .concat();
    format!(
        "{processes}worker_processes 1;\npid nginx.pid;\n\
         events {{\n  use epoll;\n  worker_connections {connections};\n}}\n\
         http {{\n{temporary}  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  tcp_nodelay on;\n  \
         keepalive_timeout 600s;\n  keepalive_requests 1000000000;\n  \
         open_file_cache max={OPEN_FILES} inactive={VALID_S}s;\n  open_file_cache_valid {VALID_S}s;\n  \
         server {{\n    listen {address};\n    root \"{root}\";\n  }}\n}}\n"
    )
}

/// What nginx is told of its open files, our flow is told too.
pub(super) fn open_flow() -> String {
    let valid = format!("'{VALID_S}000' -> VALID_MS load\n'{VALID_S}000' -> LOOK_MS load\n");
    format!("{NIO}\n'{OPEN_FILES}' -> OPEN_FILES load\n{valid}")
}

/// With a cache that has room for all.
pub(super) fn cached_flow() -> String {
    let valid = format!("'{VALID_S}000' -> REVALIDATE_MS lru\n'{VALID_S}000' -> LOOK_MS lru\n");
    format!("{LRU_NIO}\n'{CACHE_BYTES}' -> BYTES lru\n'{OPEN_FILES}' -> OPEN_FILES lru\n{valid}")
}

pub(in crate::bench) fn told(command: &mut Command) -> Result<(Child, SocketAddr), String> {
    let mut child = Child::start(command)?;
    let address = child.told_address()?;
    Ok((child, address))
}

pub(in crate::bench) fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|why| format!("this program cannot be found: {why}"))
}

/// The peer's program. It is built apart from ours, which is to do without what it needs.
fn hyper_program() -> Result<PathBuf, String> {
    let own = own_program()?;
    beside(&own, HYPER).ok_or_else(|| format!("there is no {HYPER} beside {}: {HYPER_HINT}", own.display()))
}

/// A program in the folder of another one, or in that above: what runs a test stands in a folder below the programs.
fn beside(own: &Path, name: &str) -> Option<PathBuf> {
    own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A port that was free a moment ago.
pub(in crate::bench) fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// It is for administrators, who have its folder among those that are searched; others may not.
pub(in crate::bench) fn nginx_program() -> Option<&'static str> {
    ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"]
        .into_iter()
        .find(|program| Command::new(program).arg("-v").output().is_ok_and(|told| told.status.success()))
}

/// What the peers call themselves.
pub(in crate::bench) fn versions() -> Vec<(String, String)> {
    let nginx = nginx_program().and_then(|program| Command::new(program).arg("-v").output().ok());
    let nginx = nginx.map(|told| String::from_utf8_lossy(&told.stderr).trim().rsplit('/').next().unwrap_or("").into());
    nginx.map(|version| ("nginx".into(), version)).into_iter().collect()
}

/// What hyper's program says that it was built from.
pub(super) fn hyper_version() -> Option<(String, String)> {
    let told = Command::new(hyper_program().ok()?).arg("--version").output().ok()?;
    let line = String::from_utf8(told.stdout).ok().filter(|_| told.status.success())?;
    Some(("hyper".into(), line.trim().trim_start_matches("hyper ").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_found_beside_a_program_and_above_a_test() {
        let target = tempfile::tempdir().expect("a folder");
        let (own, test) = (target.path().join("neurath"), target.path().join("deps/neurath_runtime-1"));
        assert_eq!([beside(&own, HYPER), beside(&test, HYPER)], [None, None]);
        let peer = target.path().join(HYPER);
        fs::write(&peer, "").expect("a file");
        assert_eq!([beside(&own, HYPER), beside(&test, HYPER)], [Some(peer.clone()), Some(peer)]);
        assert_eq!(beside(&target.path().join("a/b/c"), HYPER), None, "not anywhere above");
    }
}
