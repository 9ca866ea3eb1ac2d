//! Yardsticks for explorers: two small systems whose counts are known from elsewhere, simpler than the update protocol.

pub mod chain;
pub mod diamond;
mod items;
