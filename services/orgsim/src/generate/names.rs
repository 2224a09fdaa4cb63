//! Words that names are made of, and the names that break programs.

pub(super) const FIRST: &[&str] = &[
    "Ada", "Alex", "Aino", "Bruno", "Chiara", "Chen", "Dmitri", "Elif", "Emma", "Farid", "Fatima", "Grace", "Hana", "Hugo",
    "Ines", "Ivan", "Jana", "Jonas", "Kofi", "Lena", "Liam", "Maria", "Mateo", "Mei", "Mohammed", "Nadia", "Noah", "Olga",
    "Oskar", "Priya", "Quentin", "Rosa", "Sam", "Sofia", "Tariq", "Uma", "Viktor", "Wei", "Ximena", "Yara", "Yusuf", "Zoë",
];

pub(super) const LAST: &[&str] = &[
    "Almeida",
    "Andersson",
    "Bauer",
    "Berg",
    "Chen",
    "Costa",
    "da Silva",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Hansen",
    "Ivanova",
    "Jensen",
    "Kaya",
    "Khan",
    "Kim",
    "Kowalski",
    "Kumar",
    "Larsen",
    "Lehtinen",
    "Martin",
    "Meyer",
    "Moreau",
    "Müller",
    "Nakamura",
    "Nguyen",
    "Novak",
    "O'Brien",
    "Okafor",
    "Patel",
    "Popescu",
    "Rossi",
    "Santos",
    "Schmidt",
    "Smith",
    "Suzuki",
    "Tanaka",
    "van Dijk",
    "Virtanen",
    "Wang",
    "Weber",
    "Yılmaz",
    "Zhang",
];

/// Names without ASCII, with quotes, markup, emoji, and text from right to left. The empty one is replaced by 255 letters.
pub(super) const HOSTILE: &[&str] = &[
    "山田太郎",
    "Ольга Иванова",
    "محمد العربي",
    "שרה כהן",
    "Γεωργία Παπαδοπούλου",
    "👩‍🚀 Zoé 🦀🦀",
    "Robert'); DROP TABLE users;--",
    "Anna \"Ann\" O'Neil",
    "<script>alert('x')</script>",
    "<b>Bold</b> &amp; \\ backslash",
    "=HYPERLINK(\"https://example.com\")",
    "İstanbul ışık ß ﬁ",
    "  spaces   around  ",
    "tab\tand\nnewline",
    "a\u{301}e\u{308} combining \u{202e}reversed",
    "null",
    "",
];

pub(crate) const MANAGED_DOMAINS: &[&str] = &["example.com", "corp.example.com", "example.de", "example.fi"];
pub(super) const OTHER_DOMAINS: &[&str] = &["mail.example.net", "partner.example.org", "freelance.example"];

pub(super) const JOB_TITLES: &[&str] = &[
    "Engineer",
    "Senior Engineer",
    "Designer",
    "Product Manager",
    "Accountant",
    "Support Agent",
    "Vice President",
    "Working Student",
    "Analyst",
];
pub(super) const DEPARTMENTS: &[&str] = &[
    "Engineering",
    "Finance",
    "Human Resources",
    "Legal",
    "Marketing",
    "Operations",
    "Research & Development",
    "Sales",
    "Support",
];
pub(super) const ORGANIZATIONS: &[&str] = &["Example AG", "Example Oy", "Example Inc.", "Example Services GmbH"];
pub(super) const LOCATIONS: &[&str] = &["Berlin", "Helsinki", "İzmir", "New York", "Pune", "São Paulo", "Sydney", "東京"];
pub(super) const TIME_ZONES: &[&str] = &[
    "Europe/Berlin",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "America/New_York",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "Australia/Sydney",
    "Asia/Tokyo",
];

pub(super) const TEAM_WORDS: &[&str] = &[
    "platform", "payments", "mobile", "data", "security", "identity", "search", "billing", "growth", "design", "support",
    "legal", "finance", "release", "infra", "qa", "docs", "sales", "partners", "research",
];
pub(super) const TEAM_ROLES: &[&str] =
    &["developers", "admins", "viewers", "leads", "users", "contractors", "approvers", "oncall"];

pub(super) const GROUP_SENTENCES: &[&str] = &[
    "Members may open the team's projects and spaces; ask the owner named in the handbook before you add anybody from outside.",
    "Created by the identity provider and kept in step with it. Changes made here are overwritten at the next synchronisation of the directory.",
    "Grants access for the duration of the project only. The list is reviewed at the end of each quarter by the department that pays for the seats.",
    "Historic group from the migration of the server instance. Nobody knows whether it is still needed, so it was kept.",
    "Notification list; it grants nothing by itself but several permission schemes refer to it, so please don't rename it.",
];
