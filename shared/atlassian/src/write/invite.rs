//! Invitations: up to 25 addresses in one call, each of which may fail by itself.

use std::time::Instant;

use orgmirror_domain::ids::{GroupId, ResourceId};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::outcome::WriteOutcome;
use crate::client::Client;
use crate::operation::{Operation, Permit};
use crate::transport::unread;
use crate::wire;

/// No call takes more addresses.
pub const INVITED_PER_CALL: usize = 25;

/// Whom to invite, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invitation {
    /// 1 to [`INVITED_PER_CALL`] addresses.
    pub emails: Vec<String>,
    /// Roles on resources.
    pub roles: Vec<(ResourceId, String)>,
    /// Groups to be added to.
    pub groups: Vec<GroupId>,
    /// Whether Atlassian sends a mail, and with what text. Without, nobody is told.
    pub mail: Option<String>,
}

/// What became of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// The address.
    pub email: Option<String>,
    /// The account's id, where the API tells it.
    pub account_id: Option<String>,
    /// What failed of it, each with the API's reason: empty if all was done.
    pub failures: Vec<InviteFailure>,
}

/// A role or group that an invited address did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteFailure {
    /// The role's resource, or the group.
    pub target: Option<String>,
    /// What the API says.
    pub reason: Option<String>,
}

impl Client {
    /// Invites, once. A partial success is [`WriteOutcome::Done`] with failures by address; an answer that cannot be read leaves
    /// the outcome unknown. It is read back by a search for the addresses.
    pub async fn invite(&self, permit: Permit, invitation: &Invitation) -> WriteOutcome<Vec<Invited>> {
        let operation = Operation::Invite;
        let url = self.url("v2", &["users", "invite"]);
        let rules: Vec<_> =
            invitation.roles.iter().map(|(resource, role)| json!({ "resource": resource.as_str(), "role": role })).collect();
        let mut body = json!({ "emails": invitation.emails, "sendNotification": invitation.mail.is_some() });
        // Empty arrays are left out, because the API refuses them.
        if !rules.is_empty() {
            body["permissionRules"] = json!(rules);
        }
        if !invitation.groups.is_empty() {
            body["additionalGroups"] = invitation.groups.iter().map(ToString::to_string).collect();
        }
        if let Some(text) = invitation.mail.as_ref().filter(|text| !text.is_empty()) {
            body["notificationText"] = json!(text);
        }
        let sent = Instant::now();
        match self.write(permit, operation, Method::POST, url, Some(body)).await {
            Ok(body) => match wire::read::<Answer>(&body) {
                Ok(answer) => WriteOutcome::Done(answer.data.into_iter().map(Row::into_invited).collect()),
                Err(flawed) => WriteOutcome::Unknown(unread(operation, sent.elapsed(), flawed)),
            },
            Err(error) => WriteOutcome::from_error(operation, error),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: Option<String>,
    email: Option<String>,
    results: Option<Vec<Assigned>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assigned {
    role_assignment_result: Option<Vec<Single>>,
    group_assignment_result: Option<Vec<Single>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Single {
    resource: Option<String>,
    group: Option<String>,
    status: Option<String>,
    status_reason: Option<String>,
}

impl Row {
    fn into_invited(self) -> Invited {
        let assigned = self.results.unwrap_or_default().into_iter();
        let singles = assigned.flat_map(|assigned| {
            let roles = assigned.role_assignment_result.unwrap_or_default();
            roles.into_iter().chain(assigned.group_assignment_result.unwrap_or_default())
        });
        // A word that is not known is no proof of success.
        let failed = singles.filter(|single| single.status.as_deref() != Some("INVITED"));
        let failures = failed
            .map(|single| InviteFailure {
                target: single.resource.or(single.group),
                reason: single.status_reason.or(single.status),
            })
            .collect();
        Invited { email: self.email, account_id: self.id, failures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_success_tells_what_failed_for_whom() {
        let body = r#"{"data":[{"id":"1","email":"a@example.com","results":[{"roleAssignmentResult":[{"resource":"r","role":"u","status":"INVITED"}],
            "groupAssignmentResult":[{"group":"g","status":"ERROR","statusReason":"full"}]}]},{"email":"b@example.com","results":null}]}"#;
        let rows: Vec<_> = wire::read::<Answer>(body.as_bytes()).ok().unwrap().data.into_iter().map(Row::into_invited).collect();
        assert_eq!(rows[0].failures, [InviteFailure { target: Some("g".into()), reason: Some("full".into()) }]);
        assert!(rows[1].failures.is_empty());
    }
}
