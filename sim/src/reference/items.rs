//! What the yardsticks are made of: a packet or a marker in a byte, an arc in a word.

/// A packet or a marker in a byte that is never zero: three bits of version, one for mixed, four of sequence number. Packets
/// count from 1; a marker has sequence number 0 and, so as not to be zero, the bit for mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item(u8);

impl Item {
    pub(super) const SEQUENCE_MAX: u8 = 15;
    pub(super) const VERSION_MAX: u8 = 7;
    pub(super) const MIXED: u8 = 1 << 4;

    pub(super) fn packet(version: u8, sequence: u8) -> Self {
        Self(version << 5 | sequence)
    }

    pub(super) fn marker(version: u8) -> Self {
        Self(version << 5 | Self::MIXED)
    }

    pub(super) fn is_marker(self) -> bool {
        self.0 & Self::SEQUENCE_MAX == 0
    }

    pub(super) fn version(self) -> u8 {
        self.0 >> 5
    }

    /// Of a packet: whether it met another version.
    pub(super) fn is_mixed(self) -> bool {
        self.0 & Self::MIXED != 0
    }

    /// The packet, mixed if it differs from the version of an operator.
    pub(super) fn meeting(self, version: u8) -> Self {
        Self(self.0 | if self.version() == version { 0 } else { Self::MIXED })
    }
}

/// What is in an arc, head in the lowest byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Arc(u64);

impl Arc {
    pub(super) const ITEMS_MAX: u32 = u64::BITS / u8::BITS;

    pub(super) fn len(self) -> u32 {
        Self::ITEMS_MAX - self.0.leading_zeros() / u8::BITS
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn push(&mut self, item: Item) {
        self.0 |= u64::from(item.0) << (self.len() * u8::BITS);
    }

    pub(super) fn head(self) -> Option<Item> {
        (!self.is_empty()).then_some(Item(self.0 as u8))
    }

    pub(super) fn pop(&mut self) -> Item {
        let head = Item(self.0 as u8);
        self.0 >>= u8::BITS;
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arc_gives_back_what_it_took_in_order() {
        let items = [Item::packet(7, 15), Item::marker(0), Item::marker(7), Item::packet(0, 1).meeting(1)];
        let mut arc = Arc::default();
        for item in items.into_iter().chain(items) {
            arc.push(item);
        }
        assert_eq!(arc.len(), Arc::ITEMS_MAX);
        let back: Vec<Item> = std::iter::from_fn(|| (!arc.is_empty()).then(|| arc.pop())).collect();
        assert_eq!(back, [items, items].concat());
        assert_eq!(back.iter().map(|item| item.is_marker()).collect::<Vec<_>>()[..4], [false, true, true, false]);
        assert!(back[3].is_mixed() && back[3].version() == 0);
    }
}
