//! How the log is read when a store opens: from where the index left it to its end, which is mended.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crypto::vault::BLOCK_BYTES;

use crate::disk::Disk;
use crate::error::{GAPS_MAX, Gap, OpenError, OpenReport};
use crate::index::State;
use crate::leaves::COMMON;
use crate::nodes::Candidates;
use crate::recent::Entry;
use crate::record::{Record, SegmentEnd, Spot, records};
use crate::sealed::{FORMAT, SealedStore};
use crate::segment::{Commit, FIRST_BLOCK, Point, Segment, file_name, parse_file_name};

impl SealedStore {
    /// Takes the index's word up to its point, and the log's from there on.
    ///
    /// Returns whether the index can be believed. Before a segment is retired the index is brought up to date and
    /// synced; one that has not heard of a retirement, but for the very next commit, has forgotten what it knew.
    /// It may then hold what was removed by records that are gone with their segment.
    pub(crate) fn follow_from(&mut self, state: State, report: &mut OpenReport) -> Result<bool, OpenError> {
        let mut survey = self.survey()?;
        let first = state.point.segment;
        survey.believed.extend(state.segments.keys());
        for old in survey.present.iter().filter(|old| **old < first) {
            if !state.segments.contains_key(old) {
                // Its retirement was committed, and then the power went before its file did.
                self.remove_segment(*old)?;
            }
        }
        let known: Vec<u64> = state.segments.keys().copied().collect();
        self.point = state.point;
        self.jobs.told = state.point;
        self.segments = state.segments;
        let retired = self.follow(&survey, report)?;
        let is_next = |number: &u64| *number == state.point.number + 1;
        let is_explained = |segment: &u64| survey.present.contains(segment) || retired.contains_key(segment);
        Ok(retired.values().all(is_next) && known.iter().all(is_explained))
    }

    /// Which segments there are and what the newest manifest says about them.
    pub(crate) fn survey(&self) -> Result<Survey, OpenError> {
        let present = segments_of(self.disk.as_ref())?;
        let mut survey = Survey::default();
        for segment in present.iter().rev() {
            let Some(opened) = self.open_segment(*segment)? else { continue };
            let Some(commit) = opened.commit(FIRST_BLOCK, opened.blocks()?, &self.keys.chain)? else {
                continue;
            };
            if let Some(Some((_, Record::Manifest { version, segments }))) = records(&commit.body).next() {
                if version != FORMAT {
                    return Err(OpenError::Newer { found: version.into(), known: FORMAT.into() });
                }
                survey.believed.extend(segments.iter().map(|end| end.segment));
                survey.believed.extend(present.iter().filter(|later| *later >= segment));
                survey.ends = segments.into_iter().map(|end| (end.segment, end)).collect();
                survey.has_manifest = true;
                break;
            }
        }
        survey.present = present;
        Ok(survey)
    }

    /// Replays every commit after the present point, mends the end of the log and removes what was retired.
    ///
    /// Returns the segments whose retirement it read, each with the number of the commit that says so.
    pub(crate) fn follow(
        &mut self,
        survey: &Survey,
        report: &mut OpenReport,
    ) -> Result<BTreeMap<u64, u64>, OpenError> {
        let first = self.point.segment;
        let mut unreadable = Vec::new();
        // Of a file that is gone it is known only later whether it was missed.
        let is_gone = |known: &u64| !survey.present.contains(known);
        let has_lost = survey.ends.keys().any(is_gone);
        let mut walk = Walk { from: self.point, has_lost, ..Walk::default() };
        let mut end_of_last = 0;
        for segment in survey.present.iter().filter(|segment| **segment >= first) {
            if survey.has_manifest && !survey.believed.contains(segment) {
                self.remove_segment(*segment)?;
                continue;
            }
            let Some(opened) = self.open_segment(*segment)? else {
                unreadable.push(*segment);
                continue;
            };
            walk.segment = *segment;
            walk.at = if *segment == first { self.point.next } else { FIRST_BLOCK };
            walk.end = opened.blocks()?.min(survey.ends.get(segment).map_or(u32::MAX, |end| end.blocks));
            let before = self.point;
            self.follow_segment(&opened, &mut walk, survey, report)?;
            if self.point == before && *segment != first {
                unreadable.push(*segment);
            } else {
                end_of_last = walk.at;
            }
        }
        self.mend_tail(end_of_last, &unreadable, report)?;
        self.settle_nodes(&walk.nodes)?;
        for segment in walk.retired.keys() {
            self.segments.remove(segment);
            if survey.present.contains(segment) {
                self.remove_segment(*segment)?;
            }
        }
        self.disk.sync_names()?;
        Ok(walk.retired)
    }

    fn follow_segment(
        &mut self,
        opened: &Segment,
        walk: &mut Walk,
        survey: &Survey,
        report: &mut OpenReport,
    ) -> Result<(), OpenError> {
        loop {
            let Some(commit) = opened.commit(walk.at, walk.end, &self.keys.chain)? else {
                // Later commits behind a bad block: it was durable once, so this is damage and no torn end.
                match opened.find_start(walk.at.saturating_add(1), walk.end, self.point.number)? {
                    Some(next) => walk.at = next,
                    None => return Ok(()),
                }
                continue;
            };
            if commit.number <= self.point.number {
                return Ok(());
            }
            self.note_gap(&commit, survey, report);
            walk.has_lost |= report.is_loss();
            report.replayed_commits += 1;
            self.replay(walk, &commit)?;
            walk.at += commit.blocks;
            let waiting = self.recent.active.len();
            if waiting >= self.options.checkpoint_records
                || self.recent.log_bytes >= self.options.checkpoint_bytes
            {
                self.replay_checkpoint(walk.from)?;
            }
        }
    }

    fn note_gap(&self, commit: &Commit, survey: &Survey, report: &mut OpenReport) {
        let commits = self.lost_before(commit, survey);
        report.lost_commits += commits;
        if commits > 0 && report.gaps.len() < GAPS_MAX {
            let mut between = [0; 32];
            between[..16].copy_from_slice(&self.point.link);
            between[16..].copy_from_slice(&commit.link_before);
            report.gaps.push(Gap { between, commits });
        }
    }

    /// How many commits are missing between the present point and this commit.
    fn lost_before(&self, commit: &Commit, survey: &Survey) -> u64 {
        if commit.link_before == self.point.link {
            return 0;
        }
        // The one before it may stand in a segment that was retired, or is missing and counted as such.
        if let Some(Some((_, Record::Manifest { segments, .. }))) = records(&commit.body).next() {
            let before = segments.last().map(|end| end.segment);
            let known = |segment| survey.believed.contains(&segment) && survey.present.contains(&segment);
            if before.is_none_or(|before| !known(before)) {
                return 0;
            }
        }
        commit.number.saturating_sub(self.point.number + 1).max(1)
    }

    fn replay(&mut self, walk: &mut Walk, commit: &Commit) -> Result<(), OpenError> {
        for found in records(&commit.body) {
            let (range, record) = found.ok_or(OpenError::Damaged("a record of its log"))?;
            let place = Entry::Place {
                segment: walk.segment,
                at: commit.place(range.start),
                bytes: range.len() as u32,
            };
            let (spot, entry) = match record {
                Record::Put { spot, leaf, .. } => {
                    // That it was given out may be among what is lost.
                    if walk.has_lost {
                        self.replay_leaf(leaf)?;
                        self.recent.active.insert(self.keys.free_spot(leaf), Entry::Gone);
                    }
                    (spot, place)
                }
                Record::Delete { spot } => (spot, Entry::Gone),
                Record::Node { node, .. } => {
                    walk.nodes.entry(node).or_default().push(place);
                    continue;
                }
                Record::Schema { version } => (self.keys.schema_spot(), Entry::Number(version)),
                Record::Leaf { group, leaf } => {
                    self.replay_leaf(leaf)?;
                    self.recent.active.insert(self.keys.doomed_spot(leaf), Entry::Gone);
                    self.recent.active.insert(self.keys.free_spot(leaf), Entry::Gone);
                    (Spot { name: group, order: 0 }, Entry::Number(leaf))
                }
                Record::Left { group } => (Spot { name: group, order: 0 }, Entry::Gone),
                Record::Doomed { leaf } => {
                    self.replay_leaf(leaf)?;
                    self.recent.active.insert(self.keys.free_spot(leaf), Entry::Gone);
                    (self.keys.doomed_spot(leaf), Entry::Number(0))
                }
                Record::Free { leaf } => {
                    self.replay_leaf(leaf)?;
                    self.recent.active.insert(self.keys.doomed_spot(leaf), Entry::Gone);
                    (self.keys.free_spot(leaf), Entry::Number(0))
                }
                Record::Retired { segment } => {
                    walk.retired.insert(segment, commit.number);
                    continue;
                }
                Record::Manifest { .. } => continue,
            };
            self.recent.active.insert(spot, entry);
        }
        self.recent.log_bytes += u64::from(commit.blocks) * BLOCK_BYTES as u64;
        self.point = commit.point(walk.segment);
        self.note_end();
        Ok(())
    }

    fn replay_leaf(&mut self, leaf: u32) -> Result<(), OpenError> {
        let count = self.keys.leaves_spot();
        let taken = match self.entry(&count)? {
            Some(Entry::Number(taken)) => taken,
            _ => 0,
        };
        if leaf >= taken && leaf < COMMON {
            self.recent.active.insert(count, Entry::Number(leaf + 1));
        }
        Ok(())
    }

    /// Gives the replayed changes to the index.
    ///
    /// In the midst of a replay its point stays where that began: which nodes stand is known only at the end, so a
    /// replay that is cut off begins there again.
    pub(crate) fn replay_checkpoint(&mut self, point: Point) -> Result<(), OpenError> {
        let frozen = self.recent.freeze();
        let state = State { point, segments: self.segments.clone() };
        let applied = self.index.apply(&frozen, &state);
        self.jobs.told = point;
        self.recent.frozen = None;
        let live = applied.map_err(|_| OpenError::Damaged("its index, which cannot be written"))?;
        self.count_live(&live);
        Ok(())
    }

    /// Cuts what was never acknowledged off the end and makes sure that the rest is durable.
    fn mend_tail(&mut self, end: u32, unreadable: &[u64], report: &mut OpenReport) -> Result<(), OpenError> {
        let head = self.keys.vault.head();
        for segment in unreadable {
            let name = file_name(*segment);
            report.torn_tail = true;
            if self.unread.is_met() {
                continue;
            }
            // A segment that was being made when the power went; or, if commits are missing, one to look at.
            if head > self.point.number {
                self.disk.rename(&name, &format!("{name}-unreadable"))?;
            } else {
                self.disk.remove(&name)?;
            }
        }
        if self.point.number == 0 {
            return Ok(());
        }
        let file = self.disk.open(&file_name(self.point.segment))?;
        let bytes = u64::from(end.max(self.point.next)) * BLOCK_BYTES as u64;
        if file.len()? > bytes {
            report.torn_tail = true;
            // Where commits are known to be missing, or the disk cannot read all, what stands there stays: nothing is ever
            // written behind it.
            if head <= self.point.number && !self.unread.is_met() {
                file.set_len(bytes)?;
            }
        }
        // What a killed process wrote may still be on its way: nothing may be built on it before it is durable.
        file.sync()?;
        Ok(())
    }

    pub(crate) fn open_segment(&self, segment: u64) -> io::Result<Option<Segment>> {
        Segment::open(self.disk.as_ref(), segment, &self.keys, &self.unread)
    }

    /// Removes the file of a segment that is no longer part of the log, unless what says so may not be all there is to read.
    fn remove_segment(&self, segment: u64) -> io::Result<()> {
        if self.unread.is_met() { Ok(()) } else { self.disk.remove(&file_name(segment)) }
    }
}

/// What was found in the folder before the log is read.
#[derive(Default)]
pub(crate) struct Survey {
    pub(crate) present: Vec<u64>,
    /// Where the newest manifest says that older segments end.
    pub(crate) ends: BTreeMap<u64, SegmentEnd>,
    /// Segments that belong to the log.
    believed: BTreeSet<u64>,
    has_manifest: bool,
}

/// The log while it is read from front to back: where in which segment, and what was found on the way.
#[derive(Default)]
struct Walk {
    /// Where the reading began.
    from: Point,
    segment: u64,
    at: u32,
    end: u32,
    /// Commits before this place are lost, or may be.
    has_lost: bool,
    retired: BTreeMap<u64, u64>,
    nodes: Candidates,
}

pub(crate) fn segments_of(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let mut segments: Vec<u64> = disk.list()?.iter().filter_map(|name| parse_file_name(name)).collect();
    segments.sort_unstable();
    Ok(segments)
}
