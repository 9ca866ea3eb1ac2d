//! Things by small numbers: what an operator holds of each connection, by the number of its descriptor.
//!
//! The kernel gives out the smallest free number, so a table is about as long as there are connections, and looking something up is
//! one step. (The slab crate gives out numbers of its own, which would have to be looked up first.)

/// At most one thing for each number.
#[derive(Debug)]
pub(crate) struct Places<T>(Vec<Option<T>>);

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Places<T> {
    /// Puts something at its number.
    ///
    /// # Panics
    /// If there is something: a connection is at one place.
    pub(crate) fn put(&mut self, key: u32, thing: T) {
        let index = key as usize;
        if index >= self.0.len() {
            self.0.resize_with(index + 1, || None);
        }
        let before = self.0[index].replace(thing);
        assert!(before.is_none(), "the key {key} of an open connection is its own");
    }

    /// Takes what is there.
    pub(crate) fn take(&mut self, key: u32) -> Option<T> {
        self.0.get_mut(key as usize)?.take()
    }

    /// Everything, in the order of the numbers.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.0).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_taken_once() {
        let mut places = Places::default();
        places.put(7, "seven");
        places.put(2, "two");
        assert_eq!(
            (places.take(7), places.take(7), places.take(3), places.take(99)),
            (Some("seven"), None, None, None)
        );
        places.put(7, "again");
        assert_eq!(places.drain().collect::<Vec<_>>(), ["two", "again"]);
        assert_eq!(places.drain().count(), 0);
    }

    #[test]
    #[should_panic(expected = "the key 2 of an open connection is its own")]
    fn nothing_is_put_upon_another() {
        let mut places = Places::default();
        places.put(2, ());
        places.put(2, ());
    }
}
