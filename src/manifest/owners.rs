//! The owners that an environment treats as one, and the records that it may change or must keep.
//!
//! The owners `user` and `IB_DEPLOYED` are one owner pair (`docs/platform.md`, U7).

use super::model::Manifest;
use crate::ident::{Address, Identity, Owner, OwnerPair};

impl Manifest {
    /// Returns the owner pair; `None` if the environment has no `user`.
    pub fn owner_pair(&self) -> Option<OwnerPair<'_>> {
        self.environment.user.as_ref().and_then(OwnerPair::of)
    }

    /// Returns the name of `user`: the author of what this environment's token publishes.
    pub fn user_name(&self) -> Option<&str> {
        self.environment.user.as_ref().map(Owner::as_str)
    }

    /// Returns the other owner of the pair, if an owner is one of the pair.
    pub fn other_owner(&self, owner: &Owner) -> Option<Owner> {
        self.owner_pair()?.other(owner)
    }

    /// Returns whether a live record may be changed at all. All records of an owner in the scope
    /// are covered; of the other owner of the pair, only the records that `user` published.
    pub fn covers(&self, identity: &Identity, author: Option<&str>) -> bool {
        self.scope.has_name(&identity.name)
            && (self.scope.has_owner(&identity.owner)
                || self.owner_pair().is_some_and(|pair| {
                    pair.is_author(author)
                        && pair
                            .other(&identity.owner)
                            .is_some_and(|other| self.scope.has_owner(&other))
                }))
    }

    /// Returns whether two owners are the same one or the owner pair.
    pub fn is_one_owner(&self, left: &Owner, right: &Owner) -> bool {
        left == right
            || self
                .owner_pair()
                .is_some_and(|pair| pair.contains(left) && pair.contains(right))
    }

    /// Returns whether a protection pattern matches a live record, with its own owner or the other
    /// one of the pair.
    pub fn protects(&self, identity: &Identity, author: Option<&str>) -> bool {
        if self.environment.protect.is_empty() {
            return false;
        }
        let other = self
            .owner_pair()
            .filter(|pair| pair.is_author(author))
            .and_then(|pair| pair.other(&identity.owner))
            .map(|owner| Identity {
                owner,
                ..identity.clone()
            });
        let addresses: Vec<Address> = [identity.address(), identity.full_address()]
            .into_iter()
            .chain(other.map(|identity| identity.full_address()))
            .collect();
        self.environment.protect.iter().any(|glob| {
            addresses
                .iter()
                .any(|address| glob.matches(address.as_str()))
        })
    }
}
