//! A submitted form as a row.

use serde_json::Value;

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

/// Fields as the JSON that a [`Row`] has: `[["name","value"],…]`.
pub fn fields<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = fields.map(|(name, value)| Value::from(vec![name, value]));
    Value::Array(pairs.collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_octets() {
        let pairs = [("b", "1"), ("a", "\"\\\u{0}\u{e9}\u{1f600}</script>\r\n"), ("b", "")];
        let json = fields(pairs.into_iter());
        let read: Vec<(String, String)> = serde_json::from_str(&json).unwrap();
        assert!(read.iter().map(|(name, value)| (&**name, &**value)).eq(pairs));
        assert_eq!(fields([].into_iter()), "[]");
    }
}
