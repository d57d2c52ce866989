//! Questions about the behaviour of a server, not about what is live: `doctor` asks them.

use std::time::SystemTime;

use reqwest::header::DATE;

use crate::api::http::answer::LIST_LIMIT;
use crate::api::http::client::Client;
use crate::api::http::error::ApiError;
use crate::api::http::routes::ListFilter;
use crate::api::http::send::Call;
use crate::api::http::settings::{ClientSettings, SettingsError};
use crate::api::listing::page::read_page;
use crate::attribute::Visibility;
use crate::ident::SolutionName;
use crate::live::LiveVersion;

/// The number of records that a question requests.
const ASKED: u32 = 100;

/// The filter of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// No filter.
    Any,
    /// Versions in service.
    Active,
    /// Versions out of service.
    Inactive,
    /// Versions of this name.
    Name(SolutionName),
    /// Versions of this visibility.
    Visibility(Visibility),
}

/// The first page of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The records that could be parsed.
    pub versions: Vec<LiveVersion>,
    /// The server's time, in whole seconds.
    pub date: Option<SystemTime>,
}

/// An examination of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Probe {
    client: Client,
}

impl Probe {
    /// Creates a probe over this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Returns the same probe without `IB-Context`.
    pub fn without_context(&self) -> Result<Self, SettingsError> {
        self.with(|settings| settings.context = None)
    }

    /// Returns the same probe without a token: a server that is up answers such a request too.
    pub fn without_token(&self) -> Result<Self, SettingsError> {
        self.with(|settings| settings.token = None)
    }

    fn with(&self, change: impl FnOnce(&mut ClientSettings)) -> Result<Self, SettingsError> {
        let mut settings = self.client.0.settings.clone();
        change(&mut settings);
        Ok(Self::new(Client::new(settings)?))
    }

    /// Reads the token, and sends no request.
    pub async fn token(&self) -> Result<(), ApiError> {
        self.client.prepare(&self.call(&Question::Any)).await
    }

    /// Reads a page of a list.
    pub async fn ask(&self, question: &Question) -> Result<Sample, ApiError> {
        self.client
            .read(&self.call(question), |answer| {
                let page = read_page(answer, 0)?;
                let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
                Ok(Sample {
                    versions: page.versions,
                    date: date.and_then(|date| httpdate::parse_http_date(date).ok()),
                })
            })
            .await
    }

    fn call(&self, question: &Question) -> Call {
        let mut filter = ListFilter::default();
        match question {
            Question::Any => {}
            Question::Active => filter.state = Some("ACTIVE"),
            Question::Inactive => filter.state = Some("INACTIVE"),
            Question::Name(name) => filter.name = Some(name.clone()),
            Question::Visibility(visibility) => filter.visibility = Some(visibility.as_str()),
        }
        let route = self.client.0.routes.list(&filter, Some(ASKED), 0);
        Call::new(route, LIST_LIMIT)
    }
}
