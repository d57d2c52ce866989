//! What solform does where the platform's documentation contradicts itself or says nothing: the rows of
//! api-facts 8 and the branches of api-facts 9, as far as no other test goes there. `docs/platform.md`
//! lists all of them, each with its tests.

mod deletes;
mod deploys;
mod fields;
mod owners;
mod page;
mod words;
