//! Records the contents of a version that was deployed. A deploy never fails because of this.

use super::context::ApplyContext;
use super::source::PlatformPackage;
use crate::ident::SolutionId;
use crate::package;
use crate::plan::{AfterImage, DeployedPackage, RecordedContents};

impl ApplyContext<'_> {
    /// Records the contents of the version that a deploy made, if they are known from the plan.
    pub(super) async fn record_contents(&self, id: &SolutionId, after: &AfterImage) {
        self.write_contents(id, after, self.contents.kept(after))
            .await;
    }

    /// Records the contents of the version that the deploy of an earlier apply made, if the package
    /// is still at its path.
    pub(super) async fn record_recovered(&self, id: &SolutionId, path: &str, after: &AfterImage) {
        let files = &self.files;
        let mut contents = None;
        if after.package.is_some() {
            let read = package::read_contents(&PlatformPackage { files, path }).await;
            contents = read
                .ok()
                .filter(|contents| Some(&contents.info.fingerprint) == after.package.as_ref())
                .map(|contents| RecordedContents::of(&contents));
        }
        self.write_contents(id, after, contents).await;
    }

    async fn write_contents(
        &self,
        id: &SolutionId,
        after: &AfterImage,
        mut contents: Option<RecordedContents>,
    ) {
        if let Some(json) = contents
            .as_mut()
            .and_then(|contents| contents.package_json.as_mut())
        {
            let cleaned = self.files.clean(std::mem::take(json).into_bytes());
            *json = String::from_utf8_lossy(&cleaned).into_owned();
        }
        let document = DeployedPackage::new(id.clone(), after, contents, (self.now_ms)());
        self.contents.write(&document).await;
    }
}
