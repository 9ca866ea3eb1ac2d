//! Measurements that anyone can repeat: side by side in one run, medians of several rounds, in CPU time where only one thread works.
//!
//! [`check`] measures the checker, [`serve`] the server of files.

pub mod check;
mod cpu;
#[cfg(test)]
mod overhead;
pub mod serve;
mod spin;
