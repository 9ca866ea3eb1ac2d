//! What RFC 9110 and 9112 ask of a file server, one row per requirement, over real sockets and in both versions.

use super::testing::client::{Client, Received, folder};
use super::testing::{Kind, Server};
use tempfile::TempDir;

/// What a row expects of the connection afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Open,
    Closed,
}
use Then::{Closed, Open};

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
    for kind in Kind::ALL {
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
                        assert_eq!(client.ask(b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n").body, b"hello\n", "{what}");
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
    for kind in Kind::ALL {
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
