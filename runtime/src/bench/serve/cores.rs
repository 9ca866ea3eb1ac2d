//! The server on one core, its clients on another: what either takes is not taken from the other.
//!
//! A thread begins on the cores of the one that started it. So a child is kept on a core from its first instruction if its
//! parent goes there to start it.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A core for the server and one for the clients.
#[derive(Debug, Clone, Copy)]
pub(in crate::bench) struct Cores {
    pub(in crate::bench) server: usize,
    pub(in crate::bench) clients: usize,
}

impl Cores {
    /// The first two that this thread may use, if there are two.
    pub(in crate::bench) fn find() -> Option<Self> {
        let allowed = sched_getaffinity(None).ok()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Some(Self { server: cores.next()?, clients: cores.next()? })
    }

    /// Does something on the server's core, and leaves this thread on the clients'; whether it could.
    pub(in crate::bench) fn on_server<T>(cores: Option<Self>, work: impl FnOnce() -> T) -> (T, bool) {
        let Some(Self { server, clients }) = cores else { return (work(), false) };
        let is_there = go_to(server);
        let made = work();
        (made, go_to(clients) && is_there)
    }

    /// Which they are, if they were used.
    pub(in crate::bench) fn told(cores: Option<Self>) -> String {
        match cores {
            Some(Self { server, clients }) => format!("server to core {server}, clients to core {clients}"),
            None => "no".into(),
        }
    }
}

fn go_to(core: usize) -> bool {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).is_ok()
}
