//! The reply to one request, made by a service as that to another.

use super::body::{Body, Incoming};
use super::error::Error;
use super::exchange::{Exchange, Parts};
use super::handler::Service;
use super::output::{Outgoing, Output};
use super::responded::{Answer, Responded};
use super::responder::Responder;
use super::route::{MAX_SEGMENTS, Route};
use super::transport::Transport;
use crate::bytes::span::Span;
use crate::bytes::window::Window;
use crate::framing::Receiver;
use crate::message::Head;

impl<'c, T: Transport> Responder<'c, T> {
    /// Replies as `service` does to another request, which has the head `head` and no content: a local
    /// redirect (RFC 3875 §6.2.2). The method of the request that was sent still decides whether content is
    /// left out, and its fields whether the connection goes on. `body` is that request's content, of which
    /// nothing more is read here. The path is decoded into `scratch`, for which as many octets as the path
    /// has are enough.
    ///
    /// # Errors
    /// Those of the service, and [`Error::Cut`] if `scratch` is too small.
    pub async fn forward<S: Service>(
        self,
        body: Body<'c, T::Rx>,
        service: &S,
        head: &Head<'_>,
        scratch: &mut [u8],
    ) -> Answer<'c, T> {
        let Self { outgoing } = self;
        let Body { rx, incoming } = body;
        let target = head.target();
        let scratch = scratch.get_mut(..Route::scratch(target.path())).ok_or(Error::Cut)?;
        {
            let mut segments = [""; MAX_SEGMENTS];
            let route = Route::new(target.path(), scratch, &mut segments);
            let (mut none, mut unread) = ([0; 0], Span::default());
            let mut receiver = Receiver::without_content(incoming.receiver.limits());
            let window = Window::new(&mut none, &mut unread);
            let incoming = Incoming { receiver: &mut receiver, window, limits: incoming.limits };
            let Outgoing { output: Output { buffer, sender, now, request, .. }, tx } =
                &mut *outgoing;
            let output = Output::new(buffer.reborrow(), sender, *now, request);
            let outgoing = Outgoing { output, tx: &mut **tx };
            let mut parts: Parts<'_, T> = Parts { head, route, rx, incoming, outgoing };
            let mut responded = service.call(Exchange { parts: &mut parts }).await?;
            responded.check()?;
            // What it is made of ends here.
            responded.send().await?;
        }
        Ok(Responded { outgoing, tail: b"" })
    }
}
