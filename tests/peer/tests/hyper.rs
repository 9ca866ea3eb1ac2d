//! The program as `neurath bench serve` starts it: it says where it listens, answers rightly, and ends when it is told to.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_neurath-peer-hyper");

/// The program, which ends with this value.
struct Peer {
    process: Child,
    address: SocketAddr,
}

impl Peer {
    fn start(root: &Path) -> Self {
        let started = Command::new(PROGRAM).arg(root).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut process = started.expect("it is built for this test");
        let mut line = String::new();
        let output = process.stdout.as_mut().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("it speaks");
        let address = line.strip_prefix(&format!("serving {} at http://", root.display()));
        let address = address.and_then(|rest| rest.strip_suffix("/\n")?.parse().ok());
        Self { process, address: address.unwrap_or_else(|| panic!("it says where it listens: {line:?}")) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The status line and the body of what is answered on a connection that stays open.
fn get(connection: &mut BufReader<TcpStream>, path: &str) -> (String, Vec<u8>) {
    write!(connection.get_mut(), "GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("it is open");
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut head).expect("a line"), 0, "it is open: {head:?}");
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    connection.read_exact(&mut body).expect("as much as was said");
    (head.lines().next().expect("a status").to_owned(), body)
}

fn run(arguments: &[&Path]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("it is built for this test")
}

#[test]
fn a_connection_is_answered_again_and_again_byte_for_byte() {
    let root = tempfile::tempdir().expect("a folder");
    // More than a chunk, and no chunk is like another.
    let content: Vec<u8> = (0..500_000_u32).map(|at| (at % 251) as u8 ^ (at / 251) as u8).collect();
    for length in [0, 1, 100_000, content.len()] {
        std::fs::write(root.path().join(length.to_string()), &content[..length]).expect("a file");
    }
    std::fs::create_dir(root.path().join("folder")).expect("a folder");
    let peer = Peer::start(root.path());
    let mut connection = BufReader::new(TcpStream::connect(peer.address).expect("it listens"));
    for length in [100_000, 100_000, 0, 1, content.len()] {
        let (status, body) = get(&mut connection, &length.to_string());
        assert_eq!(status, "http/1.1 200 ok");
        assert!(body == content[..length], "{length} bytes come as they are, not {}", body.len());
    }
    for path in ["missing", "folder/", "../etc/passwd", "%2e%2e/etc/passwd"] {
        assert_eq!(get(&mut connection, path).0, "http/1.1 404 not found", "{path}");
    }
    assert_eq!(get(&mut connection, "100000").1.len(), 100_000, "what is missing closes nothing");
}

#[test]
fn it_ends_when_it_is_told_to_whoever_is_connected() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::write(root.path().join("file"), "hello").expect("a file");
    for signal in [Signal::TERM, Signal::INT] {
        let mut peer = Peer::start(root.path());
        let mut connection = BufReader::new(TcpStream::connect(peer.address).expect("it listens"));
        assert_eq!(get(&mut connection, "file").1, b"hello");
        kill_process(Pid::from_child(&peer.process), signal).expect("it is ours, and not waited for");
        assert!(peer.process.wait().expect("it is ours").success(), "{signal:?}");
        assert_eq!(connection.read(&mut [0]).ok().unwrap_or(0), 0, "nothing is left over");
    }
}

#[test]
fn what_cannot_be_served_is_told_with_a_hint() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let fault = format!("error: {} is not a folder\nhint: `neurath-peer-hyper DIR`", file.path().display());
    for (arguments, fault) in [
        (&[][..], "error: there is no folder to serve\nhint: `neurath-peer-hyper DIR`"),
        (&[file.path()], &fault),
        (&[Path::new("/no/such")], "error: /no/such is not a folder\nhint: `neurath-peer-hyper DIR`"),
    ] {
        let told = run(arguments);
        assert_eq!((told.status.code(), told.stdout.len()), (Some(2), 0), "{arguments:?}");
        assert!(String::from_utf8_lossy(&told.stderr).starts_with(fault), "{told:?}");
    }
}

#[test]
fn it_says_what_it_is_built_from() {
    let told = run(&[Path::new("--version")]);
    let line = String::from_utf8(told.stdout).expect("text");
    assert!(told.status.success() && line.starts_with("hyper 1.") && line.contains(", tower-http 0."), "{line}");
}
