//! Deployment of packages: the check of the request, and the end of the deploy job.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::access::Caller;
use super::content::Content;
use super::files::NodePath;
use super::jobs::{Verdict, Work};
use super::knobs::{
    BadPackage, DuplicateDeploy, FailedJobRecord, IdentityCase, MissingVisibility, NameForm,
    OwnerAfterVisibility, OwnerMismatch, PackageOwner, PackageRead, PackageVisibility, RecordKeys,
    VersionForm,
};
use super::package::{Package, PackageError, read_package};
use super::refusal::Refusal;
use super::solutions::{PUBLIC_OWNER, Solution, server_folder};
use super::world::World;

/// The work that a deploy job does at its end.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Deploy {
    /// The id of the record that the job creates or updates.
    solution: Option<String>,
    /// The new values of a record that is updated in place. A new record has its values from the
    /// start.
    renewal: Option<Renewal>,
    /// The ids of the records that the new one replaces.
    displaced: Vec<String>,
    /// The error message, if the job will fail.
    trouble: Option<String>,
    /// The path of a package that is read again at the end of the job.
    #[serde(default)]
    read_again: Option<String>,
}

/// The values that an updated record takes from the package.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Renewal {
    visibility: String,
    summary: String,
    description: String,
    metadata: String,
}

impl World {
    /// `POST /api/v2/solutions/deployed`: starts a deploy job and returns its id.
    pub(crate) fn deploy(&mut self, caller: &Caller, path: &str) -> Result<String, Refusal> {
        let deploy = match self.package_at(path) {
            Ok((package, content)) => self.begin_deploy(caller, package, content)?,
            Err(source) if self.knobs.bad_package == BadPackage::Refused => {
                let path = path.to_owned();
                return Err(Refusal::BadPackage { path, source });
            }
            Err(error) => Deploy {
                trouble: Some(format!("there is no valid package at `{path}`: {error}")),
                ..Deploy::default()
            },
        };
        let deploy = match self.knobs.package_read {
            PackageRead::AtStart => deploy,
            PackageRead::AtEnd => Deploy {
                read_again: Some(path.to_owned()),
                ..deploy
            },
        };
        Ok(self.start_job(caller, Work::Deploy(deploy), self.pace))
    }

    fn package_at(&self, path: &str) -> Result<(Package, Content), PackageError> {
        if !path.ends_with(".ibsolution") {
            return Err(PackageError::WrongSuffix);
        }
        let path = NodePath::parse(path).map_err(|_| PackageError::NoFile)?;
        let (_, content) = self.files.file(&path).map_err(|_| PackageError::NoFile)?;
        Ok((read_package(content)?, content.clone()))
    }

    fn begin_deploy(
        &mut self,
        caller: &Caller,
        mut package: Package,
        content: Content,
    ) -> Result<Deploy, Refusal> {
        let own = [caller.name.as_str(), PUBLIC_OWNER].contains(&package.owner.as_str());
        match self.knobs.package_owner {
            PackageOwner::Honoured => {}
            PackageOwner::CallerOnly if own => {}
            PackageOwner::CallerOnly => {
                return Ok(Deploy {
                    trouble: Some(format!(
                        "`{}` may not deploy for the owner `{}`",
                        caller.name, package.owner
                    )),
                    ..Deploy::default()
                });
            }
            PackageOwner::Replaced => package.owner.clone_from(&caller.name),
        }
        self.shape_identity(&mut package);
        if let Some(trouble) = self.owner_mismatch(&package) {
            return Ok(Deploy {
                trouble: Some(trouble),
                ..Deploy::default()
            });
        }
        self.adapt_owner(caller, &mut package);
        let duplicates: Vec<String> = self
            .solutions
            .iter()
            .filter(|solution| self.is_duplicate(solution, &package))
            .map(|solution| solution.id.clone())
            .collect();
        match (duplicates.first(), self.knobs.duplicate_deploy) {
            (None, _) | (Some(_), DuplicateDeploy::SecondRecord) => {
                let solution = self.insert_deployed(caller, &package, content)?;
                Ok(Deploy {
                    solution: Some(solution),
                    ..Deploy::default()
                })
            }
            (Some(_), DuplicateDeploy::ReplaceNewId) => {
                let solution = self.insert_deployed(caller, &package, content)?;
                Ok(Deploy {
                    solution: Some(solution),
                    displaced: duplicates,
                    ..Deploy::default()
                })
            }
            (Some(duplicate), DuplicateDeploy::ReplaceSameId) => {
                self.write_server_folder(duplicate, &package, content)?;
                let renewal = Renewal {
                    visibility: self.visibility_of(&package),
                    summary: summary_of(&package),
                    description: description_of(&package),
                    metadata: self.metadata_of(&package, caller),
                };
                Ok(Deploy {
                    solution: Some(duplicate.clone()),
                    renewal: Some(renewal),
                    ..Deploy::default()
                })
            }
            (Some(_), rule @ (DuplicateDeploy::Conflict | DuplicateDeploy::BadRequest)) => {
                Err(Refusal::AlreadyDeployed {
                    owner: package.owner,
                    name: package.name,
                    version: package.version,
                    conflict: rule == DuplicateDeploy::Conflict,
                })
            }
            (Some(_), DuplicateDeploy::JobError) => Ok(Deploy {
                trouble: Some(format!(
                    "`{}` {} of {} is deployed already",
                    package.name, package.version, package.owner
                )),
                ..Deploy::default()
            }),
        }
    }

    /// Creates the record and the server's copy of the package, and returns the id of the record.
    fn insert_deployed(
        &mut self,
        caller: &Caller,
        package: &Package,
        content: Content,
    ) -> Result<String, Refusal> {
        let now_ms = self.stamp();
        let solution = Solution {
            id: self.ids.next_id(),
            sequence: self.next_sequence(),
            name: package.name.clone(),
            version: package.version.clone(),
            owner: package.owner.clone(),
            author: caller.name.clone(),
            created_ms: now_ms,
            updated_ms: now_ms,
            summary: summary_of(package),
            description: description_of(package),
            state: "ACTIVE".to_owned(),
            visibility: self.visibility_of(package),
            metadata: self.metadata_of(package, caller),
            deploying: true,
            deleting: false,
            customizable: false,
            shared_accounts: Vec::new(),
            referenced: false,
        };
        let id = solution.id.clone();
        self.write_server_folder(&id, package, content)?;
        self.insert_solution(solution);
        Ok(id)
    }

    fn write_server_folder(
        &mut self,
        id: &str,
        package: &Package,
        content: Content,
    ) -> Result<(), Refusal> {
        let now_ms = self.time.now_ms();
        let folder = server_folder(id);
        for (name, bytes) in &package.members {
            let path = folder.child(name)?;
            self.files.write(&path, bytes.clone(), false, now_ms)?;
        }
        let file = format!("{}-{}.ibsolution", package.name, package.version);
        let file = folder.child(&file.replace('/', "_"))?;
        self.files.put_shared(&file, content, now_ms)
    }

    /// Changes the name and the version to the form that the knobs ask for.
    fn shape_identity(&self, package: &mut Package) {
        if self.knobs.name_form == NameForm::Trimmed {
            package.name = package.name.trim().to_owned();
        }
        if self.knobs.version_form == VersionForm::ThreeParts {
            let missing = 2_usize.saturating_sub(package.version.matches('.').count());
            package.version.push_str(&".0".repeat(missing));
        }
    }

    /// Changes the owner to the one that matches the visibility, if the knobs ask for it.
    fn adapt_owner(&self, caller: &Caller, package: &mut Package) {
        if self.knobs.owner_after_visibility != OwnerAfterVisibility::Follows {
            return;
        }
        match self.visibility_of(package).as_str() {
            "PUBLIC" => PUBLIC_OWNER.clone_into(&mut package.owner),
            "PRIVATE" if package.owner == PUBLIC_OWNER => package.owner.clone_from(&caller.name),
            _ => {}
        }
    }

    fn is_duplicate(&self, solution: &Solution, package: &Package) -> bool {
        let is_same = |a: &str, b: &str| match self.knobs.identity_case {
            IdentityCase::Sensitive => a == b,
            IdentityCase::Insensitive => a.to_lowercase() == b.to_lowercase(),
        };
        is_same(&solution.name, &package.name)
            && is_same(&solution.version, &package.version)
            && solution.owner == package.owner
    }

    /// Returns the error message for a package whose owner and visibility do not match, if the
    /// knobs refuse it.
    fn owner_mismatch(&self, package: &Package) -> Option<String> {
        let visibility = package.visibility.as_deref()?;
        let is_match = (package.owner == PUBLIC_OWNER) == (visibility == "PUBLIC");
        (self.knobs.owner_mismatch == OwnerMismatch::JobError && !is_match).then(|| {
            let owner = &package.owner;
            format!("the owner `{owner}` and the visibility {visibility} do not match")
        })
    }

    /// Reads the package again and deploys what is at the path now.
    fn read_again(&mut self, id: &str, path: &str) -> Result<(), String> {
        let (mut package, content) = self
            .package_at(path)
            .map_err(|error| format!("there is no valid package at `{path}`: {error}"))?;
        self.shape_identity(&mut package);
        self.write_server_folder(id, &package, content)
            .map_err(|refusal| refusal.to_string())?;
        self.change_solution(id, |solution| {
            solution.name.clone_from(&package.name);
            solution.version.clone_from(&package.version);
            solution.summary = summary_of(&package);
            solution.description = description_of(&package);
        });
        Ok(())
    }

    /// Returns the metadata of a record: JSON in a string.
    fn metadata_of(&self, package: &Package, caller: &Caller) -> String {
        let authors = package.authors.clone();
        let authors = authors.unwrap_or_else(|| json!([caller.name]));
        metadata(self.knobs.record_keys, &authors)
    }

    fn visibility_of(&self, package: &Package) -> String {
        let named = package.visibility.as_deref();
        let wanted = named.unwrap_or(match self.knobs.missing_visibility {
            MissingVisibility::Private => "PRIVATE",
            MissingVisibility::Public => "PUBLIC",
        });
        match self.knobs.package_visibility {
            PackageVisibility::Private => "PRIVATE",
            PackageVisibility::Public => "PUBLIC",
            PackageVisibility::PendingReview if wanted == "PUBLIC" => "PENDING_REVIEW",
            PackageVisibility::Honoured | PackageVisibility::PendingReview => wanted,
        }
        .to_owned()
    }

    /// Ends a deploy job. `failure` is the error message of a fault; `leaves_record` keeps the
    /// record of a failed job.
    pub(crate) fn end_deploy(
        &mut self,
        deploy: &Deploy,
        failure: Option<&str>,
        leaves_record: bool,
    ) -> Verdict {
        if let Some(message) = failure.or(deploy.trouble.as_deref()) {
            return self.fail_deploy(deploy, message, leaves_record);
        }
        let present = deploy
            .solution
            .as_ref()
            .filter(|id| self.solutions.get(id).is_some());
        let Some(id) = present else {
            return self.fail_deploy(
                deploy,
                "the solution was deleted while it was being deployed",
                false,
            );
        };
        let id = &id.clone();
        if let Some(path) = &deploy.read_again
            && let Err(message) = self.read_again(id, path)
        {
            return self.fail_deploy(deploy, &message, leaves_record);
        }
        let now_ms = self.stamp();
        self.change_solution(id, |solution| {
            solution.deploying = false;
            solution.updated_ms = now_ms;
            if let Some(renewal) = &deploy.renewal {
                solution.visibility.clone_from(&renewal.visibility);
                solution.summary.clone_from(&renewal.summary);
                solution.description.clone_from(&renewal.description);
                solution.metadata.clone_from(&renewal.metadata);
            }
        });
        for displaced in &deploy.displaced {
            self.drop_solution(displaced);
        }
        Verdict::Done {
            solution: Some(id.clone()),
        }
    }

    fn fail_deploy(&mut self, deploy: &Deploy, message: &str, leaves_record: bool) -> Verdict {
        // A record that is updated in place existed before the job, so the job must not remove it.
        if let (Some(id), None) = (&deploy.solution, &deploy.renewal) {
            match self.knobs.failed_job_record {
                FailedJobRecord::Removed if !leaves_record => self.drop_solution(id),
                FailedJobRecord::Removed | FailedJobRecord::Left => {
                    self.change_solution(id, |solution| solution.deploying = false);
                }
            }
        }
        Verdict::Failed {
            message: message.to_owned(),
        }
    }
}

// These are the texts that real servers fill in if the package has none.

fn summary_of(package: &Package) -> String {
    let text = package.summary.clone();
    text.unwrap_or_else(|| "No summary".to_owned())
}

fn description_of(package: &Package) -> String {
    let text = package.description.clone();
    text.unwrap_or_else(|| "No release notes".to_owned())
}

/// Returns metadata with the keys that the knob asks for. Captured records have more keys than the
/// authors, and are serialised with spaces.
pub(crate) fn metadata(keys: RecordKeys, authors: &Value) -> String {
    match keys {
        RecordKeys::Docs => json!({ "authors": authors }).to_string(),
        RecordKeys::Aihub => format!(
            "{{\"authors\": {authors}, \"icon\": \"icon.png\", \"samples\": [], \"results\": [], \
             \"schema\": {{}}, \"billing_model\": \"default\"}}"
        ),
    }
}
