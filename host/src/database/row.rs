//! A submitted form as a row.

use std::fmt::Write as _;

use serde_json::Value;
use thimble_core::service::FormFile;

/// A row of the table `form`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When the form arrived, in seconds since 1970 (Unix time), if that is known.
    pub received_at: Option<i64>,
    /// The path it was sent to, percent-encoded as it came.
    pub path: String,
    /// The address it came from, if that is known.
    pub remote: Option<String>,
    /// The fields, in their order: a JSON array of arrays of a name and a value.
    pub fields: String,
}

/// Fields as the JSON that a [`Row`] has: `["name","value"]` for a text, and
/// `["name","file name",{"type":"image/png","size":7}]` for a file, which has `"file":"kept name"` as
/// well if its content is kept.
pub fn fields<'a>(
    fields: impl Iterator<Item = (&'a str, &'a str, Option<(FormFile<'a>, Option<&'a str>)>)>,
) -> String {
    let mut json = String::with_capacity(128);
    json.push('[');
    for (name, value, file) in fields {
        json.push_str(if json.len() > 1 { ",[" } else { "[" });
        push(&mut json, name);
        json.push(',');
        push(&mut json, value);
        if let Some((file, kept)) = file {
            json.push_str(",{");
            if let Some(kept) = kept {
                json.push_str("\"file\":");
                push(&mut json, kept);
                json.push(',');
            }
            let _ = write!(json, "\"size\":{},\"type\":", file.size);
            push(&mut json, file.content_type);
            json.push('}');
        }
        json.push(']');
    }
    json.push(']');
    json
}

/// Adds `text` as a JSON string (RFC 8259 §7).
fn push(json: &mut String, text: &str) {
    json.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter < ' ' || matches!(letter, '"' | '\\')) {
        let (before, from) = rest.split_at_checked(at).unwrap_or_default();
        json.push_str(before);
        let mut letters = from.chars();
        match letters.next() {
            Some(letter @ ('"' | '\\')) => json.extend(['\\', letter]),
            Some('\n') => json.push_str("\\n"),
            Some('\r') => json.push_str("\\r"),
            Some('\t') => json.push_str("\\t"),
            other => _ = write!(json, "\\u{:04x}", other.map_or(0, u32::from)),
        }
        rest = letters.as_str();
    }
    json.push_str(rest);
    json.push('"');
}

/// A field of `fields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// Its value, or the name of a file.
    pub(super) value: String,
    /// Of a file, its type and size, and the name under which it is kept, if it is.
    pub(super) file: Option<(String, u64, Option<String>)>,
}

/// What is in `fields`, as far as it is of that form.
pub(super) fn read(fields: &str) -> impl Iterator<Item = Field> {
    let fields: Vec<Vec<Value>> = serde_json::from_str(fields).unwrap_or_default();
    fields.into_iter().filter_map(|field| {
        let text = |index: usize| field.get(index)?.as_str().map(str::to_owned);
        let file = field.get(2).and_then(|file| {
            let text = |key: &str| Some(file.get(key)?.as_str()?.to_owned());
            Some((text("type")?, file.get("size")?.as_u64()?, text("file")))
        });
        Some(Field { name: text(0)?, value: text(1)?, file })
    })
}

/// `fields` with U+FFFD in place of U+0000, for what can't hold that.
#[cfg(feature = "postgres")]
pub(super) fn without_nul(fields: &str) -> std::borrow::Cow<'_, str> {
    use std::borrow::Cow;

    if !fields.contains("\\u0000") {
        return Cow::Borrowed(fields);
    }
    // The text may also be a backslash and what follows it: only a parser can tell.
    let Ok(mut read) = serde_json::from_str::<Value>(fields) else { return Cow::Borrowed(fields) };
    let texts = read.as_array_mut().into_iter().flatten();
    for text in texts.filter_map(Value::as_array_mut).flatten() {
        if let Value::String(text) = text {
            *text = text.replace('\0', "\u{fffd}");
        }
    }
    Cow::Owned(read.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_octets() {
        let pairs = [("b", "1"), ("a", "\"\\\u{0}\u{e9}\u{1f600}</script>\r\n"), ("b", "")];
        let json = fields(pairs.into_iter().map(|(name, value)| (name, value, None)));
        let read: Vec<(String, String)> = serde_json::from_str(&json).unwrap();
        assert!(read.iter().map(|(name, value)| (&**name, &**value)).eq(pairs));
        assert_eq!(fields([].into_iter()), "[]");
        let texts = super::read(&json).map(|field| (field.name, field.value));
        assert!(texts.eq(pairs.map(|(name, value)| (name.into(), value.into()))));
        let file = r#"["a","b.txt",{"type":"text/plain","size":1,"file":"b-1.txt"}]"#;
        let all: Vec<_> =
            super::read(&format!(r#"[{file},["c","d.txt",{{"size":1}}],[1]]"#)).collect();
        let [first, second] = &all[..] else { panic!("{all:?}") };
        assert_eq!(
            (&*first.value, &first.file),
            ("b.txt", &Some(("text/plain".into(), 1, Some("b-1.txt".into()))))
        );
        assert_eq!((&*second.value, &second.file), ("d.txt", &None));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn only_nul_is_replaced() {
        for (value, expected) in
            [("a\0b", "a\u{fffd}b"), ("\\u0000\0", "\\u0000\u{fffd}"), ("a", "a")]
        {
            let before = fields([("n", value, None)].into_iter());
            let read: Vec<(String, String)> = serde_json::from_str(&without_nul(&before)).unwrap();
            assert_eq!(read, [("n".into(), expected.into())]);
        }
    }
}
