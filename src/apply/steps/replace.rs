//! Replaces a version: deletes its record, and deploys the package again.

use super::super::report::{Done, Outcome};
use super::super::step::Step;
use super::deploy::DeployTarget;
use crate::plan::LiveImage;

impl Step<'_> {
    pub(in crate::apply) async fn replace(
        &mut self,
        before: &LiveImage,
        path: &str,
        target: DeployTarget<'_>,
    ) -> Result<Done, Outcome> {
        self.delete(before).await?;
        self.deploy(path, target, Some(&before.id)).await
    }
}
