//! The flow with compression: what is sent is what the file holds, once it is unpacked, and only those get it who asked
//! for it.

use super::testing::client::{Client, Received, folder, pattern, read_response, settle};
use super::testing::{Kind, LOAD, REPLY, Server};
use flate2::read::GzDecoder;
use neurath_model::id::UpdateId;
use serde_json::Value;
use std::io::Read;
use tempfile::TempDir;

const GZIP: &str = "Accept-Encoding: gzip\r\n";

/// The flow of the file, in either kind.
fn server(kind: Kind, outer: &TempDir, settings: &[(&str, u64)]) -> Server {
    let settings: Vec<(&str, Value)> = settings.iter().map(|(name, value)| (*name, Value::from(*value))).collect();
    let mut server = Server::with_flow("compressed-nio", &outer.path().join("root"), &settings);
    if kind == Kind::Blocking {
        server.update("lru", "1", &[], UpdateId(1));
        server.update(LOAD, "1", &[], UpdateId(1));
        server.update(REPLY, "1", &["reply-to-blocking"], UpdateId(1));
    }
    server
}

fn ask(server: &mut Server, method: &str, target: &str, fields: &str) -> Received {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    server.serve(|address| Client::connect(address).ask(request.as_bytes()))
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut unpacked).expect("gzip");
    unpacked
}

fn text(length: usize) -> Vec<u8> {
    b"all work and no play makes jack a dull boy\n".iter().copied().cycle().take(length).collect()
}

#[test]
fn unpacked_it_is_the_file_whatever_its_size() {
    let outer = folder();
    let sizes = [0, 1, 2, 1000, 32 << 10, 300_000, 1 << 20];
    for size in sizes {
        std::fs::write(outer.path().join(format!("root/text{size}.txt")), text(size)).expect("a file");
        std::fs::write(outer.path().join(format!("root/noise{size}.txt")), pattern(size)).expect("a file");
    }
    settle(&outer.path().join("root/noise1048576.txt"));
    for kind in Kind::ALL {
        // The second limit leaves the larger files out of the cache, so that they come to `compress` as they were loaded.
        for entry_bytes_max in [1 << 20, 2000] {
            let mut server = server(kind, &outer, &[("MIN_BYTES", 0), ("ENTRY_BYTES_MAX", entry_bytes_max)]);
            for size in sizes {
                for (name, expected) in [("text", text(size)), ("noise", pattern(size))] {
                    // Loaded, and from the cache.
                    for _ in 0..2 {
                        let answer = ask(&mut server, "GET", &format!("/{name}{size}.txt"), GZIP);
                        assert_eq!(answer.field("Content-Encoding"), Some("gzip"), "{name} {size}");
                        assert_eq!(answer.field("Content-Length"), Some(answer.body.len().to_string().as_str()));
                        assert!(unpacked(&answer.body) == expected, "{name} {size}, {kind:?}");
                        assert!(
                            size < 1000 || name == "noise" || answer.body.len() < size / 5,
                            "{}",
                            answer.body.len()
                        );
                    }
                }
            }
            assert_eq!(server.observations.broken(), 0);
        }
    }
}

#[test]
fn only_what_is_wanted_and_worth_it_is_compressed() {
    let outer = folder();
    for (name, size) in [("small.txt", 1023), ("least.txt", 1024), ("most.txt", 1 << 20), ("large.txt", (1 << 20) + 1)]
    {
        std::fs::write(outer.path().join("root").join(name), text(size)).expect("a file");
    }
    for name in ["a.json", "a.js", "a.svg", "a.css", "a.xml", "a.png", "a.woff2", "a.bin"] {
        std::fs::write(outer.path().join("root").join(name), text(5000)).expect("a file");
    }
    let rows = [
        ("/least.txt", GZIP, true, true),
        ("/least.txt", "Accept-Encoding: br, gzip;q=0.3\r\n", true, true),
        ("/least.txt", "Accept-Encoding: *\r\n", true, true),
        ("/least.txt", "", false, true),
        ("/least.txt", "Accept-Encoding: gzip;q=0\r\n", false, true),
        ("/least.txt", "Accept-Encoding: gzip;q=0.1, identity\r\n", false, true),
        ("/least.txt", "Accept-Encoding: br\r\n", false, true),
        ("/small.txt", GZIP, false, true),
        ("/most.txt", GZIP, true, true),
        ("/large.txt", GZIP, false, true),
        ("/a.json", GZIP, true, true),
        ("/a.js", GZIP, true, true),
        ("/a.svg", GZIP, true, true),
        ("/a.css", GZIP, true, true),
        ("/a.xml", GZIP, true, true),
        ("/a.png", GZIP, false, false),
        ("/a.woff2", GZIP, false, false),
        ("/a.bin", GZIP, false, false),
    ];
    for kind in Kind::ALL {
        let mut server = server(kind, &outer, &[]);
        for (target, fields, is_compressed, varies) in rows {
            let answer = ask(&mut server, "GET", target, fields);
            let what = format!("{target} {fields:?} {kind:?}");
            assert_eq!(answer.field("Content-Encoding"), is_compressed.then_some("gzip"), "{what}");
            assert_eq!(answer.field("Vary"), varies.then_some("Accept-Encoding"), "{what}");
            let plain = if is_compressed { unpacked(&answer.body) } else { answer.body };
            assert!(plain == std::fs::read(outer.path().join("root").join(&target[1..])).expect("a file"), "{what}");
        }
    }
}

/// 9110 8.6 and 9.3.2: the same fields as for GET, but the length may be left out, and must not be another one.
#[test]
fn a_head_is_told_what_a_get_would_be() {
    let outer = folder();
    std::fs::write(outer.path().join("root/text.txt"), text(5000)).expect("a file");
    for kind in Kind::ALL {
        let mut server = server(kind, &outer, &[]);
        for (target, fields) in [("/text.txt", GZIP), ("/text.txt", ""), ("/a.txt", GZIP), ("/none", GZIP)] {
            let get = ask(&mut server, "GET", target, fields);
            let head = ask(&mut server, "HEAD", target, fields);
            let compared = |received: &Received, with_length: bool| {
                let is_told =
                    |line: &&str| !line.starts_with("Date") && (with_length || !line.starts_with("Content-Length"));
                received.head.lines().filter(is_told).map(str::to_owned).collect::<Vec<_>>()
            };
            let is_compressed = get.field("Content-Encoding").is_some();
            assert_eq!(is_compressed, (target, fields) == ("/text.txt", GZIP));
            assert_eq!(head.field("Content-Length").is_none(), is_compressed, "{target} {kind:?}");
            assert_eq!(compared(&head, !is_compressed), compared(&get, !is_compressed), "{target} {kind:?}");
        }
    }
}

/// Lengths that are right keep the answers of one connection apart.
#[test]
fn pipelined_answers_stay_apart() {
    let outer = folder();
    std::fs::write(outer.path().join("root/text.txt"), text(5000)).expect("a file");
    let gzip = format!("GET /text.txt HTTP/1.1\r\nHost: a\r\n{GZIP}\r\n");
    let head = gzip.replace("GET", "HEAD");
    let plain = "GET /text.txt HTTP/1.1\r\nHost: a\r\n\r\n".to_owned();
    let last = "GET /a.txt HTTP/1.0\r\n\r\n".to_owned();
    for kind in Kind::ALL {
        let mut server = server(kind, &outer, &[]);
        let all = [&gzip, &head, &plain, &gzip, &last].map(String::as_str).concat();
        let received = server.serve(|address| {
            let mut client = Client::connect(address);
            client.send(all.as_bytes());
            let mut received = Vec::new();
            client.stream().read_to_end(&mut received).expect("closed, not reset");
            received
        });
        let mut rest = received.as_slice();
        assert!(unpacked(&read_response(&mut rest, false).body) == text(5000));
        assert_eq!(read_response(&mut rest, true).field("Content-Encoding"), Some("gzip"));
        assert!(read_response(&mut rest, false).body == text(5000));
        assert!(unpacked(&read_response(&mut rest, false).body) == text(5000));
        assert_eq!(read_response(&mut rest, false).body, b"hello\n");
        assert!(rest.is_empty());
        let counts = server.observations.met_counts();
        assert!(counts.iter().all(|(met, _)| met.compress == Some(UpdateId::NONE) && met.lru.is_some()), "{counts:?}");
    }
}
