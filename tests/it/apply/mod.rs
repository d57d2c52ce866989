//! Plan and apply against emulated platforms, through the program itself.

mod confirmations;
pub(crate) mod contents;
mod contract;
mod converge;
mod cut_uploads;
mod deletes;
mod drain;
mod exchanged;
mod failures;
mod faults;
mod forged;
mod interrupt;
mod order;
mod packages;
mod policies;
mod preconditions;
mod random;
mod saved;
mod servers;
mod several;
mod several_packages;
mod transfers;
pub(crate) mod uploads;
mod verification;
