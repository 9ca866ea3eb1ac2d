//! A server for tests, which answers as it is told, request by request, rightly or wrongly.

use crate::load::corpus::Corpus;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

/// What a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Right,
    /// Right, in writes of so many bytes.
    Pieces(usize),
    /// Right, once [`Server::open_gate`] was called.
    Held,
    /// One bit of the body differs.
    WrongByte,
    /// A sound response with a body one byte short.
    Short,
    /// The head and half of the body, then the end of the connection.
    Cut,
    /// Right, and announces the end of the connection.
    SaysClose,
    /// Right, and ends the connection without a word.
    Closes,
    NotFound,
    Garbage,
    /// Right, with bytes behind it that belong to nothing.
    Stray,
    /// None, though the connection stays.
    Never,
    /// None; the server stops listening, then ends the connection.
    Dies,
}

pub(super) struct Server {
    shared: Arc<Shared>,
}

type Script = Box<dyn Fn(u64) -> Answer + Send + Sync>;

struct Shared {
    address: SocketAddr,
    corpus: Arc<Corpus>,
    script: Script,
    requests: AtomicU64,
    asked: Mutex<Vec<String>>,
    stopped: AtomicBool,
    listening: Mutex<Option<JoinHandle<()>>>,
    gate: (Mutex<bool>, Condvar),
}

impl Server {
    /// `script` says what the nth request gets.
    pub(super) fn start(corpus: &Arc<Corpus>, script: impl Fn(u64) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let shared = Arc::new(Shared {
            address: listener.local_addr().unwrap(),
            corpus: Arc::clone(corpus),
            script: Box::new(script),
            requests: AtomicU64::new(0),
            asked: Mutex::new(Vec::new()),
            stopped: AtomicBool::new(false),
            listening: Mutex::new(None),
            gate: (Mutex::new(false), Condvar::new()),
        });
        let accepting = Arc::clone(&shared);
        *shared.listening.lock().unwrap() = Some(thread::spawn(move || accepting.accept(listener)));
        Self { shared }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Methods and targets of all requests so far, in their order.
    pub(super) fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// Lets answers go that are held.
    pub(super) fn open_gate(&self) {
        self.shared.open_gate();
    }

    /// Stops listening, and returns when connecting is refused.
    pub(super) fn stop(&self) {
        self.shared.stop();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.open_gate();
        self.shared.stop();
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: TcpListener) {
        for stream in listener.incoming().map_while(Result::ok).take_while(|_| !self.stopped.load(SeqCst)) {
            let shared = Arc::clone(&self);
            // A client that goes away in the middle ends its thread with an error, as it should.
            thread::spawn(move || shared.serve(&stream).ok());
        }
    }

    fn stop(&self) {
        if let Some(listening) = self.listening.lock().unwrap().take() {
            self.stopped.store(true, SeqCst);
            TcpStream::connect(self.address).ok();
            listening.join().unwrap();
        }
    }

    fn open_gate(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    fn wait_for_gate(&self) {
        drop(self.gate.1.wait_while(self.gate.0.lock().unwrap(), |open| !*open).unwrap());
    }

    fn serve(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some(head) = read_head(&mut reader)? {
            let answer = (self.script)(self.requests.fetch_add(1, SeqCst));
            if !self.answer(answer, &head, stream)? {
                break;
            }
        }
        Ok(())
    }

    /// Whether the connection goes on.
    fn answer(&self, answer: Answer, head: &str, mut stream: &TcpStream) -> std::io::Result<bool> {
        let (method, path) = head.split_once(" /").expect("a request line");
        let path = path.split(' ').next().expect("a path");
        self.asked.lock().unwrap().push(format!("{method} /{path}"));
        let mut body = std::fs::read(self.corpus.root().join(path))?;
        let whole = |body: &[u8], extra: &str| {
            let mut text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{extra}\r\n", body.len()).into_bytes();
            if method == "GET" {
                text.extend_from_slice(body);
            }
            text
        };
        match answer {
            Answer::Right | Answer::Closes => stream.write_all(&whole(&body, ""))?,
            Answer::Pieces(bytes) => {
                for piece in whole(&body, "").chunks(bytes) {
                    stream.write_all(piece)?;
                }
            }
            Answer::Held => {
                self.wait_for_gate();
                stream.write_all(&whole(&body, ""))?;
            }
            Answer::WrongByte => {
                *body.last_mut().expect("files are not empty") ^= 1;
                stream.write_all(&whole(&body, ""))?;
            }
            Answer::Short => stream.write_all(&whole(&body[1..], ""))?,
            Answer::Cut => {
                let text = whole(&body, "");
                stream.write_all(&text[..text.len() - body.len() / 2])?;
            }
            Answer::SaysClose => stream.write_all(&whole(&body, "Connection: close\r\n"))?,
            Answer::NotFound => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")?,
            Answer::Garbage => stream.write_all(b"HTTP/1.1 OK 200\r\n\r\n")?,
            Answer::Stray => stream.write_all(&[whole(&body, ""), whole(&body, "")].concat())?,
            Answer::Never => {}
            Answer::Dies => self.stop(),
        }
        Ok(!matches!(answer, Answer::Cut | Answer::SaysClose | Answer::Closes | Answer::Dies))
    }
}

fn read_head(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}
