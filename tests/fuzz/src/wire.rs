//! Any bytes on a link's stream, in pieces of any size: frames, control words, or an end; never more memory than a frame.
//!
//! The codec is included as it stands: its crate brings the whole transport, which is not searched here.
#![no_main]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::{AsyncRead, AsyncWrite};
use libfuzzer_sys::fuzz_target;
use proto::limits::FRAME_BYTES_MAX;

#[allow(dead_code, reason = "what writes is not searched")]
#[path = "../../../crates/net/src/frame.rs"]
mod frame;

use frame::{FrameError, Item, Wire};

/// Gives its bytes in pieces whose sizes are the first bytes themselves.
struct Pieces<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let size = self.sizes.next().map_or(1, |size| usize::from(*size) * 16 + 1);
        let count = size.min(buf.len()).min(self.bytes.len());
        let (piece, rest) = self.bytes.split_at(count);
        buf[..count].copy_from_slice(piece);
        self.bytes = rest;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Pieces<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (sizes, bytes) = bytes.split_at(bytes.len().min(8));
    let mut wire = Wire::new(Pieces { bytes, sizes: sizes.iter().cycle() });
    let mut cx = Context::from_waker(Waker::noop());
    let mut taken = 0;
    loop {
        match wire.poll_item(&mut cx) {
            Poll::Ready(Ok(Item::Frame(frame))) => {
                assert!((1..=FRAME_BYTES_MAX).contains(&frame.len()));
                assert_eq!(frame, bytes[taken + 4..][..frame.len()], "a frame is what stood on the stream");
                taken += 4 + frame.len();
            }
            Poll::Ready(Ok(Item::Control(_))) => taken += 5,
            Poll::Ready(Ok(Item::End)) => {
                assert_eq!(taken, bytes.len(), "nothing is left out");
                return;
            }
            Poll::Ready(Err(FrameError::TooLong(announced))) => {
                assert!(announced as usize > FRAME_BYTES_MAX);
                return;
            }
            Poll::Ready(Err(_)) => return,
            Poll::Pending => unreachable!("this stream always gives something"),
        }
    }
});
