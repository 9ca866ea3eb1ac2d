//! Listening sockets, and the addresses of all that a server has.
//!
//! In a server of several shards each has an acceptor of its own at the same address, and the kernel spreads connections over
//! them (`SO_REUSEPORT`). The first shard binds as if it were alone, so an address that anybody has is refused, be it
//! another program or another acceptor of this flow; only then it shares the address with the shards behind it:
//!
//! ```text
//!   shard 0   bind A (refused if taken)   share   listen
//!   shard 1                                       share   bind A   listen
//! ```
//!
//! With port 0 the kernel chooses, once: the shards behind the first bind what it got. They find it here, in the order in which
//! it was built there, since all shards are built with the same operators in the same order, and for one update at a time.

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections that the kernel has ready for a listening socket, at most.
const BACKLOG: i32 = 1024;

/// Bytes that a connection may have waiting in the kernel (which doubles it). Writability is reported when a third of it is
/// free; left to grow to megabytes, a client that reads slowly but steadily would look like one that takes nothing.
const SEND_BUFFER: usize = 128 << 10;

/// The addresses at which a server listens, in all its shards.
#[derive(Debug)]
pub(crate) struct Addresses {
    shards: usize,
    noted: Mutex<BTreeMap<u64, Noted>>,
}

/// One listening socket.
#[derive(Debug)]
struct Noted {
    shard: usize,
    asked: SocketAddr,
    got: SocketAddr,
    /// Shards that listen there because this one does.
    followed_by: BTreeSet<usize>,
}

/// A listening socket; when it is dropped, it is no longer said that it listens.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    _note: Note,
}

/// That a socket is among the addresses.
#[derive(Debug)]
struct Note {
    number: u64,
    addresses: Arc<Addresses>,
}

impl Addresses {
    /// Of a server with so many shards.
    pub(crate) fn of_shards(shards: usize) -> Self {
        Self { shards, noted: Mutex::default() }
    }

    /// Listens at an address, or a name that has one, for a shard.
    pub(crate) fn listen(self: &Arc<Self>, shard: usize, text: &str) -> io::Result<Listener> {
        let asked = resolve(text)?;
        let mut noted = self.noted();
        let sharing = match (self.shards, shard) {
            (1, _) => Sharing::No,
            (_, 0) => Sharing::First,
            _ => Sharing::Follows,
        };
        let at = match sharing {
            Sharing::Follows => follow(&mut noted, shard, asked)?,
            Sharing::No | Sharing::First => asked,
        };
        let socket = listen(at, sharing)?;
        let number = noted.last_key_value().map_or(0, |(last, _)| last + 1);
        noted.insert(number, Noted { shard, asked, got: socket.local_addr()?, followed_by: BTreeSet::new() });
        Ok(Listener { socket, _note: Note { number, addresses: Arc::clone(self) } })
    }

    /// Where it listens, each address once, in the order in which listening began.
    pub(crate) fn all(&self) -> Vec<SocketAddr> {
        let mut seen = BTreeSet::new();
        self.noted().values().map(|noted| noted.got).filter(|got| seen.insert(*got)).collect()
    }

    /// What a panicking thread left behind still holds.
    fn noted(&self) -> MutexGuard<'_, BTreeMap<u64, Noted>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.addresses.noted().remove(&self.number);
    }
}

/// Whether shards share the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// There is one shard.
    No,
    /// This is the first of several.
    First,
    /// This is another.
    Follows,
}

/// Where the first shard listens, that was asked for the same and that this one does not follow yet.
fn follow(noted: &mut BTreeMap<u64, Noted>, shard: usize, asked: SocketAddr) -> io::Result<SocketAddr> {
    let is_open = |n: &&mut Noted| n.shard == 0 && n.asked == asked && !n.followed_by.contains(&shard);
    let none = || io::Error::new(io::ErrorKind::AddrNotAvailable, "the first shard does not listen there");
    let first = noted.values_mut().find(is_open).ok_or_else(none)?;
    first.followed_by.insert(shard);
    Ok(first.got)
}

fn resolve(text: &str) -> io::Result<SocketAddr> {
    let none = || io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    text.to_socket_addrs()?.next().ok_or_else(none)
}

fn listen(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    sockopt::set_socket_send_buffer_size(&socket, SEND_BUFFER)?;
    if sharing == Sharing::Follows {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    if sharing == Sharing::First {
        sockopt::set_socket_reuseport(&socket, true)?;
    }
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    const ANY: &str = "127.0.0.1:0";

    fn alone() -> Arc<Addresses> {
        Arc::new(Addresses::of_shards(1))
    }

    fn bound(listener: &Listener) -> SocketAddr {
        listener.socket.local_addr().expect("bound")
    }

    #[test]
    fn an_accepted_socket_is_undelayed_without_being_told() {
        let listener = alone().listen(0, ANY).expect("a free port");
        let _client = TcpStream::connect(bound(&listener)).expect("it listens");
        listener.socket.set_nonblocking(false).expect("a socket");
        let (accepted, _) = listener.socket.accept().expect("someone connected");
        assert!(accepted.nodelay().expect("a socket"));
    }

    #[test]
    fn an_address_can_be_taken_again_at_once() {
        for shards in [1, 2] {
            let listener = Arc::new(Addresses::of_shards(shards)).listen(0, ANY).expect("a free port");
            let address = bound(&listener);
            let client = TcpStream::connect(address).expect("it listens");
            listener.socket.set_nonblocking(false).expect("a socket");
            // The side that closes first keeps the address occupied for a minute, but for SO_REUSEADDR.
            drop(listener.socket.accept().expect("someone connected"));
            drop((client, listener));
            let again = Arc::new(Addresses::of_shards(shards)).listen(0, &address.to_string());
            again.expect("the same address");
        }
    }

    #[test]
    fn what_listens_is_told_for_as_long_as_it_does() {
        let addresses = alone();
        let first = addresses.listen(0, ANY).expect("a free port");
        let second = addresses.listen(0, ANY).expect("a free port");
        let [one, two] = [&first, &second].map(bound);
        assert_eq!(addresses.all(), [one, two]);
        drop(first);
        let third = addresses.listen(0, ANY).expect("a free port");
        assert_eq!(addresses.all(), [two, bound(&third)]);
        drop(second);
        assert_eq!(addresses.all(), [bound(&third)]);
    }

    #[test]
    fn shards_follow_the_first_in_its_order() {
        let addresses = Arc::new(Addresses::of_shards(3));
        let first: Vec<Listener> = (0..2).map(|_| addresses.listen(0, ANY).expect("a free port")).collect();
        for shard in 1..3 {
            for first in &first {
                assert_eq!(bound(&addresses.listen(shard, ANY).expect("the same port")), bound(first));
            }
            addresses.listen(shard, ANY).expect_err("there is no third of the first shard");
        }
        assert_eq!(addresses.all(), first.iter().map(bound).collect::<Vec<_>>());
    }

    #[test]
    fn shards_share_a_port_and_every_connection_comes_to_one_of_them() {
        let addresses = Arc::new(Addresses::of_shards(2));
        let listeners = [0, 1].map(|shard| addresses.listen(shard, ANY).expect("a port"));
        let clients: Vec<_> = (0..64).map(|_| TcpStream::connect(bound(&listeners[0])).expect("it listens")).collect();
        let took = listeners.map(|listener| listener.socket.incoming().take_while(Result::is_ok).count());
        assert_eq!(took.iter().sum::<usize>(), clients.len());
        assert!(took.iter().all(|one| *one > 0), "one in 2^63 runs all come to one shard: {took:?}");
    }

    #[test]
    fn an_address_that_somebody_has_is_not_shared() {
        for (owner, other) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
            let addresses = Arc::new(Addresses::of_shards(owner));
            let listeners: Vec<Listener> =
                (0..owner).map(|shard| addresses.listen(shard, ANY).expect("a port")).collect();
            let text = bound(&listeners[0]).to_string();
            let refused = Arc::new(Addresses::of_shards(other)).listen(0, &text).expect_err("another server has it");
            assert_eq!(refused.kind(), io::ErrorKind::AddrInUse, "{owner} shards, {other} shards");
            let refused = addresses.listen(0, &text).expect_err("the same shard has it");
            assert_eq!(refused.kind(), io::ErrorKind::AddrInUse, "{owner} shards");
        }
    }
}
