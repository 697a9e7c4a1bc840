//! The boundary of a multipart type (RFC 2046 §5.1.1).

use super::element::Element::Many1;
use super::element::after;
use crate::bytes::class::BCHARS;

/// ```abnf
/// boundary      = 0*69bchars bcharsnospace
/// bchars        = bcharsnospace / " "
/// bcharsnospace = DIGIT / ALPHA / "'" / "(" / ")" / "+" / "_" / "," / "-" / "."
///               / "/" / ":" / "=" / "?"                      ; RFC 2046 §5.1.1
/// ```
/// Returns whether `value` is one, or would be if it were shorter. In a quoted-string, a backslash may stand
/// before each octet (RFC 9110 §5.6.4), and stands nowhere else.
pub fn is_boundary(value: &[u8]) -> bool {
    after(Many1(&BCHARS), value).is_some_and(<[u8]>::is_empty) && !value.ends_with(b" ")
}
