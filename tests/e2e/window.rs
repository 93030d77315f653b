//! Two people at real windows on two hosts with a relay between: keys go in, and what comes out is read as a screen
//! reader reads it. Pictures of both screens are kept in `.ci-artifacts/window`.

mod desk;
mod person;

use madang_tests::lab::{Lab, Missing, Place};
use madang_tests::stories;
use madang_tests::story::Story;

use crate::conversation::cast::Keeper;
use crate::secrets::memory::Needles;
use desk::Desk;

pub(crate) const STORIES: &[Story] = stories![two_people_meet_and_talk_by_keys_alone];

const SECRET: &str = "quv jorm 39 plukez";
/// Long enough to be looked for in a memory.
const SAID: &str = "hello from Ari at last";

/// Ari reads English and has no input method; Bora reads Korean and writes Hangul through one.
fn two_people_meet_and_talk_by_keys_alone() -> Result<(), Missing> {
    desk::check()?;
    let lab = Lab::new()?;
    let keeper = Keeper::new(&lab);
    let mut ari = Desk::new(lab.host(Place::A1), "Ari");
    let mut bora = Desk::new(lab.host(Place::B1), "Bora").with_hangul();

    both_begin(&mut ari, &mut bora);
    they_meet_by_a_picture(&mut ari, &mut bora, &keeper);
    they_talk(&mut ari, &mut bora);
    they_compare_the_safety_number(&mut ari, &mut bora);
    one_locks_while_the_other_writes(&mut ari, &mut bora);
    one_is_killed_and_starts_again(&mut ari, &mut bora);
    one_is_away_and_comes_back(&mut ari, &mut bora);
    ari.shoot("end");
    bora.shoot("end");
    Ok(())
}

fn both_begin(ari: &mut Desk<'_>, bora: &mut Desk<'_>) {
    ari.start();
    bora.start();
    bora.press("한국어");
    begin(ari, &ENGLISH);
    begin(bora, &KOREAN);
    ari.start_again();
    assert_eq!(ari.windows(), 1, "a second start raises the first window and ends");
}

/// The words of the first screen and of the lock.
struct Words {
    name: &'static str,
    passphrase: [&'static str; 2],
    understood: &'static str,
    create: &'static str,
    begun: &'static str,
}

const ENGLISH: Words = Words {
    name: "Your name",
    passphrase: ["Passphrase", "Passphrase again"],
    understood: "I understand that it cannot be recovered",
    create: "Create a profile",
    begun: "Your conversations will be here",
};

const KOREAN: Words = Words {
    name: "이름",
    passphrase: ["암호 문구", "암호 문구 다시 입력"],
    understood: "복구할 수 없다는 것을 이해했습니다",
    create: "프로필 만들기",
    begun: "대화가 여기에 모입니다",
};

fn begin(desk: &mut Desk<'_>, words: &Words) {
    let name = desk.name;
    desk.fill(words.name, name);
    desk.field_holds(name);
    desk.press(words.understood);
    for field in words.passphrase {
        desk.tab_to(field);
        desk.typed_unseen(SECRET);
    }
    desk.press(words.create);
    desk.sees(words.begun);
    desk.shoot("begun");
}

fn unlock(desk: &mut Desk<'_>, words: &Words, field: &str) {
    desk.tab_to(words.passphrase[0]);
    desk.typed_unseen(SECRET);
    desk.key("Return");
    desk.tab_to(field);
}

/// Ari finds the relay and shows an invite; Bora is handed a photograph of Ari's screen.
fn they_meet_by_a_picture(ari: &mut Desk<'_>, bora: &mut Desk<'_>, keeper: &Keeper<'_>) {
    ari.press("Network");
    ari.fill("Relay text or address", &keeper.socket());
    ari.press("Add a relay");
    ari.sees("1 of 1 reached");
    ari.key("ctrl+n");
    ari.sees("Make an invite");
    let before = ari.shoot("before-the-invite");
    ari.press("Make an invite");
    ari.sees("QR picture of the invite");
    let picture = ari.shoot_changed(&before, "invite");

    bora.is_handed(&picture, "photo.png");
    bora.key("ctrl+n");
    bora.press("초대를 받았습니다");
    bora.press("파일 고르기");
    bora.press("photo.png");
    // The name is what is wanted next; the focus says that the invite was found in the picture.
    bora.until("the field of the name", |me| {
        me.nodes().iter().any(|node| node.focused && node.name == "내가 부를 이름")
    });
    bora.typed("Ari");
    bora.field_holds("Ari");
    bora.shoot("taking-the-invite");

    // Before Bora answers: the line that says so passes by, and Ari must not be walking to a button then.
    ari.press("Copy the invite");
    ari.until("the invite on the clipboard", |me| {
        me.clipboard().is_some_and(|text| text.to_lowercase().starts_with("madang:"))
    });
    bora.key("Return");
    ari.sees("Bora is now your contact");
}

fn open_first_chat(desk: &mut Desk<'_>, field: &str) {
    desk.key("Escape");
    desk.key("alt+Down");
    desk.tab_to(field);
}

fn they_talk(ari: &mut Desk<'_>, bora: &mut Desk<'_>) {
    open_first_chat(ari, "Message to Bora");
    // Bora looks at something else: the desktop is told that something came, and nothing more.
    bora.press("설정");
    ari.says(SAID);
    bora.until("a notice", |me| !me.notices().is_empty());
    for notice in bora.notices() {
        assert_eq!((&notice["title"], &notice["body"]), (&"마당".into(), &"새 메시지가 왔습니다".into()));
        assert_eq!(notice["hints"]["transient"], true, "no history keeps it");
    }
    open_first_chat(bora, "Ari 님에게 보낼 메시지");
    bora.sees_message(SAID);
    ari.sees("Read. Where is it now?");

    // Hangul through the input method; Enter comes while the last syllable is being composed.
    bora.key("Hangul");
    bora.typed("dkssudgktpdy");
    bora.field_holds("안녕하세요");
    bora.shoot("composing");
    bora.key("Return");
    ari.sees_message("안녕하세요");
    assert_eq!(ari.messages("안녕하세요"), 1, "neither dropped nor doubled");
    bora.field_holds("");
    bora.typed("rksk ekfk");
    bora.field_holds("가나 다라");
    bora.key("Return");
    ari.sees_message("가나 다라");
    bora.key("Hangul");
    bora.says("now in English");
    ari.sees_message("now in English");
    ari.shoot("conversation");
    bora.shoot("conversation");
    ari.until("a clipboard without the invite", |me| me.clipboard().is_none());
}

fn they_compare_the_safety_number(ari: &mut Desk<'_>, bora: &mut Desk<'_>) {
    ari.press("Contact details");
    let before = ari.shoot("before-the-number");
    ari.press("Verify");
    ari.sees("Safety number: ");
    let picture = ari.shoot_changed(&before, "number");
    bora.press("연락처 정보");
    bora.press("확인하기");
    let digits = ari.reads_after("Safety number: ");
    assert_eq!(digits, bora.reads_after("안전 번호: "));
    assert_eq!(digits.bytes().filter(u8::is_ascii_digit).count(), 60);
    // Bora compares by a photograph of Ari's screen.
    bora.is_handed(&picture, "number.png");
    bora.press("파일 고르기");
    bora.press("number.png");
    bora.sees("코드의 번호가 같습니다. 상대의 화면에 있던 코드라면 중간에 아무도 없습니다.");
    ari.press("They are the same");
    ari.sees("Take back the verified sign");
    ari.shoot("verify");
    open_first_chat(ari, "Message to Bora");
    open_first_chat(bora, "Ari 님에게 보낼 메시지");
}

/// Bora locks: the window names nobody and the desktop hears nothing; what comes meanwhile waits on the relay.
fn one_locks_while_the_other_writes(ari: &mut Desk<'_>, bora: &mut Desk<'_>) {
    let before = bora.notices().len();
    let needles = Needles::of(&[("a message", SAID.as_bytes()), ("the passphrase", SECRET.as_bytes())]);
    assert!(needles.found_in(&bora.memory()).contains("a message"), "an open profile is in memory");
    bora.key("ctrl+l");
    bora.sees("잠금 해제");
    bora.has_the_keys();
    bora.until("a memory without secrets", |me| needles.found_in(&me.memory()).is_empty());
    assert!(!bora.reads("Ari") && !bora.reads("안녕"), "the lock screen names nobody");
    bora.shoot("locked");
    ari.says("written while you were locked");
    ari.sees("Waiting on a relay");
    assert_eq!(bora.notices().len(), before, "none while locked");
    unlock(bora, &KOREAN, "Ari 님에게 보낼 메시지");
    bora.sees_message("written while you were locked");
    ari.sees_no_more("Waiting on a relay");
}

/// Ari's app dies in the middle of a thought; all is there when it runs again, the thought too.
fn one_is_killed_and_starts_again(ari: &mut Desk<'_>, bora: &mut Desk<'_>) {
    ari.typed("half a thought");
    ari.field_holds("half a thought");
    // The draft is kept before the sign is taken back, and the sign's return can be seen.
    ari.press("Contact details");
    ari.press("Verify");
    ari.press("Take back the verified sign");
    ari.press("They are the same");
    ari.sees("Take back the verified sign");
    ari.kill();
    bora.says("while you were off");
    bora.sees("중계소에서 대기 중");
    ari.start();
    unlock(ari, &ENGLISH, "Message to Bora");
    ari.field_holds("half a thought");
    for text in [SAID, "안녕하세요", "가나 다라", "while you were off"] {
        ari.sees_message(text);
        assert_eq!(ari.messages(text), 1);
    }
    ari.sees("Verified");
    ari.shoot("started-again");
    ari.typed(", and the rest");
    ari.key("Return");
    bora.sees_message("half a thought, and the rest");
}

/// Bora's line is cut; what Ari writes waits on the relay and comes when it is back.
fn one_is_away_and_comes_back(ari: &mut Desk<'_>, bora: &mut Desk<'_>) {
    bora.cable().pull();
    ari.says("while your line was cut");
    ari.sees("Waiting on a relay");
    assert_eq!(bora.messages("while your line was cut"), 0);
    bora.cable().plug();
    bora.sees_message("while your line was cut");
    bora.key("Hangul");
    bora.typed("whgek");
    bora.field_holds("좋다");
    bora.key("Return");
    ari.sees_message("좋다");
}
