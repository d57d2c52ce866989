//! The loading of a seed into a new world.

use serde_json::{Map, Value, json};

use crate::package::{NO_DESCRIPTION, NO_SUMMARY, build_package};
use crate::path::NodePath;
use crate::seed::{Seed, SeedError, SeedPackage, SeedSolution, bad_path};
use crate::state::solutions::{PUBLIC_OWNER, Solution, metadata, server_folder};
use crate::state::world::World;

impl World {
    /// Loads a checked seed into a new world. `user` is the author of public records without an
    /// author.
    pub(crate) fn load(&mut self, seed: &Seed, user: &str) -> Result<(), SeedError> {
        for record in &seed.solutions {
            self.load_solution(record, user)?;
        }
        for package in &seed.packages {
            let bytes = build_package(&package.description(), package.size);
            self.load_file(&package.path, bytes)?;
        }
        for file in &seed.files {
            self.load_file(&file.path, file.text.clone().into_bytes())?;
        }
        Ok(())
    }

    fn load_solution(&mut self, record: &SeedSolution, user: &str) -> Result<(), SeedError> {
        let is_public = record.owner == PUBLIC_OWNER;
        let author = match &record.author {
            Some(author) => author.clone(),
            None if is_public => user.to_owned(),
            None => record.owner.clone(),
        };
        let created_ms = record.created_at_ms.unwrap_or_else(|| self.stamp());
        let visibility = if is_public { "PUBLIC" } else { "PRIVATE" };
        let or = |text: &Option<String>, fallback: &str| {
            text.clone().unwrap_or_else(|| fallback.to_owned())
        };
        let solution = Solution {
            id: match &record.id {
                Some(id) => id.clone(),
                None => self.counters.ids.next_id(),
            },
            sequence: self.next_sequence(),
            name: record.name.clone(),
            version: record.version.clone(),
            owner: record.owner.clone(),
            metadata: metadata(self.knobs.record_keys, &json!([&author])),
            author,
            created_ms,
            updated_ms: record.updated_at_ms.unwrap_or(created_ms),
            summary: or(&record.summary, NO_SUMMARY),
            description: or(&record.description, NO_DESCRIPTION),
            state: or(&record.state, "ACTIVE"),
            visibility: or(&record.visibility, visibility),
            referenced: record.referenced,
            ..Solution::default()
        };
        // The server folder of a seeded record contains the `package.json` of its package.
        let described = json!({
            "name": solution.name, "version": solution.version, "owner": solution.owner,
            "short_description": solution.summary, "long_description": solution.description,
            "solution_type": "ibflowbin", "visibility": solution.visibility,
        });
        let path = format!("{}/package.json", server_folder(&solution.id));
        self.load_file(&path, described.to_string().into_bytes())?;
        self.solutions.insert(solution);
        Ok(())
    }

    fn load_file(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), SeedError> {
        let node = NodePath::parse(path).map_err(|error| bad_path(path, &error))?;
        let written = self.files.write(&node, bytes.into(), true);
        written.map_err(|refusal| bad_path(path, &refusal))
    }
}

impl SeedPackage {
    /// Returns the fields of `package.json`.
    fn description(&self) -> Map<String, Value> {
        let Value::Object(mut fields) = json!(self) else {
            return Map::new();
        };
        if self.solution_type.is_none() {
            fields.insert("solution_type".to_owned(), json!("ibflowbin"));
        }
        let is_field = |name: &str| !["path", "size", "omit"].contains(&name);
        fields
            .retain(|name, value| is_field(name) && !value.is_null() && !self.omit.contains(name));
        fields
    }
}
