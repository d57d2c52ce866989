//! The arguments of `list` and `get`.

use clap::{Args, ValueEnum};

use super::ManifestArgs;
use crate::attribute::Visibility;
use crate::ident::{IdentError, Owner, SolutionName};

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// List only versions in this state
    #[arg(long, value_name = "STATE", value_enum, ignore_case = true)]
    pub(in crate::cli) state: Option<StateWord>,
    /// List only versions with exactly this name
    #[arg(long, value_name = "NAME", value_parser = SolutionName::parse)]
    pub(in crate::cli) name: Option<SolutionName>,
    /// List only versions that this user published
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) author: Option<String>,
    /// List only versions of this owner: a username, or IB_DEPLOYED
    #[arg(long, value_name = "OWNER", value_parser = parse_owner)]
    pub(in crate::cli) owner: Option<Owner>,
    /// List only versions with this visibility
    #[arg(long, value_name = "VISIBILITY", value_enum, ignore_case = true)]
    pub(in crate::cli) visibility: Option<VisibilityWord>,
    /// Maximum number of results; the whole list is read anyway, to check that it is complete
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) limit: Option<u64>,
    /// Number of results to skip
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(in crate::cli) offset: u64,
    /// Print a JSON document
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Arguments of `get`.
#[derive(Debug, Args)]
pub(in crate::cli) struct GetArgs {
    /// `Name@version`, `owner:Name@version`, or a solution id
    #[arg(value_name = "ADDR|ID")]
    pub(in crate::cli) solution: String,
    #[command(flatten)]
    pub(in crate::cli) manifest: ManifestArgs,
    /// Print a JSON document
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// The states that filter a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::cli) enum StateWord {
    /// In service.
    Active,
    /// Out of service.
    Inactive,
    /// In service; an undocumented word of some servers.
    Production,
}

impl StateWord {
    /// The platform's word.
    pub(in crate::cli) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Inactive => "INACTIVE",
            Self::Production => "PRODUCTION",
        }
    }
}

/// The visibilities that filter a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(in crate::cli) enum VisibilityWord {
    /// Visible to every user of the instance.
    Public,
    /// Visible to the owner.
    Private,
    /// Waiting for approval.
    PendingReview,
}

impl From<VisibilityWord> for Visibility {
    fn from(word: VisibilityWord) -> Self {
        match word {
            VisibilityWord::Public => Self::Public,
            VisibilityWord::Private => Self::Private,
            VisibilityWord::PendingReview => Self::PendingReview,
        }
    }
}

fn parse_owner(text: &str) -> Result<Owner, IdentError> {
    Owner::parse(text)
}
