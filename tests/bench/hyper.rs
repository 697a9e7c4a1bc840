//! What `tests/bench/run` compares with: the examples `bench` without their files, in hyper.

use std::convert::Infallible;
use std::io;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::spawn_local;

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let content = match (request.method(), request.uri().path()) {
        (&Method::GET, "/plain") => Bytes::from_static(b"Hello, World!"),
        (&Method::POST, "/form") => {
            let form = request.into_body().collect().await.unwrap_or_default().to_bytes();
            let (_, name) =
                form_urlencoded::parse(&form).find(|(name, _)| name == "name").unwrap_or_default();
            name.into_owned().into()
        }
        _ => {
            let mut reply = Response::default();
            *reply.status_mut() = StatusCode::NOT_FOUND;
            return Ok(reply);
        }
    };
    let mut reply = Response::new(Full::new(content));
    let text = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(hyper::header::CONTENT_TYPE, text);
    Ok(reply)
}

fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: hyper PORT"))?;
    let runtime = Builder::new_current_thread().enable_io().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let mut http = http1::Builder::new();
            let serving = http
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            spawn_local(serving);
        }
    })
}
