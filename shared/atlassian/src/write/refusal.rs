//! Why the API will not make a change. Pure: status and words in, a reason out.
//!
//! Codes are from section 5 of the reference; where reports differ or no body is documented the words decide, and what neither
//! tells stays [`RefusalReason::Other`], with the API's own words for a person.

use std::fmt;

use crate::error::ApiWords;
use crate::operation::Operation;

/// A change that the API will not make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not {}: {reason}; {} (status {status}: {words})", operation.deed(), reason.remedy())]
pub struct Refusal {
    /// What was asked.
    pub operation: Operation,
    /// Why not.
    pub reason: RefusalReason,
    /// The HTTP status.
    pub status: u16,
    /// What the API said.
    pub words: ApiWords,
}

/// Reasons that lie in what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// An identity provider keeps the group.
    ReadOnlyGroup,
    /// No seat is left.
    LicenceLimit,
    /// Organisation admins are not suspended or removed so.
    OrgAdmin,
    /// The user is not in the directory of the group.
    NotInDirectory,
    /// A product's default group.
    DefaultGroup,
    /// The group makes its members admins.
    AdminGroup,
    /// The group still has something that keeps it.
    GroupNotEmpty,
    /// The account is not managed: its domain is not verified.
    NotManaged,
    /// Another group has this name.
    NameTaken,
    /// No such group.
    UnknownGroup,
    /// No such user.
    UnknownUser,
    /// No such resource, or not in this form.
    UnknownResource,
    /// The resource does not have this role.
    RoleNotForResource,
    /// The organisation has no licence of this product.
    ProductNotLicensed,
    /// The account is deactivated.
    InactiveUser,
    /// The organisation has no paid subscription.
    NoSubscription,
    /// The state of the thing forbids it at the moment.
    Conflict,
    /// Forbidden, for the key or for the target: the API does not tell which.
    Forbidden,
    /// Anything else.
    Other,
}

impl RefusalReason {
    fn told(self) -> &'static str {
        match self {
            Self::ReadOnlyGroup => "the group is kept by an identity provider",
            Self::LicenceLimit => "no licence is left",
            Self::OrgAdmin => "the user is an admin of the organisation",
            Self::NotInDirectory => "the user is not in the group's directory",
            Self::DefaultGroup => "it is a default group of a product",
            Self::AdminGroup => "the group makes its members admins",
            Self::GroupNotEmpty => "the group is not empty",
            Self::NotManaged => "the account is not managed by the organisation",
            Self::NameTaken => "a group of this name exists",
            Self::UnknownGroup => "there is no such group",
            Self::UnknownUser => "there is no such user",
            Self::UnknownResource => "there is no such resource",
            Self::RoleNotForResource => "the resource does not have this role",
            Self::ProductNotLicensed => "the product is not licensed",
            Self::InactiveUser => "the account is deactivated",
            Self::NoSubscription => "the organisation has no paid subscription",
            Self::Conflict => "its present state does not allow it",
            Self::Forbidden => "it is forbidden",
            Self::Other => "Atlassian did not accept it",
        }
    }

    /// What a person can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::ReadOnlyGroup => "change the group in the identity provider",
            Self::LicenceLimit => "free or buy a seat, then repeat it",
            Self::OrgAdmin => "take the admin role away first",
            Self::NotInDirectory => "invite the user to the directory first",
            Self::DefaultGroup => "make another group the default first",
            Self::AdminGroup => "change its members at admin.atlassian.com",
            Self::GroupNotEmpty => "empty the group first",
            Self::NotManaged => "verify the domain of the account's address first",
            Self::NameTaken => "use that group or another name",
            Self::UnknownGroup | Self::UnknownUser => "sync, and see whether it still exists",
            Self::UnknownResource => "use the resource's ARI as the workspaces list it",
            Self::RoleNotForResource => "choose a role that the product has",
            Self::ProductNotLicensed => "license the product first",
            Self::InactiveUser => "reactivate the account first",
            Self::NoSubscription => "it needs a paid plan",
            Self::Conflict => "sync, and decide again",
            Self::Forbidden => "see that the key has the scope manage:org or none at all, and that the target may be changed",
            Self::Other => "see what it says",
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.told())
    }
}

/// What a 4xx says about the change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    AlreadySo,
    /// The key may make no such change at all.
    KeyMayNot,
    Refused(Refusal),
}

pub(super) fn read(operation: Operation, status: u16, words: &ApiWords) -> Answer {
    let code = words.code.as_deref().unwrap_or_default();
    if is_already_so(operation, status, code, words) {
        return Answer::AlreadySo;
    }
    // 403 of the organisation itself or of the key's scopes: no target would fare better.
    if status == 403 && matches!(code, "forbidden.insufficientScope" | "ADMIN-403-3") {
        return Answer::KeyMayNot;
    }
    let reason = by_code(operation, code).or_else(|| by_words(operation, words)).unwrap_or(match status {
        402 => RefusalReason::NoSubscription,
        404 if is_about_elsewhere(code, words) => RefusalReason::Other,
        403 => RefusalReason::Forbidden,
        404 => nothing_there(operation),
        409 if operation == Operation::CreateGroup => RefusalReason::NameTaken,
        409 => RefusalReason::Conflict,
        _ => RefusalReason::Other,
    });
    Answer::Refused(Refusal { operation, reason, status, words: words.clone() })
}

/// The three reports of an existing membership, and 404 for what was to go anyway (reference, section 4.5).
fn is_already_so(operation: Operation, status: u16, code: &str, words: &ApiWords) -> bool {
    match (operation, status) {
        (Operation::AddMember, 409) => code == "ADMIN-UAM-409-2" || speaks(words, &["already"]),
        // A name that is taken already is no group of ours: only its read-back tells.
        (Operation::CreateGroup, _) => false,
        (_, 400 | 409) => speaks(words, &["already"]),
        (Operation::RemoveMember, 404) => !is_about_elsewhere(code, words) && !matches!(code, "ADMIN-404-10" | "ADMIN-UAM-404-3"),
        (Operation::RemoveUser | Operation::DeleteGroup, 404) => !is_about_elsewhere(code, words),
        _ => false,
    }
}

/// A 404 of the organisation or of the routing layer says nothing about the target.
fn is_about_elsewhere(code: &str, words: &ApiWords) -> bool {
    matches!(code, "ADMIN-404-2" | "ADMIN-UAM-404-2") || speaks(words, &["tcs validation", "organization", "directory id"])
}

fn by_code(operation: Operation, code: &str) -> Option<RefusalReason> {
    Some(match code {
        "ADMIN-403-6" | "ADMIN-UAM-409-1" => RefusalReason::DefaultGroup,
        "ADMIN-403-7" => RefusalReason::AdminGroup,
        "ADMIN-409-5" => RefusalReason::GroupNotEmpty,
        "ADMIN-409-3" | "ADMIN-UAM-409-3" | "ADMIN-400-32" => RefusalReason::LicenceLimit,
        "ADMIN-404-8" | "accountNotFound" => RefusalReason::UnknownUser,
        "ADMIN-404-10" | "ADMIN-UAM-404-3" => RefusalReason::UnknownGroup,
        "ADMIN-UAM-404-1" if operation == Operation::AddMember => RefusalReason::NotInDirectory,
        "ADMIN-404-1" | "ADMIN-UAM-404-1" => RefusalReason::UnknownResource,
        "ADMIN-UAM-400-2" => RefusalReason::InactiveUser,
        "ADMIN-UAM-400-3" => RefusalReason::RoleNotForResource,
        "ADMIN-UAM-400-4" => RefusalReason::ProductNotLicensed,
        "ADMIN-UAM-402-1" => RefusalReason::NoSubscription,
        "forbidden.targetUnverified" => RefusalReason::NotManaged,
        "conflict.lifecycleErrors" => RefusalReason::Conflict,
        _ => return None,
    })
}

fn by_words(operation: Operation, words: &ApiWords) -> Option<RefusalReason> {
    let about_a_group = matches!(operation, Operation::AddMember | Operation::RemoveMember | Operation::DeleteGroup);
    if speaks(words, &["license", "licence", "seat"]) {
        Some(RefusalReason::LicenceLimit)
    } else if about_a_group && speaks(words, &["sync", "scim", "read-only", "read only", "external", "identity provider"]) {
        Some(RefusalReason::ReadOnlyGroup)
    } else if speaks(words, &["not found in the directory"]) {
        Some(RefusalReason::NotInDirectory)
    } else if matches!(operation, Operation::SuspendUser | Operation::RemoveUser) && speaks(words, &["admin "]) {
        Some(RefusalReason::OrgAdmin)
    } else if speaks(words, &["unknown resource"]) {
        Some(RefusalReason::UnknownResource)
    } else {
        None
    }
}

fn nothing_there(operation: Operation) -> RefusalReason {
    match operation {
        Operation::AssignGroupRole | Operation::RevokeGroupRole | Operation::AddMember => RefusalReason::UnknownGroup,
        _ => RefusalReason::UnknownUser,
    }
}

fn speaks(words: &ApiWords, of: &[&str]) -> bool {
    // A blank behind, so that a word at the end is found as a whole word too.
    let text = words.text.as_ref().map(|text| format!("{} ", text.to_ascii_lowercase()));
    text.is_some_and(|text| of.iter().any(|word| text.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(operation: Operation, status: u16, code: &str, text: &str) -> Answer {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        read(operation, status, &ApiWords { code: some(code), text: some(text) })
    }

    fn reason(operation: Operation, status: u16, code: &str, text: &str) -> RefusalReason {
        match answer(operation, status, code, text) {
            Answer::Refused(refusal) => refusal.reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_so_already_is_no_refusal() {
        use Operation::*;
        assert_eq!(answer(AddMember, 409, "ADMIN-UAM-409-2", ""), Answer::AlreadySo);
        assert_eq!(answer(AddMember, 409, "", "The user is already a member"), Answer::AlreadySo);
        assert_eq!(answer(RemoveMember, 404, "", ""), Answer::AlreadySo);
        assert_eq!(answer(RemoveUser, 404, "ADMIN-404-8", ""), Answer::AlreadySo);
        assert_eq!(answer(DeleteGroup, 404, "ADMIN-404-10", ""), Answer::AlreadySo);
        assert_eq!(answer(DisableAccount, 409, "conflict.lifecycleErrors", "already deactivated"), Answer::AlreadySo);
    }

    #[test]
    fn a_404_of_somewhere_else_is_no_success() {
        use Operation::*;
        assert_eq!(reason(RemoveMember, 404, "", "TCS validation failed"), RefusalReason::Other);
        assert_eq!(reason(RemoveMember, 404, "ADMIN-404-10", ""), RefusalReason::UnknownGroup);
        assert_eq!(reason(DeleteGroup, 404, "ADMIN-404-2", ""), RefusalReason::Other);
    }

    #[test]
    fn each_reason_is_told_apart() {
        use Operation::*;
        use RefusalReason::*;
        for status in [400, 403] {
            assert_eq!(reason(AddMember, status, "", "Group is externally synced"), ReadOnlyGroup);
        }
        assert_eq!(reason(AddMember, 409, "ADMIN-UAM-409-3", ""), LicenceLimit);
        assert_eq!(reason(AssignGroupRole, 409, "", "Product License Limit Exceeded"), LicenceLimit);
        assert_eq!(reason(AddMember, 404, "ADMIN-UAM-404-1", "One or more user not found in the directory"), NotInDirectory);
        assert_eq!(reason(AddMember, 404, "ADMIN-UAM-404-3", ""), UnknownGroup);
        assert_eq!(reason(SuspendUser, 400, "", "Cannot suspend an organization admin"), OrgAdmin);
        assert_eq!(reason(DeleteGroup, 403, "ADMIN-403-6", ""), DefaultGroup);
        assert_eq!(reason(DeleteGroup, 403, "ADMIN-403-7", ""), AdminGroup);
        assert_eq!(reason(CreateGroup, 409, "ADMIN-409-28", "already exists"), NameTaken);
        assert_eq!(reason(AssignRole, 400, "ADMIN-UAM-400-3", ""), RoleNotForResource);
        assert_eq!(reason(AssignGroupRole, 404, "", "Unknown Resource"), UnknownResource);
        assert_eq!(reason(DisableAccount, 403, "forbidden.targetUnverified", ""), NotManaged);
        assert_eq!(reason(Invite, 402, "", ""), NoSubscription);
        assert_eq!(reason(SuspendUser, 403, "", ""), Forbidden);
        assert_eq!(reason(SuspendUser, 400, "", ""), Other);
        assert_eq!(answer(DisableAccount, 403, "forbidden.insufficientScope", ""), Answer::KeyMayNot);
    }

    #[test]
    fn a_refusal_tells_what_to_do() {
        let Answer::Refused(refusal) = answer(Operation::AddMember, 409, "ADMIN-409-3", "full") else { panic!() };
        assert_eq!(
            refusal.to_string(),
            "could not add a user to a group: no licence is left; free or buy a seat, then repeat it (status 409: \"full\" (ADMIN-409-3))"
        );
    }
}
