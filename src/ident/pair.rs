//! The owner pair: one publisher under two owners (`docs/platform.md`, U7).

use super::identity::Owner;

/// The two owners under which the platform may file the versions of a single user: the user for
/// private versions, `IB_DEPLOYED` for public ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerPair<'a> {
    user: &'a Owner,
}

impl<'a> OwnerPair<'a> {
    /// Returns the pair of a user; `None` for `IB_DEPLOYED`, which is not a user.
    pub fn of(user: &'a Owner) -> Option<Self> {
        (!user.is_ib_deployed()).then_some(Self { user })
    }

    /// Returns the pair of a declared owner and its counterpart; `None` if they are not a user and
    /// `IB_DEPLOYED`.
    pub fn from_both(owner: &'a Owner, other: &'a Owner) -> Option<Self> {
        let is_public = owner.is_ib_deployed();
        Self::of(if is_public { other } else { owner })
            .filter(|_| is_public || other.is_ib_deployed())
    }

    /// Returns the advice, as a sentence, to name the user whose pair makes the two owners equal;
    /// `None` if they are no pair.
    pub fn advice(owner: &Owner, other: &Owner) -> Option<String> {
        let pair = OwnerPair::from_both(owner, other)?;
        Some(format!(
            "Write `user: {}` in the environment if the token is that user's: the owners `{owner}` \
             and `{other}` then count as one.",
            pair.user
        ))
    }

    /// Returns the user.
    pub fn user(self) -> &'a Owner {
        self.user
    }

    /// Returns whether an owner belongs to the pair.
    pub fn contains(self, owner: &Owner) -> bool {
        owner.is_ib_deployed() || owner == self.user
    }

    /// Returns the counterpart of an owner of the pair; `None` for any other owner.
    pub fn other(self, owner: &Owner) -> Option<Owner> {
        if owner.is_ib_deployed() {
            Some(self.user.clone())
        } else if owner == self.user {
            Some(Owner::ib_deployed())
        } else {
            None
        }
    }

    /// Returns whether the user published a record. A record without an author proves nothing.
    pub fn is_author(self, author: Option<&str>) -> bool {
        author == Some(self.user.as_str())
    }

    /// Returns whether a record counts as the declared owner's, although it is filed under the
    /// counterpart.
    pub fn joins(self, declared: &Owner, filed: &Owner, author: Option<&str>) -> bool {
        declared != filed
            && self.contains(declared)
            && self.contains(filed)
            && self.is_author(author)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(text: &str) -> Owner {
        Owner::parse(text).unwrap()
    }

    #[test]
    fn two_owners_are_one_publisher() {
        let (svc, public, bob) = (owner("svc"), owner("IB_DEPLOYED"), owner("bob"));
        let pair = OwnerPair::of(&svc).unwrap();
        assert_eq!(pair.other(&svc), Some(public.clone()));
        assert_eq!(pair.other(&public), Some(svc.clone()));
        assert_eq!(pair.other(&bob), None);
        assert_eq!(OwnerPair::of(&public), None);
        for (declared, filed, author, expected) in [
            (&svc, &public, Some("svc"), true),
            (&public, &svc, Some("svc"), true),
            (&svc, &public, Some("bob"), false),
            (&svc, &public, None, false),
            (&svc, &svc, Some("svc"), false),
            (&bob, &public, Some("bob"), false),
            (&svc, &bob, Some("svc"), false),
        ] {
            let joins = pair.joins(declared, filed, author);
            assert_eq!(joins, expected, "{declared} {filed} {author:?}");
        }
    }

    #[test]
    fn a_pair_is_known_by_both_of_its_owners() {
        let (svc, public, bob) = (owner("svc"), owner("IB_DEPLOYED"), owner("bob"));
        for (left, right, expected) in [
            (&svc, &public, Some(&svc)),
            (&public, &svc, Some(&svc)),
            (&svc, &bob, None),
            (&public, &public, None),
        ] {
            let pair = OwnerPair::from_both(left, right);
            assert_eq!(pair.map(OwnerPair::user), expected, "{left} {right}");
        }
    }
}
