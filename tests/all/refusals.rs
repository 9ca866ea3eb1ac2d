//! What a running server refuses, with a code, a place and a hint; it serves on through all of it.

use crate::support::{Administered, Site, administered, blocking, get, nio, site, until};
use neurath_model::diagnostic::{Code, Diagnostics};
use neurath_runtime::admin::{self, Ask, Reply};
use neurath_runtime::engine::Options;
use neurath_runtime::update_files::UpdateFiles;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

fn apply(site: &Administered, text: &str) -> Result<Reply, Diagnostics> {
    let files = UpdateFiles { update: Some(("update.toml".into(), text.into())), flow: None };
    site.ask(Ask::Apply { files, scheduler: None })
}

fn codes(result: Result<Reply, Diagnostics>) -> Vec<Code> {
    let diagnostics = result.expect_err("refused");
    for d in &diagnostics.0 {
        assert!(!d.expected.is_empty() && !d.found.is_empty() && !d.hint.is_empty(), "{d:?}");
    }
    diagnostics.0.iter().map(|d| d.code).collect()
}

#[test]
fn bad_updates_are_refused_and_the_server_serves_on() {
    let site = administered(site(Options::default()));
    let head = "[update]\nname = \"u\"\n";
    let rows: &[(&str, String, Code)] = &[
        (
            "unknown operator",
            format!("{head}[operator.lod]\ncomponent = \"http/load@nio\"\nstate = \"keep\"\n"),
            Code::U01,
        ),
        (
            "unknown component",
            format!("{head}[operator.load]\ncomponent = \"http/load@3\"\nstate = \"keep\"\n"),
            Code::U02,
        ),
        (
            "wrong packet type",
            format!("{head}[operator.load]\ncomponent = \"http/load@nio\"\nstate = \"keep\"\n"),
            Code::U07,
        ),
        ("missing state", format!("{head}[operator.load]\ncomponent = \"http/load@nio\"\n"), Code::U04),
        (
            "orphaned port",
            format!("{head}[operator.parse]\ncomponent = \"http/accept@1\"\nstate = \"keep\"\n"),
            Code::U03,
        ),
        (
            "open work dropped",
            format!("{head}[operator.reply]\ncomponent = \"http/reply@nio\"\nstate = \"reset\"\n"),
            Code::U06,
        ),
        (
            "nothing changes",
            format!("{head}[operator.load]\ncomponent = \"http/load@1\"\nstate = \"keep\"\n"),
            Code::U08,
        ),
        (
            "a folder that is not there",
            format!("{head}[operator.load]\nproperties = {{ ROOT = \"/nowhere\" }}\nstate = \"keep\"\n"),
            Code::R04,
        ),
        (
            "a listener that moves",
            format!("{head}[operator.accept]\nproperties = {{ LISTEN = \"127.0.0.1:1\" }}\nstate = \"keep\"\n"),
            Code::R04,
        ),
        ("truncated", format!("{head}[operator.load]\ncomponent = \"http/lo"), Code::P01),
        ("empty", String::new(), Code::P02),
    ];
    for (what, text, expected) in rows {
        let refused = apply(&site, text);
        let placed = |d: &Diagnostics| d.0.iter().all(|d| d.places.iter().any(|p| p.source == "update.toml"));
        assert!(refused.as_ref().is_err_and(placed), "{what}: it says where: {refused:?}");
        let found = codes(refused);
        assert!(found.contains(expected), "{what}: {found:?}");
        assert_eq!(get(site.address, "/000/000000.bin"), "HTTP/1.1 200 OK", "after {what}");
    }
    assert_eq!(site.flow.status().applied, 0);
    site.flow.stop().expect("it ends in order");
}

#[test]
fn an_update_that_is_too_large_is_told_its_size() {
    let site = administered(site(Options::default()));
    let text = format!("[update]\nname = \"u\"\n#{}\n", "x".repeat(2 << 20));
    let refused = apply(&site, &text).expect_err("refused");
    assert_eq!(refused.0[0].code, Code::R03);
    assert!(refused.0[0].expected.contains("1048576 bytes"), "{refused:?}");
    site.flow.stop().expect("it ends in order");
}

#[test]
fn what_is_not_a_request_is_answered_with_r03() {
    let site = administered(site(Options::default()));
    for garbage in [&b"garbage\n"[..], b"{}\n", b"\xff\xfe\n", b"{\"schema_version\":9,\"ask\":{\"do\":\"status\"}}\n"]
    {
        let mut stream = UnixStream::connect(&site.path).expect("it answers");
        stream.write_all(garbage).expect("sent");
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).expect("answered");
        assert!(answer.contains("\"R03\""), "{answer}");
    }
    assert!(matches!(admin::ask(&site.path, Ask::Status), Ok(Reply::Status(..))));
    site.flow.stop().expect("it ends in order");
}

#[test]
fn updates_that_meet_a_slow_client_wait_for_it_and_are_applied_in_order() {
    let Site { folder, server, address, .. } = site(Options::default());
    const BYTES: usize = 64 << 20;
    std::fs::write(folder.path().join("big"), vec![7u8; BYTES]).expect("space for 64 MB");
    // A client that does not read holds the blocking reply, and with it the marker behind it.
    let mut slow = TcpStream::connect(address).expect("it accepts");
    slow.write_all(b"GET /big HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").expect("sent");
    let mut first_byte = [0];
    slow.read_exact(&mut first_byte).expect("the response has begun");
    let (update, map) = nio();
    let ticket = server.flow.submit(&update, &map).expect("accepted");
    let (second, second_map) = blocking();
    let behind = server.flow.submit(&second, &second_map).expect("planned for the flow as the first will leave it");
    let status = server.flow.status();
    let names: Vec<&str> = status.in_flight.iter().map(|update| update.name.as_str()).collect();
    assert_eq!(names, ["nio", "blocking"]);
    let held_up = || server.flow.status().in_flight[0].held_up_by.iter().any(|held| held.operator == "reply");
    assert!(until(held_up), "the status says who holds it up: {:?}", server.flow.status().in_flight);
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("the response goes on");
    assert!(rest.len() > BYTES, "header and body, complete: {}", rest.len());
    assert_eq!(ticket.wait().expect("answered").name, "nio");
    assert_eq!(behind.wait().expect("answered").name, "blocking");
    assert_eq!(get(address, "/000/000000.bin"), "HTTP/1.1 200 OK");
    server.flow.stop().expect("it ends in order");
}

#[test]
fn a_response_half_sent_survives_the_switch_back() {
    let Site { folder, server, address, .. } = site(Options::default());
    const BYTES: usize = 48 << 20;
    let body: Vec<u8> = (0..BYTES).map(|i| (i * 31 % 251) as u8).collect();
    std::fs::write(folder.path().join("big"), &body).expect("space for 48 MB");
    let (to_nio, map) = nio();
    server.flow.submit(&to_nio, &map).expect("accepted").wait().expect("answered");
    let mut slow = TcpStream::connect(address).expect("it accepts");
    slow.write_all(b"GET /big HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").expect("sent");
    let mut head = vec![0; 64 << 10];
    slow.read_exact(&mut head).expect("the response has begun");
    let (back, map) = blocking();
    // NIO holds the response as open work, so the marker passes at once; the blocking version then finishes it.
    server.flow.submit(&back, &map).expect("accepted").wait().expect("answered while the client does not read");
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).expect("the response goes on");
    head.extend(rest);
    let start = head.windows(4).position(|w| w == b"\r\n\r\n").expect("a header") + 4;
    assert!(head[start..] == body[..], "every byte, once and in order");
    server.flow.stop().expect("it ends in order");
}

#[test]
fn a_server_that_is_gone_is_reported_as_such() {
    let site = administered(site(Options::default()));
    let path = site.path.clone();
    site.flow.stop().expect("it ends in order");
    drop(site);
    let refused = admin::ask(&path, Ask::Status).expect_err("nobody is there");
    assert_eq!(refused.0[0].code, Code::R02);
}

#[test]
fn a_folder_that_is_not_there_is_refused_before_anything_runs() {
    let missing = std::path::Path::new("/nonexistent/neurath");
    let refused = neurath_runtime::http::Server::start(missing, "127.0.0.1:0", Options::default()).err();
    assert_eq!(refused.expect("refused").0[0].code, Code::R04);
}
