//! A handler that waits for something besides its client lets its thread sleep. This is the only test
//! here: it measures the processor time of the whole process.
#![cfg(target_os = "linux")]

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use thimble_std::{Answer, Exchange, Server, Service, Status, Transport};
use tokio::sync::oneshot;

/// How long each reply is awaited.
const WAIT: Duration = Duration::from_millis(700);

/// Has somebody else make its replies, and waits for them.
struct Waiting {
    asked: Mutex<mpsc::Sender<oneshot::Sender<&'static str>>>,
}

impl Service for Waiting {
    async fn call<'c, T: Transport>(&'c self, exchange: Exchange<'c, T>) -> Answer<'c, T> {
        let (answer, answered) = oneshot::channel();
        if let Ok(asked) = self.asked.lock() {
            let _ = asked.send(answer);
        }
        Ok(exchange.respond(Status::OK).text(answered.await.unwrap_or("nobody answered")))
    }
}

/// Processor time of this process so far.
fn processor_time() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        spent.tv_sec.try_into().unwrap_or_default(),
        spent.tv_nsec.try_into().unwrap_or_default(),
    )
}

#[test]
fn a_handler_that_waits_costs_no_processor_time() -> io::Result<()> {
    let (asked, asks) = mpsc::channel::<oneshot::Sender<&'static str>>();
    let server = Server::bind("127.0.0.1:0")?;
    let (address, stop) = (server.local_addr()?, server.stop());
    thread::scope(|scope| {
        let serving = scope.spawn(|| server.run(Waiting { asked: Mutex::new(asked) }));
        scope.spawn(move || {
            for answer in asks {
                thread::sleep(WAIT);
                let _ = answer.send("at last\n");
            }
        });
        let outcome = TcpStream::connect(address).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            let before = processor_time();
            // The second waits on the same thread, whose waker is there already.
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")?;
            let mut replies = String::new();
            stream.read_to_string(&mut replies)?;
            Ok((replies, processor_time().saturating_sub(before)))
        });
        stop.stop();
        serving.join().unwrap_or_else(|_| Err(io::Error::other("a panic")))?;
        let (replies, spent) = outcome?;
        assert_eq!(replies.matches("at last\n").count(), 2, "{replies}");
        assert!(spent < WAIT / 4, "{spent:?} of processor time");
        Ok(())
    })
}
