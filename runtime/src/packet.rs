//! What travels on arcs at run time, and what functions remember: values of any type, checked when taken out.
//!
//! Packet types are declared and checked before a flow starts, so a wrong type here is a component that breaks its
//! own declaration.

use std::any::{Any, type_name};

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name {
            value: Box<dyn Any + Send>,
            type_name: &'static str,
        }

        impl $name {
            /// Wraps a value.
            pub fn new<T: Any + Send>(value: T) -> Self {
                Self { value: Box::new(value), type_name: type_name::<T>() }
            }

            /// The value, which must be a `T`.
            ///
            /// # Panics
            /// If it is of another type: the component that made it, or the one that takes it, does not do what it
            /// declares.
            pub fn take<T: Any>(self) -> T {
                match self.value.downcast() {
                    Ok(value) => *value,
                    Err(_) => panic!("{} of type {} taken as {}", stringify!($name), self.type_name, type_name::<T>()),
                }
            }

            /// The value by reference, if it is a `T`.
            pub fn peek<T: Any>(&self) -> Option<&T> {
                self.value.downcast_ref()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.type_name)
            }
        }
    };
}

opaque! {
    /// The content of a packet.
    Packet
}
opaque! {
    /// What a function remembers, as it leaves one version and enters the next.
    State
}
