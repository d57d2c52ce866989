//! Authentication: turns the bearer token and the account header into a caller with a name and
//! rights.

use std::fmt;

use serde::Deserialize;

use super::refusal::Refusal;

/// A bearer token. Its debug output hides the text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// Returns the text of the token.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Token {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A user and their token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedUser {
    /// The bearer token.
    pub token: Token,
    /// The name of the user, which is compared with owners and authors.
    pub username: String,
    /// True if the user may see and change the private solutions of others; false by default.
    #[serde(default)]
    pub admin: bool,
}

/// The user who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) name: String,
    /// True if the caller sees and may change every record.
    pub(crate) admin: bool,
}

/// The tokens and accounts that the server accepts.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) users: Vec<SeedUser>,
    /// The name of the caller for `token`, or for every token that belongs to no user.
    pub(crate) default_user: String,
    pub(crate) token: Option<Token>,
    pub(crate) contexts: Vec<String>,
}

impl Access {
    /// Returns the caller. A wrong token and a wrong account are both refused with 401, as on the
    /// platform.
    pub(crate) fn caller(
        &self,
        authorization: Option<&str>,
        context: Option<&str>,
    ) -> Result<Caller, Refusal> {
        let token = authorization
            .and_then(bearer_token)
            .ok_or(Refusal::WrongToken)?;
        if let Some(context) = context
            && !self.contexts.is_empty()
            && !self.contexts.iter().any(|known| known == context)
        {
            return Err(Refusal::WrongContext(context.to_owned()));
        }
        if let Some(user) = self.users.iter().find(|user| user.token.expose() == token) {
            return Ok(Caller {
                name: user.username.clone(),
                admin: user.admin,
            });
        }
        match &self.token {
            Some(expected) if expected.expose() != token => Err(Refusal::WrongToken),
            _ => Ok(Caller {
                name: self.default_user.clone(),
                admin: true,
            }),
        }
    }
}

/// Returns the token of `Bearer TOKEN`. The scheme is compared without case, as in HTTP.
fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(token: Option<&str>) -> Access {
        Access {
            users: vec![SeedUser {
                token: "t-ann".into(),
                username: "ann".to_owned(),
                admin: false,
            }],
            default_user: "root".to_owned(),
            token: token.map(Token::from),
            contexts: vec!["acme".to_owned()],
        }
    }

    #[test]
    fn tokens_name_their_callers() {
        let cases = [
            (None, Some("Bearer x"), Some("root")),
            (None, Some("bearer  x "), Some("root")),
            (None, Some("Bearer "), None),
            (None, Some("Basic x"), None),
            (None, Some("x"), None),
            (None, None, None),
            (None, Some("Bearer t-ann"), Some("ann")),
            (Some("t"), Some("Bearer t"), Some("root")),
            (Some("t"), Some("Bearer t-ann"), Some("ann")),
            (Some("t"), Some("Bearer x"), None),
        ];
        for (token, header, name) in cases {
            let caller = access(token).caller(header, None);
            assert_eq!(
                caller.ok().map(|c| c.name).as_deref(),
                name,
                "{token:?} {header:?}"
            );
        }
    }

    #[test]
    fn an_unknown_account_is_refused() {
        let access = access(None);
        assert!(access.caller(Some("Bearer x"), Some("acme")).is_ok());
        assert!(matches!(
            access.caller(Some("Bearer x"), Some("other")),
            Err(Refusal::WrongContext(_))
        ));
    }
}
