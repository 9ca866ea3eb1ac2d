//! A running server with files and clients, for the tests that need one.

use neurath_model::diagnostic::{Diagnostics, SourceMap};
use neurath_model::spec;
use neurath_model::update::Update;
use neurath_model::validate::validate;
use neurath_runtime::admin::{self, Ask, Endpoint, Reply};
use neurath_runtime::engine::{Options, Running};
use neurath_runtime::function::Registry;
use neurath_runtime::http::{self, Server};
use neurath_runtime::load::corpus::Corpus;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A server on a port of its own, and the folder it serves.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) corpus: Arc<Corpus>,
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
}

/// Serves 50 files of 20 kB.
pub(crate) fn site(options: Options) -> Site {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let corpus = Corpus::create(folder.path(), 50, 20_000, 7).expect("space for a megabyte");
    let server = Server::start(folder.path(), "127.0.0.1:0", options).expect("a server");
    let address = server.address().expect("it listens");
    Site { folder, corpus: Arc::new(corpus), server, address }
}

/// The same, where more components are known than those that it runs.
pub(crate) fn site_knowing(declare: impl FnOnce(&mut Registry), options: Options) -> Site {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let corpus = Corpus::create(folder.path(), 50, 20_000, 7).expect("space for a megabyte");
    let observations = Arc::default();
    let mut registry = Registry::default();
    http::register_at(&mut registry, Arc::clone(&observations), &http::server::site(folder.path(), "127.0.0.1:0"));
    declare(&mut registry);
    let (flow, map) = http::server::built_in();
    let graph = validate(&flow, &map, registry.catalogue()).expect("the flow that comes with the server is valid");
    let flow = Running::start(&graph, Arc::new(registry), options).expect("it starts");
    let server = Server { flow, observations };
    let address = server.address().expect("it listens");
    Site { folder, corpus: Arc::new(corpus), server, address }
}

/// A site whose flow can be asked through an endpoint.
pub(crate) struct Administered {
    _endpoint: Endpoint,
    pub(crate) path: PathBuf,
    pub(crate) flow: Arc<Running>,
    pub(crate) address: SocketAddr,
    pub(crate) corpus: Arc<Corpus>,
    _folder: TempDir,
}

impl Administered {
    /// Asks through the endpoint; what is refused is an error.
    pub(crate) fn ask(&self, ask: Ask) -> Result<Reply, Diagnostics> {
        match admin::ask(&self.path, ask)? {
            Reply::Refused(diagnostics) => Err(diagnostics),
            reply => Ok(reply),
        }
    }
}

/// Opens the endpoint of a site.
pub(crate) fn administered(site: Site) -> Administered {
    let Site { folder, server, address, corpus } = site;
    let path = folder.path().join("admin.sock");
    let flow = Arc::new(server.flow);
    let endpoint = Endpoint::open(&path, flow.clone()).expect("an endpoint");
    Administered { _endpoint: endpoint, path, flow, address, corpus, _folder: folder }
}

/// The update to NIO, and the one back.
pub(crate) fn nio() -> (Update, SourceMap) {
    spec::update::parse("nio.toml", http::NIO).expect("valid")
}

/// The update back to blocking I/O.
pub(crate) fn blocking() -> (Update, SourceMap) {
    spec::update::parse("blocking.toml", http::BLOCKING).expect("valid")
}

/// One GET on a connection of its own; the status line.
pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").expect("sent");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("read to the end");
    String::from_utf8_lossy(&response).lines().next().unwrap_or_default().to_owned()
}

/// Whether something comes true within a few seconds. It says only that it came true, never that it did not.
pub(crate) fn until(holds: impl Fn() -> bool) -> bool {
    for _ in 0..1000 {
        if holds() {
            return true;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    holds()
}
