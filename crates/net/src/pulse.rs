//! When a silent link is asked whether it lives, and when it is given up. Pure: time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// How long a network waits for peers. The defaults serve slow and lossy networks; tests shorten them.
#[derive(Clone, Debug)]
pub struct Patience {
    /// From a connection to a link that both sides know of. Default 10 s.
    pub link_within: Duration,
    /// Between two bytes in the middle of a frame. Default 20 s.
    pub frame_pause: Duration,
    /// From the first byte of a frame to its last. Default 120 s.
    pub frame_within: Duration,
    /// From a frame that was sent, if nothing at all comes back, to a ping. Default 15 s.
    pub answer_within: Duration,
    /// From a ping, if nothing at all comes back, to the end of the link. Default 30 s.
    pub pong_within: Duration,
    /// From the last sign of life on an idle link to a ping. Default 4 min, up to a tenth more by chance.
    pub ping_after: Duration,
    /// Between signs of life from a reader whose owner lags. Default 8 s.
    pub pause_sign: Duration,
    /// For what waits to be written when a link is closed. Default 1 s.
    pub close_within: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            link_within: Duration::from_secs(10),
            frame_pause: Duration::from_secs(20),
            frame_within: Duration::from_secs(120),
            answer_within: Duration::from_secs(15),
            pong_within: Duration::from_secs(30),
            ping_after: Duration::from_secs(240),
            pause_sign: Duration::from_secs(8),
            close_within: Duration::from_secs(1),
        }
    }
}

/// What is known about a link's life.
#[derive(Debug)]
pub(crate) struct Pulse {
    patience: Patience,
    heard: Instant,
    /// When something was sent after which nothing has been heard.
    asked: Option<Instant>,
    pinged: Option<Instant>,
    frame_began: Option<Instant>,
    /// The owner lags, so nothing is read; when the peer last got a sign of life.
    paused: Option<Instant>,
}

/// What time has brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    SignOfLife,
    Silent,
    FrameStalled,
}

impl Pulse {
    pub(crate) fn new(patience: Patience, now: Instant) -> Self {
        Self { patience, heard: now, asked: None, pinged: None, frame_began: None, paused: None }
    }

    /// Bytes came in, or the peer made room for bytes that had to wait.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.asked = None;
        self.pinged = None;
    }

    /// The reader has taken all there is; it stands inside a frame or between two.
    pub(crate) fn waits_for_bytes(&mut self, mid_frame: bool, now: Instant) {
        if self.paused.take().is_some() {
            self.heard(now);
        }
        self.frame_began = mid_frame.then(|| self.frame_began.unwrap_or(now));
    }

    /// A whole frame came in.
    pub(crate) fn frame_ended(&mut self) {
        self.frame_began = None;
    }

    /// Nothing is read because the owner lags.
    pub(crate) fn pauses(&mut self, now: Instant) {
        self.paused.get_or_insert(now);
    }

    /// A frame was handed to the transport.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// The owner wants to know at once whether the link lives.
    pub(crate) fn ask_now(&mut self, now: Instant) -> bool {
        let ask = self.pinged.is_none() && self.paused.is_none();
        if ask {
            self.pinged = Some(now);
        }
        ask
    }

    /// What is due at `now`; a ping or a sign of life is taken as sent.
    pub(crate) fn check(&mut self, now: Instant) -> Due {
        if now < self.next() {
            return Due::Nothing;
        }
        if let Some(paused) = &mut self.paused {
            *paused = now;
            return Due::SignOfLife;
        }
        if let Some(began) = self.frame_began
            && (now >= self.heard + self.patience.frame_pause || now >= began + self.patience.frame_within)
        {
            return Due::FrameStalled;
        }
        if self.pinged.is_some() {
            return Due::Silent;
        }
        self.pinged = Some(now);
        Due::Ping
    }

    /// When to check next.
    pub(crate) fn next(&self) -> Instant {
        let patience = &self.patience;
        if let Some(paused) = self.paused {
            return paused + patience.pause_sign;
        }
        let life = match (self.pinged, self.asked) {
            (Some(pinged), _) => pinged + patience.pong_within,
            (None, Some(asked)) => asked + patience.answer_within,
            (None, None) => self.heard + patience.ping_after,
        };
        let frame = self
            .frame_began
            .map(|began| (self.heard + patience.frame_pause).min(began + patience.frame_within));
        frame.map_or(life, |frame| frame.min(life))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn start() -> (Pulse, Instant) {
        let now = Instant::now();
        (Pulse::new(Patience::default(), now), now)
    }

    #[test]
    fn an_idle_link_is_pinged_every_four_minutes_and_lives_by_the_answer() {
        let (mut pulse, mut now) = start();
        for _ in 0..3 {
            assert_eq!(pulse.next(), now + seconds(240));
            now += seconds(240);
            assert_eq!(pulse.check(now), Due::Ping);
            pulse.heard(now);
            assert_eq!(pulse.check(now), Due::Nothing);
        }
    }

    #[test]
    fn an_unanswered_frame_brings_a_ping_and_then_the_end() {
        let (mut pulse, now) = start();
        pulse.sent(now);
        pulse.sent(now + seconds(14));
        assert_eq!(pulse.check(now + seconds(14)), Due::Nothing);
        assert_eq!(pulse.check(now + seconds(15)), Due::Ping);
        assert_eq!(pulse.check(now + seconds(44)), Due::Nothing);
        assert_eq!(pulse.check(now + seconds(45)), Due::Silent);
    }

    #[test]
    fn any_byte_is_a_sign_of_life() {
        let (mut pulse, now) = start();
        pulse.sent(now);
        assert_eq!(pulse.check(now + seconds(15)), Due::Ping);
        pulse.heard(now + seconds(44));
        assert_eq!(pulse.check(now + seconds(45)), Due::Nothing);
    }

    #[test]
    fn a_frame_may_be_slow_but_not_stand_still() {
        let (mut pulse, now) = start();
        pulse.waits_for_bytes(true, now);
        for second in [15, 30, 45] {
            assert_eq!(pulse.check(now + seconds(second)), Due::Nothing);
            pulse.heard(now + seconds(second));
            pulse.waits_for_bytes(true, now + seconds(second));
        }
        assert_eq!(pulse.check(now + seconds(65)), Due::FrameStalled);
    }

    #[test]
    fn a_frame_that_drips_ends_at_last() {
        let (mut pulse, now) = start();
        for second in 0..120 {
            pulse.heard(now + seconds(second));
            pulse.waits_for_bytes(true, now + seconds(second));
            assert_eq!(pulse.check(now + seconds(second)), Due::Nothing);
        }
        assert_eq!(pulse.check(now + seconds(120)), Due::FrameStalled);
    }

    #[test]
    fn a_lagging_owner_never_kills_a_link_but_the_peer_hears_from_it() {
        let (mut pulse, now) = start();
        pulse.sent(now);
        pulse.pauses(now);
        for round in 1..100 {
            assert_eq!(pulse.check(now + seconds(8 * round)), Due::SignOfLife);
        }
        pulse.waits_for_bytes(false, now + seconds(800));
        assert_eq!(pulse.check(now + seconds(800)), Due::Nothing);
    }
}
