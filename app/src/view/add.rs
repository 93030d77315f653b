//! Adding a contact: show an invite, or take one.

use egui::Ui;

use crate::{
    action::{Action, Command},
    i18n::T,
    model::{Model, Task, Wanted},
    route::Route,
    text,
    theme::{measure, space},
    widget::{Cx, button, page, qr},
};

use super::{chooser, welcome::NAME_CHARS_MAX};

/// How every invite begins.
const INVITE_HEAD: &str = "madang:";
/// Longest text that is taken as an invite.
const INVITE_CHARS_MAX: usize = 4096;

/// What the screen remembers.
#[derive(Default)]
pub(crate) struct Add {
    taking: bool,
    /// Something was typed into the invite's field since an invite was looked for.
    typed: bool,
    /// The name is what is wanted next.
    name_next: bool,
    text: String,
    name: String,
}

impl Add {
    /// Shows the side on which an invite is taken.
    pub(crate) fn start_taking(&mut self) {
        self.taking = true;
    }

    /// An invite is looked for from now on.
    pub(crate) fn wait(&mut self) {
        self.typed = false;
    }

    /// Puts an invite that was found into its field, unless something was typed there meanwhile. Says whether it did.
    pub(crate) fn take(&mut self, invite: &str) -> bool {
        self.taking = true;
        if self.typed && !self.text.trim().is_empty() {
            return false;
        }
        invite.clone_into(&mut self.text);
        self.name_next = true;
        true
    }

    /// Forgets what was typed; the contact is there now.
    pub(crate) fn clear(&mut self) {
        *self = Add::default();
    }
}

/// Draws the screen.
pub(crate) fn show(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Add) -> Option<Action> {
    page::show(ui, cx, cx.tr(T::AddTitle), Some(Route::Chats(None)), |ui| {
        ui.horizontal_wrapped(|ui| {
            if button::choice(ui, cx, cx.tr(T::ShowInvite), !state.taking).clicked() {
                state.taking = false;
            }
            if button::choice(ui, cx, cx.tr(T::TakeInvite), state.taking).clicked() {
                state.taking = true;
            }
        });
        ui.add_space(space::M);
        page::card(ui, cx, |ui| {
            // Its invites have ended, also one that was made before and is still known here.
            if model.me.called_back {
                page::warning(ui, cx, cx.tr(T::CalledBack));
                return None;
            }
            if state.taking { take(ui, cx, model, state) } else { give(ui, cx, model) }
        })
    })
}

fn give(ui: &mut Ui, cx: &Cx<'_>, model: &Model) -> Option<Action> {
    page::prose(ui, cx, cx.tr(T::InviteExplained));
    ui.add_space(space::S);
    if model.roads.relays.is_empty() {
        page::info(ui, cx, cx.tr(T::InviteNoRelay));
        ui.add_space(space::S);
    }
    let mut asked = None;
    if model.is_busy(Task::Invite) {
        page::working(ui, cx, T::MakingInvite);
        return None;
    }
    page::failure(ui, cx, model, Task::Invite);
    let Some(invite) = &model.invite else {
        return button::primary(ui, cx, T::MakeInvite, true).clicked().then_some(Action::Do(Command::Invite));
    };
    ui.vertical_centered(|ui| {
        qr::show(
            ui,
            &invite.to_uppercase_if_plain(),
            measure::QR.min(ui.available_width()),
            cx.tr(T::InviteQr),
        )
    });
    ui.add_space(space::S);
    button::letters(ui, cx, T::InviteText, &mut invite.as_str(), usize::MAX);
    ui.add_space(space::S);
    ui.horizontal_wrapped(|ui| {
        if button::primary(ui, cx, T::CopyInvite, true).clicked() {
            asked = Some(Action::CopyInvite(invite.clone()));
        }
        if button::quiet(ui, cx, T::NewInvite, true).clicked() {
            asked = Some(Action::Do(Command::Invite));
        }
    });
    if !model.roads.relays.is_empty() {
        ui.add_space(space::S);
        page::hint(ui, cx, cx.tr(T::WaitingExplained));
    }
    asked
}

/// Base32 in capitals takes a smaller QR picture; invites are read in either case.
trait UppercaseIfPlain {
    fn to_uppercase_if_plain(&self) -> String;
}

impl UppercaseIfPlain for String {
    fn to_uppercase_if_plain(&self) -> String {
        if self.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b':') {
            self.to_ascii_uppercase()
        } else {
            self.clone()
        }
    }
}

fn take(ui: &mut Ui, cx: &Cx<'_>, model: &Model, state: &mut Add) -> Option<Action> {
    let mut asked = chooser::landing(ui, cx, model, Wanted::Invite, T::TakeWays);
    ui.add_space(space::M);
    let field = button::letters(ui, cx, T::PasteInvite, &mut state.text, INVITE_CHARS_MAX);
    state.typed |= field.changed();
    ui.add_space(space::S);
    let name = button::field(ui, cx, T::TheirName, Some(T::TheirNameHint), &mut state.name, NAME_CHARS_MAX);
    // Asking for the focus that it has would cut the input method off.
    if std::mem::take(&mut state.name_next) && !name.has_focus() {
        name.request_focus();
    }
    let entered = name.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    ui.add_space(space::S);
    if model.is_busy(Task::Accept) {
        page::working(ui, cx, T::Accepting);
        return asked;
    }
    let invite: String = state.text.chars().filter(|c| !c.is_whitespace()).collect();
    let is_invite =
        invite.get(..INVITE_HEAD.len()).is_some_and(|head| head.eq_ignore_ascii_case(INVITE_HEAD));
    if !invite.is_empty() && !is_invite {
        page::warning(ui, cx, cx.tr(T::NotAnInvite));
        ui.add_space(space::S);
    }
    let named = !text::name(&state.name).is_empty();
    let ready = is_invite && named;
    let pressed = button::primary(ui, cx, T::AcceptInvite, ready).clicked() || (entered && ready);
    page::failure(ui, cx, model, Task::Accept);
    ui.add_space(space::S);
    page::hint(ui, cx, cx.tr(T::AddExplained));
    if pressed {
        asked = Some(Action::Do(Command::Accept { text: invite, name: text::typed(&state.name) }));
    }
    asked
}
