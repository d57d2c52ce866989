//! The JSON that servers send, parsed without assumptions.
//!
//! The documented forms contradict each other, and captured answers contradict the documents
//! (docs/platform.md, "Records" and "Contradictions"): numbers come as strings, scalars in lists,
//! keys may be missing. So every scalar is read as a [`Loose`], and `convert` decides its meaning.
//! Unknown keys are skipped without being parsed; of a repeated key the last value counts; an
//! object of the wrong type affects only itself, not its page.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess};

use crate::api::wire::loose::{ErrorField, FromAny, Loose, Many, Nested, any, skip_list};

/// Defines a reply with its `Deserialize`: an object whose named keys are read, whose other keys
/// are skipped, and which keeps its default values if the JSON is not an object.
macro_rules! reply {
    (
        $(#[$doc:meta])*
        struct $name:ident {
            $( $(#[$field_doc:meta])* $field:ident : $kind:ty = $($key:literal)|+ ),+ $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(in crate::api) struct $name<'a> {
            /// True if the JSON was not an object.
            #[allow(dead_code, reason = "only records use this field")]
            pub(in crate::api) is_odd: bool,
            $( $(#[$field_doc])* pub(in crate::api) $field: $kind, )+
        }

        impl<'de> FromAny<'de> for $name<'de> {
            fn scalar(_: Loose<'de>) -> Self {
                Self { is_odd: true, ..Self::default() }
            }

            fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
                skip_list(list)?;
                Ok(Self::scalar(Loose::Other))
            }

            fn object<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
                let mut reply = Self::default();
                while let Some(key) = map.next_key::<Loose<'_>>()? {
                    match key.text().as_deref() {
                        $( Some($($key)|+) => reply.$field = map.next_value()?, )+
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(reply)
            }
        }

        impl<'de> Deserialize<'de> for $name<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                any(deserializer)
            }
        }
    };
}

reply! {
    /// A deployed version. The spelling of keys is mixed in answers (docs/platform.md, "Records"),
    /// so both spellings of the times are accepted.
    struct SolutionBody {
        id: Loose<'a> = "id",
        name: Loose<'a> = "name",
        version: Loose<'a> = "version",
        owner: Loose<'a> = "owner",
        author: Loose<'a> = "author",
        state: Loose<'a> = "state",
        visibility: Loose<'a> = "visibility",
        created: Loose<'a> = "createdAtMs" | "created_at_ms",
        updated: Loose<'a> = "updatedAtMs" | "updated_at_ms",
    }
}

reply! {
    /// The answer to GET and PATCH of one version.
    struct SolutionReply {
        solution: Nested<SolutionBody<'a>> = "solution",
        status: Loose<'a> = "status",
        error: ErrorField = "error",
    }
}

reply! {
    /// The folder of a deployed version.
    struct FolderBody {
        path: Loose<'a> = "solution_path",
    }
}

reply! {
    /// The answer to GET of one version, of which only the folder is read.
    struct FolderReply {
        solution: Nested<FolderBody<'a>> = "solution",
    }
}

reply! {
    /// The answer to a list.
    struct ListReply {
        has_more: Loose<'a> = "has_more" | "hasMore",
        next_offset: Loose<'a> = "next_offset" | "nextOffset",
        solutions: Many<SolutionBody<'a>> = "solutions",
        status: Loose<'a> = "status",
    }
}

reply! {
    /// The answer to a call that starts a job.
    struct StartedReply {
        job_id: Loose<'a> = "job_id" | "jobId",
        status: Loose<'a> = "status",
        error: ErrorField = "error",
    }
}

reply! {
    /// The answer of the Job API.
    struct JobReply {
        status: Loose<'a> = "status",
        state: Loose<'a> = "state",
        message: Loose<'a> = "msg" | "message",
        results: Many<JobResultBody<'a>> = "results",
        /// A JSON text, whose form depends on the kind of job.
        current: Loose<'a> = "cur_status",
    }
}

reply! {
    /// A result of a job.
    struct JobResultBody {
        status: Loose<'a> = "status",
        message: Loose<'a> = "msg" | "message",
        deployed_solution_id: Loose<'a> = "deployed_solution_id",
        solution_id: Loose<'a> = "solution_id",
        id: Loose<'a> = "id",
        output_folder: Loose<'a> = "output_folder",
    }
}

reply! {
    /// The content of `cur_status` of a run (docs/platform.md, "Jobs").
    struct FlowStatusBody {
        status: Loose<'a> = "status",
        progress: Loose<'a> = "curProgress",
    }
}

reply! {
    /// The answer to a list of runs.
    struct RunListReply {
        jobs: Many<RunBody<'a>> = "jobs",
        status: Loose<'a> = "status",
    }
}

reply! {
    /// A run. The times are documented as texts; both spellings of the keys are accepted, as in
    /// records.
    struct RunBody {
        id: Loose<'a> = "id",
        account_id: Loose<'a> = "accountId" | "account_id",
        state: Loose<'a> = "state",
        started: Loose<'a> = "startTimeNs" | "start_time_ns",
        completed: Loose<'a> = "completionTimeNs" | "completion_time_ns",
        time_taken: Loose<'a> = "timeTakenNs" | "time_taken_ns",
        message: Loose<'a> = "message" | "msg",
        solution_id: Loose<'a> = "deployedSolutionId" | "deployed_solution_id",
        output_folder: Loose<'a> = "outputFolder" | "output_folder",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_shapes_do_not_spoil_the_rest() {
        let json = r#"{"status": 1, "solutions": [
            {"id": "a", "extra": {"deep": [1, {"x": null}]}, "id": "b"},
            null, 7, "text", [1, 2],
            {"id": 12, "name": {"not": "a name"}, "created_at_ms": "12345"}
        ], "has_more": {}, "next_offset": []}"#;
        let reply: ListReply<'_> = serde_json::from_str(json).unwrap();
        let solutions = reply.solutions.into_vec();
        let odd: Vec<bool> = solutions.iter().map(|one| one.is_odd).collect();
        assert_eq!(odd, [false, true, true, true, true, false]);
        assert_eq!(solutions[0].id, Loose::Text("b".into()));
        assert_eq!(solutions[5].id, Loose::Int(12));
        assert_eq!(solutions[5].name, Loose::Other);
        assert_eq!(solutions[5].created.int(), Some(12345));
        assert_eq!(reply.has_more.flag(), None);
    }

    #[test]
    fn missing_null_and_single_lists_are_distinguished() {
        for (json, expected) in [
            ("{}", "missing"),
            (r#"{"solutions": null}"#, "0"),
            (r#"{"solutions": {"id": "a"}}"#, "1"),
            (r#"{"solutions": "none"}"#, "missing"),
            ("[]", "missing"),
        ] {
            let reply: ListReply<'_> = serde_json::from_str(json).unwrap();
            let found = match reply.solutions {
                Many::Missing => "missing".to_owned(),
                Many::Are(values) => values.len().to_string(),
            };
            assert_eq!(found, expected, "{json}");
        }
        for (json, expected) in [
            ("{}", 0),
            (r#"{"solution": null}"#, 1),
            (r#"{"solution": {}}"#, 2),
        ] {
            let reply: SolutionReply<'_> = serde_json::from_str(json).unwrap();
            let found = match reply.solution {
                Nested::Missing => 0,
                Nested::Null => 1,
                Nested::Is(_) => 2,
            };
            assert_eq!(found, expected, "{json}");
        }
    }
}
