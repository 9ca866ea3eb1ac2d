//! Tests that cross crates.

mod book;
mod operator;
