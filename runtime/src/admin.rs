//! The admin endpoint: how `neurath update` reaches a running flow.
//!
//! One request and one response per connection, each a line of JSON, over a Unix socket that only its owner may open.
//! A request that cannot be read is answered with diagnostics; it never reaches the flow.

use crate::admission::{Admission, admit};
use crate::engine::{Applied, Running, Status};
use neurath_model::diagnostic::{Code, Diagnostic, Diagnostics};
use neurath_model::spec;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The version of requests and responses.
pub const SCHEMA_VERSION: u32 = 1;

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
        /// The name of the update's text, for diagnostics.
        source: String,
        /// The update's text.
        text: String,
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
    /// How the flow stands.
    Status(Status),
    /// The update was applied.
    Applied(AppliedReply),
    /// The request was refused; the flow is as before.
    Refused(Diagnostics),
}

/// An update that was applied.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppliedReply {
    /// Its number.
    pub update: u32,
    /// What it is called.
    pub name: String,
    /// What the model checker said before it was committed.
    pub admission: Admission,
    /// For each operator changed, microseconds from the submission, in the order in which they changed.
    pub operators: Vec<(String, u64)>,
    /// Microseconds from the submission to the exit's answer.
    pub answered_us: u64,
}

impl AppliedReply {
    fn new(applied: &Applied, admission: Admission) -> Self {
        let since = |at: std::time::Instant| at.duration_since(applied.submitted).as_micros() as u64;
        Self {
            update: applied.update.0,
            name: applied.name.clone(),
            admission,
            operators: applied.operators.iter().map(|(name, at)| (name.clone(), since(*at))).collect(),
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
        let spawned = thread::Builder::new().name("admin".into()).spawn(move || serve(&listener, &flow));
        spawned.map_err(|e| cannot_open(path, &e))?;
        Ok(Self { path: path.into() })
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
    let line = exchange(path, &request).map_err(|e| unreachable_at(path, &e))?;
    let response: Response = serde_json::from_str(&line).map_err(|e| not_a_response(path, &line, &e))?;
    Ok(response.reply)
}

fn exchange(path: &Path, request: &Request) -> io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the runtime went away before it answered"));
    }
    Ok(answer)
}

/// Only the owner may connect: the socket is made in a mode that says so before anybody can find it open.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Each connection has a thread, so that a second update is answered while a first is in flight.
fn serve(listener: &UnixListener, flow: &Arc<Running>) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().map_while(Result::ok) {
        if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
            open.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (flow, open) = (flow.clone(), open.clone());
        let answered = thread::Builder::new().name("admin-request".into()).spawn(move || {
            // An asker that went away needs no answer.
            let _ = answer(stream, &flow);
            open.fetch_sub(1, Ordering::Relaxed);
        });
        drop(answered);
    }
}

fn answer(mut stream: UnixStream, flow: &Running) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    stream.set_write_timeout(Some(REQUEST_TIMEOUT))?;
    let mut line = String::new();
    let read = BufReader::new((&stream).take(REQUEST_BYTES_MAX)).read_line(&mut line);
    let reply = match read {
        Ok(_) => understand(&line).and_then(|ask| carry_out(ask, flow)),
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

fn carry_out(ask: Ask, flow: &Running) -> Result<Reply, Diagnostics> {
    match ask {
        Ask::Status => Ok(Reply::Status(flow.status())),
        Ask::Apply { source, text } => {
            let (update, map) = spec::update::parse(&source, &text)?;
            flow.refuse_if_busy(&update, &map)?;
            let admission = admit(&flow.graph(), &update, &map, flow.registry().catalogue())?;
            let applied = flow.submit(&update, &map)?.wait()?;
            Ok(Reply::Applied(AppliedReply::new(&applied, admission)))
        }
    }
}

fn diagnostic(code: Code, message: String, expected: &str, found: &str, hint: &str) -> Diagnostics {
    let (expected, found, hint) = (expected.into(), found.into(), hint.into());
    Diagnostics(vec![Diagnostic { code, message, places: Vec::new(), expected, found, hint }])
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
