//! How the server conducts itself over many requests and connections: order, fairness, limits, and peers that misbehave.
//!
//! What a single request is answered with stands in [`requirements`](super::requirements); what an update may not
//! disturb, in [`handover`](super::handover).

use super::testing::client::{Client, Turns, folder, pattern, read_response, settle};
use super::testing::{ACCEPT, Kind, READ, REPLY, Server};
use serde_json::Value;
use std::io::Write;
use std::net::Shutdown;
use tempfile::TempDir;

fn server(kind: Kind, outer: &TempDir) -> Server {
    Server::new(kind, &outer.path().join("root"), &[])
}

/// 9112 9.3.2: answers come in the order of the requests.
#[test]
fn pipelined_requests_are_answered_in_order_however_they_are_cut() {
    let outer = folder();
    let text = b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\nHEAD /a.txt HTTP/1.1\r\nHost: a\r\n\r\n\
                 GET /none HTTP/1.1\nHost: a\n\nGET /dir HTTP/1.0\r\n\r\n";
    for kind in Kind::ALL {
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
    for kind in Kind::ALL {
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
    for kind in Kind::ALL {
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
    const SIZE: usize = 256 << 10;
    let outer = folder();
    std::fs::write(outer.path().join("root/big"), pattern(SIZE)).expect("a file");
    let mut server = Server::new(Kind::Nio, &outer.path().join("root"), &[("CHUNK", Value::from(4 << 10))]);
    let mut big = Turns::connect(&mut server);
    big.write(b"GET /big HTTP/1.0\r\n\r\n");
    while server.held(REPLY) == 0 {
        server.step();
        assert_eq!(server.observations.answered(), 0, "the socket could take it all, yet it is sent in chunks");
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
    for kind in [Kind::Nio, Kind::Open] {
        std::fs::write(&path, pattern(12 << 20)).expect("a file");
        settle(&path);
        let mut server = server(kind, &outer);
        let mut client = Turns::connect(&mut server);
        client.send(&mut server, b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
        let file = std::fs::OpenOptions::new().write(true).open(&path).expect("the file");
        file.set_len(8 << 20).expect("it can shrink");
        client.receive(&mut server, usize::MAX);
        assert!(client.ended && client.received.len() < 12 << 20, "{} bytes", client.received.len());
        assert_eq!((server.observations.broken(), server.observations.answered()), (1, 0));
        assert_eq!(server.observations.closed(), 1);
        // What is kept open is known to be another now.
        let head = |address| Client::connect(address).ask(b"HEAD /big HTTP/1.0\r\n\r\n");
        assert_eq!(server.serve(head).field("Content-Length"), Some("8388608"), "{kind:?}");
    }
}

#[test]
fn a_peer_that_resets_within_an_answer_is_let_go() {
    let outer = folder();
    std::fs::write(outer.path().join("root/big"), pattern(12 << 20)).expect("a file");
    for kind in Kind::ALL {
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
    let address = server.address();
    server.close(ACCEPT);
    server.close(READ);
    assert!(std::net::TcpStream::connect(address).is_err(), "a closed listener takes nobody in");
    assert_eq!(server.observations.listening(), None);
    busy.receive(&mut server, usize::MAX);
    assert!(read_response(&mut busy.received.as_slice(), false).body == pattern(12 << 20));
    assert_eq!((server.observations.opened(), server.observations.closed()), (2, 2));
}

#[test]
fn two_acceptors_have_addresses_and_caps_of_their_own() {
    let outer = folder();
    let cap = [("CONNECTIONS", Value::from(1))];
    let mut server = Server::with_flow("two-ports", &outer.path().join("root"), &cap);
    let addresses = server.observations.listening_all();
    assert_eq!((addresses.len(), Some(addresses[0])), (2, server.observations.listening()));
    let mut clients: Vec<Turns> = [0, 1, 0, 1].map(|i| Turns::connect_to(addresses[i])).into();
    server.turn();
    assert_eq!(server.observations.opened(), 2, "one each");
    for client in &mut clients {
        client.send(&mut server, b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    assert_eq!(server.observations.answered(), 2);
    // The first has its seat at the second acceptor, and makes room there only.
    clients.remove(1);
    server.turn();
    assert_eq!((server.observations.opened(), server.observations.answered()), (3, 3));
    drop(clients);
    server.turn();
    assert_eq!((server.observations.opened(), server.observations.closed()), (4, 4));
}

#[test]
fn a_closed_acceptor_leaves_its_connections_and_the_other_one_alone() {
    let outer = folder();
    let mut server = Server::with_flow("two-ports", &outer.path().join("root"), &[]);
    let addresses = server.observations.listening_all();
    let mut clients: Vec<Turns> = addresses.iter().map(|address| Turns::connect_to(*address)).collect();
    server.turn();
    server.close("accept2");
    assert_eq!(server.observations.listening_all(), addresses[..1]);
    assert!(std::net::TcpStream::connect(addresses[1]).is_err(), "refused at once");
    clients.push(Turns::connect_to(addresses[0]));
    for client in &mut clients {
        client.send(&mut server, b"GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
        client.receive(&mut server, 6);
        assert_eq!(read_response(&mut client.received.as_slice(), false).body, b"hello\n");
    }
    drop(clients);
    server.turn();
    assert_eq!((server.observations.opened(), server.observations.closed()), (3, 3));
    std::net::TcpListener::bind(addresses[1]).expect("the address is free again");
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

/// Runs in a process of its own, because the limit holds for all of it.
#[test]
fn descriptors_that_are_used_up_are_waited_for() {
    const CHILD: &str = "NEURATH_TEST_WITH_FEW_DESCRIPTORS";
    if std::env::var_os(CHILD).is_some() {
        return with_few_descriptors();
    }
    let name = "http::conduct::descriptors_that_are_used_up_are_waited_for";
    let this = std::env::current_exe().expect("a test runs from a file");
    let child = std::process::Command::new(this).args(["--exact", name]).env(CHILD, "1").output().expect("it starts");
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}

fn with_few_descriptors() {
    let outer = folder();
    let mut server = server(Kind::Nio, &outer);
    let mut clients: Vec<Turns> = (0..8).map(|_| Turns::connect_only(&server)).collect();
    let spare = std::fs::File::open("/dev/null").expect("a descriptor");
    let limit = rustix::process::Resource::Nofile;
    let used = std::os::fd::AsRawFd::as_raw_fd(&spare) as u64 + 1;
    drop(spare);
    let few = rustix::process::Rlimit { current: Some(used + 3), ..rustix::process::getrlimit(limit) };
    rustix::process::setrlimit(limit, few).expect("a limit can be lowered");

    // Returns at all: it does not try again and again.
    server.turn();
    assert!((1..8).contains(&server.observations.opened()), "as many as there are descriptors");
    clients[0].send(&mut server, b"GET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    clients[0].receive(&mut server, usize::MAX);
    assert_eq!(read_response(&mut clients[0].received.as_slice(), false).status, 503, "no descriptor for the file");
    for client in clients {
        drop(client);
        server.turn();
    }
    assert_eq!((server.observations.opened(), server.observations.closed()), (8, 8));
}
