//! After parts of the log were lost: what could be used twice is taken out, and the rest lives on as from a backup.
//!
//! A log that has lost commits, or ends before the last that is known of, shows some records as they once were. Of a
//! ratchet, a chain or a slot that is the state of keys that were used since. So nothing of the kind is read: a
//! profile that has lost something keeps what a backup would keep, with the mark of one, and meets its contacts again
//! by a repair before anything else is sent.

mod known;

use std::collections::BTreeSet;

use crypto::identity::{AccountId, Identity};
use proto::id::Party;
use proto::store::{Batch, Store, StoreError, Table};

pub(crate) use self::known::{Gap, Loss, Untold};
use super::backup::REACH_LEAP;
use super::{Engine, ME_COUNTERS, ME_IDENTITY, ME_NAME, ME_RESTORED};
use crate::contact::{ContactRecord, ContactState};
use crate::content::ConversationId;
use crate::conversation::{Conversation, decode, encode};
use crate::pair::{Pair, slots_name};
use crate::tables;

/// The mark of a profile in which something was lost, until all that could be used twice is out.
const CLEARING: u8 = 2;
/// Records of one commit while a profile is cleared.
const COMMIT_RECORDS: usize = 4_096;
const PAGE: usize = 1_024;
/// Numbers of generations that may have been given out by what is lost.
const LEAP: u32 = 256;

/// What stands under no name, or is named by an order of its own, and could be used twice.
const ALONE: [&Table; 8] = [
    &tables::LIVE,
    &tables::GENERATION,
    &tables::STREAM,
    &tables::INVITE,
    &tables::JOIN,
    &tables::CURSOR,
    &proto::tables::OUTBOX,
    &proto::tables::OUTBOX_MARK,
];
/// The same, of what stands under the name of a party.
const OF_PARTY: [&Table; 4] = [&tables::SENT, &tables::FLIGHT, &tables::HELD, &tables::EARLY];

impl Engine {
    /// Whether the clearing of the profile in `store` has begun and not ended.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) fn is_half_cleared(store: &dyn Store) -> Result<bool, StoreError> {
        Ok(store.get(&tables::ME, b"", ME_RESTORED)?.is_some_and(|mark| mark == [CLEARING]))
    }

    /// Takes out of a profile that has lost something what could be used twice, and marks it as restored. Several
    /// commits: until the last of them the profile must not be loaded, and [`Engine::is_half_cleared`] says so.
    ///
    /// # Errors
    /// Those of the store; [`StoreError::Corrupt`] if who we are is among what was lost.
    pub(crate) fn survive_loss(store: &mut dyn Store) -> Result<(), StoreError> {
        let mut clearing = Clearing { store, batch: Batch::new() };
        clearing.batch.put(&tables::ME, b"", ME_RESTORED, vec![CLEARING]);
        clearing.commit()?;
        clearing.keep_readable()?;
        let contacts = clearing.keep_contacts()?;
        let parties = clearing.keep_pairs(&contacts)?;
        for party in &parties {
            OF_PARTY.into_iter().try_for_each(|table| clearing.clear(table, &tables::name(*party)))?;
        }
        ALONE.into_iter().try_for_each(|table| clearing.clear(table, b""))?;
        clearing.count(parties.last().copied())?;
        clearing.commit()
    }
}

struct Clearing<'a> {
    store: &'a mut dyn Store,
    batch: Batch,
}

impl Clearing<'_> {
    fn commit(&mut self) -> Result<(), StoreError> {
        self.store.commit(std::mem::take(&mut self.batch))
    }

    /// All orders under a name, whether their values can be read or not.
    fn orders(&self, table: &Table, name: &[u8]) -> Result<Vec<u64>, StoreError> {
        let mut all = Vec::new();
        loop {
            let from = all.last().map_or(0, |last: &u64| last + 1);
            let page = self.store.orders(table, name, from, PAGE)?;
            all.extend(&page);
            if page.len() < PAGE {
                return Ok(all);
            }
        }
    }

    /// Takes out all that stands under a name.
    fn clear(&mut self, table: &Table, name: &[u8]) -> Result<(), StoreError> {
        for order in self.orders(table, name)? {
            self.batch.delete(table, name, order);
            if self.batch.len() >= COMMIT_RECORDS {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Whether a value can be read. An index that fails is built anew before it is believed.
    fn is_readable(&mut self, table: &Table, name: &[u8], order: u64) -> Result<bool, StoreError> {
        if !matches!(self.store.get(table, name, order), Err(StoreError::Corrupt(_))) {
            return Ok(true);
        }
        self.batch.put(&tables::ME, b"", ME_RESTORED, vec![CLEARING]);
        self.commit()?;
        match self.store.get(table, name, order) {
            Err(StoreError::Corrupt(_)) => Ok(false),
            found => found.map(|_| true),
        }
    }

    /// Takes out what stands in a table that is kept and cannot be read any more: it was written anew, its old key
    /// destroyed, and the new record is lost.
    fn keep_readable(&mut self) -> Result<(), StoreError> {
        let alone = [
            &tables::ME,
            &tables::CONVERSATION,
            &tables::CONTACT,
            &tables::PAIR,
            &tables::DRAFT,
            &tables::DESK,
        ];
        let mut kept: Vec<(&Table, Vec<u8>)> = alone.map(|table| (table, Vec::new())).into();
        for number in self.orders(&tables::CONVERSATION, b"")? {
            let name = tables::name(number as u32).to_vec();
            let of_it = [&tables::MESSAGE, &tables::TRAIL, &tables::GONE, &tables::FADE];
            kept.extend(of_it.map(|table| (table, name.clone())));
        }
        for (table, name) in kept {
            for order in self.orders(table, &name)? {
                if !self.is_readable(table, &name, order)? {
                    self.batch.delete(table, &name, order);
                    if table.id == tables::MESSAGE.id {
                        // A message that is not there is on no way, and never fades.
                        self.batch.delete(&tables::TRAIL, &name, order);
                        self.batch.delete(&tables::FADE, &name, order);
                    }
                    self.commit()?;
                }
            }
        }
        self.drop_ways()?;
        if self.store.get(&tables::ME, b"", ME_NAME)?.is_none() {
            self.batch.put(&tables::ME, b"", ME_NAME, b"?".to_vec());
        }
        Ok(())
    }

    /// Takes out the way and the count of each message that is not there: the commit that wrote it may be the one that is
    /// lost, or the index may have been made anew without it.
    fn drop_ways(&mut self) -> Result<(), StoreError> {
        for number in self.orders(&tables::CONVERSATION, b"")? {
            let name = tables::name(number as u32);
            let there: BTreeSet<u64> = self.orders(&tables::MESSAGE, &name)?.into_iter().collect();
            for table in [&tables::TRAIL, &tables::FADE] {
                for order in self.orders(table, &name)?.into_iter().filter(|order| !there.contains(order)) {
                    self.batch.delete(table, &name, order);
                    if self.batch.len() >= COMMIT_RECORDS {
                        self.commit()?;
                    }
                }
            }
        }
        self.commit()
    }

    /// Gives a conversation back to contacts whose own was lost. A contact whose conversation has become another's was
    /// removed, and only that was lost. Returns those who can be met again.
    fn keep_contacts(&mut self) -> Result<BTreeSet<u32>, StoreError> {
        let me = self.store.get(&tables::ME, b"", ME_IDENTITY)?.ok_or(crate::CORRUPT)?;
        let me = Identity::from_bytes(&me).map_err(|_| crate::CORRUPT)?.account_id();
        let mut met = BTreeSet::new();
        for order in self.orders(&tables::CONTACT, b"")? {
            let bytes = self.store.get(&tables::CONTACT, b"", order)?.ok_or(crate::CORRUPT)?;
            let contact: ContactRecord = decode(&bytes)?;
            let party = order as u32;
            if let (Some(number), Ok(account)) = (contact.conversation, <[u8; 32]>::try_from(contact.account))
            {
                let id = ConversationId::between(&me, &AccountId::new(account));
                let found = self.store.get(&tables::CONVERSATION, b"", number.into())?;
                let found = found.map(|bytes| decode::<Conversation>(&bytes)).transpose()?;
                if found.as_ref().is_some_and(|conversation| conversation.id != id) {
                    self.batch.delete(&tables::CONTACT, b"", order);
                    continue;
                }
                if found.is_none() {
                    let conversation = encode(&Conversation::new(id, party));
                    self.batch.put(&tables::CONVERSATION, b"", number.into(), conversation);
                }
            }
            if contact.state == ContactState::Live {
                met.insert(party);
            }
        }
        Ok(met)
    }

    /// Keeps of each pair what a backup would keep. Returns all parties that may have records.
    fn keep_pairs(&mut self, contacts: &BTreeSet<u32>) -> Result<BTreeSet<u32>, StoreError> {
        let mut generations = self.orders(&tables::GENERATION, b"")?;
        generations.extend(self.orders(&tables::LIVE, b"")?);
        let mut parties: BTreeSet<u32> = generations.iter().map(|order| (order >> 32) as u32).collect();
        for table in [&tables::PAIR, &tables::STREAM, &tables::CONTACT] {
            parties.extend(self.orders(table, b"")?.into_iter().map(|order| order as u32));
        }
        for party in &parties {
            let begun = generations.iter().filter(|order| (*order >> 32) as u32 == *party);
            let mut next = begun.max().map_or(0, |order| *order as u32 + 1);
            let keys = self.store.get(&tables::PAIR, b"", u64::from(*party))?;
            let keys = keys.map(|bytes| Pair::keys_after_loss(&bytes, next, LEAP)).transpose()?;
            match keys {
                Some((keys, after)) if contacts.contains(party) => {
                    next = after;
                    self.batch.put(&tables::PAIR, b"", u64::from(*party), keys);
                }
                _ => self.batch.delete(&tables::PAIR, b"", u64::from(*party)),
            }
            for number in 0..next.saturating_add(LEAP) {
                self.clear(&tables::SLOT, &slots_name(Party(*party), number))?;
            }
        }
        Ok(parties)
    }

    /// Sets the counters beyond what was lost, and the mark that is acted on when the profile is loaded.
    fn count(&mut self, last: Option<u32>) -> Result<(), StoreError> {
        let counters = self.store.get(&tables::ME, b"", ME_COUNTERS)?;
        // Where they are lost as well: a repair lets contacts forget which reach they knew.
        let (next_party, reach): (u32, u64) = counters.map_or(Ok((1, 1)), |bytes| decode(&bytes))?;
        let next_party = next_party.max(last.map_or(0, |last| last + 1));
        let counters = (next_party, reach.saturating_add(REACH_LEAP));
        self.batch.put(&tables::ME, b"", ME_COUNTERS, encode(&counters));
        self.batch.put(&tables::ME, b"", ME_RESTORED, vec![1]);
        Ok(())
    }
}

#[cfg(test)]
#[cfg(feature = "node")]
mod tests {
    use std::fs;
    use std::path::Path;

    use proto::store::{LeafRule, MemoryStore};
    use store::{Options, SealedStore};

    use super::super::duo::Duo;
    use super::super::{Answer, Command, Policy};
    use super::*;
    use crate::event::{Place, Step};

    /// Two friends who have spoken, with a generation behind them; the number of commits of the first is given back.
    fn friends() -> (Duo, usize) {
        let mut duo = Duo::new(Policy { rekey_messages: 6, ..Policy::default() });
        let met = duo.sides[0].commits.len();
        for round in 0..5 {
            duo.write(0, &format!("to bob {round}"));
            duo.write(1, &format!("to alice {round}"));
        }
        (duo, met)
    }

    /// What one has lost something of is put in its place: they must meet again and speak, and no slot is used twice.
    fn go_on(duo: Duo, disk: MemoryStore) {
        assert!(meets_again(duo, disk), "the keys for it are there");
    }

    /// The same; false where the keys for a repair are among what was lost, and the person is told to ask for an invite.
    fn meets_again(mut duo: Duo, disk: MemoryStore) -> bool {
        let told = duo.sides.each_ref().map(|side| side.events.len());
        duo.put_disk(0, disk);
        duo.unmute(0);
        if format!("{:?}", &duo.sides[0].events[told[0]..]).contains("NeedsInvite") {
            return false;
        }
        duo.write(0, "after it");
        duo.write(1, "I read it");
        duo.write(0, "and on");
        for at in 0..2 {
            let texts: Vec<String> = duo.texts(at).into_iter().map(|(_, text)| text).collect();
            for text in ["after it", "I read it", "and on"] {
                assert_eq!(texts.iter().filter(|found| *found == text).count(), 1, "{at} {texts:?}");
            }
            let once: BTreeSet<&String> = texts.iter().collect();
            assert_eq!(once.len(), texts.len(), "{texts:?}");
        }
        let told_since = |at: usize| format!("{:?}", &duo.sides[at].events[told[at]..]);
        assert!(told_since(0).contains("MetAgain"), "{}", told_since(0));
        assert!(told_since(1).contains("ContactRestored"), "{}", told_since(1));
        true
    }

    fn replay(commits: &[Batch], lost: impl Fn(usize) -> bool) -> MemoryStore {
        let mut store = MemoryStore::new();
        for (_, batch) in commits.iter().enumerate().filter(|(at, _)| !lost(*at)) {
            store.commit(batch.clone()).expect("memory takes all");
        }
        store
    }

    #[test]
    fn whichever_commit_is_lost_two_friends_meet_again_and_use_no_slot_twice() {
        let (duo, met) = friends();
        let all = duo.sides[0].commits.len();
        drop(duo);
        for lost in met..all {
            let (duo, _) = friends();
            let mut disk = replay(&duo.sides[0].commits, |at| at == lost);
            Engine::survive_loss(&mut disk).expect("who we are is there");
            go_on(duo, disk);
        }
    }

    #[test]
    fn however_much_of_the_end_is_lost_they_do_so_too() {
        let (duo, met) = friends();
        let all = duo.sides[0].commits.len();
        drop(duo);
        for end in met..all {
            let (duo, _) = friends();
            let mut disk = replay(&duo.sides[0].commits, |at| at >= end);
            Engine::survive_loss(&mut disk).expect("who we are is there");
            go_on(duo, disk);
        }
    }

    /// An own message of which nothing is left but that it is on its way.
    fn with_an_orphan() -> (Duo, u32, Place, usize) {
        let (mut duo, _) = friends();
        duo.mute(0);
        let (conversation, lost) = (duo.conversation(), duo.sides[0].commits.len());
        duo.ask(0, Command::Send { conversation, text: "is lost".into(), reply_to: None });
        let number = duo.sides[0].engine.by_conversation[&conversation];
        let place = Place(duo.sides[0].engine.conversations[&number].last_place);
        duo.act(0, |engine, turn| {
            engine.note_at(number, place, Step::OnRelay(1), turn).expect("memory works");
        });
        (duo, number, place, lost)
    }

    #[test]
    fn a_message_that_is_lost_while_its_way_is_not_keeps_nobody_from_going_on() {
        let (duo, number, place, lost) = with_an_orphan();
        let mut disk = replay(&duo.sides[0].commits, |at| at == lost);
        let way = |disk: &MemoryStore| disk.get(&tables::TRAIL, &tables::name(number), place.0);
        assert!(way(&disk).expect("memory works").is_some(), "the later commit has it");
        Engine::survive_loss(&mut disk).expect("who we are is there");
        assert_eq!(way(&disk).expect("memory works"), None);
        go_on(duo, disk);
    }

    #[test]
    fn word_of_a_message_that_is_not_there_any_more_ends_no_node() {
        let (mut duo, number, place, _) = with_an_orphan();
        duo.act(0, |_, turn| turn.overlay.delete(&tables::MESSAGE, &tables::name(number), place.0));
        duo.unmute(0);
        duo.write(0, "goes on");
        assert!(duo.texts(1).contains(&(false, "goes on".into())));
    }

    /// The record of what waits is not kept after a loss, and neither in a backup.
    #[test]
    fn a_last_resort_that_may_not_have_come_is_given_again_and_is_the_same() {
        for by_backup in [false, true] {
            let (mut duo, _) = friends();
            let party = Party(1);
            let theirs = |duo: &mut Duo| {
                let pair = duo.sides[1].engine.pairs.get_mut(&party).expect("they have met");
                pair.keys_mut().their_last_resort.take()
            };
            let given = theirs(&mut duo).expect("all was given");
            if by_backup {
                duo.lose_disk(0);
            } else {
                let end = duo.sides[0].commits.len() - 1;
                let mut disk = replay(&duo.sides[0].commits, |at| at == end);
                Engine::survive_loss(&mut disk).expect("who we are is there");
                duo.put_disk(0, disk);
            }
            assert_eq!(theirs(&mut duo), Some(given.clone()), "an older backup of theirs finds it as well");
            duo.sides[1].engine.pairs.get_mut(&party).expect("there").keys_mut().their_last_resort =
                Some(given);
            // Now it is the other who needs it.
            duo.write(1, "kept");
            duo.lose_disk(1);
            duo.write(1, "and met again");
            assert!(duo.texts(0).iter().any(|(_, text)| text == "and met again"));
        }
    }

    #[test]
    fn a_clearing_that_was_cut_off_is_known_and_done_again() {
        let (duo, _) = friends();
        let mut whole = replay(&duo.sides[0].commits, |_| false);
        assert!(!Engine::is_half_cleared(&whole).expect("memory works"));
        let commits = whole.commits();
        Engine::survive_loss(&mut whole).expect("it is whole");
        assert!(!Engine::is_half_cleared(&whole).expect("memory works"));
        assert!(whole.commits() - commits >= 2, "the mark is on disk before anything is taken out");
        let mut cut = replay(&duo.sides[0].commits, |_| false);
        cut.fail_after(1);
        assert!(Engine::survive_loss(&mut cut).is_err());
        let mut cut = cut.reopen();
        assert!(Engine::is_half_cleared(&cut).expect("memory works"));
        Engine::survive_loss(&mut cut).expect("it can be done again");
        go_on(duo, cut);
    }

    const TEST: Options = Options {
        migrations: &[],
        segment_bytes: 64 << 20,
        checkpoint_records: 32 * 1024,
        checkpoint_bytes: 32 << 20,
        head_commits: 8,
        shred_commits: 5,
        in_background: false,
        tells_damage: true,
    };

    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).expect("a folder").flatten() {
            if entry.path().extension().is_some_and(|end| end == "log") || entry.file_name() == "key" {
                fs::copy(entry.path(), to.join(entry.file_name())).expect("a file");
            }
        }
    }

    /// All that can be read of the records that were ever written.
    fn read(store: &SealedStore, commits: &[Batch]) -> MemoryStore {
        let mut batch = Batch::new();
        for (key, leaf, _) in commits.iter().flat_map(Batch::iter) {
            let table = Table { id: key.0, name: "", leaf };
            let value = store.get(&table, &key.1, key.2);
            if let Some(value) = value.unwrap_or_else(|error| panic!("{key:?}: {error}")) {
                batch.put(&table, &key.1, key.2, value);
            }
        }
        let mark = Table { id: tables::ME.id, name: "", leaf: LeafRule::Shared };
        if let Some(value) = store.get(&tables::ME, b"", ME_RESTORED).expect("it can be read") {
            batch.put(&mark, b"", ME_RESTORED, value);
        }
        let mut memory = MemoryStore::new();
        memory.commit(batch).expect("memory takes all");
        memory
    }

    #[test]
    fn a_damaged_block_of_a_sealed_log_leads_to_a_repair_also_where_older_keys_are_destroyed() {
        damage_each_of_the_last_blocks(|| friends().0);
    }

    /// What was deleted lost its key at once, and what lay beside it was sealed anew: if the commit that says so is lost,
    /// neither can be read.
    #[test]
    fn a_deletion_that_is_lost_leaves_a_profile_that_opens_and_goes_on() {
        damage_each_of_the_last_blocks(|| {
            let (mut duo, _) = friends();
            duo.mute(0);
            let conversation = duo.conversation();
            let say = |duo: &mut Duo, text: &str| match duo
                .ask(0, Command::Send { conversation, text: text.into(), reply_to: None })
            {
                Answer::Sent(id) => id,
                other => panic!("{other:?}"),
            };
            say(&mut duo, "waits");
            let regretted = say(&mut duo, "is regretted");
            say(&mut duo, "waits too");
            duo.ask(0, Command::DeleteMessage(regretted));
            say(&mut duo, "comes last");
            duo
        });
    }

    fn damage_each_of_the_last_blocks(friends: impl Fn() -> Duo) {
        let duo = friends();
        let origin = tempfile::tempdir().expect("a folder");
        let cost = crypto::vault::Cost::for_tests();
        let mut store =
            SealedStore::create(origin.path(), b"lamp", cost, TEST, &mut rand::rng()).expect("new");
        for batch in &duo.sides[0].commits {
            store.commit(batch.clone()).expect("it fits");
            store.shred().expect("the disk works");
        }
        store.close().expect("the disk works");
        let log = |folder: &Path| {
            let found = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
            found.filter(|path| path.extension().is_some_and(|end| end == "log")).max().expect("a log")
        };
        let blocks = fs::metadata(log(origin.path())).expect("a file").len() / 4096;
        let (mut lost, mut met, mut duo) = (0, 0, Some(duo));
        for block in (blocks.saturating_sub(24)..blocks).rev() {
            let folder = tempfile::tempdir().expect("a folder");
            // Without its index, the store reads the whole log.
            copy(origin.path(), folder.path());
            let path = log(folder.path());
            let mut bytes = fs::read(&path).expect("a file");
            bytes[block as usize * 4096 + 77] ^= 1;
            fs::write(&path, bytes).expect("a file");
            let Ok((store, report)) = SealedStore::open(folder.path(), b"lamp", TEST) else { continue };
            assert!(report.is_loss(), "{report:?}");
            drop(store);
            let (mut store, report) = SealedStore::open(folder.path(), b"lamp", TEST).expect("as before");
            assert!(report.is_loss(), "nothing was committed since: {report:?}");
            Engine::survive_loss(&mut store).expect("who we are is there");
            store.checkpoint().expect("the disk works");
            let duo = duo.take().unwrap_or_else(&friends);
            let disk = read(&store, &duo.sides[0].commits);
            drop(store);
            let (_, report) = SealedStore::open(folder.path(), b"lamp", TEST).expect("it opens");
            assert!(!report.is_loss(), "it is told once: {report:?}");
            lost += 1;
            met += usize::from(meets_again(duo, disk));
        }
        assert!(lost >= 8 && met >= 4, "{lost} blocks were missed, after {met} they met again");
    }
}
