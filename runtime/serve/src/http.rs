//! HTTP on a Unix socket, for a bounded number of callers with bounded patience.

use crate::places::{Admission, Places, Served};
use axum::Router;
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::Sleep;

/// Connections at once. Beyond it the oldest whose request is not there yet is closed.
pub const CONNECTIONS: usize = 1024;
/// Time for the head of a request, and that a connection may be idle between requests.
pub const HEAD: Duration = Duration::from_secs(10);
/// Time for the body of a request.
pub const BODY: Duration = Duration::from_secs(30);
/// Time for answers under way once the end has come.
const END: Duration = Duration::from_secs(5);
/// Pause where no descriptor is free.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until `ending` becomes true; then answers what was asked before, for some seconds.
pub async fn serve(listener: UnixListener, router: Router, mut ending: watch::Receiver<bool>) {
    let places = Places::new(CONNECTIONS);
    let mut ended = pin!(async move { drop(ending.wait_for(|ending| *ending).await) });
    let (closing, close) = watch::channel(false);
    loop {
        tokio::select! {
            () = &mut ended => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (router, close) = (router.clone(), close.clone());
                    if places.admit(|served| exchange(stream, router, served, close)) == Admission::Refused {
                        tracing::warn!("refusing a caller: {CONNECTIONS} are being served");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a caller");
                    places.give_up();
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    closing.send_replace(true);
    let _ = tokio::time::timeout(END, places.emptied()).await;
}

async fn exchange(stream: UnixStream, router: Router, served: Served, mut close: watch::Receiver<bool>) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let served = served.clone();
        let answer = TowerToHyperService::new(router.clone());
        let request = request.map(|body| Arriving { body, deadline: None, served: served.clone() });
        if request.body().is_end_stream() {
            served.set(true);
        }
        async move {
            let response = answer.call(request).await?;
            // Whatever became of the request's body: the answer is there.
            served.set(true);
            Ok::<_, std::convert::Infallible>(response.map(|body| Leaving { body, _place: Place(served) }))
        }
    });
    let mut connection =
        pin!(http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(HEAD).serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A caller that breaks off concerns nobody else.
        _ = &mut connection => return,
        _ = close.wait_for(|close| *close) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The body of a request, as long as the caller may take for it.
struct Arriving {
    body: Incoming,
    deadline: Option<Pin<Box<Sleep>>>,
    served: Served,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(BODY)));
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            if frame.is_none() || this.body.is_end_stream() {
                this.served.set(true);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        ready!(deadline.as_mut().poll(context));
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, format!("the body did not come within {} s", BODY.as_secs())))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer. When it is written, the caller has to ask again to keep its place.
struct Leaving {
    body: Body,
    _place: Place,
}

struct Place(Served);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl HttpBody for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
