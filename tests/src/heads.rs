//! Request heads of eight shapes, for the bench and for tests, and what a reader makes of a head.

use std::fmt::Write as _;

use thimble_core::grammar::host::authority;
use thimble_core::message::reader::HeadLimits;
use thimble_core::message::{FieldEntry, Head, HeadReader, Method, ParseError, Target};

/// Limits that no head of [`shapes`] comes near.
pub const LIMITS: HeadLimits =
    HeadLimits { request_line: 8192, field_section: 40960, fields: FIELDS };

/// Room for field lines.
pub const FIELDS: usize = 100;

/// Heads of one shape.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What it is called in tables.
    pub name: &'static str,
    /// The heads.
    pub heads: Vec<Vec<u8>>,
}

/// The shapes: from the shortest head there is to a thousand random ones.
pub fn shapes() -> Vec<Shape> {
    let one = |name, head: &str| Shape { name, heads: vec![head.as_bytes().to_vec()] };
    vec![
        one("tiny", "GET / HTTP/1.0\r\n\r\n"),
        one("curl", CURL),
        one("httparse", DESKTOP),
        one("chrome", CHROME),
        one("cookie", &cookies()),
        one("fields64", &short_fields()),
        Shape { name: "mix", heads: mix() },
        one("utf8", UTF8),
    ]
}

const CURL: &str = "GET /download/firmware-1.4.2.bin?board=7 HTTP/1.1\r\n\
    Host: files.example.org\r\n\
    User-Agent: curl/8.14.1\r\n\
    Accept: */*\r\n\
    X-Run: 31\r\n\
    \r\n";

/// Nine fields of a desktop browser of 2010, among them a long User-Agent and a long Cookie.
const DESKTOP: &str = "GET /archive/2010/04/how-to-build-a-bird-box-from-scrap-wood.html HTTP/1.1\r\n\
    Host: www.garden.example\r\n\
    User-Agent: Mozilla/5.0 (X11; U; Linux i686; de-DE-1996; rv:1.9.2.3) Gecko/20100423 \
    Ubuntu/10.04 (lucid) Firefox/3.6.3 Toolbar/1.2\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: de,en-gb;q=0.7,en;q=0.3\r\n\
    Accept-Encoding: gzip,deflate\r\n\
    Accept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.7\r\n\
    Keep-Alive: 115\r\n\
    Connection: keep-alive\r\n\
    Cookie: visits=14; last_visit=1271865912; __a=173272373.2025743829.1269441217.1271863120.\
    1271865912.14; __z=173272373.1269441217.1.1.src=search.garden.example|med=organic|kw=bird box|\
    page=/archive/|layout=three-columns; seen=intro; font=larger\r\n\
    \r\n";

/// What Chrome sends when a person opens a page.
const CHROME: &str = "GET /settings/wireless?tab=advanced HTTP/1.1\r\n\
    Host: thermostat.example.net:8080\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Google Chrome\";v=\"131\", \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/131.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
    image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-User: ?1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Referer: http://thermostat.example.net:8080/settings/\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,cy;q=0.8\r\n\
    Cookie: session=7c1e9a4405bd4f0e8a1d0f63d2b7c955; units=celsius; theme=dark\r\n\
    If-None-Match: \"1c8-18f2a7b31d0\"\r\n\
    If-Modified-Since: Tue, 19 Nov 2024 08:12:31 GMT\r\n\
    \r\n";

/// Values in scripts other than Latin.
const UTF8: &str = "GET /kaart?zoek=brug HTTP/1.1\r\n\
    Host: kaart.example\r\n\
    User-Agent: Čtečka/2.1\r\n\
    X-Place: Ürümqi, Łódź, Århus en 's-Hertogenbosch; そして京都市、北海道の函館市\r\n\
    X-Remark: Щастя не в грошах, а в людях, які поруч із нами щодня, і в піснях\r\n\
    X-Street: Rue de l'Épée de Bois, près du marché couvert\r\n\
    Accept: */*\r\n\
    \r\n";

/// One long Cookie among few other fields.
fn cookies() -> String {
    let mut head = "GET /basket HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 \
        (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0\r\nAccept: */*\r\n\
        Cookie: "
        .to_owned();
    for number in 0..18 {
        let _ = write!(
            head,
            "c{number:02}=ZYXWVUTSRQPONMLKJIHGFEDCBA-9876543210.zyxwvutsrqponm{number:05}; "
        );
    }
    head.push_str("consent=all\r\nConnection: keep-alive\r\n\r\n");
    head
}

/// Host, and 63 fields of a few octets.
fn short_fields() -> String {
    let mut head = "GET /many HTTP/1.1\r\nHost: a.example\r\n".to_owned();
    for number in 0..63 {
        let _ = write!(head, "X-N{number:02}: v{number}\r\n");
    }
    head.push_str("\r\n");
    head
}

/// A thousand heads with three to sixteen fields besides Host, of common names and random values.
fn mix() -> Vec<Vec<u8>> {
    const NAMES: [&str; 22] = [
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Cache-Control",
        "Connection",
        "Content-Length",
        "Content-Type",
        "Cookie",
        "DNT",
        "If-Modified-Since",
        "If-None-Match",
        "Origin",
        "Pragma",
        "Range",
        "Referer",
        "Sec-Fetch-Mode",
        "Upgrade-Insecure-Requests",
        "User-Agent",
        "Via",
        "X-Forwarded-For",
        "X-Request-Id",
        "X-Requested-With",
    ];
    let mut random = Random::new(20_241_119);
    let one = |_| {
        let mut head = String::from("GET /");
        let length = random.below(60);
        random.text(&mut head, length, b"-./_0123456789abcdefghijklmnopqrstuvwxyz");
        head.push_str(" HTTP/1.1\r\nHost: host.example.org\r\n");
        let mut has_length = false;
        for _ in 0..3 + random.below(14) {
            let name = random.among(&NAMES).copied().unwrap_or_default();
            let length =
                1 + random.below(if ["Cookie", "User-Agent"].contains(&name) { 120 } else { 40 });
            let _ = match name {
                "Connection" => write!(head, "{name}: keep-alive"),
                "Content-Length" if has_length => continue,
                "Content-Length" => {
                    has_length = true;
                    write!(head, "{name}: {}", random.below(100_000))
                }
                _ => {
                    let _ = write!(head, "{name}: ");
                    random.text(&mut head, length, VALUE);
                    Ok(())
                }
            };
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    };
    (0..1000).map(one).collect()
}

const VALUE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=;,/.";

/// Numbers that look random, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Numbers from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        usize::try_from((mixed >> 33) % end).unwrap_or_default()
    }

    /// One of `choices`.
    pub fn among<'c, T>(&mut self, choices: &'c [T]) -> Option<&'c T> {
        choices.get(self.below(choices.len()))
    }

    fn text(&mut self, text: &mut String, length: usize, octets: &[u8]) {
        text.extend((0..length).filter_map(|_| self.among(octets).copied().map(char::from)));
    }
}

/// `head` with one to four small changes: octets replaced, taken out or put in, a piece repeated,
/// or the end cut off.
pub fn changed(head: &[u8], random: &mut Random) -> Vec<u8> {
    const ODD: &[u8] = b"\r\n\t\0 :\x7f\x80\xff\"#<>,;/@[]^`{|}~aZ0-_.\x0b\x1f";
    let mut head = head.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(head.len() + 1);
        let octet = random.among(ODD).copied().unwrap_or_default();
        let end = (at + random.below(24)).min(head.len());
        match random.below(8) {
            0 => head.truncate(at),
            1 => drop(head.drain(at..end.min(at + 2))),
            2 => {
                let piece = head.get(at..end).unwrap_or_default().to_vec();
                head.splice(at..at, piece);
            }
            3 | 4 => head.insert(at, octet),
            _ => {
                if let Some(replaced) = head.get_mut(at) {
                    *replaced = octet;
                }
            }
        }
    }
    head
}

/// What a reader makes of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The length of the head, or what is wrong with it.
    pub result: Result<Option<usize>, ParseError>,
    /// Field lines, and the table of them. Nobody looks at it when something is wrong.
    pub fields: Option<(usize, Vec<FieldEntry>)>,
    /// All that the reader knows, facts included, when the last line is whole and nothing is wrong.
    pub reader: Option<String>,
}

impl Reading {
    /// Goes on with `input`, and says what has been made of it so far.
    pub fn resume(
        reader: &mut HeadReader,
        input: &[u8],
        limits: &HeadLimits,
        table: &mut [FieldEntry],
    ) -> Self {
        let result = reader.resume(input, limits, table);
        let fields = result.is_ok().then(|| (reader.count(), table.to_vec()));
        let known = (result.is_ok() && input.ends_with(b"\n")).then(|| format!("{reader:?}"));
        Self { result, fields, reader: known }
    }
}

/// Reads `input` octet by octet, where lines never arrive whole and so the strict grammar alone
/// decides; and each beginning of it at once, where ordinary lines are taken by the fast leaf.
///
/// # Errors
/// How far into the input the two first differ, and what each has made of it.
pub fn agree(
    input: &[u8],
    limits: &HeadLimits,
    room: usize,
) -> Result<(), Box<(usize, Reading, Reading)>> {
    let mut strict = HeadReader::default();
    let mut table = vec![FieldEntry::default(); room];
    for end in 0..=input.len() {
        let input = input.get(..end).unwrap_or_default();
        let bytewise = Reading::resume(&mut strict, input, limits, &mut table);
        let mut table = vec![FieldEntry::default(); room];
        let at_once = Reading::resume(&mut HeadReader::default(), input, limits, &mut table);
        if bytewise != at_once {
            return Err(Box::new((end, bytewise, at_once)));
        }
        if bytewise.result != Ok(None) {
            break;
        }
    }
    Ok(())
}

/// What a head's target and Host say, as they are recognised when ordinary, and as the strict grammar
/// alone reads them. `None` when the head is not whole and right up to its Host.
pub fn parts(input: &[u8]) -> Option<[Result<String, ParseError>; 2]> {
    let mut reader = HeadReader::default();
    let length = reader.resume(input, &LIMITS, &mut []).ok()??;
    let octets = input.get(..length)?;
    let line = str::from_utf8(octets.split(|&octet| octet == b'\r').next()?).ok()?;
    let mut line = line.split(' ');
    let (method, target) = (Method::new(line.next()?), line.next()?);
    let hosts = octets.split(|&octet| octet == b'\n').filter_map(|line| {
        let (name, value) = line.split_at_checked(line.iter().position(|&octet| octet == b':')?)?;
        name.eq_ignore_ascii_case(b"host").then(|| value.get(1..).unwrap_or_default().trim_ascii())
    });
    let hosts: Vec<_> = hosts.collect();
    let host = match *hosts {
        [] if line.next() == Some("HTTP/1.0") => Ok(None),
        [] => Err(ParseError::NoHost),
        [value] => authority(value).map(Some).ok_or(ParseError::Host),
        _ => Err(ParseError::Host),
    };
    let strict = Target::new(method, target.as_bytes()).and_then(|target| {
        let of_target = match target {
            Target::Absolute(authority, _) | Target::Authority(authority) => Some(authority),
            Target::Origin(_) | Target::Asterisk => None,
        };
        Ok(format!("{target:?} {:?}", of_target.or(host?)))
    });
    let head = Head::new(octets, &reader, &[]);
    let recognised = head.map(|head| format!("{:?} {:?}", head.target(), head.authority()));
    Some([recognised, strict])
}
