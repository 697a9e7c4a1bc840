//! Rows as they stand in TOML.

use serde::Deserialize;

use crate::cases::escapes::{EntityTags, expand};
use crate::cases::{Case, End, Expected, Level, Part, RootTags};
use thimble_test_app::{Layer, Root, Setting, Sizes};

/// A whole table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) case: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) name: String,
    rfc: String,
    level: Level,
    send: String,
    #[serde(default)]
    shut: bool,
    expect: Vec<ExpectedRow>,
    end: End,
    why: String,
    clock: Option<bool>,
    #[serde(default)]
    limits: Sizes,
    #[serde(default)]
    root: Root,
    listing: Option<bool>,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    layer: Layer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedRow {
    status: u16,
    #[serde(default)]
    has: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
    body: Option<String>,
    #[serde(default)]
    contains: OneOrMore,
    #[serde(default)]
    without: OneOrMore,
    links: Option<Vec<String>>,
    parts: Option<Vec<PartRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartRow {
    #[serde(default)]
    has: Vec<String>,
    body: String,
}

/// One text, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        Self::More(Vec::new())
    }
}

impl OneOrMore {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::More(texts) => texts,
        }
    }
}

impl Row {
    pub(crate) fn into_case(self, table: &str, tags: &mut RootTags<'_>) -> Result<Case, String> {
        let root = self.root;
        let mut tags = |path: &str, coding: &str| tags(root, path, coding);
        let case = Case {
            table: table.to_owned(),
            name: self.name,
            rfc: self.rfc,
            level: self.level,
            send: expand(&self.send, &mut tags)?,
            shut: self.shut,
            expect: self
                .expect
                .into_iter()
                .map(|row| row.into_expected(&mut tags))
                .collect::<Result<_, _>>()?,
            end: self.end,
            why: self.why,
            setting: Setting {
                clock: self.clock.unwrap_or(true),
                limits: self.limits,
                root,
                listing: self.listing.unwrap_or(true),
                hidden: self.hidden,
                layer: self.layer,
            },
        };
        Ok(case)
    }
}

impl ExpectedRow {
    fn into_expected(self, tags: &mut EntityTags<'_>) -> Result<Expected, String> {
        let mut octets = |texts: Vec<String>| {
            texts.iter().map(|text| expand(text, tags)).collect::<Result<Vec<_>, _>>()
        };
        let body = octets(self.body.into_iter().collect())?.pop();
        let contains = octets(self.contains.into_list())?;
        let without = octets(self.without.into_list())?;
        let links = self.links.map(octets).transpose()?;
        let parts = self.parts.map(|parts| parts.into_iter().map(|part| part.into_part(tags)));
        let parts = parts.map(Iterator::collect::<Result<_, _>>).transpose()?;
        let has = lines(&self.has, tags)?;
        let (status, lacks) = (self.status, self.lacks);
        Ok(Expected { status, has, lacks, body, contains, without, links, parts })
    }
}

impl PartRow {
    fn into_part(self, tags: &mut EntityTags<'_>) -> Result<Part, String> {
        Ok(Part { has: lines(&self.has, tags)?, body: expand(&self.body, tags)? })
    }
}

fn lines(lines: &[String], tags: &mut EntityTags<'_>) -> Result<Vec<String>, String> {
    let line = |line: &String| {
        String::from_utf8(expand(line, tags)?).map_err(|_| format!("{line} is not UTF-8"))
    };
    lines.iter().map(line).collect()
}
