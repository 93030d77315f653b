//! For tests: blobs under tags that are waited for, by somebody who knows the tags and not what belongs to them.
//!
//! A relay sees every tag, and so does who watches a link that is not ours. What they leave there must cost one try to
//! open it, change nothing, close no slot, and be answered alike whatever is wrong with it.

use std::time::Duration;

use crypto::Secret32;
use crypto::seal::{Class, seal_contact};
use proto::envelope::Blob;
use proto::frame::{Frame, Push};
use proto::id::{LinkId, Party, Prefix};

use super::duo::Duo;
use super::{Command, Input, Policy};

/// Two who have spoken, and what the first has sealed since and the other has not got: two pushes, in order.
fn apart() -> (Duo, [Push; 2], [usize; 2]) {
    let mut duo = Duo::new(Policy::default());
    duo.write(0, "before");
    duo.write(1, "and back");
    duo.mute(0);
    let conversation = duo.conversation();
    let held = ["the real one", "the one behind it"].map(|text| {
        duo.ask(0, Command::Send { conversation, text: text.into(), reply_to: None });
        let (_, frame) = duo.said.iter().rfind(|(from, _)| *from == 0).expect("it is on the link");
        let Ok(Frame::Push(push)) = Frame::decode(frame) else { panic!("a push") };
        (push, duo.recorded.len() - 1)
    });
    let [one, two] = held;
    (duo, [one.0, two.0], [one.1, two.1])
}

/// The second gets a push. Returns what it says within half a minute, and how often it wrote to its disk.
fn reaction(duo: &mut Duo, push: Push) -> (Vec<Vec<u8>>, usize) {
    let (said, commits) = (duo.said.len(), duo.sides[1].commits.len());
    duo.bring(1, Input::Frame(LinkId(1), Frame::Push(push).encode()));
    duo.pass(Duration::from_secs(30));
    let words = duo.said[said..].iter().filter(|(from, _)| *from == 1).map(|(_, frame)| frame.clone());
    (words.collect(), duo.sides[1].commits.len() - commits)
}

/// A blob for the slot of this prefix that is sealed to the right key and by who does not know the slot's psk.
fn wrong_psk(duo: &mut Duo, prefix: &Prefix) -> Blob {
    let [slot] = duo.sides[1].engine.router.expecting(prefix) else { panic!("one slot is waited for") };
    let tag = slot.tag;
    let to = duo.sides[0].engine.pairs[&Party(1)].sending().their_seal();
    let psk = Secret32::random(&mut duo.rng);
    let blob = seal_contact(Class::C0, &tag.0, &psk, &to, b"\x02forged", &mut duo.rng).expect("it fits");
    Blob::parse(blob).expect("a seal has the length of its class")
}

fn changed(blob: &Blob, change: impl Fn(&mut Vec<u8>)) -> Blob {
    let mut bytes = blob.bytes().to_vec();
    change(&mut bytes);
    Blob::parse(bytes).expect("of the same class")
}

#[test]
fn whatever_is_wrong_with_an_envelope_a_node_answers_alike_and_writes_nothing() {
    type Forge = fn(&mut Duo, &[Push; 2]) -> Push;
    let kinds: [(&str, Forge); 8] = [
        ("another ephemeral key", |_, [push, _]| Push {
            blob: changed(&push.blob, |b| b[3] ^= 1),
            ..push.clone()
        }),
        ("an ephemeral key of small order", |_, [push, _]| Push {
            blob: changed(&push.blob, |b| b[..32].fill(0)),
            ..push.clone()
        }),
        ("a changed length or content", |_, [push, _]| Push {
            blob: changed(&push.blob, |b| b[33] ^= 1),
            ..push.clone()
        }),
        ("changed padding", |_, [push, _]| Push {
            blob: changed(&push.blob, |b| b[900] ^= 1),
            ..push.clone()
        }),
        ("a changed seal", |_, [push, _]| Push {
            blob: changed(&push.blob, |b| b[1_023] ^= 1),
            ..push.clone()
        }),
        ("the envelope of another slot", |_, [push, next]| Push { blob: next.blob.clone(), ..push.clone() }),
        ("another psk", |duo, [push, _]| Push { blob: wrong_psk(duo, &push.prefix), ..push.clone() }),
        ("a tag that nobody waits for", |_, [push, _]| Push { prefix: Prefix([9; 8]), ..push.clone() }),
    ];
    let mut answers = Vec::new();
    for (what, forge) in kinds {
        let (mut duo, pushes, real) = apart();
        let push = forge(&mut duo, &pushes);
        let (said, commits) = reaction(&mut duo, push);
        assert_eq!(commits, 0, "{what}");
        answers.push((what, said));
        real.into_iter().for_each(|number| duo.deliver(number));
        assert_eq!(duo.texts(1).len(), 4, "{what}: the slot is open for the real one");
    }
    let (_, first) = answers[0].clone();
    assert!(!first.is_empty(), "that it has come is said, as of all that comes over a link");
    for (what, said) in answers {
        assert_eq!(said, first, "{what}");
    }
}

#[test]
fn a_flood_under_a_known_tag_with_a_wrong_psk_changes_nothing_and_the_real_one_is_read() {
    let (mut duo, [push, _], real) = apart();
    let disk = |duo: &Duo| -> Vec<(proto::store::Key, Vec<u8>)> {
        duo.sides[1].store.iter().map(|(key, value)| (key.clone(), value.to_vec())).collect()
    };
    let (before, events) = (disk(&duo), duo.sides[1].events.len());
    for number in 0..500 {
        let blob = wrong_psk(&mut duo, &push.prefix);
        let number = push.number + number;
        duo.bring(1, Input::Frame(LinkId(1), Frame::Push(Push { number, blob, ..push.clone() }).encode()));
        if number % 20 == 0 {
            duo.pass(Duration::from_secs(5));
        }
    }
    duo.pass(Duration::from_secs(30));
    assert!(disk(&duo) == before, "not one byte is kept");
    assert_eq!(duo.sides[1].events.len(), events, "and nobody is told, nor is the link closed");
    real.into_iter().for_each(|number| duo.deliver(number));
    let texts: Vec<String> = duo.texts(1).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["before", "and back", "the real one", "the one behind it"]);
}
