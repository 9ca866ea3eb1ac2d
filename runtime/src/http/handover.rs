//! Updates in the middle of things: half-sent responses, idle connections and the listening socket change hands, and
//! no client can tell.

use super::observations::mixed;
use super::testing::client::{Client, Turns, pattern, read_response};
use super::testing::{ACCEPT, Kind, LOAD, READ, REPLY, Server};
use neurath_model::id::UpdateId;
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use tempfile::TempDir;

const BIG: usize = 12 << 20;
const FIRST: UpdateId = UpdateId(1);
const SWITCH: (UpdateId, &[&str]) = (FIRST, &["load", "reply"]);
const GET_BIG: &[u8] = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_SMALL: &[u8] = b"GET /small HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST_SMALL: &[u8] = b"GET /small HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("big"), pattern(BIG)).expect("a file");
    std::fs::write(folder.path().join("small"), "small").expect("a file");
    folder
}

fn server(kind: Kind, root: &Path) -> Server {
    Server::new(kind, root, &[])
}

/// A client whose answer is half sent, and behind it a request that is not looked at yet.
fn half_sent(server: &mut Server) -> Turns {
    let held = server.held(REPLY);
    let mut client = Turns::connect(server);
    client.send(server, &[GET_BIG, LAST_SMALL].concat());
    assert_eq!(server.held(REPLY), held + 1, "the file is larger than what a socket takes");
    client
}

fn assert_whole(mut bytes: &[u8]) {
    assert!(read_response(&mut bytes, false).body == pattern(BIG), "byte for byte");
    assert_eq!(read_response(&mut bytes, false).body, b"small");
    assert!(bytes.is_empty(), "and nothing else");
}

/// Runs the switch while a thread reads what the client is owed.
fn while_reading(client: Turns, body: impl FnOnce()) -> Vec<u8> {
    let (mut stream, mut received) = client.into_blocking();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            stream.read_to_end(&mut received).expect("closed, not reset");
            received
        });
        body();
        reader.join().expect("the reader ends")
    })
}

#[test]
fn half_sent_files_are_finished_by_the_blocking_version() {
    let folder = folder();
    let mut server = server(Kind::Nio, folder.path());
    let client = half_sent(&mut server);
    let received = while_reading(client, || {
        server.update(LOAD, "1", &[], FIRST);
        server.update(REPLY, "1", &["reply-to-blocking"], FIRST);
        assert_eq!(server.held(REPLY), 0, "finished at the start");
        server.turn();
    });
    assert_whole(&received);
    let counts = server.observations.met_counts();
    assert_eq!(
        counts.iter().map(|(met, n)| (met.load, met.reply, *n)).collect::<Vec<_>>(),
        [(Some(UpdateId::NONE), UpdateId::NONE, 1), (Some(FIRST), FIRST, 1)]
    );
    assert_eq!(mixed(&counts, &[SWITCH]), 0);
}

/// What the blocking version was given and had not started on goes on unharmed.
#[test]
fn half_sent_files_go_to_the_blocking_version_and_back() {
    let folder = folder();
    let mut server = server(Kind::Nio, folder.path());
    let mut clients = [half_sent(&mut server), half_sent(&mut server), half_sent(&mut server)];
    server.update(REPLY, "nio", &["reply-to-blocking", "reply-to-nio"], FIRST);
    for client in &mut clients {
        client.receive(&mut server, usize::MAX);
        assert_whole(&client.received);
    }
}

/// A response in memory that is half sent, which only `load@1` before `reply@nio` can make.
#[test]
fn half_sent_bytes_change_hands_again_and_again() {
    let folder = folder();
    let mut server = server(Kind::Nio, folder.path());
    server.update(LOAD, "1", &[], FIRST);
    let mut client = half_sent(&mut server);
    for update in 2..40 {
        client.receive(&mut server, update * 100_000);
        server.update(REPLY, "nio", &["reply-to-blocking", "reply-to-nio"], UpdateId(update as u32));
    }
    assert_eq!(server.held(REPLY), 1, "all the while");
    let received = while_reading(client, || {
        server.update(REPLY, "1", &["reply-to-blocking"], UpdateId(40));
        server.turn();
    });
    assert_whole(&received);
}

#[test]
fn a_kept_alive_connection_lives_through_the_switch_and_back() {
    let folder = folder();
    let mut server = server(Kind::Blocking, folder.path());
    let mut client = Turns::connect(&mut server);
    let mut length = 0;
    for (update, version, transfer) in [(1, "nio", "reply-to-nio"), (2, "1", "reply-to-blocking")] {
        for _ in 0..3 {
            client.send(&mut server, GET_SMALL);
            client.receive(&mut server, length + 1);
            length = client.received.len();
        }
        server.update(LOAD, version, &[], UpdateId(update));
        server.update(REPLY, version, &[transfer], UpdateId(update));
    }
    client.send(&mut server, LAST_SMALL);
    client.receive(&mut server, usize::MAX);
    let mut rest = client.received.as_slice();
    for _ in 0..7 {
        assert_eq!(read_response(&mut rest, false).body, b"small");
    }
    let observations = &server.observations;
    assert_eq!((observations.opened(), observations.answered(), observations.broken()), (1, 7, 0));
    assert_eq!(mixed(&observations.met_counts(), &[SWITCH, (UpdateId(2), SWITCH.1)]), 0);
}

/// What the update check is there to prevent is counted, and answered correctly all the same.
#[test]
fn a_body_of_the_other_kind_is_answered_and_counted_as_mixed() {
    let folder = folder();
    for (kind, version) in [(Kind::Blocking, "nio"), (Kind::Nio, "1")] {
        let mut server = server(kind, folder.path());
        let ask = |server: &mut Server| {
            server.serve(|address| {
                let mut client = Client::connect(address);
                assert!(client.ask(GET_BIG).body == pattern(BIG), "{kind:?}");
                assert_eq!(client.ask(GET_SMALL).body, b"small", "{kind:?}");
                assert!(client.ask(b"HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n").body.is_empty(), "{kind:?}");
            });
        };
        ask(&mut server);
        server.update(LOAD, version, &[], FIRST);
        ask(&mut server);
        assert_eq!(server.observations.answered(), 6);
        assert_eq!(mixed(&server.observations.met_counts(), &[SWITCH]), 3);
    }
}

#[test]
fn idle_connections_and_those_under_way_find_the_next_reader() {
    let folder = folder();
    let mut server = server(Kind::Nio, folder.path());
    let mut away = Turns::connect(&mut server);
    away.send(&mut server, GET_BIG);
    let mut idle = Turns::connect(&mut server);
    idle.send(&mut server, &LAST_SMALL[..10]);
    let mut asking = Turns::connect(&mut server);
    asking.write(LAST_SMALL);
    assert_eq!((server.held(READ), server.held(REPLY)), (2, 1));
    server.update(READ, "1", &[], FIRST);
    idle.send(&mut server, &LAST_SMALL[10..]);
    for client in [&mut idle, &mut asking] {
        client.receive(&mut server, usize::MAX);
        assert_eq!(read_response(&mut client.received.as_slice(), false).body, b"small");
    }
    away.receive(&mut server, BIG + 200);
    server.turn();
    assert_eq!(server.held(READ), 1, "it came back and waits");
    away.send(&mut server, LAST_SMALL);
    away.receive(&mut server, usize::MAX);
    assert_whole(&away.received);
    assert_eq!((server.observations.closed(), server.observations.broken()), (3, 0));
}

#[test]
fn the_listening_socket_is_handed_on_with_its_seats() {
    let folder = folder();
    let mut server = Server::new(Kind::Nio, folder.path(), &[("CONNECTIONS", Value::from(1))]);
    let address = server.address();
    let first = Turns::connect(&mut server);
    let mut second = Turns::connect(&mut server);
    server.update(ACCEPT, "1", &[], FIRST);
    assert_eq!(server.address(), address);
    second.send(&mut server, LAST_SMALL);
    assert_eq!(server.observations.opened(), 1, "the cap still counts the first");
    drop(first);
    second.receive(&mut server, usize::MAX);
    assert_eq!(read_response(&mut second.received.as_slice(), false).body, b"small");
}

/// One client reads nothing before the other has everything; sent one after the other, they would wait for ever.
#[test]
fn carried_responses_do_not_wait_for_each_other() {
    let folder = folder();
    let mut server = Server::new(Kind::Nio, folder.path(), &[("SEND_TIMEOUT_MS", Value::from(u64::MAX))]);
    let stuck = half_sent(&mut server);
    let (mut stream, mut received) = half_sent(&mut server).into_blocking();
    let received = std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let whole = BIG + LAST_SMALL.len();
            while received.len() < whole {
                // Slower than the server, whose sockets are therefore full most of the time.
                let mut space = [0; 1 << 12];
                let count = stream.read(&mut space).expect("open, or closed");
                received.extend_from_slice(&space[..count]);
            }
            drop(stuck);
            stream.read_to_end(&mut received).expect("closed, not reset");
            received
        });
        server.update(REPLY, "1", &["reply-to-blocking"], FIRST);
        server.turn();
        reader.join().expect("the reader ends")
    });
    assert_whole(&received);
    assert_eq!((server.observations.broken(), server.observations.closed()), (1, 2));
}

#[test]
fn carried_responses_that_nobody_reads_are_given_up() {
    let folder = folder();
    let mut server = Server::new(Kind::Nio, folder.path(), &[("SEND_TIMEOUT_MS", Value::from(1))]);
    let _stuck = [half_sent(&mut server), half_sent(&mut server)];
    server.update(REPLY, "1", &["reply-to-blocking"], FIRST);
    assert_eq!((server.observations.broken(), server.observations.closed()), (2, 2));
}
