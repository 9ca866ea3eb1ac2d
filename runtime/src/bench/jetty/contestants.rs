//! The servers, and how each is changed while it serves.
//!
//! | contestant | change |
//! |---|---|
//! | ours | the update to non-blocking I/O, by the admin socket |
//! | Jetty stop, start | told to end gracefully, started again at the same port |
//! | nginx reload | HUP: new workers, the old ones end when they are idle |
//! | nginx upgrade | USR2: a new master; WINCH and QUIT to the old one |
//! | HAProxy reload | USR2 to its master: a new worker takes the sockets over; nginx behind it |
//!
//! All are children of this process, in a folder of their own, and end with their value.

use crate::admin::{self, Ask, Reply};
use crate::bench::serve::child::Child;
use crate::bench::serve::servers::{free_address, nginx_conf, nginx_program, own_program, told};
use crate::update_files::UpdateFiles;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, waitpid};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a change may take.
const PATIENCE: Duration = Duration::from_secs(15);
const NIO: &str = include_str!("../../../flows/http/nio.toml");
const JETTY: &str = include_str!("jetty.xml");

/// What is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    JettyRestart,
    NginxReload,
    NginxUpgrade,
    HaproxyReload,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Ours, Self::JettyRestart, Self::NginxReload, Self::NginxUpgrade, Self::HaproxyReload];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours, update to nio",
            Self::JettyRestart => "Jetty stop, start",
            Self::NginxReload => "nginx reload",
            Self::NginxUpgrade => "nginx binary upgrade",
            Self::HaproxyReload => "HAProxy reload",
        }
    }
}

/// A server that runs.
pub(super) struct Contestant {
    kind: Kind,
    root: PathBuf,
    scratch: PathBuf,
    pub(super) address: SocketAddr,
    main: Option<Child>,
    /// The one behind it.
    _behind: Option<Child>,
    /// The one that serves, where it is no child of ours by birth.
    master: Option<Adopted>,
}

impl Contestant {
    /// Starts it, and waits until it listens. `Err` says what is missing or went wrong.
    pub(super) fn start(kind: Kind, root: &Path, scratch: &Path) -> Result<Self, String> {
        let free = || free_address().map_err(|why| format!("there is no free port: {why}"));
        let (mut behind, mut master) = (None, None);
        let (mut main, address) = match kind {
            Kind::Ours => told_main(ours(root, scratch)?),
            Kind::JettyRestart => {
                let address = free()?;
                (Some(jetty(root, scratch, address)?), address)
            }
            Kind::NginxReload => {
                let address = free()?;
                (Some(nginx(root, scratch, address, "daemon off;\n")?), address)
            }
            Kind::NginxUpgrade => {
                let address = free()?;
                master = Some(nginx_daemon(root, scratch, address)?);
                (None, address)
            }
            Kind::HaproxyReload => {
                let (address, at) = (free()?, free()?);
                let mut server = nginx(root, scratch, at, "daemon off;\n")?;
                server.await_listening(at)?;
                behind = Some(server);
                (Some(haproxy(scratch, address, at)?), address)
            }
        };
        if let Some(main) = &mut main {
            main.await_listening(address)?;
        }
        let (root, scratch) = (root.to_owned(), scratch.to_owned());
        Ok(Self { kind, root, scratch, address, main, _behind: behind, master })
    }

    /// Changes it, and waits until the change is complete.
    pub(super) fn change(&mut self) -> Result<(), String> {
        match self.kind {
            Kind::Ours => update(&self.scratch),
            Kind::JettyRestart => self.restart(),
            Kind::NginxReload => self.renew(Signal::HUP),
            Kind::HaproxyReload => self.renew(Signal::USR2),
            Kind::NginxUpgrade => self.upgrade(),
        }
    }

    fn main(&mut self) -> &mut Child {
        self.main.as_mut().expect("only a restart is ever without")
    }

    fn restart(&mut self) -> Result<(), String> {
        drop(self.main.take());
        let again = self.main.insert(jetty(&self.root, &self.scratch, self.address)?);
        again.await_listening(self.address)
    }

    /// Tells the master to go on with new workers, and waits until none of the old ones is left.
    fn renew(&mut self, signal: Signal) -> Result<(), String> {
        let main = self.main();
        let old = children(main.id());
        main.signal(signal)?;
        let is_renewed = || {
            let now = children(main.id());
            !now.is_empty() && !now.iter().any(|worker| old.contains(worker))
        };
        wait("its workers to be others", is_renewed)
    }

    fn upgrade(&mut self) -> Result<(), String> {
        let old = self.master.take().ok_or("it does not run")?;
        old.signal(Signal::USR2)?;
        let file = self.scratch.join("nginx.pid");
        let read = || master_of(&file).filter(|pid| *pid != old.0);
        wait("a new master", || read().is_some_and(|pid| !children(pid).is_empty()))?;
        let new = Adopted(read().ok_or("its new master has gone")?);
        old.signal(Signal::WINCH)?;
        wait("the old workers to end", || children(old.0).iter().all(|child| *child == new.0))?;
        old.signal(Signal::QUIT)?;
        let Some(pid) = old.pid() else { return Err("it has no number".into()) };
        wait("the old master to end", || is_over(pid))?;
        // It has been waited for: its number may be somebody else's by now, who is to be left alone.
        std::mem::forget(old);
        self.master = Some(new);
        Ok(())
    }
}

/// A process whose parent has ended, and that is ours since then: a master that takes over, or the one that it takes over from. nginx
/// takes no new program from one that is still there.
struct Adopted(u32);

impl Adopted {
    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.0).ok().and_then(Pid::from_raw)
    }

    fn signal(&self, signal: Signal) -> Result<(), String> {
        let pid = self.pid().ok_or("it has no number")?;
        kill_process(pid, signal).map_err(|why| format!("it takes no signal: {why}"))
    }
}

impl Drop for Adopted {
    fn drop(&mut self) {
        let Some(pid) = self.pid() else { return };
        for signal in [Signal::TERM, Signal::KILL] {
            if kill_process(pid, signal).is_err() || wait("its end", || is_over(pid)).is_ok() {
                return;
            }
        }
    }
}

/// Takes notice of its end, if it has ended; one that is not ours yet has not.
fn is_over(pid: Pid) -> bool {
    match waitpid(Some(pid), WaitOptions::NOHANG) {
        Ok(ended) => ended.is_some(),
        Err(_) => !Path::new("/proc").join(pid.as_raw_nonzero().to_string()).exists(),
    }
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if is_so() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(format!("{} seconds were not enough for {what}", PATIENCE.as_secs()))
}

pub(in crate::bench) fn children(pid: u32) -> Vec<u32> {
    let told = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    told.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn ours(root: &Path, scratch: &Path) -> Result<(Child, SocketAddr), String> {
    let mut command = Command::new(own_program()?);
    command.arg("serve").arg(root).args(["--listen", "127.0.0.1:0", "--admin"]);
    told(command.arg(scratch.join("ours.sock")))
}

fn update(scratch: &Path) -> Result<(), String> {
    let files = UpdateFiles { update: Some(("nio.toml".into(), NIO.into())), flow: None };
    match admin::ask(&scratch.join("ours.sock"), Ask::Apply { files, scheduler: None }) {
        Ok(Reply::Applied(_)) => Ok(()),
        other => Err(format!("the update was not applied: {other:?}")),
    }
}

fn told_main((child, address): (Child, SocketAddr)) -> (Option<Child>, SocketAddr) {
    (Some(child), address)
}

/// nginx away from the one that started it; this process takes it in.
fn nginx_daemon(root: &Path, scratch: &Path, address: SocketAddr) -> Result<Adopted, String> {
    set_child_subreaper(Some(rustix::process::getpid())).map_err(|why| format!("nobody can be adopted: {why}"))?;
    let mut starter = nginx(root, scratch, address, "")?;
    wait("it to leave the one that started it", || !starter.lives())?;
    let file = scratch.join("nginx.pid");
    wait("its master", || master_of(&file).is_some_and(|pid| !children(pid).is_empty()))?;
    master_of(&file).map(Adopted).ok_or_else(|| "it has ended".into())
}

fn master_of(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

fn nginx(root: &Path, scratch: &Path, address: SocketAddr, processes: &str) -> Result<Child, String> {
    let program = whole_path(nginx_program().ok_or(MISSING)?).ok_or(MISSING)?;
    let file = scratch.join("nginx.conf");
    written(&file, &nginx_conf(root, address, 1024, processes))?;
    Child::start(Command::new(program).arg("-p").arg(scratch).arg("-e").arg("nginx.log").arg("-c").arg(file))
}

/// What those that are installed call themselves, but for nginx.
pub(super) fn versions() -> Vec<(String, String)> {
    let first_line = |program: &str, argument: &str| {
        let told = Command::new(whole_path(program)?).arg(argument).output().ok()?;
        let text = [told.stdout, told.stderr].concat();
        String::from_utf8_lossy(&text).lines().next().map(str::to_owned)
    };
    let jetty = fs::read_dir(JETTY_JARS).ok().into_iter().flatten().filter_map(Result::ok).find_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.strip_prefix("jetty-server-").and_then(|rest| rest.strip_suffix(".jar")).map(str::to_owned)
    });
    let haproxy = HAPROXY.into_iter().find_map(|program| first_line(program, "-v"));
    let all = [("Jetty", jetty), ("Java", first_line("java", "-version")), ("HAProxy", haproxy)];
    all.into_iter().filter_map(|(name, version)| Some((name.to_owned(), version?))).collect()
}

const HAPROXY: [&str; 3] = ["haproxy", "/usr/sbin/haproxy", "/usr/local/sbin/haproxy"];
const JETTY_JARS: &str = "/usr/share/jetty9/lib";

const MISSING: &str = "it is not installed; Debian has it in a package";

fn haproxy(scratch: &Path, address: SocketAddr, behind: SocketAddr) -> Result<Child, String> {
    let program = HAPROXY.into_iter().find_map(whole_path);
    let file = scratch.join("haproxy.cfg");
    let settings = format!(
        "global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 600s\n  timeout server 600s\n\
         frontend front\n  bind {address}\n  default_backend back\n\
         backend back\n  http-reuse always\n  server files {behind}\n"
    );
    written(&file, &settings)?;
    Child::start(Command::new(program.ok_or(MISSING)?).args(["-W", "-f"]).arg(file))
}

fn jetty(root: &Path, scratch: &Path, address: SocketAddr) -> Result<Child, String> {
    let java = whole_path("java").ok_or("java is not installed")?;
    let folder = Path::new(JETTY_JARS);
    let wanted = ["jetty-server-", "jetty-util-", "jetty-http-", "jetty-io-", "jetty-xml-", "servlet-api-"];
    let entries = fs::read_dir(folder).map_err(|_| MISSING)?.filter_map(Result::ok).map(|entry| entry.path());
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        wanted.iter().any(|start| name.starts_with(start)) && name.ends_with(".jar")
    };
    let jars: Vec<PathBuf> = entries.filter(is_wanted).collect();
    let jars = std::env::join_paths(jars).map_err(|why| why.to_string())?;
    let file = scratch.join("jetty.xml");
    let text = JETTY.replace("@ROOT@", &root.display().to_string()).replace("@PORT@", &address.port().to_string());
    written(&file, &text)?;
    Child::start(Command::new(java).arg("-cp").arg(jars).arg("org.eclipse.jetty.xml.XmlConfiguration").arg(file))
}

fn written(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|why| format!("its settings cannot be written: {why}"))
}

/// Where a program is: those that start themselves again must be told.
fn whole_path(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}
