//! A user's name and password, as the Basic scheme sends them (RFC 7617 §2).

use core::fmt;

use crate::bytes::class::is_tchar;

/// The credentials of an Authorization field: a user-id and a password, which stay encoded.
///
/// ```abnf
/// credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]  ; RFC 9110 §11.4
/// user-pass   = user-id ":" password                            ; RFC 7617 §2
/// ```
/// The token68 is base64 (RFC 4648 §4) in the one way to spell it: padded, with no bit set that stands
/// for nothing. No control may be in what it encodes.
///
/// ```
/// use thimble_core::grammar::credentials::Basic;
///
/// let sent = Basic::of(b"Basic QWRhOnNlY3JldA==").unwrap();
/// assert!(sent.is("Ada", "secret") && !sent.is("Ada", "secre"));
/// assert!(sent.user().eq(*b"Ada") && sent.password().eq(*b"secret"));
/// assert!(Basic::of(b"Bearer QWRhOnNlY3JldA==").is_none());
/// ```
#[derive(Clone, Copy)]
pub struct Basic<'a> {
    /// Base64 in groups of four.
    token: &'a [u8],
}

impl<'a> Basic<'a> {
    /// The credentials that `value` spells; `None` if its scheme is another one, or it is malformed.
    pub fn of(value: &'a [u8]) -> Option<Self> {
        let end = value.iter().position(|octet| !is_tchar(*octet))?;
        let (scheme, mut token) = value.split_at_checked(end)?;
        if !scheme.eq_ignore_ascii_case(b"Basic") {
            return None;
        }
        while let [b' ', rest @ ..] = token {
            token = rest;
        }
        let credentials = Self { token };
        let is_text = || {
            let mut has_colon = false;
            let is_text = credentials.octets().all(|octet| {
                has_colon |= octet == b':';
                !octet.is_ascii_control()
            });
            is_text && has_colon
        };
        (is_base64(token) && is_text()).then_some(credentials)
    }

    /// The user-id: what is before the first colon.
    pub fn user(self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        self.octets().take_while(|octet| *octet != b':')
    }

    /// The password: what is behind the first colon.
    pub fn password(self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        self.octets().skip_while(|octet| *octet != b':').skip(1)
    }

    /// Whether they are those of `user`, who has this `password`. How long it takes depends on what was
    /// sent, and not on what is right.
    pub fn is(self, user: &str, password: &str) -> bool {
        let right = || user.bytes().chain([b':']).chain(password.bytes());
        let mut is_same = right().count() ^ self.octets().count();
        // Around and around, so that its length doesn't show.
        for (sent, right) in self.octets().zip(right().cycle()) {
            is_same |= usize::from(sent ^ right);
        }
        // Otherwise the compiler might stop at the first difference.
        core::hint::black_box(is_same) == 0
    }

    /// The octets that are encoded.
    pub fn octets(self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        self.token.chunks(4).flat_map(|group| {
            let word = group.iter().fold(0, |word: u32, octet| word << 6 | sextet(*octet));
            let [_, octets @ ..] = word.to_be_bytes();
            let count = match group {
                [_, _, b'=', _] => 1,
                [_, _, _, b'='] => 2,
                _ => 3,
            };
            octets.into_iter().take(count)
        })
    }
}

/// Nobody who prints this wants the password.
impl fmt::Debug for Basic<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Basic(***)")
    }
}

/// ```abnf
/// token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="   ; RFC 9110 §11.2
/// ```
/// Of these, base64 has a part.
fn is_base64(token: &[u8]) -> bool {
    let data = token.strip_suffix(b"=").unwrap_or(token);
    let data = data.strip_suffix(b"=").unwrap_or(data);
    let is_digit = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
    let last = data.last().map_or(0, |octet| sextet(*octet));
    let unused = match token.len() - data.len() {
        0 => 0,
        1 => 0b11,
        _ => 0b1111,
    };
    !data.is_empty()
        && token.len().is_multiple_of(4)
        && data.iter().all(is_digit)
        && last & unused == 0
}

/// The number that a digit of base64 stands for; 0 for padding.
fn sextet(digit: u8) -> u32 {
    let number = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => 0,
    };
    number.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn read(value: &str) -> Option<(String, String)> {
        let sent = Basic::of(value.as_bytes())?;
        let [user, password] = [sent.user().collect(), sent.password().collect::<Vec<_>>()];
        Some((String::from_utf8(user).unwrap(), String::from_utf8(password).unwrap()))
    }

    #[test]
    fn names_and_passwords() {
        for (value, user, password) in [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"),
            ("bASIC   dGVzdDoxMjPCow==", "test", "123£"),
            ("Basic YTo=", "a", ""),
            ("Basic Og==", "", ""),
            ("Basic YTpiOmM=", "a", "b:c"),
            ("Basic fn5+fj8/Ojo=", "~~~~??", ":"),
        ] {
            let expected = Some((user.into(), password.into()));
            assert_eq!(read(value), expected, "{value}");
            assert!(Basic::of(value.as_bytes()).unwrap().is(user, password), "{value}");
        }
        for value in [
            "",
            "Basic",
            "Basic ",
            "Basic =",
            "Basic ====",
            "BasicYTo=",
            "Basic\tYTo=",
            "Basic YTo",
            "Basic YTo==",
            "Basic YTp=",
            "Basic Yg==",
            "Basic YTo= ",
            "Basic YTo=, b",
            "Basic Y=Q6",
            "Basic YT-_",
            "Basic YToA",
            "Basic YQo6",
            "Digest YTo=",
            "Basic realm=\"a\"",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    #[test]
    fn only_the_same_is_right() {
        let sent = Basic::of(b"Basic QWRhOnNlY3JldA==").unwrap();
        assert!(sent.is("Ada", "secret"));
        for (user, password) in [
            ("ada", "secret"),
            ("Ada", "Secret"),
            ("Ada", ""),
            ("", ""),
            ("Ada", "secrets"),
            ("Ada", "secretAda:secret"),
            ("Ada:", "secret"),
            ("Ad", "a:secret"),
        ] {
            assert!(!sent.is(user, password), "{user}:{password}");
        }
    }
}
