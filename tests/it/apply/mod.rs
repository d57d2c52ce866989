//! Plan and apply against emulated platforms, through the program itself.

mod contract;
mod converge;
mod failures;
mod faults;
mod forged;
mod interrupt;
mod order;
mod packages;
mod random;
mod saved;
mod servers;
