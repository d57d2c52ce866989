//! The URLs of the API, one function per operation (docs/platform.md, "Operations", "Jobs",
//! "Files").
//!
//! Every segment and every value is percent-encoded separately, with `%20` for a space: every
//! server decodes that, but not every server accepts `+`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use url::Url;

use crate::ident::{JobId, SolutionId, SolutionName};
use crate::job::{JobKind, RunFilter, RunTarget};

/// The characters that need no encoding (RFC 3986, unreserved).
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The paths of all versions, and of one of them.
const SOLUTIONS: &str = "/api/v2/solutions/deployed";
const SOLUTION: &str = "/api/v2/solutions/deployed/{id}";

/// An operation with its URL.
#[derive(Debug, Clone)]
pub(in crate::api) struct Route {
    pub(in crate::api) method: Method,
    pub(in crate::api) url: Url,
    /// The path with placeholders.
    pub(in crate::api) template: &'static str,
}

impl Route {
    /// Returns whether the operation lists versions.
    pub(in crate::api) fn is_list(&self) -> bool {
        self.method == Method::GET && self.template == SOLUTIONS
    }
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
        let query = Query::default()
            .window(limit.map(u64::from), offset)
            .and("state", filter.state)
            .and("name", filter.name.as_ref().map(SolutionName::as_str))
            .and("visibility", filter.visibility);
        self.route(Method::GET, SOLUTIONS, None, query)
    }

    pub(in crate::api) fn get(&self, id: &SolutionId) -> Route {
        self.of_solution(Method::GET, SOLUTION, id, Query::default())
    }

    pub(in crate::api) fn deploy(&self) -> Route {
        self.route(Method::POST, SOLUTIONS, None, Query::default())
    }

    pub(in crate::api) fn patch(&self, id: &SolutionId, values: &[(&str, &str)]) -> Route {
        let query = values.iter().fold(Query::default(), |query, (key, value)| {
            query.and(key, [value])
        });
        self.of_solution(Method::PATCH, SOLUTION, id, query)
    }

    pub(in crate::api) fn delete(&self, id: &SolutionId) -> Route {
        self.of_solution(Method::DELETE, SOLUTION, id, Query::default())
    }

    pub(in crate::api) fn job(&self, id: &JobId, kind: JobKind) -> Route {
        let query = Query::default()
            .and("job_id", [id.as_str()])
            .and("type", [kind.as_str()]);
        self.route(Method::GET, "/api/v1/jobs/status", None, query)
    }

    pub(in crate::api) fn run(&self, target: &RunTarget) -> Route {
        match target {
            RunTarget::Id(id) => self.of_solution(
                Method::POST,
                "/api/v2/solutions/deployed/{id}/run",
                id,
                Query::default(),
            ),
            RunTarget::Name { .. } => self.route(
                Method::POST,
                "/api/v2/solutions/deployed/run",
                None,
                Query::default(),
            ),
        }
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
        let one = filter.solution_ids.first().filter(|_| filter.is_of_one);
        let mut query = Query::default();
        if one.is_none() {
            query = query
                .and(
                    "solution_id",
                    filter.solution_ids.iter().map(SolutionId::as_str),
                )
                .and("owner", &filter.owners)
                .and("name", &filter.names);
        }
        let query = query
            .and("user", &filter.users)
            .and("job_id", filter.ids.iter().map(JobId::as_str))
            .and("state", &filter.states)
            .and("output_repo", &filter.output_repos)
            .and("sort_by", filter.sort_by)
            .and("order", filter.order)
            .window(limit, offset);
        match one {
            Some(id) => {
                let template = "/api/v2/solutions/deployed/{id}/jobs";
                self.of_solution(Method::GET, template, id, query)
            }
            None => self.route(Method::GET, "/api/v2/solutions/deployed/jobs", None, query),
        }
    }

    /// Returns the route of a file on the platform's file system, its path encoded segment by
    /// segment.
    pub(in crate::api) fn file(&self, path: &str) -> Route {
        let query = Query::default().and("expect-node-type", ["file"]);
        self.of_file(Method::GET, path, query)
    }

    /// Returns the route of the type of a file or folder.
    pub(in crate::api) fn node(&self, path: &str) -> Route {
        self.of_file(Method::HEAD, path, Query::default())
    }

    /// Returns the route of a write of a file.
    pub(in crate::api) fn file_write(&self, method: Method, path: &str) -> Route {
        self.of_file(method, path, Query::default())
    }

    pub(in crate::api) fn move_file(&self) -> Route {
        self.route(Method::POST, "/api/v2/files/move", None, Query::default())
    }

    fn of_file(&self, method: Method, path: &str, query: Query) -> Route {
        let segments: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(segment)
            .collect();
        let path = Some(segments.join("/"));
        self.route(method, "/api/v2/files/{path}", path, query)
    }

    fn of_solution(
        &self,
        method: Method,
        template: &'static str,
        id: &SolutionId,
        query: Query,
    ) -> Route {
        self.route(method, template, Some(segment(id.as_str())), query)
    }

    fn route(
        &self,
        method: Method,
        template: &'static str,
        variable: Option<String>,
        Query(query): Query,
    ) -> Route {
        let (before, rest) = template.split_once('{').unwrap_or((template, ""));
        let after = rest.split_once('}').map_or("", |(_, after)| after);
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}{before}{}{after}",
            self.base.path().trim_end_matches('/'),
            variable.unwrap_or_default()
        ));
        url.set_query(query.as_deref());
        Route {
            method,
            url,
            template,
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
    /// Adds a parameter, once for each value.
    fn and(mut self, key: &str, values: impl IntoIterator<Item: AsRef<str>>) -> Self {
        for value in values {
            let text = self.0.get_or_insert_default();
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(key);
            text.push('=');
            text.extend(utf8_percent_encode(value.as_ref(), &UNRESERVED));
        }
        self
    }

    /// Adds the window of a list.
    fn window(self, limit: Option<u64>, offset: u64) -> Self {
        let offset = Some(offset).filter(|offset| *offset > 0);
        self.and("limit", limit.map(|limit| limit.to_string()))
            .and("offset", offset.map(|offset| offset.to_string()))
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
                routes.run(&RunTarget::Id(SolutionId::parse("a/b").unwrap())),
                "/prefix/api/v2/solutions/deployed/a%2Fb/run",
            ),
            (
                routes.run(&RunTarget::Name {
                    name: SolutionName::parse("n").unwrap(),
                    version: None,
                    owner: None,
                }),
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
