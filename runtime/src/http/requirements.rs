//! What RFC 9110 and 9112 ask of a file server, one row per requirement, over real sockets and in both versions.

use super::testing::{ACCEPT, Client, Kind, READ, REPLY, Received, Server, Turns, pattern, read_response};
use serde_json::Value;
use std::io::Write;
use std::net::Shutdown;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// What a row expects of the connection afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Open,
    Closed,
}
use Then::{Closed, Open};

/// A folder to serve, with things outside it that must not be served.
fn folder() -> TempDir {
    let outer = tempfile::tempdir().expect("a temporary folder");
    let root = outer.path().join("root");
    for dir in ["", "dir", "bare"] {
        std::fs::create_dir(root.join(dir)).expect("a folder");
    }
    let files = [
        ("root/a.txt", "hello\n"),
        ("root/b c.html", "<p>"),
        ("root/empty.txt", ""),
        ("root/index.html", "top"),
        ("root/dir/index.html", "in dir"),
        ("secret", "secret"),
    ];
    for (name, text) in files {
        std::fs::write(outer.path().join(name), text).expect("a file");
    }
    let links = [
        ("in", "a.txt"),
        ("round", "dir/../a.txt"),
        ("out", "../secret"),
        ("dir/out", "../../secret"),
        ("loop", "loop"),
        ("dangling", "nothing"),
    ];
    for (name, target) in links {
        symlink(target, root.join(name)).expect("a link");
    }
    symlink(outer.path().join("secret"), root.join("absolute")).expect("a link");
    symlink(root.join("a.txt"), root.join("absolute-in")).expect("a link");
    symlink(outer.path(), root.join("up")).expect("a link");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), fifo, rustix::fs::Mode::RWXU, 0).expect("a pipe");
    outer
}

fn server(kind: Kind, outer: &TempDir) -> Server {
    Server::new(kind, &outer.path().join("root"), &[])
}

/// Requirement, request, status, connection afterwards.
type Row = (&'static str, &'static str, u16, Then);

const METHODS: &[Row] = &[
    ("9110 9.3.1 GET", "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("9110 9.3.2 HEAD", "HEAD /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("9110 9.3.2 HEAD of nothing", "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("9110 9.3.7 OPTIONS", "OPTIONS /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 204, Open),
    ("9110 9.3.7 OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204, Open),
    ("9110 15.5.6 known, not here", "DELETE /a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 405, Open),
    ("9110 15.5.6 with an empty body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, Open),
    ("9110 9.3.6 CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405, Open),
    ("9110 15.6.2 unknown", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501, Open),
    ("9110 9.1 case matters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, Open),
];

const FRAMING: &[Row] = &[
    ("9112 2.2 empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("9112 2.2 a lone LF ends a line", "GET / HTTP/1.1\nHost: a\n\n", 200, Open),
    ("9112 2.2 bare CR", "GET / HTTP/1.1\r\nHost: a\r\nA: b\rc\r\n\r\n", 400, Closed),
    ("9112 2.2 space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, Closed),
    ("9112 2.3 unsupported major version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, Closed),
    ("9110 2.5 later minor version", "GET / HTTP/1.9\r\nHost: a\r\n\r\n", 200, Open),
    ("9112 2.3 version is case-sensitive", "GET / http/1.1\r\nHost: a\r\n\r\n", 400, Closed),
    ("9112 2.3 one digit", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, Closed),
    ("9112 3 no version", "GET /\r\n\r\n", 400, Closed),
    ("9112 3 two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, Closed),
    ("9112 3 space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, Closed),
    ("9112 3.2 no Host", "GET / HTTP/1.1\r\n\r\n", 400, Closed),
    ("9112 3.2 two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, Closed),
    ("9112 3.2 invalid Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, Closed),
    ("9112 3.2 empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, Open),
    ("9112 3.2.2 absolute form", "GET http://b/a.txt?x HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("9112 3.2.2 its host is needed", "GET http:///a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, Open),
    ("9112 3.2.4 asterisk only for OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, Open),
    ("9112 5.1 space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, Closed),
    ("9112 5.1 no field name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, Closed),
    ("9112 5.1 no colon", "GET / HTTP/1.1\r\nHost: a\r\nwhat\r\n\r\n", 400, Closed),
    ("9112 5.2 folded line", "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400, Closed),
    ("9110 5.5 NUL", "GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", 400, Closed),
    ("9110 5.5 control character", "GET / HTTP/1.1\r\nHost: a\r\nA: b\x01c\r\n\r\n", 400, Closed),
    ("9110 5.5 tab is allowed", "GET / HTTP/1.1\r\nHost: a\r\nA: b\tc\r\n\r\n", 200, Open),
    ("9110 5.5 bytes beyond ASCII are allowed", "GET / HTTP/1.1\r\nHost: a\r\nA: \u{e9}\r\n\r\n", 200, Open),
];

const BODIES: &[Row] = &[
    ("9112 6.1 chunked", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, Closed),
    ("9112 6.1 unknown coding", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: foo, chunked\r\n\r\n", 501, Closed),
    (
        "9112 6.1 coding not undone here",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        Closed,
    ),
    ("9112 6.1 chunked twice", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400, Closed),
    ("9112 6.1 in HTTP/1.0", "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, Closed),
    ("9112 6.1 no coding", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400, Closed),
    (
        "9112 6.1 with a length",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        Closed,
    ),
    ("9112 6.3 chunked not last", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400, Closed),
    ("9112 6.3 not a length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400, Closed),
    ("9112 6.3 no length at all", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, Closed),
    (
        "9112 6.3 beyond all bounds",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
        400,
        Closed,
    ),
    (
        "9112 6.3 two lengths",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        400,
        Closed,
    ),
    ("9112 6.3 the same twice", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", 200, Open),
    ("9112 9.6 body unread", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 405, Closed),
    (
        "9110 10.1.1 Expect",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
        200,
        Closed,
    ),
];

const CONNECTIONS: &[Row] = &[
    ("9112 9.3 1.1 stays open", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("9112 9.6 close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", 200, Closed),
    ("9112 9.3 1.0 closes", "GET / HTTP/1.0\r\n\r\n", 200, Closed),
    ("9112 9.3 1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200, Open),
    ("9112 9.3 close wins", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n", 200, Closed),
    ("9112 3.2 1.0 needs no Host, but one at most", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, Closed),
];

const PATHS: &[Row] = &[
    ("index of the root", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("index of a folder", "GET /dir/ HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("folder without a slash", "GET /dir HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("folder without an index", "GET /bare/ HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("file with a slash", "GET /a.txt/ HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("nothing there", "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("3986 2.1 escapes", "GET /b%20%63.html HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("3986 2.1 bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, Open),
    ("%00", "GET /a.txt%00.html HTTP/1.1\r\nHost: a\r\n\r\n", 400, Open),
    ("3986 5.2.4 dot segments inside", "GET /dir/../a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("9110 17.3 dot segments leave", "GET /../secret HTTP/1.1\r\nHost: a\r\n\r\n", 400, Open),
    ("9110 17.3 escaped ones", "GET /%2e%2e/secret HTTP/1.1\r\nHost: a\r\n\r\n", 400, Open),
    ("9110 17.3 escaped slash", "GET /..%2fsecret HTTP/1.1\r\nHost: a\r\n\r\n", 400, Open),
    ("9110 17.3 deep ones", "GET /dir/../../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400, Open),
    ("9110 17.3 escaped twice", "GET /%252e%252e/secret HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("9110 17.3 absolute", "GET //etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("link inside", "GET /in HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("link that turns round inside", "GET /round HTTP/1.1\r\nHost: a\r\n\r\n", 200, Open),
    ("link that leaves", "GET /out HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("link in a folder that leaves", "GET /dir/out HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("absolute link that leaves", "GET /absolute HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("absolute link back in", "GET /absolute-in HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("link to a folder outside", "GET /up/secret HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("link to itself", "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("link to nothing", "GET /dangling HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
    ("not a file", "GET /pipe HTTP/1.1\r\nHost: a\r\n\r\n", 404, Open),
];

#[test]
fn every_row_gets_its_status_and_its_connection() {
    let outer = folder();
    for kind in Kind::BOTH {
        let mut server = server(kind, &outer);
        server.serve(|address| {
            for (what, request, status, then) in [METHODS, FRAMING, BODIES, CONNECTIONS, PATHS].concat() {
                let mut client = Client::connect(address);
                let answer = client.ask(request.as_bytes());
                assert_eq!(answer.status, status, "{what}, {kind:?}");
                assert!(!answer.body.windows(6).any(|w| w == b"secret"), "{what}, {kind:?}");
                let says_close = answer.field("Connection") == Some("close");
                assert_eq!(says_close, then == Closed, "{what}, {kind:?}: {}", answer.head);
                match then {
                    Closed => assert!(client.is_at_end(), "{what}, {kind:?}"),
                    Open => {
                        assert_eq!(client.ask(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n").body, b"hello\n", "{what}")
                    }
                }
            }
        });
        assert_eq!(server.observations.broken(), 0, "{kind:?}");
    }
}

#[test]
fn limits_are_answered_not_cut_off() {
    let outer = folder();
    let mut server = server(Kind::Nio, &outer);
    let long = |n: usize| "x".repeat(n);
    let many: String = (0..101).map(|i| format!("A{i}: b\r\n")).collect();
    let rows = [
        ("9110 15.5.15, line ends", format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", long(9000)), 414),
        ("9110 15.5.15, line does not end", format!("GET /{}", long(17000)), 414),
        ("6585 5, one field", format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", long(17000)), 431),
        ("6585 5, no end", format!("GET / HTTP/1.1\r\nHost: a\r\nA: {}", long(17000)), 431),
        ("6585 5, number of fields", format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431),
    ];
    server.serve(|address| {
        for (what, request, status) in rows {
            let mut client = Client::connect(address);
            assert_eq!(client.ask(request.as_bytes()).status, status, "{what}");
            assert!(client.is_at_end(), "{what}");
        }
        let fits = format!("GET /a.txt?{} HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", long(8000), long(8000));
        assert_eq!(Client::connect(address).ask(fits.as_bytes()).status, 200);
    });
}

#[test]
fn headers_say_what_they_must() {
    let outer = folder();
    for kind in Kind::BOTH {
        let ask = |request: &'static str| {
            server(kind, &outer).serve(|address| Client::connect(address).ask(request.as_bytes()))
        };
        let get = ask("GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(get.body, b"hello\n");
        assert_eq!(get.field("Content-Length"), Some("6"));
        assert_eq!(get.field("Content-Type"), Some("text/plain; charset=utf-8"));
        assert_eq!(get.field("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(get.field("Server"), Some("neurath"));
        let time = |name| httpdate::parse_http_date(get.field(name).expect(name)).expect(name);
        assert!(time("Last-Modified") <= time("Date"));

        let head = ask("HEAD /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        let but_date = |r: &Received| r.head.lines().filter(|l| !l.starts_with("Date")).collect::<Vec<_>>().join("\n");
        assert_eq!(but_date(&head), but_date(&get), "9110 9.3.2");

        let empty = ask("GET /empty.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((empty.status, empty.field("Content-Length")), (200, Some("0")));
        assert_eq!(ask("GET /dir HTTP/1.1\r\nHost: a\r\n\r\n").field("Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!(ask("GET /in HTTP/1.1\r\nHost: a\r\n\r\n").field("Content-Type"), Some("application/octet-stream"));

        let refused = ask("PUT / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(refused.field("Allow"), Some("GET, HEAD, OPTIONS"), "9110 15.5.6");
        assert_eq!(refused.body, b"405 Method Not Allowed\n");
        let options = ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((options.field("Allow"), options.field("Content-Length")), (Some("GET, HEAD, OPTIONS"), None));
        let old = ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!(old.field("Connection"), Some("keep-alive"));
    }
}

/// 9112 9.3.2: answers come in the order of the requests.
#[test]
fn pipelined_requests_are_answered_in_order_however_they_are_cut() {
    let outer = folder();
    let text = b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\nHEAD /a.txt HTTP/1.1\r\nHost: a\r\n\r\n\
                 GET /none HTTP/1.1\nHost: a\n\nGET /dir HTTP/1.0\r\n\r\n";
    for kind in Kind::BOTH {
        let mut server = server(kind, &outer);
        for cut in 0..=text.len() {
            let mut client = Turns::connect(&mut server);
            client.send(&mut server, &text[..cut]);
            client.send(&mut server, &text[cut..]);
            client.receive(&mut server, usize::MAX);
            let mut rest = client.received.as_slice();
            let statuses = [false, true, false, false].map(|header_only| read_response(&mut rest, header_only).status);
            assert_eq!((statuses, rest), ([200, 200, 404, 200], &[][..]), "cut at {cut}, {kind:?}");
        }
        assert_eq!(server.observations.answered(), 4 * (text.len() as u64 + 1));
    }
}

#[test]
fn a_thousand_pipelined_requests_in_one_write() {
    let outer = folder();
    let names = ["a.txt", "empty.txt", "none", "dir"];
    let request = |i: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", names[i * i % 4]);
    let text: String = (0..1000).map(request).collect();
    for kind in Kind::BOTH {
        server(kind, &outer).serve(|address| {
            let mut client = Client::connect(address);
            client.send(text.as_bytes());
            // Half-closed: what was asked for is answered nevertheless (9112 9.6).
            client.stream().shutdown(Shutdown::Write).expect("open");
            for i in 0..1000 {
                let expected: &[u8] = [&b"hello\n"[..], b"", b"404 Not Found\n", b"in dir"][i * i % 4];
                assert_eq!(client.receive(false).body, expected, "answer {i}, {kind:?}");
            }
            assert!(client.is_at_end());
        });
    }
}

/// A body far larger than any socket's buffer is thrown away until the client has read why.
#[test]
fn an_unread_body_does_not_destroy_its_answer() {
    let outer = folder();
    for kind in Kind::BOTH {
        server(kind, &outer).serve(|address| {
            let mut client = Client::connect(address);
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n");
            client.send(&pattern(8_000_000));
            assert_eq!(client.receive(false).status, 405);
            assert!(client.is_at_end());
        });
    }
}

#[test]
fn a_big_file_and_a_slow_reader_do_not_hold_up_others() {
    let outer = folder();
    let big = pattern(12 << 20);
    std::fs::write(outer.path().join("root/big"), &big).expect("a file");
    let mut server = server(Kind::Nio, &outer);
    let mut slow = Turns::connect(&mut server);
    slow.send(&mut server, b"GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.held(REPLY), 1, "it is half sent");
    let mut quick = Turns::connect(&mut server);
    quick.send(&mut server, b"GET /a.txt HTTP/1.0\r\n\r\n");
    quick.receive(&mut server, usize::MAX);
    assert_eq!(read_response(&mut quick.received.as_slice(), false).body, b"hello\n");
    assert_eq!(server.held(REPLY), 1, "it still is");
    slow.receive(&mut server, big.len() + 400);
    let mut rest = slow.received.as_slice();
    assert!(read_response(&mut rest, false).body == big, "12 MiB, byte for byte");
    assert_eq!(read_response(&mut rest, false).body, b"hello\n");
}

/// A socket that takes everything does not keep the others waiting either: one chunk, then the next in turn.
#[test]
fn chunks_take_turns() {
    const SIZE: usize = 4 << 20;
    let outer = folder();
    std::fs::write(outer.path().join("root/big"), pattern(SIZE)).expect("a file");
    let mut server = Server::new(Kind::Nio, &outer.path().join("root"), &[("CHUNK", Value::from(4 << 10))]);
    let mut big = Turns::connect(&mut server);
    big.write(b"GET /big HTTP/1.0\r\n\r\n");
    while server.held(REPLY) == 0 {
        server.step();
    }
    let mut small = Turns::connect_only(&server);
    small.write(b"GET /a.txt HTTP/1.0\r\n\r\n");
    while !small.ended {
        server.step();
        big.take_what_is_there();
        small.take_what_is_there();
    }
    assert_eq!(server.held(REPLY), 1, "{} of {SIZE} bytes are out", big.received.len());
    assert_eq!(read_response(&mut small.received.as_slice(), false).body, b"hello\n");
    big.receive(&mut server, usize::MAX);
    assert!(read_response(&mut big.received.as_slice(), false).body == pattern(SIZE));
}

#[test]
fn a_blocking_reply_waits_for_its_socket() {
    let outer = folder();
    std::fs::write(outer.path().join("root/big"), pattern(12 << 20)).expect("a file");
    let mut server = server(Kind::Blocking, &outer);
    let answer = server.serve(|address| Client::connect(address).ask(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(answer.body == pattern(12 << 20));
}

#[test]
fn a_file_that_shrinks_ends_the_connection_instead_of_lying() {
    let outer = folder();
    let path = outer.path().join("root/big");
    std::fs::write(&path, pattern(12 << 20)).expect("a file");
    let mut server = server(Kind::Nio, &outer);
    let mut client = Turns::connect(&mut server);
    client.send(&mut server, b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("the file");
    file.set_len(8 << 20).expect("it can shrink");
    client.receive(&mut server, usize::MAX);
    assert!(client.ended && client.received.len() < 12 << 20, "{} bytes", client.received.len());
    assert_eq!((server.observations.broken(), server.observations.answered()), (1, 0));
    assert_eq!(server.observations.closed(), 1);
}

#[test]
fn a_peer_that_resets_within_an_answer_is_let_go() {
    let outer = folder();
    std::fs::write(outer.path().join("root/big"), pattern(12 << 20)).expect("a file");
    for kind in Kind::BOTH {
        let mut server = server(kind, &outer);
        server.serve(|address| {
            let mut client = Client::connect(address);
            client.send(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
            let mut first = [0; 1000];
            std::io::Read::read_exact(&mut client.stream(), &mut first).expect("the beginning");
            // Closing with unread input resets.
            drop(client);
            assert_eq!(Client::connect(address).ask(b"GET /a.txt HTTP/1.0\r\n\r\n").status, 200, "{kind:?}");
        });
        server.turn();
        let observations = &server.observations;
        assert_eq!((observations.broken(), observations.opened(), observations.closed()), (1, 2, 2), "{kind:?}");
    }
}

#[test]
fn the_cap_holds_and_frees_without_a_word_from_outside() {
    let outer = folder();
    let cap = [("CONNECTIONS", Value::from(2))];
    let mut server = Server::new(Kind::Nio, &outer.path().join("root"), &cap);
    let mut clients: Vec<Turns> = (0..5).map(|_| Turns::connect(&mut server)).collect();
    for client in &mut clients {
        client.send(&mut server, b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    assert_eq!((server.observations.opened(), server.observations.answered()), (2, 2));
    clients.remove(0);
    server.turn();
    assert_eq!((server.observations.opened(), server.observations.closed()), (3, 1));
    drop(clients);
    server.serve(|address| {
        for _ in 0..20 {
            assert_eq!(Client::connect(address).ask(b"GET /a.txt HTTP/1.0\r\n\r\n").status, 200);
        }
    });
    server.turn();
    assert_eq!(server.observations.opened(), 25);
    assert_eq!(server.observations.closed(), 25);
}

/// More connections than the output has room for.
#[test]
fn a_burst_of_connections_is_accepted_in_pieces() {
    let outer = folder();
    let mut server = server(Kind::Blocking, &outer);
    let address = server.address();
    let mut clients: Vec<Client> = (0..50).map(|_| Client::connect(address)).collect();
    server.turn();
    assert_eq!(server.observations.opened(), 50);
    server.serve(move |_| clients.iter_mut().all(|c| c.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").status == 200));
    assert_eq!(server.observations.answered(), 50);
}

#[test]
fn connections_that_end_without_a_request_leave_nothing_behind() {
    let outer = folder();
    let mut server = server(Kind::Nio, &outer);
    for beginning in ["", "\r\n", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"] {
        let mut client = Turns::connect(&mut server);
        client.send(&mut server, beginning.as_bytes());
        assert_eq!(server.held(READ), 1, "{beginning:?} is no request yet");
        drop(client);
        server.turn();
        assert_eq!(server.held(READ), 0, "{beginning:?}");
    }
    assert_eq!((server.observations.opened(), server.observations.closed()), (4, 4));
}

#[test]
fn closing_lets_go_of_idle_connections_and_of_those_that_come_back() {
    let outer = folder();
    std::fs::write(outer.path().join("root/big"), pattern(12 << 20)).expect("a file");
    let mut server = server(Kind::Nio, &outer);
    let mut idle = Turns::connect(&mut server);
    idle.send(&mut server, b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut busy = Turns::connect(&mut server);
    busy.send(&mut server, b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    server.close(ACCEPT);
    server.close(READ);
    busy.receive(&mut server, usize::MAX);
    assert!(read_response(&mut busy.received.as_slice(), false).body == pattern(12 << 20));
    assert_eq!((server.observations.opened(), server.observations.closed()), (2, 2));
    let mut late = Turns::connect(&mut server);
    late.receive(&mut server, 0);
    assert_eq!(server.observations.opened(), 2, "a closed listener takes nobody in");
}

#[test]
fn a_limit_can_be_changed_between_firings() {
    let outer = folder();
    let mut server = server(Kind::Nio, &outer);
    let request = b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(server.serve(|address| Client::connect(address).ask(request).status), 200);
    server.configure(READ, &[("HEAD_MAX", Value::from(24))]);
    assert_eq!(server.serve(|address| Client::connect(address).ask(request).status), 431);
    server.configure(READ, &[("HEAD_MAX", Value::from(16))]);
    assert_eq!(server.serve(|address| Client::connect(address).ask(request).status), 414);
}

#[test]
fn a_flow_that_cannot_start_says_why() {
    let outer = folder();
    let server = server(Kind::Nio, &outer);
    let taken = server.address().to_string();
    let mut registry = crate::function::Registry::default();
    super::register(&mut registry, std::sync::Arc::default());
    let build = |id: &str, name: &str, value: &str| {
        let values = [(name.to_owned(), Value::from(value))].into();
        let id = neurath_model::flow::ComponentRef::parse(id);
        registry.build(&id, &crate::function::Properties::new(values)).err().map(|error| error.to_string())
    };
    for (id, name, value) in [
        ("http/accept", "LISTEN", taken.as_str()),
        ("http/accept", "LISTEN", "nowhere"),
        ("http/load", "ROOT", "/does/not/exist"),
        ("http/load@nio", "ROOT", "/dev/null"),
    ] {
        let message = build(id, name, value).expect("it must fail");
        assert!(message.contains(&format!("`{value}`")), "{message}");
    }
    assert_eq!(build("http/load", "ROOT", "/"), None);
}

/// Requests that arrive in dribs while others are answered; the client is on its own thread.
#[test]
fn a_request_in_dribs_is_a_request() {
    let outer = folder();
    server(Kind::Blocking, &outer).serve(|address| {
        let mut client = Client::connect(address);
        client.stream().set_nodelay(true).expect("a socket");
        for byte in b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n".chunks(1) {
            client.stream().write_all(byte).expect("open");
            assert_eq!(Client::connect(address).ask(b"GET / HTTP/1.0\r\n\r\n").status, 200);
        }
        assert_eq!(client.receive(false).body, b"hello\n");
    });
}
