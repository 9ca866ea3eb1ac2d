//! Ways to explore a world of operators and arcs.

pub mod system;
