//! The HTTP client against servers with every known or possible behaviour.

mod codings;
mod concurrency;
mod lists;
mod names;
mod requests;
mod runs;
mod writes;

use std::collections::BTreeSet;
use std::sync::Arc;

use secrecy::SecretString;
use solform::api::{Client, ClientSettings, ListRequest, Reader, TokenSupplier};
use solform::ident::SolutionName;
use solform::live::LiveState;

use crate::support::instance::Instance;
use crate::support::scripted::Scripted;

const TOKEN: &str = "t0ken-of-the-tests";

fn settings(server: &Scripted) -> ClientSettings {
    let mut settings = ClientSettings::new(server.url.clone(), Arc::default());
    settings.token = Some(TokenSupplier::fixed(SecretString::from(TOKEN)));
    settings
}

fn client(server: &Scripted) -> Client {
    Client::new(settings(server)).unwrap()
}

fn reader(server: &Scripted) -> Reader {
    Reader::new(client(server))
}

async fn serve(instance: &Instance) -> Scripted {
    let instance = instance.clone();
    Scripted::start(move |asked| instance.answer(asked)).await
}

fn name(text: &str) -> SolutionName {
    SolutionName::parse(text).unwrap()
}

fn names(texts: &[&str]) -> BTreeSet<SolutionName> {
    texts.iter().map(|text| name(text)).collect()
}

fn whole() -> ListRequest<'static> {
    ListRequest::default()
}

fn ids(live: &LiveState) -> Vec<String> {
    let mut ids: Vec<String> = live
        .versions()
        .iter()
        .map(|version| version.id.to_string())
        .collect();
    ids.sort();
    ids
}
