//! One connection: opens or accepts its one stream, agrees that it is the link, and moves frames.
//!
//! It runs in the connection's own task. Frames go from the link's queue into the stream, and from the
//! stream to the owner's events, without passing through the swarm.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::FutureExt;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, Stream, StreamProtocol, StreamUpgradeError, SubstreamProtocol,
};
use proto::id::{Address, LinkId, PeerName};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::PollSender;

use crate::event::{Down, Event};
use crate::frame::{Control, FrameError, GATHER_BYTES, Item, Wire};
use crate::pulse::{Due, Patience, Pulse};
use crate::queue::SendQueue;

/// What the behaviour tells a connection.
#[derive(Debug)]
pub(crate) enum Order {
    /// This connection is the peer's link from now on.
    Start { link: LinkId, queue: Arc<SendQueue> },
    /// End for this reason.
    End(Down),
    /// Find out now whether the peer is still there.
    Ask,
}

/// What a connection tells the behaviour.
#[derive(Debug)]
pub(crate) enum Report {
    /// The stream is open, and this side is the one to choose.
    Ready,
    /// The peer chose this connection.
    Chosen,
    /// It has ended; please close the connection.
    Ended,
    /// The last word: the owner knows, if there was a link, and nothing more will come from it.
    Gone(Down),
}

/// Which part this side plays on a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// It dialled, so it opens the stream.
    pub(crate) dialer: bool,
    /// Its name is the smaller one, so it chooses which connection becomes the link.
    pub(crate) chooser: bool,
}

/// The state of one connection.
pub(crate) struct LinkHandler {
    part: Part,
    protocol: StreamProtocol,
    peer: PeerName,
    remote: Address,
    patience: Patience,
    phase: Phase,
    wire: Option<Wire<Stream>>,
    outlet: Outlet,
    reports: VecDeque<Report>,
    requested: bool,
    down: Option<Down>,
    timer: Pin<Box<Sleep>>,
}

#[derive(Debug)]
enum Phase {
    /// No stream yet.
    Opening,
    /// The stream is open; it is not decided yet which connection stays.
    Choosing {
        chosen: bool,
    },
    Live(Box<Live>),
    /// The owner knows that it has ended.
    Told,
    /// The behaviour knows too.
    Over,
}

#[derive(Debug)]
struct Live {
    link: LinkId,
    queue: Arc<SendQueue>,
    pulse: Pulse,
    pong_is_due: bool,
    closing: Option<Closing>,
}

/// Why reading stopped.
enum ReadUntil {
    /// A ping wants its answer; there may be more to read.
    Ping,
    /// There is no more, or the owner lags.
    Dry,
}

/// This side closes: first what waits is written, then the peer is waited for, so that nothing is cut off.
#[derive(Debug)]
struct Closing {
    deadline: Instant,
    finished: bool,
    said: bool,
}

impl LinkHandler {
    pub(crate) fn new(
        part: Part,
        protocol: StreamProtocol,
        peer: PeerName,
        remote: Address,
        patience: Patience,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + patience.link_within));
        Self {
            part,
            protocol,
            peer,
            remote,
            patience,
            phase: Phase::Opening,
            wire: None,
            outlet: Outlet::new(events),
            reports: VecDeque::new(),
            requested: false,
            down: None,
            timer,
        }
    }

    /// The stream is there.
    fn opened(&mut self, stream: Stream) {
        if self.wire.is_some() || self.down.is_some() {
            self.end(Down::SecondStream);
            return;
        }
        self.wire = Some(Wire::new(stream));
        self.phase = Phase::Choosing { chosen: false };
        if self.part.chooser {
            self.reports.push_back(Report::Ready);
        }
    }

    fn start(&mut self, link: LinkId, queue: Arc<SendQueue>) {
        if !matches!(self.phase, Phase::Choosing { .. }) || self.down.is_some() {
            return;
        }
        if self.part.chooser
            && let Some(wire) = &mut self.wire
        {
            wire.put_control(Control::Chosen);
        }
        self.outlet.put(Event::LinkUp {
            link,
            peer: self.peer.clone(),
            dialer: self.part.dialer,
            remote: self.remote.clone(),
        });
        let pulse = Pulse::new(self.patience.clone(), Instant::now());
        self.timer.as_mut().reset(pulse.next());
        self.phase = Phase::Live(Box::new(Live { link, queue, pulse, pong_is_due: false, closing: None }));
    }

    /// Remembers why this connection ends and asks for it to be closed.
    fn end(&mut self, reason: Down) {
        if self.down.is_none() && !matches!(self.phase, Phase::Over) {
            self.down = Some(reason);
            self.reports.push_back(Report::Ended);
        }
    }

    fn poll_opening(&mut self, cx: &mut Context<'_>) {
        if self.timer.poll_unpin(cx).is_ready() {
            self.end(Down::NoStream);
        }
    }

    /// Waits for the chooser's word, if that is the other side.
    fn poll_choosing(&mut self, chosen: bool, cx: &mut Context<'_>) {
        let Some(wire) = &mut self.wire else { return };
        if !self.part.chooser && !chosen {
            match wire.poll_item(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(Item::Control(Control::Chosen))) => {
                    self.phase = Phase::Choosing { chosen: true };
                    self.reports.push_back(Report::Chosen);
                }
                Poll::Ready(Ok(Item::End)) => self.end(Down::Closed),
                Poll::Ready(Ok(_)) => self.end(Down::BadControl),
                Poll::Ready(Err(error)) => self.end(reason_of(&error)),
            }
        }
        if self.timer.poll_unpin(cx).is_ready() {
            self.end(Down::NoStream);
        }
    }

    /// Moves what can be moved in both directions, until neither can.
    fn poll_live(&mut self, cx: &mut Context<'_>) {
        let (Phase::Live(live), Some(wire)) = (&mut self.phase, &mut self.wire) else { return };
        let mut now = None;
        loop {
            if let Err(reason) = live.poll_write(wire, &mut self.outlet, &self.patience, &mut now, cx) {
                return self.end(reason);
            }
            match live.poll_read(wire, &mut self.outlet, &mut now, cx) {
                Err(reason) => return self.end(reason),
                Ok(ReadUntil::Ping) => {}
                Ok(ReadUntil::Dry) => break,
            }
        }
        if let Some(reason) = self.poll_time(cx) {
            self.end(reason);
        }
    }

    /// Does what is due and sets the timer to what comes next.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Option<Down> {
        let (Phase::Live(live), Some(wire)) = (&mut self.phase, &mut self.wire) else { return None };
        loop {
            let deadline = live.closing.as_ref().map(|closing| closing.deadline);
            let next = deadline.unwrap_or_else(|| live.pulse.next());
            if next < self.timer.deadline() {
                self.timer.as_mut().reset(next);
            }
            if self.timer.poll_unpin(cx).is_pending() {
                return None;
            }
            let now = Instant::now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                return Some(Down::Local);
            }
            match live.pulse.check(now) {
                Due::Nothing => {}
                Due::Silent => return Some(Down::Silent),
                Due::FrameStalled => return Some(Down::FrameStalled),
                Due::Ping => wire.put_control(Control::Ping),
                Due::SignOfLife => wire.put_control(Control::Pong),
            }
            if let Poll::Ready(Err(_)) = wire.poll_drain(cx) {
                return Some(Down::Lost);
            }
            let next = live.closing.as_ref().map_or_else(|| live.pulse.next(), |closing| closing.deadline);
            self.timer.as_mut().reset(next.max(now));
        }
    }

    /// Whether frames that came before the end are still handed up.
    fn reads_on(&self) -> bool {
        matches!(self.down, None | Some(Down::Closed | Down::Lost))
    }
}

impl Live {
    fn poll_write(
        &mut self,
        wire: &mut Wire<Stream>,
        outlet: &mut Outlet,
        patience: &Patience,
        now: &mut Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Result<(), Down> {
        loop {
            if self.closing.as_ref().is_some_and(|closing| closing.said) {
                return Ok(());
            }
            match wire.poll_drain(cx) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(_)) => return Err(Down::Lost),
                Poll::Ready(Ok(())) => {}
            }
            if std::mem::take(&mut self.pong_is_due) {
                wire.put_control(Control::Pong);
            }
            let outbox = wire.outbox();
            let before = outbox.len();
            let taken = self.queue.take(cx, GATHER_BYTES, |frame| Wire::<Stream>::put_frame(outbox, frame));
            if outbox.len() > before {
                self.pulse.sent(*now.get_or_insert_with(Instant::now));
            }
            if taken.writable {
                outlet.put_writable(self.link);
            }
            if taken.finished {
                let closing = self.closing.get_or_insert_with(|| Closing {
                    deadline: Instant::now() + patience.close_within,
                    finished: false,
                    said: false,
                });
                closing.finished = true;
            }
            if wire.is_drained() {
                if let Some(closing) = &mut self.closing
                    && closing.finished
                {
                    match wire.poll_close(cx) {
                        Poll::Pending => {}
                        Poll::Ready(Err(_)) => return Err(Down::Local),
                        Poll::Ready(Ok(())) => closing.said = true,
                    }
                }
                return Ok(());
            }
        }
    }

    fn poll_read(
        &mut self,
        wire: &mut Wire<Stream>,
        outlet: &mut Outlet,
        now: &mut Option<Instant>,
        cx: &mut Context<'_>,
    ) -> Result<ReadUntil, Down> {
        loop {
            match outlet.poll_flush(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(OwnerGone)) => return Err(Down::Local),
                Poll::Pending => {
                    self.pulse.pauses(*now.get_or_insert_with(Instant::now));
                    return Ok(ReadUntil::Dry);
                }
            }
            let item = match wire.poll_item(cx) {
                Poll::Pending => {
                    let mid_frame = wire.is_mid_frame();
                    let now = *now.get_or_insert_with(Instant::now);
                    if wire.take_progress() {
                        self.pulse.heard(now);
                    }
                    self.pulse.waits_for_bytes(mid_frame, now);
                    return Ok(ReadUntil::Dry);
                }
                Poll::Ready(Err(error)) => {
                    return Err(if self.closing.is_some() { Down::Local } else { reason_of(&error) });
                }
                Poll::Ready(Ok(item)) => item,
            };
            if wire.take_progress() {
                self.pulse.heard(*now.get_or_insert_with(Instant::now));
            }
            self.pulse.frame_ended();
            match item {
                Item::Frame(_) if self.closing.is_some() => {}
                Item::Frame(bytes) => outlet.put(Event::Frame { link: self.link, bytes }),
                Item::Control(Control::Ping) => {
                    self.pong_is_due = true;
                    return Ok(ReadUntil::Ping);
                }
                Item::Control(Control::Pong) => {}
                Item::Control(Control::Chosen) => return Err(Down::BadControl),
                Item::End if self.closing.is_some() => return Err(Down::Local),
                Item::End => return Err(Down::Closed),
            }
        }
    }
}

impl ConnectionHandler for LinkHandler {
    type FromBehaviour = Order;
    type ToBehaviour = Report;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
            .with_timeout(self.patience.link_within)
    }

    fn connection_keep_alive(&self) -> bool {
        true
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        if self.part.dialer && !self.requested {
            self.requested = true;
            let protocol = SubstreamProtocol::new(ReadyUpgrade::new(self.protocol.clone()), ())
                .with_timeout(self.patience.link_within);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        if self.down.is_none() && self.reports.is_empty() {
            match self.phase {
                Phase::Opening => self.poll_opening(cx),
                Phase::Choosing { chosen } => self.poll_choosing(chosen, cx),
                Phase::Live(_) => self.poll_live(cx),
                Phase::Told | Phase::Over => {}
            }
        }
        match self.reports.pop_front() {
            Some(report) => Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report)),
            None => Poll::Pending,
        }
    }

    /// Hands up what had come in before the end, then tells the owner and the behaviour.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::ToBehaviour>> {
        loop {
            match self.outlet.poll_flush(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(()) | Err(OwnerGone)) => {}
            }
            let reads_on = self.reads_on();
            match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::Over => return Poll::Ready(None),
                Phase::Opening | Phase::Choosing { .. } | Phase::Told => {
                    let reason = self.down.unwrap_or(Down::Lost);
                    return Poll::Ready(Some(Report::Gone(reason)));
                }
                Phase::Live(live) => {
                    if reads_on
                        && live.closing.is_none()
                        && let Some(wire) = &mut self.wire
                    {
                        match wire.poll_item(cx) {
                            Poll::Ready(Ok(Item::Frame(bytes))) => {
                                self.outlet.put(Event::Frame { link: live.link, bytes });
                                self.phase = Phase::Live(live);
                                continue;
                            }
                            Poll::Ready(Ok(Item::Control(_))) => {
                                self.phase = Phase::Live(live);
                                continue;
                            }
                            Poll::Ready(Ok(Item::End)) => self.down = self.down.or(Some(Down::Closed)),
                            Poll::Ready(Err(_)) | Poll::Pending => {}
                        }
                    }
                    self.wire = None;
                    live.queue.end();
                    let lost = if live.closing.is_some() { Down::Local } else { Down::Lost };
                    let reason = *self.down.get_or_insert(lost);
                    self.outlet.put(Event::LinkDown { link: live.link, reason });
                    self.phase = Phase::Told;
                }
            }
        }
    }

    fn on_behaviour_event(&mut self, order: Order) {
        match order {
            Order::Start { link, queue } => self.start(link, queue),
            Order::End(reason) => self.end(reason),
            Order::Ask => {
                if let (Phase::Live(live), Some(wire)) = (&mut self.phase, &mut self.wire)
                    && live.pulse.ask_now(Instant::now())
                {
                    wire.put_control(Control::Ping);
                }
            }
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: stream, .. }) => {
                if self.part.dialer {
                    self.end(Down::SecondStream);
                } else {
                    self.opened(stream);
                }
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: stream, ..
            }) => self.opened(stream),
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                self.end(refusal_of(&error));
            }
            _ => {}
        }
    }
}

fn reason_of(error: &FrameError) -> Down {
    match error {
        FrameError::TooLong(announced) => Down::FrameTooLong { announced: *announced },
        FrameError::UnknownControl(_) => Down::BadControl,
        FrameError::Broken(_) => Down::Lost,
    }
}

fn refusal_of(error: &StreamUpgradeError<Infallible>) -> Down {
    match error {
        StreamUpgradeError::NegotiationFailed => Down::OtherProtocol,
        StreamUpgradeError::Timeout => Down::NoStream,
        StreamUpgradeError::Io(_) => Down::Lost,
        StreamUpgradeError::Apply(never) => match *never {},
    }
}

/// The owner no longer listens to events.
struct OwnerGone;

/// The way to the owner's events. Holds a few that did not fit; its user then stops reading.
struct Outlet {
    sender: PollSender<Event>,
    direct: mpsc::Sender<Event>,
    waiting: VecDeque<Event>,
    reserving: bool,
}

impl Outlet {
    fn new(events: mpsc::Sender<Event>) -> Self {
        Self {
            sender: PollSender::new(events.clone()),
            direct: events,
            waiting: VecDeque::new(),
            reserving: false,
        }
    }

    /// Takes one event; [`Outlet::poll_flush`] hands it on.
    fn put(&mut self, event: Event) {
        self.waiting.push_back(event);
    }

    /// Takes the news that a link takes frames again, unless the owner has not yet heard it the last time.
    fn put_writable(&mut self, link: LinkId) {
        if !self.waiting.iter().any(|event| matches!(event, Event::Writable { .. })) {
            self.put(Event::Writable { link });
        }
    }

    /// Hands all events on; pending while the owner lags.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), OwnerGone>> {
        while let Some(event) = self.waiting.pop_front() {
            if !self.reserving {
                match self.direct.try_send(event) {
                    Ok(()) => continue,
                    Err(mpsc::error::TrySendError::Closed(_)) => return Poll::Ready(Err(OwnerGone)),
                    Err(mpsc::error::TrySendError::Full(event)) => self.waiting.push_front(event),
                }
                self.reserving = true;
            } else {
                self.waiting.push_front(event);
            }
            match self.sender.poll_reserve(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(_)) => {
                    self.waiting.clear();
                    return Poll::Ready(Err(OwnerGone));
                }
                Poll::Ready(Ok(())) => {
                    self.reserving = false;
                    if let Some(event) = self.waiting.pop_front() {
                        let _ = self.sender.send_item(event);
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
