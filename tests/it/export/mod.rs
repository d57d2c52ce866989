//! `export`: a manifest of what is live, whatever is live, plans empty.

mod command;
mod random;
mod worlds;
