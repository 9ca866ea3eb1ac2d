//! The admin endpoint: how `neurath update` reaches a running flow.
//!
//! One request and one response per connection, each a line of JSON, over a Unix socket that only its owner may open.
//! A request that cannot be read is answered with diagnostics; it never reaches the flow.

mod pending;

use crate::admission::{Admission, admit};
use crate::engine::{Applied, PastStatus, Running, Status};
use crate::update_files::UpdateFiles;
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics, SourceMap};
use neurath_model::plan::Scheduler;
use neurath_model::update::Update;
use pending::Pending;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// The version of requests and responses.
pub const SCHEMA_VERSION: u32 = 3;

const REQUEST_BYTES_MAX: u64 = 1 << 20;
const CONNECTIONS_MAX: usize = 32;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// How the flow stands.
    Status,
    /// Apply an update.
    Apply {
        /// Its texts.
        files: UpdateFiles,
        /// How it is to travel, if that is said.
        #[serde(default)]
        scheduler: Option<Scheduler>,
    },
    /// Abort an update that is not committed yet.
    Abort {
        /// Its name.
        update: String,
    },
    /// Take back the last update that was applied.
    Rollback,
    /// What was applied.
    History,
    /// Apply an update of the history again.
    Replay {
        /// Its number.
        update: u32,
    },
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`SCHEMA_VERSION`] of the asker.
    pub schema_version: u32,
    /// What is asked.
    pub ask: Ask,
}

/// A response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Response {
    /// [`SCHEMA_VERSION`] of the answerer.
    pub schema_version: u32,
    /// What is answered.
    pub reply: Reply,
}

/// What can be answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// How the flow stands, and updates that are not committed yet.
    Status(Status, Vec<PendingStatus>),
    /// What was applied.
    History(Vec<PastStatus>),
    /// The update will not be committed.
    Aborted(String),
    /// The update was applied.
    Applied(AppliedReply),
    /// The request was refused; the flow is as before.
    Refused(Diagnostics),
}

/// An update that is being prepared: until it is committed it can be aborted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PendingStatus {
    /// What it is called.
    pub name: String,
    /// What is being done.
    pub phase: String,
}

/// An update that was applied.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppliedReply {
    /// Its number.
    pub update: u32,
    /// What it is called.
    pub name: String,
    /// How it travelled.
    pub scheduler: Scheduler,
    /// What the model checker said before it was committed.
    pub admission: Admission,
    /// For each operator concerned, microseconds from the submission, in the order in which they changed.
    pub operators: Vec<(String, u64)>,
    /// Those of them that came in.
    pub came: Vec<String>,
    /// Those of them that went.
    pub went: Vec<String>,
    /// Microseconds from the submission to the exit's answer.
    pub answered_us: u64,
}

impl AppliedReply {
    fn new(applied: &Applied, admission: Admission) -> Self {
        let since = |at: std::time::Instant| at.duration_since(applied.submitted).as_micros() as u64;
        Self {
            update: applied.update.0,
            name: applied.name.clone(),
            scheduler: applied.scheduler,
            admission,
            operators: applied.operators.iter().map(|(name, at)| (name.clone(), since(*at))).collect(),
            came: applied.came.clone(),
            went: applied.went.clone(),
            answered_us: since(applied.answered),
        }
    }
}

/// Where the endpoint is unless a path is given: in the user's runtime directory, or else in the system's temporary one.
pub fn default_path() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) => PathBuf::from(dir).join("neurath.sock"),
        None => std::env::temp_dir().join(format!("neurath-{}.sock", rustix::process::getuid().as_raw())),
    }
}

/// An endpoint that is open; closed when dropped.
pub struct Endpoint {
    path: PathBuf,
    shared: Arc<Shared>,
}

/// What the requests of one endpoint share.
struct Shared {
    flow: Arc<Running>,
    /// How many requests are being answered.
    open: AtomicUsize,
    /// Held from admission to commit: what was checked is what is committed, against the flow it was checked against.
    admission: Mutex<()>,
    pending: Pending,
}

impl Shared {
    /// Waits until it is this request's turn to be admitted.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.admission.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Counts a request while it is answered, however that ends.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Option<Self> {
        let before = shared.open.fetch_add(1, Ordering::SeqCst);
        let counted = Self(shared.clone());
        (before < CONNECTIONS_MAX).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Endpoint {
    /// Opens the endpoint of a flow. A socket that nobody answers at any more is replaced.
    pub fn open(path: &Path, flow: Arc<Running>) -> Result<Self, Diagnostics> {
        if UnixStream::connect(path).is_ok() {
            return Err(taken(path));
        }
        if std::fs::symlink_metadata(path).is_ok_and(|m| std::os::unix::fs::FileTypeExt::is_socket(&m.file_type())) {
            let _ = std::fs::remove_file(path);
        }
        let listener = bind(path).map_err(|e| cannot_open(path, &e))?;
        let shared = Arc::new(Shared {
            flow,
            open: AtomicUsize::new(0),
            admission: Mutex::new(()),
            pending: Pending::default(),
        });
        let serving = shared.clone();
        let spawned = thread::Builder::new().name("admin".into()).spawn(move || serve(&listener, &serving));
        spawned.map_err(|e| cannot_open(path, &e))?;
        Ok(Self { path: path.into(), shared })
    }

    /// Waits until every request under way is answered, but no longer than `patience`.
    pub fn drain(&self, patience: Duration) {
        let began = std::time::Instant::now();
        while self.shared.open.load(Ordering::SeqCst) > 0 && began.elapsed() < patience {
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Asks a running flow.
pub fn ask(path: &Path, ask: Ask) -> Result<Reply, Diagnostics> {
    let request = Request { schema_version: SCHEMA_VERSION, ask };
    let request = serde_json::to_string(&request).expect("a request can be written as JSON") + "\n";
    if request.len() as u64 > REQUEST_BYTES_MAX {
        return Err(too_large(request.len()));
    }
    let line = exchange(path, &request).map_err(|e| unreachable_at(path, &e))?;
    let response: Response = serde_json::from_str(&line).map_err(|e| not_a_response(path, &line, &e))?;
    Ok(response.reply)
}

fn exchange(path: &Path, request: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the runtime went away before it answered"));
    }
    Ok(answer)
}

/// Only the owner may connect. Between the two calls the mode is what the process's umask leaves.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Each connection has a thread, so that a second update is answered while a first is in flight. A connection that cannot
/// be accepted (no descriptor is left) is tried again a little later; the endpoint stays.
fn serve(listener: &UnixListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            thread::park_timeout(Duration::from_millis(50));
            continue;
        };
        let Some(counted) = Counted::new(shared) else { continue };
        // Without a thread for it the request goes unanswered, and its asker is told that the connection ended.
        let _ = thread::Builder::new().name("admin-request".into()).spawn(move || {
            // An asker that went away needs no answer.
            let _ = answer(stream, &counted.0);
        });
    }
}

fn answer(mut stream: UnixStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    stream.set_write_timeout(Some(REQUEST_TIMEOUT))?;
    let mut line = String::new();
    let read = BufReader::new((&stream).take(REQUEST_BYTES_MAX)).read_line(&mut line);
    let reply = match read {
        Ok(_) => understand(&line).and_then(|ask| carry_out(ask, shared)),
        Err(e) => Err(not_understood("text of at most 1 MiB in UTF-8, within 5 seconds", &e.to_string())),
    };
    let response = Response { schema_version: SCHEMA_VERSION, reply: reply.unwrap_or_else(Reply::Refused) };
    let mut line = serde_json::to_string(&response)?;
    line.push('\n');
    stream.write_all(line.as_bytes())
}

fn understand(line: &str) -> Result<Ask, Diagnostics> {
    if !line.ends_with('\n') {
        return Err(not_understood("a line of JSON that ends with a newline", "a line that was cut off"));
    }
    let request: Request =
        serde_json::from_str(line).map_err(|e| not_understood("a request as a JSON object", &e.to_string()))?;
    if request.schema_version != SCHEMA_VERSION {
        let found = format!("schema_version {}", request.schema_version);
        return Err(not_understood(&format!("schema_version {SCHEMA_VERSION}"), &found));
    }
    Ok(request.ask)
}

fn carry_out(ask: Ask, shared: &Shared) -> Result<Reply, Diagnostics> {
    let flow = &shared.flow;
    match ask {
        Ask::Status => Ok(Reply::Status(flow.status(), shared.pending.status())),
        Ask::History => Ok(Reply::History(flow.history())),
        Ask::Abort { update } => shared.pending.abort(&update, &flow.status()).map(|()| Reply::Aborted(update)),
        Ask::Apply { files, scheduler } => {
            let (update, map) = files.read()?;
            apply(shared, &update, &map, scheduler)
        }
        Ask::Rollback => roll_back(shared),
        Ask::Replay { update } => {
            let (update, scheduler) = flow.past_update(update)?;
            apply(shared, &update, &SourceMap::default(), Some(scheduler))
        }
    }
}

fn apply(
    shared: &Shared,
    update: &Update,
    map: &SourceMap,
    scheduler: Option<Scheduler>,
) -> Result<Reply, Diagnostics> {
    let entry = shared.pending.enter(&update.name);
    let turn = shared.turn();
    apply_in_turn(shared, entry, turn, update, map, scheduler)
}

/// What is taken back is what was applied last when it is this request's turn, whatever was when it came.
fn roll_back(shared: &Shared) -> Result<Reply, Diagnostics> {
    let turn = shared.turn();
    let update = shared.flow.rollback()?;
    let entry = shared.pending.enter(&update.name);
    apply_in_turn(shared, entry, turn, &update, &SourceMap::default(), None)
}

/// Prepares, checks, commits, and waits for the answer. Until the commit it can be aborted; several may wait for their answers at
/// a time.
fn apply_in_turn<'a>(
    shared: &'a Shared,
    mut entry: pending::Entry<'a>,
    turn: MutexGuard<'a, ()>,
    update: &Update,
    map: &SourceMap,
    scheduler: Option<Scheduler>,
) -> Result<Reply, Diagnostics> {
    let flow = &shared.flow;
    let (ticket, admission) = loop {
        entry.go_on("being planned, and its functions built", map)?;
        let prepared = flow.prepare(update, map, scheduler)?;
        entry.go_on("being checked", map)?;
        let admission = admit(prepared.before(), prepared.plan(), map)?;
        entry.commits(map)?;
        // Only a submission that did not come by this endpoint can have been first.
        if let Some(ticket) = flow.commit(prepared)? {
            break (ticket, admission);
        }
        entry = shared.pending.enter(&update.name);
    };
    drop((entry, turn));
    Ok(Reply::Applied(AppliedReply::new(&ticket.wait()?, admission)))
}

fn diagnostic(code: Code, message: String, expected: &str, found: &str, hint: &str) -> Diagnostics {
    let (expected, found, hint) = (expected.into(), found.into(), hint.into());
    Diagnostics(vec![Diagnostic { code, message, places: Vec::new(), expected, found, hint }])
}

fn too_large(bytes: usize) -> Diagnostics {
    let message = "the update is too large for the admin endpoint".into();
    let expected = format!("a request of at most {REQUEST_BYTES_MAX} bytes");
    diagnostic(
        Code::R03,
        message,
        &expected,
        &format!("{bytes} bytes"),
        "take comments out, or split the update into several",
    )
}

fn not_understood(expected: &str, found: &str) -> Diagnostics {
    let message = "the admin endpoint cannot read this request".into();
    diagnostic(Code::R03, message, expected, found, "use `neurath update` of the same version as the runtime")
}

fn taken(path: &Path) -> Diagnostics {
    let message = format!("another runtime answers at {}", path.display());
    diagnostic(Code::R05, message, "a path of its own", "a socket in use", "give another path with --admin")
}

fn cannot_open(path: &Path, error: &io::Error) -> Diagnostics {
    let message = format!("the admin endpoint cannot be opened at {}", path.display());
    diagnostic(
        Code::R05,
        message,
        "a path where a socket can be made",
        &error.to_string(),
        "give another path with --admin",
    )
}

fn unreachable_at(path: &Path, error: &io::Error) -> Diagnostics {
    let message = format!("no runtime answers at {}", path.display());
    let hint = "start one with `neurath serve DIR`, or give the path it printed with --admin";
    diagnostic(Code::R02, message, "a running `neurath serve`", &error.to_string(), hint)
}

fn not_a_response(path: &Path, line: &str, error: &serde_json::Error) -> Diagnostics {
    let message = format!("what answers at {} is not a runtime of this version", path.display());
    let start: String = line.chars().take(60).collect();
    let found = format!("`{start}` ({error})");
    diagnostic(
        Code::R03,
        message,
        "a response as a JSON object",
        &found,
        "use `neurath update` of the same version as the runtime",
    )
}
