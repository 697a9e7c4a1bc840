//! What the flags put around the services of a command.

use thimble_core::Method;
use thimble_core::server::{Admitted, Answer, Exchange, Responded, Service, Transport};
use thimble_core::service::layers::{BasicAuth, Cors, Hosts, Live};

use super::access::AuthFor;
use super::flags::Flags;
use super::problem::Problem;
use crate::live::Watched;
use crate::passwords::Current;

/// The services of a command, within what its flags ask for. It has a place for all of that, and is one
/// service whatever the flags are, so that one server is compiled; and if nothing is asked for, it costs a
/// branch.
#[derive(Debug)]
pub struct Layered<S> {
    /// Whether anything is asked for.
    is_needed: bool,
    fields: &'static [(&'static str, &'static str)],
    hosts: Hosts<'static, ()>,
    cors: Cors<'static, ()>,
    auth: BasicAuth<'static, (), Option<Current>>,
    live: Live<(), Option<Watched>>,
    inner: S,
}

impl<S: Service> Layered<S> {
    /// Passes the exchange on, or answers it.
    async fn pass<'c, T: Transport>(
        &'c self,
        exchange: Exchange<'c, T>,
    ) -> Result<Exchange<'c, T>, Responded<'c, T>> {
        self.auth.pass(self.cors.pass(self.hosts.pass(exchange)?)?).await
    }
}

impl<S: Service> Service for Layered<S> {
    async fn call<'c, T: Transport>(&'c self, mut exchange: Exchange<'c, T>) -> Answer<'c, T> {
        if self.is_needed {
            match self.pass(exchange.with_fields(self.fields)).await {
                Ok(passed) => exchange = passed,
                Err(responded) => return Ok(responded),
            }
            match self.live.pass(exchange).await {
                Ok(passed) => exchange = passed,
                Err(answer) => return answer,
            }
        }
        self.inner.call(exchange).await
    }

    async fn admit<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Admitted<'c, T> {
        if self.is_needed { self.pass(exchange).await.map_err(Ok) } else { Ok(exchange) }
    }

    fn fields(&self) -> &[(&str, &str)] {
        self.fields
    }
}

/// What the flags ask for around the services of a command.
#[derive(Debug)]
pub struct Layers {
    fields: &'static [(&'static str, &'static str)],
    hosts: Option<&'static [&'static str]>,
    /// `None` for all.
    origins: Option<&'static [&'static str]>,
    methods: &'static [Method<'static>],
    passwords: Option<Current>,
    for_writes: bool,
    live: Option<Watched>,
}

impl Layers {
    /// What `flags` ask for. Call it once: it stays in memory until the process ends.
    pub(super) fn of(flags: &Flags) -> Result<Self, Problem> {
        flags.replies.check().map_err(|why| Problem(why.into()))?;
        let passwords = flags.access.passwords()?.map(Current::new);
        let leak = |text: &String| -> &'static str { text.clone().leak() };
        let leak_all = |texts: &[String]| -> &'static [&'static str] {
            texts.iter().map(leak).collect::<Vec<_>>().leak()
        };
        let header = flags.replies.header.iter();
        let fields: Vec<_> = header.map(|(name, value)| (leak(name), leak(value))).collect();
        let access = &flags.access;
        let hosts = (!access.allow_host.is_empty()).then(|| {
            let bound = flags.sharing.hosts().map(str::to_owned);
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
            live: None,
        })
    }

    /// Tells pages of what is `watched`, if anything is.
    pub(super) fn live(self, watched: Option<Watched>) -> Self {
        Self { live: watched, ..self }
    }

    /// Whether names and passwords are asked for.
    pub const fn ask_for_passwords(&self) -> bool {
        self.passwords.is_some()
    }

    /// The names and passwords that are asked for, to be replaced.
    pub(super) fn passwords(&self) -> Option<Current> {
        self.passwords.clone()
    }

    /// Puts them around `service`, which stays in memory until the process ends.
    pub fn around<S: 'static>(self, service: S) -> &'static Layered<S> {
        // `*` stands for all fields but this one (Fetch, §3.3.3).
        let fields = if self.passwords.is_some() { "*, Authorization" } else { "*" };
        let is_needed = !self.fields.is_empty()
            || self.hosts.is_some()
            || self.origins != Some(&[])
            || self.passwords.is_some()
            || self.live.is_some();
        let auth = BasicAuth::new((), self.passwords);
        let auth = if self.for_writes { auth.for_writes() } else { auth };
        let cors = Cors::new(()).methods(self.methods).fields(fields).max_age(600);
        let cors = match self.origins {
            Some(origins) => cors.origins(origins),
            None => cors,
        };
        let hosts = match self.hosts {
            Some(names) => Hosts::new(()).names(names),
            None => Hosts::new(()),
        };
        let (fields, live) = (self.fields, Live::new((), self.live));
        Box::leak(Box::new(Layered { is_needed, fields, hosts, cors, auth, live, inner: service }))
    }
}
