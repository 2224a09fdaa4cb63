//! An action as people write it: `suspend DIRECTORY`, `add-to-group GROUP`, `grant-role ROLE RESOURCE`. And as they read it.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::Action;
use crate::filter::nearest;
use crate::ids::{DirectoryId, GroupId, ResourceId};

/// The words of all actions, each with what follows it.
const FORMS: [(&str, &[&str]); 9] = [
    ("add-to-group", &["GROUP"]),
    ("remove-from-group", &["GROUP"]),
    ("suspend", &["DIRECTORY"]),
    ("restore", &["DIRECTORY"]),
    ("remove-from-directory", &["DIRECTORY"]),
    ("disable", &[]),
    ("enable", &[]),
    ("grant-role", &["ROLE", "RESOURCE"]),
    ("revoke-role", &["ROLE", "RESOURCE"]),
];

/// A text that is no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// The word is none of an action.
    #[error("{word:?} is no action; {}", match near { Some(near) => format!("did you mean {near:?}?"), None => "actions are add-to-group, remove-from-group, suspend, restore, remove-from-directory, disable, enable, grant-role and revoke-role".to_owned() })]
    NoAction {
        /// What was written.
        word: String,
        /// A word that is like it.
        near: Option<&'static str>,
    },
    /// Something is missing, or too much.
    #[error("an action is written as `{form}`")]
    Form {
        /// How.
        form: String,
    },
    /// A group's id is a UUID.
    #[error("{text:?} is no group's id; `orgmirror groups` shows them")]
    NoGroup {
        /// What was written.
        text: String,
    },
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        let mut words = text.split_whitespace();
        let word = words.next().unwrap_or_default();
        let Some((word, places)) = FORMS.iter().find(|(known, _)| *known == word) else {
            return Err(ActionError::NoAction { word: word.to_owned(), near: nearest(word, FORMS.map(|(known, _)| known)) });
        };
        let rest: Vec<&str> = words.collect();
        let group = |text: &str| GroupId::parse(text).ok_or_else(|| ActionError::NoGroup { text: text.to_owned() });
        let directory = |text: &str| DirectoryId::from(text);
        Ok(match (*word, rest.as_slice()) {
            ("add-to-group", [id]) => Self::AddToGroup { group: group(id)? },
            ("remove-from-group", [id]) => Self::RemoveFromGroup { group: group(id)? },
            ("suspend", [id]) => Self::Suspend { directory: directory(id) },
            ("restore", [id]) => Self::Restore { directory: directory(id) },
            ("remove-from-directory", [id]) => Self::RemoveFromDirectory { directory: directory(id) },
            ("disable", []) => Self::Disable,
            ("enable", []) => Self::Enable,
            ("grant-role", [role, on]) => Self::GrantRole { resource: ResourceId::from(*on), role: (*role).to_owned() },
            ("revoke-role", [role, on]) => Self::RevokeRole { resource: ResourceId::from(*on), role: (*role).to_owned() },
            _ => return Err(ActionError::Form { form: [&[*word], *places].concat().join(" ") }),
        })
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::AddToGroup { group } | Self::RemoveFromGroup { group } => write!(f, " {group}"),
            Self::Suspend { directory } | Self::Restore { directory } | Self::RemoveFromDirectory { directory } => {
                write!(f, " {directory}")
            }
            Self::GrantRole { resource, role } | Self::RevokeRole { resource, role } => write!(f, " {role} {resource}"),
            Self::Disable | Self::Enable => Ok(()),
        }
    }
}

impl Action {
    /// As part of a sentence: `remove from the group "jira admins"`. `group_name` is the name of its group, where it is known.
    pub fn in_words(&self, group_name: Option<&str>) -> String {
        let named = |group: &GroupId| group_name.map_or_else(|| group.to_string(), |name| format!("{name:?}"));
        match self {
            Self::AddToGroup { group } => format!("add to the group {}", named(group)),
            Self::RemoveFromGroup { group } => format!("remove from the group {}", named(group)),
            Self::Suspend { directory } => format!("suspend in the directory {directory}"),
            Self::Restore { directory } => format!("restore in the directory {directory}"),
            Self::RemoveFromDirectory { directory } => format!("remove from the directory {directory}"),
            Self::Disable => "deactivate".to_owned(),
            Self::Enable => "reactivate".to_owned(),
            Self::GrantRole { resource, role } => format!("grant the role {role} on {resource}"),
            Self::RevokeRole { resource, role } => format!("revoke the role {role} on {resource}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_as_it_is_written() {
        let group = "6a1e0b2c-0000-4000-8000-000000000001";
        for (word, places) in FORMS {
            let given = |place: &&str| if *place == "GROUP" { group } else { "x:y" }.to_owned();
            let text = [vec![word.to_owned()], places.iter().map(given).collect()].concat().join(" ");
            let action: Action = text.parse().unwrap();
            assert_eq!((action.to_string(), action.word()), (text.clone(), word));
            assert_eq!(serde_json::from_value::<Action>(serde_json::to_value(&action).unwrap()).unwrap(), action);
            let more = format!("{text} more");
            assert!(matches!(more.parse::<Action>(), Err(ActionError::Form { .. })), "{more}");
        }
    }

    #[test]
    fn mistakes_are_explained() {
        let wrong = |text: &str| text.parse::<Action>().unwrap_err().to_string();
        assert_eq!(wrong("supend x"), r#""supend" is no action; did you mean "suspend"?"#);
        assert_eq!(wrong("suspend"), "an action is written as `suspend DIRECTORY`");
        assert_eq!(wrong("add-to-group admins"), r#""admins" is no group's id; `orgmirror groups` shows them"#);
    }
}
