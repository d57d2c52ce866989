//! `export`: the manifest of any live state has an empty plan.

mod command;
mod random;
mod worlds;
