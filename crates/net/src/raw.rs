//! A connection without any manners: for tests of what a node does with peers that do not keep to the protocol.

use std::sync::Arc;
use std::time::Duration;

use futures::future::poll_fn;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::Endpoint;
use libp2p::core::muxing::{StreamMuxerBox, StreamMuxerExt, SubstreamBox};
use libp2p::core::transport::{DialOpts, PortUse, Transport};
use libp2p::identity::Keypair;
use proto::id::Address;
use tokio::time::timeout;

use crate::{address, transport};

/// How long a connection may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A connection whose other end does what the test says: encrypted and multiplexed like any, and nothing more.
pub struct Raw {
    muxer: Arc<tokio::sync::Mutex<StreamMuxerBox>>,
    driver: tokio::task::JoinHandle<()>,
}

/// A stream of a [`Raw`] connection.
pub struct RawStream(SubstreamBox);

impl RawStream {
    /// Writes all of it and flushes; false if the other end has closed.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok() && self.0.flush().await.is_ok()
    }

    /// Reads exactly so many bytes; false if the other end has closed.
    pub async fn read(&mut self, bytes: &mut [u8]) -> bool {
        self.0.read_exact(bytes).await.is_ok()
    }

    /// Reads until the other end closes.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes).await;
        bytes
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Raw {
    /// Connects with the keys that grow from `seed`; none if the other end does not take it.
    pub async fn connect(seed: [u8; 32], to: &Address) -> Option<Self> {
        let keys = Keypair::ed25519_from_bytes(seed).ok()?;
        let mut transport = transport::build(&keys).ok()?;
        let multiaddr = address::to_multiaddr(to)?;
        let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        let mut dial = transport.dial(multiaddr, opts).ok()?;
        let dialled = poll_fn(|cx| {
            let _ = std::pin::Pin::new(&mut transport).poll(cx);
            std::pin::Pin::new(&mut dial).poll(cx)
        });
        let (_, muxer) = timeout(LONG, dialled).await.ok()?.ok()?;
        let muxer = Arc::new(tokio::sync::Mutex::new(muxer));
        let driver = tokio::spawn(drive(Arc::clone(&muxer)));
        Some(Self { muxer, driver })
    }

    /// Opens a stream and asks for a protocol.
    pub async fn open(&self, protocol: &str) -> Option<RawStream> {
        let mut stream = loop {
            let mut muxer = self.muxer.lock().await;
            let opened = poll_fn(|cx| std::task::Poll::Ready(muxer.poll_outbound_unpin(cx))).await;
            drop(muxer);
            if let std::task::Poll::Ready(stream) = opened {
                break RawStream(stream.ok()?);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        for line in ["/multistream/1.0.0", protocol] {
            let mut message = vec![u8::try_from(line.len() + 1).ok()?];
            message.extend_from_slice(line.as_bytes());
            message.push(b'\n');
            stream.0.write_all(&message).await.ok()?;
        }
        stream.0.flush().await.ok()?;
        Some(stream)
    }

    /// Opens a link's stream and waits until the node's answer to the protocol is there.
    pub async fn link(&self, protocol: &str) -> Option<RawStream> {
        let mut stream = self.open(protocol).await?;
        let mut answer = vec![0; 2 + "/multistream/1.0.0".len() + 2 + protocol.len()];
        timeout(LONG, stream.0.read_exact(&mut answer)).await.ok()?.ok()?;
        Some(stream)
    }

    /// Waits until the other end has closed the connection; false if it does not.
    pub async fn ended(self) -> bool {
        let closing = async {
            while !self.driver.is_finished() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, closing).await.is_ok()
    }
}

/// Keeps a connection going until it ends.
async fn drive(muxer: Arc<tokio::sync::Mutex<StreamMuxerBox>>) {
    loop {
        let mut held = muxer.lock().await;
        let mut ended = false;
        poll_fn(|cx| {
            ended = matches!(held.poll_unpin(cx), std::task::Poll::Ready(Err(_)))
                || matches!(held.poll_inbound_unpin(cx), std::task::Poll::Ready(Err(_)));
            std::task::Poll::Ready(())
        })
        .await;
        drop(held);
        if ended {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
