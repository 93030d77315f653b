//! Counters without identities: what an operator needs to see that the relay is well.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use proto::mailbox::server::Stats;

/// Counts since the relay started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    links: AtomicU64,
    links_all: AtomicU64,
    refused_connections: AtomicU64,
    sent_away: AtomicU64,
    commits: AtomicU64,
    envelopes: AtomicU64,
    accepted: AtomicU64,
}

/// A look at the counters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Snapshot {
    /// Connections now.
    pub links: u64,
    /// Connections since the start.
    pub links_all: u64,
    /// Connections that were dropped before they could ask anything.
    pub refused_connections: u64,
    /// Connections that were closed because they broke the protocol or did not read.
    pub sent_away: u64,
    /// Commits to disk.
    pub commits: u64,
    /// Envelopes that can be fetched, as of the newest commit.
    pub envelopes: u64,
    /// Envelopes accepted since the start, as of the newest commit.
    pub accepted: u64,
}

impl Counters {
    pub(crate) fn link_up(&self) {
        self.links.fetch_add(1, Relaxed);
        self.links_all.fetch_add(1, Relaxed);
    }

    pub(crate) fn link_down(&self) {
        self.links.fetch_sub(1, Relaxed);
    }

    pub(crate) fn refused_connections(&self, count: u64) {
        self.refused_connections.fetch_add(count, Relaxed);
    }

    pub(crate) fn sent_away(&self) {
        self.sent_away.fetch_add(1, Relaxed);
    }

    /// A commit is on disk, and the mailbox stands so.
    pub(crate) fn commit(&self, stats: &Stats) {
        self.commits.fetch_add(1, Relaxed);
        self.envelopes.store(stats.envelopes, Relaxed);
        self.accepted.store(stats.accepted, Relaxed);
    }

    pub(crate) fn look(&self) -> Snapshot {
        Snapshot {
            links: self.links.load(Relaxed),
            links_all: self.links_all.load(Relaxed),
            refused_connections: self.refused_connections.load(Relaxed),
            sent_away: self.sent_away.load(Relaxed),
            commits: self.commits.load(Relaxed),
            envelopes: self.envelopes.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
        }
    }

    /// Writes one line into the log.
    pub(crate) fn tell(&self, stats: &Stats, waiting_bytes: usize) {
        let Snapshot { links, links_all, refused_connections, sent_away, commits, .. } = self.look();
        let Stats { envelopes, bytes, followers, accepted, reserved, full, bad, busy, uptime, .. } = *stats;
        let uptime_minutes = uptime.as_secs() / 60;
        tracing::info!(
            links,
            followers,
            envelopes,
            bytes,
            accepted,
            reserved,
            full,
            bad,
            busy,
            links_all,
            refused_connections,
            sent_away,
            waiting_bytes,
            commits,
            uptime_minutes,
            "counters"
        );
    }
}
