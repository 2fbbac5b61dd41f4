//! Forgetting: changes that no cursor may ask for any more, tasks long ended, bodies without a name.
//! What goes with one command is decided in `apply`.

pub(crate) mod apply;
pub(crate) mod command;
