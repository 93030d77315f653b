//! A session over the practice: what it tells the window of what the node says.

use std::{sync::Arc, time::Duration};

use madang_core::{ContactId, Event, MessageId, Notice as Word, draft::DRAFT_BYTES_MAX};
use tokio::sync::mpsc;

use super::{Session, changes::Changes};
use crate::{
    bridge::{Tell, cast::Cast},
    i18n::T,
    model::{ChatId, MessageKey, Model, PageAt, Timeline, Update},
};

/// Takes over what was told.
fn hear(updates: &mut mpsc::Receiver<Update>, model: &mut Model) {
    while let Ok(update) = updates.try_recv() {
        model.apply(update);
    }
}

/// A session over the practice, once it has a conversation, and what is told.
async fn practice() -> (Cast, Session, mpsc::Receiver<Update>) {
    let (cast, node, events) = Cast::gather("하늘", true).await.expect("a practice");
    let (outbox, updates) = mpsc::channel(4_096);
    let mut session = Session::new(node, events, Tell { outbox, wake: Arc::new(|| {}) });
    while session.chats.len() < 2 || session.chats.values().any(|known| known.conversation.is_none()) {
        session.tell_all().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (cast, session, updates)
}

#[test]
fn an_invite_is_forgotten_when_somebody_new_has_come_and_only_then() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let (cast, mut session, mut updates) = practice().await;
        let mut model = Model::default();
        let people: Vec<_> = session.chats.keys().copied().collect();
        let news = |id: ChatId| {
            let mut changes = Changes::default();
            changes.note(Event::ContactChanged(ContactId(id.0)));
            changes
        };
        hear(&mut updates, &mut model);
        model.apply(Update::Invite("madang:".into()));
        session.tell_changes(news(people[0])).await;
        hear(&mut updates, &mut model);
        assert!(model.invite.is_some(), "nobody new");
        session.chats.remove(&people[0]);
        session.tell_changes(news(people[0])).await;
        hear(&mut updates, &mut model);
        assert!(model.invite.is_none());
        session.close().await;
        cast.leave().await;
    });
}

#[test]
fn what_is_said_of_a_relay_names_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let (cast, session, mut updates) = practice().await;
        let relay = session.node.relays().await.expect("relays")[0].clone();
        let mut model = Model::default();
        hear(&mut updates, &mut model);
        model.notices.clear();
        let words = [Word::RelayListReplaced, Word::RelayEquivocates, Word::RelayImpostor];
        for word in words.map(|word| word(relay.number)) {
            session.tell_word(&word).await;
        }
        hear(&mut updates, &mut model);
        let address = crate::text::address(&relay.addresses[0]);
        let told: Vec<_> = model.notices.iter().map(|n| (n.sentence, n.parts.as_slice())).collect();
        let of = |sentence| (sentence, std::slice::from_ref(&address));
        assert_eq!(told, [T::NoticeRelayList, T::NoticeRelayLies, T::NoticeRelayOther].map(of));
        session.close().await;
        cast.leave().await;
    });
}

#[test]
fn of_a_burst_the_window_is_shown_every_message_in_its_order_and_knows_that_there_are_more() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let (cast, mut session, mut updates) = practice().await;
        let node = session.node.clone();
        let here = session.chats.iter().find_map(|(id, known)| Some((known.conversation?, *id)));
        let (conversation, chat) = here.expect("a conversation");
        let mut model = Model::default();
        session.page(chat, PageAt::Newest).await.expect("a page");
        hear(&mut updates, &mut model);
        let before = model.timelines[&chat].messages.len();

        let mut burst = Changes::default();
        let mut sent = Vec::new();
        for n in 0..250 {
            let id = node.send(conversation, &format!("등불 {n}"), None).await.expect("kept");
            burst.note(Event::Message { conversation, id, mine: true });
            sent.push(MessageKey(id.0));
        }
        session.tell_changes(burst).await;
        hear(&mut updates, &mut model);
        let timeline = &model.timelines[&chat];
        assert!(timeline.more_after, "the end of what is loaded is not the end");
        assert_eq!(timeline.messages.len(), before, "nothing stands beyond a hole");
        while model.timelines[&chat].more_after {
            let last = model.timelines[&chat].messages.last().expect("a message").place;
            session.page(chat, PageAt::After(last)).await.expect("a page");
            hear(&mut updates, &mut model);
        }
        let read: Vec<_> = model.timelines[&chat].messages.iter().map(|m| m.key).collect();
        let own: Vec<_> = read.into_iter().filter(|key| sent.contains(key)).collect();
        assert!(own == sent, "{} of 250, in their order", own.len());

        // One that comes late is told wherever it stands.
        let first = MessageId(sent[0].0);
        let mut late = Changes::default();
        late.note(Event::Message { conversation, id: first, mine: true });
        let mut shown = Model::default();
        shown.timelines.insert(chat, Timeline::default());
        session.tell_changes(late).await;
        hear(&mut updates, &mut shown);
        assert_eq!(shown.timelines[&chat].messages.first().map(|m| m.key), Some(sent[0]));
        node.shutdown().await;
        cast.leave().await;
    });
}

#[test]
fn of_a_draft_that_is_too_long_the_beginning_is_kept() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let (cast, session, mut updates) = practice().await;
        let here = session.chats.iter().find(|(_, known)| known.conversation.is_some());
        let chat = *here.expect("a conversation").0;
        let long = "가".repeat(DRAFT_BYTES_MAX / 3 + 400);
        session.keep_draft(chat, long.clone(), None).await.expect("kept");
        session.tell_desk().await;
        let mut kept = Vec::new();
        while let Ok(update) = updates.try_recv() {
            kept.extend(if let Update::Drafts(drafts) = update { drafts } else { Vec::new() });
        }
        assert_eq!(kept.len(), 1);
        assert!(long.starts_with(&kept[0].text) && kept[0].text.len() > DRAFT_BYTES_MAX - 3);
        session.close().await;
        cast.leave().await;
    });
}
