//! Who may come in: names and passwords, in the clear or as hashes.
//!
//! | file | what it is |
//! |---|---|
//! | `current` | passwords that others take the place of while a server runs |
//! | `hash` | hashes as htpasswd and crypt write them |
//! | `hashing` | threads that check them |

mod current;
mod hash;
mod hashing;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use thimble_core::grammar::credentials::Basic;
use thimble_core::message::{Refusal, Status};
use thimble_core::service::layers::Verify;

pub use current::Current;
use hash::Hash;
use hashing::{Digest, Hashing, Subject};

/// Octets of a password at most where it is hashed: SHA-crypt takes thousands of times as long as its
/// length. It is what htpasswd takes.
const LONGEST: usize = 255;

const BUSY: Refusal = Refusal::with_field(
    Status::SERVICE_UNAVAILABLE,
    &("too many passwords are being checked", "Retry-After", "1"),
);

/// Names and passwords, for [`BasicAuth`](thimble_core::service::layers::BasicAuth).
///
/// Hashes are checked by threads of their own, four at most, while other requests are answered. A password
/// that was right is known again by a digest of it, under a key of this process, so that the pictures of a
/// page don't wait for a hash each. When 16 wait to be checked, or 4 of one user are, further ones are refused
/// by 503. A password that is checked against a hash has 255 octets at most, as htpasswd has it; longer ones
/// are wrong. Of bcrypt, only the first 72 octets count.
///
/// ```
/// use thimble_host::passwords::Passwords;
///
/// let mut passwords = Passwords::default();
/// passwords.add("Ada", "secret")?;
/// passwords.add_hashes("# from htpasswd -B\nZoë:$2y$04$2w.Ic8ASZVBVdYelTDAufe8ZVaUwJ5WLQTYEey9Sz6dJ36PJEiRI6\n")?;
/// # Ok::<(), String>(())
/// ```
#[derive(Default)]
pub struct Passwords {
    users: Vec<User>,
    seen: Digests,
    hashing: Hashing,
}

struct User {
    name: String,
    secret: Secret,
}

enum Secret {
    Plain(String),
    Hashed(Arc<Hashed>),
}

struct Hashed {
    hash: Hash,
    /// The digest of the credentials that were right.
    right: Mutex<Option<Digest>>,
}

impl Passwords {
    /// Adds a user whose password is known.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn add(&mut self, name: &str, password: &str) -> Result<(), String> {
        if password.chars().any(char::is_control) {
            return Err("a password has no controls in it".into());
        }
        self.push(name, Secret::Plain(password.to_owned()))
    }

    /// Adds the users of a file as htpasswd writes it: lines with a name, a colon and a hash of the
    /// password. That is one of bcrypt (`$2y$`), Argon2 (`$argon2id$`) or SHA-crypt (`$5$`, `$6$`). Empty
    /// lines and those that begin with `#` are skipped, and so is a byte order mark.
    ///
    /// # Errors
    /// The first line that is wrong, and why, without any of its hash.
    pub fn add_hashes(&mut self, text: &str) -> Result<(), String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, number) in text.lines().map(str::trim_end).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((name, hash)) = line.split_once(':') else {
                return Err(format!("line {number}: write it like NAME:HASH"));
            };
            let hash = Hash::parse(hash).map_err(|why| format!("line {number}: '{name}' {why}"))?;
            let hashed = Hashed { hash, right: Mutex::new(None) };
            self.push(name, Secret::Hashed(Arc::new(hashed)))
                .map_err(|why| format!("line {number}: {why}"))?;
        }
        Ok(())
    }

    fn push(&mut self, name: &str, secret: Secret) -> Result<(), String> {
        if name.is_empty() || name.chars().any(|c| c.is_control() || c == ':') {
            return Err("a name has at least one character, and no colon or control in it".into());
        }
        if self.users.iter().any(|user| user.name == name) {
            return Err(format!("there are two users called '{name}'"));
        }
        self.users.push(User { name: name.to_owned(), secret });
        Ok(())
    }

    /// Whether there are no users.
    pub const fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

impl Verify for Passwords {
    async fn verify(&self, sent: Basic<'_>) -> Result<bool, Refusal> {
        let mut is_known = false;
        // A name that is not there takes as long as one that is.
        let (mut hashed, mut is_there) = (None, false);
        for user in &self.users {
            match &user.secret {
                Secret::Plain(password) => is_known |= sent.is(&user.name, password),
                Secret::Hashed(secret) => {
                    let is_it = sent.user().eq(user.name.bytes());
                    is_there |= is_it;
                    if is_it || hashed.is_none() {
                        hashed = Some(secret);
                    }
                }
            }
        }
        let Some(hashed) = hashed.filter(|_| !is_known) else { return Ok(is_known) };
        // Whoever is there or not: how long it takes says nothing.
        if sent.password().count() > LONGEST {
            return Ok(false);
        }
        let digest = self.seen.of(sent.octets());
        if is_there && hashed.was(&digest) {
            return Ok(true);
        }
        let subject = Subject { user: self.seen.of(sent.user()), credentials: digest };
        let (secret, password) = (Arc::clone(hashed), sent.password().collect::<Vec<u8>>());
        let check = move || {
            // Another request may have brought the same meanwhile.
            if is_there && secret.was(&digest) {
                return true;
            }
            let is_right = secret.hash.is_of(&password) && is_there;
            if is_right {
                *secret.right.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
            }
            is_right
        };
        let outcome = self.hashing.run(subject, check).map_err(|_| BUSY)?;
        Ok(outcome.await)
    }
}

impl Hashed {
    /// Whether the credentials of `digest` were right before.
    fn was(&self, digest: &Digest) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.as_ref().is_some_and(|right| right.ct_eq(digest).into())
    }
}

/// Nobody who prints this wants the passwords.
impl fmt::Debug for Passwords {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.users.iter().map(|user| &user.name)).finish()
    }
}

/// What makes digests that say nothing without the key, which no other process has.
struct Digests(Hmac<Sha256>);

impl Digests {
    fn of(&self, octets: impl Iterator<Item = u8>) -> Digest {
        let mut digest = self.0.clone();
        digest.update(&octets.collect::<Vec<u8>>());
        digest.finalize().into_bytes().into()
    }
}

impl Default for Digests {
    fn default() -> Self {
        let mut key = [0; 64];
        // Without randomness of the system's, the key is that of hash maps, which is random at least once.
        if getrandom::fill(&mut key).is_err() {
            use std::hash::{BuildHasher as _, RandomState};
            for piece in key.chunks_mut(8) {
                piece.copy_from_slice(&RandomState::new().hash_one(0).to_ne_bytes());
            }
        }
        Self(Hmac::new(&key.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block_on;

    #[test]
    fn faults_name_the_line_and_no_hash() {
        for (text, wanted) in [
            ("a", "line 1: write it like NAME:HASH"),
            ("# c\n\n:x", "line 3: '' has no hash that is known here"),
            ("a:$apr1$x$y", "line 1: 'a' has a hash of the kind $apr1$"),
        ] {
            let fault = Passwords::default().add_hashes(text).err().unwrap_or_default();
            assert!(fault.starts_with(wanted), "{text}: {fault}");
        }
        let mut passwords = Passwords::default();
        assert_eq!(passwords.add("a", "b"), Ok(()));
        assert!(passwords.add("a", "c").is_err_and(|fault| !fault.contains(": c")));
        assert!(passwords.add("", "c").is_err() && passwords.add("b", "\n").is_err());
        assert_eq!(format!("{passwords:?}"), "[\"a\"]");
    }

    #[test]
    fn who_is_known_comes_in() {
        let mut passwords = Passwords::default();
        let hashes = "Ada:$2y$04$2w.Ic8ASZVBVdYelTDAufe8ZVaUwJ5WLQTYEey9Sz6dJ36PJEiRI6\r\n\
            Bob:$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA\n";
        assert_eq!(passwords.add("Zoë", "pass:word"), Ok(()));
        assert_eq!(passwords.add_hashes(hashes), Ok(()));
        // Twice, since what was right is known again.
        for _ in 0..2 {
            for (sent, expected) in [
                ("Basic Wm/DqzpwYXNzOndvcmQ=", true), // Zoë:pass:word
                ("Basic QWRhOnNlY3JldA==", true),     // Ada:secret
                ("Basic Qm9iOnNlY3JldA==", true),     // Bob:secret
                ("Basic QWRhOlNlY3JldA==", false),    // Ada:Secret
                ("Basic QWRhOg==", false),            // Ada:
                ("Basic RXZlOnNlY3JldA==", false),    // Eve:secret
                ("Basic Wm/DqzpzZWNyZXQ=", false),    // Zoë:secret
            ] {
                let Some(credentials) = Basic::of(sent.as_bytes()) else { panic!("{sent}") };
                let verified = block_on(passwords.verify(credentials));
                assert_eq!(verified, Ok(expected), "{sent}");
            }
        }
    }

    fn verified(passwords: &Passwords, user: &str, password: &[u8]) -> Result<bool, Refusal> {
        let sent = [b"Basic ", &*base64(&[user.as_bytes(), b":", password].concat())].concat();
        let Some(credentials) = Basic::of(&sent) else { panic!("{user}") };
        block_on(passwords.verify(credentials))
    }

    fn base64(octets: &[u8]) -> Vec<u8> {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = |group: &[u8]| {
            let word =
                (0..3).fold(0, |word, at| word << 8 | usize::from(*group.get(at).unwrap_or(&0)));
            let mut digits = [18, 12, 6, 0].map(|shift| DIGITS[word >> shift & 63]);
            digits[group.len() + 1..].fill(b'=');
            digits
        };
        octets.chunks(3).flat_map(digits).collect()
    }

    #[test]
    fn passwords_that_are_hashed_have_a_length() {
        let mut passwords = Passwords::default();
        // Of 255 and 80 times `x`.
        let hashes = "Sha:$5$rounds=1000$saltsalt$Fuim.N7L8ZVWRxWcqRIdO7DcmuxqS5GTthnklO0RdLA\n\
            Long:$2y$04$xDabk4fFV930a1/b.sTPyupny7iwmP9CrJ7X63yNPdIgpuw7KwcJm\n";
        assert_eq!(passwords.add_hashes(hashes), Ok(()));
        let plain = "y".repeat(300);
        assert_eq!(passwords.add("Plain", &plain), Ok(()));
        let x = [b'x'; 6000];
        for (user, octets, expected) in [
            ("Sha", 255, true),
            ("Sha", 254, false),
            ("Sha", 256, false),
            ("Sha", 6000, false),
            ("Nobody", 6000, false),
            ("Long", 80, true),
            // Of bcrypt, 72 octets count.
            ("Long", 72, true),
            ("Long", 71, false),
            ("Long", 255, true),
            ("Long", 256, false),
            ("Plain", 300, false),
        ] {
            assert_eq!(verified(&passwords, user, &x[..octets]), Ok(expected), "{user} {octets}");
        }
        assert_eq!(verified(&passwords, "Plain", plain.as_bytes()), Ok(true));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name() {
        for line in ["", "# users\n", "\n"] {
            let text = format!(
                "\u{feff}{line}Ada:$2y$04$2w.Ic8ASZVBVdYelTDAufe8ZVaUwJ5WLQTYEey9Sz6dJ36PJEiRI6"
            );
            let mut passwords = Passwords::default();
            assert_eq!(passwords.add_hashes(&text), Ok(()), "{line}");
            assert_eq!(verified(&passwords, "Ada", b"secret"), Ok(true), "{line}");
        }
    }
}
