//! Request heads, and what is nearly one.

use proptest::collection::vec;
use proptest::prelude::*;
use thimble_tests::heads::{Random, changed, shapes};

/// Any of the shapes of the bench with a few changes, or lines put together from likely parts.
pub(crate) fn near_head() -> impl Strategy<Value = Vec<u8>> {
    let heads: Vec<_> =
        shapes().into_iter().flat_map(|shape| shape.heads.into_iter().take(20)).collect();
    let changed = (prop::sample::select(heads), any::<u64>())
        .prop_map(|(head, seed)| changed(&head, &mut Random::new(seed)));
    prop_oneof![1 => changed, 3 => lines()]
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let end =
        || prop_oneof![40 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("\r\r\n")];
    let request_line = (
        prop_oneof![
            8 => "GET|POST|PUT|HEAD|OPTIONS|DELETE",
            2 => "[A-Z]{1,20}",
            1 => "[!-~]{0,20}",
        ],
        prop_oneof![20 => Just(" "), 1 => Just("  "), 1 => Just("\t"), 1 => Just("")],
        prop_oneof![
            8 => "/[-./_a-z0-9?=&%]{0,50}",
            1 => "\\*|http://a/b|https://a/|a:80|\\[::1\\]:1",
            1 => "[ -~é\t]{0,40}",
        ],
        prop_oneof![
            20 => " HTTP/1\\.[019]",
            1 => " http/1\\.1|  HTTP/1\\.1| HTTP/2\\.0| HTTP/1\\.1 | HTTP/1\\.10| HTTP/11\\.1|\tHTTP/1\\.1",
        ],
    )
        .prop_map(|(method, space, target, version)| [&*method, space, &target, &version].concat());
    let name = prop_oneof![
        6 => "Host|Content-Length|Transfer-Encoding|Connection|Expect|Upgrade",
        2 => "hOST|content-length|TRANSFER-ENCODING|connectioN|EXPECT|uPGRADE",
        8 => "[-A-Za-z0-9]{1,40}",
        2 => "[-A-Za-z0-9]{1,20}[!#$%&'*+.^_`|~\r][a-z]{0,20}",
        1 => "[ -~é\t]{0,20}",
    ];
    let colon = prop_oneof![
        20 => Just(": "), 3 => Just(":"), 2 => Just(":\t"), 2 => Just(":  "), 1 => Just(" : "),
        1 => Just(""),
    ];
    let value = prop_oneof![
        4 => "a|b\\.example:80|0|17|18446744073709551616|chunked|gzip, chunked|chunked,|close|\
            keep-alive|close, Keep-Alive|100-continue|websocket",
        8 => "[!-~]{0,100}",
        4 => "[!-~][ -~é]{0,60}[!-~é]",
        2 => "[ \t]{0,3}[ -~\t]{0,40}[ \t]{0,3}",
        1 => "[ -~]{0,40}[\0\x0b\x1f\x7f\r\n][ -~]{0,40}",
    ];
    let field_line = (name, colon, value, end())
        .prop_map(|(name, colon, value, end)| [&*name, colon, &value, end].concat());
    let host = prop_oneof![
        8 => "Host: [-.A-Za-z0-9]{1,30}(:[0-9]{0,6})?\r\n",
        2 => "Host: [!-~]{0,20}\r\n",
        2 => "",
    ];
    let last = prop_oneof![20 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r"), 1 => Just("")];
    (request_line, end(), host, vec(field_line, 0..8), last, "[A-Z:\r\n ]{0,40}").prop_map(
        |(request_line, end, host, fields, last, after)| {
            [&*request_line, end, &host, &fields.concat(), last, &after].concat().into_bytes()
        },
    )
}
