//! The flows with a cache: what was loaded once is answered from memory, and nobody can tell, but for the files that change.
//!
//! That an answer came from the cache is seen by what its request met: no `load`.

use super::observations::{Met, mixed};
use super::testing::client::{Client, Received, Turns, folder, pattern, read_response, settle};
use super::testing::{LOAD, REPLY, Server};
use neurath_model::id::UpdateId;
use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Each flow with a cache, and the operator that is one: with all content in memory, and with open files.
const FLOWS: [(Variant, &str); 5] = [
    (Variant::content("cached"), "cache"),
    (Variant::content("cached-nio"), "cache"),
    (Variant::content("lru-nio"), "lru"),
    (Variant::open("cached-nio"), "cache"),
    (Variant::open("lru-nio"), "lru"),
];
const ALWAYS: (&str, u64) = ("REVALIDATE_MS", 0);
const NEVER: (&str, u64) = ("REVALIDATE_MS", 1 << 40);

/// A flow, and of which files the content is kept.
#[derive(Debug, Clone, Copy)]
struct Variant {
    flow: &'static str,
    content_bytes_max: u64,
}

impl Variant {
    const fn content(flow: &'static str) -> Self {
        Self { flow, content_bytes_max: u64::MAX }
    }

    const fn open(flow: &'static str) -> Self {
        Self { flow, content_bytes_max: 0 }
    }

    fn is_open(self) -> bool {
        self.content_bytes_max == 0
    }
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} up to {} bytes", self.flow, self.content_bytes_max)
    }
}

fn server(variant: Variant, outer: &TempDir, settings: &[(&str, u64)]) -> Server {
    let content = ("CONTENT_BYTES_MAX", variant.content_bytes_max);
    let settings = settings.iter().chain([&content]).map(|(name, value)| (*name, Value::from(*value)));
    Server::with_flow(variant.flow, &outer.path().join("root"), &settings.collect::<Vec<_>>())
}

/// The folder of all tests, its files old enough to be kept.
fn settled_folder() -> TempDir {
    let outer = folder();
    ["a.txt", "empty.txt", "index.html", "dir/index.html", "b c.html"]
        .iter()
        .for_each(|name| settle(&file(&outer, name)));
    outer
}

fn file(outer: &TempDir, name: &str) -> PathBuf {
    outer.path().join("root").join(name)
}

fn write(path: &Path, content: &[u8]) {
    std::fs::write(path, content).expect("a file");
    settle(path);
}

fn ask(server: &mut Server, method: &str, target: &str) -> Received {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    server.serve(|address| Client::connect(address).ask(request.as_bytes()))
}

fn get(server: &mut Server, target: &str) -> Vec<u8> {
    ask(server, "GET", target).body
}

/// How many requests were answered from the cache.
fn hits(server: &Server) -> u64 {
    let counts = server.observations.met_counts();
    let is_hit = |met: &Met| met.load.is_none() && met.fill.is_some();
    counts.iter().filter(|(met, _)| is_hit(met)).map(|(_, count)| count).sum()
}

fn but_date(received: &Received) -> String {
    received.head.lines().filter(|line| !line.starts_with("Date")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_second_answer_is_the_first_one_from_memory() {
    let outer = settled_folder();
    for (flow, _) in FLOWS {
        let mut server = server(flow, &outer, &[]);
        for (i, target) in ["/a.txt", "/empty.txt", "/", "/dir", "/dir/", "/b%20c.html", "/in"].iter().enumerate() {
            let first = ask(&mut server, "GET", target);
            assert_eq!(first.status, 200, "{target}");
            assert_eq!(hits(&server), 2 * i as u64, "{target} was not kept before, {flow}");
            let second = ask(&mut server, "GET", target);
            assert_eq!((but_date(&second), &second.body), (but_date(&first), &first.body), "{target}, {flow}");
            let head = ask(&mut server, "HEAD", target);
            assert_eq!((but_date(&head), head.body.len()), (but_date(&first), 0), "{target}, {flow}");
            assert_eq!(hits(&server), 2 * (i as u64 + 1), "{target}, {flow}");
        }
        assert_eq!(server.observations.broken(), 0);
    }
}

#[test]
fn what_has_no_content_is_not_kept() {
    let outer = settled_folder();
    for (flow, _) in FLOWS {
        let mut server = server(flow, &outer, &[NEVER]);
        for (method, target, status) in [
            ("GET", "/none", 404),
            ("PUT", "/a.txt", 405),
            ("OPTIONS", "/a.txt", 204),
            ("GET", "/%zz", 400),
            ("HEAD", "/a.txt", 200),
            ("GET", "/out", 404),
        ] {
            for _ in 0..2 {
                assert_eq!(ask(&mut server, method, target).status, status, "{method} {target}, {flow}");
            }
        }
        assert_eq!(hits(&server), 0, "{flow}");
        write(&file(&outer, "none"), b"now there is");
        assert_eq!(get(&mut server, "/none"), b"now there is", "{flow}");
        std::fs::remove_file(file(&outer, "none")).expect("it is ours");
    }
}

/// Both are the same path to the standard library.
#[test]
fn a_name_is_kept_to_the_byte() {
    let outer = settled_folder();
    for (flow, _) in FLOWS {
        let mut server = server(flow, &outer, &[NEVER]);
        assert_eq!(get(&mut server, "/a.txt"), b"hello\n");
        assert_eq!(ask(&mut server, "GET", "/a.txt/").status, 404, "{flow}");
    }
}

#[test]
fn a_change_is_seen_at_the_next_look() {
    let outer = settled_folder();
    let path = file(&outer, "a.txt");
    for (flow, _) in FLOWS {
        let mut server = server(flow, &outer, &[ALWAYS]);
        type Change<'a> = (&'a str, &'a dyn Fn(), u16, &'a [u8]);
        let changes: [Change<'_>; 6] = [
            ("nothing", &|| {}, 200, b"hello\n"),
            ("as long as before", &|| write(&path, b"olleh\n"), 200, b"olleh\n"),
            ("longer", &|| write(&path, b"hello hello\n"), 200, b"hello hello\n"),
            ("gone", &|| std::fs::remove_file(&path).expect("ours"), 404, b"404 Not Found\n"),
            ("a link that leaves", &|| symlink("../secret", &path).expect("a link"), 404, b"404 Not Found\n"),
            (
                "back again",
                &|| {
                    std::fs::remove_file(&path).expect("ours");
                    write(&path, b"hello\n");
                },
                200,
                b"hello\n",
            ),
        ];
        for (what, change, status, body) in changes {
            let before = hits(&server);
            change();
            for _ in 0..2 {
                let answer = ask(&mut server, "GET", "/a.txt");
                assert_eq!((answer.status, answer.body.as_slice()), (status, body), "{what}, {flow}");
            }
            assert_eq!(hits(&server), before + u64::from(status == 200), "{what}, {flow}");
        }
    }
}

#[test]
fn an_entry_is_believed_for_a_time_and_not_after_new_properties() {
    let outer = settled_folder();
    let other = folder();
    let path = file(&outer, "a.txt");
    for (flow, cache) in FLOWS {
        write(&path, b"hello\n");
        let mut server = server(flow, &outer, &[NEVER]);
        assert_eq!(get(&mut server, "/a.txt"), b"hello\n");
        write(&path, b"changed\n");
        // What happens to an open file is seen at once.
        let expected: &[u8] = if flow.is_open() { b"changed\n" } else { b"hello\n" };
        assert_eq!(get(&mut server, "/a.txt"), expected, "{flow}");
        server.configure(cache, &[]);
        assert_eq!(get(&mut server, "/a.txt"), b"changed\n", "{flow}");
        // The same name in another folder is another file.
        write(&file(&other, "a.txt"), b"elsewhere\n");
        let root = Value::from(file(&other, "").to_str().expect("a plain name"));
        for operator in [cache, LOAD] {
            server.configure(operator, &[("ROOT", root.clone())]);
        }
        assert_eq!(get(&mut server, "/a.txt"), b"elsewhere\n", "{flow}");
    }
}

#[test]
fn what_is_too_large_is_sent_and_not_kept() {
    let outer = settled_folder();
    write(&file(&outer, "small"), &pattern(1000));
    write(&file(&outer, "large"), &pattern(1001));
    for (flow, _) in FLOWS {
        let mut server = server(flow, &outer, &[("ENTRY_BYTES_MAX", 1000)]);
        for _ in 0..3 {
            assert_eq!(get(&mut server, "/small"), pattern(1000), "{flow}");
            assert_eq!(get(&mut server, "/large"), pattern(1001), "{flow}");
        }
        assert_eq!(hits(&server), 2, "{flow}");
    }
}

#[test]
fn a_full_cache_makes_room_and_a_smaller_one_too() {
    let outer = settled_folder();
    const FILES: usize = 40;
    for i in 0..FILES {
        std::fs::write(file(&outer, &format!("f{i}")), pattern(1000 + i)).expect("a file");
    }
    settle(&file(&outer, &format!("f{}", FILES - 1)));
    for (flow, cache) in FLOWS.into_iter().filter(|(flow, _)| !flow.is_open()) {
        let mut server = server(flow, &outer, &[("BYTES", 20_000), NEVER]);
        let round = |server: &mut Server| {
            let before = hits(server);
            for i in (0..FILES).rev() {
                assert_eq!(get(server, &format!("/f{i}")), pattern(1000 + i), "{flow}");
            }
            // The last ones again, which the one cache has for sure; the other may think more of others.
            for i in 0..FILES {
                assert_eq!(get(server, &format!("/f{i}")), pattern(1000 + i), "{flow}");
            }
            hits(server) - before
        };
        let some = round(&mut server);
        assert!((1..=2 * 13).contains(&some), "{some} hits where at most 13 files have room, {flow}");
        server.configure(cache, &[("BYTES", Value::from(1 << 20))]);
        assert!(round(&mut server) >= FILES as u64, "all have room now, {flow}");
        server.configure(cache, &[("BYTES", Value::from(0))]);
        assert_eq!(round(&mut server), 0, "there is no room at all, {flow}");
    }
}

#[test]
fn content_is_carried_from_one_cache_to_the_other_and_back() {
    let outer = settled_folder();
    for (flow, body) in [("cached", "1"), ("cached-nio", "nio")] {
        let mut server = server(Variant::content(flow), &outer, &[NEVER]);
        let targets = ["/a.txt", "/", "/dir", "/empty.txt"];
        let bodies = targets.map(|target| get(&mut server, target));
        let mut carried = 0;
        let mut check = |server: &mut Server| {
            carried += targets.len() as u64;
            assert_eq!(targets.map(|target| get(server, target)), bodies, "{flow}");
            assert_eq!(hits(server), carried, "{flow}");
        };
        check(&mut server);
        server.replace("cache", &format!("http/lru@{body}"), &["cache-to-lru"], UpdateId(1));
        check(&mut server);
        server.replace("cache", &format!("http/cache@{body}"), &["lru-to-cache"], UpdateId(2));
        check(&mut server);
        server.replace("cache", &format!("http/cache@{body}"), &[], UpdateId(3));
        check(&mut server);
        // Stamps are carried too, and compared before anything is believed.
        write(&file(&outer, "a.txt"), b"HELLO\n");
        server.replace("cache", &format!("http/lru@{body}"), &["cache-to-lru"], UpdateId(4));
        assert_eq!(get(&mut server, "/a.txt"), b"HELLO\n", "{flow}");
        write(&file(&outer, "a.txt"), b"hello\n");
        let counts = server.observations.met_counts();
        assert_eq!(counts.iter().filter(|(met, _)| met.lru == Some(UpdateId(4))).map(|(_, n)| n).sum::<u64>(), 1);
        assert_eq!(mixed(&counts, &[(UpdateId(1), &["cache", "lru"]), (UpdateId(2), &["cache", "lru"])]), 0);
    }
}

#[test]
fn what_is_carried_over_keeps_the_bounds_of_its_new_place() {
    let outer = settled_folder();
    for (setting, value) in [("BYTES", 0), ("ENTRY_BYTES_MAX", 5)] {
        let mut server = server(Variant::content("cached"), &outer, &[NEVER]);
        assert_eq!(get(&mut server, "/a.txt"), b"hello\n");
        server.set(&[(setting, Value::from(value))]);
        server.replace("cache", "http/lru", &["cache-to-lru"], UpdateId(1));
        assert_eq!((get(&mut server, "/a.txt"), hits(&server)), (b"hello\n".to_vec(), 0), "{setting}");
    }
}

#[test]
fn the_switch_to_non_blocking_keeps_the_content() {
    let outer = settled_folder();
    let mut server = server(Variant::content("cached"), &outer, &[NEVER]);
    assert_eq!(get(&mut server, "/a.txt"), b"hello\n");
    let changed: &[&str] = &["cache", LOAD, REPLY];
    for (update, version, transfer) in [(1, "nio", "reply-to-nio"), (2, "1", "reply-to-blocking")] {
        server.update("cache", version, &[], UpdateId(update));
        server.update(LOAD, version, &[], UpdateId(update));
        server.update(REPLY, version, &[transfer], UpdateId(update));
        assert_eq!(get(&mut server, "/a.txt"), b"hello\n", "{version}");
        assert_eq!(hits(&server), u64::from(update), "{version}");
    }
    let counts = server.observations.met_counts();
    assert_eq!(mixed(&counts, &[(UpdateId(1), changed), (UpdateId(2), changed)]), 0);
    // A hit that met only the new cache, of what changed together, is told from one that met the old fill.
    assert_eq!(mixed(&counts, &[(UpdateId(1), &["cache", "fill"])]), 2);
}

/// Many responses hold the same bytes, each at its own place in them, and change hands half sent.
#[test]
fn shared_content_is_sent_to_each_from_where_it_is() {
    const BIG: usize = 8 << 20;
    let outer = settled_folder();
    write(&file(&outer, "big"), &pattern(BIG));
    for (flow, cache) in FLOWS.into_iter().filter(|(flow, _)| flow.flow != "cached") {
        let mut server = server(flow, &outer, &[("ENTRY_BYTES_MAX", 16 << 20), NEVER]);
        let mut clients: Vec<Turns> = (0..3).map(|_| Turns::connect(&mut server)).collect();
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(&mut server, b"GET /big HTTP/1.0\r\n\r\n");
            client.receive(&mut server, i * 1_000_000);
        }
        assert_eq!(server.held(REPLY), 3, "half sent, {flow}");
        // What was kept is gone meanwhile: the responses have it still.
        server.configure(cache, &[("BYTES", Value::from(0))]);
        for (i, client) in clients.iter_mut().enumerate() {
            server.update(REPLY, "nio", &["reply-to-blocking", "reply-to-nio"], UpdateId(i as u32 + 1));
            client.receive(&mut server, usize::MAX);
            assert!(read_response(&mut client.received.as_slice(), false).body == pattern(BIG), "client {i}, {flow}");
        }
        assert_eq!(hits(&server), 2, "{flow}");
    }
}

/// A file that is rewritten in its place again and again, as long as before, within the same tick of the kernel's clock: its
/// times tell nothing then, and no answer may be of a round before.
#[test]
fn a_busy_file_does_not_poison_the_cache() {
    const ROUNDS: u8 = 200;
    let outer = settled_folder();
    let path = file(&outer, "busy");
    std::fs::write(&path, [0; 5000]).expect("a file");
    let put = |i: u8| {
        let rewrite = |mut file: std::fs::File| file.write_all(&[i; 5000]);
        std::fs::File::options().write(true).open(&path).and_then(rewrite).expect("ours");
    };
    for (flow, _) in FLOWS {
        let mut server = server(flow, &outer, &[ALWAYS]);
        server.serve(|address| {
            let mut client = Client::connect(address);
            let mut ask = || client.ask(b"GET /busy HTTP/1.1\r\nHost: a\r\n\r\n").body;
            for i in 0..ROUNDS {
                put(i);
                for _ in 0..3 {
                    assert_eq!(ask(), [i; 5000], "{flow}");
                }
            }
        });
    }
}

/// No name is looked up again, and yet an open file is never sent under the header of what it was.
#[test]
fn what_happens_to_an_open_file_is_seen_at_once() {
    let outer = settled_folder();
    let path = file(&outer, "busy");
    let other = file(&outer, "other");
    for (flow, _) in FLOWS.into_iter().filter(|(flow, _)| flow.is_open()) {
        write(&path, &pattern(50_000));
        let mut server = server(flow, &outer, &[NEVER]);
        type Change<'a> = (&'a str, &'a dyn Fn(), usize);
        let changes: [Change<'_>; 5] = [
            ("nothing", &|| {}, 50_000),
            ("longer", &|| write(&path, &pattern(60_000)), 60_000),
            ("cut", &|| write(&path, &pattern(40_000)), 40_000),
            (
                "another in its place",
                &|| {
                    write(&other, &pattern(50_000));
                    std::fs::rename(&other, &path).expect("ours");
                    settle(&path);
                },
                50_000,
            ),
            ("gone", &|| std::fs::remove_file(&path).expect("ours"), 0),
        ];
        for (what, change, size) in changes {
            change();
            let before = hits(&server);
            for _ in 0..3 {
                let answer = ask(&mut server, "GET", "/busy");
                assert_eq!(answer.status, if size > 0 { 200 } else { 404 }, "{what}, {flow}");
                assert!(size == 0 || answer.body == pattern(size), "{what}, {flow}");
            }
            assert_eq!(hits(&server) - before, if size > 0 { 2 } else { 0 }, "{what}, {flow}");
        }
        assert_eq!(server.observations.broken(), 0, "{flow}");
    }
}

#[test]
fn no_more_files_are_kept_open_than_may_be_and_version_1_keeps_none() {
    let outer = settled_folder();
    (0..20).for_each(|i| std::fs::write(file(&outer, &format!("f{i}")), pattern(1000)).expect("a file"));
    settle(&file(&outer, "f19"));
    for (flow, cache) in FLOWS.into_iter().filter(|(flow, _)| flow.is_open()) {
        // `load` has a property of the same name, which is not what is tested here.
        let mut server = server(flow, &outer, &[("OPEN_FILES", 0), NEVER]);
        server.configure(cache, &[("OPEN_FILES", Value::from(6))]);
        let round = |server: &mut Server| {
            (0..20).for_each(|i| assert_eq!(get(server, &format!("/f{i}")), pattern(1000), "{flow}"));
            open_below(&outer)
        };
        let open = round(&mut server);
        assert!((3..=6).contains(&open), "{open} are open, {flow}");
        server.configure(cache, &[("OPEN_FILES", Value::from(2))]);
        let open = round(&mut server);
        assert!((1..=2).contains(&open), "{open} are open, {flow}");
        server.update(cache, "1", &[], UpdateId(1));
        assert_eq!((open_below(&outer), round(&mut server)), (0, 0), "{flow}");
    }
}

/// How many descriptors this process has of files in the folder.
fn open_below(outer: &TempDir) -> usize {
    let root = outer.path().join("root");
    let open = std::fs::read_dir("/proc/self/fd").expect("Linux has it").flatten();
    open.filter_map(|fd| std::fs::read_link(fd.path()).ok()).filter(|to| to.parent() == Some(&root)).count()
}
