//! Questions that tell how a server behaves, and not what is live: `doctor` asks them.

use std::time::SystemTime;

use reqwest::header::DATE;

use crate::api::answer::LIST_LIMIT;
use crate::api::client::Client;
use crate::api::error::ApiError;
use crate::api::page::read_page;
use crate::api::routes::ListFilter;
use crate::api::send::Call;
use crate::api::settings::{ClientSettings, SettingsError};
use crate::attribute::Visibility;
use crate::ident::SolutionName;
use crate::live::LiveVersion;

/// How many records one question asks for.
const ASKED: u32 = 100;

/// Asks by one filter, or by none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// For anything.
    Any,
    /// For what is in service.
    Active,
    /// For what is out of service.
    Inactive,
    /// For one name.
    Name(SolutionName),
    /// For one visibility.
    Visibility(Visibility),
}

/// The first page of what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// What could be understood of it.
    pub versions: Vec<LiveVersion>,
    /// The server's time, to the second.
    pub date: Option<SystemTime>,
}

/// Tries a server out. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Probe {
    client: Client,
}

impl Probe {
    /// A probe over this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The same without `IB-Context`.
    pub fn without_context(&self) -> Result<Self, SettingsError> {
        self.with(|settings| settings.context = None)
    }

    /// The same without a token: whether anybody answers is not a question of who asks.
    pub fn without_token(&self) -> Result<Self, SettingsError> {
        self.with(|settings| settings.token = None)
    }

    fn with(&self, change: impl FnOnce(&mut ClientSettings)) -> Result<Self, SettingsError> {
        let mut settings = self.client.0.settings.clone();
        change(&mut settings);
        Ok(Self::new(Client::new(settings)?))
    }

    /// Reads the token, and sends nothing.
    pub async fn token(&self) -> Result<(), ApiError> {
        self.client.prepare(&self.call(&Question::Any)).await
    }

    /// One page of a list.
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
