//! `flow/merge`: what comes in on either port goes out, in the order in which it is taken.
//!
//! ```text
//!   accept  ──> A
//!                merge ──> read      a second listening socket
//!   accept2 ──> B
//! ```
//!
//! An input port ends one arc, so two arcs into one place need an operator between. It knows nothing of what passes.

use crate::function::{Context, Function};
use crate::packet::{Packet, State};
use neurath_model::id::PortIndex;

const OUT: PortIndex = PortIndex(0);

/// The function of `flow/merge@1`.
pub(crate) struct Merge;

impl Function for Merge {
    fn fire(&mut self, _port: PortIndex, packet: Packet, cx: &mut Context<'_>) {
        cx.emit(OUT, packet);
    }

    fn export(self: Box<Self>, _cx: &mut Context<'_>) -> State {
        State::new(())
    }
}
