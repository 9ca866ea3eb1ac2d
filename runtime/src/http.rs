//! The functions of the HTTP server flow: a static file server whose operators can be updated while it serves.
//!
//! ```text
//!   accept -> read -> parse -> load -> compose -> reply
//!              ^ BACK (feedback)                    |
//!              +------------------------------------+
//! ```
//!
//! A connection travels inside the packets. It goes round the loop once per request, so a connection has at most
//! one exchange under way and pipelined requests are answered in order without any bookkeeping: what came in behind
//! a request stays in the connection's own buffer until `read` sees the connection again. A lineage is one request;
//! it begins where `read` lets a framed request go and ends on the feedback arc.
//!
//! The update that this flow exists for changes `load` and `reply` together: version `1` reads whole files and writes
//! them blocking, version `nio` passes descriptors along and sends them with `sendfile` as sockets allow. Half-sent
//! responses are open work of `reply` and are carried over.
//!
//! Other flows of the same operators, and of some more, lie beside it in `runtime/flows/http`: with a cache before `load`, with
//! compression behind `compose`, with a second listening socket.
//!
//! Only the public API of the engine is used here: [`function`](crate::function) and [`packet`](crate::packet).
//! Not done: request bodies (answered, then the connection is closed), ranges, conditional requests, TLS, timeouts of
//! idle connections.

mod accept;
mod cache;
mod coding;
pub mod components;
mod compose;
mod compress;
mod connection;
pub mod evolution;
mod fill;
mod framing;
mod header;
mod listening;
mod load;
mod merge;
mod message;
pub mod observations;
mod open_files;
mod parse;
mod places;
mod read;
mod reply;
mod root;
mod send;
pub mod server;
mod stamp;
mod status;
mod target;

#[cfg(test)]
mod cached;
#[cfg(test)]
mod compressed;
#[cfg(test)]
mod conduct;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod requirements;
#[cfg(test)]
mod testing;

pub use components::{BLOCKING, FLOW, NIO, Site, register, register_at};
pub use observations::{Met, Observations, mixed};
pub use server::Server;
