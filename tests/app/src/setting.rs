//! How the server of a row is set up.

use thimble_core::framing::Limits;

/// How the server of a row is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setting {
    /// Whether it has a clock.
    pub clock: bool,
    /// Its limits.
    pub limits: Sizes,
    /// The folder it serves.
    pub root: Root,
    /// Whether it lists folders that have no index.
    pub listing: bool,
    /// Whether it serves names that begin with a dot.
    pub hidden: bool,
    /// What is around its services.
    pub layer: Layer,
}

impl Setting {
    /// How it is if a row says nothing.
    pub const USUAL: Self = Self {
        clock: true,
        limits: Sizes::Usual,
        root: Root::Fixture,
        listing: true,
        hidden: false,
        layer: Layer::None,
    };
}

/// What is around the services of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Layer {
    /// Nothing.
    #[default]
    None,
    /// Two fields in every reply.
    Fields,
    /// Every origin may read.
    Shared,
    /// Two origins may read, and pass `Authorization`; a password is needed.
    Cors,
    /// It goes by two names.
    Hosts,
    /// A password is needed.
    Auth,
    /// A password is needed for all but reading.
    Writes,
    /// Pages may be asked for without their extension, and the index stands for those that are missing.
    Pages,
}

impl Layer {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Fields,
        Self::Shared,
        Self::Cors,
        Self::Hosts,
        Self::Auth,
        Self::Writes,
        Self::Pages,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Fields => "fields",
            Self::Shared => "shared",
            Self::Cors => "cors",
            Self::Hosts => "hosts",
            Self::Auth => "auth",
            Self::Writes => "writes",
            Self::Pages => "pages",
        }
    }
}

/// A folder that is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Root {
    /// The one of nearly all rows.
    #[default]
    Fixture,
    /// One that has a `404.html`.
    Fixture404,
}

impl Root {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Fixture, Self::Fixture404];

    /// Its name beside the others.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixture => "fixture",
            Self::Fixture404 => "fixture404",
        }
    }
}

/// The limits of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Sizes {
    /// Those of a computer, but for forms of at most 4096 octets.
    #[default]
    Usual,
    /// A request-line of 256 octets, a field section of 1024 in 16 fields, chunk and trailer lines
    /// of 64, forms of 512, of 2048 with files, of 4 parts with heads of 128, and 1024 octets of content thrown away.
    Small,
}

impl Sizes {
    /// The limits of a computer.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Usual => {
                let mut limits = Limits::DESKTOP;
                limits.form = 4096;
                limits
            }
            Self::Small => small(Limits::DESKTOP),
        }
    }

    /// The limits of a microcontroller, whose usual ones are its own.
    pub const fn of_a_device(self) -> Limits {
        match self {
            Self::Usual => Limits::DEVICE,
            Self::Small => small(Limits::DEVICE),
        }
    }
}

const fn small(mut limits: Limits) -> Limits {
    limits.request_line = 256;
    limits.field_section = 1024;
    limits.fields = 16;
    limits.line = 64;
    limits.form = 512;
    limits.multipart = 2048;
    limits.parts = 4;
    limits.part_head = 128;
    limits.drain = 1024;
    limits
}
