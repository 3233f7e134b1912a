//! A payload as the body of a request: sent as it is, with its length, as often as the SDK tries.

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use futures::Stream;
use http_body::{Body, Frame, SizeHint};
use sealift::{Payload, PayloadStream};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body that sends `payload`.
pub(crate) fn body(payload: &Payload) -> ByteStream {
    let payload = payload.clone();
    ByteStream::new(SdkBody::retryable(move || SdkBody::from_body_1_x(PayloadBody(payload.stream()))))
}

struct PayloadBody(PayloadStream);

impl Body for PayloadBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.0).poll_next(cx).map_ok(Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        self.0.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.remaining())
    }
}
