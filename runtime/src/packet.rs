//! What travels on arcs at run time, and what functions remember: values of any type, checked when taken out.
//!
//! Packet types are declared and checked before a flow starts, so a wrong type here is a component that breaks its
//! own declaration.

use std::any::{Any, TypeId, type_name};

/// A value that knows what it is.
trait Value: Any + Send {
    /// What its type is called.
    fn type_name(&self) -> &'static str;
}

impl<T: Any + Send> Value for T {
    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(Box<dyn Value>);

        impl $name {
            /// Wraps a value.
            pub fn new<T: Any + Send>(value: T) -> Self {
                Self(Box::new(value))
            }

            /// Wraps a value that is boxed already: nothing is moved or allocated.
            pub fn boxed<T: Any + Send>(value: Box<T>) -> Self {
                Self(value)
            }

            /// The value, which must be a `T`.
            ///
            /// # Panics
            /// If it is of another type: the component that made it, or the one that takes it, does not do what it
            /// declares.
            pub fn take<T: Any + Send>(self) -> T {
                *self.take_boxed()
            }

            /// The value in its box, so that it can go on in it.
            ///
            /// # Panics
            /// As [`take`](Self::take).
            pub fn take_boxed<T: Any + Send>(self) -> Box<T> {
                if (*self.0).type_id() != TypeId::of::<T>() {
                    panic!("{} of type {} taken as {}", stringify!($name), (*self.0).type_name(), type_name::<T>());
                }
                let value: Box<dyn Any> = self.0;
                value.downcast().expect("its type was looked at")
            }

            /// The value by reference, if it is a `T`.
            pub fn peek<T: Any>(&self) -> Option<&T> {
                let value: &dyn Any = &*self.0;
                value.downcast_ref()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), (*self.0).type_name())
            }
        }
    };
}

opaque! {
    /// The content of a packet: two words, wherever the value is.
    Packet
}
opaque! {
    /// What a function remembers, as it leaves one version and enters the next.
    State
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_in_the_same_box() {
        let value = Box::new([7_u8; 100]);
        let place: *const [u8; 100] = &*value;
        let packet = Packet::boxed(value);
        assert_eq!((packet.peek::<[u8; 100]>(), packet.peek::<u8>()), (Some(&[7; 100]), None));
        assert_eq!(size_of_val(&packet), 2 * size_of::<usize>());
        let value = packet.take_boxed::<[u8; 100]>();
        assert!(std::ptr::eq(&*value, place));
    }

    #[test]
    #[should_panic(expected = "Packet of type i32 taken as u32")]
    fn what_is_taken_as_something_else_says_what_it_is() {
        Packet::new(1_i32).take::<u32>();
    }
}
