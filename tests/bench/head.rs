//! What it takes to parse a request head: ours, with all facts that a server needs of it, and
//! httparse.
//!
//! usage: `cargo bench -p thimble-tests --bench head [-- --json]`
//!
//! All contenders run in one process, in short rounds, one after the other; the medians count. What
//! comes and goes on the machine so meets all of them alike.
//!
//! picohttpparser is left out: it can be called with `unsafe` only, which nothing here contains, and
//! the crate that binds it needs a C compiler.

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};
use std::{env, io, mem::MaybeUninit};

use thimble_core::message::{FieldEntry, Head, HeadReader};
use thimble_tests::heads::{FIELDS, LIMITS, Shape, shapes};

/// Rounds for each shape, when there is time for so many.
const ROUNDS: usize = 1001;
/// Time for each shape, and octets parsed in a round.
const TIME: Duration = Duration::from_secs(4);
const OCTETS: usize = 300_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Contender {
    /// [`HeadReader::resume`], which collects the facts and fills a table.
    Ours,
    /// The same, and [`Head::new`], which knows the forms of request-target and the grammar of Host.
    OursWithHead,
    /// httparse as it is.
    Httparse,
    /// httparse, and one pass over its fields for the same facts.
    HttparseWithFacts,
    /// Nothing is parsed: what the loop itself takes.
    Nothing,
}

impl Contender {
    const MEASURED: [Self; 4] =
        [Self::Ours, Self::OursWithHead, Self::Httparse, Self::HttparseWithFacts];

    fn named(name: &str) -> Option<Self> {
        match name {
            "ours" => Some(Self::Ours),
            "ours+head" => Some(Self::OursWithHead),
            "httparse" => Some(Self::Httparse),
            "httparse+facts" => Some(Self::HttparseWithFacts),
            "nothing" => Some(Self::Nothing),
            _ => None,
        }
    }

    /// Parses all heads, several times.
    fn parse(self, heads: &[Vec<u8>], times: usize, table: &mut [FieldEntry]) {
        match self {
            Self::Ours => repeat(heads, times, |octets| {
                let mut reader = HeadReader::default();
                let length = reader.resume(octets, &LIMITS, table);
                black_box(&reader);
                matches!(length, Ok(Some(_)))
            }),
            Self::OursWithHead => repeat(heads, times, |octets| {
                let mut reader = HeadReader::default();
                let length = reader.resume(octets, &LIMITS, table);
                let Ok(Some(length)) = length else { return false };
                let octets = octets.get(..length).unwrap_or_default();
                black_box(Head::new(octets, &reader, table)).is_ok()
            }),
            Self::Httparse => repeat(heads, times, |octets| {
                let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
                let mut request = httparse::Request::new(&mut []);
                let parsed = request.parse_with_uninit_headers(octets, &mut fields);
                black_box(&request);
                parsed.is_ok_and(|parsed| parsed.is_complete())
            }),
            Self::HttparseWithFacts => repeat(heads, times, |octets| {
                let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
                let mut request = httparse::Request::new(&mut []);
                let parsed = request.parse_with_uninit_headers(octets, &mut fields);
                black_box(Facts::of(request.headers));
                black_box(&request);
                parsed.is_ok_and(|parsed| parsed.is_complete())
            }),
            Self::Nothing => repeat(heads, times, |octets| !octets.is_empty()),
        }
    }
}

fn repeat(heads: &[Vec<u8>], times: usize, mut parse: impl FnMut(&[u8]) -> bool) {
    for _ in 0..times {
        for head in heads {
            assert!(black_box(parse(black_box(head))), "every head here is a good one");
        }
    }
}

/// What a server needs to know of the fields.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from others")]
struct Facts<'head> {
    host: Option<&'head [u8]>,
    content_length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    upgrade: bool,
    invalid: bool,
}

impl<'head> Facts<'head> {
    fn of(fields: &[httparse::Header<'head>]) -> Self {
        let mut facts = Self::default();
        for &httparse::Header { name, value } in fields {
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            match name.len() {
                4 if is("host") => facts.invalid |= facts.host.replace(value).is_some(),
                6 if is("expect") => {
                    facts.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
                    facts.invalid |= !facts.expects_continue;
                }
                7 if is("upgrade") => facts.upgrade = true,
                10 if is("connection") => {
                    for option in value.split(|&octet| octet == b',').map(<[u8]>::trim_ascii) {
                        facts.close |= option.eq_ignore_ascii_case(b"close");
                        facts.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                14 if is("content-length") => {
                    let length = str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                    facts.invalid |= length.is_none() || facts.content_length.is_some();
                    facts.content_length = length;
                }
                17 if is("transfer-encoding") => {
                    let last = value.rsplit(|&octet| octet == b',').next().unwrap_or_default();
                    facts.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
                }
                _ => {}
            }
        }
        facts
    }
}

/// Nanoseconds for each head, one median for each contender.
fn measure(Shape { heads, .. }: &Shape, table: &mut [FieldEntry]) -> [f64; 4] {
    let octets: usize = heads.iter().map(Vec::len).sum();
    let times = (OCTETS / octets).max(1);
    let mut rounds = Contender::MEASURED.map(|_| Vec::with_capacity(ROUNDS));
    let begin = Instant::now();
    while rounds.iter().any(|rounds| rounds.len() < ROUNDS) && begin.elapsed() < TIME {
        for (contender, rounds) in Contender::MEASURED.iter().zip(&mut rounds) {
            let begin = Instant::now();
            contender.parse(heads, times, table);
            rounds.push(begin.elapsed());
        }
    }
    rounds.map(|mut rounds| {
        rounds.sort_unstable();
        let median = rounds.get(rounds.len() / 2).copied().unwrap_or_default();
        let parsed = u32::try_from(times * heads.len()).unwrap_or(u32::MAX);
        1e9 * median.as_secs_f64() / f64::from(parsed)
    })
}

fn main() -> io::Result<()> {
    let mut table = [FieldEntry::default(); FIELDS];
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    // What `benches/instructions` counts.
    if let ["--parse", contender, shape, times] = *arguments {
        let contender = Contender::named(contender).ok_or(io::ErrorKind::InvalidInput)?;
        let times = times.parse().map_err(io::Error::other)?;
        for Shape { heads, .. } in shapes().iter().filter(|known| known.name == shape) {
            contender.parse(heads, times, &mut table);
            println!("{}", times * heads.len());
        }
        return Ok(());
    }

    let json = arguments.contains(&"--json");
    let mut objects = Vec::new();
    if !json {
        println!("ns for each head        ours  with Head  httparse  with facts      ratios");
    }
    for shape in &shapes() {
        let [ours, ours_with_head, httparse, httparse_with_facts] = measure(shape, &mut table);
        let ratio = httparse / ours;
        let (name, count) = (shape.name, shape.heads.len());
        objects.push(format!(
            "\"{name}\": {{\"ours_ns\": {ours:.2}, \"httparse_ns\": {httparse:.2}, \
             \"httparse_facts_ns\": {httparse_with_facts:.2}, \"ratio\": {ratio:.3}}}"
        ));
        if !json {
            let octets = shape.heads.iter().map(Vec::len).sum::<usize>() / count;
            println!(
                "{name:10} {octets:5} B {ours:9.1} {ours_with_head:10.1} {httparse:9.1} \
                 {httparse_with_facts:11.1} {ratio:6.2} {:5.2}",
                httparse_with_facts / ours
            );
            io::stdout().flush()?;
        }
    }
    if json {
        println!("{{{}}}", objects.join(", "));
    }
    Ok(())
}
