//! The case tables in `cases/`: what is sent to a server, and what it has to answer.
//!
//! A row is written for people first: its octets stand in TOML's literal strings, with
//! [escapes].

pub mod dates;
pub mod escapes;
pub mod links;
pub mod multipart;
pub mod replay;
mod reply;
pub mod report;
mod rows;
pub mod transcript;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::rows::Table;
pub use thimble_test_app::{Layer, Root, Setting, Sizes};

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The table it stands in, without `.toml`.
    pub table: String,
    /// Its name, which no other row of any table has.
    pub name: String,
    /// Where the expectation comes from: an RFC and its section, or `design`.
    pub rfc: String,
    /// How binding that is.
    pub level: Level,
    /// What the client sends.
    pub send: Vec<u8>,
    /// Whether the client shuts its sending side afterwards.
    pub shut: bool,
    /// The replies in their order, interim ones too.
    pub expect: Vec<Expected>,
    /// What becomes of the connection.
    pub end: End,
    /// What goes wrong otherwise.
    pub why: String,
    /// How the server is set up.
    pub setting: Setting,
}

/// How binding an expectation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The RFC says MUST.
    Must,
    /// The RFC says SHOULD.
    Should,
    /// The RFC says MAY.
    May,
    /// A decision of this project.
    Design,
}

/// What becomes of the connection after the replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// It can still be used, as far as the client has not shut its sending side.
    Open,
    /// The server closes it, and has said so in the last reply.
    Close,
}

/// What a reply has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its status.
    pub status: u16,
    /// Field lines it has; their names in any case.
    pub has: Vec<String>,
    /// Names of fields it has not.
    pub lacks: Vec<String>,
    /// Its content, after transfer decoding.
    pub body: Option<Vec<u8>>,
    /// Parts of its content, in this order.
    pub contains: Vec<Vec<u8>>,
    /// What its content has not.
    pub without: Vec<Vec<u8>>,
    /// What the links in its content lead to, in their order.
    pub links: Option<Vec<Vec<u8>>>,
    /// The parts of a content of the type multipart/byteranges.
    pub parts: Option<Vec<Part>>,
}

/// What a part of a multipart content has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Field lines it has; their names in any case.
    pub has: Vec<String>,
    /// Its content.
    pub body: Vec<u8>,
}

/// The folder of the tables.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// The rows of all tables, with entity tags that no storage gives.
///
/// # Errors
/// The first row that breaks a rule of the tables, and which.
pub fn all() -> Result<Vec<Case>, String> {
    all_with(&mut |_, path, coding| made_up_tag(path, coding))
}

fn made_up_tag(path: &str, coding: &str) -> String {
    format!("\"{coding}:{path}\"")
}

/// The rows of all tables, with the entity tags that `tags` gives for the folder, the path and the
/// coding.
///
/// # Errors
/// The first row that breaks a rule of the tables, and which.
pub fn all_with(tags: &mut RootTags<'_>) -> Result<Vec<Case>, String> {
    let entries = fs::read_dir(folder()).map_err(|error| error.to_string())?;
    let mut paths = entries
        .map(|entry| Ok(entry.map_err(|error| error.to_string())?.path()))
        .collect::<Result<Vec<_>, String>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let table = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path).map_err(|error| format!("{table}: {error}"))?;
        cases.extend(parse_with(&table, &text, tags)?);
    }
    check_names(&cases)?;
    Ok(cases)
}

/// The same, each entity tag asked for once.
///
/// # Errors
/// The first row that breaks a rule of the tables, and which.
pub fn all_asking(mut tags: impl FnMut(Root, &str, &str) -> String) -> Result<Vec<Case>, String> {
    let mut known = HashMap::new();
    all_with(&mut |root: Root, path: &str, coding: &str| {
        let key = (root, path.to_owned(), coding.to_owned());
        known.entry(key).or_insert_with(|| tags(root, path, coding)).clone()
    })
}

/// Gives the entity tag of what is in a folder at a path, in a coding.
pub type RootTags<'t> = dyn FnMut(Root, &str, &str) -> String + 't;

/// The rows of one table, whose text this is, with entity tags that no storage gives.
///
/// # Errors
/// The first row that breaks a rule of the tables, and which.
pub fn parse(table: &str, text: &str) -> Result<Vec<Case>, String> {
    parse_with(table, text, &mut |_, path, coding| made_up_tag(path, coding))
}

fn parse_with(table: &str, text: &str, tags: &mut RootTags<'_>) -> Result<Vec<Case>, String> {
    let rows: Table = toml::from_str(text).map_err(|error| format!("{table}: {error}"))?;
    rows.case
        .into_iter()
        .map(|row| {
            let place = format!("{table}: {}", row.name);
            row.into_case(table, tags)
                .and_then(Case::checked)
                .map_err(|fault| format!("{place}: {fault}"))
        })
        .collect()
}

fn check_names(cases: &[Case]) -> Result<(), String> {
    let mut tables = HashMap::new();
    for case in cases {
        if let Some(other) = tables.insert(&case.name, &case.table) {
            return Err(format!("{} and {other} both have a row {}", case.table, case.name));
        }
    }
    Ok(())
}

impl Expected {
    /// All field lines that it and its parts have.
    fn lines(&self) -> impl Iterator<Item = &String> {
        self.has.iter().chain(self.parts.iter().flatten().flat_map(|part| &part.has))
    }
}

impl Case {
    fn checked(self) -> Result<Self, String> {
        self.check().map(|()| self)
    }

    fn check(&self) -> Result<(), String> {
        let final_replies = self.expect.iter().filter(|reply| reply.status >= 200).count();
        let is_line = |line: &String| {
            line.split_once(':').is_some_and(|(name, value)| {
                !name.is_empty() && (value.is_empty() || value.starts_with(' '))
            })
        };
        let faults = [
            (self.name.trim().is_empty(), "it has no name"),
            (self.rfc.trim().is_empty(), "nothing says where the expectation comes from"),
            (self.why.trim().is_empty(), "nothing says why"),
            (self.send.is_empty() && !self.shut, "nothing is sent"),
            (
                self.rfc == "design" && self.level != Level::Design,
                "what the design alone says is of the level design",
            ),
            (
                self.expect.iter().any(|reply| !(100..600).contains(&reply.status)),
                "there is no such status",
            ),
            (
                final_replies == 0 && !(self.shut && self.expect.is_empty()),
                "a request is answered by a final reply",
            ),
            (
                self.expect.last().is_some_and(|reply| reply.status < 200),
                "an interim reply is not the last",
            ),
            (
                final_replies < self.expect.len() && !self.shut,
                "only a client that shuts its sending side knows whether 100 comes",
            ),
            (
                self.expect.iter().flat_map(Expected::lines).any(|line| !is_line(line)),
                "`has` is a list of field lines",
            ),
            (
                self.expect
                    .iter()
                    .flat_map(|reply| &reply.lacks)
                    .any(|name| name.contains([':', ' '])),
                "`lacks` is a list of field names",
            ),
        ];
        match faults.iter().find(|(fault, _)| *fault) {
            Some((_, what)) => Err((*what).to_owned()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"
        [[case]]
        name = "a"
        rfc = "9112 §3"
        level = "must"
        send = '\r\n'
        expect = [{ status = 200, has = ["A: b"], lacks = ["C"], body = '\0', contains = '}' }]
        end = "open"
        why = "because"
    "#;

    #[test]
    fn every_table_is_sound() {
        let cases = all().unwrap_or_else(|fault| panic!("{fault}"));
        let tables = fs::read_dir(folder()).map(Iterator::count).unwrap_or_default();
        assert!(tables >= 2 && cases.len() >= 250, "{} rows in {tables} tables", cases.len());
    }

    #[test]
    fn a_row_is_read_as_it_is_written() {
        let expected = Case {
            table: "t".into(),
            name: "a".into(),
            rfc: "9112 §3".into(),
            level: Level::Must,
            send: b"\r\n".into(),
            shut: false,
            expect: vec![Expected {
                status: 200,
                has: vec!["A: b".into()],
                lacks: vec!["C".into()],
                body: Some(vec![0]),
                contains: vec![b"}".into()],
                without: Vec::new(),
                links: None,
                parts: None,
            }],
            end: End::Open,
            why: "because".into(),
            setting: Setting::USUAL,
        };
        assert_eq!(parse("t", ROW), Ok(vec![expected.clone()]));
        let other = format!(
            "{ROW}\nclock = false\nlimits = 'small'\nroot = 'fixture404'\nlisting = false\n\
             hidden = true\nlayer = 'auth'\nshut = true"
        );
        let (limits, root) = (Sizes::Small, Root::Fixture404);
        let setting = Setting {
            clock: false,
            limits,
            root,
            listing: false,
            hidden: true,
            layer: Layer::Auth,
        };
        assert_eq!(parse("t", &other), Ok(vec![Case { shut: true, setting, ..expected }]));
    }

    #[test]
    fn contents_are_described_by_what_is_in_them() {
        let row = ROW.replace(
            "contains = '}'",
            r"contains = ['a', '\x62'], without = 'c', links = ['../', '\xff'],
            parts = [{ has = ['A: \{etag /d}'], body = '\0' }, { body = '' }]",
        );
        let case = parse("t", &row.replace("'\n'", "")).and_then(|mut cases| {
            cases.pop().and_then(|case| case.expect.into_iter().next()).ok_or_else(String::new)
        });
        let reply = case.unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(
            (reply.contains, reply.without),
            (vec![b"a".into(), b"b".into()], vec![b"c".into()])
        );
        assert_eq!(reply.links, Some(vec![b"../".into(), b"\xff".into()]));
        let parts = [(vec!["A: \"identity:/d\"".into()], b"\0".into()), (vec![], vec![])];
        assert_eq!(reply.parts, Some(parts.map(|(has, body)| Part { has, body }).into()));
    }

    #[test]
    fn entity_tags_are_those_of_the_folder_that_is_served() {
        let row = ROW.replace(r"'\r\n'", r"'\{etag /a br}'").replace("A: b", r"A: \\{etag /a}");
        let row = format!("{row}\nroot = 'fixture404'");
        let mut tags = |root: Root, path: &str, coding: &str| format!("{root:?}{path}{coding}");
        let cases = parse_with("t", &row, &mut tags).unwrap_or_default();
        let sent = cases.first().map(|case| case.send.as_slice());
        assert_eq!(sent, Some(b"Fixture404/abr".as_slice()));
        let has = cases.first().and_then(|case| case.expect.first()?.has.first());
        assert_eq!(has.map(String::as_str), Some("A: Fixture404/aidentity"));
    }

    #[test]
    fn every_key_is_required_but_those_that_have_a_usual_value() {
        for key in ["name", "rfc", "level", "send", "expect", "end", "why"] {
            let is_other = |line: &&str| !line.trim_start().starts_with(key);
            let without = ROW.lines().filter(is_other).collect::<Vec<_>>().join("\n");
            assert_fault(&without, &format!("missing field `{key}`"));
        }
        assert_fault(&format!("{ROW}\nwhen = 'now'"), "unknown field `when`");
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        for (good, bad, fault) in [
            (r#"name = "a""#, "name = ' '", "it has no name"),
            (r#"rfc = "9112 §3""#, "rfc = ''", "where the expectation comes from"),
            (r#"rfc = "9112 §3""#, "rfc = 'design'", "of the level design"),
            (r#"why = "because""#, "why = ''", "nothing says why"),
            (r"'\r\n'", r"'\q'", "means nothing"),
            (r"'\r\n'", "''", "nothing is sent"),
            ("status = 200", "status = 600", "no such status"),
            ("status = 200", "status = 100", "by a final reply"),
            ("{ status = 200", "{ status = 200 }, { status = 100", "is not the last"),
            ("{ status = 200", "{ status = 100 }, { status = 200", "whether 100 comes"),
            ("A: b", "A b", "`has` is"),
            ("A: b", "A:b", "`has` is"),
            (r#""C""#, r#""C: d""#, "`lacks` is"),
            ("body = ", "parts = [{ has = ['A b'], body = '' }], body = ", "`has` is"),
            ("body = ", "parts = [{ has = ['A: b'] }], body = ", "missing field `body`"),
            ("open", "ajar", "unknown variant"),
        ] {
            assert!(ROW.contains(good), "{good}");
            assert_fault(&ROW.replacen(good, bad, 1), fault);
        }
    }

    #[test]
    fn names_are_unique_over_tables() {
        let mut cases = parse("t", ROW).unwrap_or_default();
        assert_eq!(check_names(&cases), Ok(()));
        cases.extend(parse("u", ROW).unwrap_or_default());
        assert_eq!(check_names(&cases), Err("u and t both have a row a".into()));
    }

    fn assert_fault(table: &str, fault: &str) {
        let parsed = parse("t", table);
        assert!(parsed.as_ref().is_err_and(|found| found.contains(fault)), "{parsed:?}: {fault}");
    }
}
