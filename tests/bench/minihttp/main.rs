//! What `tests/bench/run` compares with: the examples `bench` without their files, in `may_minihttp`.

use std::io::{self, Read as _};

use may_minihttp::{HttpService, HttpServiceFactory, Request, Response};

struct Bench;

impl HttpService for Bench {
    fn call(&mut self, request: Request<'_, '_, '_>, reply: &mut Response<'_>) -> io::Result<()> {
        match (request.method(), request.path()) {
            ("GET", "/plain") => {
                reply.header("Content-Type: text/plain; charset=utf-8").body("Hello, World!");
            }
            ("POST", "/form") => {
                let mut form = Vec::new();
                request.body().read_to_end(&mut form)?;
                let (_, name) = form_urlencoded::parse(&form)
                    .find(|(name, _)| name == "name")
                    .unwrap_or_default();
                reply
                    .header("Content-Type: text/plain; charset=utf-8")
                    .body_vec(name.into_owned().into());
            }
            _ => {
                reply.status_code(404, "Not Found");
            }
        }
        Ok(())
    }
}

impl HttpServiceFactory for Bench {
    type Service = Self;

    fn new_service(&self, _: usize) -> Self {
        Self
    }
}

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: minihttp PORT"))?;
    may::config().set_workers(1);
    let server = Bench.start(format!("127.0.0.1:{port}"))?;
    server.join().map_err(|_| io::Error::other("it has ended"))
}
