//! Methods (RFC 9110 §9).

macro_rules! methods {
    ($($place:literal $name:ident $token:literal $section:literal)*) => {
        /// A request method. Names are case-sensitive.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Method<'a> {
            $(#[doc = concat!($token, " (", $section, ").")]
            $name,)*
            /// Any other token.
            Extension(&'a str),
        }

        /// One loop over these is smaller than a comparison with each.
        const TOKENS: &[&str] = &[$($token),*];

        impl<'a> Method<'a> {
            /// The method that a token names.
            pub fn new(token: &'a str) -> Self {
                match TOKENS.iter().position(|known| *known == token) {
                    $(Some($place) => Self::$name,)*
                    _ => Self::Extension(token),
                }
            }

            /// Its token.
            pub fn as_str(&self) -> &'a str {
                let place: usize = match self {
                    $(Self::$name => $place,)*
                    Self::Extension(token) => return token,
                };
                TOKENS.get(place).copied().unwrap_or_default()
            }
        }
    };
}

methods! {
    0 Get "GET" "RFC 9110 §9.3.1"
    1 Head "HEAD" "RFC 9110 §9.3.2"
    2 Post "POST" "RFC 9110 §9.3.3"
    3 Put "PUT" "RFC 9110 §9.3.4"
    4 Delete "DELETE" "RFC 9110 §9.3.5"
    5 Connect "CONNECT" "RFC 9110 §9.3.6"
    6 Options "OPTIONS" "RFC 9110 §9.3.7"
    7 Trace "TRACE" "RFC 9110 §9.3.8"
    8 Patch "PATCH" "RFC 5789"
}
