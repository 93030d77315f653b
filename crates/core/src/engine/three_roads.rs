//! For tests: three roads that lose, repeat and reorder, and a model that is only two lists of texts.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::duo::{Duo, ROADS};
use super::{Command, Policy};
use crate::event::ContactId;

/// Something that happens. Numbers pick an envelope among those on record, and a road.
#[derive(Clone, Debug)]
enum Happening {
    /// One of the two writes.
    Write(usize),
    /// A road brings an envelope, new or old; the roads bring what they like when they like.
    Bring(usize),
    /// The roads bring the last so many in reverse, by turns.
    Reverse(usize),
    /// Minutes pass.
    Pass(u64),
    /// One of the two suspects the keys of the other: the offer that is out is burnt.
    Suspect(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0..2_usize).prop_map(Happening::Write),
        6 => any::<usize>().prop_map(Happening::Bring),
        1 => (2..60_usize).prop_map(Happening::Reverse),
        1 => (1..30_u64).prop_map(Happening::Pass),
        1 => (0..2_usize).prop_map(Happening::Suspect),
    ]
}

/// Which roads there are. What was found once is played again as it was found, by one mailbox.
#[derive(Clone, Copy)]
enum Roads {
    One,
    Three,
}

impl Roads {
    fn take(self, number: usize) -> u32 {
        match self {
            Self::One => 1,
            Self::Three => number as u32 % ROADS,
        }
    }
}

fn write(duo: &mut Duo, at: usize, text: String, model: &mut [Vec<String>; 2]) {
    let conversation = duo.conversation();
    model[at].push(text.clone());
    duo.ask(at, Command::Send { conversation, text, reply_to: None });
}

/// What happens, told by its place in the list.
fn play(duo: &mut Duo, roads: Roads, what: &[Happening], start: usize, model: &mut [Vec<String>; 2]) {
    for (number, happening) in what.iter().enumerate() {
        match happening {
            Happening::Write(at) => write(duo, *at, format!("{number}"), model),
            Happening::Bring(pick) if duo.recorded.len() > start => {
                let span = duo.recorded.len() - start;
                duo.deliver_by(roads.take(pick / span), start + pick % span);
            }
            Happening::Bring(_) => {}
            Happening::Reverse(count) => {
                let end = duo.recorded.len();
                let last = (end.saturating_sub(*count).max(start)..end).rev();
                last.for_each(|at| duo.deliver_by(roads.take(at), at));
            }
            Happening::Pass(minutes) => duo.pass(Duration::from_secs(60 * minutes)),
            Happening::Suspect(at) => {
                duo.ask(*at, Command::Suspect(ContactId(1)));
            }
        }
    }
}

/// All roads bring what is on record, three of them by turns and some of it twice, until neither has anything more to
/// say.
fn heal(duo: &mut Duo, roads: Roads, from: usize) {
    let mut brought = from;
    // Who has asked for word in vain asks again a day later, then after three, then each week.
    let quarters = [Duration::from_secs(900); 40];
    let days = [Duration::from_secs(24 * 3_600); 15];
    for time in quarters.into_iter().chain(days) {
        while brought < duo.recorded.len() {
            duo.deliver_by(roads.take(brought), brought);
            if roads.take(brought) == 0 {
                duo.deliver_by(roads.take(brought + 1), brought);
            }
            brought += 1;
        }
        duo.pass(time);
    }
}

fn check(duo: &Duo, model: &[Vec<String>; 2]) -> Result<(), TestCaseError> {
    let seen = [duo.texts(0), duo.texts(1)];
    for (at, shown) in seen.iter().enumerate() {
        for (author, written) in model.iter().enumerate() {
            let of_author = shown.iter().filter(|(mine, _)| *mine == (author == at));
            let theirs: Vec<String> = of_author.map(|(_, text)| text.clone()).collect();
            prop_assert_eq!(&theirs, written, "what {} sees of {}", at, author);
        }
    }
    let order = |at: usize| seen[at].iter().map(|(_, text)| text.clone()).collect::<Vec<_>>();
    prop_assert_eq!(order(0), order(1));
    Ok(())
}

/// Lets it all happen to two people who take new keys after so many messages, heals the roads, and compares.
fn run(what: &[Happening], roads: Roads, messages: u32) -> Result<(), TestCaseError> {
    let mut duo = Duo::new(Policy { rekey_messages: messages, ..Policy::default() });
    duo.mute(0);
    duo.mute(1);
    let (mut model, start) = ([Vec::new(), Vec::new()], duo.recorded.len());
    play(&mut duo, roads, what, start, &mut model);
    // Half of what was on the roads is lost for good; the rest comes late.
    let late = start + (duo.recorded.len() - start) / 2;
    heal(&mut duo, roads, late);
    check(&duo, &model)
}

/// The everyday run tells the same stories each time, so that what it finds is of the change at hand. How many others were
/// told stands in chapter 17, section 5.
fn seed() -> RngSeed {
    match ProptestConfig::default().rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        given @ RngSeed::Fixed(_) => given,
    }
}

proptest! {
    // 256 cases, most of a minute of one processor, or as many as PROPTEST_CASES says: the same ones each time, or those of
    // PROPTEST_RNG_SEED.
    #![proptest_config(ProptestConfig {
        max_shrink_iters: 100, failure_persistence: None, rng_seed: seed(), ..Default::default()
    })]

    #[test]
    fn any_order_repetition_loss_and_suspicion_over_three_roads_ends_with_every_message_once_and_in_order(
        what in prop::collection::vec(happening(), 1..120),
        messages in 2..30_u32,
    ) {
        run(&what, Roads::Three, messages)?;
    }
}

#[test]
fn who_lacks_every_offer_that_is_out_after_suspicion_on_both_sides_is_not_left_apart() {
    use Happening::{Bring, Pass, Reverse, Suspect, Write};
    // The second has begun on an offer that the first has burnt since, and the newer ones are lost. All that the second
    // says, receipts and all, goes where the first cannot hear it, and each asks for word ever more seldom. This was told
    // as one that heals only after weeks.
    let what = [
        Write(0),
        Pass(19),
        Write(1),
        Write(0),
        Write(1),
        Write(0),
        Write(0),
        Bring(15113765280352688298),
        Write(0),
        Pass(22),
        Write(1),
        Write(1),
        Reverse(34),
        Suspect(0),
        Bring(796186071360307470),
        Write(1),
        Suspect(1),
        Suspect(0),
        Write(0),
        Write(1),
        Write(1),
        Write(0),
        Write(0),
        Write(0),
        Write(0),
        Write(1),
        Write(1),
        Write(1),
        Pass(22),
        Suspect(0),
        Write(1),
        Write(1),
        Write(0),
        Suspect(0),
        Pass(27),
        Bring(440374817333241989),
        Write(1),
        Bring(5166318287528191735),
        Bring(15040802578345164906),
        Write(1),
        Bring(648448363797295318),
        Write(1),
        Bring(9919256228959937591),
        Bring(683607370316314352),
        Pass(2),
    ];
    run(&what, Roads::Three, 2).expect("all came");
}

#[test]
fn who_suspects_keys_again_and_again_while_both_begin_makes_nobody_deaf() {
    use Happening::{Bring, Pass, Reverse, Suspect, Write};
    // The second refuses what the first began, for its offer is burnt, and falls back to the generation before, which the
    // first gives up for its fifth. All that the first says from then on are rekeys with offers that are burnt by the time
    // they come, in what the second had begun. That the first knows it must be enough.
    let what = [
        Write(0),
        Write(1),
        Pass(10),
        Write(1),
        Bring(1330849164435774305),
        Bring(11751261610355067533),
        Write(0),
        Bring(5133574864425093005),
        Suspect(0),
        Write(1),
        Write(1),
        Bring(3338271983629054876),
        Bring(17227643023334555560),
        Pass(9),
        Suspect(0),
        Suspect(1),
        Reverse(53),
        Suspect(1),
        Reverse(43),
        Suspect(1),
        Pass(26),
        Write(1),
    ];
    run(&what, Roads::Three, 23).expect("all came");
}

#[test]
fn an_older_copy_of_what_began_a_generation_makes_nobody_deaf() {
    use Happening::{Pass, Reverse, Write};
    // Both begin the next generation, each with a copy sent again, and all comes in reverse: the second takes up the
    // newer copy, cannot take up the older, and must not forget their own, which the first has taken up by then.
    let mut what =
        vec![Write(1), Pass(12), Write(1), Write(0), Write(1), Write(0), Write(1), Reverse(50), Write(1)];
    what.extend([Write(0), Write(0), Write(1), Write(0), Pass(18), Write(1), Write(0), Write(1), Write(1)]);
    what.extend([Reverse(45), Write(1), Write(1)]);
    run(&what, Roads::One, 8).expect("all came");
}

#[test]
fn what_was_begun_on_an_offer_that_was_taken_up_unheard_is_kept_for_who_speaks_in_it() {
    use Happening::{Bring, Pass, Write};
    // Both begin the next generation. The second takes up what the first began, falls back, and so gives the next offer
    // in the old one; the first begins anew with it. Of the two that the first began the second prefers the earlier.
    let what = [
        Write(1),
        Write(0),
        Write(1),
        Bring(4009433433443253560),
        Write(0),
        Bring(18302252329845586584),
        Write(0),
        Write(1),
        Pass(16),
        Bring(11443414846963934457),
        Write(0),
        Write(0),
        Bring(16451667335373948261),
        Write(0),
        Bring(777235313911020278),
        Write(0),
        Write(1),
        Bring(5925219052167248208),
        Write(0),
        Bring(1128826004748931308),
        Write(0),
        Write(1),
        Bring(2716594718796456213),
        Write(1),
        Bring(10524965373574813602),
        Pass(21),
        Bring(13642449239080477244),
        Pass(6),
        Write(0),
        Write(0),
        Bring(2596469721516931399),
        Bring(5855529347944854088),
        Write(1),
        Write(1),
        Write(1),
        Write(1),
        Pass(13),
        Bring(15608764265530307311),
        Write(1),
        Bring(9822239165241368204),
        Write(0),
        Bring(724022934173223662),
        Bring(12823246484433216587),
        Write(1),
        Write(0),
        Pass(20),
        Write(1),
        Bring(3342978230667935032),
        Bring(3549411756014106802),
        Write(1),
        Bring(4556855679293194197),
        Pass(11),
        Write(0),
        Write(1),
        Write(0),
        Pass(14),
    ];
    run(&what, Roads::One, 8).expect("all came");
}

#[test]
fn a_copy_of_what_was_taken_up_is_no_reason_to_fall_back() {
    use Happening::{Bring, Pass, Reverse, Write};
    // Both begin the next generation, and the second takes up what the first began but prefers its own. A second copy
    // of it comes before a word of the first: it is not refused, and the own one is not left for it.
    let what = [
        Write(0),
        Bring(8649187102263972661),
        Write(0),
        Bring(15051926959628098776),
        Write(0),
        Bring(5659635702192332932),
        Write(1),
        Write(0),
        Bring(12535576751353138869),
        Write(0),
        Write(1),
        Write(0),
        Bring(8802683746976251911),
        Bring(8914236903524205306),
        Bring(5453911318986745646),
        Bring(10917688830419888219),
        Write(0),
        Write(0),
        Pass(1),
        Write(1),
        Write(1),
        Write(0),
        Pass(29),
        Write(1),
        Write(0),
        Write(1),
        Bring(9717404035179030484),
        Bring(6770620495201392688),
        Pass(11),
        Write(0),
        Write(1),
        Write(0),
        Write(0),
        Write(0),
        Write(0),
        Write(0),
        Write(0),
        Bring(2215878366786795537),
        Write(1),
        Write(1),
        Write(0),
        Bring(17561355721609377430),
        Pass(2),
        Bring(10783108925013928829),
        Write(1),
        Pass(6),
        Bring(13973779393761648270),
        Bring(14001885053033280341),
        Bring(2156906132810750762),
        Bring(10078532378878555912),
        Write(0),
        Write(1),
        Write(0),
        Bring(5767628044294921779),
        Write(0),
        Bring(3989312722253282808),
        Write(1),
        Bring(294630096518943035),
        Write(1),
        Write(0),
        Bring(7609309594984960737),
        Reverse(18),
        Write(1),
        Bring(5797333135139834985),
        Bring(4430282974442798421),
        Bring(1275820520990457195),
        Bring(14812253766549810660),
        Pass(4),
        Bring(5085793232905986406),
        Bring(17069315787370486694),
        Bring(11336506119418723230),
        Write(0),
        Reverse(30),
        Write(1),
        Reverse(50),
        Bring(2197314386444811668),
        Bring(12901268823597567008),
        Pass(23),
        Bring(38625175008995731),
        Write(1),
        Write(1),
        Bring(10392678021749237453),
        Write(0),
        Write(1),
        Write(1),
        Write(0),
        Bring(14798488561646411627),
        Bring(5736141362797568220),
        Pass(13),
    ];
    run(&what, Roads::One, 8).expect("all came");
}

#[test]
fn what_lies_behind_a_gap_wider_than_the_ratchet_bears_is_sent_again() {
    for gap in [41, 200] {
        let mut duo = Duo::new(Policy::default());
        duo.mute(0);
        duo.mute(1);
        let (mut model, start) = ([Vec::new(), Vec::new()], duo.recorded.len());
        (0..=gap).for_each(|number| write(&mut duo, 0, format!("{number}"), &mut model));
        let last = duo.recorded.len() - 1;
        assert!(last - start >= gap);
        duo.deliver(last);
        heal(&mut duo, Roads::Three, last);
        check(&duo, &model).expect("all came");
    }
}

#[test]
fn what_a_backup_holds_is_enough_to_meet_again() {
    let mut duo = Duo::new(Policy::default());
    duo.write(0, "before");
    duo.write(1, "answer");
    duo.lose_disk(0);
    duo.write(1, "since");
    duo.write(0, "back");
    for _ in 0..4 {
        duo.pass(Duration::from_secs(60));
    }
    let texts = |at: usize| duo.texts(at).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    assert_eq!(texts(0), ["before", "answer", "since", "back"]);
    assert_eq!(texts(0), texts(1));
    let told =
        |at: usize, notice: &str| duo.sides[at].events.iter().any(|e| format!("{e:?}").contains(notice));
    assert!(told(0, "MetAgain") && told(1, "ContactRestored"));
}

#[test]
fn who_goes_on_in_one_of_two_that_began_at_once_is_not_left_there_when_the_other_has_given_it_up() {
    use Happening::{Bring, Pass, Reverse, Write};
    // Each was heard in both, and the roads reversed which was the last. Nobody suspects anything, and the two stayed deaf.
    let what = [
        Write(0),
        Write(1),
        Bring(1950158519179110919),
        Write(1),
        Bring(13063112611463519699),
        Write(0),
        Reverse(32),
        Write(0),
        Write(1),
        Bring(10328469523275360631),
        Write(1),
        Bring(10741926423170909732),
        Pass(15),
        Bring(12582718802723756108),
        Reverse(46),
        Write(0),
        Pass(1),
        Bring(14930163645942289912),
        Write(1),
        Bring(17294070729123830710),
        Pass(18),
        Write(1),
        Bring(12883459041677709225),
        Bring(2241732232586936324),
        Pass(5),
        Bring(4691094763078978687),
        Reverse(48),
        Write(1),
    ];
    run(&what, Roads::Three, 3).expect("all came");
}
