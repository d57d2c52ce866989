//! The data of a world: records, jobs, files and what reads do not show yet. The operations on it
//! are in `operations`.

pub(crate) mod content;
pub(crate) mod disk;
pub(crate) mod files;
pub(crate) mod ids;
pub(crate) mod jobs;
pub(crate) mod lists;
pub(crate) mod solutions;
pub(crate) mod stale;
pub(crate) mod tracked;
pub(crate) mod work;
pub(crate) mod world;
