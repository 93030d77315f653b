//! Looking again and again while somebody looks.

use std::time::Duration;

use tokio::time::Instant;

/// How often the roads are read again while they are shown: how long a relay has been up grows by itself.
const EVERY: Duration = Duration::from_secs(30);

/// Says when it is time to look again.
#[derive(Default)]
pub(super) struct Watch {
    next: Option<Instant>,
}

impl Watch {
    /// From now on somebody looks, or nobody.
    pub(super) fn set(&mut self, on: bool) {
        self.next = on.then(|| Instant::now() + EVERY);
    }

    /// Waits until it is time; for ever if nobody looks. Can be cancelled.
    pub(super) async fn due(&mut self) {
        let Some(at) = self.next else { return std::future::pending().await };
        tokio::time::sleep_until(at).await;
        self.next = Some(Instant::now() + EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_time_again_while_somebody_looks_and_never_otherwise() {
        let past = || Instant::now().checked_sub(EVERY).expect("a clock that runs for a while");
        let is_due =
            async |watch: &mut Watch| tokio::time::timeout(Duration::ZERO, watch.due()).await.is_ok();
        let mut watch = Watch::default();
        watch.set(true);
        assert!(!is_due(&mut watch).await, "it was read when somebody came");
        watch.next = Some(past());
        assert!(is_due(&mut watch).await);
        assert!(!is_due(&mut watch).await, "once");
        watch.next = Some(past());
        assert!(is_due(&mut watch).await, "and again");
        watch.next = Some(past());
        watch.set(false);
        assert!(!is_due(&mut watch).await, "nobody looks");
    }
}
