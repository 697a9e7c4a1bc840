//! Server-sent events: a page that shows the time of its server, each second. `cargo run --example events`,
//! then open http://127.0.0.1:8000/, or `curl -N http://127.0.0.1:8000/time`.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use thimble_std::{Answer, Event, Exchange, Method, Server, Service, Status, Transport};

const PAGE: &str = "<!DOCTYPE html>
<title>Time</title>
<p><output></output> seconds since 1970
<script>
new EventSource('/time').addEventListener('second', event => {
  document.querySelector('output').value = event.data
})
</script>
";

struct Clock;

impl Service for Clock {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        match (exchange.method(), exchange.segments()) {
            (Method::Get, []) => Ok(exchange.respond(Status::OK).html(PAGE)),
            (Method::Get, ["time"]) => {
                let mut events = exchange.events().await?;
                // A browser that was cut off asks again after a second.
                events.send(&Event::without_data().retry(1000)).await?;
                while events.is_open() {
                    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                    let text = now.as_secs().to_string();
                    // This fails once the client has left.
                    events.send(&Event::new(&text).name("second").id(&text)).await?;
                    // A thread of its own may sleep; over tokio, `events.wait(sleep(…)).await`.
                    thread::sleep(Duration::from_secs(1));
                }
                events.finish()
            }
            (_, [] | ["time"]) => Ok(exchange.allow(&[Method::Get])),
            _ => Ok(exchange.respond(Status::NOT_FOUND).text("nothing here\n")),
        }
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".into());
    let server = Server::bind(address)?;
    println!("http://{}/", server.local_addr()?);
    server.run(Clock)
}
