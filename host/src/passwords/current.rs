//! Passwords that others take the place of while a server runs.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use thimble_core::grammar::credentials::Basic;
use thimble_core::message::Refusal;
use thimble_core::service::layers::Verify;

use super::Passwords;

/// Names and passwords that can be replaced while requests are answered. Clones share them.
///
/// A request is judged by those that there were when it was looked at.
///
/// ```
/// use thimble_host::passwords::{Current, Passwords};
///
/// let mut passwords = Passwords::default();
/// passwords.add("Ada", "secret")?;
/// let current = Current::new(passwords);
/// // Nobody is known any more.
/// current.set(Passwords::default());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone)]
pub struct Current(Arc<RwLock<Arc<Passwords>>>);

impl Current {
    /// Begins with `passwords`.
    pub fn new(passwords: Passwords) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(passwords))))
    }

    /// Puts `passwords` in the place of those that there are.
    pub fn set(&self, passwords: Passwords) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(passwords);
    }

    fn get(&self) -> Arc<Passwords> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Verify for Current {
    async fn verify(&self, sent: Basic<'_>) -> Result<bool, Refusal> {
        let passwords = self.get();
        passwords.verify(sent).await
    }
}

/// Nobody who prints this wants the passwords.
impl fmt::Debug for Current {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(out)
    }
}
