//! What a network tells its owner.

use proto::id::{Address, LinkId, PeerName};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::Target;

/// The receiving end of a network's events. It holds [`crate::Limits::events`] of them; while it is full
/// nothing further is read from any link.
pub type Events = mpsc::Receiver<Event>;

/// Something that happened on the wires.
///
/// For one link the order is: `LinkUp`, then any number of `Frame` and `Writable`, then one `LinkDown`.
/// The `LinkDown` of a peer's link stands before the `LinkUp` of its next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The network can be reached under this address, as far as this host can see.
    Listening(Address),
    /// The network can no longer be reached under this address.
    NotListening(Address),
    /// A link to a peer is up; frames may be sent at once.
    LinkUp {
        /// The link's name from here to its `LinkDown`.
        link: LinkId,
        /// The network identity at the other end, proven by the transport.
        peer: PeerName,
        /// Whether this side dialled.
        dialer: bool,
        /// Where the other end is; for a link that was dialled, the address that led there.
        remote: Address,
    },
    /// One whole frame came in.
    Frame {
        /// The link it crossed.
        link: LinkId,
        /// Its content, 1 to [`crate::FRAME_BYTES_MAX`] bytes.
        bytes: Vec<u8>,
    },
    /// A link whose queue refused a frame is at least half empty again.
    Writable {
        /// The link that takes frames again.
        link: LinkId,
    },
    /// A link has ended. Frames in its queue may not have arrived.
    LinkDown {
        /// The link that is no more.
        link: LinkId,
        /// Why it ended.
        reason: Down,
    },
    /// One attempt to reach a target failed at each of its addresses. A kept target is tried again.
    DialFailed {
        /// What was dialled.
        target: Target,
        /// What went wrong, as far as it concerns a caller.
        reason: DialFailure,
    },
    /// A peer announced itself on the local network. Anybody there can announce anything.
    Discovered {
        /// Who is said to be there.
        peer: PeerName,
        /// Where, at most 16.
        addresses: Vec<Address>,
    },
    /// Connections that others dialled were dropped before they became links. Left out while the events are full; the
    /// next one counts those that were left out.
    Refused {
        /// Why the last of them was dropped.
        reason: Down,
        /// How many there were since the last such event, at least one.
        connections: u64,
    },
}

/// Why a link, or a connection that never became one, ended.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Down {
    /// The other end closed it.
    #[error("the other end closed the link")]
    Closed,
    /// This side closed it, by [`crate::Network::close`] or by shutting down.
    #[error("this side closed the link")]
    Local,
    /// The connection below broke.
    #[error("the connection broke; it is dialled again if its target is kept")]
    Lost,
    /// Nothing came back after a ping.
    #[error("the other end no longer answers; it is dialled again if its target is kept")]
    Silent,
    /// The same peer came by another connection and this one was given up for it.
    #[error("a newer connection of the same peer took its place")]
    Replaced,
    /// Both sides had dialled; the other connection stays.
    #[error("the peer is already linked by another connection")]
    Duplicate,
    /// A limit of this side was reached.
    #[error("a limit of this side is reached: too many connections, or too much memory in use")]
    Limit,
    /// The peer connected but opened no stream, or was never ready on it.
    #[error("the peer connected and then opened no link in time")]
    NoStream,
    /// The peer does not speak this network's protocol.
    #[error("the peer speaks another protocol; it is no node of this kind")]
    OtherProtocol,
    /// The peer opened a second stream.
    #[error("the peer opened a second stream, which the protocol forbids")]
    SecondStream,
    /// The peer announced a frame beyond the limit.
    #[error("the peer announced a frame of {announced} bytes, beyond the limit of {limit}", limit = crate::FRAME_BYTES_MAX)]
    FrameTooLong {
        /// The length it announced, in bytes.
        announced: u32,
    },
    /// The peer began a frame and did not finish it in time.
    #[error("the peer stopped in the middle of a frame")]
    FrameStalled,
    /// The peer sent a control word that the protocol does not know, or at a wrong time.
    #[error("the peer sent a control word that has no place here")]
    BadControl,
}

/// Why a dial failed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DialFailure {
    /// The target has no address that this network can dial.
    #[error("no usable address is known for this peer; ask for its present one")]
    NoAddress,
    /// Nobody answered, or the connection was refused.
    #[error("nobody answered at the address; is the other side running and reachable?")]
    Unreachable,
    /// Somebody else answered.
    #[error("another identity answered at the address; the address is out of date")]
    WrongPeer,
    /// The address leads to this network itself.
    #[error("the address is this node's own")]
    Myself,
    /// The peer does not speak this network's protocol.
    #[error("who answered speaks another protocol; check the address and port")]
    OtherProtocol,
    /// A limit of this side, or the other, was reached.
    #[error("the connection was refused because a limit is reached; it is tried again later")]
    Refused,
}
