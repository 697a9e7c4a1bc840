//! The files of a folder in a server of one's own, here hyper's, by `files::plan`: preconditions,
//! ranges and content codings as RFC 9110 has them, and nothing else of this project.
//!
//! ```text
//! cargo run -p thimble-core --example files_in_hyper -- 127.0.0.1:8080 site
//! curl -i -r 0-99,200-299 http://127.0.0.1:8080/style.css
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::unix::fs::FileExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use thimble_core::grammar::date::UnixTime;
use thimble_core::grammar::etag::EntityTag;
use thimble_core::message::Method;
use thimble_core::semantics::conditional::{FieldLines, Validators};
use thimble_core::semantics::mime::content_type;
use thimble_core::semantics::negotiate::{Coding, Codings, choose};
use thimble_core::service::files::{self, Resource, Variant};
use tokio::net::TcpListener;

/// Hyper's fields, as the planner looks them up.
struct Fields<'h>(&'h HeaderMap);

impl FieldLines for Fields<'_> {
    fn each<'f>(&'f self, name: &str, visit: &mut dyn FnMut(&'f [u8])) {
        self.0.get_all(name).iter().for_each(|value| visit(value.as_bytes()));
    }
}

/// A file, in one of the codings in which it stands beside itself.
struct Open {
    coding: Coding,
    file: File,
    len: u64,
    modified: Option<UnixTime>,
    etag: String,
}

impl Open {
    fn new(path: &Path, coding: Coding) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(coding.suffix());
        let file = File::open(name)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        let since = metadata.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        // What tells two states of a file apart; a real server hashes it, and adds the inode.
        let etag = format!("{:x}-{:x}-{}", since.as_nanos(), metadata.len(), coding.name());
        let modified = Some(UnixTime(since.as_secs()));
        Ok(Self { coding, file, len: metadata.len(), modified, etag })
    }

    fn variant(&self) -> Variant<'_> {
        let etag = Some(EntityTag::strong(self.etag.as_bytes()));
        let validators = Validators { etag, modified: self.modified };
        Variant { coding: self.coding, len: self.len, validators }
    }

    /// Adds octets of it to `content`. A real server streams them.
    fn read(&self, first: u64, length: u64, content: &mut Vec<u8>) -> io::Result<()> {
        let start = content.len();
        content.resize(start + usize::try_from(length).map_err(io::Error::other)?, 0);
        self.file.read_exact_at(content.get_mut(start..).unwrap_or_default(), first)
    }
}

/// The path of a file below `root`. A real server decodes it, and follows no links.
fn below(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path.trim_start_matches('/'));
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    is_plain.then(|| root.join(path))
}

fn answer(root: &Path, request: &Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let path = below(root, request.uri().path()).ok_or(ErrorKind::NotFound)?;
    let fields = Fields(request.headers());
    let identity = Open::new(&path, Coding::Identity)?;
    let coded = Coding::BY_PREFERENCE
        .into_iter()
        .filter(|coding| *coding != Coding::Identity && Open::new(&path, *coding).is_ok());
    let codings = coded.fold(Codings::NONE, Codings::with);
    let chosen = choose(&fields, codings);
    let open = match chosen {
        None | Some(Coding::Identity) => identity,
        Some(coding) => Open::new(&path, coding)?,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let plan = files::plan(
        &files::Request {
            method: Method::new(request.method().as_str()),
            fields: &fields,
            now: now.map(|now| UnixTime(now.as_secs())),
        },
        Resource {
            content_type: content_type(path.as_os_str().as_encoded_bytes()),
            cache_control: "no-cache",
            methods: &[Method::Get],
            codings,
            variant: chosen.map(|_| open.variant()),
        },
    );

    let mut content = plan.reason.as_bytes().to_vec();
    if request.method() != hyper::Method::HEAD {
        for index in 0.. {
            plan.delimiter(index, &mut |piece| content.extend(piece));
            let Some(range) = plan.range(index) else { break };
            open.read(range.first, range.len(), &mut content)?;
        }
    }
    let mut reply = Response::builder().status(plan.status.code());
    plan.fields(|name, value| reply = mem::take(&mut reply).header(name, value.concat()));
    if request.method() == hyper::Method::HEAD {
        reply = reply.header(CONTENT_LENGTH, plan.length());
    }
    reply.body(Full::from(content)).map_err(io::Error::other)
}

fn refuse(error: &io::Error) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::from("nothing is served here\n"));
    *reply.status_mut() = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    reply
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let root = PathBuf::from(arguments.next().unwrap_or_else(|| "site".into()));
    let listener = TcpListener::bind(address).await?;
    println!("The files of {} at http://{}/", root.display(), listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let root = root.clone();
        let service = service_fn(move |request| {
            let reply = answer(&root, &request).unwrap_or_else(|error| refuse(&error));
            async { Ok::<_, Infallible>(reply) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
