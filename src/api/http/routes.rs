//! The URLs of the API, one function per operation (docs/platform.md, "Operations", "Jobs",
//! "Files").
//!
//! Every segment and every value is percent-encoded separately, with `%20` for a space: every
//! server decodes that, but not every server accepts `+`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use url::Url;

use crate::ident::{JobId, SolutionId, SolutionName};
use crate::job::{JobKind, RunFilter};

/// The characters that need no encoding (RFC 3986, unreserved).
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An operation with its URL.
#[derive(Debug, Clone)]
pub(in crate::api) struct Route {
    pub(in crate::api) method: Method,
    /// The operation, for messages and logs.
    pub(in crate::api) template: &'static str,
    pub(in crate::api) url: Url,
}

/// The filters and the window of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::api) struct ListFilter {
    pub(in crate::api) name: Option<SolutionName>,
    pub(in crate::api) state: Option<&'static str>,
    pub(in crate::api) visibility: Option<&'static str>,
}

/// A builder of URLs below a root.
#[derive(Debug, Clone)]
pub(in crate::api) struct Routes {
    base: Url,
}

impl Routes {
    /// Creates a builder; the path of the root is kept, its query and fragment are not.
    pub(in crate::api) fn new(mut base: Url) -> Self {
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        Self { base }
    }

    pub(in crate::api) fn list(
        &self,
        filter: &ListFilter,
        limit: Option<u32>,
        offset: u64,
    ) -> Route {
        let mut query = Query::default();
        if let Some(limit) = limit {
            query.push("limit", &limit.to_string());
        }
        if offset > 0 {
            query.push("offset", &offset.to_string());
        }
        if let Some(state) = filter.state {
            query.push("state", state);
        }
        if let Some(name) = &filter.name {
            query.push("name", name.as_str());
        }
        if let Some(visibility) = filter.visibility {
            query.push("visibility", visibility);
        }
        self.route(Method::GET, "/api/v2/solutions/deployed", None, &query)
    }

    pub(in crate::api) fn get(&self, id: &SolutionId) -> Route {
        self.route(
            Method::GET,
            "/api/v2/solutions/deployed/{id}",
            Some(segment(id.as_str())),
            &Query::default(),
        )
    }

    pub(in crate::api) fn deploy(&self) -> Route {
        self.route(
            Method::POST,
            "/api/v2/solutions/deployed",
            None,
            &Query::default(),
        )
    }

    pub(in crate::api) fn patch(&self, id: &SolutionId, values: &[(&str, &str)]) -> Route {
        let mut query = Query::default();
        for (key, value) in values {
            query.push(key, value);
        }
        self.route(
            Method::PATCH,
            "/api/v2/solutions/deployed/{id}",
            Some(segment(id.as_str())),
            &query,
        )
    }

    pub(in crate::api) fn delete(&self, id: &SolutionId) -> Route {
        self.route(
            Method::DELETE,
            "/api/v2/solutions/deployed/{id}",
            Some(segment(id.as_str())),
            &Query::default(),
        )
    }

    pub(in crate::api) fn job(&self, id: &JobId, kind: JobKind) -> Route {
        let mut query = Query::default();
        query.push("job_id", id.as_str());
        query.push("type", kind.as_str());
        self.route(Method::GET, "/api/v1/jobs/status", None, &query)
    }

    pub(in crate::api) fn run(&self, id: &SolutionId) -> Route {
        self.route(
            Method::POST,
            "/api/v2/solutions/deployed/{id}/run",
            Some(segment(id.as_str())),
            &Query::default(),
        )
    }

    pub(in crate::api) fn run_by_name(&self) -> Route {
        self.route(
            Method::POST,
            "/api/v2/solutions/deployed/run",
            None,
            &Query::default(),
        )
    }

    /// Returns the route of a list of runs: of a single solution if the filter asks for that list,
    /// else of all. The page's own example for the latter has the path of the former
    /// (docs/platform.md, 8.16).
    pub(in crate::api) fn runs(
        &self,
        filter: &RunFilter,
        limit: Option<u64>,
        offset: u64,
    ) -> Route {
        let mut query = Query::default();
        let one = filter.solution_ids.first().filter(|_| filter.is_of_one);
        if one.is_none() {
            query.push_all(
                "solution_id",
                filter.solution_ids.iter().map(SolutionId::as_str),
            );
            query.push_all("owner", filter.owners.iter().map(String::as_str));
            query.push_all("name", filter.names.iter().map(String::as_str));
        }
        query.push_all("user", filter.users.iter().map(String::as_str));
        query.push_all("job_id", filter.ids.iter().map(JobId::as_str));
        query.push_all("state", filter.states.iter().map(String::as_str));
        query.push_all(
            "output_repo",
            filter.output_repos.iter().map(String::as_str),
        );
        query.push_all("sort_by", filter.sort_by);
        query.push_all("order", filter.order);
        if let Some(limit) = limit {
            query.push("limit", &limit.to_string());
        }
        if offset > 0 {
            query.push("offset", &offset.to_string());
        }
        match one {
            Some(id) => self.route(
                Method::GET,
                "/api/v2/solutions/deployed/{id}/jobs",
                Some(segment(id.as_str())),
                &query,
            ),
            None => self.route(Method::GET, "/api/v2/solutions/deployed/jobs", None, &query),
        }
    }

    /// Returns the route of a file on the platform's file system, its path encoded segment by
    /// segment.
    pub(in crate::api) fn file(&self, path: &str) -> Route {
        let encoded = path
            .trim_start_matches('/')
            .split('/')
            .map(segment)
            .collect::<Vec<_>>()
            .join("/");
        let mut query = Query::default();
        query.push("expect-node-type", "file");
        self.route(Method::GET, "/api/v2/files/{path}", Some(encoded), &query)
    }

    fn route(
        &self,
        method: Method,
        template: &'static str,
        variable: Option<String>,
        query: &Query,
    ) -> Route {
        let (before, rest) = template.split_once('{').unwrap_or((template, ""));
        let after = rest.split_once('}').map_or("", |(_, after)| after);
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}{before}{}{after}",
            self.base.path().trim_end_matches('/'),
            variable.unwrap_or_default()
        ));
        url.set_query(query.0.as_deref());
        Route {
            method,
            template,
            url,
        }
    }
}

/// Encodes a path segment. A segment of dots only would be read as a step through the tree, encoded
/// or not, so it is encoded twice: such an id finds nothing instead of another resource.
fn segment(text: &str) -> String {
    if matches!(text, "." | "..") {
        return text.replace('.', "%252E");
    }
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// A query string.
#[derive(Default)]
struct Query(Option<String>);

impl Query {
    fn push(&mut self, key: &str, value: &str) {
        let text = self.0.get_or_insert_default();
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(key);
        text.push('=');
        text.extend(utf8_percent_encode(value, &UNRESERVED));
    }

    fn push_all<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a str>) {
        for value in values {
            self.push(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(base: &str) -> Routes {
        Routes::new(Url::parse(base).unwrap())
    }

    #[test]
    fn odd_names_and_paths_are_encoded_once() {
        let routes = routes("https://h.example/prefix/?x=1#y");
        let filter = ListFilter {
            name: Some(SolutionName::parse("Form W-2/ä@1 + 100%&x=y").unwrap()),
            state: Some("ACTIVE"),
            visibility: Some("PUBLIC"),
        };
        let runs = RunFilter {
            solution_ids: vec![SolutionId::parse("a/b").unwrap()],
            users: vec!["ann".to_owned(), "b o".to_owned()],
            ids: vec![JobId::parse("r").unwrap()],
            states: vec!["FAILED".to_owned()],
            owners: vec!["IB_DEPLOYED".to_owned()],
            names: vec!["Form W-2".to_owned()],
            output_repos: vec!["acme/prod".to_owned()],
            sort_by: Some("name"),
            order: Some("ASCENDING"),
            ..RunFilter::default()
        };
        for (route, expected) in [
            (
                routes.list(&filter, Some(1000), 200),
                "/prefix/api/v2/solutions/deployed?limit=1000&offset=200&state=ACTIVE\
                 &name=Form%20W-2%2F%C3%A4%401%20%2B%20100%25%26x%3Dy&visibility=PUBLIC",
            ),
            (
                routes.list(&ListFilter::default(), None, 0),
                "/prefix/api/v2/solutions/deployed",
            ),
            (
                routes.get(&SolutionId::parse("a/b?c#d%20").unwrap()),
                "/prefix/api/v2/solutions/deployed/a%2Fb%3Fc%23d%2520",
            ),
            (
                routes.delete(&SolutionId::parse("..").unwrap()),
                "/prefix/api/v2/solutions/deployed/%252E%252E",
            ),
            (
                routes.patch(
                    &SolutionId::parse("u-1").unwrap(),
                    &[("visibility", "PUBLIC"), ("state", "ACTIVE")],
                ),
                "/prefix/api/v2/solutions/deployed/u-1?visibility=PUBLIC&state=ACTIVE",
            ),
            (
                routes.job(&JobId::parse("j 1&type=flow").unwrap(), JobKind::Async),
                "/prefix/api/v1/jobs/status?job_id=j%201%26type%3Dflow&type=async",
            ),
            (
                routes.run(&SolutionId::parse("a/b").unwrap()),
                "/prefix/api/v2/solutions/deployed/a%2Fb/run",
            ),
            (
                routes.run_by_name(),
                "/prefix/api/v2/solutions/deployed/run",
            ),
            (
                routes.runs(
                    &RunFilter {
                        is_of_one: true,
                        ..runs.clone()
                    },
                    Some(100),
                    7,
                ),
                "/prefix/api/v2/solutions/deployed/a%2Fb/jobs\
                 ?user=ann&user=b%20o&job_id=r&state=FAILED\
                 &output_repo=acme%2Fprod&sort_by=name&order=ASCENDING&limit=100&offset=7",
            ),
            (
                routes.runs(&runs, None, 0),
                "/prefix/api/v2/solutions/deployed/jobs\
                 ?solution_id=a%2Fb&owner=IB_DEPLOYED&name=Form%20W-2\
                 &user=ann&user=b%20o&job_id=r&state=FAILED&output_repo=acme%2Fprod\
                 &sort_by=name&order=ASCENDING",
            ),
            (
                routes.file("/acme/prod/fs/Instabase Drive/a #1?.ibsolution"),
                "/prefix/api/v2/files/acme/prod/fs/Instabase%20Drive/\
                 a%20%231%3F.ibsolution?expect-node-type=file",
            ),
        ] {
            assert_eq!(route.url.as_str(), format!("https://h.example{expected}"));
        }
    }

    #[test]
    fn a_root_without_a_path_gets_no_double_slash() {
        assert_eq!(
            routes("http://127.0.0.1:9/").deploy().url.as_str(),
            "http://127.0.0.1:9/api/v2/solutions/deployed"
        );
    }
}
