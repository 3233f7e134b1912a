//! Two request bodies that end at the same time, so that a service has both requests before it has the end of either.

use crate::body::Sent;
use aws_sdk_s3::primitives::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::{sleep, timeout};

/// How long one waits for the other: less than any service waits for a body.
const PATIENCE: Duration = Duration::from_secs(2);

/// The time for the beginnings to arrive before the ends follow.
const HEAD_START: Duration = Duration::from_millis(100);

const FIRST: &[u8] = b"a scratch object of sealift, ";
const SECOND: &[u8] = b"which may be removed";

/// One of two bodies that wait for each other before their second half.
pub(crate) struct Meeting(Arc<Barrier>);

/// Two of them.
pub(crate) fn meeting_bodies() -> [Meeting; 2] {
    let place = Arc::new(Barrier::new(2));
    [Meeting(Arc::clone(&place)), Meeting(place)]
}

impl Meeting {
    pub(crate) fn length(&self) -> i64 {
        (FIRST.len() + SECOND.len()) as i64
    }

    pub(crate) fn body(self, sent: Sent) -> SdkBody {
        let met = async move {
            let _ = timeout(PATIENCE, self.0.wait()).await;
            sleep(HEAD_START).await;
        };
        SdkBody::from_body_1_x(Halves { next: Next::First, met: Mutex::new(Box::pin(met)), sent })
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Next {
    First,
    Second,
    End,
}

struct Halves {
    next: Next,
    met: Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>,
    sent: Sent,
}

impl Body for Halves {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let half = match this.next {
            Next::First => {
                this.next = Next::Second;
                FIRST
            }
            Next::Second => {
                ready!(this.met.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx));
                this.next = Next::End;
                this.sent.all();
                SECOND
            }
            Next::End => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(half)))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.next, Next::End)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self.next {
            Next::First => (FIRST.len() + SECOND.len()) as u64,
            Next::Second => SECOND.len() as u64,
            Next::End => 0,
        })
    }
}
