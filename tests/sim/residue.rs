//! What has disappeared, was deleted or overwritten is gone from the disk: no needle is left for who has the passphrase
//! and every byte ever written.

#[path = "../../crates/store/tests/common/thief.rs"]
#[allow(unreachable_pub, reason = "shared with the tests of the store")]
mod thief;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crypto::tree::sealed_record_len;
use madang_core::ConversationId;
use madang_core::engine::{Answer, Command, Engine, Input, LinkKind, Now, Output, Policy, Ticket};
use madang_core::{Draft, Event, MessageId, Span};
use proto::id::{LinkId, Moment, PeerName};
use proto::link::Role;
use proto::store::{Batch, Key, LeafRule, Overlay, Store as _, Table};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use store::disk::ModelDisk;
use store::{Options, SealedStore};

use thief::steal;

const PASSPHRASE: &[u8] = b"a passphrase of no worth";
const LINK: LinkId = LinkId(1);
const NEEDLES: usize = 50;
/// Tables whose records hold keys, as `docs/protocol` numbers them: what a pair keeps, ratchet and chains, invites, and
/// the secrets of a generation.
const KEYS: [u8; 4] = [34, 35, 41, 49];
const HOUR: Duration = Duration::from_secs(3_600);

/// A device whose disk forgets nothing.
struct Device {
    disk: ModelDisk,
    folder: tempfile::TempDir,
    store: SealedStore,
    engine: Engine,
    events: Vec<Event>,
    /// All that was ever written into the tables of keys.
    keys: Vec<(Key, Vec<u8>)>,
}

impl Device {
    fn new(name: &str, rng: &mut ChaCha20Rng) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = ModelDisk::new();
        // Nothing is destroyed before the test asks for it: so the control finds what lies on the disk until then.
        let options = Options { shred_commits: u64::MAX / 2, in_background: false, ..Options::default() };
        let mut store =
            SealedStore::create_on(Arc::new(disk.clone()), folder.path(), PASSPHRASE, options, rng)
                .expect("the disk is new");
        let mut batch = Batch::new();
        Engine::create(name, &mut Overlay::new(&store, &mut batch), rng);
        store.commit(batch).expect("the disk works");
        let now = Now { moment: Moment(0), label_ms: None };
        let engine = Engine::load(now, &Overlay::new(&store, &mut Batch::new())).expect("it was written");
        Self { disk, folder, store, engine, events: Vec::new(), keys: Vec::new() }
    }

    /// Every byte that was ever on its disk.
    fn remains(&self) -> Vec<Vec<u8>> {
        let mut all = self.disk.remains();
        read_all(self.folder.path(), &mut all);
        all
    }
}

fn read_all(folder: &Path, all: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).expect("it can be listed") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            read_all(&path, all);
        } else {
            all.push(std::fs::read(&path).expect("it can be read"));
        }
    }
}

/// Two devices and the wire between them.
struct Pair {
    devices: [Device; 2],
    wire: VecDeque<(usize, Vec<u8>)>,
    now: Moment,
    rng: ChaCha20Rng,
}

impl Pair {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let devices = [Device::new("alice", &mut rng), Device::new("bob", &mut rng)];
        let mut pair = Self { devices, wire: VecDeque::new(), now: Moment(0), rng };
        let Answer::Invite(text) = pair.ask(0, Command::Invite { expiry_days: 30 }) else {
            panic!("no invite")
        };
        pair.ask(1, Command::Accept { text, name: None });
        let names = [b"one", b"two"].map(|name| PeerName::new(name).expect("a name"));
        for at in 0..2 {
            let role = [Role::Dialer, Role::Listener][at];
            let kind = LinkKind::Direct { role, local: names[at].clone(), remote: names[1 - at].clone() };
            pair.turn(at, Input::LinkUp(LINK, kind));
        }
        pair.pass(Duration::from_secs(30));
        pair
    }

    fn talk(&self) -> ConversationId {
        ConversationId::between(&self.devices[0].engine.account(), &self.devices[1].engine.account())
    }

    fn ask(&mut self, at: usize, command: Command) -> Answer {
        let answer = self.turn(at, Input::Command(Ticket(1), command)).expect("each command is answered");
        self.carry();
        answer
    }

    fn carry(&mut self) {
        while let Some((to, frame)) = self.wire.pop_front() {
            self.turn(to, Input::Frame(LINK, frame));
        }
    }

    fn pass(&mut self, time: Duration) {
        self.carry();
        let end = self.now.plus(time);
        loop {
            let due = self.devices.iter().filter_map(|device| device.engine.next_wake(self.now)).min();
            let Some(due) = due.filter(|at| *at <= end) else { break };
            self.now = self.now.max(due);
            (0..2).for_each(|at| drop(self.turn(at, Input::Wake)));
            self.carry();
        }
        self.now = end;
    }

    fn turn(&mut self, at: usize, input: Input) -> Option<Answer> {
        let device = &mut self.devices[at];
        let now = Now { moment: self.now, label_ms: None };
        let mut batch = Batch::new();
        let mut overlay = Overlay::new(&device.store, &mut batch);
        device.engine.handle(input, now, &mut overlay, &mut self.rng).expect("the disk works");
        device.engine.settle(now, &mut overlay, &mut self.rng).expect("the disk works");
        for (key, _, value) in batch.iter().filter(|(key, ..)| KEYS.contains(&key.0)) {
            device.keys.extend(value.map(|value| (key.clone(), value.to_vec())));
        }
        if !batch.is_empty() {
            device.store.commit(batch).expect("the disk works");
        }
        let mut answer = None;
        for output in device.engine.take_outputs() {
            match output {
                Output::Send(_, frame) => self.wire.push_back((1 - at, frame)),
                Output::Answer(_, told) => answer = Some(told.expect("granted")),
                Output::Event(event) => device.events.push(event),
                _ => {}
            }
        }
        answer
    }

    /// The two write so many messages to each other. Returns their texts, and their ids.
    fn hide(&mut self, needles: usize) -> (Vec<Vec<u8>>, Vec<MessageId>) {
        let conversation = self.talk();
        let (mut texts, mut ids) = (Vec::new(), Vec::new());
        for n in 0..needles {
            let text = self.needle();
            texts.push(text.clone().into_bytes());
            let command = Command::Send { conversation, text, reply_to: None };
            let Answer::Sent(id) = self.ask(n % 2, command) else { panic!("it is sent") };
            ids.push(id);
        }
        self.pass(Duration::from_secs(30));
        (texts, ids)
    }

    fn needle(&mut self) -> String {
        (0..8).map(|_| format!("{:08x}", self.rng.next_u32())).collect()
    }

    /// A draft is left in the conversation. Returns its text.
    fn leave_draft(&mut self, at: usize) -> Vec<u8> {
        let (conversation, text) = (self.talk(), self.needle());
        self.ask(at, Command::KeepDraft(Draft { conversation, text: text.clone(), reply_to: None }));
        text.into_bytes()
    }

    /// The first device has taken away what holds the needles: all can be read until keys are destroyed, and none then.
    fn must_be_gone(&mut self, needles: &[Vec<u8>]) {
        self.pass(Duration::from_secs(30));
        let (found, of) = self.stolen(0, needles, &BTreeSet::new());
        assert_eq!(found, needles.len(), "the control");
        self.devices[0].store.shred().expect("the disk works");
        let mut seen = BTreeSet::new();
        let lengths = of.into_iter().filter(|length| seen.insert(sealed_record_len(*length))).collect();
        assert_eq!(self.stolen(0, needles, &lengths).0, 0);
    }

    /// How many needles the thief of one device reads, and how long the records were that held them.
    fn stolen(&self, at: usize, needles: &[Vec<u8>], suspects: &BTreeSet<usize>) -> (usize, BTreeSet<usize>) {
        let remains = self.devices[at].remains();
        let tries = suspects.iter().map(|length| Some(*length)).chain([None]);
        let (mut most, mut lengths) = (0, BTreeSet::new());
        for suspect in tries {
            let loot = steal(&remains, PASSPHRASE, suspect);
            assert!(loot.leaf_keys > 64, "the thief does read");
            most = most.max(loot.count(&remains, needles));
            let holds = |value: &Vec<u8>| {
                needles.iter().any(|needle| value.windows(needle.len()).any(|window| window == needle))
            };
            lengths.extend(loot.values.iter().filter(|value| holds(value)).map(Vec::len));
        }
        (most, lengths)
    }
}

#[test]
fn of_fifty_messages_that_have_disappeared_none_is_left_on_either_disk() {
    let mut pair = Pair::new();
    let conversation = pair.talk();
    pair.ask(0, Command::SetDisappearing(conversation, Some(HOUR)));
    pair.pass(Duration::from_secs(10));
    let (needles, _) = pair.hide(NEEDLES);
    for at in 0..2 {
        let all = Command::History { conversation, span: Span::Newest, limit: 1_000 };
        let Answer::Page(page) = pair.ask(at, all) else { panic!("a page") };
        let places = page.messages.iter().map(|message| message.place).collect();
        pair.ask(at, Command::Shown(conversation, places));
    }
    // The control: all can be read by who has the passphrase, after an hour too, as long as no key was destroyed.
    pair.pass(HOUR + Duration::from_secs(60));
    let mut lengths = BTreeSet::new();
    for at in 0..2 {
        let (found, of) = pair.stolen(at, &needles, &BTreeSet::new());
        assert_eq!(found, NEEDLES, "the control of device {at}");
        // One of each length that a sealed record can have.
        let mut seen: BTreeSet<usize> = lengths.iter().map(|length| sealed_record_len(*length)).collect();
        lengths.extend(of.into_iter().filter(|length| seen.insert(sealed_record_len(*length))));
        let Answer::Page(page) =
            pair.ask(at, Command::History { conversation, span: Default::default(), limit: 1_000 })
        else {
            panic!("no page")
        };
        assert!(page.messages.iter().all(|message| message.text.is_none()), "all have disappeared");
    }
    for at in 0..2 {
        pair.devices[at].store.shred().expect("the disk works");
        assert_eq!(pair.stolen(at, &needles, &lengths).0, 0, "device {at}");
    }
    // Nor does anything that comes later bring one back.
    pair.ask(0, Command::Send { conversation, text: "and on".into(), reply_to: None });
    pair.pass(Duration::from_secs(30));
    for at in 0..2 {
        pair.devices[at].store.shred().expect("the disk works");
        assert_eq!(pair.stolen(at, &needles, &BTreeSet::new()).0, 0, "device {at}, later");
    }
    let erased = |event: &Event| matches!(event, Event::Erased { .. });
    assert!(pair.devices.iter().all(|device| device.events.iter().any(erased)));
}

#[test]
fn of_fifty_messages_that_were_deleted_none_is_left_here_and_all_with_the_other() {
    let mut pair = Pair::new();
    let (needles, ids) = pair.hide(NEEDLES);
    for id in ids {
        pair.ask(0, Command::DeleteMessage(id));
    }
    pair.must_be_gone(&needles);
    pair.devices[1].store.shred().expect("the disk works");
    assert_eq!(pair.stolen(1, &needles, &BTreeSet::new()).0, NEEDLES, "the other has kept them");
}

#[test]
fn of_a_cleared_history_and_a_removed_contact_no_message_and_no_draft_is_left() {
    let mut pair = Pair::new();
    let conversation = pair.talk();
    let (mut needles, _) = pair.hide(NEEDLES / 2);
    needles.push(pair.leave_draft(0));
    while let Answer::Erased { more: true } = pair.ask(0, Command::ClearConversation(conversation)) {}
    pair.must_be_gone(&needles);
    let (mut needles, _) = pair.hide(NEEDLES / 2);
    needles.push(pair.leave_draft(0));
    let Answer::Contacts(contacts) = pair.ask(0, Command::Contacts) else { panic!("no contacts") };
    while let Answer::Erased { more: true } = pair.ask(0, Command::RemoveContact(contacts[0].id)) {}
    pair.must_be_gone(&needles);
}

#[test]
fn of_fifty_records_of_keys_none_is_left_after_re_keys_and_a_used_invite() {
    let mut pair = Pair::new();
    let policy = Policy { rekey_messages: 8, ..Policy::default() };
    pair.devices.iter_mut().for_each(|device| device.engine.set_policy(policy));
    pair.hide(NEEDLES);
    let device = &pair.devices[0];
    let stands = |(id, name, order): &Key| {
        let table = Table { id: *id, name: "keys", leaf: LeafRule::PerRecord };
        device.store.get(&table, name, *order).expect("the disk works")
    };
    // What was overwritten or deleted since, of each table.
    let mut old: BTreeMap<u8, Vec<Vec<u8>>> = BTreeMap::new();
    for (key, value) in device.keys.iter().filter(|(key, value)| stands(key).as_ref() != Some(value)) {
        old.entry(key.0).or_default().push(value.clone());
    }
    assert_eq!(old.keys().copied().collect::<Vec<_>>(), KEYS, "keys of each kind have come and gone");
    assert!(old[&49].len() >= 4 && old[&35].len() >= NEEDLES, "generations were buried, ratchets moved");
    // The newest of each: what was destroyed last.
    let rare = [41, 49, 34].into_iter().flat_map(|table| old[&table].iter().rev().take(10));
    let needles: Vec<Vec<u8>> = rare.chain(old[&35].iter().rev()).take(NEEDLES).cloned().collect();
    assert_eq!(needles.len(), NEEDLES);
    pair.must_be_gone(&needles);
}
