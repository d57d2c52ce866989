//! Deployment of packages: the check of the request, and the end of the deploy job.

use axum::http::StatusCode;
use serde_json::json;

use super::solutions::trailing_slash;
use crate::access::Caller;
use crate::call::{Call, required_field};
use crate::knobs::{
    BadPackage, DeployAsync, DuplicateDeploy, FailedJobRecord, IdentityCase, MissingVisibility,
    NameForm, OwnerAfterVisibility, OwnerMismatch, PackageOwner, PackageRead, PackageVisibility,
    VersionForm,
};
use crate::pace::JobPace;
use crate::package::{Package, PackageError, read_package};
use crate::path::NodePath;
use crate::refusal::Refusal;
use crate::reply::{self, Answer, Reply};
use crate::state::jobs::Job;
use crate::state::solutions::{PUBLIC_OWNER, Solution, metadata, server_folder};
use crate::state::work::{Deploy, RecordUpdate, Verdict, Work};
use crate::state::world::World;

/// `POST /api/v2/solutions/deployed`.
pub(super) fn deploy(world: &mut World, caller: &Caller, call: &Call) -> Answer {
    if let Some(reply) = trailing_slash(world, call)? {
        return Ok(reply);
    }
    let fields = call.object()?;
    let path = required_field(&fields, "solution_path")?;
    let is_sync = world.knobs.deploy_async == DeployAsync::Honoured
        && [Some(&json!(false)), Some(&json!("false"))].contains(&fields.get("async"));
    let pace = if is_sync {
        JobPace::Immediate
    } else {
        world.pace
    };
    let mut deploy = match (world.package_at(&path), world.knobs.bad_package) {
        (Ok(package), _) => world.begin_deploy(caller, package)?,
        (Err(refusal), BadPackage::Refused) => return Err(refusal),
        (Err(refusal), BadPackage::JobError) => Deploy::failing(refusal.to_string()),
    };
    if world.knobs.package_read == PackageRead::AtEnd {
        deploy.read_again = Some(path);
    }
    let job = world.start_job(caller, Work::Deploy(deploy), pace);
    let verdict = world.jobs.get(&job).and_then(Job::verdict);
    Ok(match verdict {
        Some(Verdict::Failed { message }) if is_sync => reply::v1_error(message),
        Some(_) if is_sync => Reply::ok(&json!({ "status": "OK" })),
        _ => reply::jobs::job_started(&job),
    })
}

impl World {
    fn package_at(&self, path: &str) -> Result<Package, Refusal> {
        let read = || {
            if !path.ends_with(".ibsolution") {
                let problem = "its name does not end in `.ibsolution`";
                return Err(PackageError::Invalid(problem));
            }
            let path = NodePath::parse(path).ok();
            let file = path.and_then(|path| self.files.file(&path).ok());
            let (_, content) = file.ok_or(PackageError::Invalid("there is no such file"))?;
            read_package(content)
        };
        read().map_err(|error| Refusal::BadPackage(path.to_owned(), error))
    }

    fn begin_deploy(&mut self, caller: &Caller, mut package: Package) -> Result<Deploy, Refusal> {
        let own = [caller.name.as_str(), PUBLIC_OWNER].contains(&package.owner.as_str());
        match self.knobs.package_owner {
            PackageOwner::Honoured => {}
            PackageOwner::CallerOnly if own => {}
            PackageOwner::CallerOnly => {
                let (name, owner) = (&caller.name, &package.owner);
                let message = format!("`{name}` may not deploy for the owner `{owner}`");
                return Ok(Deploy::failing(message));
            }
            PackageOwner::Replaced => package.owner.clone_from(&caller.name),
        }
        self.shape_identity(&mut package);
        if let Some(message) = self.owner_mismatch(&package) {
            return Ok(Deploy::failing(message));
        }
        self.adapt_owner(caller, &mut package);
        let duplicates: Vec<String> = self
            .solutions
            .items
            .values()
            .filter(|solution| self.is_duplicate(solution, &package))
            .map(|solution| solution.id.clone())
            .collect();
        let Some(duplicate) = duplicates.first() else {
            return self.insert_deployed(caller, package);
        };
        let identity = format!(
            "`{}` {} of {}",
            package.name, package.version, package.owner
        );
        let refusal = |status| Refusal::AlreadyDeployed(identity, status);
        match self.knobs.duplicate_deploy {
            DuplicateDeploy::SecondRecord => self.insert_deployed(caller, package),
            DuplicateDeploy::ReplaceNewId => Ok(Deploy {
                replaced: duplicates,
                ..self.insert_deployed(caller, package)?
            }),
            DuplicateDeploy::ReplaceSameId => {
                self.write_server_folder(duplicate, &package)?;
                let update = RecordUpdate {
                    visibility: self.visibility_of(&package),
                    metadata: self.metadata_of(&package, caller),
                    summary: package.summary,
                    description: package.description,
                };
                Ok(Deploy {
                    update: Some(update),
                    ..Deploy::of(duplicate.clone())
                })
            }
            DuplicateDeploy::Conflict => Err(refusal(StatusCode::CONFLICT)),
            DuplicateDeploy::BadRequest => Err(refusal(StatusCode::BAD_REQUEST)),
            DuplicateDeploy::JobError => Ok(Deploy::failing(
                refusal(StatusCode::BAD_REQUEST).to_string(),
            )),
        }
    }

    /// Creates the record and the server's copy of the package.
    fn insert_deployed(&mut self, caller: &Caller, package: Package) -> Result<Deploy, Refusal> {
        let now_ms = self.stamp();
        let id = self.counters.ids.next_id();
        self.write_server_folder(&id, &package)?;
        let solution = Solution {
            id: id.clone(),
            sequence: self.next_sequence(),
            visibility: self.visibility_of(&package),
            metadata: self.metadata_of(&package, caller),
            name: package.name,
            version: package.version,
            owner: package.owner,
            author: caller.name.clone(),
            created_ms: now_ms,
            updated_ms: now_ms,
            summary: package.summary,
            description: package.description,
            state: "ACTIVE".to_owned(),
            deploying: true,
            ..Solution::default()
        };
        self.insert_solution(solution);
        Ok(Deploy::of(id))
    }

    fn write_server_folder(&mut self, id: &str, package: &Package) -> Result<(), Refusal> {
        let folder = server_folder(id);
        for (name, bytes) in &package.members {
            self.files
                .write(&folder.child(name)?, bytes.clone().into(), false)?;
        }
        let file = format!("{}-{}.ibsolution", package.name, package.version);
        let file = folder.child(&file.replace('/', "_"))?;
        self.files.put(&file, Some(package.content.clone()))
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
    fn read_again(&mut self, id: &str, path: &str) -> Result<(), Refusal> {
        let mut package = self.package_at(path)?;
        self.shape_identity(&mut package);
        self.write_server_folder(id, &package)?;
        self.change_solution(id, |solution| {
            solution.name = package.name;
            solution.version = package.version;
            solution.summary = package.summary;
            solution.description = package.description;
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
    pub(super) fn end_deploy(
        &mut self,
        deploy: &Deploy,
        failure: Option<&str>,
        leaves_record: bool,
    ) -> Verdict {
        let message = match self.complete_deploy(deploy, failure) {
            Ok(id) => return Verdict::Done { solution: Some(id) },
            Err(message) => message,
        };
        // A record that is updated in place existed before the job, so the job must not remove it.
        if let (Some(id), None) = (&deploy.solution, &deploy.update) {
            match self.knobs.failed_job_record {
                FailedJobRecord::Removed if !leaves_record => self.drop_solution(id),
                FailedJobRecord::Removed | FailedJobRecord::Left => {
                    self.change_solution(id, |solution| solution.deploying = false);
                }
            }
        }
        Verdict::failed(message)
    }

    /// Does the work of a deploy job. Returns the id of the record, or the error message.
    fn complete_deploy(
        &mut self,
        deploy: &Deploy,
        failure: Option<&str>,
    ) -> Result<String, String> {
        if let Some(message) = failure.or(deploy.failure.as_deref()) {
            return Err(message.to_owned());
        }
        let present = deploy.solution.as_ref();
        let id = present
            .filter(|id| self.solutions.get(id).is_some())
            .ok_or("the solution was deleted while it was being deployed")?;
        if let Some(path) = &deploy.read_again {
            let read = self.read_again(id, path);
            read.map_err(|refusal| refusal.to_string())?;
        }
        let now_ms = self.stamp();
        self.change_solution(id, |solution| {
            solution.deploying = false;
            solution.updated_ms = now_ms;
            if let Some(update) = &deploy.update {
                solution.visibility.clone_from(&update.visibility);
                solution.summary.clone_from(&update.summary);
                solution.description.clone_from(&update.description);
                solution.metadata.clone_from(&update.metadata);
            }
        });
        for replaced in &deploy.replaced {
            self.drop_solution(replaced);
        }
        Ok(id.clone())
    }
}
