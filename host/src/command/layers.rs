//! What the flags put around the services of a command.

use thimble_core::Method;
use thimble_core::service::layers::{AddFields, BasicAuth, Cors, Hosts};

use super::access::AuthFor;
use super::flags::Flags;
use super::problem::Problem;
use crate::passwords::Passwords;

/// The services of a command, within what its flags ask for. What is not asked for is there, too, and costs
/// a branch: so that there is one type, whatever the flags are, and one server that is compiled for it.
pub type Layered<S> = AddFields<'static, Hosts<'static, Cors<'static, Guarded<S>>>>;

/// The innermost of them.
type Guarded<S> = BasicAuth<'static, S, Option<Passwords>>;

/// What the flags ask for around the services of a command.
#[derive(Debug)]
pub struct Layers {
    fields: &'static [(&'static str, &'static str)],
    hosts: Option<&'static [&'static str]>,
    /// `None` for all.
    origins: Option<&'static [&'static str]>,
    methods: &'static [Method<'static>],
    passwords: Option<Passwords>,
    for_writes: bool,
}

impl Layers {
    /// What `flags` ask for. Call it once: it stays in memory until the process ends.
    pub(super) fn of(flags: &Flags) -> Result<Self, Problem> {
        flags.replies.check().map_err(|why| Problem(why.into()))?;
        let passwords = flags.access.passwords()?;
        let leak = |text: &String| -> &'static str { text.clone().leak() };
        let leak_all = |texts: &[String]| -> &'static [&'static str] {
            texts.iter().map(leak).collect::<Vec<_>>().leak()
        };
        let header = flags.replies.header.iter();
        let fields: Vec<_> = header.map(|(name, value)| (leak(name), leak(value))).collect();
        let access = &flags.access;
        let hosts = (!access.allow_host.is_empty()).then(|| {
            let bound = std::iter::once(flags.bind.clone());
            leak_all(&access.allow_host.iter().cloned().chain(bound).collect::<Vec<_>>())
        });
        let is_for_all = access.cors.iter().any(|origin| origin == "*");
        let methods: &[_] = if flags.programs.are_run() {
            &[Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete]
        } else {
            &[Method::Get, Method::Post]
        };
        Ok(Self {
            fields: fields.leak(),
            hosts,
            origins: (!is_for_all).then(|| leak_all(&access.cors)),
            methods,
            passwords,
            for_writes: access.auth_for == AuthFor::Write,
        })
    }

    /// Whether names and passwords are asked for.
    pub const fn ask_for_passwords(&self) -> bool {
        self.passwords.is_some()
    }

    /// Puts them around `service`, which stays in memory until the process ends.
    pub fn around<S: 'static>(self, service: S) -> &'static Layered<S> {
        // `*` stands for all fields but this one (Fetch, §3.3.3).
        let fields = if self.passwords.is_some() { "*, Authorization" } else { "*" };
        let auth = BasicAuth::new(service, self.passwords);
        let auth = if self.for_writes { auth.for_writes() } else { auth };
        let cors = Cors::new(auth).methods(self.methods).fields(fields).max_age(600);
        let cors = match self.origins {
            Some(origins) => cors.origins(origins),
            None => cors,
        };
        let hosts = Hosts::new(cors);
        let hosts = match self.hosts {
            Some(names) => hosts.names(names),
            None => hosts,
        };
        Box::leak(Box::new(AddFields::new(hosts, self.fields)))
    }
}
