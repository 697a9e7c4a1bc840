//! A hash of a password, as htpasswd and crypt write it.

use std::str::FromStr as _;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use bcrypt::HashParts;
use sha_crypt::{Params, PasswordHashRef, PasswordVerifier as _, ShaCrypt};

/// A hash that can be checked.
#[derive(Clone)]
pub(super) struct Hash {
    scheme: Scheme,
    text: String,
}

#[derive(Clone, Copy)]
enum Scheme {
    Argon2,
    Bcrypt,
    ShaCrypt,
}

impl Hash {
    /// The hash that `text` is.
    ///
    /// # Errors
    /// Why it can't be used, as the end of a sentence about it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let id = text.strip_prefix('$').and_then(|rest| rest.split('$').next()).unwrap_or_default();
        let (scheme, is_whole) = match id {
            "argon2id" | "argon2i" | "argon2d" => {
                let parsed = PasswordHash::new(text);
                (Scheme::Argon2, parsed.is_ok_and(|it| it.salt.is_some() && it.hash.is_some()))
            }
            // 2x is that of a faulty implementation.
            "2y" | "2b" | "2a" => (Scheme::Bcrypt, HashParts::from_str(text).is_ok()),
            "5" => (Scheme::ShaCrypt, is_sha_crypt(text, 43)),
            "6" => (Scheme::ShaCrypt, is_sha_crypt(text, 86)),
            _ => return Err(unusable(text, id)),
        };
        if !is_whole {
            return Err(format!("has a damaged hash of the kind ${id}$"));
        }
        Ok(Self { scheme, text: text.to_owned() })
    }

    /// Whether it is that of `password`. This takes as long as whoever made it wanted.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        match self.scheme {
            Scheme::Argon2 => Argon2::default().verify_password(password, &*self.text).is_ok(),
            Scheme::Bcrypt => bcrypt::verify(password, &self.text).unwrap_or(false),
            Scheme::ShaCrypt => PasswordHashRef::new(&self.text)
                .is_ok_and(|hash| ShaCrypt::default().verify_password(password, hash).is_ok()),
        }
    }
}

/// What is wrong with a hash of another kind, none of which is shown: it may be a password.
fn unusable(text: &str, id: &str) -> String {
    let is_known = matches!(id, "apr1" | "1" | "2x" | "y" | "gy" | "7" | "md5" | "sha1" | "3");
    let kind = if is_known {
        format!("a hash of the kind ${id}$")
    } else if text.starts_with("{SHA}") {
        "a hash of the kind {SHA}".to_owned()
    } else {
        "no hash that is known here".to_owned()
    };
    format!("has {kind}: make one by htpasswd -B, or by openssl passwd -6")
}

/// ```text
/// $5$[rounds=N$]SALT$HASH
/// ```
fn is_sha_crypt(text: &str, digits: usize) -> bool {
    let rest = text.get(3..).unwrap_or_default();
    let rest = match rest.split_once('$') {
        Some((rounds, rest)) if rounds.starts_with("rounds=") => {
            if Params::from_str(rounds).is_err() {
                return false;
            }
            rest
        }
        _ => rest,
    };
    let is_digit = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'/');
    rest.split_once('$').is_some_and(|(salt, hash)| {
        salt.len() <= 16 && hash.len() == digits && hash.bytes().all(is_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `htpasswd -nbB`, Python's argon2-cffi, and `openssl passwd -5` and `-6` make them of `secret`.
    const HASHES: &[&str] = &[
        "$2y$04$2w.Ic8ASZVBVdYelTDAufe8ZVaUwJ5WLQTYEey9Sz6dJ36PJEiRI6",
        "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
        "$argon2id$v=19$m=64,t=1,p=1$x9dcYoOhbjE$1Fr71OzVlZWpotRDTGOl2w",
        "$argon2i$v=19$m=64,t=1,p=1$O5mCDrDssu0$IPnwXLPJP8sJnxme32OI3w",
        "$argon2d$v=19$m=64,t=1,p=1$vmbwptAD1vI$KqnlbVi6k0XXa46jDBshcA",
        "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
        "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
        "$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1",
    ];

    #[test]
    fn hashes_are_of_one_password() {
        for text in HASHES {
            let hash = Hash::parse(text);
            let Ok(hash) = hash else { panic!("{text}: {:?}", hash.err()) };
            assert!(hash.is_of(b"secret"), "{text}");
            assert!(
                !hash.is_of(b"Secret") && !hash.is_of(b"") && !hash.is_of(b"secret "),
                "{text}"
            );
        }
    }

    #[test]
    fn others_are_named() {
        for (text, wanted) in [
            ("$apr1$abcdefgh$AAAAAAAAAAAAAAAAAAAAAA", "the kind $apr1$: make one by htpasswd -B"),
            ("$1$abcdefgh$AAAAAAAAAAAAAAAAAAAAAA", "the kind $1$:"),
            ("$y$j9T$abc$def", "the kind $y$:"),
            ("{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "the kind {SHA}:"),
            ("secret", "no hash that is known here"),
            ("", "no hash that is known here"),
            ("$secret$", "no hash that is known here"),
            ("$2y$10$abc", "a damaged hash of the kind $2y$"),
            ("$6$salt$abc", "a damaged hash of the kind $6$"),
            ("$5$rounds=1$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "a damaged hash"),
            ("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ", "a damaged hash of the kind $argon2id$"),
        ] {
            let fault = Hash::parse(text).err().unwrap_or_default();
            assert!(fault.contains(wanted), "{text}: {fault}");
        }
    }
}
