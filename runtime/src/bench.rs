//! Measurements that anyone can repeat: side by side in one run, medians of several rounds, in CPU time where only one thread works.
//!
//! [`check`] measures the checker.

pub mod check;
mod cpu;
mod spin;
