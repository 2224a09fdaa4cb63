//! Every text has one meaning, every tree one text, and every mistake a place.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn canonical(text: &str) -> String {
    text.parse::<Filter>().map_or_else(|error| format!("error\n{error}"), |filter| filter.to_string())
}

#[test]
fn texts_with_one_meaning_have_one_form() {
    for (text, form) in [
        ("", ""),
        ("   ", ""),
        ("status:ACTIVE", "status:active"),
        ("Status:active,suspended AND claim:managed", "status:active,suspended claim:managed"),
        ("a b c", "a b c"),
        ("a and (b c) and d", "a b c d"),
        ("a b or c", "a b OR c"),
        ("a (b OR c)", "a (b OR c)"),
        ("(a OR b) OR c", "a OR b OR c"),
        ("not a", "-a"),
        ("-(a b)", "-(a b)"),
        ("--a", "--a"),
        ("-group:\"jira admins\"", "-group:\"jira admins\""),
        ("group:6A1E0B2C-0000-4000-8000-000000000001", "group:6a1e0b2c-0000-4000-8000-000000000001"),
        ("group:\"6a1e0b2c-0000-4000-8000-000000000001\"", "group:\"6a1e0b2c-0000-4000-8000-000000000001\""),
        ("inactive>12w", "inactive>84d"),
        ("inactive:confluence@example>90d", "inactive:confluence@example>90d"),
        ("role:atlassian/admin@jira-software@\"my site\"", "role:admin@jira-software@\"my site\""),
        ("domain:@Example.COM", "domain:example.com"),
        ("ada@example.com", "\"ada@example.com\""),
        ("557058:6a1e", "\"557058:6a1e\""),
        ("\"or\" \"a\\\"b\\\\c\"", "\"or\" \"a\\\"b\\\\c\""),
        ("\"C:\\temp\"", "\"C:\\\\temp\""),
        ("android", "android"),
        ("Zoë 山田", "Zoë 山田"),
        ("site:https://example.atlassian.net", "site:\"https://example.atlassian.net\""),
    ] {
        assert_eq!(canonical(text), form, "{text}");
        assert_eq!(canonical(form), form, "the form of {text} is no form");
    }
}

/// The place is marked below the text, and a near word is offered.
#[test]
fn a_mistake_has_a_place_and_a_remedy() {
    let told = canonical("status:active staus:x");
    let lines: Vec<_> = told.lines().skip(1).collect();
    assert_eq!(lines[0], "there is no condition `staus`, at character 15 of the filter:");
    assert_eq!(lines[1], "  status:active staus:x");
    assert_eq!(lines[2], "                ^^^^^");
    assert!(lines[3].starts_with("expected `status`, or one of status, claim"), "{told}");
}

#[test]
fn mistakes_are_told_apart() {
    for (text, place, word) in [
        ("status:actve", 7..12, "`active`"),
        ("status:", 7..7, "one of active"),
        ("status=active", 6..7, "`:`"),
        ("status:active,", 14..14, "suspended"),
        ("status:active@x", 13..14, "a space"),
        ("(a OR b", 0..1, "`)`"),
        ("a)", 1..2, "`OR`"),
        ("()", 1..2, "condition"),
        ("a OR", 4..4, "condition"),
        ("OR a", 0..2, "quotes"),
        ("a AND AND b", 6..9, "quotes"),
        ("- a", 0..1, "right after"),
        ("-", 1..1, "condition"),
        ("group:\"jira admins", 6..7, "`\"`"),
        ("group:\"\"", 6..8, "a group's name"),
        ("inactive", 0..0, ""),
        ("inactive:confluence", 19..19, "`>`"),
        ("inactive<90d", 8..9, "`>`"),
        ("inactive>90", 9..11, "90d"),
        ("inactive>0d", 9..11, "at most"),
        ("inactive>99999999999d", 9..21, "at most"),
        ("role:emperor", 5..12, "user, admin"),
        ("role:admin@", 11..11, "a product"),
        ("domain:ada@example.com", 7..22, "example.com"),
        ("is:", 3..3, "admin"),
        ("billable:perhaps", 9..16, "unknown"),
        ("a,b", 1..2, "quotes"),
        ("müller group:", 14..14, "a group's name"),
    ] {
        match text.parse::<Filter>() {
            // A key without an operator is a word to search for.
            Ok(filter) => assert_eq!((text, filter.to_string().as_str()), ("inactive", "inactive")),
            Err(error) => {
                assert_eq!(error.place, place, "{text}: {error}");
                assert!(error.expected.contains(word), "{text}: {error}");
            }
        }
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(deep(DEPTH_MAX).parse::<Filter>().is_ok());
    assert!(deep(DEPTH_MAX + 1).parse::<Filter>().is_err());
    assert!("-".repeat(LENGTH_MAX).parse::<Filter>().is_err());
    assert!("a".repeat(LENGTH_MAX + 1).parse::<Filter>().is_err());
}

/// `docs/filters.md` is read by people who try what it says.
#[test]
fn every_example_of_the_documentation_is_a_filter() {
    let document = include_str!("../../../../docs/filters.md");
    let mut examples = 0;
    for block in document.split("```filter\n").skip(1) {
        for line in block.split("```").next().unwrap_or_default().lines() {
            if let Err(error) = line.parse::<Filter>() {
                panic!("{line}\n{error}");
            }
            examples += 1;
        }
    }
    assert!(examples > 15, "{examples} examples were found");
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "\\PC{1,12}",
        Just("or".to_owned()),
        Just("-x".to_owned()),
        Just("a\"b\\c\\\\".to_owned()),
        Just("6a1e0b2c-0000-4000-8000-000000000001".to_owned()),
        Just("line\nbreak\ttab".to_owned()),
        Just("https://x".to_owned()),
    ]
}

fn one_or_more<T: std::fmt::Debug>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(item, 1..4)
}

fn access() -> impl Strategy<Value = Access> {
    (name(), prop::option::of(name())).prop_map(|(product, site)| Access { product, site })
}

fn condition() -> impl Strategy<Value = Condition> {
    let days = (1..=DAYS_MAX).prop_filter_map("in range", Days::new);
    let role = (prop::sample::select(Role::ALL), prop::option::of(access())).prop_map(|(role, on)| RoleAt { role, on });
    let group =
        prop_oneof![any::<u128>().prop_map(|bits| GroupRef::Id(GroupId(Uuid::from_u128(bits)))), name().prop_map(GroupRef::Name)];
    prop_oneof![
        one_or_more(prop::sample::select(Status::ALL)).prop_map(Condition::Status),
        one_or_more(prop::sample::select(Claim::ALL)).prop_map(Condition::Claim),
        one_or_more(access()).prop_map(Condition::Product),
        one_or_more(name()).prop_map(Condition::Site),
        one_or_more(role).prop_map(Condition::Role),
        one_or_more(group).prop_map(Condition::Group),
        one_or_more("[a-z0-9.-]{1,12}").prop_map(Condition::Domain),
        one_or_more(name()).prop_map(Condition::Directory),
        (prop::option::of(access()), days).prop_map(|(on, longer_than)| Condition::Inactive { on, longer_than }),
        prop::sample::select(Billable::ALL).prop_map(Condition::Billable),
        prop::sample::select(Flag::ALL).prop_map(Condition::Flag),
        name().prop_map(Condition::Text),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    condition().prop_map(Expression::Is).prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_filter_map("one or more", Expression::all),
            prop::collection::vec(inner.clone(), 1..4).prop_filter_map("one or more", Expression::any),
            inner.prop_map(|inner| Expression::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    /// A filter's own text gives back the filter.
    #[test]
    fn the_text_of_a_tree_parses_to_that_tree(tree in prop::option::of(expression())) {
        let filter = Filter(tree);
        let text = filter.to_string();
        match text.parse::<Filter>() {
            Ok(again) => prop_assert_eq!(again, filter, "{}", text),
            Err(error) => prop_assert!(false, "{}\n{}", text, error),
        }
    }

    /// Whatever people type, there is a filter or a place within the text.
    #[test]
    fn no_text_breaks_the_parser(text in "[a-z:,@<>=()\"\\\\ \\-é0-9]{0,40}|\\PC{0,40}") {
        match text.parse::<Filter>() {
            Ok(filter) => prop_assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter)),
            Err(error) => {
                prop_assert!(text.get(error.place.clone()).is_some());
                prop_assert!(error.to_string().contains('^'));
            }
        }
    }
}
